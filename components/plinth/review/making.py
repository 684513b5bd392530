"""Makes reviews: through the engine, or from two versions of the spec without credentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plinth import planning
from plinth.blueprint import Blueprint, advise
from plinth.changes import QUIET, Change, Diagnostic, digest
from plinth.errors import PlinthError, PolicyError, Problem
from plinth.graph import Graph
from plinth.review import approvals, comparing, revisions
from plinth.review.model import Approvals, Policy, Review
from plinth_policies.reporting.findings import names_by_type

if TYPE_CHECKING:
    from plinth.engine.changes import OnChange
    from plinth.operations import Environment
    from plinth_policies import Report


def through_engine(
    opened: Environment,
    on_change: OnChange | None = None,
    *,
    refresh: bool = False,
    base: str | None = None,
) -> Review:
    """What the engine would change in an environment, as far as it got.

    Args:
        opened: The environment.
        on_change: Told of each step.
        refresh: Whether the clouds are asked first what is really there.
        base: The commit that the change is against, to be noted.

    Raises:
        EngineError: The engine could not even begin.
    """
    blueprint = opened.blueprint
    made = planning.planned(blueprint, planning.project_of(opened.spec))
    stopped: tuple[Problem, ...] = ()
    try:
        outcome = opened.preview(on_change, refresh=refresh, graph=made.graph)
    except PlinthError as error:
        if error.outcome is None:
            raise
        outcome = error.outcome
        # The plan's own words on policies have a fix; the engine's stand in where it is silent.
        stopped = () if isinstance(error, PolicyError) and made.blocked else _told(error, opened)
    errors = {problem.message for problem in stopped}
    return _review(
        blueprint,
        opened.spec,
        tuple(change for change in outcome.changes if change.op not in QUIET or change.drift),
        made.policy,
        stopped=stopped,
        diagnostics=(
            *(
                each
                for each in outcome.diagnostics
                if each.severity != "error" and each.message not in errors
            ),
            *_advised(opened.spec, blueprint),
        ),
        base=base,
    )


def offline(spec: Path, environment: str, base: str | None = None) -> Review:
    """What a change of the spec would do to an environment, as far as the spec can tell.

    The state is not asked, nor the clouds: what is compared is what the base would make with what
    the working tree would make, both by this version of Plinth.

    Args:
        spec: The spec file.
        environment: Which environment of it.
        base: The revision to compare with. Default: the remote's main branch.

    Raises:
        SpecError: One of the two has problems.
        UsageError: The base cannot be read.
    """
    now = revisions.working(spec)
    name = base or revisions.default_base(spec)
    before = revisions.at(spec, name, branched=True)
    said = []
    if environment not in now.environments and environment in before.environments:
        return _gone(spec, environment, before)
    made = now.plan(environment)
    blueprint, graph = made.blueprint, made.graph
    if environment in before.environments:
        old = before.plan(environment)
        past = old.graph
        stateful = comparing.stateful_on(old.blueprint.cloud, blueprint.cloud)
        found = comparing.compare(past, graph, stateful)
    else:
        said.append(f"{environment} is new: {name} has no such environment")
        past = replace(graph, resources=())
        found = comparing.compare(past, graph, blueprint.cloud.stateful)
    return _review(
        blueprint,
        spec,
        found,
        made.policy,
        stopped=tuple(_guarded(past, found, environment)),
        diagnostics=(
            *(Diagnostic(severity="info", message=text) for text in said),
            *_advised(spec, blueprint),
        ),
        base=before.commit,
        is_offline=True,
    )


def _told(error: PlinthError, opened: Environment) -> tuple[Problem, ...]:
    """What stopped the engine; that things are protected is one problem, not one for each."""
    urns = [each.path for each in error.problems if each.code == "resource-protected" and each.path]
    if not urns:
        return error.problems
    # The CLI closes by saying that it failed, which is no cause.
    closing = "preview failed"
    others = [e for e in error.problems if e.path not in urns and e.message != closing]
    return (*others, *_protected(urns, opened.blueprint.environment))


def _guarded(old: Graph, changes: Sequence[Change], environment: str) -> list[Problem]:
    """What the engine would refuse because it is protected."""
    urns = [change.urn for change in changes if change.op in {"replace", "delete"}]
    return _protected([urn for urn in urns if old.by_urn[urn].protect], environment)


def _protected(urns: Sequence[str], environment: str) -> list[Problem]:
    if not urns:
        return []
    found = names_by_type(sorted(urns))
    names = [f"{name} ({kind})" for kind, listed in found.items() for name in listed]
    return [
        Problem(
            code="protected",
            message=f"{environment} is durable, and the engine refuses to replace or delete "
            f"{', '.join(sorted(names))}",
            path="durable",
            environment=environment,
            fix=f"If it really has to be: set `durable: false` for {environment} first, and bring "
            "that up.",
        )
    ]


def _gone(spec: Path, environment: str, before: revisions.Version) -> Review:
    """An environment that the spec no longer has: nothing is asked for any more."""
    made = before.plan(environment)
    count = sum(made.counts.values())
    message = (
        f"{environment} is no longer in the spec. Its {count} resources stay as they are until "
        f"`plinth destroy {environment}` is run with the spec of {before.label}"
    )
    return _review(
        made.blueprint,
        spec,
        (),
        made.policy,
        diagnostics=(Diagnostic(severity="warning", message=message),),
        base=before.commit,
        is_offline=True,
    )


def _review(
    blueprint: Blueprint,
    spec: Path,
    changes: tuple[Change, ...],
    report: Report,
    *,
    stopped: tuple[Problem, ...] = (),
    diagnostics: tuple[Diagnostic, ...] = (),
    base: str | None = None,
    is_offline: bool = False,
) -> Review:
    settings, environment = blueprint.settings, blueprint.environment
    weighed = approvals.weigh(changes, settings.approvals)
    blockers = (
        *planning.policy_problems(report, environment),
        *approvals.missing(changes, weighed, spec=spec, environment=environment),
        *stopped,
    )
    return Review(
        platform=settings.name,
        environment=environment,
        cloud=settings.cloud,
        region=settings.region,
        account=settings.account,
        source="offline" if is_offline else "engine",
        base=base,
        head=revisions.head(spec),
        changes=changes,
        policy=Policy(
            level=settings.policies,
            violations=tuple(each.to_json() for each in report.violations),
            waivers=tuple(each.to_json() for each in report.excuses),
        ),
        approvals=weighed,
        blockers=blockers,
        diagnostics=(*diagnostics, *_noticed(weighed, environment)),
        digest=digest(changes),
    )


def _advised(spec: Path, blueprint: Blueprint) -> list[Diagnostic]:
    """What is probably not meant, as `plinth validate` says it."""
    found = advise(spec, {blueprint.environment: blueprint})
    return [Diagnostic(severity="warning", message=each.in_full) for each in found]


def _noticed(weighed: Approvals, environment: str) -> list[Diagnostic]:
    """Approvals that do nothing, which somebody should take out."""
    told = (
        *((each, f"expired on {each.expires}") for each in weighed.expired),
        *((each, "is not needed") for each in weighed.unused),
    )
    return [
        Diagnostic(
            severity="warning",
            message=f"the approval to {each.change} {each.resource} in {environment} {state}",
        )
        for each, state in told
    ]
