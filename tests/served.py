"""Scripts of the project that serve, run as in their pods: each an isolated process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plinth import render
from plinth.local import ports

#: Below those that the system gives to connections that leave: each of these, open or closed a
#: minute ago, keeps a service from its port (`net.ipv4.ip_local_port_range`).
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port of the loopback interface that nobody has, nor is given by chance."""
    return next(filter(ports.free, random.SystemRandom().sample(_PORTS, len(_PORTS))))


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


class Server:
    """A script that answers on localhost, and what it has said."""

    def __init__(
        self,
        folder: Path,
        template: str,
        env: Mapping[str, str],
        *,
        settings: Mapping[str, Any] | None = None,
        python: Sequence[str | Path] = (sys.executable, "-I"),
    ) -> None:
        """Starts it, and waits until it is well.

        Args:
            folder: Where the script is put, with its settings and its log.
            template: Path below ``templates/``.
            env: Its variables, besides those that every pod has and ``PORT``.
            settings: Its argument, if it takes one; the port is added.
            python: What runs it.
        """
        self.port = free_port()
        script = folder / Path(template).name
        script.write_text(render.text(template), encoding="utf-8")
        command = [*python, script]
        if settings is not None:
            file = folder / f"{self.port}.json"
            file.write_text(json.dumps({**settings, "port": self.port}), encoding="utf-8")
            command.append(file)
        self.log = folder / f"{self.port}.log"
        with self.log.open("wb") as log:  # a pipe that nobody reads would fill up
            self.process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env, "PORT": str(self.port)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._well)
        except BaseException:
            self.kill()
            raise

    def _well(self) -> bool:
        assert self.process.poll() is None, self.said
        try:
            return self.get("/healthz") == (200, "")
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        return self._ask(path, None, {})

    def post(self, body: Any, path: str = "/alerts", **headers: str) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask(path, data, headers)[0]

    def _ask(self, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                return int(response.status), response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def listens(self) -> bool:
        """Whether it takes connections."""
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=15).close()
            return True
        return False

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """The lines that it wrote so far."""
        return [json.loads(line) for line in self.said.splitlines()]

    def end(self) -> None:
        """Ends it as Kubernetes does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0, self.said

    def stop(self) -> list[dict[str, Any]]:
        """Ends it; the lines that it wrote."""
        self.end()
        return self.lines()

    def kill(self) -> None:
        """Sees to it that nothing is left."""
        self.process.kill()
        self.process.wait()
