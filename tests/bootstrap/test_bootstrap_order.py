"""What is to be made in which account: from the spec, from options, or from both."""

from __future__ import annotations

from pathlib import Path

import pytest

from example import SPEC
from plinth.bootstrap.order import order_of
from plinth.errors import UsageError


def test_several_accounts_are_listed() -> None:
    with pytest.raises(UsageError) as raised:
        order_of("aws", SPEC)
    (problem,) = raised.value.problems
    assert problem.code == "which-account"
    assert problem.allowed == ("111111111111 (dev, staging)", "222222222222 (prod)")


def test_the_spec_says_the_rest_of_the_chosen_one() -> None:
    order = order_of("aws", SPEC, account="111111111111")
    assert (order.region, order.owner) == ("eu-west-1", "ml-platform@example.com")
    assert order.budget == 6000  # two environments of 3000
    assert [each.environment for each in order.blueprints] == ["dev", "staging"]
    prod = order_of("aws", SPEC, account="222222222222")
    assert (prod.region, prod.budget) == ("eu-central-1", 9000)


def test_options_go_before_the_spec() -> None:
    order = order_of("aws", SPEC, account="111111111111", region="eu-north-1", budget=10)
    assert (order.region, order.budget) == ("eu-north-1", 10)
    assert "plinth-state-111111111111-eu-north-1" in order.names.backend_url


def test_without_a_spec_everything_has_to_be_said() -> None:
    with pytest.raises(UsageError) as raised:
        order_of("gcp", None, account="churn-dev", region="europe-west1")
    assert "--owner, --cost-center, --budget" in raised.value.problems[0].message


def test_a_cloud_without_environments_has_no_account(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        order_of("azure", SPEC)
    assert raised.value.problems[0].code == "account-missing"


def test_no_account_of_another_shape() -> None:
    with pytest.raises(UsageError) as raised:
        order_of("aws", SPEC, account="12", region="eu-west-1", owner="a@example.com",
                 cost_center="1", budget=1)  # fmt: skip
    assert raised.value.problems[0].code == "account-shape"
