"""What can be reached from outside on Google Cloud, and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import CREDENTIALS, EXPOSURE
from plinth_policies.encryption.gcp_stores import CLUSTER, NODE_POOL
from plinth_policies.exposure.ranges import may_be_public, open_ranges
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, hidden, is_on, known

#: Health checks of load balancers, and the Identity-Aware Proxy; Google's own, and not routed from
#: the internet (Google Cloud documentation, "Firewall rules" of load balancing and "Using IAP for
#: TCP forwarding").
_GOOGLE: Final = ("35.191.0.0/16", "130.211.0.0/22", "35.235.240.0/20")

_EVERYONE: Final = ("allUsers", "allAuthenticatedUsers")
_FIREWALL: Final = "gcp:compute/firewall:Firewall"

#: Where a type names those who get access.
_GRANTS: Final = {
    **dict.fromkeys(("gcp:*IAMMember", "gcp:*IamMember"), ("member",)),
    **dict.fromkeys(("gcp:*IAMBinding", "gcp:*IamBinding"), ("members",)),
    **dict.fromkeys(("gcp:*IAMPolicy", "gcp:*IamPolicy"), ("policyData",)),
    "gcp:storage/bucketACL:BucketACL": ("predefinedAcl", "defaultAcl", "roleEntities"),
    "gcp:storage/objectACL:ObjectACL": ("predefinedAcl", "roleEntities"),
    "gcp:storage/defaultObjectACL:DefaultObjectACL": ("roleEntities",),
    **{
        f"gcp:storage/{kind[0].lower()}{kind[1:]}:{kind}": ("entity",)
        for kind in ("BucketAccessControl", "ObjectAccessControl", "DefaultObjectAccessControl")
    },
    "gcp:bigquery/datasetAccess:DatasetAccess": ("iamMember", "specialGroup"),
    "gcp:bigquery/dataset:Dataset": ("accesses.iamMember", "accesses.specialGroup"),
}
_GRANT_NAMES: Final = tuple(dict.fromkeys(p.split(".")[0] for ps in _GRANTS.values() for p in ps))

register(
    "exposure-gcs-public-access",
    {
        "gcp:storage/bucket:Bucket": (
            Setting("publicAccessPrevention", ("enforced",), default="inherited"),
            Setting("uniformBucketLevelAccess", ("true",), default="false"),
        )
    },
    title="GCS buckets prevent public access",
    why="One public grant or object is enough to publish training data.",
    fix="set publicAccessPrevention to enforced and turn uniformBucketLevelAccess on",
    controls=(*EXPOSURE, "cis-gcp/5.1", "cis-gcp/5.2"),
)

register(
    "exposure-gke-private-nodes",
    {
        CLUSTER: (Setting("privateClusterConfig.enablePrivateNodes", ("true",)),),
        NODE_POOL: (
            Setting("networkConfig.enablePrivateNodes", ("true",), default="true"),  # the cluster's
        ),
    },
    title="GKE nodes have no public address",
    why="Whatever listens on a node could be reached from the internet.",
    fix="turn enablePrivateNodes on",
    controls=(*EXPOSURE, "cis-gke/5.6.5"),
)

register(
    "exposure-gcp-database-public",
    {
        "gcp:sql/databaseInstance:DatabaseInstance": (
            Setting("settings.ipConfiguration.ipv4Enabled", ("false",), default="true"),
        ),
        "gcp:alloydb/instance:Instance": (
            Setting("networkConfig.enablePublicIp", ("false",), default="false"),
        ),
    },
    title="Databases on Google Cloud have no public address",
    why="A database with a public address is one password away from everyone.",
    fix="turn the public address off and set a private network",
    controls=(*EXPOSURE, "cis-gcp/6.6"),
)

register(
    "exposure-gcp-notebook",
    {
        "gcp:workbench/instance:Instance": (
            Setting("gceSetup.disablePublicIp", ("true",), default="false"),
        ),
        "gcp:dataproc/cluster:Cluster": (
            Setting("clusterConfig.gceClusterConfig.internalIpOnly", ("true",)),
        ),
        "gcp:vertex/aiIndexEndpoint:AiIndexEndpoint": (
            Setting("publicEndpointEnabled", ("false",), default="false"),
        ),
    },
    title="Notebooks, Spark clusters and vector indexes on Google Cloud have no public address",
    why="They run whatever their users paste, next to the training data.",
    fix="turn the public address off and reach them inside the network",
    controls=(*EXPOSURE, "cis-gcp/4.9"),
)

register(
    "exposure-memorystore-login",
    {
        "gcp:redis/instance:Instance": (Setting("authEnabled", ("true",), default="false"),),
        "gcp:redis/cluster:Cluster": (
            Setting("authorizationMode", ("AUTH_MODE_IAM_AUTH",), default="AUTH_MODE_DISABLED"),
        ),
        "gcp:memorystore/instance:Instance": (
            Setting("authorizationMode", ("IAM_AUTH", "TOKEN_AUTH"), default="AUTH_DISABLED"),
        ),
    },
    title="Memorystore asks its clients who they are",
    why="Without it everything in the network reads and writes all data.",
    fix="turn authentication on",
    controls=CREDENTIALS,
)


def _reader(member: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    inputs = {"bucket": "models", "role": "roles/storage.objectViewer", "member": member}
    return (("gcp:storage/bucketIAMMember:BucketIAMMember", inputs),)


@REGISTRY.rule(
    "exposure-gcp-public-member",
    title="Nothing on Google Cloud is granted to everyone",
    why="A grant to allUsers or allAuthenticatedUsers is a grant to the whole internet.",
    fix="grant it to an identity, a group or a domain",
    judges=_GRANTS,
    controls=(*EXPOSURE, "cis-gcp/1.9", "cis-gcp/5.1", "cis-gcp/7.1"),
    good=_reader("group:ml@example.com"),
    bad=_reader("allUsers"),
)
def _public_member(resource: Resource, _scope: Scope) -> Iterator[str]:
    # Whoever grants to everyone writes it down; a grantee that is not known yet is an identity
    # that another resource makes.
    for name in _GRANT_NAMES:
        value = resource.inputs.get(name)
        if name == "policyData" and isinstance(value, str) and not hidden(value):
            value = json.loads(value)
        for text in _texts(value):
            canned = name.endswith("Acl") and text.startswith(("public", "authenticated"))
            if canned or text.rsplit(":", 1)[-1] in _EVERYONE:
                yield f"{name} grants to {text}"


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a value."""
    if isinstance(value, str):
        yield value
    elif value:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


