"""What tells models their versions, with its own rights, against a real API server.

Needs a cluster and KServe's definitions: see ``conftest.py`` here.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from kube_api import Api, prefix

from plinth import render
from plinth.spec.options import ServedModel
from plinth.tools.serving import kserve, manifests
from plinth.tools.serving.kserve_follow import NAME

pytestmark = pytest.mark.kube

REFERENCE = "models:/churn@champion"
MANAGER = "plinth-follow-aliases"


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ModuleType]:
    file = tmp_path / "follow_aliases.py"
    file.write_text(render.text("kserve/follow_aliases.py"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("follow_aliases", file)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    yield made
    del sys.modules[spec.name]


@pytest.fixture
def space(api: Api) -> Iterator[str]:
    name = f"{prefix()}serving"
    try:
        api.namespaces({name: {"apiVersion": "v1", "kind": "Namespace", "metadata": {}}})
        yield name
    finally:
        api.drop([name])


class Registry:
    """What the alias names."""

    version_ = "7"

    def version(self, _reference: str) -> str:
        return self.version_


def _owned(service: dict[str, Any], manager: str) -> Any:
    (entry,) = [e for e in service["metadata"]["managedFields"] if e["manager"] == manager]
    assert entry["operation"] == "Apply"
    return entry["fieldsV1"]


def test_versions_are_told_by_one_who_may_nothing_else(
    api: Api, script: ModuleType, space: str, tmp_path: Path
) -> None:
    model = ServedModel(uri=REFERENCE, framework="sklearn")
    churn, faces = (
        kserve.inference_service(name, model, namespace=space, labels={"team": "ml"})
        for name in ("churn", "faces")
    )
    if api.learn([churn]) or not api.pretends:
        pytest.skip("the cluster does not know InferenceServices, or runs what is put there")
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": space},
    }
    role = manifests.follower_role(NAME, space, ["churn", "absent"])
    for manifest in (churn, faces, account, *role):
        api.apply(manifest, really=True)
    host, authority = api.server
    shutil.copy(authority, tmp_path / "ca.crt")
    (tmp_path / "token").write_text(api.token(account), encoding="ascii")
    address = urlsplit(host)
    variables = {
        "KUBERNETES_SERVICE_HOST": str(address.hostname),
        "KUBERNETES_SERVICE_PORT": str(address.port),
    }
    cluster, registry = script.Cluster(space, variables, tmp_path), Registry()

    # It tells, and owns nothing but what it tells.
    followed = script.Model("churn", REFERENCE)
    followed.follow(registry, cluster)
    told = api.found(churn)
    notes = told["spec"]["predictor"]["annotations"]
    assert notes == {
        **churn["spec"]["predictor"]["annotations"],
        manifests.TOLD_MODEL: REFERENCE,
        manifests.TOLD_VERSION: "7",
    }
    mine = {f"f:{manifests.TOLD_MODEL}": {}, f"f:{manifests.TOLD_VERSION}": {}}
    assert _owned(told, MANAGER) == {"f:spec": {"f:predictor": {"f:annotations": mine}}}
    assert told["metadata"]["generation"] == 2

    # Applied again by the other owner, nothing changes; what that one changes, this one leaves.
    api.apply(churn, really=True)
    assert api.found(churn)["metadata"]["generation"] == 2
    larger = ServedModel(uri=REFERENCE, framework="sklearn", memory="4Gi")
    api.apply(
        kserve.inference_service("churn", larger, namespace=space, labels={"team": "ml"}),
        really=True,
    )
    registry.version_ = "8"
    followed.follow(registry, cluster)
    found = api.found(churn)["spec"]["predictor"]
    assert found["annotations"][manifests.TOLD_VERSION] == "8"
    assert found["model"]["resources"]["requests"]["memory"] == "4Gi"
    assert found["model"]["storageUri"] == REFERENCE

    # It may nothing else, and makes nothing that is not there.
    with pytest.raises(script.RefusedError, match="answered 403"):
        cluster.told("faces", REFERENCE)
    with pytest.raises(script.RefusedError, match="answered 403"):
        cluster.tell("faces", api.found(faces)["metadata"]["uid"], REFERENCE, "8")
    assert cluster.told("absent", REFERENCE) is None
    with pytest.raises(script.RefusedError, match=r"answered (403|409)"):
        cluster.tell("absent", "6f0cd4c4-7f9f-4c0a-9d0e-111111111111", REFERENCE, "8")
