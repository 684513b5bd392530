"""The Pulumi CLI as the Automation API runs it, with an exact environment and a calm end."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import IO, Any, Final

from pulumi.automation import (
    CommandResult,
    Deployment,
    LocalWorkspace,
    OnOutput,
    OutputMap,
    OutputValue,
    PulumiCommand,
    Stack,
    UpdateSummary,
)
from pulumi.automation._stack import StackInitMode
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from plinth.engine.locate import Engine, broken
from plinth.graph import SECRET


class Command(PulumiCommand):
    """Runs the located CLI.

    The base class would run it once more to learn its version, and would leave it behind when the
    user interrupts: here an interrupted engine is waited for, so that it saves its state.
    """

    def __init__(self, engine: Engine, environment: Mapping[str, str]) -> None:
        self._engine = engine
        self.command = str(engine.path)
        self.version = VersionInfo.parse(engine.version)
        self._environment = dict(environment)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Runs one command without any prompt.

        Raises:
            CommandError: It failed.
            EngineError: It does not run at all.
            KeyboardInterrupt: The user stopped it; the engine has ended by then.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 - the located CLI, no shell
                [self.command, "--non-interactive", *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env={**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"},
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise broken(self._engine.path, self._engine.source, error) from error
        printed: tuple[list[str], list[str]] = ([], [])
        readers = [
            threading.Thread(target=_read, args=(stream, lines, callback), daemon=True)
            for stream, lines, callback in (
                (process.stdout, printed[0], on_output),
                (process.stderr, printed[1], on_error),
            )
        ]
        for reader in readers:
            reader.start()
        interrupted = _wait(process)
        for reader in readers:
            # A provider that outlives the CLI may hold the pipe open; all of interest is read.
            reader.join(timeout=5)
        if interrupted:
            raise KeyboardInterrupt
        result = CommandResult(
            stdout="\n".join(printed[0]), stderr="\n".join(printed[1]), code=process.returncode
        )
        if result.code != 0:
            raise create_command_error(result)
        return result


def _wait(process: subprocess.Popen[str]) -> bool:
    """Waits for the end; whether the user interrupted.

    The terminal sends the interrupt to the engine as well, which then stops on its own.
    """
    interrupted = False
    while True:
        try:
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
        else:
            return interrupted


def _read(stream: IO[str] | None, lines: list[str], callback: OnOutput | None) -> None:
    for line in stream or ():
        lines.append(line.rstrip())
        if callback is not None:
            callback(lines[-1])


class Workspace(LocalWorkspace):
    """A workspace that leaves the selected stack alone and never writes a secret in clear.

    Each command of the CLI takes its time, and several requests of a backend that is elsewhere, so
    none is run for what another one says as well.
    """

    def select_stack(self, stack_name: str) -> None:
        """Nothing: without the stack, whatever command comes first fails."""

    def create_stack(self, stack_name: str) -> None:
        """Makes the stack, without selecting it."""
        provider = ["--secrets-provider", self.secrets_provider] if self.secrets_provider else []
        self._run("stack", "init", stack_name, "--no-select", *provider)

    def export_stack(self, stack_name: str) -> Deployment:
        """The state with its secrets encrypted; the base class decrypts them."""
        state = json.loads(self._run("stack", "export", "--stack", stack_name).stdout)
        return Deployment(version=state["version"], deployment=state["deployment"])

    def stack_outputs(self, stack_name: str) -> OutputMap:
        """The outputs, secrets in them as the CLI masks them; the base class decrypts them, too."""
        return {
            name: OutputValue(value, secret=value == SECRET)
            for name, value in self.outputs(stack_name).items()
        }

    def outputs(self, stack_name: str, *, show_secrets: bool = False) -> dict[str, Any]:
        """The values of the outputs; secrets in them are masked unless asked for."""
        shown = ["--show-secrets"] if show_secrets else []
        said = self._run("stack", "output", "--json", *shown, "--stack", stack_name).stdout
        values: dict[str, Any] = json.loads(said)
        return values

    def _run(self, *arguments: str) -> CommandResult:
        return self.pulumi_command.run(list(arguments), self.work_dir, self.env_vars)


class NamedStack(Stack):
    """A stack that may or may not be there: nothing is asked before the first operation."""

    def __init__(self, name: str, workspace: Workspace) -> None:
        super().__init__(name, workspace, StackInitMode.SELECT)

    def info(self, *_: Any, **_options: Any) -> UpdateSummary:
        """Nothing; the base class asks for it after each operation, and nobody reads it."""
        return _UNREAD


#: In place of what the history says of an operation.
_UNREAD: Final = UpdateSummary(
    kind="", start_time=datetime.min, message="", environment={}, config={}, result=""
)
