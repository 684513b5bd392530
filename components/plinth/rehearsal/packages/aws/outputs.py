"""What AWS makes up for each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plinth.rehearsal.packages.aws import data, network, runtime
from plinth.rehearsal.packages.aws.shapes import arn
from plinth.rehearsal.packages.base import Birth, Made, Maker

MAKERS: Final[Mapping[str, Maker]] = {**network.MAKERS, **runtime.MAKERS, **data.MAKERS}


def generic(birth: Birth) -> Made:
    """Any other type: named after itself when it has a name, otherwise a made-up identifier."""
    service, _, rest = birth.type.split(":")[1].partition("/")
    if service == "s3" and rest.startswith("bucket"):
        return _bucket_part(birth)
    name = birth.name if "name" in birth.inputs else f"{birth.name}-{birth.hex(12)}"
    return name, {"arn": arn(birth, service, f"{rest.lower()}/{name}")}


def _bucket_part(birth: Birth) -> Made:
    """Policies, encryption, lifecycle and so on: one of each per bucket, named after it."""
    tail = ":" + birth.text("name") if birth.text("name") else ""
    return birth.text("bucket") + tail, {}
