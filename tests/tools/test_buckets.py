"""Buckets: rights for workloads, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tools_support import PLAIN, find, graph, problems

MINE = ("artifacts.buckets", "tracking.mlflow", "orchestration.airflow", "features.feast")


@pytest.mark.parametrize("module", MINE)
def test_importing_a_tool_does_not_load_pulumi(module: str) -> None:
    script = (
        f"import sys, plinth.tools.{module} as tool\n"
        "tool.TOOL.options.model_json_schema()\n"
        "assert not [m for m in sys.modules if m.split('.')[0].startswith('pulumi')]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_standard_buckets_stay_when_others_are_added() -> None:
    roles = {r.name for r in graph(PLAIN) if r.type == "aws:s3/bucket:Bucket"}
    assert {"models", "datasets", "logs", "labels"} <= roles


def test_roots_lie_in_the_buckets_they_are_named_for() -> None:
    outputs = graph(PLAIN).outputs
    assert outputs["artifacts_mlflow_root"] == f"{outputs['artifacts_buckets_models']}/mlflow"
    assert outputs["artifacts_dvc_remote"] == f"{outputs['artifacts_buckets_datasets']}/dvc"


def test_access_binds_the_named_service_account() -> None:
    bound = find(graph(PLAIN), ":PodIdentityAssociation", "artifacts-notebooks").inputs
    assert (bound["namespace"], bound["serviceAccount"]) == ("notebooks", "jupyter")


def test_access_reaches_the_named_buckets_only() -> None:
    made = graph(PLAIN)
    policy = str(find(made, ":RolePolicy", "artifacts-notebooks").inputs["policy"])
    for role, reached in {"labels": True, "datasets": True, "models": False, "logs": False}.items():
        name = made.outputs[f"artifacts_buckets_{role}"].removeprefix("s3://")
        assert (f"{name}/" in policy or f'{name}"' in policy) is reached, role


def test_unknown_bucket_is_refused_with_the_nearest_one() -> None:
    (problem,) = problems("""
artifacts: {access: {a1: {namespace: nb, service_account: jupyter, read: [dataset]}}}
tracking: {}
""")
    assert problem.code == "unknown-bucket"
    assert problem.path == "artifacts.access.a1.read"
    assert problem.nearest == "datasets"


def test_access_to_no_bucket_is_refused() -> None:
    (problem,) = problems("""
artifacts: {access: {a1: {namespace: nb, service_account: jupyter}}}
tracking: {}
""")
    assert problem.code == "access-to-nothing"


def test_one_service_account_has_one_entry() -> None:
    (problem,) = problems("""
artifacts:
  access:
    a1: {namespace: nb, service_account: jupyter, read: [models]}
    a2: {namespace: nb, service_account: jupyter, write: [datasets]}
tracking: {}
""")
    assert (problem.code, problem.path) == ("access-twice", "artifacts.access.a2")


def test_access_without_a_cluster_is_refused() -> None:
    (problem,) = problems("""
artifacts: {access: {a1: {namespace: nb, service_account: jupyter, read: [models]}}}
""")
    assert problem.code == "access-without-cluster"
