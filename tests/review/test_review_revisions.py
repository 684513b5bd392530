"""Offline reviews in a real Git repository: which commit is compared, and what would change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from review_support import SPEC, Checkout

from plinth.errors import SpecError, UsageError
from plinth.graph import Graph, Resource
from plinth.review import making, revisions
from plinth.review.comparing import compare


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "project")


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as refused:
        run()
    (problem,) = refused.value.problems
    assert problem.fix
    return problem.code


def test_a_revision_is_read_with_what_decides_about_it(checkout: Checkout) -> None:
    lock = checkout.spec.parent / "dev.lock.json"
    lock.write_text(json.dumps({"kubernetes": "1.30"}), encoding="utf-8")
    first = checkout.commit()
    checkout.edit("name: churn", "name: attrition")
    lock.unlink()
    before, now = revisions.at(checkout.spec, "main"), revisions.working(checkout.spec)
    assert before.commit == revisions.head(checkout.spec) == first
    assert (before.project, now.project) == ("shop", "shop")
    assert before.blueprint("dev").pins.kubernetes == "1.30"
    assert now.blueprint("dev").pins.kubernetes != "1.30"
    assert before.blueprint("dev").settings.name == "churn"


def test_broken_records_of_versions_are_told(checkout: Checkout) -> None:
    lock = checkout.spec.parent / "dev.lock.json"
    lock.write_text("<<<<<<< ours", encoding="utf-8")
    commit = checkout.commit()
    with pytest.raises(SpecError) as raised:
        revisions.at(checkout.spec, "main").blueprint("dev")
    (problem,) = raised.value.problems
    assert problem.code == "lock-unusable"
    assert commit[:8] in problem.message


def test_no_repository(tmp_path: Path) -> None:
    spec = tmp_path / "platform.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    assert code_of(lambda: revisions.at(spec, "main")) == "not-a-repository"
    assert code_of(lambda: revisions.at(tmp_path / "no" / "spec", "main")) == "not-a-repository"
    assert revisions.head(spec) is None


def test_no_git(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_of(lambda: revisions.at(checkout.spec, "main")) == "git-missing"


def test_no_such_revision(checkout: Checkout) -> None:
    with pytest.raises(UsageError) as refused:
        revisions.at(checkout.spec, "mian")
    assert refused.value.problems[0].nearest == "main"
    assert code_of(lambda: revisions.at(checkout.spec, "--help")) == "unknown-revision"


def test_no_spec_there(checkout: Checkout) -> None:
    moved = checkout.spec.with_name("moved.yaml")
    checkout.spec.rename(moved)
    assert code_of(lambda: revisions.at(moved, "main")) == "spec-missing-at-revision"


def test_a_broken_spec_there_is_named_by_its_revision(checkout: Checkout) -> None:
    checkout.spec.write_text("name: [", encoding="utf-8")
    checkout.commit()
    with pytest.raises(SpecError) as refused:
        revisions.at(checkout.spec, "HEAD")
    assert str(refused.value.problems[0].location).startswith("HEAD:stacks/platform.yaml:1:")


def test_a_shallow_clone(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.git("rev-parse", "HEAD")
    checkout.edit("name: churn", "name: attrition")
    checkout.commit()
    checkout.git("clone", "-q", "--depth=1", f"file://{checkout.folder}", str(tmp_path / "clone"))
    spec = tmp_path / "clone" / "stacks" / "platform.yaml"
    assert code_of(lambda: revisions.at(spec, first)) == "shallow-clone"
    assert code_of(lambda: revisions.at(spec, "HEAD~1")) == "shallow-clone"
    assert revisions.at(spec, "origin/main").commit == revisions.head(spec)


def test_the_base_of_a_branch_is_where_it_left(checkout: Checkout) -> None:
    """What has come to main since is none of the branch's changes."""
    left = checkout.git("rev-parse", "HEAD")
    checkout.git("checkout", "-qb", "feature")
    checkout.edit("monthly_budget: 3000", "monthly_budget: 4000")
    checkout.commit()
    checkout.git("checkout", "-q", "main")
    checkout.edit("region: eu-west-1", "region: eu-central-1")
    checkout.commit()
    checkout.git("checkout", "-q", "feature")
    review = making.offline(checkout.spec, "dev", "main")
    assert (review.base, review.head) == (left, checkout.git("rev-parse", "HEAD"))
    assert [(change.op, change.name) for change in review.felt] == [("update", "budget")]
    assert list(review.felt[0].properties) == ["limitAmount"]
    assert not review.blockers


