"""Preparing an account through the engine: at home first, then in the backend that this makes.

The first state is kept in local files, as there is no backend yet.  Once everything is made, the
state is taken over into the backend, looked at once more there, and the local copy is marked as
moved.  Each step can be repeated, and none trusts that the one before has ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from plinth import registry
from plinth.bootstrap import parts
from plinth.bootstrap.order import Order
from plinth.bootstrap.planning import PROJECT, build, needs_of
from plinth.bootstrap.quotas import Limits, Shortage, compare
from plinth.bootstrap.trust import Trust
from plinth.engine.settings import Settings, embedded_url, files_url
from plinth.engine.workspace import Stack
from plinth.errors import EngineError, Problem

if TYPE_CHECKING:
    from plinth.engine.changes import OnChange, Outcome

#: Clouds whose provider is always made explicitly, with its account and region.
_EXPLICIT: Final = ["aws", "azure-native", "gcp"]
#: Kinds of trouble that a backend gives which is not there yet.
_ABSENT: Final = ("backend-unreachable", "credentials-missing", "secrets-key-unusable")


class Landing:
    """One account, ready to be worked on.

    Args:
        order: What is to be made.
        root: The project's folder; files go to ``.plinth/bootstrap`` below it.
        rehearse: Whether the cloud is simulated.
        faults: A plan of outages for the rehearsal, see :mod:`plinth.rehearsal.faults`.

    Raises:
        EngineError: There is no engine.
        UsageError: Outages are planned for a real cloud, or in a way that cannot be read.
    """

    def __init__(
        self, order: Order, root: Path, *, rehearse: bool = False, faults: Path | None = None
    ) -> None:
        if faults is not None:
            from plinth.rehearsal import faults as outages

            outages.allow(faults, rehearse=rehearse)
        self.rehearse = rehearse
        self.limits = Limits()
        self.folder = root / ".plinth" / "bootstrap" / order.stack
        self._faults = faults
        self._first, self._last = self._places(order)
        _write_project(self.folder)
        self.order = self._remembered(order)

    @property
    def moved(self) -> bool:
        """Whether the state is in the backend for good."""
        return self._mark.is_file()

    @property
    def _mark(self) -> Path:
        kind = "rehearsed" if self.rehearse else "moved"
        return self.folder / f"{kind}.json"

    def preview(self, on_change: OnChange | None = None) -> Outcome:
        """What :meth:`up` would do."""
        if not self.limits.needs:
            self.limits.needs = needs_of(self.order)
        with self._explained():
            return self._stack(self._place, limits=self.limits).preview(on_change)

    @property
    def shortages(self) -> tuple[Shortage, ...]:
        """Quotas that are too small or cannot be read, after :meth:`preview`."""
        limits = self.limits
        return compare(self.order.cloud, limits.needs, limits.found, self.order.account)

    def up(self, on_change: OnChange | None = None) -> Outcome:
        """Makes the account what the order says, and brings the state where it belongs."""
        place = self._place
        with self._explained():
            outcome = self._stack(place).up(on_change)
        if not self.moved:
            self.move(already=place == self._last)
        return outcome

    def move(self, *, already: bool = False) -> None:
        """Takes the state over into the backend that was made; does nothing a second time.

        Args:
            already: Whether it is there, and only this machine does not know.

        Raises:
            EngineError: It is not the same there; nothing is lost, since the local copy stays.
        """
        if self.moved:
            return
        last = self._stack(self._last, moving=True)
        if not already:
            first = self._stack(self._first)
            if self.rehearse:
                # Stands for the bucket, which only the simulated cloud has.
                self._rehearsed_backend.mkdir(parents=True, exist_ok=True)
            state = first.export()
            last.take(state)
            # Nothing to change, but from now on the state is under the account's own key.
            last.up()
            _compare(state, last.export())
        last.preview(allow_changes=False)
        mark = {
            "to": self._last.state,
            "secrets_provider": self._last.secrets,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._mark.write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")

    @property
    def _place(self) -> Settings:
        """Where the state is: marked as moved, at home, or moved by somebody else."""
        if self.moved:
            return self._last
        if _resources(Stack(self._first)):
            return self._first
        try:
            there = _resources(Stack(self._last))
        except EngineError as error:
            if not {problem.code for problem in error.problems} <= set(_ABSENT):
                raise
            there = []
        return self._last if there else self._first

    def _places(self, order: Order) -> tuple[Settings, Settings]:
        settings = Settings(root=self.folder, environment=order.stack, rehearse=self.rehearse)
        self._rehearsed_backend = settings.rehearsal / "backend"
        if self.rehearse:
            return settings, replace(settings, state=files_url(self._rehearsed_backend))
        names = order.names
        return (
            replace(settings, state=embedded_url(settings)),
            replace(settings, state=names.backend_url, secrets=names.secrets_provider),
        )

    def _remembered(self, order: Order) -> Order:
        """The order with what only an earlier run was told: whom to trust, what to do without."""
        if order.trust and order.without is not None:
            return order
        known = Stack(self._place).outputs()
        trust = known.get("trust")
        return replace(
            order,
            trust=order.trust or (Trust.from_json(trust) if isinstance(trust, Mapping) else None),
            without=tuple(known.get("without") or ()) if order.without is None else order.without,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Names the option that does without what the cloud refuses."""
        try:
            yield
        except EngineError as error:
            order = self.order
            raise parts.explained(error, order.cloud, order.account) from error

    def _stack(
        self, settings: Settings, *, moving: bool = False, limits: Limits | None = None
    ) -> Stack:
        cloud = registry.cloud(self.order.cloud)
        variables = {}
        if moving and not self.rehearse and (file := settings.home / "passphrase").is_file():
            # What the local state is encrypted with, until the account's key takes over.
            variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(file)
        return Stack(
            settings,
            build(self.order, limits),
            stateful=cloud.stateful,
            packages=cloud.packages[:1],
            faults=self._faults,
            environment=variables,
        )


def _write_project(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    project = {
        "name": PROJECT,
        "description": "What one account needs before its first environment",
        "runtime": "python",
        "config": {"pulumi:disable-default-providers": {"value": _EXPLICIT}},
    }
    text = yaml.safe_dump(project, sort_keys=False)
    (folder / "Pulumi.yaml").write_text(text, encoding="utf-8")


def _resources(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.export()["deployment"].get("resources") or []
    return found


def _compare(here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Refuses to call a state moved that lost something on the way."""

    def known(state: Mapping[str, Any]) -> set[tuple[str, Any]]:
        resources = state["deployment"].get("resources") or []
        return {(each["urn"], each.get("id")) for each in resources}

    if lost := known(here) - known(there):
        raise EngineError(
            Problem(
                code="state-not-moved",
                message=f"{len(lost)} resources did not arrive in the account's backend, such as "
                f"{min(urn for urn, _ in lost)}",
                fix="Run the same command again; the local state is complete.",
            )
        )
