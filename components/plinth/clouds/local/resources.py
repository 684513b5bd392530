"""The resources of ``plinth-local``, as Pulumi's SDK has resources.

:mod:`plinth.local.kinds` says what each makes of its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from plinth.local.example import PACKAGE


class Provider(pulumi.ProviderResource):
    """The provider; ``folder`` is the environment's, relative to the project."""

    def __init__(self, name: str, *, folder: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(PACKAGE, name, {"folder": folder}, opts)


class _Resource(pulumi.CustomResource):
    def __init__(self, name: str, inputs: Mapping[str, Any], opts: ResourceOptions | None) -> None:
        super().__init__(f"{PACKAGE}:index:{type(self).__name__}", name, dict(inputs), opts)


class Environment(_Resource):
    """The environment's folder, whose it is, and what in it refuses to run as root."""

    def __init__(
        self, name: str, *, owner: str, rootless: str | None, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(name, {"owner": owner, "rootless": rootless, "path": None}, opts)


class Folder(_Resource):
    """A data folder."""

    path: Output[str]

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, {"path": None}, opts)


class Port(_Resource):
    """A port of the loopback interface."""

    number: Output[int]

    def __init__(self, name: str, *, wanted: int, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, {"wanted": wanted, "number": None}, opts)


class Password(_Resource):
    """A secret."""

    value: Output[str]

    def __init__(
        self,
        name: str,
        *,
        kind: str,
        length: int,
        keep: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        secret = ResourceOptions(additional_secret_outputs=["value"])
        inputs = {"kind": kind, "length": length, "keep": keep, "value": None}
        super().__init__(name, inputs, ResourceOptions.merge(opts, secret))


class Packages(_Resource):
    """A Python environment."""

    folder: Output[str]

    def __init__(
        self, name: str, *, lock: str, digest: str, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(name, {"lock": lock, "digest": digest, "folder": None}, opts)


class Executable(_Resource):
    """A program."""

    path: Output[str]
    missing: Output[str]

    def __init__(
        self,
        name: str,
        *,
        names: Sequence[str],
        package: str,
        module: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"names": [*names], "package": package, "path": None, "missing": None}
        if module:  # for others nothing changes where they were made before there were modules
            inputs["module"] = module
        super().__init__(name, inputs, opts)


class Service(_Resource):
    """A process that keeps running."""

    skipped: Output[str]

    def __init__(
        self,
        name: str,
        *,
        command: Sequence[Input[str]],
        environment: Mapping[str, Input[str]],
        files: Mapping[str, Input[str]],
        before: Sequence[Sequence[Input[str]]],
        port: Input[int] | None,
        health: str,
        ready: Sequence[Input[str]] | None,
        stop: str | None,
        seconds: int,
        metrics: Mapping[str, Input[Any]] | None,
        missing: Input[str] | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "command": list(command),
            "environment": dict(environment),
            "files": dict(files),
            "before": [list(step) for step in before],
            "port": port,
            "health": health,
            "ready": ready,
            "stop": stop,
            "seconds": seconds,
            "metrics": metrics,
            "missing": missing,
            "skipped": None,
        }
        super().__init__(name, inputs, opts)
