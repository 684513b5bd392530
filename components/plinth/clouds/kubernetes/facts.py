"""What Plinth knows of a cluster that it did not make. Pure data."""

from __future__ import annotations

import re
from typing import Final

#: Namespace that takes the place of a cloud's secret store. Jobs that use the stores' own
#: administrators run there too, so that those keys never leave it.
SECRETS: Final = "secrets"
#: Namespace of the stores that Plinth runs.
STORES: Final = "stores"
#: Start of the names of secrets that Plinth makes; all others are the team's.
OWN: Final = "plinth-"

#: Pulumi types whose loss loses data, beyond :data:`plinth.clouds.STATEFUL_ANYWHERE`.
STATEFUL: Final = frozenset(
    {
        "kubernetes:core/v1:Secret",
        "kubernetes:postgresql.cnpg.io/v1:Cluster",
    }
)

#: Pulumi types that take machines or disks of their own -> the properties that say how many.
COSTLY: Final = {
    "kubernetes:apps/v1:StatefulSet": ("spec.replicas",),
    "kubernetes:core/v1:PersistentVolumeClaim": ("spec.resources",),
    "kubernetes:postgresql.cnpg.io/v1:Cluster": ("spec.instances", "spec.storage"),
}


def theirs(name: str) -> str:
    """The Secret that a name in the spec means: lower case, with dashes for what it cannot have.

    So ``ml/oidc-client``, which other stores may have as it is, is ``ml-oidc-client``.
    """
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