@REGISTRY.rule(
    "exposure-gke-endpoint",
    title="The GKE API is closed to the internet but for listed ranges",
    why="The API server is open to the whole internet unless it is told otherwise.",
    fix="turn privateClusterConfig.enablePrivateEndpoint on, or list allowed ranges in "
    "masterAuthorizedNetworksConfig",
    judges={
        CLUSTER: (
            "privateClusterConfig.enablePrivateEndpoint",
            "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic",
            "masterAuthorizedNetworksConfig.cidrBlocks.cidrBlock",
            "masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled",
        )
    },
    parameters=("allowed_public_cidrs",),
    controls=(*EXPOSURE, "cis-gke/5.6.3", "cis-gke/5.6.4"),
    good={"privateClusterConfig": {"enablePrivateEndpoint": True}},
    bad={"privateClusterConfig": {"enablePrivateEndpoint": False}},
)
def _gke(resource: Resource, scope: Scope) -> Iterator[str]:
    def switch(dotted: str) -> Any:
        return known(get(resource.inputs, dotted), dotted)

    if is_on(switch("controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic")):
        yield "the DNS endpoint takes traffic from the internet"
    if (
        is_on(switch("privateClusterConfig.enablePrivateEndpoint"))
        or switch("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled") is False
    ):
        return
    networks = "masterAuthorizedNetworksConfig"
    if switch(networks) is None:
        yield f"the public endpoint is on and {networks} is not set"
    if is_on(switch(f"{networks}.gcpPublicCidrsAccessEnabled")):
        yield "every machine on Google Cloud may connect"
    allowed = blocks(get(resource.inputs, f"{networks}.cidrBlocks"), "cidrBlocks")
    yield from open_ranges([get(block, "cidrBlock") for block in allowed], "cidrBlocks", scope)


def _networks(cidr: str) -> dict[str, Any]:
    return {"settings": {"ipConfiguration": {"authorizedNetworks": [{"value": cidr}]}}}


@REGISTRY.rule(
    "exposure-cloud-sql-networks",
    title="Cloud SQL lets in no public range that is not listed",
    why="A database with a public address is one password away from everyone.",
    fix="remove the authorised network, or list the range as allowed",
    judges={
        "gcp:sql/databaseInstance:DatabaseInstance": (
            "settings.ipConfiguration.authorizedNetworks.value",
        )
    },
    parameters=("allowed_public_cidrs",),
    controls=(*EXPOSURE, "cis-gcp/6.5"),
    good=_networks("10.0.0.0/16"),
    bad=_networks("0.0.0.0/0"),
)
def _sql_networks(resource: Resource, scope: Scope) -> Iterator[str]:
    name = "settings.ipConfiguration.authorizedNetworks"
    networks = [get(entry, "value") for entry in blocks(get(resource.inputs, name), name)]
    yield from open_ranges(networks, "authorizedNetworks", scope)


