"""The plan: what a spec would become, without engine, credentials or network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plinth import program
from plinth.blueprint import Blueprint
from plinth.errors import Problem
from plinth.graph import Graph, capability_of
from plinth.spec.models import CAPABILITIES

if TYPE_CHECKING:
    from plinth_policies import Enforcement, Report
    from plinth_policies.model import Rule, Violation

#: The parts of a platform, in building order.
PARTS = ("foundation", "services", *CAPABILITIES)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A blueprint, its graph as rules have mended it, and what the policies say of it."""

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


def enforcement_of(
    blueprint: Blueprint, rules: Sequence[Rule] | None = None, *, found: bool = False
) -> Enforcement:
    """How the policies, or some rules, are applied to a blueprint, or to what was found of it."""
    from plinth_policies import Enforcement

    made = Enforcement.from_settings(blueprint.settings, blueprint.environment)
    if rules is not None:
        made = made.only(rules)
    return made.as_found() if found else made


def planned(blueprint: Blueprint, project: str = program.PROJECT) -> Plan:
    """Plans a blueprint, and judges it."""
    report = judge(blueprint, graph_of(blueprint, project))
    return Plan(blueprint=blueprint, graph=report.graph, policy=report)


def judge(blueprint: Blueprint, graph: Graph) -> Report:
    """What the policies say of a graph."""
    from plinth_policies import evaluate

    return evaluate(graph, enforcement_of(blueprint))


def policy_problems(report: Report, environment: str) -> list[Problem]:
    """The violations that stop an operation, as problems."""
    return [
        Problem(
            code="policy-violation",
            message=f"{found.policy}: {found.what}",
            path=found.urn or None,
            environment=environment,
            fix=f"{found.fix[:1].upper()}{found.fix[1:]}.",
        )
        for found in report.blocking
    ]


def plan(
    spec: Path,
    environment: str,
    *,
    cloud: str | None = None,
    state: Path | None = None,
    rules: Sequence[Rule] | None = None,
) -> Plan:
    """Plans one environment of a spec file, and judges it.

    Args:
        spec: The spec file.
        environment: Which environment of it.
        cloud: Another cloud than the spec's.
        state: Where the resources are read from instead: a stack's state or export.
        rules: The rules to judge by. Default: all.

    Raises:
        SpecError: When the spec has problems.
        UsageError: When the state cannot be used.
    """
    from plinth.state import read
    from plinth_policies import evaluate

    blueprint = program.blueprint_of(spec, environment, cloud=cloud)
    graph = (
        read(state, environment=environment, cloud=blueprint.settings.cloud)
        if state
        else graph_of(blueprint, project_of(spec))
    )
    enforcement = enforcement_of(blueprint, rules, found=state is not None)
    report = evaluate(graph, enforcement, rules=rules)
    return Plan(blueprint=blueprint, graph=report.graph, policy=report)
