"""What is to be made in which account: from the spec, from options, or from both."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from accounts_support import PLACES
from example import SPEC
from plinth.accounts import account_of
from plinth.bootstrap.order import order_of
from plinth.ci.targets import targets_of
from plinth.errors import UsageError
from plinth.operations import settings_of
from plinth.program import blueprint_of

OTHERS = {
    "aws": "999999999999",
    "azure": "00000000-0000-0000-0000-000000000009",
    "gcp": "somebody-else",
}
FAR = {"aws": "eu-central-1", "azure": "northeurope", "gcp": "europe-west4"}


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
    assert order_of("aws", SPEC, account="111111111111", budget=10).budget == 10
    elsewhere = order_of("aws", SPEC, account="333333333333", region="eu-north-1",
                         owner="a@example.com", cost_center="1", budget=1)  # fmt: skip
    assert "plinth-state-333333333333-eu-north-1" in elsewhere.names.backend_url


def test_the_state_is_kept_where_environments_look_for_it() -> None:
    with pytest.raises(UsageError) as raised:
        order_of("aws", SPEC, account="111111111111", region="eu-north-1")
    (problem,) = raised.value.problems
    assert problem.code == "state-elsewhere"
    assert "eu-west-1, where the first of them (dev) is" in problem.message
    same = order_of("aws", SPEC, account="111111111111", region="eu-west-1")
    assert same.region == "eu-west-1"


@pytest.mark.parametrize("cloud", PLACES)
def test_an_account_has_one_backend_wherever_its_environments_are(
    cloud: str, tmp_path: Path
) -> None:
    """Made by bootstrap, named in pipelines, and found by `state: {backend: account}`."""
    account, home = PLACES[cloud]
    away = FAR[cloud]
    text = yaml.safe_load(SPEC.read_text(encoding="utf-8")) | {
        "cloud": "aws",
        "environments": {
            # The place of another account says nothing.
            "other": {"cloud": cloud, "region": away, "account": OTHERS[cloud]},
            "first": {"cloud": cloud, "clouds": {cloud: {"region": home, "account": account}}},
            "second": {
                "cloud": cloud,
                "region": away,
                "account": account,
                "state": {"backend": "account"},
            },
        },
    }
    spec = tmp_path / "platform.yaml"
    spec.write_text(yaml.safe_dump(text), encoding="utf-8")
    (tmp_path / "Pulumi.yaml").write_text("{name: plinth, runtime: python}", encoding="utf-8")
    order = order_of(cloud, spec, account=account)
    names = order.names
    assert account_of(cloud, account, home, "first") == names
    targets = targets_of(spec)
    for name in ("first", "second"):
        blueprint = blueprint_of(spec, name)
        assert blueprint.region == (home if name == "first" else away)
        assert targets[name].backend == names.backend_url
        assert targets[name].secrets_provider == names.secrets_provider
        settings = settings_of(blueprint, spec, rehearse=False)
        assert names.backend_url in (settings.backend, settings.secrets_home)
        assert settings.secrets == names.secrets_provider
    assert order.regions == (home, away)


def test_asked_about_another_cloud_the_first_environment_there_counts(tmp_path: Path) -> None:
    text = yaml.safe_load(SPEC.read_text(encoding="utf-8")) | {
        "clouds": {"gcp": {"account": "churn-dev"}},
        "environments": {"dev": {}, "prod": {"clouds": {"gcp": {"region": "us-central1"}}}},
    }
    spec = tmp_path / "platform.yaml"
    spec.write_text(yaml.safe_dump(text), encoding="utf-8")
    prod = blueprint_of(spec, "prod", cloud="gcp")
    assert (prod.region, prod.state_region) == ("us-central1", "europe-west4")


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
