"""``bootstrap``: prepares an account, subscription or project for its first environment."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plinth.cli import output
from plinth.cli.common import DEFAULT_SPEC, find_spec, json_option
from plinth.cli.progress import working
from plinth.errors import Problem, UsageError

if TYPE_CHECKING:
    from plinth.bootstrap.landing import Landing
    from plinth.bootstrap.order import Order
    from plinth.bootstrap.trust import Trust
    from plinth.engine.changes import Outcome


@click.command()
@click.argument("cloud", metavar="CLOUD")
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The spec whose environments will live there.  [default: {DEFAULT_SPEC}, if any]",
)
@click.option("--account", metavar="ID", help="Account, subscription or project.")
@click.option("--region", metavar="NAME", help="Region that keeps the state.")
@click.option("--owner", metavar="EMAIL", help="Who is told of trouble.")
@click.option("--cost-center", metavar="TEXT", help="Who pays.")
@click.option("--budget", type=click.FloatRange(min=1), help="What it may cost a month.")
@click.option("--ci", metavar="NAME", help="CI to trust: github, gitlab or azure-devops.")
@click.option("--repository", metavar="ORG/REPO", help="The repository to trust.")
@click.option("--branch", default="main", show_default=True, help="Protected branch that deploys.")
@click.option(
    "--environment",
    "environments",
    multiple=True,
    help="CI environment that deploys.  [default: the spec's in the account]",
)
@click.option("--issuer", metavar="URL", help="Another issuer of tokens than the CI's usual one.")
@click.option("--preview-subject", multiple=True, help="Subject of previews, if not the usual.")
@click.option("--deploy-subject", multiple=True, help="Subject of deployments, likewise.")
@click.option("--print-only", is_flag=True, help="Print what an administrator runs by hand.")
@click.option("--adopt", is_flag=True, help="Take over what was made by hand with --print-only.")
@click.option(
    "--without",
    multiple=True,
    metavar="PART",
    help="Leave out what the organisation has already, such as trail or budget; or none.",
)
@click.option("--rehearse", is_flag=True, help="Use a simulated cloud and a state of its own.")
@click.option(
    "--faults",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --rehearse: a plan of outages (docs/rehearsal.md).",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def bootstrap(
    cloud: str,
    spec: Path | None,
    *,
    account: str | None,
    region: str | None,
    owner: str | None,
    cost_center: str | None,
    budget: float | None,
    ci: str | None,
    repository: str | None,
    branch: str,
    environments: tuple[str, ...],
    issuer: str | None,
    preview_subject: tuple[str, ...],
    deploy_subject: tuple[str, ...],
    print_only: bool,
    adopt: bool,
    without: tuple[str, ...],
    rehearse: bool,
    faults: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Prepare an account on CLOUD: aws, azure or gcp.

    Makes the backend for the state and its key, roles for CI, and guardrails. Shows what would
    change and asks; can be run again at any time.
    """
    from plinth.bootstrap.order import order_of
    from plinth.planning import root_of

    _known(cloud)
    found = spec or find_spec()
    order = order_of(
        cloud,
        found if spec or found.is_file() else None,
        account=account,
        region=region,
        owner=owner,
        cost_center=cost_center,
        budget=budget,
        adopt=adopt,
        without=without,
    )
    trust = _trust(
        ci,
        repository,
        branch=branch,
        # As `plinth ci github` calls the CI's own.
        environments=environments or tuple(each.environment for each in order.blueprints),
        issuer=issuer,
        preview=preview_subject,
        deploy=deploy_subject,
    )
    order = replace(order, trust=trust)
    if print_only:
        from plinth.bootstrap.script import script

        text = script(order)
        if as_json:
            output.emit({"script": text, "variables": _variables(order)})
        else:
            click.echo(text, nl=False)
        return
    _run(order, root_of(found), rehearse=rehearse, faults=faults, yes=yes, as_json=as_json)


