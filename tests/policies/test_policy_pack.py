from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import jsonschema
import pytest
import yaml
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from policy_support import KEY, PARAMETERS, rule_of
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from plinth.graph import SECRET, SECRET_MARK, SIGNATURE, UNKNOWN, Resource
from plinth.plugin.wire import decode
from plinth_policies import REGISTRY, Enforcement, Level, Scope, Waiver, pack
from plinth_policies.encryption.aws import BUCKET, BUCKET_ENCRYPTION
from plinth_policies.packs import PACKS, Pack
from plinth_policies.wire import mended

VOLUME = "aws:ebs/volume:Volume"
FOLDERS = Path(__file__).parents[2] / "policies" / "packs"
FOREVER = Waiver(rule="*", resource="*", reason="r", owner="o@e.x", expires=date.max)
UNKNOWN_BOOLEAN = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
PRODUCTION = PACKS["plinth-production"]


class _RefusedError(Exception):
    """What the service said instead of an answer."""


class _Context:
    """A call's context that only knows how to refuse."""

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise _RefusedError(f"{code.name}: {details}")


CONTEXT: Any = _Context()


def _struct(values: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(dict(values))
    return struct


def _provider(values: Mapping[str, Any], package: str = "aws") -> proto.AnalyzerProviderResource:
    return proto.AnalyzerProviderResource(
        type=f"pulumi:providers:{package}", urn="urn:p", name="p", properties=_struct(values)
    )


def _analyzer(
    name: str, config: Mapping[str, Any] | None = None, level: Level = "mandatory"
) -> pack.Analyzer:
    """The service for a pack of one rule."""
    rule = rule_of(name)
    made = pack.Analyzer(
        Pack(name="one", description="one", selects=lambda each: each is rule, level=level)
    )
    if config is not None:
        settings = {"enforcementLevel": level, **config}
        made.Configure(_configuration({name: settings}), CONTEXT)
    return made


def _configuration(record: Mapping[str, Mapping[str, Any]]) -> proto.ConfigureAnalyzerRequest:
    return proto.ConfigureAnalyzerRequest(
        policyConfig={
            name: proto.PolicyConfig(
                enforcementLevel=proto.EnforcementLevel.Value(settings["enforcementLevel"].upper()),
                properties=_struct({k: v for k, v in settings.items() if k != "enforcementLevel"}),
            )
            for name, settings in record.items()
        }
    )


def _ask_resource(
    name: str,
    token: str,
    props: Mapping[str, Any],
    provider: proto.AnalyzerProviderResource | None = None,
    config: Mapping[str, Any] | None = None,
) -> list[str]:
    """What a rule says of one resource, as the engine shows it."""
    request = proto.AnalyzeRequest(
        type=token, urn="urn:x", name="x", properties=_struct(props), provider=provider
    )
    return [d.message for d in _analyzer(name, config).Analyze(request, CONTEXT).diagnostics]


def _stack_resource(
    token: str, name: str, props: Mapping[str, Any], bucket: str = ""
) -> proto.AnalyzerResource:
    links = {"bucket": proto.AnalyzerPropertyDependencies(urns=[bucket])} if bucket else {}
    return proto.AnalyzerResource(
        type=token,
        urn=f"urn:{name}",
        name=name,
        properties=_struct(props),
        propertyDependencies=links,
    )


def _ask_stack(name: str, resources: Sequence[proto.AnalyzerResource]) -> list[tuple[str, str]]:
    request = proto.AnalyzeStackRequest(resources=resources)
    found = _analyzer(name).AnalyzeStack(request, CONTEXT).diagnostics
    return [(diagnostic.message, diagnostic.urn) for diagnostic in found]


def test_the_service_lists_every_rule_as_what_it_needs() -> None:
    info = pack.Analyzer(PRODUCTION).GetAnalyzerInfo(None, CONTEXT)
    stack = proto.POLICY_TYPE_STACK
    kinds = {policy.name: policy.policy_type == stack for policy in info.policies}
    assert kinds == {rule.id: rule.needs_graph for rule in REGISTRY.rules}
    levels = {policy.name: policy.enforcementLevel for policy in info.policies}
    assert levels == {
        rule.id: proto.EnforcementLevel.Value(rule.severity.upper()) for rule in REGISTRY.rules
    }
    assert all(policy.remediation_steps.endswith(".") for policy in info.policies)
    assert info.supportsConfig


def test_a_resource_policy_judges_what_the_engine_shows() -> None:
    name = "encryption-ebs-volume-kms"
    assert _ask_resource(name, VOLUME, {"encrypted": True, "kmsKeyId": KEY}) == []
    assert _ask_resource(name, VOLUME, {"encrypted": True, "kmsKeyId": UNKNOWN}) == []
    assert "encrypted is off" in _ask_resource(name, VOLUME, {"encrypted": False})[0]
    unknown = {"encrypted": UNKNOWN_BOOLEAN, "kmsKeyId": KEY}
    assert "encrypted is not known" in _ask_resource(name, VOLUME, unknown)[0]
    assert _ask_resource(name, "aws:s3/bucket:Bucket", {}) == []


def test_an_unknown_value_deep_inside_is_met_with_care() -> None:
    props = {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": UNKNOWN}]}
    name = "encryption-ecr-repository-kms"
    assert _ask_resource(name, "aws:ecr/repository:Repository", props) == []
    unknown = {"encryptionConfigurations": [UNKNOWN]}
    assert "is not known" in _ask_resource(name, "aws:ecr/repository:Repository", unknown)[0]


def test_default_tags_of_the_provider_count() -> None:
    required = {"required_tags": ["owner", "capability"]}
    provider = _provider({"defaultTags": json.dumps({"tags": {"owner": "ml@example.com"}})})
    tags = {"tags": {"capability": "artifacts"}}
    assert _ask_resource("tags-required", BUCKET, tags, provider, required) == []
    assert "missing: owner;" in _ask_resource("tags-required", BUCKET, tags, None, required)[0]


def test_default_labels_of_the_provider_count() -> None:
    required = {"required_tags": ["owner", "capability"]}
    provider = _provider({"defaultLabels": json.dumps({"owner": "ml_example_com"})}, "gcp")
    token, labels = "gcp:storage/bucket:Bucket", {"labels": {"capability": "artifacts"}}
    assert _ask_resource("tags-required", token, labels, provider, required) == []
    assert "missing: owner;" in _ask_resource("tags-required", token, labels, None, required)[0]


def test_a_resource_policy_judges_a_type_of_one_api_version() -> None:
    name, token = "encryption-storage-account-kms", "azure-native:storage/v20240101:StorageAccount"
    vault = {"keySource": "Microsoft.Keyvault", "keyVaultProperties": {"keyName": "artifacts"}}
    assert _ask_resource(name, token, {"encryption": vault}) == []
    assert _ask_resource(name, token, {}) != []


def test_a_stack_policy_follows_references_between_resources() -> None:
    bucket = _stack_resource(BUCKET, "bucket", {"bucket": UNKNOWN})
    encryption = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": UNKNOWN}
    rules = [{"applyServerSideEncryptionByDefault": encryption}]
    props = {"bucket": UNKNOWN, "rules": rules}
    companion = _stack_resource(BUCKET_ENCRYPTION, "companion", props, "urn:bucket")
    stray = _stack_resource(BUCKET_ENCRYPTION, "stray", props)
    name = "encryption-s3-bucket-kms"
    assert _ask_stack(name, [companion, bucket]) == []
    assert [urn for _, urn in _ask_stack(name, [bucket, stray])] == ["urn:bucket"]


def test_a_stack_policy_reads_inputs_where_nothing_has_come_out_yet() -> None:
    """On a cluster that a first preview plans, no object has any output."""
    made = _analyzer("pods-namespace-isolation")
    namespace, policy = (
        "kubernetes:core/v1:Namespace",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    )
    inputs = {
        namespace: {"metadata": {"name": "tracking"}},
        policy: {"metadata": {"namespace": UNKNOWN}, "spec": {"podSelector": {}}},
    }
    for token, props in inputs.items():
        shown = proto.AnalyzeRequest(
            type=token, urn=f"urn:{token}", name="x", properties=_struct(props)
        )
        assert not made.Analyze(shown, CONTEXT).diagnostics
    links = {"metadata": proto.AnalyzerPropertyDependencies(urns=[f"urn:{namespace}"])}
    resources = [
        proto.AnalyzerResource(type=namespace, urn=f"urn:{namespace}", name="x"),
        proto.AnalyzerResource(
            type=policy, urn=f"urn:{policy}", name="x", propertyDependencies=links
        ),
    ]

    def said(found: Sequence[proto.AnalyzerResource]) -> list[str]:
        response = made.AnalyzeStack(proto.AnalyzeStackRequest(resources=found), CONTEXT)
        return [diagnostic.urn for diagnostic in response.diagnostics]

    assert said(resources) == []
    assert said(resources[:1]) == [f"urn:{namespace}"]


def test_parameters_and_waivers_come_from_the_configuration() -> None:
    cluster = {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["8.8.8.0/24"]}}
    name, token = "exposure-eks-endpoint", "aws:eks/cluster:Cluster"
    assert _ask_resource(name, token, cluster) != []
    allowed = {"allowed_public_cidrs": ["8.8.8.0/24"]}
    assert _ask_resource(name, token, cluster, config=allowed) == []
    waived = {"waivers": [FOREVER.to_json()]}
    assert _ask_resource(name, token, cluster, config=waived) == []
    expired = {"waivers": [{**FOREVER.to_json(), "expires": "2020-01-01"}]}
    assert _ask_resource(name, token, cluster, config=expired) != []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"allowed": []}, "'allowed' is not a policy parameter"),
        ({"allowed_public_cidrs": "8.8.8.0/24"}, "with a value of that type"),
        ({"waivers": [{"rule": "*"}]}, "a waiver cannot be read"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(_RefusedError, match=f"INVALID_ARGUMENT: exposure-eks-endpoint: .*{said}"):
        _analyzer("exposure-eks-endpoint", config)


@pytest.mark.parametrize(
    ("level", "expected"),
    [("disabled", None), ("advisory", proto.ADVISORY), ("mandatory", proto.MANDATORY)],
)
def test_the_configuration_says_how_far_a_rule_goes(level: Any, expected: int | None) -> None:
    made = _analyzer("encryption-ebs-volume-kms", {}, level)
    request = proto.AnalyzeRequest(type=VOLUME, urn="urn:x", name="x", properties=_struct({}))
    found = {d.enforcementLevel for d in made.Analyze(request, CONTEXT).diagnostics}
    assert found == ({expected} if expected is not None else set())
    response = made.AnalyzeStack(proto.AnalyzeStackRequest(), CONTEXT)
    assert not response.diagnostics


@pytest.mark.parametrize("level", ["advisory", "mandatory"])
def test_the_configuration_fits_the_schemas(level: Level) -> None:
    made = pack.config(Enforcement(level=level, parameters=PARAMETERS, waivers=[FOREVER]))
    assert json.loads(json.dumps(made)) == made
    assert made.pop("all") == {"enforcementLevel": level}
    info = pack.Analyzer(PRODUCTION).GetAnalyzerInfo(None, CONTEXT)
    assert list(made) == [policy.name for policy in info.policies]
    for policy in info.policies:
        properties = MessageToDict(policy.configSchema.properties)
        assert properties == pack.schema(rule_of(policy.name))
        settings = {k: v for k, v in made[policy.name].items() if k != "enforcementLevel"}
        severity = rule_of(policy.name).severity
        assert made[policy.name]["enforcementLevel"] == (
            "advisory" if level == "advisory" else severity
        )
        assert set(settings) == set(properties)
        whole = {"type": "object", "properties": properties}
        jsonschema.validate(settings, whole)
        jsonschema.validate({k: v["default"] for k, v in properties.items()}, whole)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: {} for key in settings}, whole)


