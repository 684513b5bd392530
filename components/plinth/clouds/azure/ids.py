"""Resource IDs that people write into a spec. Pure data."""

from __future__ import annotations

import re
from typing import Final

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GROUP: Final = rf"/subscriptions/{GUID.pattern}/resourceGroups/[\w.()-]+"

#: A virtual network.
NETWORK: Final = re.compile(
    rf"{_GROUP}/providers/Microsoft\.Network/virtualNetworks/[\w.-]+", re.IGNORECASE
)
#: A subnet; the group is its virtual network.
SUBNET: Final = re.compile(rf"({NETWORK.pattern})/subnets/[\w.-]+", re.IGNORECASE)
#: A key of Key Vault, without a version.
KEY: Final = re.compile(
    rf"{_GROUP}/providers/Microsoft\.KeyVault/vaults/[a-z0-9-]{{3,24}}/keys/[a-z0-9-]{{1,127}}",
    re.IGNORECASE,
)
#: A public DNS zone: subscription, resource group, name.
ZONE: Final = re.compile(
    rf"/subscriptions/({GUID.pattern})/resourceGroups/([\w.()-]+)"
    r"/providers/Microsoft\.Network/dnsZones/([a-z0-9.-]+)",
    re.IGNORECASE,
)