def test_nothing_changed(checkout: Checkout) -> None:
    review = making.offline(checkout.spec, "dev")
    assert (review.changes, review.risk, review.blockers) == ((), "none", ())
    assert review.source == "offline"


def test_a_new_name_replaces_what_keeps_data(checkout: Checkout) -> None:
    checkout.edit("name: churn", "name: attrition")
    review = making.offline(checkout.spec, "dev", "main")
    models = [c for c in review.felt if (c.name, c.stateful) == ("models", True)]
    assert [(c.op, c.risk, c.properties["bucket"]) for c in models] == [
        ("replace", "data-loss", "update-replace")
    ]
    follow = next(c for c in review.felt if c.type.endswith(":BucketVersioning"))
    assert (follow.op, follow.risk) == ("replace", "high")  # it refers to the bucket
    assert {problem.code for problem in review.blockers} == {"approval-missing"}

    durable = making.offline(checkout.spec, "prod", "main")
    codes = [problem.code for problem in durable.blockers]
    assert codes.count("protected") == 1  # approved or not, the engine refuses
    assert "approval-missing" in codes


def test_approved_in_the_same_change(checkout: Checkout) -> None:
    checkout.edit("name: churn", "name: attrition")
    line = (
        'approvals: [{resource: "*", change: replace, reason: "renamed before launch", '
        "approver: lead@example.com, expires: 2999-12-31}]"
    )
    checkout.edit('dev: {account: "111111111111"}', f'dev: {{account: "111111111111", {line}}}')
    review = making.offline(checkout.spec, "dev", "main")
    assert review.risk == "data-loss"
    assert not review.blockers
    assert len(review.approvals.granted) == len([c for c in review.felt if c.risk == "data-loss"])


def test_a_capability_less(checkout: Checkout) -> None:
    """Things that are no longer wanted are deleted, the last made first."""
    checkout.edit("artifacts: {}\n", "")
    review = making.offline(checkout.spec, "dev", "main")
    deleted = [change for change in review.felt if change.op == "delete"]
    assert {change.capability for change in deleted} >= {"artifacts"}
    models = next(c for c in deleted if (c.name, c.stateful) == ("models", True))
    assert (models.risk, models.reason) == ("data-loss", "no longer wanted; it keeps data")
    assert deleted.index(models) > deleted.index(next(c for c in deleted if "Policy" in c.type))


def test_another_region_moves_everything(checkout: Checkout) -> None:
    """Also what does not name its region: the provider's counts for all."""
    checkout.edit("region: eu-west-1", "region: eu-central-1")
    review = making.offline(checkout.spec, "dev", "main")
    moved = {c.type: c for c in review.felt if "region" in c.properties}
    assert moved["aws:kms/key:Key"].properties["region"] == "update-replace"
    assert moved["aws:s3/bucket:Bucket"].risk == "data-loss"
    assert {c.op for c in moved.values()} == {"replace", "update"}


def made(name: str = "one", **more: Any) -> Resource:
    type_ = more.pop("type", "kubernetes:core/v1:ConfigMap")
    return Resource(
        urn=f"{PREFIX}{type_}::{name}",
        type=type_,
        name=name,
        provider=f"{PREFIX}pulumi:providers:kubernetes::k8s::id",
        **{"inputs": {"metadata": {"name": name}, "data": {"a": "1"}}, **more},
    )


PREFIX = "urn:pulumi:dev::plinth::"


