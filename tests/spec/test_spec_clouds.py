"""One spec on several clouds: settings by cloud, and what `--cloud` makes of region and account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from example import SPEC
from plinth import blueprint, registry
from plinth.errors import SpecError, UsageError
from plinth.ports import Port
from plinth.spec.document import Document, load
from plinth.spec.explain import explain
from plinth.spec.options import CloudOptions
from plinth.spec.schema import json_schema

BASE = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: aws
region: eu-central-1
account: "111111111111"
artifacts: {}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Document]:
    def written(more: str = "") -> Document:
        file = tmp_path / "platform.yaml"
        file.write_text(BASE + more, encoding="utf-8")
        return load(file)

    return written


def test_on_another_cloud_the_nearest_region_and_no_foreign_account(
    write: Callable[[str], Document],
) -> None:
    there = blueprint.resolve(write(""), "dev", cloud="gcp").settings
    assert (there.region, there.account) == ("europe-west3", None)  # Frankfurt, too
    assert blueprint.resolve(write(""), "dev").settings.region == "eu-central-1"


def test_the_cloud_s_own_settings_win(write: Callable[[str], Document]) -> None:
    document = write("clouds: {gcp: {region: europe-west4, account: churn-dev}}\n")
    there = blueprint.resolve(document, "dev", cloud="gcp").settings
    assert (there.region, there.account) == ("europe-west4", "churn-dev")
    here = blueprint.resolve(document, "dev").settings
    assert (here.region, here.account) == ("eu-central-1", "111111111111")


def test_an_environment_may_say_other_settings(write: Callable[[str], Document]) -> None:
    document = write(
        "clouds: {gcp: {region: europe-west4}}\n"
        "environments: {dev: {}, prod: {clouds: {gcp: {account: churn-prod}}}}\n"
    )
    there = blueprint.resolve(document, "prod", cloud="gcp").settings
    assert (there.region, there.account) == ("europe-west4", "churn-prod")


def test_all_blocks_are_checked_whichever_is_in_use(write: Callable[[str], Document]) -> None:
    document = write("clouds:\n  gcp: {regoin: europe-west4}\n  asure: {region: westeurope}\n")
    with pytest.raises(SpecError) as caught:
        blueprint.resolve(document, "dev")
    found = {problem.path: problem for problem in caught.value.problems}
    assert found["clouds.gcp.regoin"].nearest == "region"
    assert found["clouds.asure"].nearest == "azure"
    assert found["clouds.asure"].location is not None
    assert found["clouds.asure"].location.line == 11


def test_a_wrong_region_is_found_where_it_is_written(write: Callable[[str], Document]) -> None:
    document = write("clouds:\n  gcp:\n    region: europe-west99\n")
    with pytest.raises(SpecError) as caught:
        blueprint.resolve(document, "dev", cloud="gcp")
    (problem,) = caught.value.problems
    assert problem.path == "clouds.gcp.region"
    assert problem.location is not None
    assert problem.location.line == 11


SPELLINGS = """\
domain: {name: ml.example.com, zone: Z0123456789ABCDEFGHIJ}
cluster: {admins: ["arn:aws:iam::111111111111:role/admin"]}
"""
THERE = 'clouds: {gcp: {zone: ml, admins: ["group:ml@example.com"], viewers: []}}\n'


def test_each_cloud_spells_zones_and_people_in_its_own_way(
    write: Callable[[str], Document],
) -> None:
    document = write(SPELLINGS + THERE)
    there = blueprint.resolve(document, "dev", cloud="gcp").settings
    assert there.domain is not None
    assert (there.domain.name, there.domain.zone) == ("ml.example.com", "ml")
    assert there.cluster.admins == ("group:ml@example.com",)
    here = blueprint.resolve(document, "dev").settings
    assert here.domain is not None
    assert here.domain.zone == "Z0123456789ABCDEFGHIJ"
    assert here.cluster.admins == ("arn:aws:iam::111111111111:role/admin",)
    explained = {item.path: item for item in explain(document, "dev", cloud="gcp")}
    for path, line in (("domain.zone", 11), ("cluster.admins", 11), ("domain.name", 9)):
        location = explained[path].location
        assert location is not None
        assert location.line == line


def test_who_asks_about_another_cloud_is_told_where_its_own_spelling_goes(
    write: Callable[[str], Document],
) -> None:
    with pytest.raises(SpecError) as caught:
        blueprint.resolve(write(SPELLINGS), "dev", cloud="gcp")
    found = {problem.path: problem.fix for problem in caught.value.problems}
    assert "`clouds.gcp.zone`" in (found["domain.zone"] or "")
    assert "`clouds.gcp.admins`" in (found["cluster.admins.0"] or "")
    # Once it is there, it is judged there.
    wrong = THERE.replace("group:ml@example.com", "ml@example.com")
    with pytest.raises(SpecError) as caught:
        blueprint.resolve(write(SPELLINGS + wrong), "dev", cloud="gcp")
    (problem,) = caught.value.problems
    assert problem.path == "clouds.gcp.admins.0"
    assert problem.location is not None
    assert problem.location.line == 11
    assert "clouds.gcp" not in (problem.fix or "")


def test_a_zone_needs_a_domain(write: Callable[[str], Document]) -> None:
    with pytest.raises(SpecError) as caught:
        blueprint.resolve(write(THERE), "dev", cloud="gcp")
    assert [p.path for p in caught.value.problems] == ["clouds.gcp.zone"]
    assert blueprint.resolve(write(THERE), "dev").settings.cloud == "aws"


def test_explained_by_where_it_was_said(write: Callable[[str], Document]) -> None:
    document = write("clouds: {gcp: {account: churn-dev}}\n")
    found = {item.path: item for item in explain(document, "dev", cloud="gcp")}
    assert found["region"].source == "derived"
    assert found["region"].reason == "the nearest to eu-central-1 on aws"
    assert found["account"].source == "spec"
    assert found["account"].location is not None
    assert found["account"].location.line == 9


def test_every_cloud_with_regions_can_answer_for_every_other() -> None:
    clouds = [registry.cloud(name) for name in registry.cloud_names()]
    for here in clouds:
        for there in clouds:
            for place in here.regions.values():
                answer = there.region_like(place)
                assert (answer in there.regions) is bool(there.regions)
                if any(other == place for other in there.regions.values()):
                    assert answer is not None
                    assert there.regions[answer] == place


def test_schema_of_one_cloud_has_its_regions_and_every_cloud_s_block() -> None:
    narrow = json_schema("gcp")
    assert narrow["properties"]["cloud"]["enum"] == ["gcp"]
    regions = narrow["properties"]["region"]["anyOf"][0]["enum"]
    assert "europe-west3" in regions
    assert "eu-central-1" not in regions
    assert set(narrow["properties"]["clouds"]["properties"]) == set(registry.cloud_names())
    with pytest.raises(UsageError, match="there is no cloud 'gpc'"):
        json_schema("gpc")


def test_schema_of_a_cloud_that_runs_few_tools_holds_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Capabilities without a tool there are refused, and every reference leads somewhere."""
    real = registry.cloud
    poor = replace(real("kubernetes"), products={Port.OBJECT_STORE: "buckets"})
    monkeypatch.setattr(registry, "cloud", lambda n: poor if n == "kubernetes" else real(n))
    schema = json_schema("kubernetes")
    jsonschema.Draft202012Validator.check_schema(schema)
    known = {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(_references(schema)) <= known
    judge = jsonschema.Draft202012Validator(schema)
    spec = {**yaml.safe_load(BASE), "cloud": "kubernetes", "region": None}
    assert judge.is_valid(spec)
    assert not judge.is_valid({**spec, "tracking": {}})


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp", "local"])
def test_every_environment_of_the_main_spec_is_one_there(cloud: str) -> None:
    found = blueprint.check(SPEC, cloud=cloud)
    assert {*found} == {"local", "dev", "staging", "prod"}
    assert {made.settings.cloud for made in found.values()} == {cloud}


def test_what_an_account_is_for_means_nothing_on_this_machine(
    write: Callable[[str], Document],
) -> None:
    """An overlay that says `cloud: local` and no more makes the spec one for this machine."""
    document = write(
        """domain: {name: ml.example.com, zone: Z0123456789ABCDEFGHIJ, tls: {issuer: acme}}
identity: {issuer: "https://id.example.com", client_id: churn, client_secret: {secret: ml/oidc}}
state: {backend: account}
network: {cidr: 10.1.0.0/16}
cluster: {admins: ["arn:aws:iam::111111111111:role/admin"]}
backups: {enabled: true}
durable: true
policies: mandatory
environments: {prod: {}, local: {cloud: local}}
"""
    )
    for found in (
        blueprint.resolve(document, "local"),
        blueprint.resolve(document, "prod", cloud="local"),
    ):
        assert (found.settings.region, found.settings.account) == (None, None)
        assert found.needs == {Port.OBJECT_STORE}
    explained = {item.path: item for item in explain(document, "local")}
    assert explained["region"].reason == "this machine has no region"
    assert explained["region"].source == "derived"


@pytest.mark.parametrize("key", CloudOptions.model_fields)
def test_what_is_said_for_this_machine_alone_has_to_mean_something(
    write: Callable[[str], Document], key: str
) -> None:
    value = ["me"] if key in ("admins", "viewers") else "there"
    document = write(yaml.safe_dump({"clouds": {"local": {key: value}}}))
    with pytest.raises(SpecError) as caught:
        blueprint.resolve(document, "dev", cloud="local")
    assert f"clouds.local.{key}" in {problem.path for problem in caught.value.problems}
