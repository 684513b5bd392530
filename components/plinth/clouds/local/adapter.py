"""The adapter for this machine: folders as buckets, processes as services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import supervisor  # noqa: F401 - of the extra, without which nothing could be started
from pulumi import Input, Output, Resource, ResourceOptions, log

from plinth import ports
from plinth.blueprint import Blueprint
from plinth.clouds.local import postgresql, resources
from plinth.clouds.local.options import folder_of, options_of
from plinth.local import packages
from plinth.spec.options import BucketOptions

HOST = "127.0.0.1"


class Local:
    """Meets the ports that this machine can meet (:class:`plinth.ports.Adapter`, but for a few)."""

    def __init__(self, blueprint: Blueprint, *, parent: Resource) -> None:
        """Makes the provider; the rest is made when it is first asked for."""
        self._ports = options_of(blueprint).ports
        self._durable = blueprint.settings.durable
        self._folder = folder_of(blueprint)
        self._provider = resources.Provider(
            "plinth-local", folder=self._folder, opts=ResourceOptions(parent=parent)
        )
        self._server = options_of(blueprint).database == postgresql.NAME
        self._environment = resources.Environment(
            "environment",
            owner=blueprint.prefix,
            rootless=postgresql.NAME if self._server else None,
            opts=ResourceOptions(parent=parent, provider=self._provider),
        )
        self._packages: dict[str, resources.Packages] = {}
        self._taken: dict[str, resources.Port] = {}
        self._executables: dict[str, ports.Executable] = {}
        self._database: ports.ProcessDatabase | None = None
        self._parent = parent

    def _child(self, parent: Resource, depends_on: Sequence[Resource] = ()) -> ResourceOptions:
        return ResourceOptions(
            parent=parent, provider=self._provider, depends_on=[self._environment, *depends_on]
        )

    def _kept(self, parent: Resource) -> ResourceOptions:
        """Options of what a durable environment leaves behind, to be taken up again."""
        kept = ResourceOptions(retain_on_delete=self._durable or None)
        return ResourceOptions.merge(self._child(parent), kept)

    def bucket(self, role: str, options: BucketOptions, *, parent: Resource) -> ports.Bucket:
        """A folder; nothing in it expires, as nobody is there to look."""
        del options
        path = self.folder(role, parent=parent)
        return ports.Bucket(
            role=role,
            name=Output.from_input(role),
            uri=Output.concat("file://", path),
            protocol="file",
            ref=path,
        )

    def folder(self, name: str, *, parent: Resource) -> Output[str]:
        """A data folder; a durable environment's stays on destroy, and is taken up again."""
        return resources.Folder(name, self._kept(parent)).path

    def python(self, lock: str) -> Output[str]:
        """A Python environment's folder; one for all that use the same lock."""
        if lock not in self._packages:
            self._packages[lock] = resources.Packages(
                lock, lock=lock, digest=packages.digest(lock), opts=self._child(self._parent)
            )
        return self._packages[lock].folder

    def executable(
        self, names: Sequence[str], package: str = "", *, module: str = ""
    ) -> ports.Executable:
        """A program; one for all that ask for it."""
        name = names[0]
        if name not in self._executables:
            opts = self._child(self._parent)
            made = resources.Executable(
                name, names=names, package=package, module=module, opts=opts
            )
            self._executables[name] = ports.Executable(path=made.path, missing=made.missing)
        return self._executables[name]

    def password(
        self, name: str, made: ports.Generated | None = None, *, parent: Resource
    ) -> Output[str]:
        """A secret that is made once, kept in the state, and as long as the data that it opens."""
        made = made or ports.Generated()
        secret = resources.Password(
            name,
            kind=made.kind,
            length=made.length,
            keep=self._durable,
            opts=self._kept(parent),
        )
        return Output.secret(secret.value)

    def database(self) -> ports.ProcessDatabase | None:
        """The environment's PostgreSQL server, where the spec asks for it; made once."""
        if self._server and self._database is None:
            self._database = postgresql.server(self, parent=self._parent)
        return self._database

    def port(self, name: str, default: int) -> Output[int]:
        """The port that the spec names, or the default; the next one where it is in use."""
        if name not in self._taken:
            wanted = self._ports.get(name, default)
            opts = self._child(self._parent)
            self._taken[name] = resources.Port(name, wanted=wanted, opts=opts)
        return self._taken[name].number

    def run(
        self,
        name: str,
        program: ports.Program,
        *,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> ports.Process:
        """A process under the environment's supervisor; one that is skipped is warned of."""
        made = resources.Service(
            name,
            command=program.command,
            environment=program.environment,
            files=program.files,
            before=program.before,
            port=program.port,
            health=program.health,
            ready=program.ready,
            stop=program.stop,
            seconds=program.seconds,
            metrics=_metrics(name, program.metrics) if program.metrics else None,
            missing=program.missing,
            opts=self._child(parent, depends_on),
        )
        where = "" if program.port is None else Output.format("http://{}:{}", HOST, program.port)
        url = Output.from_input(where)
        if program.missing is not None:
            url = Output.all(made.skipped, url).apply(lambda known: _reached(known, made))
        return ports.Process(url=url, ref=made)

    def outputs(self) -> Mapping[str, Input[str]]:
        """The environment's folder."""
        return {"folder": self._folder}


def _metrics(program: str, metrics: ports.Metrics) -> dict[str, Any]:
    guarded = metrics.namespace if metrics.password is not None else "open"
    return {
        "group": "pushed" if metrics.pushed else guarded,
        "path": metrics.path,
        "labels": {"namespace": metrics.namespace, "job": program},
        # Left out, not empty: the state keeps no empty values, so one would differ at every run.
        **({} if metrics.password is None else {"password": metrics.password}),
    }


def _reached(known: Sequence[str], service: Resource) -> str:
    """Where a service is, unless it is skipped: then every run says so again."""
    skipped, url = known
    if skipped:
        log.warn(skipped, service)
    return "" if skipped else url