def test_the_engine_s_numbers_are_read_as_they_were_written() -> None:
    """Its numbers all have a fraction; a whole one is whole again."""
    record = pack.config(
        Enforcement(level="mandatory", parameters=replace(PARAMETERS, max_nodes=9))
    )
    pack.Analyzer(PRODUCTION).Configure(_configuration(record), CONTEXT)
    assert decode(_struct({"a": 3, "b": 1.5, "c": [True, None]}), secrets=False) == {
        "a": 3,
        "b": 1.5,
        "c": [True, None],
    }


def test_a_mend_keeps_what_plain_data_cannot_carry() -> None:
    secret = {SIGNATURE: SECRET_MARK, "value": "hunter2"}
    sent = _struct({"tags": {"a": "1", "b": secret}, "key": UNKNOWN_BOOLEAN, "gone": "x"})
    before = decode(sent, secrets=False)
    assert before == {"tags": {"a": "1", "b": SECRET}, "key": UNKNOWN, "gone": "x"}
    after = {"tags": {"a": "1", "b": SECRET, "c": "2"}, "key": UNKNOWN, "new": [1]}
    assert MessageToDict(mended(sent, before, after)) == {
        "tags": {"a": "1", "b": secret, "c": "2"},
        "key": UNKNOWN_BOOLEAN,
        "new": [1],
    }


