"""Physical names obey each cloud's rules, whatever people call their things."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from example import CLUSTERS
from plinth import naming, planning
from plinth.blueprint import resolve
from plinth.clouds.azure.secrets import vault_name
from plinth.clouds.gcp.secrets import secret_id
from plinth.clouds.kubernetes.facts import theirs
from plinth.errors import SpecError
from plinth.graph import Graph, Resource
from plinth.rehearsal import packages
from plinth.rehearsal.check import Failure
from plinth.rehearsal.packages.aws import facts as aws
from plinth.rehearsal.packages.azure import rules as azure
from plinth.rehearsal.packages.base import opened
from plinth.rehearsal.packages.gcp import facts as gcp
from plinth.rehearsal.plan import Naming, assign_name
from plinth.spec.document import load

# --- pure functions ------------------------------------------------------------------------------

#: Lengths and separators that adapters ask for: storage accounts, registries, pools, servers.
SIZES = st.sampled_from([(12, ""), (24, ""), (50, ""), (30, "-"), (40, "-"), (60, "-"), (63, "-")])
LABELS = st.from_regex(r"\A[a-z]([a-z0-9-]{0,18}[a-z0-9])\Z")
HOSTILE = st.text(max_size=300) | st.sampled_from(
    ["-", "--a--", "İ", "ß", "ﬀ", "a\x00b", "٣", "1", "_", "A" * 300, "a-" * 150, "\U0001f600", "K"]
)


def _nameable(*parts: str) -> bool:
    return re.search("[a-z0-9]", "".join(parts).lower()) is not None


@given(st.lists(HOSTILE, min_size=1, max_size=3), SIZES, st.text(max_size=40))
def test_physical_names_are_dns_labels_of_the_wanted_length(
    parts: list[str], size: tuple[int, str], unique: str
) -> None:
    limit, separator = size
    if not _nameable(*parts):
        with pytest.raises(ValueError, match="no letter or digit"):
            naming.physical(*parts, limit=limit, separator=separator, unique=unique)
        return
    name = naming.physical(*parts, limit=limit, separator=separator, unique=unique)
    assert len(name) <= limit
    assert re.fullmatch(rf"[a-z][a-z0-9]*({separator or 'x'}[a-z0-9]+)*", name), name
    assert name == naming.physical(*parts, limit=limit, separator=separator, unique=unique)


@given(LABELS, LABELS, SIZES, HOSTILE, HOSTILE)
def test_unique_names_of_two_owners_never_meet(
    one: str, other: str, size: tuple[int, str], first: str, second: str
) -> None:
    limit, separator = size

    def name(label: str, unique: str) -> str:
        return naming.physical(
            "platform-dev", label, limit=limit, separator=separator, unique=unique
        )

    known = f"x{first}", f"x{second}"  # an empty one asks for no suffix
    if first != second:
        assert name(one, known[0]) != name(one, known[1])
    if re.sub("-+", "-", one) != re.sub("-+", "-", other):
        assert name(one, known[0]) != name(other, known[0])


@given(LABELS, LABELS, LABELS, LABELS)
def test_names_without_a_suffix_stay_apart_when_cut(one: str, other: str, a: str, b: str) -> None:
    long = [naming.physical(one, a, b, "x" * 30, last, limit=40) for last in (one, other)]
    assert (long[0] == long[1]) is (re.sub("-+", "-", one) == re.sub("-+", "-", other))


@given(HOSTILE)
def test_label_values_are_those_of_kubernetes_and_gcp(text: str) -> None:
    value = naming.label_value(text)
    assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value), value
    assert naming.label_value(value) == value
    assert re.fullmatch(r"[a-z0-9_-]{0,63}", naming.gcp_label(text))
    assert naming.gcp_label(naming.gcp_label(text)) == naming.gcp_label(text)


@given(st.text(min_size=1, max_size=255))
def test_references_to_secrets_become_names_that_the_stores_can_have(reference: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9-]+", vault_name(reference))
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,255}", secret_id(reference))
    assert re.fullmatch(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?", theirs(reference))
    if re.fullmatch(r"[A-Za-z0-9-]{1,127}", reference):
        assert vault_name(reference) == secret_id(reference) == reference
        assert theirs(reference) == reference.lower().strip("-")


# --- whole platforms -----------------------------------------------------------------------------

#: Where platforms are, by cloud: the longest region and, twice, an account.
PLACES: dict[str, tuple[str | None, tuple[str | None, str | None]]] = {
    "aws": ("ap-southeast-2", ("111111111111", "222222222222")),
    "azure": (
        "germanywestcentral",
        ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"),
    ),
    "gcp": ("northamerica-northeast2", ("a" + "-" * 28 + "1", "a1" * 15)),
    "kubernetes": (None, (None, None)),
}
VAULT = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/shared/providers"
    "/Microsoft.KeyVault/vaults/team"
)
DASHES = "a" + "-" * 18 + "9"
FULL, TWIN = "abcdefghij-123456789", "abcdefghij-123456780"
#: Types whose names are taken for every account, once they are.
WORLDWIDE = aws.GLOBAL | azure.GLOBAL | gcp.GLOBAL
#: The shortest and longest labels there are, and those with most dashes and digits.
CASES: dict[str, dict[str, Any]] = {
    "shortest": {"name": "a1", "environment": "b2", "pools": ["c3"], "roles": ["d44"]},
    "longest": {
        "name": FULL,
        "environment": TWIN,
        "pools": [FULL, TWIN],
        "roles": [FULL, TWIN],
        "models": [FULL, TWIN],
        "secrets": ["ml/oidc_client", "ml-oidc/client"],
    },
    "dashes": {
        "name": DASHES,
        "environment": "x--9",
        "pools": [DASHES, "a--9", "a-9"],
        "roles": ["a-9", "a99"],
        "secrets": ["ml/oidc.client+é"],
    },
}


def _spec(cloud: str, case: dict[str, Any], account: str | None) -> dict[str, Any]:
    region, _ = PLACES[cloud]
    secrets = [{"secret": name} for name in case.get("secrets", ["s"])]
    models = {
        name: {"uri": f"models:/{name}/1", "framework": "sklearn"}
        for name in case.get("models", ())
    }
    everything = {
        "features": {},
        "serving": {"models": models},
        "monitoring": {"alerts": {"slack": secrets[-1]}},
    }
    return {
        "apiVersion": "plinth/v1",
        "name": case["name"],
        "owner": "ml.Platform+team@example.com",
        "cost": {"center": "Cost.Center_4711", "monthly_budget": 3000},
        "tags": {"Data.Class-1_x": "A b/c=d@e"},
        "cloud": cloud,
        "region": region,
        **({"clouds": {"azure": {"vault": VAULT}}} if cloud == "azure" else {}),
        "artifacts": {"buckets": {role: {} for role in case["roles"]}},
        "tracking": {},
        **(everything if models else {}),
        "cluster": {"node_pools": {pool: {"min": 1, "max": 3} for pool in case["pools"]}},
        "domain": {"name": "ml.example.com"},
        "identity": {
            "issuer": "https://id.example.com",
            "client_id": "platform",
            "client_secret": secrets[0],
        },
        "environments": {case["environment"]: {"account": account}},
    }


def _graph(spec: dict[str, Any], folder: Path) -> Graph:
    file = folder / "platform.yaml"
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")
    (environment,) = spec["environments"]
    return planning.graph_of(resolve(load(file), environment))


def _refused(graph: Graph) -> Iterator[str]:
    """What the providers' checks would say, of names that the engine makes up as well."""
    for resource in graph:
        if resource.custom and not resource.is_provider:
            for failure in _failures(resource, graph):
                yield f"{resource.urn}: {failure.reason}"


