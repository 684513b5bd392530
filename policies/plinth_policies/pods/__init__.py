"""How far pods are confined: the restricted Pod Security Standard, limits, probes, namespaces.

A resource with a pod template is judged in full.  Of Helm releases and custom resources only a part
is to be seen: what they may not loosen, and what some charts leave open unless told otherwise.
"""

from __future__ import annotations

from plinth_policies.pods import charts, hardening, namespaces, profile

__all__ = ["charts", "hardening", "namespaces", "profile"]
