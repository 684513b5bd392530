from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from plinth.engine.host import SELF_CONFIGURING, launcher, runner
from plinth.engine.host.server import Children, LanguageHost, interpreter


@pytest.fixture
def host() -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    children = Children()
    handler = LanguageHost("127.0.0.1:1", children).handler()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    children.stop()
    server.stop(0)


def info(folder: Path) -> language_pb2.ProgramInfo:
    return language_pb2.ProgramInfo(
        root_directory=str(folder), program_directory=str(folder), entry_point="."
    )


class TestInterpreter:
    def python(self, folder: Path) -> Path:
        path = folder / "bin" / "python"
        path.parent.mkdir(parents=True)
        path.touch()
        return path

    def test_the_one_that_the_project_names(self, tmp_path: Path) -> None:
        python = self.python(tmp_path / "env")
        assert interpreter(tmp_path, {"virtualenv": "env"}) == python
        assert interpreter(Path("/elsewhere"), {"virtualenv": str(tmp_path / "env")}) == python

    def test_the_one_that_uv_makes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("UV_PROJECT_ENVIRONMENT", raising=False)
        python = self.python(tmp_path / ".venv")
        assert interpreter(tmp_path, {"toolchain": "uv"}) == python

    @pytest.mark.parametrize("options", [{}, {"virtualenv": "not-made-yet"}])
    def test_otherwise_our_own(self, tmp_path: Path, options: dict[str, str]) -> None:
        assert interpreter(tmp_path, options) == Path(sys.executable)


def test_what_the_cli_asks_about(
    host: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    assert host.GetPluginInfo(empty_pb2.Empty()).version == "0.0.0"
    assert list(
        host.GetRequiredPackages(
            language_pb2.GetRequiredPackagesRequest(info=info(tmp_path))
        ).packages
    ) == []  # fmt: skip
    about = host.About(language_pb2.AboutRequest(info=info(tmp_path)))
    assert about.executable == sys.executable
    assert about.version == ".".join(map(str, sys.version_info[:3]))
    listed = host.GetProgramDependencies(
        language_pb2.GetProgramDependenciesRequest(info=info(tmp_path))
    )
    assert "pulumi" in {dependency.name for dependency in listed.dependencies}


def test_a_plugin_s_words_and_end_are_handed_on(
    host: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\n"
        "print(os.environ['GREETING'], sys.argv[1])\n"
        "print('trouble', file=sys.stderr)\n"
        "sys.exit(7)\n",
        encoding="utf-8",
    )
    request = language_pb2.RunPluginRequest(
        pwd=str(tmp_path), info=info(tmp_path), kind="resource", args=["you"], env=["GREETING=hi=x"]
    )
    messages = list(host.RunPlugin(request))
    assert b"".join(message.stdout for message in messages) == b"hi=x you\n"
    assert b"".join(message.stderr for message in messages) == b"trouble\n"
    assert messages[-1].exitcode == 7


@pytest.mark.parametrize("options", [{}, {SELF_CONFIGURING: True}])
def test_a_broken_policy_pack_ends_instead_of_hanging(
    host: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path, options: dict[str, Any]
) -> None:
    from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

    pack = info(tmp_path)
    pack.options.update(options)
    (tmp_path / "__main__.py").write_text("raise SystemExit('no such rule')", encoding="utf-8")
    request = language_pb2.RunPluginRequest(
        pwd=str(tmp_path), info=pack, kind="analyzer", args=["127.0.0.1:1"]
    )
    messages = host.RunPlugin(request, timeout=60)
    port = next(messages).stdout.decode().strip()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        analyzer = analyzer_pb2_grpc.AnalyzerStub(channel)
        analyzer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev"))
        with pytest.raises(grpc.RpcError, match="did not start: no such rule"):
            analyzer.GetAnalyzerInfo(empty_pb2.Empty())
        rest = list(messages)
    assert b"no such rule" in b"".join(message.stderr for message in rest)
    assert rest[-1].exitcode == 1


def test_a_pack_that_configures_itself_is_asked_directly(
    host: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(
        "import sys; print(4711); print('asked by', sys.argv[1])", encoding="utf-8"
    )
    pack = info(tmp_path)
    pack.options.update({SELF_CONFIGURING: True})
    request = language_pb2.RunPluginRequest(
        pwd=str(tmp_path), info=pack, kind="analyzer", args=["127.0.0.1:1"]
    )
    messages = list(host.RunPlugin(request, timeout=60))
    assert b"".join(message.stdout for message in messages) == b"4711\nasked by 127.0.0.1:1\n"
    assert messages[-1].exitcode == 0


def test_a_program_without_the_sdk_is_told_so(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-I", "-S", runner.__file__],
        env={"PLINTH_PROGRAM": "{}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("The Pulumi SDK is not installed in")


PARENT = """
import subprocess, sys, time
host = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
print(host.pid, host.stdout.readline().strip(), flush=True)
time.sleep(60)
"""


def test_the_host_does_not_outlive_its_engine() -> None:
    executable = launcher.directory() / "pulumi-language-python"
    assert os.access(executable, os.X_OK)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(executable)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    number, port = map(int, parent.stdout.readline().split())
    assert port > 0
    host = psutil.Process(number)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 60
    with contextlib.suppress(psutil.NoSuchProcess):
        while host.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the host still runs"
            time.sleep(0.05)
