"""What Google Cloud makes up for each type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from plinth.rehearsal.packages.base import Birth, Made, Maker
from plinth.rehearsal.packages.gcp import data, network, runtime
from plinth.rehearsal.packages.gcp.shapes import COMPUTE, location, member, project

MAKERS: Final[Mapping[str, Maker]] = {**network.MAKERS, **runtime.MAKERS, **data.MAKERS}

_GRANT: Final = re.compile(r"(iam|IAM)(Member|Binding|Policy)$")
_NOT_ON: Final = ("role", "member", "members", "project", "location", "condition", "policyData")


def generic(birth: Birth) -> Made:
    """Any other type, in the form that most have: below its project, by location and name."""
    service, _, rest = birth.type.split(":")[1].partition("/")
    if _GRANT.search(rest):
        return member(_granted)(birth)
    kind = rest[:-1] + "ies" if rest.endswith("y") else f"{rest}s"
    place = _place(birth, service)
    id_ = f"projects/{project(birth)}{place}/{kind}/{birth.name}"
    return id_, {"selfLink": COMPUTE + id_} if service == "compute" else {}


def _granted(birth: Birth) -> str:
    """What a grant is on: the one input that says neither who nor what they may do."""
    return next((birth.text(key) for key in birth.inputs if key not in _NOT_ON), project(birth))


def _place(birth: Birth, service: str) -> str:
    if birth.text("zone"):
        return f"/zones/{birth.text('zone')}"
    if birth.text("location"):
        return f"/locations/{location(birth)}"
    if birth.text("region"):
        word = "regions" if service == "compute" else "locations"
        return f"/{word}/{birth.region}"
    return "/global" if service == "compute" else ""
