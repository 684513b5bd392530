"""Machines of families that were agreed on, pools with a limit, and no idle addresses."""

from __future__ import annotations

from plinth_policies.size import addresses, rules

__all__ = ["addresses", "rules"]
