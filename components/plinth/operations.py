"""Operations on one environment through the engine: what the commands and CI call."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plinth import planning, program
from plinth.accounts import CLOUDS
from plinth.blueprint import Blueprint, advise
from plinth.changes import goals
from plinth.clouds import accounts
from plinth.combinations import account_names
from plinth.errors import EngineError, PlinthError, PolicyError, Problem, UsageError
from plinth.graph import Graph

if TYPE_CHECKING:
    from plinth.engine.changes import OnChange, Outcome
    from plinth.engine.settings import Settings
    from plinth.engine.workspace import PolicyPack, Stack
    from plinth.local.home import Home

PACK = "plinth-production"


class DataLossError(PlinthError):
    """An update would replace or delete something that keeps data, and nobody allowed it.

    Carries the preview that found it.
    """

    def __init__(self, *problems: Problem, outcome: Outcome) -> None:
        super().__init__(*problems)
        self.outcome = outcome


class ProtectedError(PlinthError):
    """Something to be deleted is protected, as all that keeps data is where it is durable."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment, ready to be operated on.

    Attributes:
        spec: The spec file.
        blueprint: The resolved environment.
        stack: The engine's stack.
        rehearse: Whether the clouds are simulated.
    """

    spec: Path
    blueprint: Blueprint
    stack: Stack
    rehearse: bool

    def graph(self) -> Graph:
        """Everything that the environment should consist of."""
        return planning.graph_of(self.blueprint, planning.project_of(self.spec))

    @property
    def resources(self) -> list[dict[str, Any]]:
        """What the state knows of, as in ``pulumi stack export``; empty when it is not up."""
        deployment = self.stack.export()["deployment"]
        found: list[dict[str, Any]] = deployment.get("resources") or []
        return found

    def preview(
        self,
        on_change: OnChange | None = None,
        *,
        allow_changes: bool = True,
        refresh: bool = False,
        graph: Graph | None = None,
    ) -> Outcome:
        """What ``up`` would do; with ``refresh``, once it has asked the clouds what is there.

        With the environment's ``graph``, changes say their goals, by which they can be approved.
        """
        goal = goals(graph) if graph else None
        with self._explained():
            return self.stack.preview(
                on_change, allow_changes=allow_changes, refresh=refresh, goal=goal
            )

    def up(
        self,
        on_change: OnChange | None = None,
        *,
        adopt: dict[str, str] | None = None,
        forget: Sequence[str] = (),
    ) -> Outcome:
        """Makes the environment what the spec says, and records the versions in force.

        Look at :meth:`preview` first, and at :func:`refuse_data_loss`; or, where nothing is up
        yet, at :func:`refuse_violations`.
        """
        with self._explained():
            outcome = self.stack.up(on_change, adopt=adopt, forget=forget)
        if not self.rehearse:
            lock = program.lock_file(self.spec.parent, self.blueprint.environment)
            pins = self.blueprint.pins.model_dump(mode="json", exclude_none=True)
            lock.write_text(json.dumps(pins, indent=2) + "\n", encoding="utf-8")
        return outcome

    def refresh(self, on_change: OnChange | None = None) -> Outcome:
        """Takes over into the state what has changed in the cloud."""
        with self._explained():
            return self.stack.refresh(on_change)

    def destroy(self, on_change: OnChange | None = None) -> Outcome:
        """Deletes everything, or nothing.

        Raises:
            ProtectedError: Something is protected. The engine would find that out on the way, when
                everything beside it is gone.
        """
        refuse_protected(self, self.resources)
        with self._explained():
            return self.stack.destroy(on_change)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Names the environment and its account where the engine can name neither."""
        try:
            yield
        except EngineError as error:
            raise accounts.explained(error, self.blueprint) from error

    @property
    def advice(self) -> tuple[str, ...]:
        """What should be said before the environment is changed."""
        settings, name = self.blueprint.settings, self.blueprint.environment
        told = tuple(each.in_full for each in advise(self.spec, {name: self.blueprint}))
        if not settings.durable or settings.account or not self.blueprint.cloud.any_account:
            return told
        return (
            f"{name} is durable and pinned to no account: whatever credentials are in hand are "
            f"used; add `account:` to {name} in {self.spec}",
            *told,
        )


def open_environment(
    spec: Path,
    environment: str,
    *,
    rehearse: bool,
    policies: bool = True,
    faults: Path | None = None,
) -> Environment:
    """Resolves an environment and opens its stack.

    Args:
        spec: The spec file.
        environment: Which environment of it.
        rehearse: Whether to use simulated clouds with a state of their own.
        policies: Whether the engine judges with the policy pack.
        faults: A plan of outages for the rehearsal, see :mod:`plinth.rehearsal.faults`.

    Raises:
        SpecError: When the spec has problems.
        EngineError: When there is no engine.
        UsageError: When outages are planned for a real cloud, or in a way that cannot be read; or
            a rehearsal is asked for of what runs on this machine anyway.
    """
    if faults is not None:
        from plinth.rehearsal import faults as outages

        outages.allow(faults, rehearse=rehearse)
    from plinth.engine.workspace import Stack

    blueprint = program.blueprint_of(spec, environment)
    refuse_rehearsal(blueprint, rehearse=rehearse)
    settings = settings_of(blueprint, spec, rehearse=rehearse)
    stack = Stack(
        settings,
        program.build(blueprint),
        stateful=blueprint.cloud.stateful,
        packages=blueprint.cloud.packages,
        policy_packs=[policy_pack(blueprint, settings.home / "policy")] if policies else (),
        faults=faults,
    )
    return Environment(spec=spec, blueprint=blueprint, stack=stack, rehearse=rehearse)


