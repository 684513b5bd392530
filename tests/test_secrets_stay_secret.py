"""No secret value leaves the stores: not in output, not in state, not in logs, on no cloud.

Values that people put into a store are referred to by the spec; others are made. Both are looked
for in everything that the commands say and leave behind, beside the simulated cloud itself.
"""

from __future__ import annotations

import base64
import functools
import inspect
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from example import CLUSTERS
from plinth import registry
from plinth.rehearsal import launch, unmanaged
from plinth.rehearsal.cloud import Cloud
from plinth.spec.models import Settings
from plinth.spec.types import SecretRef
from project import PLACES, Project, one_by_default

pytestmark = pytest.mark.engine

_TOKEN = ("username", "password")

#: The secrets that the spec refers to, and their keys.
_REFERRED = {
    "oidc-client": ("client-secret",),
    "dags-token": _TOKEN,
    "features-token": _TOKEN,
    "slack-webhook": ("url",),
}
_REFERRED_ON_CLUSTERS = {
    "object-store": ("access_key", "secret_key"),
    "object-store-ca": ("ca.crt",),
    "postgres-admin": _TOKEN,
    "redis": ("password",),
    "redis-ca": ("ca.crt",),
    "mail": ("password",),
}

_BLOCKS: dict[str, Any] = {
    "identity": {
        "issuer": "https://id.example.com",
        "client_id": "churn",
        "client_secret": {"secret": "oidc-client", "key": "client-secret"},
    },
    "orchestration": {
        "dags": {
            "repository": "https://example.com/ml/dags.git",
            "credentials": {"secret": "dags-token"},
        }
    },
    "features": {
        "repository": {
            "repository": "https://example.com/ml/features.git",
            "credentials": {"secret": "features-token"},
        }
    },
    "monitoring": {"alerts": {"slack": {"secret": "slack-webhook", "key": "url"}}},
}

_VAULT_GROUP, _VAULT = "team", "team-secrets"

#: What the spec says of each cloud: where the team's secrets are, or stores that are there.
_CLOUD_BLOCKS: dict[str, dict[str, Any]] = {
    "aws": {},
    "azure": {
        "vault": f"/subscriptions/{PLACES['azure']['account']}/resourceGroups/{_VAULT_GROUP}"
        f"/providers/Microsoft.KeyVault/vaults/{_VAULT}"
    },
    "gcp": {},
    "kubernetes": {
        "context": "ml",
        "object_store": {
            "endpoint": "https://s3.example.com",
            "credentials": {"secret": "object-store"},
            "ca": {"secret": "object-store-ca", "key": "ca.crt"},
        },
        "mail": {
            "host": "mail.example.com",
            "sender": "ml-alerts@example.com",
            "username": "ml",
            "password": {"secret": "mail", "key": "password"},
        },
        "database": {"host": "postgres.example.com", "admin": {"secret": "postgres-admin"}},
        "cache": {
            "host": "redis.example.com",
            "auth": {"secret": "redis"},
            "ca": {"secret": "redis-ca", "key": "ca.crt"},
        },
    },
}

#: Too dear for a run of the engine, or nothing would be made where stores are there.
_PLANNED_ONLY = {"orchestration": None, "serving": None}
_STORES = ("database", "cache")

Contents = Mapping[str, Mapping[str, str]]


def _aws(cloud: Cloud, contents: Contents) -> None:
    place = {"region": PLACES["aws"]["region"], "allowedAccountIds": [PLACES["aws"]["account"]]}
    kinds = "aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretVersion:SecretVersion"
    for name, content in contents.items():
        made = unmanaged.create(cloud, kinds[0], name, {"name": name}, **place)
        version = {"secretId": made.id, "secretString": json.dumps(content)}
        unmanaged.create(cloud, kinds[1], name, version, **place)


def _azure(cloud: Cloud, contents: Contents) -> None:
    place = {"subscriptionId": PLACES["azure"]["account"]}
    group = {"resourceGroupName": _VAULT_GROUP, "location": PLACES["azure"]["region"]}
    unmanaged.create(cloud, "azure-native:resources:ResourceGroup", "", group, **place)
    sku = {"family": "A", "name": "standard"}
    vault = {"tenantId": "00000000-0000-0000-0000-0000000000aa", "sku": sku}
    vault_inputs = {**group, "vaultName": _VAULT, "properties": vault}
    unmanaged.create(cloud, "azure-native:keyvault:Vault", "", vault_inputs, **place)
    owner = {"resourceGroupName": _VAULT_GROUP, "vaultName": _VAULT}
    for name, content in contents.items():
        secret = {**owner, "secretName": name, "properties": {"value": json.dumps(content)}}
        unmanaged.create(cloud, "azure-native:keyvault:Secret", "", secret, **place)


def _gcp(cloud: Cloud, contents: Contents) -> None:
    place = {"project": PLACES["gcp"]["account"], "region": PLACES["gcp"]["region"]}
    kinds = "gcp:secretmanager/secret:Secret", "gcp:secretmanager/secretVersion:SecretVersion"
    for name, content in contents.items():
        secret = {"secretId": name, "replication": {"auto": {}}}
        made = unmanaged.create(cloud, kinds[0], name, secret, **place)
        version = {"secret": made.id, "secretData": json.dumps(content)}
        unmanaged.create(cloud, kinds[1], name, version, **place)


def _kubernetes(cloud: Cloud, contents: Contents) -> None:
    for name, content in contents.items():
        secret = {"metadata": {"name": name, "namespace": "secrets"}, "stringData": dict(content)}
        unmanaged.create(cloud, "kubernetes:core/v1:Secret", name, secret, clusterIdentifier="ml")


