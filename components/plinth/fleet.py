"""Several environments in one go: each in a process of its own, in the order of the spec.

A process each, because one run of the engine takes a whole interpreter: Pulumi's runtime is global,
and so are the credentials of a cloud.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import IO, Final, Literal

from plinth import ordering
from plinth.blueprint import check

State = Literal["done", "failed", "interrupted", "skipped"]

#: Told of each line that an environment's process prints.
OnLine = Callable[[str, str], None]

#: Exit codes, the worst first; any other is a death of its own, and as bad as can be.
_WORST: Final = (1, 2, 3, 4, 0)
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of one environment.

    Attributes:
        environment: Its name.
        state: Whether its process did what it should, failed, was interrupted or never started.
        code: Exit code; that of an interruption or 1 for what never started.
        seconds: How long it took.
        output: Its standard output, where that was kept.
        missing: For what never started: the environments before it that are not there.
    """

    environment: str
    state: State
    code: int = 1
    seconds: float = 0.0
    output: str = ""
    missing: tuple[str, ...] = ()


def run(
    spec: Path,
    command: Sequence[str],
    *,
    parallel: int,
    on_line: OnLine,
    keep: bool = False,
    ordered: bool = True,
) -> tuple[Ended, ...]:
    """Runs a command of Plinth for every environment of a spec.

    What comes after an environment that failed is skipped, what does not is finished.  An interrupt
    is handed on once to each process, which is then waited for.

    Args:
        spec: The spec file.
        command: The command and its options, without environment and spec.
        parallel: How many at a time.
        on_line: Told of what the processes print.
        keep: Keeps standard output in :attr:`Ended.output` instead of telling of it.
        ordered: Whether environments wait for those before them.

    Returns:
        What became of each, in the order of the spec; a rehearsal is without those on this machine.

    Raises:
        SpecError: The spec cannot be read, or its order makes no sense.
    """
    before = ordering.predecessors(spec)
    if not ordered:
        before = dict.fromkeys(before, ())
    if "--rehearse" in command:
        here = {name for name, blueprint in check(spec).items() if blueprint.cloud.here}
        for name in here:
            on_line(name, "left out: it runs on this machine, where there is nothing to simulate")
        before = _without(before, here)
    return _Fleet(spec, command, before, on_line, keep=keep).sail(parallel)


def _without(
    before: Mapping[str, tuple[str, ...]], left_out: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The others, which wait for what those left out would have waited for."""

    def waits(name: str) -> Iterator[str]:
        for each in before[name]:
            if each in left_out:
                yield from waits(each)
            else:
                yield each

    return {name: tuple(dict.fromkeys(waits(name))) for name in before if name not in left_out}


def worst(ended: Sequence[Ended]) -> int:
    """The exit code for all: the worst of theirs."""
    codes = {each.code for each in ended}
    if _INTERRUPTED in codes:
        return _INTERRUPTED
    return next((code for code in _WORST if code in codes), 1) if codes <= {*_WORST} else 1


def variables(environment: str, given: Mapping[str, str]) -> dict[str, str]:
    """Variables for an environment's process: ``PLINTH_PROD_AWS_PROFILE`` is prod's AWS_PROFILE.

    This is how one shell holds the credentials of several accounts.
    """
    prefix = f"PLINTH_{environment.upper().replace('-', '_')}_"
    own = {key.removeprefix(prefix): text for key, text in given.items() if key.startswith(prefix)}
    return {**given, **own}


class _Fleet:
    """The processes, and who waits for whom. An event is the name of whoever ended, or None."""

    def __init__(
        self,
        spec: Path,
        command: Sequence[str],
        before: Mapping[str, tuple[str, ...]],
        on_line: OnLine,
        *,
        keep: bool,
    ) -> None:
        self._spec = spec
        self._command = command
        self._before = before
        self._on_line = on_line
        self._keep = keep
        # Its `put` may be called from a signal handler, unlike that of `Queue`.
        self._events: SimpleQueue[Ended | None] = SimpleQueue()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._ended: dict[str, Ended] = {}
        self._stopped = False

    def sail(self, parallel: int) -> tuple[Ended, ...]:
        with _interrupts(lambda: self._events.put(None)):
            while True:
                self._start(parallel)
                if not self._running:
                    break
                event = self._events.get()
                if event is None:
                    self._stop()
                else:
                    del self._running[event.environment]
                    self._ended[event.environment] = event
        return tuple(self._ended[name] for name in self._before)

    def _start(self, parallel: int) -> None:
        """Starts what can start, and gives up what never will."""
        changed = True
        while changed:
            changed = False
            for name, before in self._before.items():
                if name in self._ended or name in self._running:
                    continue
                missing = tuple(
                    each for each in before if each in self._ended and not self._is_up(each)
                )
                if missing or self._stopped:
                    code = _INTERRUPTED if self._stopped else 1
                    self._ended[name] = Ended(
                        environment=name, state="skipped", code=code, missing=missing
                    )
                    changed = True
                elif len(self._running) < parallel and all(map(self._is_up, before)):
                    self._launch(name)

    def _is_up(self, name: str) -> bool:
        return name in self._ended and self._ended[name].state == "done"

    def _launch(self, name: str) -> None:
        verb, *options = self._command
        process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "plinth.cli", verb, name, "--spec", str(self._spec), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=variables(name, os.environ),
            # The terminal's interrupt would reach it, and then be handed on: the second one makes
            # the engine give up at once.
            start_new_session=True,
        )
        self._running[name] = process
        threading.Thread(target=self._watch, args=(name, process), daemon=True).start()

    def _watch(self, name: str, process: subprocess.Popen[str]) -> None:
        started = time.monotonic()
        kept: list[str] = []

        def tell(line: str) -> None:
            # Who reads may be gone; the process is waited for all the same.
            with suppress(OSError):
                self._on_line(name, line.rstrip("\n"))

        errors = threading.Thread(target=_each, args=(process.stderr, tell), daemon=True)
        errors.start()
        _each(process.stdout, kept.append if self._keep else tell)
        errors.join()
        code = process.wait()
        state: State = "done" if code == 0 else "failed"
        self._events.put(
            Ended(
                environment=name,
                state="interrupted" if code == _INTERRUPTED else state,
                code=code,
                seconds=time.monotonic() - started,
                output="".join(kept),
            )
        )

    def _stop(self) -> None:
        """Interrupts every process and its engine, as a terminal does; once."""
        if self._stopped:
            return
        self._stopped = True
        for process in self._running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)


def _each(stream: IO[str] | None, take: Callable[[str], None]) -> None:
    for line in stream or ():
        take(line)


@contextmanager
def _interrupts(note: Callable[[], None]) -> Iterator[None]:
    """Calls ``note`` at an interrupt or a request to end, instead of raising anywhere."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def noted(_number: int, _frame: FrameType | None) -> None:
        note()

    before = {each: signal.signal(each, noted) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
