"""Plinth's policies: rules on plain data, run offline on a graph or inside the engine.

Importing this package registers every rule.  :mod:`plinth_policies.pack`, which needs Pulumi,
is loaded on its own.
"""

from __future__ import annotations

from plinth_policies import (
    audit,
    backup,
    budget,
    encryption,
    exposure,
    images,
    pods,
    privilege,
    residency,
    size,
    tags,
    transit,
)
from plinth_policies.check import Report, evaluate
from plinth_policies.enforcement import Enforcement
from plinth_policies.model import REGISTRY, Level, Rule, Scope, Violation, Waiver
from plinth_policies.parameters import Parameters

__all__ = [
    "REGISTRY",
    "Enforcement",
    "Level",
    "Parameters",
    "Report",
    "Rule",
    "Scope",
    "Violation",
    "Waiver",
    "audit",
    "backup",
    "budget",
    "encryption",
    "evaluate",
    "exposure",
    "images",
    "pods",
    "privilege",
    "residency",
    "size",
    "tags",
    "transit",
]