_PLANT: Mapping[str, Callable[[Cloud, Contents], None]] = {
    "aws": _aws,
    "azure": _azure,
    "gcp": _gcp,
    "kubernetes": _kubernetes,
}


@pytest.mark.parametrize("cloud", one_by_default())
def test_values_stay_in_the_stores(cloud: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    # What the engine leaves in temporary files counts as well.
    project.variables["TMPDIR"] = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    referred = _REFERRED | (_REFERRED_ON_CLUSTERS if cloud == "kubernetes" else {})
    contents = {
        name: {key: f"PLANTED-{secrets.token_hex(12)}" for key in keys}
        for name, keys in referred.items()
    }
    planted = [value for content in contents.values() for value in content.values()]

    _write(project, cloud)
    said = [project.run(*words) for words in (["plan", "dev", "--json"], ["explain", "dev"])]
    _write(project, cloud, engine=True)
    # On a cluster that is there, the place for secrets comes with the platform.
    if cloud != "kubernetes":
        _plant(project, cloud, contents)
    said.append(project.run("up", "dev", "--rehearse", "--json"))
    if cloud == "kubernetes":
        _plant(project, cloud, contents)
    for words in (
        ["preview", "dev", "--rehearse"],
        ["refresh", "dev", "--rehearse", "--json"],
        ["outputs", "dev", "--rehearse", "--json"],
        ["diff", "dev", "twin", "--json"],
    ):
        said.append(project.run(*words))
    for number, done in enumerate(said):
        (tmp_path / f"said-{number}").write_text(done.stdout + done.stderr, encoding="utf-8")

    with project.opened("dev") as opened:
        made = set(_made(opened))
    assert len(made) > 3
    files = {file for file in tmp_path.rglob("*") if file.is_file()}
    database = {file for file in files if file.name.startswith("cloud.db")}
    # The search can find: it does, in the simulated cloud.
    assert {value for _, value in _found([*planted, *made], database)} == {*planted, *made}
    assert len(files) > 20
    assert not _found([*planted, *made], files - database)


@pytest.mark.parametrize("cloud", CLUSTERS)
def test_every_reference_is_tried(cloud: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    _write(project, cloud)
    document = yaml.safe_load(project.spec.read_text(encoding="utf-8"))
    paths = [*_references(Settings)]
    for capability, tool in registry.all_tools():
        options = registry.tool(capability, tool).options
        paths += [f"{capability}.{path}" for path in _references(options)]
    paths += [f"clouds.{cloud}.{path}" for path in _references(registry.cloud(cloud).options)]
    assert len(paths) >= 4
    for path in paths:
        value = functools.reduce(lambda node, key: node[key], path.split("."), document)
        assert SecretRef(**value)


def _write(project: Project, cloud: str, *, engine: bool = False) -> None:
    """The spec with every reference there is, or what of it the engine is run on."""
    project.move(cloud)
    block, blocks = dict(_CLOUD_BLOCKS[cloud]), dict(_BLOCKS)
    if engine:
        block = {key: value for key, value in block.items() if key not in _STORES}
        blocks |= _PLANNED_ONLY
    project.write(**blocks, clouds={cloud: block})
    document = yaml.safe_load(project.spec.read_text(encoding="utf-8"))
    dev = document["environments"]["dev"]
    project.write(environments={"dev": dev, "twin": dev})


def _plant(project: Project, cloud: str, contents: Contents) -> None:
    """Puts secrets of other people's into the simulated cloud."""
    file = launch.database(project.simulation("dev"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with Cloud(file) as opened:
        _PLANT[cloud](opened, contents)


def _references(kind: type[BaseModel]) -> Iterator[str]:
    """Paths of all references to secrets that a model has room for."""
    for name, field in kind.model_fields.items():
        for part in _parts(field.annotation):
            if part is SecretRef:
                yield name
            elif inspect.isclass(part) and issubclass(part, BaseModel):
                yield from (f"{name}.{rest}" for rest in _references(part))


def _parts(annotation: Any) -> Iterator[Any]:
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for each in inner:
        yield from _parts(each)


def _made(cloud: Cloud) -> Iterator[str]:
    """Every secret value that the run made: random ones, and those that the cloud makes."""
    for record in cloud.resources():
        if record.type in ("random:index/randomPassword:RandomPassword", _BYTES):
            yield from (v for key, v in record.outputs.items() if key in _RANDOM)
        elif record.type == "gcp:redis/instance:Instance":
            yield record.outputs["authString"]
        elif record.type == "azure-native:keyvault:Secret" and record.urn:
            content = json.loads(record.inputs["properties"]["value"])
            yield from (value for key, value in content.items() if key != "username")


_BYTES = "random:index/randomBytes:RandomBytes"
_RANDOM = ("result", "bcryptHash", "base64", "hex")


def _found(values: Iterable[str], files: Iterable[Path]) -> set[tuple[str, str]]:
    """Which values are in which files, as they are or in base64 at any offset."""
    needles = {needle: value for value in values for needle in _spellings(value)}
    return {
        (file.name, value)
        for file in files
        for content in [file.read_bytes()]
        for needle, value in needles.items()
        if needle in content
    }


def _spellings(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield plain
    for offset in range(3):
        encoded = base64.b64encode(b"0" * offset + plain)
        # The first and the last group of four depend on what is around the value.
        yield encoded[4 if offset else 0 : len(encoded) - 4]
