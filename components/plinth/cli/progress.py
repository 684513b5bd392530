"""What is shown while the engine works."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plinth.changes import Change
    from plinth.engine.changes import OnChange, Phase
    from plinth.operations import Environment

#: How many resources go by between two lines where there is no terminal.
_STEP = 50


@contextmanager
def progress(verb: str, opened: Environment, *, quiet: bool) -> Iterator[OnChange | None]:
    """Shows on standard error how many of an environment's resources are through."""
    title = f"{verb} {opened.blueprint.environment}{' in rehearsal' if opened.rehearse else ''}"
    with working(title, quiet=quiet) as report:
        yield report


@contextmanager
def working(title: str, *, quiet: bool) -> Iterator[OnChange | None]:
    """Shows on standard error how many resources are through, as it happens."""
    if quiet:
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from plinth.cli.tables import console as make_console

    console = make_console(stderr=True)
    seen: set[str] = set()

    def counted(change: Change, phase: Phase) -> bool:
        """Whether a resource is through for the first time; a replacement goes by twice."""
        if phase not in ("done", "planned") or change.urn in seen:
            return False
        seen.add(change.urn)
        return True

    if not console.is_terminal:
        console.print(f"{title} …")

        def tell(change: Change, phase: Phase) -> None:
            if counted(change, phase) and len(seen) % _STEP == 0:
                console.print(f"  {len(seen)} resources")

        with _polite(console.print):
            yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar, _polite(console.print):
        task = bar.add_task(title)

        def update(change: Change, phase: Phase) -> None:
            counted(change, phase)
            bar.update(task, description=f"{title}: {len(seen)} resources, {change.name}")

        yield update


@contextmanager
def _polite(say: Callable[[str], Any]) -> Iterator[None]:
    """Answers an interrupt at once: the engine still ends what is under way."""
    if threading.current_thread() is not threading.main_thread():
        with nullcontext():
            yield
        return

    def interrupted(number: int, frame: FrameType | None) -> None:
        say("Stopping: what is under way is finished first.")
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
