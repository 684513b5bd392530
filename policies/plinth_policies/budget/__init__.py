"""Budgets: there is one, within what the environment may cost, and somebody hears of it."""

from __future__ import annotations

from plinth_policies.budget import rules

__all__ = ["rules"]
