"""Operations on one environment through the engine: what the commands and CI call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plinth import planning, program
from plinth.blueprint import Blueprint
from plinth.errors import PlinthError, Problem
from plinth.render import data_folder

if TYPE_CHECKING:
    from plinth.engine.changes import Change, OnChange, Outcome
    from plinth.engine.workspace import PolicyPack, Stack

PACK = "plinth-baseline"


class DataLossError(PlinthError):
    """An update would replace or delete something that keeps data, and nobody allowed it."""


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

    def preview(self, on_change: OnChange | None = None, *, allow_changes: bool = True) -> Outcome:
        """What ``up`` would do."""
        return self.stack.preview(on_change, allow_changes=allow_changes)

    def up(
        self,
        on_change: OnChange | None = None,
        *,
        adopt: dict[str, str] | None = None,
        forget: Sequence[str] = (),
    ) -> Outcome:
        """Makes the environment what the spec says, and records the versions in force.

        Look at :meth:`preview` first, and at :func:`refuse_data_loss`.
        """
        outcome = self.stack.up(on_change, adopt=adopt, forget=forget)
        if not self.rehearse:
            lock = program.lock_file(self.spec.parent, self.blueprint.environment)
            pins = self.blueprint.pins.model_dump(mode="json", exclude_none=True)
            lock.write_text(json.dumps(pins, indent=2) + "\n", encoding="utf-8")
        return outcome


def open_environment(
    spec: Path, environment: str, *, rehearse: bool, policies: bool = True
) -> Environment:
    """Resolves an environment and opens its stack.

    Args:
        spec: The spec file.
        environment: Which environment of it.
        rehearse: Whether to use simulated clouds with a state of their own.
        policies: Whether the engine judges with the policy pack.

    Raises:
        SpecError: When the spec has problems.
        EngineError: When there is no engine.
    """
    from plinth.engine.settings import Settings
    from plinth.engine.workspace import Stack

    blueprint = planning.blueprint_of(spec, environment)
    settings = Settings(
        root=planning.root_of(spec), environment=environment, rehearse=rehearse, spec=spec
    )
    stack = Stack(
        settings,
        program.build(blueprint),
        stateful=blueprint.cloud.stateful,
        packages=blueprint.cloud.packages,
        policy_packs=[_pack(blueprint, settings.home / "policy")] if policies else (),
    )
    return Environment(spec=spec, blueprint=blueprint, stack=stack, rehearse=rehearse)


def refuse_data_loss(changes: Sequence[Change]) -> None:
    """Raises :class:`DataLossError` when a change would lose data."""
    risky = [change for change in changes if change.risk == "data-loss"]
    if risky:
        raise DataLossError(
            *(
                Problem(
                    code="data-loss",
                    message=f"{change.op} of {change.name} ({change.type}) would lose its data"
                    + (f": {change.reason}" if change.reason else ""),
                    fix="Undo the change in the spec, or allow it with --allow-data-loss.",
                )
                for change in risky
            )
        )


def _pack(blueprint: Blueprint, folder: Path) -> PolicyPack:
    """The policy pack with this environment's level and parameters."""
    from plinth.engine.workspace import PolicyPack
    from plinth_policies.pack import config
    from plinth_policies.parameters import Parameters

    settings = blueprint.settings
    parameters = Parameters.from_settings(settings, blueprint.environment)
    content: Any = config(settings.policies, parameters)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{blueprint.environment}.json"
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return PolicyPack(path=data_folder("policies/packs") / PACK, config=file)
