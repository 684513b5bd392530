"""Facts about Google Cloud types that the SDK's documentation does not state.

Two kinds of rows, kept apart. Those in ``_READ`` were compared with the schema of the type in
hashicorp/terraform-provider-google 7.45, ``google/services/<service>/resource_*.go`` (``ForceNew``
and ``CustomizeDiff``), which the provider is built from. The others are believed: they state what
is generally known.

Replacements that depend on the old value are beyond the tables: an older Redis version, a smaller
subnetwork or disk, private access taken away from a database, and subsetting of internal load
balancers taken away from a cluster do replace, but are treated as changes in place here. So are a
``nodeConfig`` that appears or disappears as a whole, and ``tags`` of secrets and topics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The property with the physical name, where it is not ``name`` (pulumi-gcp provider/resources.go).
NAMES: Final[Mapping[str, str]] = {
    "gcp:artifactregistry/repository:Repository": "repositoryId",
    "gcp:organizations/iAMCustomRole:IAMCustomRole": "roleId",
    "gcp:organizations/project:Project": "projectId",
    "gcp:projects/iAMCustomRole:IAMCustomRole": "roleId",
    "gcp:secretmanager/secret:Secret": "secretId",
    "gcp:serviceaccount/account:Account": "accountId",
}

#: Types whose made-up names are lowercase: ``lowercaseAutoName`` in the same file. Addresses,
#: firewalls, clusters and buckets are not among them: there, a logical name in capitals is refused.
LOWERCASE_NAMES: Final = frozenset(
    {
        "gcp:compute/backendService:BackendService",
        "gcp:compute/httpHealthCheck:HttpHealthCheck",
        "gcp:compute/httpsHealthCheck:HttpsHealthCheck",
        "gcp:compute/network:Network",
        "gcp:compute/router:Router",
        "gcp:compute/routerNat:RouterNat",
        "gcp:compute/securityPolicy:SecurityPolicy",
        "gcp:compute/subnetwork:Subnetwork",
        "gcp:compute/targetHttpProxy:TargetHttpProxy",
        "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
        "gcp:compute/uRLMap:URLMap",
        "gcp:firestore/database:Database",
        "gcp:organizations/project:Project",
        "gcp:cloudrun/service:Service",
        "gcp:cloudrunv2/service:Service",
    }
)

#: Types whose names are taken for every project.
GLOBAL: Final = frozenset({"gcp:storage/bucket:Bucket"})

#: Type -> the property with its labels, where it is not ``labels``.
LABELS: Final[Mapping[str, str]] = {"gcp:container/cluster:Cluster": "resourceLabels"}

#: Type -> properties that change in place after all, whatever the documentation says. Read.
IN_PLACE: Final[Mapping[str, tuple[str, ...]]] = {
    "gcp:compute/subnetwork:Subnetwork": ("ipv6AccessType",),
    "gcp:sql/databaseInstance:DatabaseInstance": ("enforceNewSqlNetworkArchitecture",),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": ("locked",),
}

_NODES: Final = (
    "guestAccelerators", "localSsdCount", "ephemeralStorageLocalSsdConfig.localSsdCount",
    "ephemeralStorageLocalSsdConfig.dataCacheCount", "localNvmeSsdBlockConfig",
    "secondaryBootDisks", "metadata", "minCpuPlatform", "oauthScopes", "preemptible",
    "reservationAffinity", "spot", "serviceAccount", "shieldedInstanceConfig", "sandboxConfig",
    "bootDiskKmsKey", "nodeGroup", "advancedMachineFeatures.threadsPerCore",
    "advancedMachineFeatures.enableNestedVirtualization", "soleTenantConfig.nodeAffinities",
    "hostMaintenancePolicy", "confidentialNodes.confidentialInstanceType",
    "enableConfidentialStorage", "localSsdEncryptionMode", "maxRunDuration", "flexStart",
)  # fmt: skip
_NODE_CONFIG: Final = tuple(f"nodeConfig.{path}" for path in _NODES)

#: Glob on the type -> properties whose change makes a new resource, as read in the schemas. Names
#: and projects replace everywhere they were read; the first row has them. A display name is not a
#: name, and a notification channel or alert policy changes in place but for its project.
_READ: Final[Mapping[str, tuple[str, ...]]] = {
    "*": ("name", "namePrefix", "project"),
    "gcp:*[iI][aA][mM]Member:*": ("*",),
    "gcp:artifactregistry/repository:Repository": (
        "format", "repositoryId", "kmsKeyName", "location", "mode",
        "mavenConfig.allowSnapshotOverwrites", "mavenConfig.versionPolicy",
        "remoteRepositoryConfig.aptRepository", "remoteRepositoryConfig.commonRepository",
        "remoteRepositoryConfig.description", "remoteRepositoryConfig.dockerRepository",
        "remoteRepositoryConfig.mavenRepository", "remoteRepositoryConfig.npmRepository",
        "remoteRepositoryConfig.pythonRepository", "remoteRepositoryConfig.yumRepository",
    ),
    "gcp:billing/budget:Budget": ("billingAccount",),
    "gcp:compute/address:Address": (
        "address", "addressType", "description", "ipCollection", "ipVersion", "ipv6EndpointType",
        "network", "networkTier", "prefixLength", "purpose", "region", "subnetwork",
    ),
    "gcp:compute/firewall:Firewall": ("direction", "params"),
    "gcp:compute/forwardingRule:ForwardingRule": (
        "allPorts", "backendService", "description", "ipAddress", "ipCollection", "ipProtocol",
        "ipVersion", "isMirroringCollector", "loadBalancingScheme", "network", "networkTier",
        "noAutomateDnsZone", "portRange", "ports", "region", "serviceDirectoryRegistrations",
        "serviceLabel", "sourceIpRanges", "subnetwork",
        "target",  # of service attachments
    ),
    "gcp:compute/globalAddress:GlobalAddress": (
        "address", "addressType", "description", "ipVersion", "network", "prefixLength", "purpose",
    ),
    "gcp:compute/network:Network": (
        "autoCreateSubnetworks", "description", "internalIpv6Range", "networkProfile", "params",
    ),
    "gcp:compute/router:Router": (
        "encryptedInterconnectRouter", "nccGateway", "network", "params", "region",
    ),
    "gcp:compute/routerNat:RouterNat": (
        "router", "endpointTypes", "initialNatIps", "region", "type",
    ),
    "gcp:compute/subnetwork:Subnetwork": (
        "network", "description", "externalIpv6Prefix", "internalIpv6Prefix", "params", "region",
        "reservedInternalRange", "resolveSubnetMask",
    ),
    "gcp:container/cluster:Cluster": (
        "location", "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey",
        "clusterIpv4Cidr", "description", "enableKubernetesAlpha", "enableTpu", "enableAutopilot",
        "initialNodeCount", "confidentialNodes", "masterAuth.clientCertificateConfig", "network",
        "nodePools", "subnetwork", "ipAllocationPolicy.clusterIpv4CidrBlock",
        "ipAllocationPolicy.servicesIpv4CidrBlock", "ipAllocationPolicy.clusterSecondaryRangeName",
        "ipAllocationPolicy.servicesSecondaryRangeName",
        "ipAllocationPolicy.podCidrOverprovisionConfig", "networkingMode",
        "privateClusterConfig.masterIpv4CidrBlock",
        "privateClusterConfig.privateEndpointSubnetwork", "defaultMaxPodsPerNode",
        "datapathProvider", "userManagedKeysConfig.clusterCa", "userManagedKeysConfig.etcdApiCa",
        "userManagedKeysConfig.etcdPeerCa", "userManagedKeysConfig.aggregationCa", *_NODE_CONFIG,
    ),
    "gcp:container/nodePool:NodePool": (
        "cluster", "location", "placementPolicy.policyName", "queuedProvisioning",
        "maxPodsPerNode", "initialNodeCount", "networkConfig.acceleratorNetworkProfile",
        "networkConfig.createPodRange", "networkConfig.podRange",
        "networkConfig.podIpv4CidrBlock", "networkConfig.additionalNodeNetworkConfigs",
        "networkConfig.additionalPodNetworkConfigs", "networkConfig.podCidrOverprovisionConfig",
        "networkConfig.subnetwork", *_NODE_CONFIG,
    ),
    "gcp:dns/managedZone:ManagedZone": ("dnsName", "visibility"),
    "gcp:dns/recordSet:RecordSet": ("managedZone", "routingPolicy.healthCheck"),
    "gcp:kms/cryptoKey:CryptoKey": (
        "keyRing", "cryptoKeyBackend", "destroyScheduledDuration", "importOnly", "purpose",
        "versionTemplate.protectionLevel",
    ),
    "gcp:kms/keyRing:KeyRing": ("location",),
    "gcp:logging/projectBucketConfig:*": ("location", "bucketId"),
    "gcp:projects/iAMCustomRole:IAMCustomRole": ("roleId",),
    "gcp:projects/service:Service": ("service",),
    "gcp:pubsub/subscription:Subscription": ("topic", "enableMessageOrdering", "filter"),
    "gcp:redis/instance:Instance": (
        "alternativeLocationId", "authorizedNetwork", "connectMode", "customerManagedKey",
        "locationId", "region", "reservedIpRange", "tier", "transitEncryptionMode",
    ),
    "gcp:secretmanager/secret:Secret": (
        "secretId", "replication.userManaged.replicas[*].location",
    ),
    "gcp:secretmanager/secretVersion:SecretVersion": (
        "secret", "secretData", "secretDataWoVersion", "isSecretDataBase64",
    ),
    "gcp:serviceaccount/account:Account": ("accountId",),
    "gcp:servicenetworking/connection:Connection": ("network", "service"),
    "gcp:sql/database:Database": ("instance",),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        "region", "encryptionKeyName", "settings.collation", "masterInstanceName",
        "replicaConfiguration",
    ),
    "gcp:sql/user:User": ("host", "instance", "type"),
    "gcp:storage/bucket:Bucket": (
        "location", "enableObjectRetention", "customPlacementConfig.dataLocations",
        "hierarchicalNamespace",
    ),
}  # fmt: skip

#: ... and as believed.
_BELIEVED: Final[Mapping[str, tuple[str, ...]]] = {
    "gcp:*": ("location", "region", "zone"),
    "gcp:projects/serviceIdentity:ServiceIdentity": ("service",),
    "gcp:storage/bucketObject:BucketObject": ("bucket",),
    "gcp:*[iI][aA][mM]Binding:*": ("role", "condition"),
}

#: Glob on the type -> properties whose change makes a new resource.
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {**_READ, **_BELIEVED}
