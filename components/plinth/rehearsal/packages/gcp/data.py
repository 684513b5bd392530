"""Where data lives: keys, buckets, databases, caches, secrets, images, messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.rehearsal.packages.base import Birth, Made, Maker
from plinth.rehearsal.packages.gcp.shapes import (
    CERTIFICATE,
    COMPUTE,
    CREATED,
    address,
    item,
    linked,
    location,
    member,
    named,
    on,
    project,
    project_number,
)

_SQL: Final = "https://sqladmin.googleapis.com/sql/v1beta4/"


def _crypto_key(birth: Birth) -> Made:
    id_ = f"{birth.text('keyRing')}/cryptoKeys/{birth.name}"
    primary = {"name": f"{id_}/cryptoKeyVersions/1", "state": "ENABLED"}
    symmetric = birth.text("purpose", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
    return id_, {
        "primaries": [primary] if symmetric else [],
        "destroyScheduledDuration": birth.text("destroyScheduledDuration", "2592000s"),
        "versionTemplate": {
            "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION",
            "protectionLevel": "SOFTWARE",
        }
        | dict(item(birth.inputs.get("versionTemplate"))),
    }


def _bucket(birth: Birth) -> Made:
    return birth.name, {
        "url": f"gs://{birth.name}",
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{birth.name}",
        "projectNumber": int(project_number(project(birth))),
        "timeCreated": CREATED,
        "updated": CREATED,
        "publicAccessPrevention": birth.text("publicAccessPrevention", "inherited"),
    }


def _object(birth: Birth) -> Made:
    bucket, name = birth.text("bucket"), birth.name
    known = {"mediaLink": f"https://storage.googleapis.com/download/storage/v1/b/{bucket}/o/{name}"}
    return f"{bucket}-{name}", known | {"outputName": name, "md5hash": birth.hex(22) + "=="}


def _database_instance(birth: Birth) -> Made:
    owner, settings = project(birth), item(birth.inputs.get("settings"))
    wanted = item(settings.get("ipConfiguration"))
    private = address(birth, "10") if wanted.get("privateNetwork") else ""
    public = "" if wanted.get("ipv4Enabled", True) in (False, "false") else address(birth, "34")
    addresses = {"PRIMARY": public, "PRIVATE": private}
    attachment, host = _published(birth) if wanted.get("pscConfigs") else ("", "")
    return birth.name, {
        "connectionName": f"{owner}:{birth.region}:{birth.name}",
        "dnsName": host,
        "dnsNames": [],
        "firstIpAddress": public or private,
        "ipAddresses": [{"ipAddress": ip, "type": type_} for type_, ip in addresses.items() if ip],
        "privateIpAddress": private,
        "publicIpAddress": public,
        "pscServiceAttachmentLink": attachment,
        "selfLink": f"{_SQL}projects/{owner}/instances/{birth.name}",
        "serverCaCerts": [_authority(birth)],
        "serviceAccountEmailAddress": (
            f"p{project_number(owner)}-{birth.hex(6)}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
        ),
        "instanceType": birth.text("instanceType", "CLOUD_SQL_INSTANCE"),
        "maintenanceVersion": birth.text("maintenanceVersion", "R20250531.01_00"),
        "settings": {"version": birth.revision} | dict(settings),
    }


def _published(birth: Birth) -> tuple[str, str]:
    """Service attachment and host name of what is reached by Private Service Connect."""
    tenant, code = f"{birth.hex(17, 'tenant')}p-tp", birth.hex(12)
    place = f"{COMPUTE}projects/{tenant}/regions/{birth.region}/serviceAttachments"
    host = f"{code}.{birth.hex(13, 'dns')}.{birth.region}.sql.goog."
    return f"{place}/a-{code}-psc-service-attachment-{birth.hex(16, 'psc')}", host


def _authority(birth: Birth) -> dict[str, Any]:
    return {
        "cert": CERTIFICATE,
        "commonName": "C=US,O=Google\\, Inc,CN=Google Cloud SQL Server CA",
        "createTime": CREATED,
        "expirationTime": "2035-01-01T00:00:00.000Z",
        "sha1Fingerprint": birth.hex(40, "ca"),
    }


def _user(birth: Birth) -> Made:
    """``SetId`` in ``resource_sql_user.go``: the host of PostgreSQL users is empty."""
    return f"{birth.name}/{birth.text('host')}/{birth.text('instance')}", {
        "iamEmail": birth.name if "@" in birth.name else "",
        "host": birth.text("host"),
    }


def _redis(birth: Birth) -> Made:
    encrypted = birth.text("transitEncryptionMode") == "SERVER_AUTHENTICATION"
    asked = birth.text("authEnabled").lower() == "true"
    host, zone = address(birth, "10"), birth.text("locationId", f"{birth.region}-a")
    return f"projects/{project(birth)}/locations/{birth.region}/instances/{birth.name}", {
        "host": host,
        "port": 6378 if encrypted else 6379,  # Memorystore listens elsewhere once TLS is on
        "authString": birth.hex(36, "auth") if asked else "",
        "serverCaCerts": [_authority(birth) | {"serialNumber": "0"}] if encrypted else [],
        "createTime": CREATED,
        "currentLocationId": zone,
        "locationId": zone,
        "effectiveReservedIpRange": birth.text("reservedIpRange", host.rsplit(".", 1)[0] + ".0/29"),
        "nodes": [{"id": "node-0", "zone": zone}],
        "persistenceIamIdentity": (
            f"serviceAccount:{project_number(project(birth))}-compute@developer.gserviceaccount.com"
        ),
        "readEndpoint": "",
        "readEndpointPort": 0,
        "redisVersion": birth.text("redisVersion", "REDIS_7_2"),
    }


def _repository(birth: Birth) -> Made:
    owner, place = project(birth), location(birth)
    format_ = birth.text("format", "DOCKER").lower()
    return f"projects/{owner}/locations/{place}/repositories/{birth.name}", {
        "name": birth.name,
        "registryUri": f"{place}-{format_}.pkg.dev/{owner}/{birth.name}",
        "createTime": CREATED,
        "updateTime": CREATED,
    }


def _secret(birth: Birth) -> Made:
    return f"projects/{project(birth)}/secrets/{birth.name}", {
        "name": f"projects/{project_number(project(birth))}/secrets/{birth.name}",
        "createTime": CREATED,
        "effectiveAnnotations": dict(item(birth.inputs.get("annotations"))),
    }


def _secret_version(birth: Birth) -> Made:
    """Versions count from 1; the seed of a resource ends in how often it has been made."""
    count = birth.seed.rpartition("#")[2]
    version = count if count.isdigit() else "1"
    owner, _, name = birth.text("secret").removeprefix("projects/").partition("/secrets/")
    number = owner if owner.isdigit() else project_number(owner)
    id_ = f"projects/{number}/secrets/{name}/versions/{version}"
    return id_, {"name": id_, "version": version, "createTime": CREATED, "destroyTime": ""}


_REPOSITORY: Final = "projects/{project}/locations/{location}/repositories/{repository}"
MAKERS: Final[Mapping[str, Maker]] = {
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": member(on(_REPOSITORY)),
    "gcp:kms/cryptoKey:CryptoKey": _crypto_key,
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": member(lambda b: b.text("cryptoKeyId")),
    "gcp:kms/keyRing:KeyRing": named("projects/{project}/locations/{location}/keyRings/{name}"),
    "gcp:pubsub/subscription:Subscription": named("projects/{project}/subscriptions/{name}"),
    "gcp:pubsub/topic:Topic": named("projects/{project}/topics/{name}"),
    "gcp:pubsub/topicIAMMember:TopicIAMMember": member(on("projects/{project}/topics/{topic}")),
    "gcp:redis/instance:Instance": _redis,
    "gcp:secretmanager/secret:Secret": _secret,
    "gcp:secretmanager/secretIamMember:SecretIamMember": member(
        on("projects/{project}/secrets/{secretId}")
    ),
    "gcp:secretmanager/secretVersion:SecretVersion": _secret_version,
    "gcp:sql/database:Database": linked(
        "projects/{project}/instances/{instance}/databases/{name}", _SQL
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": _database_instance,
    "gcp:sql/user:User": _user,
    "gcp:storage/bucket:Bucket": _bucket,
    "gcp:storage/bucketIAMMember:BucketIAMMember": member(on("b/{bucket}")),
    "gcp:storage/bucketObject:BucketObject": _object,
}
