"""The LanguageRuntime service of the stand-in host, and its command-line entry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from plinth.engine.host import SELF_CONFIGURING
from plinth.engine.host.policy import OPTIONS, PolicyProxy, serialize
from plinth.engine.host.runner import SHOWN
from plinth.engine.protocol import language_pb2, plugin_pb2

_RUNNER: Final = Path(__file__).with_name("runner.py")
_ANALYZER: Final = "analyzer"

#: Prints what is installed as JSON; run in the program's interpreter.
_LIST: Final = (
    "import json; from importlib.metadata import distributions as d; "
    "print(json.dumps(sorted({(x.name, x.version) for x in d()})))"
)

_Output = language_pb2.RunPluginResponse


class Children:
    """The processes that this host has started; none may outlive it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Starts a process and remembers it."""
        with self._lock:
            child = subprocess.Popen(command, **options)  # noqa: S603 - no shell
            self._running.add(child)
        return child

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """Drops a process that has ended."""
        with self._lock:
            self._running.discard(child)

    def stop(self) -> None:
        """Asks all of them to end, and insists after two seconds."""
        with self._lock:
            running = list(self._running)
        for child in running:
            child.terminate()
        deadline = time.monotonic() + 2
        for child in running:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()


def interpreter(root: Path, options: Mapping[str, Any]) -> Path:
    """The Python that runs a program or policy pack.

    It is the one of the ``virtualenv`` that the runtime options name (relative to ``root``), of
    ``.venv`` for the ``uv`` toolchain, and otherwise the interpreter of this host, which has
    everything that Plinth's own programs and packs need.
    """
    folder = options.get("virtualenv")
    if not folder and options.get("toolchain") == "uv":
        folder = os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")
    if folder:
        python = root / str(folder) / "bin" / "python"
        if python.exists():
            return python
    return Path(sys.executable)


def _python(info: language_pb2.ProgramInfo) -> str:
    return str(interpreter(Path(info.root_directory), MessageToDict(info.options)))


class LanguageHost:
    """Runs Python programs, policy packs and plugins for the engine at ``engine_address``."""

    def __init__(self, engine_address: str, children: Children) -> None:
        self._engine = engine_address
        self._children = children

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """The calls that are answered; any other is unimplemented, which the engine copes with."""
        unary: dict[str, tuple[Callable[..., Message], type[Message]]] = {
            "About": (self._about, language_pb2.AboutRequest),
            "Cancel": (self._cancel, empty_pb2.Empty),
            "GetPluginInfo": (self._plugin_info, empty_pb2.Empty),
            "GetProgramDependencies": (
                self._program_dependencies,
                language_pb2.GetProgramDependenciesRequest,
            ),
            # Providers are fetched when the program first asks for them, so that the SDK of a
            # cloud that this program does not use costs nothing.
            "GetRequiredPackages": (
                _answer(language_pb2.GetRequiredPackagesResponse()),
                language_pb2.GetRequiredPackagesRequest,
            ),
            "GetRequiredPlugins": (
                _answer(language_pb2.GetRequiredPluginsResponse()),
                language_pb2.GetRequiredPluginsRequest,
            ),
            "Handshake": (self._handshake, language_pb2.LanguageHandshakeRequest),
            "Run": (self._run, language_pb2.RunRequest),
            "RuntimeOptionsPrompts": (
                _answer(language_pb2.RuntimeOptionsResponse()),
                language_pb2.RuntimeOptionsRequest,
            ),
        }
        streams: dict[str, tuple[Callable[..., Iterator[Message]], type[Message]]] = {
            "InstallDependencies": (self._install, language_pb2.InstallDependenciesRequest),
            "RunPlugin": (self._run_plugin, language_pb2.RunPluginRequest),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(call, request.FromString, serialize)
            for name, (call, request) in unary.items()
        } | {
            name: grpc.unary_stream_rpc_method_handler(call, request.FromString, serialize)
            for name, (call, request) in streams.items()
        }
        return grpc.method_handlers_generic_handler("pulumirpc.LanguageRuntime", handlers)

    def _handshake(self, request: Any, _context: grpc.ServicerContext) -> Message:
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def _plugin_info(self, _request: Any, _context: grpc.ServicerContext) -> Message:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def _cancel(self, _request: Any, _context: grpc.ServicerContext) -> Message:
        self._children.stop()
        return empty_pb2.Empty()

    def _about(self, request: Any, _context: grpc.ServicerContext) -> Message:
        python = _python(request.info)
        return language_pb2.AboutResponse(
            executable=python, version=_ask(python, "--version").removeprefix("Python").strip()
        )

    def _program_dependencies(self, request: Any, _context: grpc.ServicerContext) -> Message:
        listed = json.loads(_ask(_python(request.info), "-c", _LIST) or "[]")
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version) for name, version in listed
            ]
        )

    def _install(self, request: Any, _context: grpc.ServicerContext) -> Iterator[Message]:
        note = f"Using {_python(request.info)}; the stand-in host installs nothing.\n"
        yield language_pb2.InstallDependenciesResponse(stdout=note.encode())

    def _run(self, request: Any, context: grpc.ServicerContext) -> Message:
        order = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": request.info.root_directory,
            "entry": request.info.entry_point,
            "arguments": list(request.args),
        }
        child = self._children.start(
            [_python(request.info), "-u", str(_RUNNER)],
            cwd=request.pwd or request.info.program_directory,
            env={
                **os.environ,
                "PLINTH_PROGRAM": json.dumps(order),
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
        )
        context.add_callback(child.terminate)
        code = child.wait()
        self._children.forget(child)
        if code in {0, SHOWN}:
            return language_pb2.RunResponse(bail=code == SHOWN)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")

    def _run_plugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        variables = dict(entry.split("=", 1) for entry in request.env if "=" in entry)
        python = _python(request.info)
        folder = request.info.program_directory
        options = MessageToDict(request.info.options)
        if request.kind == _ANALYZER and options.get(SELF_CONFIGURING):
            command = [python, "-u", folder, *request.args]
            yield from self._run_self_configuring_pack(command, folder, variables, context)
        elif request.kind == _ANALYZER:
            # The pack folder comes last: arguments before it are the runner's own.
            command = [python, "-u", "-m", "pulumi.policy", *request.args, folder]
            yield from self._run_pack(command, folder, variables, context)
        else:
            command = [python, "-u", *_plugin_arguments(Path(folder)), *request.args]
            child = self._spawn(command, request.pwd, variables, context)
            yield from self._relay(child)

    def _run_pack(
        self,
        command: list[str],
        folder: str,
        variables: dict[str, str],
        context: grpc.ServicerContext,
    ) -> Iterator[Message]:
        with closing(PolicyProxy()) as proxy:
            context.add_callback(proxy.close)
            yield proxy.announcement()
            child = self._spawn(command, folder, {**variables, **proxy.environment()}, context)
            port = _first_line(child)
            if port.isdigit():
                proxy.attach(int(port))
                yield from self._relay(child)
            else:
                yield from self._bury(child, port, proxy)

    def _run_self_configuring_pack(
        self,
        command: list[str],
        folder: str,
        variables: dict[str, str],
        context: grpc.ServicerContext,
    ) -> Iterator[Message]:
        child = self._spawn(command, folder, variables, context)
        port = _first_line(child)
        if port.isdigit():
            yield _Output(stdout=port + b"\n")
            yield from self._relay(child)
        else:
            with closing(PolicyProxy()) as proxy:
                yield proxy.announcement()
                yield from self._bury(child, port, proxy)

    def _bury(
        self, child: subprocess.Popen[bytes], port: bytes, proxy: PolicyProxy
    ) -> Iterator[Message]:
        """Tells the engine why a pack did not say its port, and hands on what it wrote."""
        error = child.stderr.read() if child.stderr and not port else b""
        proxy.refuse(_last_words(child, port, error))
        yield _Output(stderr=error)
        yield _Output(exitcode=child.wait())
        self._children.forget(child)

    def _spawn(
        self,
        command: list[str],
        folder: str,
        variables: dict[str, str],
        context: grpc.ServicerContext,
    ) -> subprocess.Popen[bytes]:
        child = self._children.start(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(child.terminate)
        return child

    def _relay(self, child: subprocess.Popen[bytes]) -> Iterator[Message]:
        """Hands on what a process writes as it comes, then its exit code."""
        lines: SimpleQueue[Message | None] = SimpleQueue()

        def pump(stream: IO[bytes] | None, wrap: Callable[[bytes], Message]) -> None:
            for line in stream or ():
                lines.put(wrap(line))
            lines.put(None)

        for stream, wrap in (
            (child.stdout, lambda line: _Output(stdout=line)),
            (child.stderr, lambda line: _Output(stderr=line)),
        ):
            threading.Thread(target=pump, args=(stream, wrap), daemon=True).start()
        ended = 0
        while ended < 2:
            line = lines.get()
            if line is None:
                ended += 1
            else:
                yield line
        code = child.wait()
        self._children.forget(child)
        yield _Output(exitcode=code)


def _first_line(child: subprocess.Popen[bytes]) -> bytes:
    return child.stdout.readline().strip() if child.stdout else b""


def _last_words(child: subprocess.Popen[bytes], first: bytes, error: bytes) -> str:
    """Why a policy pack did not say its port: what it wrote instead, or its last error."""
    if first:
        child.terminate()
        return f"it wrote {first.decode(errors='replace')!r} where its port was due"
    last = error.decode(errors="replace").strip().rpartition("\n")[2]
    return last or f"it ended with exit code {child.wait()}"


def _answer(message: Message) -> Callable[[Any, grpc.ServicerContext], Message]:
    return lambda _request, _context: message


def _ask(python: str, *arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603 - the project's own interpreter, no shell
        [python, *arguments], capture_output=True, text=True, check=False
    )
    return answer.stdout


def _plugin_arguments(folder: Path) -> list[str]:
    if (folder / "__main__.py").exists():
        return [str(folder)]
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return ["-m", "pulumi.run.plugin", str(project["project"]["name"])]


def _outlive_nobody(children: Children, parent: int) -> NoReturn:
    """Ends this process when the engine that started it is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(0.5)
    children.stop()
    os._exit(1)


def main() -> None:
    """Serves until the engine ends; the engine's address is the last argument, as it passes it."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    children = Children()
    host = LanguageHost(addresses[-1] if addresses else "", children)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=16), handlers=[host.handler()], options=OPTIONS
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    watch = threading.Thread(target=_outlive_nobody, args=(children, os.getppid()), daemon=True)
    watch.start()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    os.write(1, f"{port}\n".encode())
    stopping.wait()
    children.stop()
    server.stop(grace=None)
