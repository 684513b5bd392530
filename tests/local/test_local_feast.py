"""Features on this machine: really applied, brought to the online store, and asked for."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from local_stack import Stack, ask, python, running, wait

from plinth.render import data_folder

pytestmark = pytest.mark.slow

PLATFORM = """
artifacts: {}
features: {}
"""
DEFINITIONS = """
import os
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
spend = FeatureView(
    name="spend",
    entities=[customer],
    schema=[Field(name="customer_id", dtype=Int64), Field(name="month", dtype=Float64)],
    source=FileSource(
        path=os.environ["FEATURES_OFFLINE_STORE"] + "/spend.parquet", timestamp_field="at"
    ),
)
"""
VALUES = """
import os
import pandas as pd

at = pd.Timestamp.now("UTC") - pd.Timedelta(days=1)
values = pd.DataFrame({"customer_id": [1, 2], "month": [10.5, 20.5], "at": [at, at]})
values.to_parquet(os.environ["FEATURES_OFFLINE_STORE"] + "/spend.parquet")
"""
QUESTION = {"features": ["spend:month"], "entities": {"customer_id": [1, 2, 3]}}


def _client(stack: Stack, folder: Path, program: str, *arguments: str) -> None:
    """Runs a program as a client on this machine does: by the platform's outputs alone."""
    prefix = "features_client_"
    told = {
        name.removeprefix(prefix): value
        for name, value in stack.outputs().items()
        if name.startswith(prefix)
    }
    done = subprocess.run(
        [python("feast") / program, *arguments],
        cwd=folder,
        env={**os.environ, **told},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _values(url: str) -> list[object] | None:
    """The feature's values; `None` while the server does not know it."""
    status, said = ask(f"{url}/get-online-features", QUESTION)
    if status != 200:
        return None
    found: list[object] = said["results"][said["metadata"]["feature_names"].index("month")][
        "values"
    ]
    return found


def test_features_reach_the_server_from_a_client_s_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    (folder / "spend.py").write_text(DEFINITIONS, encoding="utf-8")
    with running(tmp_path / "project", PLATFORM) as stack:
        url = stack.outputs()["features_uri"]
        assert ask(f"{url}/health")[0] == 200, "it starts without a definition"
        assert "Traceback" not in stack.log("feast")
        assert _values(url) is None
        _client(stack, folder, "python", "-c", VALUES)
        _client(stack, folder, "feast", "apply", "--no-progress")
        wait(lambda: _values(url) == [None, None, None])
        until = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _client(stack, folder, "feast", "materialize-incremental", until)
        assert _values(url) == [10.5, 20.5, None]
        metrics = ask(f"{url}/metrics")[1]
        counted = 'feast_feature_server_request_total{endpoint="/get-online-features",status='
        assert f'{counted}"success"}}' in metrics
        assert f'{counted}"error"}}' in metrics


def test_definitions_follow_the_branch(tmp_path: Path) -> None:
    """The follower alone: addresses of a spec are `https://`, which has no server here."""
    source, data = tmp_path / "source", tmp_path / "data"
    git = ("git", "-C", str(source), "-c", "user.name=Ann", "-c", "user.email=ann@example.com")
    (source / "repo").mkdir(parents=True)
    data.mkdir()
    config = data / "feature_store.yaml"
    store = {
        "project": "churn",
        "provider": "local",
        "registry": {"registry_type": "sql", "path": f"sqlite:///{data}/registry.db"},
        "online_store": {"type": "sqlite", "path": f"{data}/online.db"},
        "offline_store": {"type": "dask"},
        "entity_key_serialization_version": 3,
    }
    config.write_text(yaml.safe_dump(store), encoding="utf-8")
    subprocess.run([*git, "init", "--quiet", "--initial-branch=live"], check=True)

    def commit(text: str) -> None:
        (source / "repo/spend.py").write_text(text, encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message=x"], check=True)

    def known() -> str:
        listed = [python("feast") / "feast", "feature-views", "list"]
        return subprocess.run(
            listed, check=False, capture_output=True, text=True, env=told, cwd=data
        ).stdout

    told = {
        **os.environ,
        "FEAST_FS_YAML_FILE_PATH": str(config),
        "FEATURES_OFFLINE_STORE": str(data),
    }
    commit(DEFINITIONS)
    subprocess.run([python("feast") / "python", "-c", VALUES], check=True, env=told)
    script = data_folder("templates") / "feast/local_server.py"
    code = (
        "import logging, pathlib, runpy; logging.basicConfig(level=20);"
        f"runpy.run_path({str(script)!r})['follow']("
        f"{str(source)!r}, 'live', 'repo', pathlib.Path({str(data / 'clone')!r}), 0.5)"
    )
    log = data / "log"
    command = [python("feast") / "python", "-c", code]
    with log.open("wb") as stream, subprocess.Popen(command, stderr=stream, env=told) as process:
        try:
            wait(lambda: "are applied" in log.read_text())
            assert "spend " in known()
            commit("raise SystemExit('half done')\n")
            wait(lambda: "is not followed" in log.read_text())
            commit(DEFINITIONS.replace('name="spend"', 'name="spending"'))
            wait(lambda: log.read_text().count("are applied") == 2)
            assert "spending " in known()
        finally:
            process.terminate()
