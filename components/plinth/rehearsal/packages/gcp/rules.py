"""What Google Cloud refuses to name, to make and to delete, per type.

A comment says what each table was compared with: validation and deletion code of the types in
hashicorp/terraform-provider-google 7.45, ``google/services`` and ``google/verify``, or a page of a
service's documentation. Rows called believed were compared with nothing; they state what is
generally known of the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RFC1035: Final = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
_RFC1035_RULE: Final = (
    "a lowercase letter, then at most 62 lowercase letters, digits and hyphens, not ending in one"
)
_MEMBER: Final = (
    r"all(Authenticated)?Users|(deleted:)?(user|serviceAccount|group|domain|principal|principalSet"
    r"|principalHierarchy|projectOwner|projectEditor|projectViewer|iamMember):.+"
)
_ROLE: Final = r"(roles|(projects|organizations)/[^/]+/roles)/[A-Za-z0-9_.]+"

#: Glob on the type -> (property, allowed form, the rule in words). Read: compute, NAT, accounts,
#: custom roles, clusters, caches, record sets, members. Buckets: the naming page of Cloud Storage.
#: The rest is believed.
NAME_RULES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("gcp:compute/*", "name", _RFC1035, _RFC1035_RULE),
    ("gcp:dns/managedZone:*", "name", _RFC1035, _RFC1035_RULE),
    ("gcp:dns/managedZone:*", "dnsName", r"([^.]+\.)+", "a domain that ends in a dot"),
    ("gcp:dns/recordSet:*", "name", r"([^.]+\.)+", "a domain that ends in a dot"),
    ("gcp:artifactregistry/repository:*", "repositoryId", _RFC1035, _RFC1035_RULE),
    (
        "gcp:container/cluster:*", "name", r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?",
        "a lowercase letter, then at most 39 lowercase letters, digits and hyphens",
    ),
    (
        "gcp:container/nodePool:*", "name", r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?",
        "a lowercase letter, then at most 39 lowercase letters, digits and hyphens",
    ),
    (
        "gcp:serviceaccount/account:*", "accountId", r"[a-z]([-a-z0-9]{4,28}[a-z0-9])",
        "6 to 30 lowercase letters, digits and hyphens, beginning with a letter",
    ),
    (
        "gcp:*/iAMCustomRole:*", "roleId", r"[a-zA-Z0-9_.]{3,64}",
        "3 to 64 letters, digits, underscores and dots",
    ),
    (
        "gcp:redis/instance:*", "name", r"[a-z][a-z0-9-]{0,38}[a-z0-9]",
        "a lowercase letter, then at most 39 lowercase letters, digits and hyphens",
    ),
    (
        "gcp:sql/databaseInstance:*", "name", r"[a-z]([a-z0-9-]{0,94}[a-z0-9])?",
        "a lowercase letter, then at most 95 lowercase letters, digits and hyphens",
    ),
    (
        "gcp:storage/bucket:*", "name",
        r"(?!goog)(?!.*google)(?!\d+(\.\d+){3}$)[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]"
        r"|(?!goog)(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
        r"(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)+",
        "3 to 63 lowercase letters, digits, hyphens and underscores, without google in it",
    ),
    (
        "gcp:kms/*", "name", r"[A-Za-z0-9_-]{1,63}",
        "at most 63 letters, digits, hyphens and underscores",
    ),
    (
        "gcp:secretmanager/secret:*", "secretId", r"[A-Za-z0-9_-]{1,255}",
        "at most 255 letters, digits, hyphens and underscores",
    ),
    (
        "gcp:pubsub/*", "name", r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}",
        "3 to 255 letters, digits and -._~+%, beginning with a letter and not with goog",
    ),
    (
        "gcp:logging/projectBucketConfig:*", "bucketId", r"[A-Za-z0-9._-]{1,100}",
        "at most 100 letters, digits, dots, hyphens and underscores",
    ),
    ("gcp:*[iI][aA][mM]Member:*", "member", _MEMBER, "a principal such as serviceAccount:<email>"),
    ("gcp:*[iI][aA][mM]Member:*", "role", _ROLE, "a role such as roles/viewer"),
)  # fmt: skip

_TAINTS: Final = ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE")
_IDENTITIES: Final = ("MODE_UNSPECIFIED", "GCE_METADATA", "GKE_METADATA")

#: Type -> property -> the values it may have, which the SDK does not list. Read, but for the
#: prevention of public access (Cloud Storage documentation, "Public access prevention").
VALUES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "gcp:container/cluster:Cluster": {
        "databaseEncryption.state": ("ENCRYPTED", "ALL_OBJECTS_ENCRYPTION_ENABLED", "DECRYPTED"),
        "datapathProvider": (
            "DATAPATH_PROVIDER_UNSPECIFIED", "LEGACY_DATAPATH", "ADVANCED_DATAPATH",
        ),
        "dnsConfig.clusterDns": (
            "PROVIDER_UNSPECIFIED", "PLATFORM_DEFAULT", "CLOUD_DNS", "KUBE_DNS",
        ),
        "networkingMode": ("VPC_NATIVE", "ROUTES"),
        "nodeConfig.taints.effect": _TAINTS,
        "nodeConfig.workloadMetadataConfig.mode": _IDENTITIES,
        "releaseChannel.channel": ("UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"),
        "securityPostureConfig.mode": ("DISABLED", "BASIC", "ENTERPRISE", "MODE_UNSPECIFIED"),
    },
    "gcp:container/nodePool:NodePool": {
        "nodeConfig.taints.effect": _TAINTS,
        "nodeConfig.workloadMetadataConfig.mode": _IDENTITIES,
    },
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "settings.availabilityType": ("REGIONAL", "ZONAL"),
        "settings.edition": ("ENTERPRISE", "ENTERPRISE_PLUS"),
        "settings.ipConfiguration.sslMode": (
            "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "ENCRYPTED_ONLY",
            "TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
        ),
    },
    "gcp:storage/bucket:Bucket": {"publicAccessPrevention": ("inherited", "enforced")},
}  # fmt: skip

#: Types that nobody may delete until ``deletionProtection`` is set to false: it is on by default.
#: Read. Wherever else a type has that property, it protects when it is true.
PROTECTED_BY_DEFAULT: Final = frozenset(
    {
        "gcp:activedirectory/domain:Domain",
        "gcp:alloydb/cluster:Cluster",
        "gcp:bigquery/table:Table",
        "gcp:bigtable/instance:Instance",
        "gcp:certificateauthority/authority:Authority",
        "gcp:cloudrunv2/job:Job",
        "gcp:cloudrunv2/service:Service",
        "gcp:cloudrunv2/workerPool:WorkerPool",
        "gcp:compute/storagePool:StoragePool",
        "gcp:container/cluster:Cluster",
        "gcp:organizations/folder:Folder",
        "gcp:spanner/database:Database",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:workflows/workflow:Workflow",
    }
)

#: Types whose names stay taken. Keys and key rings cannot be deleted, the provider only forgets
#: them: creating one again ends in error 409, an import takes it back (read in
#: ``resource_kms_key_ring.go`` and ``resource_kms_crypto_key.go``). A log bucket stays for a week
#: (Cloud Logging documentation, "Configure log buckets"). The name of a deleted Cloud SQL instance
#: is free at once (Cloud SQL documentation, "Delete instances"), whatever the SDK says of it.
LASTING: Final = frozenset(
    {
        "gcp:kms/keyRing:KeyRing",
        "gcp:kms/cryptoKey:CryptoKey",
        "gcp:logging/projectBucketConfig:ProjectBucketConfig",
    }
)

#: API -> others that are switched on with it. Believed.
IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    "container.googleapis.com": (
        "artifactregistry.googleapis.com",
        "compute.googleapis.com",
        "dns.googleapis.com",
        "pubsub.googleapis.com",
    ),
}

#: Beginning of a type -> the API that has to be on, in projects that switch any on themselves.
APIS: Final[Mapping[str, str]] = {
    "gcp:artifactregistry/": "artifactregistry.googleapis.com",
    "gcp:billing/budget:": "billingbudgets.googleapis.com",
    "gcp:compute/": "compute.googleapis.com",
    "gcp:container/": "container.googleapis.com",
    "gcp:dns/": "dns.googleapis.com",
    "gcp:kms/": "cloudkms.googleapis.com",
    "gcp:pubsub/": "pubsub.googleapis.com",
    "gcp:redis/": "redis.googleapis.com",
    "gcp:secretmanager/": "secretmanager.googleapis.com",
    "gcp:servicenetworking/": "servicenetworking.googleapis.com",
    "gcp:sql/": "sqladmin.googleapis.com",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A property by which one resource names another.

    Attributes:
        type: Glob on the type that has it.
        path: The property; of lists, that of every item.
        target: The type it names, by identifier, link or name.
        given: Whether people may have made the target beforehand, so that it need not be there.
        holds: Whether the target cannot be deleted while it is named ...
        unless: ... unless this switch of the target is on.
        goes: Whether it disappears along with its target.
    """

    type: str
    path: str
    target: str
    given: bool = False
    holds: bool = False
    unless: str = ""
    goes: bool = False


