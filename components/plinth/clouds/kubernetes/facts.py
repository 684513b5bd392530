"""What Plinth knows of a cluster that it did not make. Pure data."""

from __future__ import annotations

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
