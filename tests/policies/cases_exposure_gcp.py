"""Good and bad cases of the rules on exposure on Google Cloud."""

from __future__ import annotations

import json

from policy_support import Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.values import nested

BUCKET = "gcp:storage/bucket:Bucket"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
CLUSTER = "gcp:container/cluster:Cluster"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
FIREWALL = "gcp:compute/firewall:Firewall"
POLICY_RULE = "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule"
REGIONAL_POLICY_RULE = "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule"
INSTANCE = "gcp:compute/instance:Instance"
FORWARDING = "gcp:compute/forwardingRule:ForwardingRule"
TCP = [{"protocol": "tcp", "ports": ["443"]}]


def _grant(token: str, **inputs: object) -> list[Resource]:
    return [resource(token, inputs)]


def _policy(*members: str) -> str:
    return json.dumps({"bindings": [{"role": "roles/viewer", "members": list(members)}]})


def _networks(*cidrs: object, **more: object) -> dict[str, object]:
    blocks = [{"cidrBlock": cidr} for cidr in cidrs]
    return {"masterAuthorizedNetworksConfig": {"cidrBlocks": blocks, **more}}


def _authorized(*values: object) -> dict[str, object]:
    networks = [{"value": value} for value in values]
    return {"settings": {"ipConfiguration": {"authorizedNetworks": networks}}}


def _firewall(*ranges: object, **more: object) -> dict[str, object]:
    return {"allows": TCP, "sourceRanges": list(ranges), **more}


def _rule(*ranges: object, action: str = "allow", token: str = POLICY_RULE) -> list[Resource]:
    match = {"srcIpRanges": list(ranges)}
    return [resource(token, {"direction": "INGRESS", "action": action, "match": match})]


def _machine(token: str, **interface: object) -> list[Resource]:
    return [resource(token, {"networkInterfaces": [interface]})]


