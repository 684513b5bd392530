"""Which stack, which backend, which environment variables: all that a run of the CLI depends on.

``plinth up dev`` and plain ``pulumi up -s dev`` meet in the same stack because both get the same
project, stack name, backend and passphrase from here.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import yaml

from plinth.engine.host import launcher
from plinth.engine.locate import Engine, locate
from plinth.errors import Location, Problem, UsageError

#: Replaces every encrypted setting in a rehearsal, which never sees the real ones.
REHEARSED_SECRET: Final = "rehearsed"  # noqa: S105 - it is public

_PASSPHRASES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The stack to work on.

    Attributes:
        root: The project's folder, the one with ``Pulumi.yaml``.
        environment: The environment; the stack has the same name.
        rehearse: Work on simulated clouds, with a state of their own.
        spec: The spec's file, when it is not the one that the stack's configuration names.
        backend: The backend that the spec names; what the user's own environment names goes first.
        secrets: The secrets provider that the spec names (``awskms://…``); one that the stack's
            configuration has goes first. Without either, a passphrase.
        secrets_home: The only backend for which ``secrets`` holds; any when left out.
        state: The backend, whatever else names one: of a stack that keeps the backend of others.
        scratch: Where a stack that is thrown away has its project and its state, apart from all
            that is kept, see :meth:`thrown_away`.
    """

    root: Path
    environment: str
    rehearse: bool = False
    spec: Path | None = None
    backend: str | None = None
    secrets: str | None = None
    secrets_home: str | None = None
    state: str | None = None
    scratch: Path | None = None

    def thrown_away(self, folder: Path) -> Settings:
        """The same stack in a folder of its own, where it leaves backend and configuration alone.

        Nothing of it outlives the folder. The configuration comes along as it is; it is opened as
        ever where it holds secrets, and otherwise no key and no passphrase is asked for.
        """
        return replace(self, scratch=folder)

    @property
    def home(self) -> Path:
        """Plinth's own files of this checkout, never under version control."""
        return self.root / ".plinth"

    @property
    def rehearsal(self) -> Path:
        """Everything that belongs to the rehearsal of this environment."""
        return self.home / "rehearsal" / self.environment

    @property
    def cut_off_file(self) -> Path:
        """Where creations are kept whose end a run did not see."""
        folder = self.rehearsal if self.rehearse else self.home
        return folder / "cut-off" / f"{self.environment}.json"

    @property
    def cloud(self) -> Path:
        """Where the simulated clouds of this environment keep what they hold."""
        return self.rehearsal / "cloud"

    @property
    def project_directory(self) -> Path:
        """The folder whose ``Pulumi.yaml`` the CLI works with."""
        if self.scratch is not None:
            return self.scratch / "project"
        return self.rehearsal / "project" if self.rehearse else self.root

    @property
    def config_file(self) -> Path:
        """The stack's configuration, as kept under version control."""
        folder = str(load_project(self.root).get("stackConfigDir") or ".")
        return self.root / folder / f"Pulumi.{self.environment}.yaml"


def secrets_provider(settings: Settings) -> str | None:
    """What encrypts the secrets of a stack that is made anew; ``None`` for a passphrase."""
    if settings.rehearse:
        return None
    config = _read_yaml(settings.config_file)
    said: str | None = config.get("secretsprovider")
    if settings.scratch is not None:
        return said if _is_encrypted(config) else None
    elsewhere = settings.secrets_home not in (None, backend_url(settings))
    return said or (None if elsewhere else settings.secrets)


def load_project(root: Path) -> dict[str, Any]:
    """The content of ``Pulumi.yaml``.

    Raises:
        UsageError: There is none, or it is not YAML with a project name.
    """
    path = root / "Pulumi.yaml"
    try:
        project = _mapping(path, "project-broken", ", or take the one that `plinth init` writes")
    except FileNotFoundError:
        raise UsageError(
            Problem(
                code="project-missing",
                message=f"there is no Pulumi.yaml in {root}",
                fix="Run this in the project's folder, the one with Pulumi.yaml and stacks/.",
            )
        ) from None
    lacking = None
    if not project.get("name"):
        lacking = "names no project", "Add a line such as `name: plinth`."
    elif not isinstance(project.get("backend") or {}, dict):
        lacking = "names a backend without `url`", "Write it like `backend: {url: s3://…}`."
    if lacking:
        raise UsageError(
            Problem(
                code="project-broken",
                message=f"Pulumi.yaml {lacking[0]}",
                location=Location(str(path), 1, 1),
                fix=lacking[1],
            )
        )
    return project