def refuse_rehearsal(blueprint: Blueprint, *, rehearse: bool) -> None:
    """Refuses to rehearse what runs on this machine anyway.

    Raises:
        UsageError: That was asked for.
    """
    if rehearse and blueprint.cloud.here:
        name = blueprint.environment
        raise UsageError(
            Problem(
                code="nothing-to-rehearse",
                message=f"there is nothing to rehearse of {name}: it runs on this machine",
                environment=name,
                fix=f"Run `plinth up {name}`; it costs nothing, and `plinth destroy {name}` takes "
                "it back.",
            )
        )


def home_of(blueprint: Blueprint, spec: Path) -> Home:
    """Where an environment keeps its things on this machine, and its supervisor is found.

    Raises:
        UsageError: Its services do not run on this machine.
    """
    from plinth.local import home

    if blueprint.cloud.home is None:
        name = blueprint.environment
        raise UsageError(
            Problem(
                code="not-on-this-machine",
                message=f"{name} is on {blueprint.cloud.title}, its services are not processes of "
                "this machine",
                environment=name,
                fix=f"Run `plinth outputs {name}` for its addresses.",
            )
        )
    return home.home_of(planning.root_of(spec), blueprint.cloud.home(blueprint))


def refuse_data_loss(environment: Environment, planned: Outcome) -> None:
    """Raises :class:`DataLossError` when a change that a preview found would lose data.

    One that the spec's ``approvals`` name is fine.
    """
    from plinth.review import approvals

    blueprint = environment.blueprint
    weighed = approvals.weigh(planned.changes, blueprint.settings.approvals)
    problems = [
        replace(problem, fix=f"{problem.fix} Or allow it this once with --allow-data-loss.")
        for problem in approvals.missing(
            planned.changes, weighed, spec=environment.spec, environment=blueprint.environment
        )
    ]
    if problems:
        raise DataLossError(*problems, outcome=planned)


def refuse_protected(environment: Environment, resources: Sequence[Mapping[str, Any]]) -> None:
    """Raises :class:`ProtectedError` when one of the state's resources is protected."""
    names = [
        f"{entry['urn'].rsplit('::', 1)[-1]} ({entry['type'].rsplit(':', 1)[-1]})"
        for entry in resources
        if entry.get("protect")
    ]
    if not names:
        return
    name = environment.blueprint.environment
    up = f"plinth up {name}{' --rehearse' if environment.rehearse else ''}"
    raise ProtectedError(
        Problem(
            code="protected",
            message=f"{name} is durable: {len(names)} of its resources are protected, nothing was "
            f"deleted: {', '.join(sorted(names))}",
            path="durable",
            environment=name,
            fix=f"If they really have to go, with all their data: set `durable: false` for {name} "
            f"in {environment.spec}, run `{up}`, then destroy again.",
        )
    )


def refuse_violations(environment: Environment) -> None:
    """Raises :class:`PolicyError` when the plan violates a mandatory policy.

    The engine judges as it goes, and some rules only at the end, when all has been made.
    """
    blueprint = environment.blueprint
    levels = {blueprint.settings.policies, *blueprint.settings.compliance.rules.values()}
    if not levels & {"mandatory", "remediate"}:
        return
    report = planning.judge(blueprint, environment.graph())
    problems = planning.policy_problems(report, blueprint.environment)
    if problems:
        raise PolicyError(*problems)


def settings_of(blueprint: Blueprint, spec: Path, *, rehearse: bool) -> Settings:
    """Which stack an environment is, and where its state is kept: as the spec says, or here."""
    from plinth.engine.settings import Settings, embedded_url

    settings = blueprint.settings
    state = None if blueprint.cloud.here else settings.state
    backend, secrets = (state.backend, state.secrets) if state else (None, None)
    home: str | None = None
    if settings.account and settings.cloud in CLOUDS:
        names = account_names(blueprint)
        if backend == "account":
            backend, secrets = names.backend_url, secrets or names.secrets_provider
        elif state is None:
            # Pipelines name the account's backend by PULUMI_BACKEND_URL.
            home, secrets = names.backend_url, names.secrets_provider
    found = Settings(
        root=planning.root_of(spec),
        environment=blueprint.environment,
        rehearse=rehearse,
        spec=spec,
        backend=backend,
        secrets=secrets,
        secrets_home=home,
    )
    if blueprint.cloud.here and not rehearse:
        # In a backend that is shared, the stacks of two people would be one.
        found = replace(found, state=embedded_url(found))
    return found


def policy_pack(blueprint: Blueprint, folder: Path) -> PolicyPack:
    """The policy pack for this environment's cloud, with its level, parameters and waivers.

    It is written to ``folder`` and names the running Python environment: the packs of a checkout
    name the checkout's.
    """
    from plinth.engine.workspace import PolicyPack
    from plinth_policies import Enforcement
    from plinth_policies.pack import config
    from plinth_policies.packs import PACKS

    pack = PACKS[PACK].judging(*blueprint.cloud.packages)
    enforcement = Enforcement.from_settings(blueprint.settings, blueprint.environment)
    path = pack.write(folder, sys.prefix)
    file = folder / f"{blueprint.environment}.json"
    file.write_text(json.dumps(config(enforcement, pack.rules), indent=2), encoding="utf-8")
    return PolicyPack(path=path, config=file)