TABLES = {
    "exposure-gcs-public-access": settings_table(
        (BUCKET, "publicAccessPrevention", "enforced", "inherited"),
        (BUCKET, "uniformBucketLevelAccess", True, None),
    ),
    "exposure-gke-private-nodes": settings_table(
        (CLUSTER, "privateClusterConfig.enablePrivateNodes", True, None),
        (
            "gcp:container/nodePool:NodePool",
            "networkConfig.enablePrivateNodes",
            None,
            False,
        ),
    ),
    "exposure-gcp-database-public": settings_table(
        (SQL, "settings.ipConfiguration.ipv4Enabled", False, None),
        ("gcp:alloydb/instance:Instance", "networkConfig.enablePublicIp", None, True),
    ),
    "exposure-memorystore-login": settings_table(
        ("gcp:redis/instance:Instance", "authEnabled", True, None),
        (
            "gcp:redis/cluster:Cluster",
            "authorizationMode",
            "AUTH_MODE_IAM_AUTH",
            "AUTH_MODE_DISABLED",
        ),
        ("gcp:memorystore/instance:Instance", "authorizationMode", "IAM_AUTH", None),
    ),
    "exposure-gcp-public-member": Table(
        MEMBER,
        good=[
            {"member": "serviceAccount:public@churn.iam.gserviceaccount.com"},
            {"member": UNKNOWN},
            _grant("gcp:projects/iAMPolicy:IAMPolicy", policyData=UNKNOWN),
            _grant("gcp:projects/iAMPolicy:IAMPolicy", policyData=_policy("domain:example.com")),
            _grant("gcp:bigquery/dataset:Dataset", accesses=[{"specialGroup": "projectOwners"}]),
            _grant("gcp:storage/bucketACL:BucketACL", predefinedAcl="private"),
        ],
        bad=[
            ({"member": "allUsers"}, "member grants to allUsers"),
            (
                _grant("gcp:cloudrun/iamMember:IamMember", member="allAuthenticatedUsers"),
                "grants to allAuthenticatedUsers",
            ),
            (
                _grant("gcp:storage/bucketIAMBinding:BucketIAMBinding", members=["allUsers"]),
                "members grants to allUsers",
            ),
            (
                _grant("gcp:kms/keyRingIAMBinding:KeyRingIAMBinding", members=["allUsers"]),
                "members grants to allUsers",
            ),
            (_grant("gcp:cloudrun/iamBinding:IamBinding", members=["allUsers"]), "allUsers"),
            (
                _grant(
                    "gcp:projects/iAMPolicy:IAMPolicy",
                    policyData=_policy("user:ml@example.com", "allUsers"),
                ),
                "policyData grants to allUsers",
            ),
            (
                _grant("gcp:cloudrun/iamPolicy:IamPolicy", policyData=_policy("allUsers")),
                "policyData grants to allUsers",
            ),
            (_grant("gcp:projects/iAMPolicy:IAMPolicy", policyData="{"), "could not judge"),
            (
                _grant("gcp:storage/bucketACL:BucketACL", predefinedAcl="publicRead"),
                "predefinedAcl grants to publicRead",
            ),
            (
                _grant("gcp:storage/objectACL:ObjectACL", roleEntities=["READER:allUsers"]),
                "roleEntities grants to READER:allUsers",
            ),
            (
                _grant(
                    "gcp:storage/defaultObjectACL:DefaultObjectACL",
                    roleEntities=["READER:allUsers"],
                ),
                "roleEntities grants to",
            ),
            (
                _grant("gcp:storage/bucketAccessControl:BucketAccessControl", entity="allUsers"),
                "entity grants to allUsers",
            ),
            (
                _grant("gcp:storage/objectAccessControl:ObjectAccessControl", entity="allUsers"),
                "entity grants to allUsers",
            ),
            (
                _grant(
                    "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl",
                    entity="allUsers",
                ),
                "entity grants to allUsers",
            ),
            (
                _grant(
                    "gcp:bigquery/datasetAccess:DatasetAccess",
                    specialGroup="allAuthenticatedUsers",
                ),
                "specialGroup grants to allAuthenticatedUsers",
            ),
            (
                _grant("gcp:bigquery/dataset:Dataset", accesses=[{"iamMember": "allUsers"}]),
                "accesses grants to allUsers",
            ),
        ],
    ),
    "exposure-gke-endpoint": Table(
        CLUSTER,
        good=[
            {"privateClusterConfig": {"enablePrivateEndpoint": True}},
            nested({"controlPlaneEndpointsConfig.ipEndpointsConfig.enabled": False}),
            _networks("203.0.113.0/28", "10.0.0.0/8"),
            {"masterAuthorizedNetworksConfig": {}},
        ],
        bad=[
            ({}, "masterAuthorizedNetworksConfig is not set"),
            (_networks("0.0.0.0/0"), "the whole internet"),
            (_networks("198.51.100.0/24"), "not an allowed public range"),
            (_networks(UNKNOWN), "cidrBlocks is not known"),
            (_networks(gcpPublicCidrsAccessEnabled=True), "every machine on Google Cloud"),
            (
                nested(
                    {
                        "privateClusterConfig.enablePrivateEndpoint": True,
                        "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic": True,
                    }
                ),
                "the DNS endpoint takes traffic",
            ),
        ],
    ),
    "exposure-cloud-sql-networks": Table(
        SQL,
        good=[{}, _authorized("203.0.113.7")],
        bad=[
            (_authorized("0.0.0.0/0"), "the whole internet"),
            (_authorized("198.51.100.7/32"), "not an allowed public range"),
            (_authorized(UNKNOWN), "authorizedNetworks is not known"),
        ],
    ),
    "exposure-gcp-firewall": Table(
        FIREWALL,
        good=[
            _firewall("10.0.0.0/8", "203.0.113.0/24"),
            _firewall("130.211.0.0/22", "35.191.0.0/16"),
            _firewall(sourceTags=["nodes"]),
            _firewall("0.0.0.0/0", direction="EGRESS"),
            _firewall("0.0.0.0/0", disabled=True),
            {"denies": TCP, "sourceRanges": ["0.0.0.0/0"]},
            _rule("0.0.0.0/0", action="deny"),
        ],
        bad=[
            (_firewall("0.0.0.0/0"), "the whole internet"),
            (_firewall("::/0", direction=UNKNOWN), "the whole internet"),
            (_firewall("198.51.100.0/24"), "not an allowed public range"),
            (_firewall(), "no source is set"),
            (_firewall(UNKNOWN), "the source is not known"),
            (_rule("0.0.0.0/0"), "the whole internet"),
            (_rule("8.8.8.0/24", token=REGIONAL_POLICY_RULE), "not an allowed public range"),
            ([resource(POLICY_RULE, {"match": {"srcNetworkScope": "INTERNET"}})], "whole internet"),
        ],
    ),
    "exposure-gcp-load-balancer": Table(
        FORWARDING,
        good=[
            {"loadBalancingScheme": "INTERNAL_MANAGED"},
            {"loadBalancingScheme": ""},
            [resource(FORWARDING, {"loadBalancingScheme": "EXTERNAL"}, "public-lb")],
        ],
        bad=[
            ({}, "faces the internet"),
            ({"loadBalancingScheme": UNKNOWN}, "loadBalancingScheme is not known"),
            (
                [
                    resource(
                        "gcp:compute/globalForwardingRule:GlobalForwardingRule",
                        {"loadBalancingScheme": "EXTERNAL_MANAGED"},
                    )
                ],
                "faces the internet",
            ),
        ],
    ),
    "exposure-gcp-machine-public-ip": Table(
        INSTANCE,
        good=[_machine(INSTANCE, subnetwork=UNKNOWN), _machine(INSTANCE, accessConfigs=[])],
        bad=[
            (_machine(INSTANCE, accessConfigs=[{}]), "a public address"),
            (_machine(INSTANCE, accessConfigs=UNKNOWN), "accessConfigs is not known"),
            (
                _machine("gcp:compute/instanceTemplate:InstanceTemplate", accessConfigs=[{}]),
                "accessConfigs gives the machine",
            ),
            (
                _machine(
                    "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate",
                    ipv6AccessConfigs=[{}],
                ),
                "ipv6AccessConfigs gives the machine",
            ),
        ],
    ),
    "exposure-gcp-notebook": settings_table(
        ("gcp:workbench/instance:Instance", "gceSetup.disablePublicIp", True, None),
        (
            "gcp:dataproc/cluster:Cluster",
            "clusterConfig.gceClusterConfig.internalIpOnly",
            True,
            None,
        ),
        ("gcp:vertex/aiIndexEndpoint:AiIndexEndpoint", "publicEndpointEnabled", False, True),
    ),
}
