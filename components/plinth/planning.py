"""The plan: what a spec would become, without engine, credentials or network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plinth import program
from plinth.blueprint import Blueprint
from plinth.graph import Graph, capability_of
from plinth.spec.models import CAPABILITIES

if TYPE_CHECKING:
    from plinth_policies import Report
    from plinth_policies.model import Violation

#: The parts of a platform, in building order.
PARTS = ("foundation", "services", *CAPABILITIES)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A blueprint, its graph, and what the policies say of it."""

    blueprint: Blueprint
    graph: Graph
    policy: Report

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What breaks a rule, waived or not."""
        return self.policy.violations

    @property
    def blocked(self) -> bool:
        """Whether a mandatory policy is violated and not waived."""
        return bool(self.policy.blocking)

    @property
    def counts(self) -> dict[str, int]:
        """Number of resources (components not counted) by part, in building order."""
        count = Counter(capability_of(r.urn) for r in self.graph if r.custom)
        return {part: count[part] for part in PARTS if count[part]}

    def to_json(self) -> dict[str, Any]:
        """The plan as the one object that ``plan --json`` prints."""
        return {
            "environment": self.graph.environment,
            "cloud": self.graph.cloud,
            "resources": [resource.to_json() for resource in self.graph],
            "policy": [violation.to_json() for violation in self.violations],
            "waivers": [excuse.to_json() for excuse in self.policy.excuses],
            "outputs": dict(self.graph.outputs),
        }


def root_of(spec: Path) -> Path:
    """The project's folder: the nearest one above the spec that has a ``Pulumi.yaml``."""
    folder = spec.absolute().parent
    return next(
        (found for found in (folder, *folder.parents) if (found / "Pulumi.yaml").is_file()),
        folder.parent,
    )


def project_of(spec: Path) -> str:
    """The Pulumi project that a spec belongs to; a plan does without one.

    Raises:
        UsageError: ``Pulumi.yaml`` is there and is not a project.
    """
    from plinth.engine.settings import load_project

    root = root_of(spec)
    if not (root / "Pulumi.yaml").is_file():
        return program.PROJECT
    return str(load_project(root)["name"])


def graph_of(blueprint: Blueprint, project: str = program.PROJECT) -> Graph:
    """Records the graph of a blueprint."""
    from plinth.recorder import record

    return record(
        program.build(blueprint),
        project=project,
        environment=blueprint.environment,
        cloud=blueprint.settings.cloud,
        region=blueprint.region,
        account=blueprint.settings.account or blueprint.cloud.any_account,
    )


def judge(blueprint: Blueprint, graph: Graph) -> Report:
    """What the policies say of a graph."""
    from plinth_policies import Enforcement, evaluate

    return evaluate(graph, Enforcement.from_settings(blueprint.settings, blueprint.environment))


def plan(spec: Path, environment: str, *, cloud: str | None = None) -> Plan:
    """Plans one environment of a spec file.

    Raises:
        SpecError: When the spec has problems.
    """
    blueprint = program.blueprint_of(spec, environment, cloud=cloud)
    graph = graph_of(blueprint, project_of(spec))
    return Plan(blueprint=blueprint, graph=graph, policy=judge(blueprint, graph))
