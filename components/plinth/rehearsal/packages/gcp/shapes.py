"""The forms that identifiers, links and addresses of Google Cloud share.

Identifiers are those of hashicorp/terraform-provider-google, ``google/services``: what each type
sets as its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.rehearsal.packages.base import Birth, Made, Maker, digest

CREATED: Final = "2025-01-01T00:00:00.000Z"
COMPUTE: Final = "https://www.googleapis.com/compute/v1/"
#: A certificate that is none: text in the right form.
CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----\nUmVoZWFyc2Fs\n-----END CERTIFICATE-----\n"
CERTIFICATE_BASE64: Final = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClVtVm9aV0Z5YzJGcwotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="
)


def project_number(project: str) -> str:
    """The number of a project: twelve digits that derive from its identifier."""
    return str(10**11 + int(digest(f"project number|{project}", 12), 16) % (9 * 10**11))


def project(birth: Birth) -> str:
    """The project that was asked for, or that of the provider."""
    return birth.text("project", birth.account).removeprefix("projects/")


def location(birth: Birth) -> str:
    """The location that was asked for, or the region."""
    return birth.text("location", birth.region)


def last(text: str) -> str:
    """The last segment of an identifier or link: its name."""
    return text.rsplit("/", 1)[-1]


def digits(birth: Birth, length: int, salt: str = "") -> str:
    """A made-up number without leading zeros, as text."""
    return str(10 ** (length - 1) + int(birth.hex(16, salt), 16) % (9 * 10 ** (length - 1)))


def address(birth: Birth, first: str, salt: str = "") -> str:
    """An IPv4 address that starts with a number."""
    made = birth.hex(6, first + salt)
    return ".".join([first, *(str(int(made[i : i + 2], 16)) for i in (0, 2, 4))])


def agent(service: str, project_id: str) -> str:
    """Email of the service agent of a service, such as ``gcp-sa-cloud-sql``, in a project."""
    return f"service-{project_number(project_id)}@{service}.iam.gserviceaccount.com"


def item(value: Any) -> Mapping[str, Any]:
    """An object, or nothing at all."""
    return value if isinstance(value, Mapping) else {}


def _filled(pattern: str, birth: Birth) -> str:
    values = {key: last(birth.text(key)) for key in birth.inputs} | {
        "name": birth.name,
        "project": project(birth),
        "number": project_number(project(birth)),
        "region": birth.region,
        "location": location(birth),
    }
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), ""), pattern)


def named(pattern: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things with an identifier such as ``projects/{project}/topics/{name}``.

    Names in braces are inputs, of which a link gives its last segment.
    """

    def make(birth: Birth) -> Made:
        return _filled(pattern, birth), {key: give(birth) for key, give in more.items()}

    return make


def linked(pattern: str, base: str = COMPUTE, **more: Callable[[Birth], Any]) -> Maker:
    """Things with an identifier, and a ``selfLink`` that ends in it."""

    def make(birth: Birth) -> Made:
        id_ = _filled(pattern, birth)
        return id_, {"selfLink": base + id_} | {key: give(birth) for key, give in more.items()}

    return make


def member(of: Callable[[Birth], str]) -> Maker:
    """Grants: what it is on, the role, and who gets it (and the title of a condition).

    Source: ``google/tpgiamresource/resource_iam_member.go``.
    """

    def make(birth: Birth) -> Made:
        parts = [of(birth), birth.text("role"), birth.text("member")]
        title = item(birth.inputs.get("condition")).get("title")
        parts += [str(title)] if title else []
        return "/".join(filter(None, parts)), {"etag": f"BwY{birth.hex(8)}="}

    return make


def on(pattern: str) -> Callable[[Birth], str]:
    """What a grant is on, by a pattern as for :func:`named`."""
    return lambda birth: _filled(pattern, birth)
