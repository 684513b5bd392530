"""What tells models on clusters their versions, against the real registry."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from pathlib import Path

import pytest
from local_stack import python, running

from plinth.render import data_folder

pytestmark = pytest.mark.slow

PLATFORM = "artifacts: {}\ntracking: {}\n"
REGISTER = """
import mlflow
client = mlflow.MlflowClient()
client.create_registered_model("churn")
for _ in range(2):
    client.create_model_version("churn", "s3://models/churn")
client.set_registered_model_alias("churn", "champion", "2")
"""


def test_the_registry_s_answers_are_understood(tmp_path: Path) -> None:
    script = runpy.run_path(str(data_folder("templates") / "kserve/follow_aliases.py"))
    with running(tmp_path / "project", PLATFORM) as stack:
        told = json.loads(stack.run("env", "dev", "--json"))["variables"]
        registry = script["Registry"](told)
        assert registry.version("models:/churn@champion") is None, "there is no such model"
        subprocess.run(
            [python("mlflow") / "python", "-c", REGISTER],
            env={**os.environ, **told},
            check=True,
            capture_output=True,
        )
        assert registry.version("models:/churn@champion") == "2"
        assert registry.version("models:/churn@challenger") is None, "there is no such alias"
        stranger = script["Registry"]({**told, "MLFLOW_TRACKING_PASSWORD": "wrong"})
        with pytest.raises(script["RefusedError"], match="the registry answered 401"):
            stranger.version("models:/churn@champion")
