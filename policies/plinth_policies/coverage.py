"""Which types of resources are judged for what they hold and let in, and which need not be."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Final

from plinth_policies.model import REGISTRY, kind_of

#: Domains whose rules say that what a type holds and lets in was looked at.
DOMAINS: Final = ("encryption", "transit", "exposure")


@cache
def harmless() -> Mapping[str, str]:
    """Type tokens, or globs of them, that hold no data and let nobody in -> why that is so."""
    text = (files(__package__) / "harmless.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text).values()
    return {token: group["why"] for group in groups for token in group["types"]}


def is_judged(kind: str) -> bool:
    """Whether a rule on encryption or exposure judges resources of a type."""
    return any(rule.domain in DOMAINS and rule.judges_kind(kind) for rule in REGISTRY.rules)


def why_harmless(kind: str) -> str | None:
    """Why a type holds no data and lets nobody in; ``None`` when that is not said."""
    token = kind_of(kind)
    return next((why for glob, why in harmless().items() if fnmatchcase(token, glob)), None)


def without_verdict(kinds: Iterable[str]) -> list[str]:
    """Those types of which neither is said, sorted."""
    return sorted(
        {kind_of(kind) for kind in kinds if not is_judged(kind) and why_harmless(kind) is None}
    )
