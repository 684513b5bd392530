"""Where data lives: vaults, accounts, databases, caches, registries, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plinth.rehearsal.packages.azure.shapes import CREATED, asked, has, made_uuid, settled
from plinth.rehearsal.packages.base import Birth, Made, Maker

_REDUNDANT: Final = ("Standard_RAGRS", "Standard_RAGZRS")


def _vault(birth: Birth) -> Made:
    properties = settled(
        birth,
        "properties",
        vaultUri=f"https://{birth.name}.vault.azure.net/",
        hsmPoolResourceId="",
        privateEndpointConnections=[],
        provisioningState="Succeeded",
        enableSoftDelete=True,
        softDeleteRetentionInDays=90,
    )
    return "", {"properties": properties}


def _versioned(birth: Birth, kind: str, version: str) -> tuple[str, str]:
    """Address of a key or secret, without and with its version."""
    uri = f"https://{birth.text('vaultName')}.vault.azure.net/{kind}/{birth.name}"
    return uri, f"{uri}/{version}"


def _key(birth: Birth) -> Made:
    """A key keeps its version: the resource manager makes keys, it does not rotate them."""
    uri, exact = _versioned(birth, "keys", birth.hex(32, "version"))
    wanted = asked(birth, "properties")
    kty = str(wanted.get("kty", "RSA"))
    return "", {
        "keyUri": uri,
        "keyUriWithVersion": exact,
        "kty": kty,
        "keySize": wanted.get("keySize", 2048) if kty.startswith("RSA") else None,
        "curveName": wanted.get("curveName", "P-256") if kty.startswith("EC") else None,
        "attributes": {"enabled": True, "recoveryLevel": "Recoverable"},
    }


def _secret(birth: Birth) -> Made:
    uri, exact = _versioned(birth, "secrets", birth.hex(32, str(birth.revision)))
    return "", {
        "properties": settled(birth, "properties", secretUri=uri, secretUriWithVersion=exact)
    }


def _account(birth: Birth) -> Made:
    services = ("blob", "dfs", "file", "queue", "table")
    first = {s: f"https://{birth.name}.{s}.core.windows.net/" for s in services}
    second = {s: f"https://{birth.name}-secondary.{s}.core.windows.net/" for s in services}
    web = {"web": f"https://{birth.name}.z6.web.core.windows.net/"}
    copies = asked(birth, "sku").get("name") in _REDUNDANT
    return "", {
        "primaryEndpoints": first | web,
        "secondaryEndpoints": second if copies else {},
        "primaryLocation": birth.text("location", birth.region),
        "statusOfPrimary": "available",
        "statusOfSecondary": "available" if copies else "",
        "accessTier": birth.text("accessTier", "Hot"),
        "keyCreationTime": {"key1": CREATED, "key2": CREATED},
        "encryption": settled(birth, "encryption", keySource="Microsoft.Storage"),
        "networkRuleSet": settled(
            birth, "networkRuleSet", defaultAction="Allow", bypass="AzureServices"
        ),
    }


def _postgres(birth: Birth) -> Made:
    return "", {
        "fullyQualifiedDomainName": f"{birth.name}.postgres.database.azure.com",
        "state": "Ready",
        "minorVersion": "1",
        "replicaCapacity": 5,
        "replicationRole": birth.text("replicationRole", "Primary"),
        "availabilityZone": birth.text("availabilityZone", "1"),
        "storage": settled(birth, "storage", storageSizeGB=32, autoGrow="Disabled"),
        "backup": settled(
            birth,
            "backup",
            backupRetentionDays=7,
            geoRedundantBackup="Disabled",
            earliestRestoreDate=CREATED,
        ),
        "network": settled(
            birth,
            "network",
            publicNetworkAccess=(
                "Disabled"
                if asked(birth, "network").get("delegatedSubnetResourceId")
                else "Enabled"
            ),
        ),
    }


def _redis(birth: Birth) -> Made:
    region = birth.text("location", birth.region).replace(" ", "").lower()
    return "", {
        "hostName": f"{birth.name}.{region}.redis.azure.net",
        "redisVersion": "7.4",
        "resourceState": "Running",
        "redundancyMode": "None" if birth.text("highAvailability") == "Disabled" else "ZR",
        "kind": "v2",
    }


def _basic_redis(birth: Birth) -> Made:
    return "", {
        "hostName": f"{birth.name}.redis.cache.windows.net",
        "port": 6379,
        "sslPort": 6380,
        "redisVersion": birth.text("redisVersion", "6.0"),
        "accessKeys": {"primaryKey": birth.hex(44, "one"), "secondaryKey": birth.hex(44, "two")},
    }


def _endpoint(birth: Birth) -> Made:
    region = birth.text("location", birth.region).replace(" ", "").lower()
    host = f"{birth.name}-{birth.hex(4)}.{region}-1"
    return "", {
        "immutableId": f"dce-{birth.hex(32)}",
        "logsIngestion": {"endpoint": f"https://{host}.ingest.monitor.azure.com"},
        "metricsIngestion": {"endpoint": f"https://{host}.metrics.ingest.monitor.azure.com"},
        "configurationAccess": {"endpoint": f"https://{host}.handler.control.monitor.azure.com"},
    }


def _blob(birth: Birth) -> Made:
    """An object is no resource of the resource manager: its address identifies it."""
    host = f"https://{birth.text('accountName')}.blob.core.windows.net"
    url = f"{host}/{birth.text('containerName')}/{birth.name}"
    return url, {"url": url}


MAKERS: Final[Mapping[str, Maker]] = {
    "azure-native:containerregistry:Registry": has(
        loginServer=lambda b: f"{b.name.lower()}.azurecr.io",
        dataEndpointHostNames=lambda b: (
            [f"{b.name.lower()}.{b.text('location', b.region)}.data.azurecr.io"]
            if b.text("dataEndpointEnabled").lower() == "true"
            else []
        ),
    ),
    "azure-native:dbforpostgresql:Configuration": has(
        value=lambda b: b.text("value"), source=lambda b: b.text("source", "user-override")
    ),
    "azure-native:dbforpostgresql:Database": has(
        charset=lambda b: b.text("charset", "UTF8"),
        collation=lambda b: b.text("collation", "en_US.utf8"),
    ),
    "azure-native:dbforpostgresql:Server": _postgres,
    "azure-native:keyvault:Key": _key,
    "azure-native:keyvault:Secret": _secret,
    "azure-native:keyvault:Vault": _vault,
    "azure-native:monitor:AzureMonitorWorkspace": has(
        accountId=lambda b: made_uuid(b, "account"),
        metrics=lambda b: {
            "internalId": f"mac_{made_uuid(b, 'metrics')}",
            "prometheusQueryEndpoint": (
                f"https://{b.name}-{b.hex(4)}.{b.region}.prometheus.monitor.azure.com"
            ),
        },
    ),
    "azure-native:monitor:DataCollectionEndpoint": _endpoint,
    "azure-native:monitor:DataCollectionRule": has(immutableId=lambda b: f"dcr-{b.hex(32)}"),
    "azure-native:operationalinsights:Table": has(
        retentionInDays=lambda b: b.number("retentionInDays", 30),
        totalRetentionInDays=lambda b: b.number("totalRetentionInDays", 30),
    ),
    "azure-native:operationalinsights:Workspace": has(
        customerId=lambda b: made_uuid(b, "customer"),
        retentionInDays=lambda b: b.number("retentionInDays", 30),
        sku=lambda b: settled(b, "sku", name="PerGB2018"),
    ),
    "azure-native:redis:Redis": _basic_redis,
    "azure-native:redisenterprise:Database": has(
        port=lambda b: b.number("port", 10000),
        redisVersion=lambda _: "7.4",
        resourceState=lambda _: "Running",
        clientProtocol=lambda b: b.text("clientProtocol", "Encrypted"),
    ),
    "azure-native:redisenterprise:RedisEnterprise": _redis,
    "azure-native:storage:Blob": _blob,
    "azure-native:storage:StorageAccount": _account,
}