def test_a_rule_that_remediates_mends_for_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where it is told to, and not what is waived."""
    name, token = "encryption-ebs-volume-kms", VOLUME

    def mend(resource: Resource, _scope: Scope) -> dict[str, Any]:
        return {**resource.inputs, "encrypted": True, "kmsKeyId": KEY}

    monkeypatch.setitem(REGISTRY._rules, name, replace(rule_of(name), mend=mend))
    request = proto.AnalyzeRequest(type=token, urn="urn:x", name="x", properties=_struct({}))

    def answer(level: Any, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = _analyzer(name, config, level).Remediate(request, CONTEXT).remediations
        return [MessageToDict(each.properties) for each in found]

    assert answer("mandatory", {}) == []
    assert answer("remediate", {}) == [{"encrypted": True, "kmsKeyId": KEY}]
    assert answer("remediate", {"waivers": [FOREVER.to_json()]}) == []


@pytest.mark.parametrize("name", PACKS)
def test_the_folders_of_packs_are_those_that_are_generated(name: str) -> None:
    folder = FOLDERS / name
    shipped = {
        path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()
    }
    assert shipped == PACKS[name].files(), "run `make docs`"
    project = yaml.safe_load(shipped["PulumiPolicy.yaml"])
    environment = project["runtime"]["options"]["virtualenv"]
    assert (folder / environment).resolve() == Path(__file__).parents[2] / ".venv"


def test_packs_are_selections_of_the_rules() -> None:
    assert {path.name for path in FOLDERS.iterdir()} == set(PACKS)
    assert PRODUCTION.rules == REGISTRY.rules
    for each in PACKS.values():
        assert each.rules
        assert {rule.id for rule in each.rules} <= {rule.id for rule in REGISTRY.rules}
    domains = {rule.domain for rule in PACKS["plinth-cost"].rules}
    assert "tags" in domains
    assert "encryption" not in domains
    assert all("kubernetes" in rule.clouds for rule in PACKS["plinth-kubernetes"].rules)


def test_a_pack_for_one_cloud_has_what_may_be_asked_there_and_nothing_else() -> None:
    selection = PRODUCTION.judging("aws", "kubernetes", "random")
    assert [rule.id for rule in selection.rules] == [
        rule.id for rule in REGISTRY.rules if {"aws", "kubernetes"} & {*rule.clouds}
    ]
    assert {rule.clouds for rule in REGISTRY.rules if rule not in selection.rules} == {
        ("azure-native",), ("gcp",),
    }  # fmt: skip
    main = selection.files()["__main__.py"]
    assert 'start(PACKS["plinth-production"].judging("aws", "kubernetes", "random"))' in main


def test_only_rules_that_judge_a_resource_can_pass_it() -> None:
    """The engine reports as passed what is neither violated nor said not to apply."""
    service = pack.Analyzer(PRODUCTION)
    alone = {rule.id for rule in REGISTRY.rules if not rule.needs_graph}
    together = {rule.id for rule in REGISTRY.rules if rule.needs_graph}

    def passed(type_: str) -> set[str]:
        request = proto.AnalyzeRequest(type=type_, urn="urn:x", name="x", properties=_struct({}))
        answer = service.Analyze(request, CONTEXT)
        aside = {entry.policy_name for entry in answer.not_applicable}
        assert aside <= alone
        return alone - aside

    assert passed(VOLUME) == {
        rule.id for rule in REGISTRY.rules if rule.judges_kind(VOLUME) and not rule.needs_graph
    }
    assert "encryption-ebs-volume-kms" in passed(VOLUME)
    assert passed("plinth:index:Platform") == set()
    stack = service.AnalyzeStack(
        proto.AnalyzeStackRequest(resources=[_stack_resource(BUCKET, "b", {})]), CONTEXT
    )
    judged = together - {entry.policy_name for entry in stack.not_applicable}
    assert judged == {rule.id for rule in REGISTRY.rules if rule.judges_kind(BUCKET)} & together
    request = proto.AnalyzeRequest(type=VOLUME, urn="urn:x", name="x", properties=_struct({}))
    mends = service.Remediate(request, CONTEXT)
    assert {entry.policy_name for entry in mends.not_applicable} == alone


def test_a_pack_does_not_load_the_sdk() -> None:
    code = (
        "import sys, plinth_policies.pack, plinth.engine.host.server\n"
        "print({'pulumi', 'plinth.engine.protocol.analyzer_pb2'} & {*sys.modules})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "{'plinth.engine.protocol.analyzer_pb2'}\n"


def test_a_pack_serves_the_engine_from_its_folder() -> None:
    """As the engine does it: a process that says its port and then answers."""
    process = subprocess.Popen(
        [sys.executable, str(FOLDERS / "plinth-cost")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = analyzer_pb2_grpc.AnalyzerStub(channel)
            info = stub.GetAnalyzerInfo(Empty(), timeout=30)
        assert info.name == "plinth-cost"
        assert [policy.name for policy in info.policies] == [
            rule.id for rule in PACKS["plinth-cost"].rules
        ]
    finally:
        process.kill()
        process.communicate()
