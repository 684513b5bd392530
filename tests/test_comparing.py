"""Two plans side by side: what is alike, what differs by choice, and what is made of what."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from example import SPEC, Example
from plinth.comparing import Comparison, Row
from plinth.planning import PARTS, Plan


@pytest.fixture(scope="module")
def environments(plan: Callable[[str], Plan]) -> Comparison:
    return Comparison(plan("dev"), plan("prod"))


def row(compared: Comparison, part: str, component: str) -> Row:
    (found,) = [r for r in compared.rows if (r.part, r.component) == (part, component)]
    return found


def test_an_environment_is_like_itself(plan: Callable[[str], Plan]) -> None:
    compared = Comparison(plan("dev"), plan("dev"))
    assert compared.same
    assert not compared.outputs
    assert all(r.left == r.right for r in compared.rows)


def test_names_that_follow_from_the_environment_do_not_differ(
    plan: Callable[[str], Plan],
) -> None:
    """Staging differs from dev by backups, and by nothing else."""
    compared = Comparison(plan("dev"), plan("staging"))
    changed = {
        change.path for r in compared.rows for changes in r.changed.values() for change in changes
    }
    assert changed
    assert all("ackup" in path or "snapshot" in path.lower() for path in changed), changed


def test_choices_are_named_by_property(environments: Comparison) -> None:
    sql = row(environments, "foundation", "sql")
    changes = {c.path: (c.left, c.right) for c in sql.changed["Instance sql"]}
    assert changes["multiAz"] == (False, True)
    assert changes["deletionProtection"] == (False, True)
    network = row(environments, "foundation", "network")
    assert (network.left["aws:ec2/natGateway:NatGateway"]) == 1
    assert (network.right["aws:ec2/natGateway:NatGateway"]) == 3
    assert "NatGateway b" in network.only_right or len(network.only_right) >= 4


def test_what_stands_beside_texts_of_others_is_compared(environments: Comparison) -> None:
    """One text of another resource in a chart's values, and all of them have its dependencies."""
    airflow = row(environments, "orchestration", "orchestration").changed["Release airflow"]
    changes = {change.path: (change.left, change.right) for change in airflow}
    assert changes["values.scheduler.replicas"] == (1, 2)
    assert changes["values.apiServer.podDisruptionBudget.enabled"] == (False, True)
    texts = [value for pair in changes.values() for value in pair if isinstance(value, str)]
    assert not texts, "what comes from other resources follows from those"


def test_the_environment_s_name_in_a_word_is_no_difference(environments: Comparison) -> None:
    """Disks are in ``/dev`` whatever the environment is called."""
    pairs = [
        (change.left, change.right)
        for found in environments.rows
        for changes in found.changed.values()
        for change in changes
    ]
    assert pairs
    assert all(left != right for left, right in pairs)


def test_documents_are_compared_by_what_they_say(environments: Comparison) -> None:
    """A policy that names another account is the same policy."""
    paths = [
        change.path
        for r in environments.rows
        for changes in r.changed.values()
        for change in changes
    ]
    assert "policy" not in paths


def test_one_more_in_a_list_does_not_make_the_others_differ(plan: Callable[..., Plan]) -> None:
    """On Google Cloud the cache's certificate is mounted too, in front of what all have."""
    compared = Comparison(plan("dev"), plan(Example(SPEC, "dev", "gcp")))
    changed = row(compared, "features", "features").changed["Deployment feast"]
    paths = [change.path for change in changed]
    assert paths == [
        'spec.template.spec.containers.feast.volumeMounts["/etc/feast-trust"]',
        'spec.template.spec.volumes["secret-0"]',
    ]


def test_what_shows_on_the_bill_is_told_apart(plan: Callable[..., Plan]) -> None:
    """Both clouds have an `Instance`, one a database and one a cache."""
    compared = Comparison(plan("dev"), plan(Example(SPEC, "dev", "gcp")))
    listed = {each.what: (each.left, each.right) for each in compared.costly}
    assert listed["Instance in sql"] == (1, 0)
    assert listed["Instance in key-value"] == (0, 1)


def test_two_clouds_are_compared_by_what_they_are_made_of(plan: Callable[..., Plan]) -> None:
    compared = Comparison(plan("dev"), plan(Example(SPEC, "dev", "gcp")))
    budget = row(compared, "foundation", "budget")
    assert budget.left.keys() == {"aws:budgets/budget:Budget"}
    assert "gcp:billing/budget:Budget" in budget.right
    assert not budget.changed  # two types of one name are two things
    tracking = row(compared, "tracking", "tracking")
    assert tracking.left == tracking.right  # the tool's own objects are the same everywhere
    assert [r.part for r in compared.rows] == sorted(
        (r.part for r in compared.rows), key=PARTS.index
    )
    assert compared.outputs["cloud"] == ("aws", "gcp")
    text = compared.to_json()
    assert text["left"]["cloud"] == "aws"
    assert text["right"]["resources"] > 100
