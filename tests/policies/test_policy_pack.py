from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from policy_support import KEY, PARAMETERS
from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_BOOLEAN_VALUE, unknown_checking_proxy

from plinth.errors import UsageError
from plinth.graph import UNKNOWN
from plinth_policies import REGISTRY, Enforcement, Level, Waiver, pack
from plinth_policies.encryption.aws import BUCKET, BUCKET_ENCRYPTION

VOLUME = "aws:ebs/volume:Volume"
PACK = Path(__file__).parents[2] / "policies" / "packs" / pack.PACK_NAME
FOREVER = Waiver(rule="*", resource="*", reason="r", owner="o@e.x", expires=date.max)


def _options() -> PolicyResourceOptions:
    return PolicyResourceOptions(
        protect=False,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
    )


def _policy(name: str) -> Policy:
    return next(policy for policy in pack.policies() if policy.name == name)


def _provider(default_tags: str) -> PolicyProviderResource:
    props = unknown_checking_proxy({"defaultTags": default_tags})
    return PolicyProviderResource("pulumi:providers:aws", props, "urn:provider", "aws")


def _ask_resource(
    name: str,
    token: str,
    props: dict[str, Any],
    provider: PolicyProviderResource | None = None,
    config: dict[str, Any] | None = None,
) -> list[str]:
    """What a resource policy reports; properties arrive as the engine's proxies."""
    policy = _policy(name)
    assert isinstance(policy, ResourceValidationPolicy)
    proxied = unknown_checking_proxy(props)
    args = ResourceValidationArgs(token, proxied, "urn:x", "x", _options(), provider, config)
    found: list[str] = []

    def report(message: str, _urn: str | None = None) -> None:
        found.append(message)

    assert policy.validate(args, report) is None
    return found


def _stack_resource(
    token: str, name: str, props: dict[str, Any], bucket: PolicyResource | None = None
) -> PolicyResource:
    links = {"bucket": [bucket]} if bucket else {}
    proxied = unknown_checking_proxy(props)
    return PolicyResource(token, proxied, f"urn:{name}", name, _options(), None, None, [], links)


def _ask_stack(
    name: str, resources: Sequence[PolicyResource], config: dict[str, Any] | None = None
) -> list[tuple[str, str | None]]:
    policy = _policy(name)
    assert isinstance(policy, StackValidationPolicy)
    found: list[tuple[str, str | None]] = []
    args = StackValidationArgs(list(resources), config)

    def report(message: str, urn: str | None = None) -> None:
        found.append((message, urn))

    assert policy.validate(args, report) is None
    return found


def test_every_rule_is_a_policy_of_the_kind_it_needs() -> None:
    kinds = {policy.name: isinstance(policy, StackValidationPolicy) for policy in pack.policies()}
    assert kinds == {rule.id: rule.needs_graph for rule in REGISTRY.rules}


def test_a_resource_policy_judges_what_the_engine_shows() -> None:
    name = "encryption-ebs-volume-kms"
    assert _ask_resource(name, VOLUME, {"encrypted": True, "kmsKeyId": KEY}) == []
    assert _ask_resource(name, VOLUME, {"encrypted": True, "kmsKeyId": UNKNOWN}) == []
    assert "encrypted is off" in _ask_resource(name, VOLUME, {"encrypted": False})[0]
    unknown = {"encrypted": UNKNOWN_BOOLEAN_VALUE, "kmsKeyId": KEY}
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
    provider = _provider(json.dumps({"tags": {"owner": "ml@example.com"}}))
    tags = {"tags": {"capability": "artifacts"}}
    assert _ask_resource("tags-required", BUCKET, tags, provider, required) == []
    assert "missing: owner;" in _ask_resource("tags-required", BUCKET, tags, None, required)[0]


def test_default_labels_of_the_provider_count() -> None:
    required = {"required_tags": ["owner", "capability"]}
    props = unknown_checking_proxy({"defaultLabels": json.dumps({"owner": "ml_example_com"})})
    provider = PolicyProviderResource("pulumi:providers:gcp", props, "urn:provider", "gcp")
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
    companion = _stack_resource(BUCKET_ENCRYPTION, "companion", props, bucket)
    stray = _stack_resource(BUCKET_ENCRYPTION, "stray", props)
    name = "encryption-s3-bucket-kms"
    assert _ask_stack(name, [companion, bucket]) == []
    assert [urn for _, urn in _ask_stack(name, [bucket, stray])] == ["urn:bucket"]


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
    with pytest.raises(UsageError):
        _ask_resource(name, token, cluster, config={"allowed": []})


@pytest.mark.parametrize("level", ["advisory", "mandatory"])
def test_the_configuration_fits_the_schemas(level: Level) -> None:
    made = pack.config(Enforcement(level=level, parameters=PARAMETERS, waivers=[FOREVER]))
    assert json.loads(json.dumps(made)) == made
    assert made.pop("all") == {"enforcementLevel": level}
    assert set(made) == {policy.name for policy in pack.policies()}
    for policy in pack.policies():
        schema = policy.config_schema
        assert schema is not None
        settings = {k: v for k, v in made[policy.name].items() if k != "enforcementLevel"}
        assert made[policy.name]["enforcementLevel"] == level
        assert set(settings) == set(schema.properties)
        whole = {"type": "object", "properties": schema.properties}
        jsonschema.validate(settings, whole)
        jsonschema.validate({k: v["default"] for k, v in schema.properties.items()}, whole)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: {} for key in settings}, whole)


def test_the_pack_folder_starts_the_pack_with_the_projects_environment() -> None:
    project = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert project["runtime"]["name"] == "python"
    environment = project["runtime"]["options"]["virtualenv"]
    assert (PACK / environment).resolve() == Path(__file__).parents[2] / ".venv"
    assert "start()" in (PACK / "__main__.py").read_text()
