"""Driving the engine: preview, up, refresh, destroy, outputs and state of one stack.

The only user of the Automation API.  The program runs inline, in this process, so no language host
is needed; policy packs do need one, and get the stand-in where there is no official one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pulumi import RunError, automation
from pulumi.automation.errors import CommandError, StackAlreadyExistsError, StackNotFoundError

from plinth.changes import Goal
from plinth.engine import quiet, recovery
from plinth.engine.changes import ChangesFoundError, Collector, OnChange, Outcome
from plinth.engine.command import Command, NamedStack, Workspace
from plinth.engine.failures import failure
from plinth.engine.locate import Engine, locate
from plinth.engine.settings import (
    Settings,
    backend_directory,
    backend_url,
    load_project,
    run_variables,
    secrets_provider,
)
from plinth.errors import PlinthError

Program = Callable[[], Awaitable[None] | None]


def _nothing() -> None:
    """The program of operations that work from the state alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPack:
    """A policy pack's folder, and the JSON file that configures it, if any."""

    path: Path
    config: Path | None = None


class Stack:
    """One environment's stack.

    Args:
        settings: Which one.
        program: What it should consist of; left out, only state and outputs can be asked for.
        engine: The CLI; located when left out.
        stateful: Whether resources of a type keep data; decides the risk of a change.
        policy_packs: Checked on preview and up.
        packages: What a rehearsal simulates; everything it can when left out.
        faults: A plan of outages for the rehearsal, see :mod:`plinth.rehearsal.faults`.
        find: Finds what an interrupted creation left behind, see :func:`recovery.repair`; a
            rehearsal asks its own clouds.
        environment: Further variables for the CLI and its providers.
        patience: Seconds to wait for another run on the same stack.

    Raises:
        EngineError: There is no usable CLI. Every method raises it (or its kin ``PolicyError``)
            when the engine refuses or fails.
        UsageError: ``settings.root`` has no project.
    """

    def __init__(
        self,
        settings: Settings,
        program: Program = _nothing,
        *,
        engine: Engine | None = None,
        stateful: Callable[[str], bool] = lambda _type: False,
        policy_packs: Sequence[PolicyPack] = (),
        packages: Sequence[str] | None = None,
        faults: Path | None = None,
        find: recovery.Find | None = None,
        environment: Mapping[str, str] | None = None,
        patience: float = 10.0,
    ) -> None:
        self.settings = settings
        self.project = str(load_project(settings.root)["name"])
        self._program = self._heard(program)
        self._refusal: PlinthError | None = None
        self._engine = engine or locate()
        self._stateful = stateful
        self._packs = tuple(policy_packs)
        self._packages = packages
        self._faults = faults
        self._find = find
        self._extra = dict(environment or {})
        self._patience = patience
        self._cut_off = recovery.CutOff(settings.cut_off_file)
        quiet.install()

    def preview(
        self,
        on_change: OnChange | None = None,
        *,
        allow_changes: bool = True,
        targets: Sequence[str] = (),
        refresh: bool = False,
        goal: Goal | None = None,
    ) -> Outcome:
        """What ``up`` would do. Backend and configuration stay as they are.

        Args:
            on_change: Told of each step.
            allow_changes: Whether anything may change.
            targets: URNs to limit it to.
            refresh: Whether the cloud is asked first what is really there.
            goal: Tells what resources are to become, see :func:`plinth.changes.goals`.

        Raises:
            ChangesFoundError: Something would change and ``allow_changes`` is off.
        """
        packs, configs = self._pack_arguments()
        events = Collector(self._stateful, on_change, goal=goal)
        started = time.monotonic()
        with self._translated(events), ExitStack() as resources:
            clouds = self._clouds(resources)
            self._release()
            look = partial(
                NamedStack.preview,
                on_event=events,
                color="never",
                target=list(targets) or None,
                refresh=refresh or None,
                policy_packs=packs,
                policy_pack_configs=configs,
            )
            try:
                look(self._named(self.settings, clouds))
            except StackNotFoundError:
                if events.begun:
                    raise  # it is there; what was not found is another one
                look(self._thrown_away(clouds, resources))
        outcome = _outcome(events, {}, started)
        if not allow_changes and outcome.changed:
            raise ChangesFoundError(outcome)
        return outcome

    def up(
        self,
        on_change: OnChange | None = None,
        *,
        message: str | None = None,
        targets: Sequence[str] = (),
        adopt: Mapping[str, str] | None = None,
        forget: Collection[str] = (),
        parallel: int | None = None,
    ) -> Outcome:
        """Makes the cloud match the program; first settles what a crash has left behind.

        Args:
            on_change: Told of each step.
            message: Kept in the stack's history.
            targets: URNs to limit it to.
            adopt: URN to id of interrupted creations that are known to exist.
            forget: URNs of interrupted creations that are known not to exist.
            parallel: How many resources at a time; the engine's default when left out.
        """
        packs, configs = self._pack_arguments()
        with self._open(on_change) as (stack, events, started):
            self._recover(stack, adopt=adopt, forget=forget)
            try:
                result = stack.up(
                    on_event=events,
                    color="never",
                    message=message,
                    target=list(targets) or None,
                    parallel=parallel,
                    show_secrets=False,
                    policy_packs=packs,
                    policy_pack_configs=configs,
                )
            except CommandError:
                self._cut_off.note(events.cut_off())
                raise
        outputs = {name: output.value for name, output in result.outputs.items()}
        return _outcome(events, outputs, started)

    def refresh(
        self,
        on_change: OnChange | None = None,
        *,
        targets: Sequence[str] = (),
        adopt: Mapping[str, str] | None = None,
        forget: Collection[str] = (),
    ) -> Outcome:
        """Takes over into the state what has changed in the cloud."""
        with self._open(on_change, refreshing=True) as (stack, events, started):
            self._recover(stack, adopt=adopt, forget=forget)
            stack.refresh(
                on_event=events, color="never", target=list(targets) or None, show_secrets=False
            )
        return _outcome(events, {}, started)

    def destroy(
        self,
        on_change: OnChange | None = None,
        *,
        targets: Sequence[str] = (),
        adopt: Mapping[str, str] | None = None,
        forget: Collection[str] = (),
        remove: bool = False,
    ) -> Outcome:
        """Deletes everything in the stack, and with ``remove`` the stack and its history too.

        The stack's configuration file stays: it is the project's, not the engine's.
        """
        with self._open(on_change) as (stack, events, started):
            self._recover(stack, adopt=adopt, forget=forget)
            stack.destroy(
                on_event=events,
                color="never",
                target=list(targets) or None,
                show_secrets=False,
            )
            if remove:
                stack.workspace.remove_stack(stack.name, preserve_config=True)
        return _outcome(events, {}, started)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secret ones as :data:`plinth.graph.SECRET` unless asked for.

        Empty for a stack that does not exist yet.
        """
        name = self.settings.environment
        found = self._ask(lambda workspace: workspace.outputs(name, show_secrets=show_secrets))
        return found or {}

    def export(self) -> dict[str, Any]:
        """The state as ``pulumi stack export`` gives it, secrets encrypted.

        A stack that does not exist yet has an empty deployment.
        """
        name = self.settings.environment
        found = self._ask(lambda workspace: _plain(workspace.export_stack(name)))
        return found or _EMPTY

    def take(self, export: Mapping[str, Any]) -> None:
        """Takes over a whole state, as :meth:`export` gave it, in place of what is known.

        Its secrets stay as they are encrypted until the next :meth:`up`, which uses this stack's
        own way; until then both ways have to be open.
        """
        with self._open(None) as (stack, _events, _started):
            _state(stack)
            stack.import_stack(automation.Deployment(**export))

    @contextmanager
    def _open(
        self, on_change: OnChange | None, *, refreshing: bool = False
    ) -> Iterator[tuple[NamedStack, Collector, float]]:
        """A stack to be worked on, once :func:`_state` has seen to it that it is there."""
        events = Collector(self._stateful, on_change, refreshing=refreshing)
        started = time.monotonic()
        with self._translated(events), ExitStack() as resources:
            stack = self._named(self.settings, self._clouds(resources))
            self._release()
            yield stack, events, started

    def _ask(self, question: Callable[[Workspace], dict[str, Any]]) -> dict[str, Any] | None:
        """What the state answers; ``None`` where there is no stack."""
        with self._translated(Collector(self._stateful)):
            # Nothing is asked of any cloud here, so none is simulated.
            workspace = self._workspace(self.settings, {})
            try:
                return question(workspace)
            except StackNotFoundError:
                return None

    @contextmanager
    def _translated(self, events: Collector) -> Iterator[None]:
        self._refusal = None
        started = time.monotonic()
        try:
            yield
        except CommandError as error:
            raised = self._refusal or failure(error, events)
            raised.outcome = _outcome(events, {}, started)
            raise raised from error

    def _heard(self, program: Program) -> Program:
        """The program, with what it refuses by itself kept: the engine would hand on text alone."""

        def heard() -> Awaitable[None] | None:
            try:
                return program()
            except PlinthError as error:
                self._refusal = error
                raise RunError(str(error)) from error

        return heard

    def _named(self, settings: Settings, clouds: Mapping[str, str]) -> NamedStack:
        return NamedStack(settings.environment, self._workspace(settings, clouds))

    def _thrown_away(self, clouds: Mapping[str, str], resources: ExitStack) -> NamedStack:
        """Stands in for a stack that is not there yet: who may only read could not make it."""
        folder = resources.enter_context(TemporaryDirectory(prefix="plinth-preview-"))
        stack = self._named(self.settings.thrown_away(Path(folder)), clouds)
        stack.workspace.create_stack(stack.name)
        return stack

    def _workspace(self, settings: Settings, clouds: Mapping[str, str]) -> Workspace:
        return Workspace(
            work_dir=str(settings.project_directory),
            program=self._program,
            env_vars={**run_variables(settings, self._engine), **self._extra, **clouds},
            secrets_provider=secrets_provider(settings),
            pulumi_command=Command(self._engine, os.environ),
        )

    def _clouds(self, resources: ExitStack) -> Mapping[str, str]:
        """Starts the simulated clouds of a rehearsal; the variables that attach them."""
        return resources.enter_context(self._attached()) if self.settings.rehearse else {}

    def _attached(self) -> AbstractContextManager[dict[str, str]]:
        from plinth.rehearsal import launch, packages

        names = packages.NAMES if self._packages is None else self._packages
        return launch.attached(self.settings.cloud, names, faults=self._faults)

    def _finder(self) -> recovery.Find | None:
        if self._find is not None or not self.settings.rehearse:
            return self._find
        from plinth.rehearsal import launch

        return lambda urn, _type: launch.find(self.settings.cloud, urn)

    def _release(self) -> None:
        directory = backend_directory(backend_url(self.settings), self.settings.root)
        if directory is not None:
            recovery.release(
                directory, self.project, self.settings.environment, patience=self._patience
            )

    def _recover(
        self,
        stack: NamedStack,
        *,
        adopt: Mapping[str, str] | None,
        forget: Collection[str],
    ) -> None:
        state = self._cut_off.added_to(_state(stack))
        repair = recovery.repair(state, find=self._finder(), adopt=adopt, forget=forget)
        if repair is None:
            return
        stack.import_stack(automation.Deployment(**repair.export))
        self._cut_off.clear()
        if repair.adopted:
            # Their outputs are known to the cloud alone.
            stack.refresh(target=list(repair.adopted), color="never", show_secrets=False)

    def _pack_arguments(self) -> tuple[list[str], list[str]]:
        """Packs and their configuration files: as many of these, or none, as the CLI wants."""
        packs = [str(pack.path.absolute()) for pack in self._packs]
        if not any(pack.config for pack in self._packs):
            return packs, []
        default = self.settings.home / "no-policy-config.json"
        default.parent.mkdir(parents=True, exist_ok=True)
        default.write_text("{}\n", encoding="utf-8")
        return packs, [str((pack.config or default).absolute()) for pack in self._packs]


_EMPTY: Final[dict[str, Any]] = {"version": 3, "deployment": {"resources": []}}


def _state(stack: NamedStack) -> dict[str, Any]:
    """The state of a stack, which is made on first use."""
    try:
        return _plain(stack.export_stack())
    except StackNotFoundError:
        with suppress(StackAlreadyExistsError):  # another run was faster
            stack.workspace.create_stack(stack.name)
        return _plain(stack.export_stack())


def _plain(state: automation.Deployment) -> dict[str, Any]:
    return {"version": state.version, "deployment": state.deployment}


def _outcome(events: Collector, outputs: Mapping[str, Any], started: float) -> Outcome:
    return events.outcome(outputs=outputs, seconds=time.monotonic() - started)
