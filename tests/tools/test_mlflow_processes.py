"""MLflow as a process: where it keeps what it knows, and that passwords are in no argument."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tools_support import find, graph

from plinth.graph import SECRET

_SQLITE = "cloud: local\nregion: null\naccount: null\nartifacts: {}\ntracking: {}\n"
_POSTGRESQL = _SQLITE + "clouds: {local: {database: postgresql}}\n"


def test_what_it_knows_is_in_files_unless_the_spec_says_otherwise() -> None:
    made = graph(_SQLITE)
    server = find(made, ":Service", "mlflow").inputs
    folder = find(made, ":Folder", "mlflow").outputs["path"]
    assert server["environment"]["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{folder}/mlflow.db"
    assert server["before"] == [["sh", "upgrade.sh", f"{folder}/mlflow.db"]]
    assert not [each for each in made if each.name.startswith("postgres")]
    assert "rootless" not in find(made, ":Environment", "environment").inputs


@pytest.mark.parametrize("there", [False, True])
def test_a_database_file_that_is_there_is_upgraded(tmp_path: Path, there: bool) -> None:
    """What is not there yet the server makes; the program is a stand-in that notes its words."""
    files = find(graph(_SQLITE), ":Service", "mlflow").inputs["files"]
    (tmp_path / "upgrade.sh").write_text(files["upgrade.sh"], encoding="utf-8")
    stand_in = tmp_path / "mlflow"
    stand_in.write_text('#!/bin/sh\necho "$@" > said\n', encoding="utf-8")
    stand_in.chmod(0o700)
    file = tmp_path / "mlflow.db"
    if there:
        file.touch()
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", "upgrade.sh", str(file)], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True
    )
    said = tmp_path / "said"
    assert said.exists() is there
    if there:
        assert said.read_text(encoding="utf-8").split() == ["db", "upgrade", f"sqlite:///{file}"]


def test_a_server_of_the_environment_takes_it_where_the_spec_asks_for_that() -> None:
    made = graph(_POSTGRESQL)
    database, server = (find(made, ":Service", name) for name in ("postgresql", "mlflow"))
    assert database.urn in server.dependencies
    runs = "postgresql+psycopg2://plinth@127.0.0.1:5432/mlflow"
    assert server.inputs["environment"]["MLFLOW_BACKEND_STORE_URI"] == runs
    assert [step[1:] for step in server.inputs["before"]] == [
        ["databases.py", "mlflow", "mlflow-users"],
        ["db", "upgrade", runs],
    ]
    # Its folder, with the runs, would go: that needs an approval.
    assert not [each for each in made if (each.type[-7:], each.name) == (":Folder", "mlflow")]


def test_the_server_takes_its_role_alone_and_that_by_password() -> None:
    database = find(graph(_POSTGRESQL), ":Service", "postgresql").inputs
    assert database["files"]["pg_hba.conf"] == "host all plinth 127.0.0.1/32 scram-sha-256\n"
    assert database["files"]["role.sql"] == SECRET
    assert "listen_addresses=127.0.0.1" in database["command"]
    assert "unix_socket_directories=" in database["command"]
    assert database["stop"] == "INT"


def test_passwords_are_in_no_argument() -> None:
    for resource in graph(_POSTGRESQL):
        if resource.type.endswith(":Service"):
            assert SECRET not in str([resource.inputs["command"], resource.inputs["before"]])
    server = find(graph(_POSTGRESQL), ":Service", "mlflow").inputs
    assert server["environment"]["PGPASSWORD"] == SECRET
