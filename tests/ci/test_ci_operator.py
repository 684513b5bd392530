"""Stacks for the Pulumi Kubernetes Operator, against the fields of its definitions.

The fields are those of ``pulumi.com/v1`` Stack in operator 2.9.0
(``deploy/crds/pulumi.com_stacks.yaml``); names only, as unknown ones are what an API server would
drop without a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_support import SPEC

from example import ROOT
from plinth.ci.operator import manifests, written

#: ``spec`` of a Stack, without what is deprecated.
STACK = """
    backend branch commit config configRef continueResyncOnCommitMatch destroyOnFinalize envRefs
    environment expectNoRefreshChanges fluxSource gitAuth prerequisites preview programRef
    projectRepo refresh repoDir resyncFrequencySeconds retryMaxBackoffDurationSeconds
    retryOnUpdateConflict runProgram secretsProvider secretsRef serviceAccountName shallow stack
    targetDependents targets updateTemplate useLocalStackOnly workspaceReclaimPolicy
    workspaceTemplate
"""
#: ``spec.workspaceTemplate.spec``.
WORKSPACE = """
    env envFrom flux git image imagePullPolicy local podTemplate projectInfo pulumiLogLevel
    resources securityProfile serviceAccountName serviceTemplate stacks
"""
REPOSITORY = "https://git.example.com/ml/platform.git"


def objects(spec: Path, **options: Any) -> list[dict[str, Any]]:
    text = written(manifests(spec, repository=REPOSITORY, **options))
    return list(yaml.safe_load_all(text))


def stacks(spec: Path, **options: Any) -> dict[str, dict[str, Any]]:
    found = [each for each in objects(spec, **options) if each["kind"] == "Stack"]
    return {each["metadata"]["name"]: each["spec"] for each in found}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "platform.yaml"
    path.write_text(SPEC + '  prod-us: {account: "222222222222", after: [dev]}\n')
    return path


@pytest.mark.parametrize(
    "path", [ROOT / "stacks" / "platform.yaml", *sorted(ROOT.glob("examples/*/platform.yaml"))]
)
def test_only_fields_that_the_operator_knows(path: Path) -> None:
    found = objects(path)
    kinds = [each["kind"] for each in found]
    assert kinds == ["ServiceAccount", "ClusterRoleBinding", "Stack"] * (len(kinds) // 3)
    for each in found:
        if each["kind"] == "Stack":
            assert each["apiVersion"] == "pulumi.com/v1"
            assert set(each["spec"]) <= set(STACK.split())
            assert set(each["spec"]["workspaceTemplate"]["spec"]) <= set(WORKSPACE.split())


def test_the_order_of_environments_becomes_prerequisites(spec: Path) -> None:
    found = stacks(spec)
    assert list(found) == ["churn-dev", "churn-prod-eu", "churn-prod-us"]
    assert "prerequisites" not in found["churn-dev"]
    for name in ("churn-prod-eu", "churn-prod-us"):
        (before,) = found[name]["prerequisites"]
        assert before["name"] == "churn-dev"
        assert before["requirement"] == {"succeededWithinDuration": "1h"}


def test_an_environment_on_people_s_own_machines_is_left_out(spec: Path) -> None:
    before = objects(spec)
    with spec.open("a", encoding="utf-8") as file:
        file.write("  local: {cloud: local, after: [dev]}\n")
    assert objects(spec) == before


def test_state_and_identity_are_the_accounts(spec: Path) -> None:
    account, _, stack = objects(spec, folder="platform")[:3]
    role = "arn:aws:iam::111111111111:role/plinth-deploy"
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    assert stack["spec"]["serviceAccountName"] == account["metadata"]["name"]
    assert stack["spec"]["backend"].startswith("s3://plinth-state-111111111111-eu-west-1")
    assert stack["spec"]["secretsProvider"].startswith("awskms:///alias/plinth-state")
    assert stack["spec"]["repoDir"] == "platform"
    assert stack["spec"]["destroyOnFinalize"] is False


def test_a_cluster_of_ones_own_keeps_its_state_where_a_secret_says() -> None:
    found = stacks(ROOT / "examples" / "on-premises" / "platform.yaml")
    for name, spec in found.items():
        assert "backend" not in spec
        assert spec["envRefs"]["PULUMI_BACKEND_URL"]["secret"] == {
            "name": f"{name}-state",
            "key": "PULUMI_BACKEND_URL",
        }