def _mapping(path: Path, code: str, more: str) -> dict[str, Any]:
    """What a YAML file says; nothing for an empty one.

    Raises:
        FileNotFoundError: It is not there.
        UsageError: It is no YAML, or no mapping.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if isinstance(found, dict):
            return found
        what, mark = "has no keys and values", None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what, mark = "is not valid YAML", getattr(error, "problem_mark", None)
    raise UsageError(
        Problem(
            code=code,
            message=f"{path.name} {what}",
            location=Location(str(path), *((mark.line + 1, mark.column + 1) if mark else (1, 1))),
            fix=f"Restore it from Git{more}.",
        )
    )


def _logged_in(variables: Mapping[str, str]) -> str | None:
    """The backend that ``pulumi login`` left behind; ``""`` where it is kept encrypted."""
    home = variables.get("PULUMI_CREDENTIALS_PATH") or variables.get("PULUMI_HOME")
    folder = Path(home) if home else Path(variables.get("HOME") or Path.home()) / ".pulumi"
    try:
        stored = json.loads((folder / "credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(stored, dict):
        return None
    if "current" not in stored and "accounts" not in stored:
        return "" if stored else None
    return stored.get("current") or None


def backend_url(settings: Settings, variables: Mapping[str, str] | None = None) -> str:
    """The backend that keeps the state.

    The user's own where there is one: ``PULUMI_BACKEND_URL``, the spec's, ``backend:`` in
    ``Pulumi.yaml``, an access token, or a login.  Otherwise local files in the project's
    ``.plinth/state``.  Empty when the CLI alone knows the address.
    """
    variables = os.environ if variables is None else variables
    if (own := _own_url(settings)) is not None:
        return own
    if url := variables.get("PULUMI_BACKEND_URL") or settings.backend:
        return url
    if url := (load_project(settings.root).get("backend") or {}).get("url"):
        return str(url)
    current = _logged_in(variables)
    if current is not None:
        return current
    if variables.get("PULUMI_ACCESS_TOKEN"):
        return ""
    return embedded_url(settings)


def _own_url(settings: Settings) -> str | None:
    """The backend of a stack that has one of its own, whatever the user's is."""
    if settings.scratch is not None:
        return files_url(settings.scratch / "state")
    if settings.state is not None or settings.rehearse:
        return settings.state or files_url(settings.rehearsal / "state")
    return None


def embedded_url(settings: Settings) -> str:
    """The address of the local files that keep the state where nothing else is chosen."""
    return files_url(settings.home / "state")


def files_url(folder: Path) -> str:
    """The address of a folder as a backend.

    Without the files of metadata beside each file that Pulumi would write otherwise: they are
    written in place, so an engine that is killed in between leaves an empty one, and the state
    cannot be read any more (gocloud.dev's ``fileblob``, ``setAttrs``).
    """
    return f"{folder.as_uri()}?metadata=skip"


def backend_directory(url: str, root: Path) -> Path | None:
    """The folder of a local-file backend (``file://…``), or ``None`` for any other."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    # file://~ and file://./x are the CLI's own extensions of the scheme.
    path = unquote(parts.netloc + parts.path)
    return (root / Path(path).expanduser()).absolute()


def _is_embedded(url: str, settings: Settings) -> bool:
    """Whether an address is that of :func:`embedded_url`, however it is written."""
    return backend_directory(url, settings.root) == (settings.home / "state").absolute()


def _passphrase_file(settings: Settings) -> Path:
    path = settings.home / "passphrase"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".passphrase-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(secrets.token_urlsafe(32))
        # Environments that start together share the one that is there first, whole.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return REHEARSED_SECRET
        return {key: _without_secrets(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_secrets(entry) for entry in value]
    return value


def _is_encrypted(config: Mapping[str, Any]) -> bool:
    """Whether a stack's configuration holds secrets."""
    values = config.get("config") or {}
    return bool(_without_secrets(values) != values)


