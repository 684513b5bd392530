"""Encryption in transit of PostgreSQL that CloudNativePG runs, and of its backups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import IN_TRANSIT
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, known

_HBA: Final = "spec.postgresql.pg_hba"
_URL: Final = "spec.configuration.endpointURL"

#: Types of pg_hba records that also, or only, fit connections without TLS (PostgreSQL
#: documentation, "The pg_hba.conf File").
_PLAIN: Final = ("host", "hostnossl")


def _records(*records: str) -> dict[str, Any]:
    return {"metadata": {"name": "database"}, "spec": {"postgresql": {"pg_hba": list(records)}}}


@REGISTRY.rule(
    "transit-cnpg-tls",
    title="PostgreSQL in the cluster refuses connections without TLS",
    why="CloudNativePG's own last record lets clients connect in plain text.",
    fix='start spec.postgresql.pg_hba with "hostnossl all all all reject"',
    judges={"kubernetes:postgresql.cnpg.io/v1:Cluster": (_HBA,)},
    controls=IN_TRANSIT,
    good=_records("hostnossl all all all reject"),
    bad=_records(),
)
def _cluster(resource: Resource, _scope: Scope) -> Iterator[str]:
    for record in blocks(get(resource.inputs, _HBA), _HBA):
        kind, *fields = str(record).split()
        if kind in _PLAIN and fields[:3] == ["all", "all", "all"] and fields[3:4] == ["reject"]:
            return
        if kind in _PLAIN and "reject" not in fields:
            break
    yield "pg_hba lets clients connect without TLS"


@REGISTRY.rule(
    "transit-cnpg-backups-tls",
    title="Backups of PostgreSQL travel over HTTPS",
    why="A backup is the whole database.",
    fix="use an endpointURL that starts with https, or leave it out where the cloud's own is meant",
    judges={"kubernetes:barmancloud.cnpg.io/v1:ObjectStore": (_URL,)},
    controls=IN_TRANSIT,
    good={"spec": {"configuration": {"endpointURL": "https://object-store.example.com"}}},
    bad={"spec": {"configuration": {"endpointURL": "http://object-store.example.com"}}},
)
def _object_store(resource: Resource, _scope: Scope) -> Iterator[str]:
    url = known(get(resource.inputs, _URL), _URL)
    if url and not str(url).startswith("https://"):
        yield "endpointURL is not https"
