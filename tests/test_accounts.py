"""Whose credentials are in hand, and what clouds refuse, through the real engine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plinth.engine.settings import Settings, environment_variables
from project import PLACES, Project

pytestmark = pytest.mark.engine

#: Accounts that no environment is pinned to.
OTHERS = {
    "aws": "999999999999",
    "azure": "00000000-0000-0000-0000-000000000009",
    "gcp": "somebody-else",
}


def small(folder: Path, cloud: str) -> Project:
    project = Project(folder)
    project.move(cloud)
    project.keep(artifacts={})
    return project


def only(answer: Any) -> Any:
    (problem,) = answer["problems"]
    return problem


@pytest.mark.parametrize("cloud", OTHERS)
def test_credentials_of_others_make_nothing(cloud: str, tmp_path: Path) -> None:
    project = small(tmp_path, cloud)
    project.variables["PLINTH_REHEARSE_ACCOUNT"] = OTHERS[cloud]
    for command in ("up", "preview"):
        problem = only(project.json(command, "dev", "--rehearse", code=1))
        assert problem["code"] == "wrong-account"
        assert problem["environment"] == "dev"
        assert PLACES[cloud]["account"] in problem["message"]
        assert _whose(cloud) in problem["message"]
        assert PLACES[cloud]["account"] in problem["fix"]
    assert project.cloud("dev") == []
    told = project.run("up", "dev", "--rehearse", code=1)
    assert len([line for line in told.stderr.splitlines() if line.startswith("error")]) == 1

    project.variables["PLINTH_REHEARSE_ACCOUNT"] = PLACES[cloud]["account"]
    project.json("up", "dev", "--rehearse")
    made = project.cloud("dev")
    assert made

    project.variables["PLINTH_REHEARSE_ACCOUNT"] = OTHERS[cloud]
    for command in (["refresh"], ["destroy"], ["preview", "--refresh"]):
        problem = only(project.json(*command, "dev", "--rehearse", code=1))
        expected = "wrong-account" if cloud == "aws" else "permission-missing"
        assert problem["code"] == expected
        assert PLACES[cloud]["account"] in problem["message"]
    assert project.cloud("dev") == made


def _whose(cloud: str) -> str:
    """How the credentials are told: by account, by tenant, by service account."""
    from plinth.rehearsal.packages.azure.shapes import tenant

    return tenant(OTHERS["azure"]) if cloud == "azure" else OTHERS[cloud]


def test_nothing_is_compared_where_the_spec_names_no_account(tmp_path: Path) -> None:
    """What is made belongs to the account of the credentials; that is said where it matters."""
    project = small(tmp_path, "aws")
    project.write(environments={"dev": {}, "prod": {"durable": True}})
    project.variables["PLINTH_REHEARSE_ACCOUNT"] = OTHERS["aws"]
    made = project.json("up", "dev", "--rehearse")
    assert not any("pinned" in each["message"] for each in made["diagnostics"])
    with project.opened("dev") as cloud:
        assert OTHERS["aws"] in str(cloud.resources(type="aws:kms/key:Key")[0].outputs["arn"])
    warned = project.run("up", "prod", "--rehearse")
    assert (warned.stdout + warned.stderr).count("prod is durable and pinned to no account") == 1
    again = project.json("up", "prod", "--rehearse", "--yes")
    assert sum("pinned to no account" in each["message"] for each in again["diagnostics"]) == 1


def test_plain_pulumi_is_stopped_as_well(tmp_path: Path) -> None:
    project = small(tmp_path, "aws")
    project.variables["PLINTH_REHEARSE_ACCOUNT"] = OTHERS["aws"]
    project.json("up", "dev", "--rehearse", code=1)
    settings = Settings(root=tmp_path, environment="dev", rehearse=True, spec=project.spec)
    answer = subprocess.run(
        ["pulumi", "preview", "-s", "dev", "--non-interactive"],
        cwd=settings.project_directory,
        env={**os.environ, **project.variables, **environment_variables(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert f"account {PLACES['aws']['account']}" in said
    assert f"account {OTHERS['aws']}" in said
    assert "Traceback" not in said


DENIED = (
    "operation error S3: CreateBucket, https response error StatusCode: 403, RequestID: {}, api "
    "error AccessDenied: User: arn:aws:iam::111111111111:user/ci is not authorized to perform: "
    's3:CreateBucket on resource: "arn:aws:s3:::churn" because no identity-based policy allows it'
)


@pytest.mark.parametrize(
    ("cloud", "fault", "code", "says"),
    [
        (
            "aws",
            {"type": "aws:s3/bucket:Bucket", "message": DENIED.format("A1"), "times": 99},
            "permission-missing",
            "arn:aws:iam::111111111111:user/ci lacks the permission s3:CreateBucket",
        ),
        (
            "azure",
            {
                "type": "azure-native:resources:ResourceGroup",
                "message": 'Status=403 Code="AuthorizationFailed" Message="The client \'c1\' with '
                "object id 'o1' does not have authorization to perform action "
                "'Microsoft.Resources/subscriptions/resourcegroups/write' over scope "
                "'/subscriptions/s1/resourcegroups/churn' or the scope is invalid.\"",
            },
            "permission-missing",
            "Client c1 lacks the permission Microsoft.Resources/subscriptions/resourcegroups/write",
        ),
        (
            "gcp",
            {
                "type": "gcp:kms/keyRing:KeyRing",
                "message": "googleapi: Error 403: Permission 'cloudkms.keyRings.create' denied on "
                "resource 'projects/p1/locations/europe-west1' (or it may not exist)., forbidden",
            },
            "permission-missing",
            "lacks the permission cloudkms.keyRings.create on projects/p1/locations/europe-west1",
        ),
        (
            "aws",
            {
                "type": "aws:kms/key:Key",
                "message": "operation error KMS: CreateKey, https response error StatusCode: 400, "
                "RequestID: B2, LimitExceededException: the quota of keys is used up",
                "times": 99,
            },
            "quota-exceeded",
            "the quota of keys is used up",
        ),
        (
            "aws",
            {
                "operation": "configure",
                "type": "pulumi:providers:aws",
                "message": "1 error occurred:\n\t* Invalid credentials configured.\nPlease see "
                "https://www.pulumi.com/ for more information",
                "times": 99,
            },
            "credentials-expired",
            "Invalid credentials configured",
        ),
        (
            "aws",
            {
                "operation": "invoke",
                "type": "aws:index/getCallerIdentity*",
                "message": "operation error STS: GetCallerIdentity, https response error "
                "StatusCode: 403, RequestID: C3, api error ExpiredToken: The security token "
                "included in the request is expired",
            },
            "credentials-expired",
            "ExpiredToken: The security token included in the request is expired",
        ),
    ],
)
def test_a_refusal_is_one_sentence(
    cloud: str, fault: dict[str, Any], code: str, says: str, tmp_path: Path
) -> None:
    project = small(tmp_path, cloud)
    plan = tmp_path / "faults.json"
    plan.write_text(json.dumps([{"operation": "create", "action": "fail", **fault}]))
    told = project.run("up", "dev", "--rehearse", "--faults", str(plan), code=1)
    (line,) = [each for each in told.stderr.splitlines() if each.startswith("error ")]
    assert says in line
    assert f"[{code}]" in told.stderr
    assert "fix: " in told.stderr


def test_a_backend_that_cannot_be_reached(tmp_path: Path) -> None:
    project = small(tmp_path, "aws")
    project.variables |= {"PULUMI_BACKEND_URL": "file:///nowhere/to/be/found"}
    problem = only(project.json("up", "dev", "--yes", code=1))
    assert problem["code"] == "backend-unreachable"
    assert "/nowhere/to/be/found" in problem["message"]