def _write_mirrored_project(settings: Settings) -> None:
    """Mirrors the project: same name, hence same URNs, but files of its own to write to.

    For a rehearsal, the stack's configuration is copied without what only its real backend can
    read, so neither a salt nor a secret passes between the two.
    """
    root, folder = settings.root.absolute(), settings.project_directory
    project = load_project(root)
    for key in ("backend", "stackConfigDir"):
        project.pop(key, None)
    project["main"] = str(root / str(project.get("main") or "."))
    runtime = project.get("runtime")
    if isinstance(runtime, dict) and (venv := (runtime.get("options") or {}).get("virtualenv")):
        runtime["options"]["virtualenv"] = str(root / str(venv))
    if settings.spec is not None:
        project.setdefault("config", {})["spec"] = {
            "type": "string",
            "default": str(settings.spec.absolute()),
        }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
    mirrored = folder / f"Pulumi.{settings.environment}.yaml"
    config = _read_yaml(settings.config_file)
    values = config.get("config") or {}
    if settings.rehearse:
        values, config = _without_secrets(values), _read_yaml(mirrored)
    elif not _is_encrypted(config):
        config = {}
    kept: dict[str, Any] = {key: config[key] for key in _ENCRYPTION if key in config}
    mirrored.write_text(yaml.safe_dump({"config": values, **kept}), encoding="utf-8")


#: What opens the secrets of a stack's configuration.
_ENCRYPTION: Final = ("secretsprovider", "encryptedkey", "encryptionsalt")


def _read_yaml(path: Path) -> dict[str, Any]:
    """A stack's configuration; empty where there is none."""
    try:
        return _mapping(path, "config-broken", "; it may hold what opens the stack's secrets")
    except FileNotFoundError:
        return {}


def run_variables(settings: Settings, engine: Engine) -> dict[str, str]:
    """Prepares the stack's files and returns what the CLI needs on top of the environment."""
    variables = {
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": os.pathsep.join(_search_path(engine)),
    }
    url = backend_url(settings)
    if url:
        variables["PULUMI_BACKEND_URL"] = url
    is_own = settings.scratch is not None or (settings.rehearse and settings.state is None)
    if is_own or _is_embedded(url, settings):
        directory = backend_directory(url, settings.root)
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
    if settings.rehearse or settings.scratch is not None:
        _write_mirrored_project(settings)
    if settings.rehearse:
        return variables | {
            # Nothing here is worth hiding, and the user's own passphrase must not leak into it.
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_HOME": str(settings.rehearsal / "home"),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
    if settings.scratch is not None:
        if not _is_encrypted(_read_yaml(settings.config_file)):
            return variables | {"PULUMI_CONFIG_PASSPHRASE": "thrown away"}
        url = backend_url(replace(settings, scratch=None))
    if _is_embedded(url, settings) and not any(name in os.environ for name in _PASSPHRASES):
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase_file(settings))
    return variables


def _search_path(engine: Engine) -> list[str]:
    own = [str(engine.path.parent)]
    if engine.language_host() is None:
        own.append(str(launcher.directory()))
    # Last, the folder of our own commands: Plinth's provider of this machine is one of them.
    return [*own, os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]


def environment_variables(settings: Settings, engine: Engine | None = None) -> dict[str, str]:
    """What to export so that plain ``pulumi`` works on the same stack.

    In a rehearsal it has to be run in :attr:`Settings.project_directory`, and finds the simulated
    clouds as plugins on ``PATH``.

    Raises:
        EngineError: There is no usable CLI.
        UsageError: There is no project in ``settings.root``.
    """
    variables = run_variables(settings, engine or locate())
    if settings.rehearse:
        from plinth.rehearsal import launch

        plugins = settings.rehearsal / "plugins"
        launch.write_plugins(plugins, settings.cloud)
        variables["PATH"] = os.pathsep.join((str(plugins), variables["PATH"]))
    return variables