def _failures(resource: Resource, graph: Graph) -> list[Failure]:
    package = packages.find(resource.package)
    kind, provider = package.kind(resource.type), graph.provider_of(resource)
    assert kind is not None
    assert provider is not None
    configured = package.kind(provider.type)
    assert configured is not None
    settings = package.settings(opened(provider.inputs, configured.inputs))
    naming_ = Naming(logical=resource.name)
    named, found = assign_name(package, kind, resource.inputs, {}, naming_)
    return [
        *found,
        *package.checker.fields(resource.inputs, kind.inputs),
        *package.check(resource.type, package.complete(kind, named, settings)),
    ]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cloud", CLUSTERS)
def test_every_name_on_a_platform_is_one_the_cloud_takes(
    cloud: str, case: str, tmp_path: Path
) -> None:
    _, (account, _) = PLACES[cloud]
    graph = _graph(_spec(cloud, CASES[case], account), tmp_path)
    assert len(graph) > 100
    assert list(_refused(graph)) == []
    called = Counter(
        (resource.type, resource.provider, str(resource.id).lower())
        for resource in graph
        if resource.custom
    )
    assert [key for key, times in called.items() if times > 1] == []


def _named(resource: Resource) -> bool:
    """Whether the name is chosen; the engine makes one up for each resource that it makes."""
    return packages.find(resource.package).name_key(resource.type) in resource.inputs


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_names_that_are_taken_for_everybody_differ_by_account(cloud: str, tmp_path: Path) -> None:
    _, accounts = PLACES[cloud]
    buckets_alone = dict.fromkeys(
        ["tracking", "features", "serving", "monitoring", "domain", "identity"]
    )
    taken = [
        {
            str(resource.id).rsplit("/", maxsplit=1)[-1]
            for resource in _graph(
                {**_spec(cloud, CASES["longest"], one), **buckets_alone}, tmp_path
            )
            if resource.type in WORLDWIDE and _named(resource)
        }
        for one in accounts
    ]
    assert len(taken[0]) == len(taken[1]) > 0
    assert not taken[0] & taken[1]


@pytest.mark.parametrize("name", ["é", "--/", "a.-b", "plinth-own", "Plinth/own"])
def test_a_cluster_refuses_names_that_no_secret_there_can_have(name: str, tmp_path: Path) -> None:
    spec = _spec("kubernetes", CASES["shortest"], None)
    spec["identity"]["client_secret"] = {"secret": name}
    with pytest.raises(SpecError) as caught:
        _graph(spec, tmp_path)
    assert [problem.code for problem in caught.value.problems] == ["secret-name"]
