"""What Plinth knows of Google Cloud without asking it. Pure data.

Sources: Google Cloud documentation, "Regions and zones"; Google Kubernetes Engine documentation,
"VPC-native clusters", IP address ranges.
"""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

#: Where each region is. The first of a place is the one that answers "where would this be here?":
#: it has the most kinds of accelerators.
REGIONS: Final = {
    "europe-west4": "europe/nl",
    "europe-west1": "europe/be",
    "europe-west2": "europe/gb",
    "europe-west3": "europe/de",
    "europe-west6": "europe/ch",
    "europe-west8": "europe/it",
    "europe-west9": "europe/fr",
    "europe-west10": "europe/de",
    "europe-west12": "europe/it",
    "europe-central2": "europe/pl",
    "europe-north1": "europe/fi",
    "europe-north2": "europe/se",
    "europe-southwest1": "europe/es",
    "us-central1": "north-america/us/central",
    "us-east4": "north-america/us/east",
    "us-east1": "north-america/us/east",
    "us-east5": "north-america/us/east",
    "us-south1": "north-america/us/south",
    "us-west1": "north-america/us/west",
    "us-west2": "north-america/us/west",
    "us-west3": "north-america/us/west",
    "us-west4": "north-america/us/west",
    "northamerica-northeast1": "north-america/ca",
    "northamerica-northeast2": "north-america/ca",
    "northamerica-south1": "north-america/mx",
    "southamerica-east1": "south-america/br",
    "southamerica-west1": "south-america/cl",
    "asia-southeast1": "asia/sg",
    "asia-southeast2": "asia/id",
    "asia-east1": "asia/tw",
    "asia-east2": "asia/hk",
    "asia-northeast1": "asia/jp",
    "asia-northeast2": "asia/jp",
    "asia-northeast3": "asia/kr",
    "asia-south1": "asia/in",
    "asia-south2": "asia/in",
    "australia-southeast1": "oceania/au",
    "australia-southeast2": "oceania/au",
    "me-west1": "middle-east/il",
    "me-central1": "middle-east/qa",
    "me-central2": "middle-east/sa",
    "africa-south1": "africa/za",
}
_LETTERS: Final = {"europe-west1": "bcd", "us-east1": "bcd"}

#: Three zones by region.
ZONES: Final[dict[str, tuple[str, ...]]] = {
    region: tuple(f"{region}-{letter}" for letter in _LETTERS.get(region, "abc"))
    for region in REGIONS
}

#: Pods that one node may run. The range for pods is cut into blocks of twice as many addresses.
PODS_PER_NODE: Final = 64


class Ranges(NamedTuple):
    """How a created network's range is used."""

    nodes: str
    pods: str
    services: str
    #: For services that are reached through a peering and want a range of their own.
    peered: str

    @property
    def most_nodes(self) -> int:
        """How many nodes the range for pods has blocks for."""
        return ipaddress.IPv4Network(self.pods).num_addresses // (2 * PODS_PER_NODE)


def ranges(cidr: str) -> Ranges:
    """Cuts a range: half for pods, a quarter for nodes and endpoints, an eighth each for the rest.

    Of a /16, pods get 32,768 addresses, which is 256 nodes.
    """
    lower, pods = ipaddress.IPv4Network(cidr).subnets()
    nodes, rest = lower.subnets()
    services, peered = rest.subnets()
    return Ranges(str(nodes), str(pods), str(services), str(peered))


#: Role of the bucket that takes the access logs of all others.
ACCESS_LOGS: Final = "access-logs"

#: Pulumi types whose loss loses data, or locks others out of theirs.
STATEFUL: Final = frozenset(
    {
        "gcp:artifactregistry/repository:Repository",
        "gcp:container/cluster:Cluster",
        "gcp:filestore/instance:Instance",
        "gcp:kms/cryptoKey:CryptoKey",
        "gcp:kms/keyRing:KeyRing",
        "gcp:logging/projectBucketConfig:ProjectBucketConfig",
        "gcp:memorystore/instance:Instance",
        "gcp:redis/cluster:Cluster",
        "gcp:redis/instance:Instance",
        "gcp:secretmanager/secret:Secret",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:storage/bucket:Bucket",
    }
)

#: Pulumi types that are most of a bill -> the properties that it goes by.
COSTLY: Final = {
    "gcp:compute/routerNat:RouterNat": (),
    "gcp:container/cluster:Cluster": (),
    "gcp:container/nodePool:NodePool": ("autoscaling", "nodeConfig", "nodeCount", "nodeLocations"),
    "gcp:redis/instance:Instance": ("memorySizeGb", "replicaCount", "tier"),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        "settings.availabilityType",
        "settings.diskSize",
        "settings.diskType",
        "settings.tier",
    ),
}
