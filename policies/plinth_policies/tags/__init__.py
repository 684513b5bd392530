"""Tags and labels: who owns a resource, what it is for and who pays.

A provider may add default ones; they count as the resource's own.  Which types take none is a list
made from each SDK, so that a type nobody has heard of is asked for its tags.
"""

from __future__ import annotations

from plinth_policies.tags import rules

__all__ = ["rules"]