_NETWORK: Final = "gcp:compute/network:Network"
_SUBNETWORK: Final = "gcp:compute/subnetwork:Subnetwork"
_SECRET: Final = "gcp:secretmanager/secret:Secret"  # noqa: S105 a type, not a secret
_BUCKET: Final = "gcp:storage/bucket:Bucket"
_CLUSTER: Final = "gcp:container/cluster:Cluster"
_DATABASE: Final = "gcp:sql/databaseInstance:DatabaseInstance"
_ZONE: Final = "gcp:dns/managedZone:ManagedZone"
_KEY: Final = "gcp:kms/cryptoKey:CryptoKey"
_TOPIC: Final = "gcp:pubsub/topic:Topic"

#: What has to be there first, and what is deleted in which order. Read: buckets, zones, channels
#: and connections refuse while they are used, and what goes with a cluster, a database or a secret.
#: That a network, subnetwork or range is held by what is in it is believed.
LINKS: Final[tuple[Link, ...]] = (
    Link(_SUBNETWORK, "network", _NETWORK, holds=True),
    Link("gcp:compute/router:Router", "network", _NETWORK, holds=True),
    Link("gcp:compute/firewall:Firewall", "network", _NETWORK, holds=True),
    Link("gcp:compute/globalAddress:GlobalAddress", "network", _NETWORK, holds=True),
    Link("gcp:compute/address:Address", "subnetwork", _SUBNETWORK, holds=True),
    Link("gcp:compute/routerNat:RouterNat", "router", "gcp:compute/router:Router", goes=True),
    Link("gcp:compute/routerNat:RouterNat", "subnetworks.name", _SUBNETWORK),
    Link(
        "gcp:compute/forwardingRule:ForwardingRule", "ipAddress",
        "gcp:compute/address:Address", given=True, holds=True,
    ),
    Link("gcp:compute/forwardingRule:ForwardingRule", "subnetwork", _SUBNETWORK, holds=True),
    Link("gcp:compute/routerNat:RouterNat", "natIps", "gcp:compute/address:Address", holds=True),
    Link("gcp:servicenetworking/connection:Connection", "network", _NETWORK, goes=True),
    Link(
        "gcp:servicenetworking/connection:Connection", "reservedPeeringRanges",
        "gcp:compute/globalAddress:GlobalAddress",
    ),
    Link(_CLUSTER, "network", _NETWORK, holds=True),
    Link(_CLUSTER, "subnetwork", _SUBNETWORK, holds=True),
    Link(_CLUSTER, "databaseEncryption.keyName", _KEY, given=True),
    Link("gcp:container/nodePool:NodePool", "cluster", _CLUSTER, goes=True),
    Link("gcp:kms/cryptoKey:CryptoKey", "keyRing", "gcp:kms/keyRing:KeyRing"),
    Link("gcp:kms/cryptoKeyIAM*", "cryptoKeyId", _KEY, given=True),
    Link(
        "gcp:serviceaccount/iAM*", "serviceAccountId", "gcp:serviceaccount/account:Account",
        goes=True,
    ),
    Link(
        "gcp:storage/bucketObject:*", "bucket", _BUCKET,
        holds=True, unless="forceDestroy", goes=True,
    ),
    Link("gcp:storage/bucketIAM*", "bucket", _BUCKET, goes=True),
    Link(_BUCKET, "encryption.defaultKmsKeyName", _KEY, given=True),
    Link(_DATABASE, "settings.ipConfiguration.privateNetwork", _NETWORK, holds=True),
    Link(_DATABASE, "encryptionKeyName", _KEY, given=True),
    Link("gcp:sql/user:User", "instance", _DATABASE, goes=True),
    Link("gcp:sql/database:Database", "instance", _DATABASE, goes=True),
    Link("gcp:redis/instance:Instance", "authorizedNetwork", _NETWORK, holds=True),
    Link("gcp:redis/instance:Instance", "customerManagedKey", _KEY, given=True),
    Link(
        "gcp:artifactregistry/repositoryIam*", "repository",
        "gcp:artifactregistry/repository:Repository", goes=True,
    ),
    Link("gcp:artifactregistry/repository:Repository", "kmsKeyName", _KEY, given=True),
    Link("gcp:secretmanager/secretVersion:SecretVersion", "secret", _SECRET, goes=True),
    Link("gcp:secretmanager/secretIam*", "secretId", _SECRET, goes=True),
    Link("gcp:pubsub/subscription:Subscription", "topic", _TOPIC),
    Link("gcp:pubsub/topicIAM*", "topic", _TOPIC, goes=True),
    Link("gcp:pubsub/topic:Topic", "kmsKeyName", _KEY, given=True),
    Link(
        "gcp:dns/recordSet:RecordSet", "managedZone", _ZONE,
        given=True, holds=True, unless="forceDestroy", goes=True,
    ),
    Link("gcp:dns/dnsManagedZoneIam*", "managedZone", _ZONE, given=True, goes=True),
    Link(
        "gcp:monitoring/alertPolicy:AlertPolicy", "notificationChannels",
        "gcp:monitoring/notificationChannel:NotificationChannel", holds=True, unless="forceDelete",
    ),
    Link("gcp:logging/projectBucketConfig:*", "cmekSettings.kmsKeyName", _KEY, given=True),
)  # fmt: skip

#: Type -> the key it is encrypted with, and the service whose agent has to be allowed to use it
#: beforehand. The agents are those of the documentation of each service on customer-managed keys.
ENCRYPTED: Final[Mapping[str, tuple[str, str]]] = {
    _BUCKET: ("encryption.defaultKmsKeyName", "storage"),
    _CLUSTER: ("databaseEncryption.keyName", "container"),
    _DATABASE: ("encryptionKeyName", "sqladmin"),
    _SECRET: (
        "replication.userManaged.replicas.customerManagedEncryption.kmsKeyName",
        "secretmanager",
    ),
    "gcp:container/nodePool:NodePool": ("nodeConfig.bootDiskKmsKey", "compute"),
    _TOPIC: ("kmsKeyName", "pubsub"),
    "gcp:artifactregistry/repository:Repository": ("kmsKeyName", "artifactregistry"),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": ("cmekSettings.kmsKeyName", "logging"),
    "gcp:redis/instance:Instance": ("customerManagedKey", "redis"),
}
