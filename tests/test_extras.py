"""A cloud's SDK is needed for that cloud alone, and who lacks it is told how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from example import CLUSTERS, ROOT, SPEC
from plinth import registry

CLOUDS = registry.cloud_names()
SDKS = {name: registry.cloud(name).sdk for name in CLOUDS}

_LOADED = """
import contextlib, io, sys
from plinth.cli import main
try:
    with contextlib.redirect_stdout(io.StringIO()):
        main(sys.argv[1:])
except SystemExit as done:
    print(*{name.partition(".")[0] for name in sys.modules})
    sys.exit(done.code)
"""

#: A finder in front of all others, which says of one package what Python says of missing ones.
_MISSING = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
MISSING = sys.argv.pop(1)
sys.meta_path.insert(0, Missing())
from plinth.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A spec that may be on any cloud: the example's head, buckets and metrics."""
    document = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    head = {key: document[key] for key in ("apiVersion", "name", "owner", "cost", "cloud")}
    file = tmp_path_factory.mktemp("extras") / "platform.yaml"
    blocks = {"region": "eu-west-1", "artifacts": {}, "monitoring": {}}
    file.write_text(yaml.safe_dump(head | blocks), encoding="utf-8")
    return str(file)


def _run(script: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_plan_loads_that_cloud_s_sdk_alone(cloud: str, small: str) -> None:
    done = _run(_LOADED, "plan", "dev", "--spec", small, "--cloud", cloud, "--no-tree")
    # Whatever the cloud, what is on its cluster goes through the Kubernetes provider.
    on_cluster = {"pulumi_kubernetes"} if cloud in CLUSTERS else set()
    assert set(done.stdout.split()) & {*SDKS.values()} == {SDKS[cloud]} | on_cluster


@pytest.mark.parametrize("cloud", CLOUDS)
def test_validation_loads_no_sdk(cloud: str, small: str) -> None:
    done = _run(_LOADED, "validate", "--spec", small, "--cloud", cloud)
    assert not set(done.stdout.split()) & {"pulumi", *SDKS.values()}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_who_lacks_an_sdk_is_told_how_to_get_it(cloud: str, small: str) -> None:
    where = ["--spec", small, "--cloud", cloud]
    done = _run(_MISSING, SDKS[cloud], "plan", "dev", *where, code=2)
    assert f"pip install 'plinth[{registry.cloud(cloud).extra}]'" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout == ""
    validated = _run(_MISSING, SDKS[cloud], "validate", *where)
    assert f"dev on {cloud}" in validated.stdout
