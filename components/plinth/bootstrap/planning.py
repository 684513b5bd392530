"""The plan of an account: every resource, without engine or credentials, and what policies say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Final

from plinth import planning, registry
from plinth.bootstrap import parts
from plinth.bootstrap.order import SHARED, Order
from plinth.bootstrap.quotas import Limits, Need, needs
from plinth.errors import PolicyError, Problem
from plinth.graph import Graph

if TYPE_CHECKING:
    from plinth_policies import Report

#: Pulumi project of all accounts; part of every URN.
PROJECT: Final = "plinth-bootstrap"
#: How long logs are kept at least, in days (CIS benchmarks: a year).
_LOG_DAYS: Final = 365


def build(order: Order, limits: Limits | None = None) -> Callable[[], None]:
    """The Pulumi program of an account; ``limits`` are filled while it runs."""
    program = registry.bootstrap(order.cloud).program

    def run() -> None:
        import pulumi

        names = order.names
        pulumi.export("backend", names.backend_url)
        pulumi.export("secrets_provider", names.secrets_provider)
        if order.trust:
            pulumi.export("preview_identity", names.preview_identity)
            pulumi.export("deploy_identity", names.deploy_identity)
            # What a later run goes by that is not told whom to trust.
            pulumi.export("trust", order.trust.to_json())
        if order.without:
            # ... or what to do without.
            pulumi.export("without", list(order.without))
        for name, value in program(order, limits or Limits()).items():
            pulumi.export(name, value)

    return run


def graph_of(order: Order) -> Graph:
    """Records what would be made."""
    from plinth.recorder import record

    return record(
        build(order),
        project=PROJECT,
        environment=order.stack,
        cloud=order.cloud,
        region=order.region,
        account=order.account,
    )


def needs_of(order: Order) -> tuple[Need, ...]:
    """The quotas that the order's environments need."""
    graphs = [(each.environment, each.region, planning.graph_of(each)) for each in order.blueprints]
    return needs(order.cloud, graphs)


def judge(order: Order, graph: Graph) -> Report:
    """What the policies say of it: all of them, and none may be broken without a reason."""
    from plinth_policies import Enforcement, Parameters, Waiver, evaluate

    parameters = Parameters(
        platform=order.platform,
        environment=SHARED,
        owner=order.owner,
        cost_center=order.cost_center,
        allowed_regions=order.regions,
        monthly_budget=order.budget,
        log_retention_days=_LOG_DAYS,
        durable=True,
    )
    excuses = [
        *(
            (each.rule, each.resource, each.reason)
            for each in registry.bootstrap(order.cloud).excuses
        ),
        *((rule, "*", why) for rule, why in parts.waived(order.cloud, order.without or ()).items()),
    ]
    waivers = [
        Waiver(rule=rule, resource=resource, reason=why, owner=order.owner, expires=date.max)
        for rule, resource, why in excuses
    ]
    return evaluate(graph, Enforcement(level="mandatory", parameters=parameters, waivers=waivers))


def refuse_violations(order: Order) -> None:
    """Raises :class:`PolicyError` when what would be made breaks a policy."""
    problems = [
        Problem(code="policy-violation", message=f"{each.policy}: {each.message}", path=each.urn)
        for each in judge(order, graph_of(order)).blocking
    ]
    if problems:
        raise PolicyError(*problems)