def _run(
    order: Order, root: Path, *, rehearse: bool, faults: Path | None, yes: bool, as_json: bool
) -> None:
    from plinth.bootstrap.landing import Landing
    from plinth.bootstrap.planning import refuse_violations

    asking = not (yes or rehearse)
    if asking and (as_json or not sys.stdin.isatty()):
        raise UsageError(
            Problem(
                code="confirmation-needed",
                message="this changes a real account, and nobody is there to be asked",
                fix="Add --yes to go ahead without a question, or --rehearse to try it first.",
            )
        )
    landing = Landing(order, root, rehearse=rehearse, faults=faults)
    refuse_violations(landing.order)
    where = f"{order.account}{' in rehearsal' if rehearse else ''}"
    with working(f"Previewing {where}", quiet=as_json) as report:
        planned = landing.preview(report)
    if not as_json:
        _show(planned, done=False)
        _advise(landing)
    _refuse_data_loss(planned)
    if planned.changed and asking and not click.confirm(f"Change {order.account}?", err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(1)
    with working(f"Preparing {where}", quiet=as_json) as report:
        outcome = landing.up(report)
    if as_json:
        output.emit(
            {
                **outcome.to_json(),
                "moved": landing.moved,
                "quotas": [each.problem.to_json() for each in landing.shortages],
                "variables": _variables(landing.order, outcome),
            }
        )
        return
    _show(outcome, done=True)
    _tell_variables(landing.order, outcome)


def _refuse_data_loss(planned: Outcome) -> None:
    """What everything in the account rests on is never replaced or deleted from here."""
    from plinth.operations import DataLossError

    problems = [
        Problem(
            code="data-loss",
            message=f"this would {change.op} {change.name} ({change.type}), which keeps data",
            path=change.urn,
            fix="Run it again with the region, the account, the CI and the parts of before.",
        )
        for change in planned.changes
        if change.risk == "data-loss"
    ]
    if problems:
        raise DataLossError(*problems, outcome=planned)


def _variables(order: Order, outcome: Outcome | None = None) -> dict[str, str | None]:
    from plinth.bootstrap.variables import variables

    outputs = outcome.outputs if outcome else None
    return {each.name: each.value for each in variables(order, outputs)}


def _tell_variables(order: Order, outcome: Outcome) -> None:
    from plinth.cli import tables

    if found := _variables(order, outcome):
        tables.show(tables.outputs(found, title="variable to set in the CI"))


def _known(cloud: str) -> None:
    from plinth import registry
    from plinth.errors import unknown

    allowed = registry.bootstrap_names()
    if cloud not in allowed:
        message = f"no account can be prepared on '{cloud}'"
        raise UsageError(unknown("cloud", cloud, allowed, message=message))


def _trust(
    ci: str | None,
    repository: str | None,
    *,
    branch: str,
    environments: tuple[str, ...],
    issuer: str | None,
    preview: tuple[str, ...],
    deploy: tuple[str, ...],
) -> Trust | None:
    from plinth.bootstrap.trust import trust_of

    if ci is None and repository is None:
        return None
    if ci is None or repository is None:
        missing = "--ci" if ci is None else "--repository"
        raise UsageError(
            Problem(
                code="trust-incomplete",
                message=f"{missing} is missing: a CI is trusted for one repository of it",
                fix="Say both --ci and --repository, or neither.",
            )
        )
    return trust_of(
        ci,
        repository,
        branch=branch,
        environments=environments,
        issuer=issuer,
        preview=preview,
        deploy=deploy,
    )


def _show(outcome: Outcome, *, done: bool) -> None:
    from plinth.cli import tables

    changed = tables.felt(outcome.changed)
    if changed and not done:
        tables.show(tables.changes(changed))
    tables.show(f"{tables.summary(changed, done=done)} in {outcome.seconds:.0f} s")
    for diagnostic in outcome.diagnostics:
        if diagnostic.severity == "warning":
            tables.show(tables.warning(diagnostic.message))
    if done:
        hidden = ("trust", "without")
        shown = {name: value for name, value in outcome.outputs.items() if name not in hidden}
        tables.show(tables.outputs(shown))


def _advise(landing: Landing) -> None:
    from plinth.cli import tables

    for each in landing.shortages:
        tables.show(tables.warning(f"{each.problem.message}. {each.problem.fix}"))
    if landing.order.without:
        left_out = ", ".join(landing.order.without)
        tables.show(tables.warning(f"left out: {left_out}; --without none makes all"))
    if landing.order.trust is None:
        tables.show(tables.warning("no CI is trusted yet: add --ci and --repository"))
