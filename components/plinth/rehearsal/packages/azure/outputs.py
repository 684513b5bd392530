"""What Azure makes up for each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.rehearsal.packages.azure import data, network, runtime
from plinth.rehearsal.packages.azure.paths import resource_type
from plinth.rehearsal.packages.azure.shapes import (
    CREATED,
    asked,
    derived_uuid,
    identity,
    made_uuid,
    tenant,
)
from plinth.rehearsal.packages.base import Birth, Maker

MAKERS: Final[Mapping[str, Maker]] = {**network.MAKERS, **runtime.MAKERS, **data.MAKERS}


def common(birth: Birth, id_: str) -> dict[str, Any]:
    """What every type has, as far as its SDK class has it.

    Args:
        birth: The resource.
        id_: Its identifier.
    """
    caller = derived_uuid("caller", birth.account)
    by, at = {"createdBy": caller, "lastModifiedBy": caller}, {"createdAt": CREATED}
    made = {
        "name": birth.name,
        "type": resource_type(id_),
        "location": birth.text("location", birth.region),
        "provisioningState": "Succeeded",
        "resourceGuid": made_uuid(birth, "guid"),
        "tenantId": tenant(birth.account),
        "etag": f'W/"{made_uuid(birth, f"etag{birth.revision}")}"',
        "eTag": birth.hex(32, f"etag{birth.revision}"),
        "systemData": {**by, **at, "createdByType": "Application", "lastModifiedAt": CREATED},
    }
    principals = _principals(birth)
    return {**made, "identity": principals} if principals else made


def _principals(birth: Birth) -> dict[str, Any]:
    """The identities of a resource, with the principals behind them."""
    wanted = asked(birth, "identity")
    kind = str(wanted.get("type", ""))
    made: dict[str, Any] = {}
    if "SystemAssigned" in kind:
        made = {"principalId": made_uuid(birth, "identity"), "tenantId": tenant(birth.account)}
    given = wanted.get("userAssignedIdentities")
    if isinstance(given, (list, Mapping)) and given:
        made["userAssignedIdentities"] = {str(id_): identity(str(id_)) for id_ in given}
    return made
