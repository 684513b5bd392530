"""The audit of a plan: what the reports of policies are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from plinth.planning import Plan, enforcement_of, root_of
from plinth.spec import overlay
from plinth.spec.document import load

if TYPE_CHECKING:
    from plinth_policies.model import Rule
    from plinth_policies.reporting.audit import Audit


def audit_of(
    plan: Plan, spec: Path, *, state: Path | None = None, rules: Sequence[Rule] | None = None
) -> Audit:
    """Gathers the audit of a plan, as of today.

    Args:
        plan: The plan, or the state judged in its place.
        spec: The spec file that it was made from.
        state: The state file, when it was read from one.
        rules: The rules that judged. Default: all.
    """
    from plinth_policies import REGISTRY
    from plinth_policies.reporting.audit import Subject, audit

    settings = plan.blueprint.settings
    environment = plan.blueprint.environment
    document = load(spec)
    layered = overlay.resolve(document, environment)
    places = {
        waiver: layered.locate(("compliance", "waivers", index)).line
        for index, waiver in enumerate(enforcement_of(plan.blueprint).waivers)
    }
    subject = Subject(
        platform=settings.name,
        environment=environment,
        cloud=settings.cloud,
        region=settings.region or "",
        spec=_in_repository(spec),
        line=document.locate((overlay.ENVIRONMENTS, environment), key=True).line,
        source=state.name if state else "plan",
        level=settings.policies,
        version=version("plinth"),
        date=date.today().isoformat(),
    )
    chosen = REGISTRY.rules if rules is None else rules
    enforcement = enforcement_of(plan.blueprint, rules, found=state is not None)
    return audit(plan.policy, enforcement, subject, chosen, places)


def _in_repository(file: Path) -> str:
    """The path as code scanning knows the file: from the top of the repository."""
    whole = file.resolve()
    top = next((each for each in whole.parents if (each / ".git").exists()), root_of(whole))
    return whole.relative_to(top).as_posix()
