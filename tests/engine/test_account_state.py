"""State in a bucket, secrets under a key: the real engine against an AWS that moto plays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer
from toycloud import Box, ToyCloud

from plinth.engine.locate import Engine
from plinth.engine.settings import Settings, environment_variables
from plinth.engine.workspace import Stack
from plinth.errors import EngineError

pytestmark = pytest.mark.engine

REGION = "eu-west-1"
BUCKET = "plinth-state-111111111111-eu-west-1"
KEY = f"awskms:///alias/plinth-state?region={REGION}"


@dataclass(frozen=True)
class Account:
    """An account that has a bucket for state, and a key."""

    s3: Any
    kms: Any

    def texts(self) -> dict[str, str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {
            each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().decode()
            for each in listed
        }


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    urlopen(f"{url}/moto-api/reset", data=b"").close()
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3, kms = (boto3.client(name, region_name=REGION, endpoint_url=url) for name in ("s3", "kms"))
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/plinth-state", TargetKeyId=key)
    yield Account(s3, kms)
    server.stop()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # Buckets as parts of host names would need a name service of the test's own.
    url = f"s3://{BUCKET}?region={REGION}&awssdk=v2&s3ForcePathStyle=true"
    return replace(settings, backend=url, secrets=KEY)


def test_a_stack_lives_in_the_accounts_bucket_under_the_accounts_key(
    settings: Settings, engine: Engine, cloud: ToyCloud, account: Account
) -> None:
    import pulumi

    def program() -> None:
        Box("one", size=1, kind="a", label=pulumi.Output.secret("hunter2"))
        pulumi.export("password", pulumi.Output.secret("hunter2"))

    def stack() -> Stack:
        return Stack(settings, program, engine=engine, environment=cloud.environment)

    assert stack().up().summary["create"] > 0
    texts = account.texts()
    checkpoint = json.loads(texts[".pulumi/stacks/plinth/dev.json"])["checkpoint"]
    secrets = checkpoint["latest"]["secrets_providers"]
    assert (secrets["type"], secrets["state"]["url"]) == ("cloud", KEY)
    assert "hunter2" not in "".join(texts.values())
    assert not [name for name in texts if "/locks/" in name]
    assert not (settings.home / "passphrase").exists()
    assert not (settings.home / "state").exists()
    assert "secretsprovider: awskms" in settings.config_file.read_text(encoding="utf-8")

    # Another machine has the project's files and the account, and nothing else.
    assert stack().preview(allow_changes=False).changed == ()
    assert stack().outputs(show_secrets=True) == {"password": "hunter2"}
    assert environment_variables(settings, engine)["PULUMI_BACKEND_URL"] == settings.backend


@pytest.mark.parametrize(
    ("lost", "code"),
    [("bucket", "backend-unreachable"), ("key", "secrets-key-unusable")],
)
def test_without_the_bucket_or_the_key_nothing_is_made(
    *, settings: Settings, engine: Engine, cloud: ToyCloud, account: Account, lost: str, code: str
) -> None:
    if lost == "bucket":
        account.s3.delete_bucket(Bucket=BUCKET)
    else:
        account.kms.delete_alias(AliasName="alias/plinth-state")

    def program() -> None:
        Box("one", size=1, kind="a")

    with pytest.raises(EngineError) as caught:
        Stack(settings, program, engine=engine, environment=cloud.environment).up()
    (problem,) = caught.value.problems
    assert problem.code == code, problem
    assert problem.fix
    assert cloud.boxes == {}