def compared(old: list[Resource], new: list[Resource], *, cluster: str = "a") -> dict[str, Any]:
    def graph(resources: list[Resource], name: str) -> Graph:
        type_ = "pulumi:providers:kubernetes"
        inputs = {"clusterIdentifier": name}
        provider = Resource(urn=f"{PREFIX}{type_}::k8s", type=type_, name="k8s", inputs=inputs)
        return Graph("dev", "kubernetes", (provider, *resources))

    found = compare(graph(old, "a"), graph(new, cluster), lambda kind: kind.endswith("Secret"))
    return {change.name: change for change in found}


def test_another_cluster_takes_everything_along() -> None:
    found = compared([made()], [made()], cluster="b")
    assert (found["k8s"].op, found["k8s"].risk) == ("replace", "low")
    assert (found["one"].op, found["one"].reason) == ("replace", "has to be made anew")
    assert compared([made()], [made()]) == {}


def test_another_provider_makes_it_anew() -> None:
    """The engine replaces what another provider is named for, whatever the provider says."""
    secret = made(type="kubernetes:core/v1:Secret")
    moved = replace(secret, provider=f"{PREFIX}pulumi:providers:kubernetes::other::id")
    found = compared([secret], [moved])["one"]
    assert (found.op, found.risk) == ("replace", "data-loss")
    changed = replace(moved, inputs={**moved.inputs, "type": "Opaque", "data": {"a": "2"}})
    assert compared([secret], [changed])["one"].content != found.content
    assert compared([secret], [replace(secret, provider=f"{secret.provider}-2")]) == {}


def test_what_follows_from_a_replacement_is_named_where_it_stands() -> None:
    """The address that the cloud makes up is another one then; where, decides what that means."""
    server = made("server", inputs={"metadata": {"name": "server"}}, type=SERVICE)
    address = {"status": {"address": "10.0.0.1234"}}

    def user(kind: str, value: str) -> Resource:
        spec = {"template": {"env": [{"name": "HOST", "value": value}]}}
        inputs = {"metadata": {"name": "user"}, "spec": spec}
        follows = {"spec": (server.urn,)}
        return made("user", type=f"kubernetes:{kind}", inputs=inputs, property_dependencies=follows)

    for kind, op in (("batch/v1:Job", "replace"), ("apps/v1:Deployment", "update")):
        old = [replace(server, outputs=address), user(kind, "http://10.0.0.1234/")]
        new = [replace(server, inputs={"metadata": {"name": "other"}}), old[1]]
        found = compared(old, new)
        assert found["server"].op == "replace"
        assert found["user"].op == op
        assert list(found["user"].properties) == ["spec.template.env[0].value"]
        opaque = [old[0], user(kind, "x")], [new[0], user(kind, "x")]
        assert list(compared(*opaque)["user"].properties) == ["spec"]
        assert compared(old, [replace(old[0], inputs=server.inputs), old[1]]) == {}


SERVICE = "kubernetes:core/v1:Service"


def test_what_the_engine_ignores_or_keeps_counts_so() -> None:
    other = {"metadata": {"name": "one"}, "data": {"a": "2"}}
    assert compared([made()], [made(inputs=other, ignored=("data",))]) == {}
    secret = {"type": "kubernetes:core/v1:Secret"}
    assert compared([made(**secret)], [])["one"].risk == "data-loss"
    kept = compared([made(**secret, retained=True)], [])["one"]
    assert (kept.risk, kept.reason) == ("low", "no longer wanted; the old one is kept")


def test_new_and_gone_environments_are_said(checkout: Checkout) -> None:
    checkout.edit("  dev:", "  test: {}\n  live:")
    new = making.offline(checkout.spec, "live", "main")
    assert {change.op for change in new.changes} == {"create"}
    assert "live is new" in new.diagnostics[0].message
    gone = making.offline(checkout.spec, "dev", "main")
    assert not gone.changes
    assert "plinth destroy dev" in gone.diagnostics[0].message
    with pytest.raises(SpecError) as refused:
        making.offline(checkout.spec, "tset", "main")
    assert refused.value.problems[0].nearest == "test"
