"""What is promised of every cloud, through the command line and the real engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from example import CLUSTERS
from plinth.planning import plan
from project import PLACES, Project, one_by_default

pytestmark = pytest.mark.engine

_BUCKETS: dict[str, Any] = {"artifacts": {}}
_ARCHIVE: dict[str, Any] = {"artifacts": {"buckets": {"models": {"archive_after_days": 30}}}}


@dataclass(frozen=True, kw_only=True)
class Case:
    """How one cloud is tried, with as little as it takes.

    Attributes:
        capabilities: What is brought up.
        edited: The same with one option changed.
        changed: Part of the platform and type of the one resource that this changes.
        drifted: Type and logical name of what somebody changes by hand.
        path: Which property of it, to which value.
        lasting: Types that the cloud keeps for ever or a while, whatever is deleted.
        renamed: Types whose names stay taken for a while, although the rehearsal forgets them.
    """

    capabilities: Mapping[str, Any] = field(default_factory=lambda: _BUCKETS)
    edited: Mapping[str, Any] = field(default_factory=lambda: _ARCHIVE)
    changed: tuple[str, str]
    drifted: tuple[str, str]
    path: str
    value: Any
    lasting: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()


CASES = {
    "aws": Case(
        changed=("artifacts", "BucketLifecycleConfiguration"),
        drifted=("aws:s3/bucketVersioning:BucketVersioning", "models"),
        path="versioningConfiguration.status",
        value="Suspended",
    ),
    "azure": Case(
        changed=("foundation", "ManagementPolicy"),
        drifted=("azure-native:storage:BlobContainer", "models"),
        path="publicAccess",
        value="Container",
        renamed=frozenset({"azure-native:keyvault:Vault"}),
    ),
    "gcp": Case(
        changed=("artifacts", "Bucket"),
        drifted=("gcp:storage/bucket:Bucket", "datasets"),
        path="publicAccessPrevention",
        value="inherited",
        # Keys can never be deleted, and log buckets not for a week.
        lasting=frozenset(
            {
                "gcp:kms/cryptoKey:CryptoKey",
                "gcp:kms/keyRing:KeyRing",
                "gcp:logging/projectBucketConfig:ProjectBucketConfig",
            }
        ),
    ),
    "kubernetes": Case(
        # Buckets alone would leave the cluster with nothing to run.
        capabilities={"monitoring": {}},
        edited={"monitoring": {"retention_days": 31}},
        changed=("monitoring", "Release"),
        drifted=("kubernetes:networking.k8s.io/v1:NetworkPolicy", "monitoring-*"),
        path="spec.ingress",
        value=[{}],
    ),
}


def test_every_cloud_is_tried() -> None:
    assert set(CASES) == set(PLACES) == set(CLUSTERS)


@pytest.mark.parametrize("cloud", one_by_default())
def test_everything_comes_up_goes_and_comes_again(cloud: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.move(cloud)
    made = project.json("up", "dev", "--rehearse")
    assert made["summary"].keys() == {"create"}
    assert made["outputs"]["tracking_url"] == "https://mlflow.ml.example.com"
    planned = {resource.urn for resource in plan(project.spec, "dev").graph}
    assert {change["urn"] for change in made["changes"]} >= planned
    case = CASES[cloud]
    exists = {(kind, id_) for kind, id_, urn in project.cloud("dev") if urn}

    again = project.json("preview", "dev", "--rehearse", "--expect-no-changes")
    assert (again["summary"], again["changes"]) == ({}, [])

    project.json("destroy", "dev", "--rehearse", "--yes")
    lasting = {(kind, id_, None) for kind, id_ in exists if kind in case.lasting}
    assert {kind for kind, _, _ in lasting} == case.lasting
    # Releases that bring CRDs are kept by the stack, and go with their cluster or namespace.
    assert set(project.cloud("dev")) == lasting
    (problem,) = project.json("outputs", "dev", "--rehearse", code=1)["problems"]
    assert problem["code"] == "not-up"

    # No name is taken by what was deleted, or cannot be.
    anew = project.json("up", "dev", "--rehearse")
    assert anew["summary"] == made["summary"]
    now = {(kind, id_) for kind, id_, urn in project.cloud("dev") if urn}
    assert {kind for kind, _ in exists - now} >= case.renamed
    assert not {kind for kind, _ in exists & now} & case.renamed


@pytest.mark.parametrize("cloud", CLUSTERS)
def test_updates_and_drift(cloud: str, tmp_path: Path) -> None:
    """An edited option changes one thing; an out-of-band change is found, then repaired."""
    case = CASES[cloud]
    project = Project(tmp_path)
    project.move(cloud)
    project.keep(**case.capabilities)
    project.json("up", "dev", "--rehearse")

    project.keep(**case.edited)
    changed = project.json("up", "dev", "--rehearse", "--yes")
    felt = [c for c in changed["changes"] if c["op"] not in ("same", "read", "refresh")]
    assert [(c["op"], c["risk"]) for c in felt] == [("update", "low")]
    assert (felt[0]["capability"], felt[0]["type"].rsplit(":", 1)[-1]) == case.changed

    urn = _change_by_hand(project, case)
    seen = project.json("refresh", "dev", "--rehearse")
    assert [c["urn"] for c in seen["changes"] if c["op"] == "update"] == [urn]
    repaired = project.json("up", "dev", "--rehearse", "--yes")
    assert [c["urn"] for c in repaired["changes"] if c["op"] == "update"] == [urn]
    project.json("preview", "dev", "--rehearse", "--expect-no-changes")


def _change_by_hand(project: Project, case: Case) -> str:
    """Changes one property behind the engine's back; the URN of what has it."""
    kind, name = case.drifted
    with project.opened("dev") as cloud:
        record, *_ = cloud.resources(type=kind, urn=f"*::{name}")
        assert record.urn is not None
        cloud.patch(record, case.path, case.value)
        return record.urn
