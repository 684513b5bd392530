"""MLflow as a process: where it keeps what it knows, and that passwords are in no argument."""

from __future__ import annotations

from tools_support import find, graph

from plinth.graph import SECRET

_SQLITE = "cloud: local\nregion: null\naccount: null\nartifacts: {}\ntracking: {}\n"
_POSTGRESQL = _SQLITE + "clouds: {local: {database: postgresql}}\n"


def test_what_it_knows_is_in_files_unless_the_spec_says_otherwise() -> None:
    made = graph(_SQLITE)
    server = find(made, ":Service", "mlflow").inputs
    folder = find(made, ":Folder", "mlflow").outputs["path"]
    assert server["environment"]["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{folder}/mlflow.db"
    assert not [each for each in made if each.name.startswith("postgres")]
    assert "rootless" not in find(made, ":Environment", "environment").inputs


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