@REGISTRY.rule(
    "exposure-gcp-firewall",
    title="Firewalls of Google Cloud's networks let in no public range that is not listed",
    why="What listens behind the firewall is scanned within minutes.",
    fix="let in a private range, a tag or a service account, or list the range as allowed",
    judges={
        _FIREWALL: (
            "direction",
            "disabled",
            "allows",
            "sourceRanges",
            "sourceTags",
            "sourceServiceAccounts",
        ),
        **dict.fromkeys(
            (
                "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule",
                "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule",
            ),
            ("direction", "disabled", "action", "match.srcIpRanges", "match.srcNetworkScope"),
        ),
    },
    parameters=("allowed_public_cidrs",),
    controls=(*EXPOSURE, "cis-gcp/3.6", "cis-gcp/3.7"),
    good={"allows": [{"protocol": "tcp", "ports": ["22"]}], "sourceRanges": ["35.235.240.0/20"]},
    bad={"allows": [{"protocol": "tcp", "ports": ["22"]}], "sourceRanges": ["0.0.0.0/0"]},
)
def _firewall(resource: Resource, scope: Scope) -> Iterator[str]:
    inputs = resource.inputs
    allows = inputs.get("allows") if resource.type == _FIREWALL else inputs.get("action") != "deny"
    if not allows or inputs.get("direction") == "EGRESS" or inputs.get("disabled") is True:
        return
    ranges = inputs.get("sourceRanges") or get(inputs, "match.srcIpRanges")
    others = inputs.get("sourceTags") or inputs.get("sourceServiceAccounts")
    if resource.type == _FIREWALL and not (ranges or others):
        yield "no source is set, so everyone may connect"
    if not ranges and get(inputs, "match.srcNetworkScope") == "INTERNET":
        yield "the source is the whole internet"
    yield from open_ranges(ranges, "the source", scope, known_good=_GOOGLE)


@REGISTRY.rule(
    "exposure-gcp-load-balancer",
    title="Load balancers on Google Cloud are internal unless they are meant to be public",
    why="A load balancer with a public address publishes what is behind it.",
    fix="choose an internal loadBalancingScheme, or name it in public_services",
    judges=dict.fromkeys(
        (
            "gcp:compute/forwardingRule:ForwardingRule",
            "gcp:compute/globalForwardingRule:GlobalForwardingRule",
        ),
        ("loadBalancingScheme",),
    ),
    parameters=("public_services",),
    controls=EXPOSURE,
    good={"loadBalancingScheme": "INTERNAL_MANAGED"},
    bad={"loadBalancingScheme": "EXTERNAL_MANAGED"},
)
def _load_balancer(resource: Resource, scope: Scope) -> Iterator[str]:
    scheme = known(resource.inputs.get("loadBalancingScheme"), "loadBalancingScheme")
    # Missing, it is external; empty, it is an endpoint of Private Service Connect.
    external = scheme is None or str(scheme).startswith("EXTERNAL")
    if external and not may_be_public(resource, scope):
        yield "the load balancer faces the internet"


@REGISTRY.rule(
    "exposure-gcp-machine-public-ip",
    title="Machines on Google Cloud have no public address",
    why="Whatever listens on the machine could be reached from the internet.",
    fix="remove accessConfigs from the network interfaces",
    judges=dict.fromkeys(
        (
            "gcp:compute/instance:Instance",
            "gcp:compute/instanceTemplate:InstanceTemplate",
            "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate",
        ),
        ("networkInterfaces.accessConfigs", "networkInterfaces.ipv6AccessConfigs"),
    ),
    controls=(*EXPOSURE, "cis-gcp/4.9"),
    good={"networkInterfaces": [{"subnetwork": "nodes"}]},
    bad={"networkInterfaces": [{"subnetwork": "nodes", "accessConfigs": [{}]}]},
)
def _machine(resource: Resource, _scope: Scope) -> Iterator[str]:
    for interface in blocks(resource.inputs.get("networkInterfaces"), "networkInterfaces"):
        for name in ("accessConfigs", "ipv6AccessConfigs"):
            if blocks(get(interface, name), name):
                yield f"{name} gives the machine a public address"
