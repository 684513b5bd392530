"""What was looked at on this machine, and whether it is as it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``needed`` for what, in words."""

    name: str
    ok: bool
    detail: str
    needed: str
    fix: str | None = None
