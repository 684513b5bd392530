"""Sizes: machines of families that were agreed on, in pools with a limit, and nothing idle."""

from __future__ import annotations

from plinth_policies.size import addresses, rules

__all__ = ["addresses", "rules"]
