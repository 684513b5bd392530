from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cases_budget import MAIL, limited, told
from cases_exposure_aws import ON
from cases_tags import SHARED
from cases_transit_aws import DENY
from policy_support import KEY, PARAMETERS

from example import EXAMPLES, Example
from plinth.engine.host import launcher
from plinth.engine.locate import locate
from plinth.engine.settings import Settings
from plinth.engine.workspace import PolicyPack, Stack
from plinth.graph import Graph
from plinth.operations import open_environment
from plinth_policies import Enforcement, Waiver, evaluate, pack
from plinth_policies.encryption.aws import BUCKET, BUCKET_ENCRYPTION
from plinth_policies.packs import PACKS

REPOSITORY = Path(__file__).parents[2]
STACK = "urn:pulumi:dev::churn::"
PROVIDER = f"{STACK}pulumi:providers:aws::aws"


def _entry(token: str, name: str, inputs: dict[str, Any], *, of: str = "") -> dict[str, Any]:
    links = {"bucket": [f"{STACK}{BUCKET}::{of}"]} if of else {}
    return {
        "urn": f"{STACK}{token}::{name}",
        "type": token,
        "custom": True,
        "id": f"{name}-id",
        "inputs": inputs,
        "outputs": inputs,
        "propertyDependencies": links,
        "provider": "" if token.startswith("pulumi:") else f"{PROVIDER}::aws-id",
    }


def _state() -> dict[str, Any]:
    """One stack with a bucket that keeps every rule, one that breaks some, and a volume."""
    tags = {"tags": {"capability": "artifacts"}}
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    rules = [{"applyServerSideEncryptionByDefault": default}]
    block = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    policy = {"bucket": "x", "policy": json.dumps({"Statement": [DENY]})}
    entries = [
        _entry("pulumi:providers:aws", "aws", {"defaultTags": json.dumps({"tags": SHARED})}),
        _entry(BUCKET, "good", tags),
        _entry(BUCKET_ENCRYPTION, "encryption", {"bucket": "x", "rules": rules}, of="good"),
        _entry("aws:s3/bucketLogging:BucketLogging", "logs", {"targetBucket": "logs"}, of="good"),
        _entry(block, "block", {"bucket": "x", **ON}, of="good"),
        _entry("aws:s3/bucketPolicy:BucketPolicy", "policy", policy, of="good"),
        _entry(BUCKET, "bad", {}),
        _entry("aws:ebs/volume:Volume", "volume", {**tags, "encrypted": False}),
        _entry("aws:budgets/budget:Budget", "budget", {**tags, **limited(**told(80, **MAIL))}),
    ]
    moment = "2026-01-01T00:00:00Z"
    manifest = {"time": moment, "magic": "", "version": ""}
    stamped = [{**entry, "created": moment, "modified": moment} for entry in entries]
    return {"version": 3, "deployment": {"manifest": manifest, "resources": stamped}}


def _engine_says(folder: Path, state: dict[str, Any], config: dict[str, Any]) -> tuple[int, str]:
    """Exit code and output of the real engine, judging a state with the pack."""
    engine = locate()
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    path = os.environ["PATH"]
    variables = {
        **os.environ,
        "PATH": path if engine.language_host() else f"{launcher.directory()}{os.pathsep}{path}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    command = ["policy", "analyze", "--file", "state.json", "--policy-pack-config", "config.json"]
    pack_folder = REPOSITORY / "policies" / "packs" / "plinth-production"
    done = subprocess.run(
        [engine.path, *command, "--policy-pack", pack_folder, "--non-interactive", "--json"],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.engine
def test_the_engine_finds_what_the_offline_check_finds(tmp_path: Path) -> None:
    waivers = [
        Waiver(rule="transit-*", resource="bad", reason="r", owner="o@e.x", expires=date.max)
    ]
    graph = Graph.from_export(_state(), environment="dev", cloud="aws")
    enforcement = Enforcement(level="mandatory", parameters=PARAMETERS, waivers=waivers)
    found = evaluate(graph, enforcement).violations
    assert {violation.urn.rsplit("::", 1)[1] for violation in found} == {"bad", "volume"}
    assert [violation.policy for violation in found if violation.waiver] == [
        "transit-s3-bucket-tls"
    ]

    code, output = _engine_says(tmp_path, _state(), pack.config(enforcement))
    assert code != 0
    lines = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    events = [event["policyEvent"] for event in lines if "policyEvent" in event]
    said = {(e["policyName"], e["resourceUrn"], e["enforcementLevel"]) for e in events}
    assert said == {(v.policy, v.urn, v.severity) for v in found if not v.waiver}

    lenient = replace(enforcement, level="advisory")
    code, output = _engine_says(tmp_path, _state(), pack.config(lenient))
    assert code == 0, output


def _untagged() -> None:
    """A queue that nobody pays for, with a secret that no mend may lose."""
    options = pulumi.ResourceOptions(provider=aws.Provider("aws", region="eu-west-1"))
    aws.sqs.Queue(
        "jobs",
        policy=pulumi.Output.secret('{"a": "hunter2"}'),
        tags={"capability": "artifacts"},
        opts=options,
    )


@pytest.mark.engine
def test_the_engine_makes_what_a_rule_has_mended(tmp_path: Path) -> None:
    """Missing tags come from the configuration; what was there stays, secrets included."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    selection = PACKS["plinth-cost"]
    enforcement = Enforcement(
        level="mandatory", parameters=PARAMETERS, actions={"tags-required": "remediate"}
    )
    config = tmp_path / "config.json"
    config.write_text(json.dumps(pack.config(enforcement, selection.rules)), encoding="utf-8")
    stack = Stack(
        Settings(root=tmp_path, environment="dev", rehearse=True),
        _untagged,
        packages=("aws",),
        policy_packs=[PolicyPack(path=selection.write(tmp_path, sys.prefix), config=config)],
    )
    stack.up()
    (queue,) = [
        entry
        for entry in stack.export()["deployment"]["resources"]
        if entry["type"] == "aws:sqs/queue:Queue"
    ]
    assert queue["inputs"]["tags"] == {
        "platform": "churn",
        "environment": "dev",
        "owner": "ml@example.com",
        "cost-center": "4711",
        "capability": "artifacts",
        "managed-by": "plinth",
    }
    assert "hunter2" not in json.dumps(queue)
    assert stack.preview().summary.keys() == {"same"}


@pytest.mark.engine
@pytest.mark.parametrize(
    "example",
    [e for e in EXAMPLES if e.environment in ("prod", "line-2")],
    ids=str,
)
def test_what_a_plan_passes_the_engine_passes_where_nothing_is_yet(
    example: Example, tmp_path: Path
) -> None:
    """A first preview knows least: many values are unknown, and no cluster answers."""
    (tmp_path / "stacks").mkdir()
    shutil.copy(REPOSITORY / "Pulumi.yaml", tmp_path)
    spec = shutil.copy(example.spec, tmp_path / "stacks")
    environment = open_environment(Path(spec), example.environment, rehearse=True)
    assert environment.blueprint.settings.policies == "mandatory"
    outcome = environment.preview()
    assert outcome.summary.keys() == {"create"}
    assert [said.message for said in outcome.diagnostics if "plinth-" in said.message] == []
