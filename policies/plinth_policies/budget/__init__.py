"""A budget where money is spent, within what the spec names, of which somebody hears."""

from __future__ import annotations

from plinth_policies.budget import rules

__all__ = ["rules"]
