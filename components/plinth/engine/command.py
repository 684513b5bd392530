"""The Pulumi CLI as the Automation API runs it, with an exact environment and a calm end."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from typing import IO

from pulumi.automation import (
    CommandResult,
    Deployment,
    LocalWorkspace,
    OnOutput,
    PulumiCommand,
)
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from plinth.engine.locate import Engine


class Command(PulumiCommand):
    """Runs the located CLI.

    The base class would run it once more to learn its version, and would leave it behind when the
    user interrupts: here an interrupted engine is waited for, so that it saves its state.
    """

    def __init__(self, engine: Engine, environment: Mapping[str, str]) -> None:
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
            KeyboardInterrupt: The user stopped it; the engine has ended by then.
        """
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
    """A workspace that leaves the selected stack alone and never writes a secret in clear."""

    def select_stack(self, stack_name: str) -> None:
        """Makes sure that the stack exists."""
        self._run("stack", "--stack", stack_name)

    def create_stack(self, stack_name: str) -> None:
        """Makes the stack, without selecting it."""
        provider = ["--secrets-provider", self.secrets_provider] if self.secrets_provider else []
        self._run("stack", "init", stack_name, "--no-select", *provider)

    def export_stack(self, stack_name: str) -> Deployment:
        """The state with its secrets encrypted; the base class decrypts them."""
        state = json.loads(self._run("stack", "export", "--stack", stack_name).stdout)
        return Deployment(version=state["version"], deployment=state["deployment"])

    def _run(self, *arguments: str) -> CommandResult:
        return self.pulumi_command.run(list(arguments), self.work_dir, self.env_vars)
