"""What Google Cloud makes up, refuses and replaces."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pytest
from rehearsal_client import Client, Made, serving

from plinth.graph import UNKNOWN
from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.lookups import answer
from plinth.rehearsal.outputs import computed
from plinth.rehearsal.packages.gcp.facts import IN_PLACE, LABELS, LOWERCASE_NAMES, NAMES, REPLACES
from plinth.rehearsal.packages.gcp.lookups import LOOKUPS
from plinth.rehearsal.packages.gcp.outputs import MAKERS
from plinth.rehearsal.packages.gcp.rules import ENCRYPTED, LINKS, PROTECTED_BY_DEFAULT, VALUES
from plinth.rehearsal.packages.gcp.shapes import project_number
from plinth.rehearsal.sdk import Field

REGION, PROJECT = "europe-west4", "shop-dev-1234"
NUMBER = project_number(PROJECT)
GCP = packages.find("gcp")

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
BUCKET = "gcp:storage/bucket:Bucket"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
REDIS = "gcp:redis/instance:Instance"
RING, KEY = "gcp:kms/keyRing:KeyRing", "gcp:kms/cryptoKey:CryptoKey"
KEY_GRANT = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
ACCOUNT, ACCOUNT_GRANT = (
    "gcp:serviceaccount/account:Account",
    "gcp:serviceaccount/iAMMember:IAMMember",
)
GRANT = "gcp:projects/iAMMember:IAMMember"
SERVICE = "gcp:projects/service:Service"
SECRET, VERSION = "gcp:secretmanager/secret:Secret", "gcp:secretmanager/secretVersion:SecretVersion"
POOLS = "locations/global/workloadIdentityPools"
TOPIC = "gcp:pubsub/topic:Topic"
ZONE, RECORD = "gcp:dns/managedZone:ManagedZone", "gcp:dns/recordSet:RecordSet"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
BUDGET = "gcp:billing/budget:Budget"
ALERTS = "gcp:monitoring/alertPolicy:AlertPolicy"
RANGE = "gcp:compute/globalAddress:GlobalAddress"
CONNECTION = "gcp:servicenetworking/connection:Connection"

AUTO: dict[str, Any] = {"replication": {"auto": {}}}
POSTGRES = {"databaseVersion": "POSTGRES_17", "deletionProtection": False}
OPEN_CLUSTER = {"name": "ml", "location": REGION, "deletionProtection": False}


@pytest.fixture
def gcp(cloud: Cloud) -> Iterator[Client]:
    with serving("gcp", cloud) as address:
        yield Client(address, project=PROJECT, region=REGION)


def made(token: str, name: str = "web", **inputs: Any) -> tuple[str, dict[str, Any]]:
    return computed(token, name, inputs, region=REGION, account=PROJECT)


def field(token: str, path: str) -> Field | None:
    """What the SDK knows of a property path; ``None`` when there is no such property."""
    kind = GCP.kind(token)
    assert kind is not None, token
    fields: Mapping[str, Field] = kind.inputs
    found = None
    for key in path.replace("[*]", "").split("."):
        found = fields.get(key)
        if found is None:
            return None
        type_ = found.type.items or found.type
        fields = GCP.sdk.fields(type_.objects[0]) if type_.objects else {}
    return found


class TestTables:
    """The tables name types and properties that exist."""

    def test_every_type_is_one_of_the_sdk(self) -> None:
        named = {*MAKERS, *NAMES, *LOWERCASE_NAMES, *LABELS, *IN_PLACE, *PROTECTED_BY_DEFAULT}
        named |= {link.target for link in LINKS}
        named |= {glob for glob in REPLACES if not {"*", "["} & set(glob)}
        assert named <= set(GCP.sdk.tokens)

    @pytest.mark.parametrize("token", sorted(t for t in {**REPLACES, **IN_PLACE} if "*" not in t))
    def test_every_property_that_replaces_is_one_of_the_type(self, token: str) -> None:
        paths = (*REPLACES.get(token, ()), *IN_PLACE.get(token, ()))
        assert [path for path in paths if field(token, path) is None] == []

    def test_every_link_and_key_is_a_property(self) -> None:
        for link in LINKS:
            if "*" not in link.type:
                assert field(link.type, link.path), link
            assert not link.unless or field(link.target, link.unless), link
        for token, (path, _) in ENCRYPTED.items():
            assert field(token, path), token
        for token, rows in VALUES.items():
            assert all(field(token, path) for path in rows), token

    def test_what_the_sdk_says_itself_is_understood(self) -> None:
        immutable = field("gcp:orgpolicy/policy:Policy", "name")
        assert immutable is not None
        assert immutable.replaces
        listed = field("gcp:networksecurity/addressGroup:AddressGroup", "purposes")
        assert listed is not None
        assert listed.values == ("DEFAULT", "CLOUD_ARMOR")

    @pytest.mark.parametrize("token", sorted(MAKERS))
    def test_outputs_are_those_of_the_type_and_none_is_left_out(self, token: str) -> None:
        kind = GCP.kind(token)
        assert kind is not None
        identifier, outputs = made(token)
        given = {name for name, known in kind.inputs.items() if known.required}
        promised = {name for name, known in kind.outputs.items() if not known.type.optional}
        assert identifier
        assert promised - given <= set(outputs) <= set(kind.outputs)
        assert outputs == made(token)[1]

    @pytest.mark.parametrize("token", sorted(LOOKUPS))
    def test_every_lookup_is_one_of_the_sdk_and_answers_offline(self, token: str) -> None:
        folder = GCP.sdk.root / token.split(":")[1].partition("/")[0]
        sources = (file.read_text(encoding="utf-8") for file in folder.glob("get_*.py"))
        source = next(text for text in sources if f"invoke('{token}'" in text)
        results = set(re.findall(r"pulumi\.get\(__ret__, '(\w+)'\)", source))
        found = answer(token, {}, region=REGION, account=PROJECT)
        assert found["id"]
        if "_existing" not in LOOKUPS[token].__qualname__:  # those echo the resource as well
            assert {re.sub(r"(?=[A-Z])", "_", key).lower() for key in found} <= results


@pytest.mark.parametrize(
    ("token", "inputs", "identifier", "known"),
    [
        (NETWORK, {}, f"projects/{PROJECT}/global/networks/web", {"gatewayIpv4": ""}),
        (
            SUBNETWORK,
            {"network": "web", "ipCidrRange": "10.4.0.0/20"},
            f"projects/{PROJECT}/regions/{REGION}/subnetworks/web",
            {"gatewayAddress": "10.4.0.1", "region": REGION},
        ),
        (
            "gcp:compute/router:Router", {"network": "web"},
            f"projects/{PROJECT}/regions/{REGION}/routers/web", {},
        ),
        (
            "gcp:compute/routerNat:RouterNat", {"router": "edge"},
            f"{PROJECT}/{REGION}/edge/web", {"project": PROJECT},
        ),
        (
            "gcp:compute/address:Address", {},
            f"projects/{PROJECT}/regions/{REGION}/addresses/web", {"users": []},
        ),
        (
            RANGE, {"address": "10.9.0.0", "prefixLength": 16},
            f"projects/{PROJECT}/global/addresses/web", {"address": "10.9.0.0"},
        ),
        (
            "gcp:compute/firewall:Firewall", {"network": "web"},
            f"projects/{PROJECT}/global/firewalls/web", {},
        ),
        (
            CONNECTION,
            {"network": f"projects/{PROJECT}/global/networks/web",
             "service": "servicenetworking.googleapis.com"},
            f"projects%2F{NUMBER}%2Fglobal%2Fnetworks%2Fweb:servicenetworking.googleapis.com",
            {"peering": "servicenetworking-googleapis-com"},
        ),
        (
            RING, {"location": REGION},
            f"projects/{PROJECT}/locations/{REGION}/keyRings/web", {"project": PROJECT},
        ),
        (
            KEY, {"keyRing": "projects/p/locations/l/keyRings/r"},
            "projects/p/locations/l/keyRings/r/cryptoKeys/web", {"deletionPolicy": "DELETE"},
        ),
        (
            KEY_GRANT, {"cryptoKeyId": "projects/p/k", "role": "roles/r", "member": "user:a"},
            "projects/p/k/roles/r/user:a", {},
        ),
        (
            POOL, {"cluster": f"projects/{PROJECT}/locations/{REGION}/clusters/ml"},
            f"projects/{PROJECT}/locations/{REGION}/clusters/ml/nodePools/web", {},
        ),
        (
            ACCOUNT, {"accountId": "deploy"},
            f"projects/{PROJECT}/serviceAccounts/deploy@{PROJECT}.iam.gserviceaccount.com",
            {"member": f"serviceAccount:deploy@{PROJECT}.iam.gserviceaccount.com",
             "email": f"deploy@{PROJECT}.iam.gserviceaccount.com"},
        ),
        (
            ACCOUNT_GRANT,
            {"serviceAccountId": "projects/p/serviceAccounts/a", "role": "roles/r", "member": "m"},
            "projects/p/serviceAccounts/a/roles/r/m", {},
        ),
        (GRANT, {"project": "p", "role": "roles/r", "member": "m"}, "p/roles/r/m", {}),
        (
            "gcp:projects/iAMCustomRole:IAMCustomRole", {"roleId": "reader"},
            f"projects/{PROJECT}/roles/reader", {"name": f"projects/{PROJECT}/roles/reader"},
        ),
        (SERVICE, {"service": "dns.googleapis.com"}, f"{PROJECT}/dns.googleapis.com", {}),
        (
            "gcp:projects/serviceIdentity:ServiceIdentity", {"service": "sqladmin.googleapis.com"},
            f"projects/{PROJECT}/services/sqladmin.googleapis.com",
            {"email": f"service-{NUMBER}@gcp-sa-cloud-sql.iam.gserviceaccount.com"},
        ),
        (
            BUCKET, {"name": "data"}, "data",
            {"url": "gs://data", "projectNumber": int(NUMBER),
             "selfLink": "https://www.googleapis.com/storage/v1/b/data"},
        ),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            {"bucket": "data", "role": "roles/r", "member": "m"}, "b/data/roles/r/m", {},
        ),
        (
            "gcp:sql/user:User", {"name": "app", "instance": "orders"}, "app//orders", {"host": ""},
        ),
        (
            "gcp:sql/database:Database", {"name": "shop", "instance": "orders"},
            f"projects/{PROJECT}/instances/orders/databases/shop", {},
        ),
        (
            "gcp:artifactregistry/repository:Repository",
            {"repositoryId": "images", "format": "DOCKER"},
            f"projects/{PROJECT}/locations/{REGION}/repositories/images",
            {"name": "images", "registryUri": f"{REGION}-docker.pkg.dev/{PROJECT}/images"},
        ),
        (
            "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
            {"repository": f"projects/{PROJECT}/locations/{REGION}/repositories/images",
             "location": REGION, "role": "roles/r", "member": "m"},
            f"projects/{PROJECT}/locations/{REGION}/repositories/images/roles/r/m", {},
        ),
        (
            SECRET, {"secretId": "db"}, f"projects/{PROJECT}/secrets/db",
            {"name": f"projects/{NUMBER}/secrets/db"},
        ),
        (
            VERSION, {"secret": f"projects/{PROJECT}/secrets/db"},
            f"projects/{NUMBER}/secrets/db/versions/1", {"version": "1"},
        ),
        (
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            {"secretId": f"projects/{PROJECT}/secrets/db", "role": "roles/r", "member": "m"},
            f"projects/{PROJECT}/secrets/db/roles/r/m", {},
        ),
        (
            "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
            {"workloadIdentityPoolId": "plinth", "workloadIdentityPoolProviderId": "ci"},
            f"projects/{PROJECT}/{POOLS}/plinth/providers/ci",
            {"name": f"projects/{NUMBER}/{POOLS}/plinth/providers/ci"},
        ),
        (TOPIC, {"name": "events"}, f"projects/{PROJECT}/topics/events", {"project": PROJECT}),
        (
            "gcp:pubsub/subscription:Subscription", {"topic": "events"},
            f"projects/{PROJECT}/subscriptions/web", {},
        ),
        (
            "gcp:pubsub/topicIAMMember:TopicIAMMember",
            {"topic": f"projects/{PROJECT}/topics/events", "role": "roles/r", "member": "m"},
            f"projects/{PROJECT}/topics/events/roles/r/m", {},
        ),
        (RECORD, {"managedZone": "zone", "name": "a.example.com.", "type": "A"},
         f"projects/{PROJECT}/managedZones/zone/rrsets/a.example.com./A", {}),
        (
            "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember",
            {"managedZone": "zone", "role": "roles/r", "member": "m"},
            f"projects/{PROJECT}/managedZones/zone/roles/r/m", {},
        ),
        ("gcp:logging/metric:Metric", {"name": "errors"}, "errors", {"project": PROJECT}),
        (
            "gcp:logging/projectSink:ProjectSink", {}, f"projects/{PROJECT}/sinks/web",
            {"writerIdentity":
             f"serviceAccount:service-{NUMBER}@gcp-sa-logging.iam.gserviceaccount.com"},
        ),
        (
            "gcp:logging/projectBucketConfig:ProjectBucketConfig",
            {"project": PROJECT, "location": REGION, "bucketId": "audit"},
            f"projects/{PROJECT}/locations/{REGION}/buckets/audit", {"lifecycleState": "ACTIVE"},
        ),
    ],
)  # fmt: skip
def test_identifiers_have_the_form_of_the_provider(
    token: str, inputs: dict[str, Any], identifier: str, known: dict[str, Any]
) -> None:
    found, outputs = made(token, **inputs)
    assert found == identifier
    assert outputs | known == outputs


class TestOutputs:
    def test_a_link_is_the_identifier_on_the_service(self) -> None:
        identifier, outputs = made(NETWORK)
        assert outputs["selfLink"] == f"https://www.googleapis.com/compute/v1/{identifier}"
        subnetwork = made(SUBNETWORK, network=identifier, ipCidrRange="10.0.0.0/24")[1]
        assert subnetwork["network"] == outputs["selfLink"]

    def test_a_cluster_has_an_endpoint_and_keeps_its_settings(self) -> None:
        pool = {"workloadPool": f"{PROJECT}.svc.id.goog"}
        private = {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
        _, outputs = made(CLUSTER, workloadIdentityConfig=pool, privateClusterConfig=private)
        assert outputs["workloadIdentityConfig"] == pool
        assert outputs["privateClusterConfig"] | private == outputs["privateClusterConfig"]
        assert outputs["endpoint"] == outputs["privateClusterConfig"]["privateEndpoint"]
        assert outputs["tpuIpv4CidrBlock"] == ""
        authority = base64.b64decode(outputs["masterAuth"]["clusterCaCertificate"])
        assert authority.startswith(b"-----BEGIN CERTIFICATE-----")
        assert made(CLUSTER, enableAutopilot=True)[1]["workloadIdentityConfig"] == pool

    def test_a_database_is_reached_where_it_was_asked_to_be(self) -> None:
        inside = {"privateNetwork": "n", "ipv4Enabled": False}
        settings = {"tier": "db-f1-micro", "ipConfiguration": inside}
        identifier, outputs = made(DATABASE, name="orders", settings=settings)
        assert identifier == "orders"
        assert outputs["connectionName"] == f"{PROJECT}:{REGION}:orders"
        assert outputs["privateIpAddress"].startswith("10.")
        assert outputs["firstIpAddress"] == outputs["privateIpAddress"]
        assert outputs["publicIpAddress"] == ""
        assert outputs["serverCaCerts"][0]["cert"].startswith("-----BEGIN")
        assert made(DATABASE)[1]["publicIpAddress"]

    def test_a_cache_has_a_password_and_a_certificate_when_asked(self) -> None:
        _, plain = made(REDIS)
        assert (plain["authString"], plain["serverCaCerts"], plain["port"]) == ("", [], 6379)
        _, safe = made(REDIS, authEnabled=True, transitEncryptionMode="SERVER_AUTHENTICATION")
        assert len(safe["authString"]) == 36
        assert safe["serverCaCerts"][0]["cert"]
        assert safe["port"] == 6378

    def test_what_is_published_has_an_attachment_that_a_rule_leads_to(self) -> None:
        inside = {"ipv4Enabled": False, "pscConfigs": [{"pscEnabled": True}]}
        settings = {"tier": "t", "ipConfiguration": inside}
        target = made(DATABASE, settings=settings)[1]["pscServiceAttachmentLink"]
        assert f"/regions/{REGION}/serviceAttachments/" in target
        token = "gcp:compute/forwardingRule:ForwardingRule"
        rule, outputs = made(token, target=target, ipAddress="10.0.0.9")
        assert rule == f"projects/{PROJECT}/regions/{REGION}/forwardingRules/web"
        assert outputs["pscConnectionStatus"] == "ACCEPTED"
        assert outputs["ipAddress"] == "10.0.0.9"
        assert made(token)[1]["pscConnectionId"] == ""

    def test_zones_and_ranges_and_names_that_google_makes_up(self) -> None:
        servers = made(ZONE, dnsName="example.com.")[1]["nameServers"]
        assert all(re.fullmatch(r"ns-cloud-[a-e]\d\.googledomains\.com\.", s) for s in servers)
        known: dict[str, Any] = {"addressType": "INTERNAL", "prefixLength": 16}
        assert made(RANGE, **known)[1]["address"].endswith(".0.0")
        channel, outputs = made(CHANNEL, type="email")
        assert re.fullmatch(rf"projects/{PROJECT}/notificationChannels/\d{{19}}", channel)
        assert outputs["name"] == channel
        assert made(ALERTS)[0].startswith(f"projects/{PROJECT}/alertPolicies/")
        budget, outputs = made("gcp:billing/budget:Budget", billingAccount="A-B-C")
        assert budget == f"billingAccounts/A-B-C/budgets/{outputs['name']}"

    def test_any_other_type_gets_something_sensible(self) -> None:
        identifier, outputs = made(
            "gcp:compute/instance:Instance", name="vm", zone="europe-west4-a"
        )
        assert identifier == f"projects/{PROJECT}/zones/europe-west4-a/instances/vm"
        assert outputs["selfLink"].endswith(identifier)
        grant = "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember"
        assert made(grant, subscription="s", role="r", member="m")[0] == "s/r/m"


class TestCheck:
    @pytest.mark.parametrize(
        ("token", "inputs", "path"),
        [
            (NETWORK, {"name": "Web"}, "name"),
            (NETWORK, {"name": "w" * 64}, "name"),
            (NETWORK, {"autoCreateSubnetwork": False}, "autoCreateSubnetwork"),
            (SUBNETWORK, {"ipCidrRange": "10.0.0.0/24"}, "network"),
            (BUCKET, {"location": "EU", "name": "My_Data"}, "name"),
            (BUCKET, {"location": "EU", "name": "google-data"}, "name"),
            (BUCKET, {"location": "EU", "labels": {"Team": "ml"}}, "labels.Team"),
            (BUCKET, {"location": "EU", "labels": {"team": "ml@example.com"}}, "labels.team"),
            (CLUSTER, {"name": "c" * 41}, "name"),
            (CLUSTER, {"resourceLabels": {"1st": "a"}}, 'resourceLabels["1st"]'),
            (CLUSTER, {"initialNodeCount": [1]}, "initialNodeCount"),
            (ACCOUNT, {"accountId": "short"}, "accountId"),
            ("gcp:projects/iAMCustomRole:IAMCustomRole",
             {"roleId": "a-b", "title": "t", "permissions": []}, "roleId"),
            (DATABASE, {"databaseVersion": "POSTGRES_17",
                        "settings": {"tier": "t", "userLabels": {"a": "B"}}},
             "settings.userLabels.a"),
            (DATABASE, {"databaseVersion": "POSTGRES_17",
                        "settings": {"tier": "t", "edition": "STANDARD"}}, "settings.edition"),
            (CLUSTER, {"releaseChannel": {"channel": "SLOW"}}, "releaseChannel.channel"),
            (POOL, {"cluster": "c", "nodeConfig": {"taints": [
                {"key": "a", "value": "b", "effect": "NoSchedule"}]}}, "nodeConfig.taints.effect"),
            (POOL, {"cluster": "c", "nodeConfig": {"resourceLabels": {"A": "b"}}},
             "nodeConfig.resourceLabels.A"),
            (BUCKET, {"location": "EU", "publicAccessPrevention": "on"}, "publicAccessPrevention"),
            (REDIS, {"memorySizeGb": 1, "tier": "STANDARD"}, "tier"),
            (RECORD, {"managedZone": "z", "name": "a.example.com", "type": "A"}, "name"),
            (ZONE, {"dnsName": "example.com"}, "dnsName"),
            (GRANT, {"project": "p", "role": "roles/viewer", "member": "me"}, "member"),
            (GRANT, {"project": "p", "role": "viewer", "member": "user:me@example.com"}, "role"),
        ],
    )  # fmt: skip
    def test_what_is_refused(
        self, gcp: Client, token: str, inputs: dict[str, Any], path: str
    ) -> None:
        assert list(gcp.check(token, inputs)[1]) == [path]

    def test_labels_of_channels_are_settings(self, gcp: Client) -> None:
        known = {"type": "email", "labels": {"email_address": "ops@example.com"}}
        assert not gcp.check(CHANNEL, known)[1]
        assert list(gcp.check(CHANNEL, {**known, "userLabels": {"a": "@"}})[1]) == ["userLabels.a"]

    def test_names_are_made_up_as_the_provider_does(self, gcp: Client) -> None:
        assert gcp.check(NETWORK, {}, name="Web")[0]["name"] == "web-0123456"
        assert gcp.check(ACCOUNT, {}, name="deploy")[0]["accountId"] == "deploy-0123456"
        assert gcp.check(SECRET, AUTO, name="db")[0]["secretId"] == "db-0123456"
        assert list(gcp.check(BUCKET, {"location": "EU"}, name="Data")[1]) == ["name"]
        role = {"title": "t", "permissions": []}
        assert list(gcp.check("gcp:projects/iAMCustomRole:IAMCustomRole", role)[1]) == ["roleId"]
        assert "name" not in gcp.check(CHANNEL, {"type": "email"})[0]

    def test_configurations(self, gcp: Client) -> None:
        labels = json.dumps({"team": "ml"})
        fine = {"project": PROJECT, "region": REGION, "defaultLabels": labels}
        assert gcp.check_config("gcp", **fine, userProjectOverride="true") == {}
        assert list(gcp.check_config("gcp", region="mars")) == ["region"]
        assert list(gcp.check_config("gcp", project="Shop")) == ["project"]
        wrong = json.dumps({"Team": "ml"})
        assert list(gcp.check_config("gcp", defaultLabels=wrong)) == ["defaultLabels.Team"]
        assert list(gcp.check_config("gcp", projectId="shop")) == ["projectId"]


class TestLabels:
    def test_default_labels_lie_beneath_and_attribution_with_them(self, cloud: Cloud) -> None:
        with serving("gcp", cloud) as address:
            labels = json.dumps({"team": "ml", "env": "dev"})
            client = Client(address, project=PROJECT, region=REGION, defaultLabels=labels)
            wanted = {"location": "EU", "labels": {"env": "prod"}}
            bucket = client.make(BUCKET, wanted)
            expected = {"goog-pulumi-provisioned": "true", "team": "ml", "env": "prod"}
            assert bucket.outputs["effectiveLabels"] == expected
            assert bucket.outputs["pulumiLabels"] == expected
            assert bucket.outputs["labels"] == {"env": "prod"}
            assert not client.diff(bucket, wanted).changed
            again = Client(address, project=PROJECT, region=REGION).diff(bucket, wanted)
            assert set(again.changed) == {"effectiveLabels.team", "pulumiLabels.team"}
            assert again.replaces == []
            plain = Client(address, project=PROJECT, addPulumiAttributionLabel=False)
            assert plain.make(TOPIC, {}, name="t").outputs["effectiveLabels"] == {}

    def test_clusters_have_theirs_elsewhere(self, gcp: Client) -> None:
        made = gcp.make(CLUSTER, {"location": REGION, "resourceLabels": {"team": "ml"}})
        assert made.outputs["effectiveLabels"]["team"] == "ml"
        found = gcp.preview(BUCKET, {"location": "EU", "labels": UNKNOWN})
        assert found["effectiveLabels"] == UNKNOWN

    def test_labels_that_people_add_are_seen(self, gcp: Client, cloud: Cloud) -> None:
        bucket = gcp.make(BUCKET, {"location": "EU"})
        cloud.patch(cloud.resources()[0], "labels.owner", "somebody")
        now = gcp.read(bucket)
        assert now is not None
        assert now.outputs["effectiveLabels"]["owner"] == "somebody"
        assert "labels" in gcp.diff(now, {"location": "EU"}).changed


class TestReplacements:
    @pytest.mark.parametrize(
        ("token", "old", "new", "forced"),
        [
            (NETWORK, {"name": "a"}, {"name": "b"}, ["name"]),
            (NETWORK, {"routingMode": "REGIONAL"}, {"routingMode": "GLOBAL"}, []),
            (NETWORK, {"autoCreateSubnetworks": False}, {"autoCreateSubnetworks": True},
             ["autoCreateSubnetworks"]),
            (BUCKET, {"location": "EU"}, {"location": "US"}, ["location"]),
            (BUCKET, {"location": "EU"}, {"location": "EU", "forceDestroy": True}, []),
            (CLUSTER, {"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28"}},
             {"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.1.0/28"}},
             ["privateClusterConfig.masterIpv4CidrBlock"]),
            (CLUSTER, {"minMasterVersion": "1.32"}, {"minMasterVersion": "1.33"}, []),
            (DATABASE, {**POSTGRES, "settings": {"tier": "a"}},
             {**POSTGRES, "settings": {"tier": "b"}}, []),
            (DATABASE, {**POSTGRES, "region": REGION}, {**POSTGRES, "region": "us-east1"},
             ["region"]),
            (REDIS, {"memorySizeGb": 1}, {"memorySizeGb": 2}, []),
            (REDIS, {"memorySizeGb": 1, "tier": "BASIC"},
             {"memorySizeGb": 1, "tier": "STANDARD_HA"}, ["tier"]),
            (SECRET, {"secretId": "a", **AUTO},
             {"secretId": "a", "replication": {"userManaged": {"replicas": [{"location": "x"}]}}},
             ["replication.auto", "replication.userManaged"]),
            (ACCOUNT, {"accountId": "deploy-a"}, {"accountId": "deploy-b"}, ["accountId"]),
            (GRANT, {"project": PROJECT, "role": "roles/a", "member": "user:a@example.com"},
             {"project": PROJECT, "role": "roles/b", "member": "user:a@example.com"}, ["role"]),
            (CHANNEL, {"type": "email", "displayName": "a"},
             {"type": "email", "displayName": "b"}, []),
        ],
    )  # fmt: skip
    def test_what_needs_a_new_resource(
        self, gcp: Client, token: str, old: dict[str, Any], new: dict[str, Any], forced: list[str]
    ) -> None:
        found = gcp.diff(gcp.make(token, old), new)
        assert found.changed
        assert found.replaces == forced

    def test_another_project_replaces_and_another_region_does_not(self, cloud: Cloud) -> None:
        with serving("gcp", cloud) as address:
            old = Client(address, project=PROJECT, region=REGION).make(
                SUBNETWORK, {"network": "default"}
            )
            moved = Client(address, project="shop-prod-1234", region=REGION)
            assert moved.diff(old, {"network": "default"}).replaces == ["project"]
            abroad = Client(address, project=PROJECT, region="us-east1")
            assert not abroad.diff(old, {"network": "default"}).changed


def network(gcp: Client) -> Made:
    return gcp.make(NETWORK, {"name": "net", "autoCreateSubnetworks": False}, name="net")


def key(gcp: Client, service: str = "") -> Made:
    """A key, which the agent of a service may use."""
    ring = gcp.make(RING, {"name": "ring", "location": REGION}, name="ring")
    made = gcp.make(KEY, {"name": "data", "keyRing": ring.id}, name="data")
    if service:
        agent = f"serviceAccount:service-{NUMBER}@{service}.iam.gserviceaccount.com"
        role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
        gcp.make(KEY_GRANT, {"cryptoKeyId": made.id, "role": role, "member": agent}, name=service)
    return made


class TestConstraints:
    def test_names_of_buckets_are_everybodys(self, gcp: Client) -> None:
        gcp.make(BUCKET, {"location": "EU", "name": "data"})
        other = gcp.configured(project="shop-prod-1234", region=REGION)
        with pytest.raises(grpc.RpcError, match="409: the name data is taken"):
            other.make(BUCKET, {"location": "EU", "name": "data"}, name="other")

    def test_a_member_can_be_given_a_role_again(self, gcp: Client, cloud: Cloud) -> None:
        token = "gcp:projects/iAMMember:IAMMember"
        wanted = {"project": PROJECT, "role": "roles/viewer", "member": "user:a@example.com"}
        by_hand = gcp.make(token, wanted, name="hand")
        assert gcp.make(token, wanted, name="ours").id == by_hand.id
        (left,) = cloud.resources(type=token)
        assert left.urn
        assert left.urn.endswith("::ours")

    def test_keys_are_for_ever(self, gcp: Client, cloud: Cloud) -> None:
        ring = gcp.make(RING, {"name": "ring", "location": REGION})
        gcp.delete(ring)
        assert [(r.id, r.urn) for r in cloud.resources()] == [(ring.id, None)]
        with pytest.raises(grpc.RpcError, match="already exists"):
            gcp.make(RING, {"name": "ring", "location": REGION})
        assert gcp.read(ring) is not None

    def test_names_of_log_buckets_stay_taken_and_those_of_databases_do_not(
        self, gcp: Client
    ) -> None:
        token = "gcp:logging/projectBucketConfig:ProjectBucketConfig"
        wanted = {"project": PROJECT, "location": REGION, "bucketId": "audit"}
        gcp.delete(gcp.make(token, wanted))
        with pytest.raises(grpc.RpcError, match="already exists"):
            gcp.make(token, wanted)
        for _ in range(2):
            gcp.delete(gcp.make(DATABASE, {**POSTGRES, "name": "orders"}))

    def test_what_is_abandoned_or_protected_stays(self, gcp: Client, cloud: Cloud) -> None:
        abandoned = gcp.make(TOPIC, {"deletionPolicy": "ABANDON"})
        gcp.delete(abandoned)
        assert [r.id for r in cloud.resources()] == [abandoned.id]
        prevented = gcp.make(TOPIC, {"name": "kept", "deletionPolicy": "PREVENT"}, name="b")
        with pytest.raises(grpc.RpcError, match="deletionPolicy is PREVENT"):
            gcp.delete(prevented)

    @pytest.mark.parametrize(
        ("token", "inputs"),
        [
            (CLUSTER, {"location": REGION}),
            (DATABASE, {"databaseVersion": "POSTGRES_17"}),
            (REDIS, {"memorySizeGb": 1, "deletionProtection": True}),
            (SECRET, {**AUTO, "deletionProtection": True}),
            (DATABASE, {**POSTGRES, "settings": {"tier": "t", "deletionProtectionEnabled": True}}),
        ],
    )
    def test_protection_has_to_be_taken_away_first(
        self, gcp: Client, token: str, inputs: dict[str, Any]
    ) -> None:
        protected = gcp.make(token, inputs)
        with pytest.raises(grpc.RpcError, match="eletionProtection"):
            gcp.delete(protected)
        off = {**inputs, "deletionProtection": False}
        if "settings" in inputs:
            off["settings"] = {"tier": "t"}
        gcp.update(protected, off)
        gcp.delete(protected)
        assert gcp.read(protected) is None

    def test_what_it_refers_to_has_to_exist(self, gcp: Client) -> None:
        with pytest.raises(grpc.RpcError, match="404: net does not exist"):
            gcp.make(SUBNETWORK, {"network": "net"})
        net = network(gcp)
        for index, reference in enumerate((net.id, "net", net.outputs["selfLink"])):
            gcp.make(SUBNETWORK, {"network": reference, "name": f"s{index}"}, name=f"s{index}")
        gcp.make(SUBNETWORK, {"network": "projects/host-1234/global/networks/x"}, name="shared")

    def test_dependents_go_first(self, gcp: Client) -> None:
        net = network(gcp)
        subnetwork = gcp.make(SUBNETWORK, {"network": net.id})
        with pytest.raises(grpc.RpcError, match="net is in use by"):
            gcp.delete(net)
        gcp.delete(subnetwork)
        gcp.delete(net)

    def test_connections_stay_while_databases_use_them(self, gcp: Client) -> None:
        net = network(gcp)
        wanted = {"purpose": "VPC_PEERING", "addressType": "INTERNAL", "prefixLength": 16}
        reserved = gcp.make(RANGE, {**wanted, "name": "range", "network": net.id})
        service = "servicenetworking.googleapis.com"
        ranges = {"service": service, "network": net.id, "reservedPeeringRanges": ["range"]}
        assert reserved.outputs["name"] == "range"
        connection = gcp.make(CONNECTION, ranges)
        settings = {"tier": "t", "ipConfiguration": {"privateNetwork": net.id}}
        database = gcp.make(DATABASE, {**POSTGRES, "name": "orders", "settings": settings})
        with pytest.raises(grpc.RpcError, match="producer services still use this connection"):
            gcp.delete(connection)
        gcp.delete(database)
        gcp.delete(connection)

    def test_full_buckets_and_zones(self, gcp: Client) -> None:
        bucket = gcp.make(BUCKET, {"location": "EU", "name": "data"})
        thing = {"bucket": "data", "name": "a", "content": "b"}
        gcp.make("gcp:storage/bucketObject:BucketObject", thing)
        zone = gcp.make(ZONE, {"name": "zone", "dnsName": "example.com."})
        known = {"managedZone": "zone", "name": "a.example.com.", "type": "A"}
        record = gcp.make(RECORD, known)
        for full, forced in (
            (bucket, {"location": "EU", "name": "data", "forceDestroy": True}),
            (zone, {"name": "zone", "dnsName": "example.com.", "forceDestroy": True}),
        ):
            with pytest.raises(grpc.RpcError, match="is in use by"):
                gcp.delete(full)
            gcp.update(full, forced)
            gcp.delete(full)
        assert gcp.read(record) is None

    def test_channels_that_alerts_use(self, gcp: Client) -> None:
        channel = gcp.make(CHANNEL, {"type": "email"})
        condition = {"displayName": "c"}
        policy = {"displayName": "p", "combiner": "OR", "conditions": [condition]}
        alerts = gcp.make(ALERTS, {**policy, "notificationChannels": [channel.id]})
        with pytest.raises(grpc.RpcError, match="is in use by"):
            gcp.delete(channel)
        gcp.update(channel, {"type": "email", "forceDelete": True})
        gcp.delete(channel)
        assert gcp.read(alerts) is not None

    def test_parts_go_with_the_whole(self, gcp: Client, cloud: Cloud) -> None:
        cluster = gcp.make(CLUSTER, OPEN_CLUSTER)
        gcp.make(POOL, {"cluster": "ml", "location": REGION})
        secret = gcp.make(SECRET, {"secretId": "db", **AUTO})
        gcp.make(VERSION, {"secret": secret.id, "secretData": "s3cret"})
        gcp.delete(cluster)
        gcp.delete(secret)
        assert cloud.resources() == []

    def test_accounts_exist_before_they_get_a_role(self, gcp: Client) -> None:
        email = f"deploy@{PROJECT}.iam.gserviceaccount.com"
        viewer = {"project": PROJECT, "role": "roles/viewer", "member": f"serviceAccount:{email}"}
        with pytest.raises(grpc.RpcError, match=f"service account {email} does not exist"):
            gcp.make(GRANT, viewer)
        account = gcp.make(ACCOUNT, {"accountId": "deploy"})
        gcp.make(GRANT, viewer)
        use = {
            "serviceAccountId": account.outputs["name"],
            "role": "roles/iam.workloadIdentityUser",
            "member": f"serviceAccount:{PROJECT}.svc.id.goog[ml/default]",
        }
        with pytest.raises(grpc.RpcError, match="Identity Pool does not exist"):
            gcp.make(ACCOUNT_GRANT, use)
        pool = {"workloadIdentityConfig": {"workloadPool": f"{PROJECT}.svc.id.goog"}}
        gcp.make(CLUSTER, {**OPEN_CLUSTER, **pool})
        gcp.make(ACCOUNT_GRANT, use)

    def test_apis_come_first_where_the_plan_switches_them_on(self, gcp: Client) -> None:
        gcp.make(TOPIC, {"name": "events"})
        gcp.make(SERVICE, {"service": "container.googleapis.com"}, name="container")
        gcp.make(NETWORK, {"name": "net"})
        with pytest.raises(grpc.RpcError, match=r"SERVICE_DISABLED: redis\.googleapis\.com"):
            gcp.make(REDIS, {"memorySizeGb": 1})
        gcp.make(SERVICE, {"service": "redis.googleapis.com"}, name="redis")
        gcp.make(REDIS, {"memorySizeGb": 1})

    def test_agents_may_use_a_key_before_their_service_does(self, gcp: Client) -> None:
        data = key(gcp)
        wanted = {"memorySizeGb": 1, "customerManagedKey": data.id}
        with pytest.raises(grpc.RpcError, match="may not use the key"):
            gcp.make(REDIS, wanted)
        agent = f"serviceAccount:service-{NUMBER}@cloud-redis.iam.gserviceaccount.com"
        grant = {"cryptoKeyId": data.id, "role": "roles/cloudkms.cryptoKeyEncrypterDecrypter"}
        gcp.make(KEY_GRANT, {**grant, "member": agent})
        gcp.make(REDIS, wanted)

    def test_disks_and_replicas_are_encrypted_by_services_that_may(self, gcp: Client) -> None:
        data = key(gcp)
        sealed = {"location": REGION, "customerManagedEncryption": {"kmsKeyName": data.id}}
        secret = {"secretId": "a", "replication": {"userManaged": {"replicas": [sealed]}}}
        cluster = gcp.make(CLUSTER, OPEN_CLUSTER)
        pool = {"cluster": cluster.id, "nodeConfig": {"bootDiskKmsKey": data.id}}
        grant = {"cryptoKeyId": data.id, "role": "roles/cloudkms.cryptoKeyEncrypterDecrypter"}
        for agent, token, wanted in (
            ("gcp-sa-secretmanager", SECRET, secret),
            ("compute-system", POOL, pool),
        ):
            with pytest.raises(grpc.RpcError, match=f"{agent}.* may not use the key"):
                gcp.make(token, wanted)
            email = f"service-{NUMBER}@{agent}.iam.gserviceaccount.com"
            gcp.make(KEY_GRANT, {**grant, "member": f"serviceAccount:{email}"}, name=agent)
            gcp.make(token, wanted)

    def test_regions_have_to_come_from_somewhere(self, gcp: Client) -> None:
        nowhere = gcp.configured(project=PROJECT)
        with pytest.raises(grpc.RpcError, match="Cannot determine region"):
            nowhere.make("gcp:compute/address:Address", {})
        nowhere.make("gcp:compute/address:Address", {"region": REGION})


class TestLookups:
    def test_where_and_who(self, gcp: Client) -> None:
        found = gcp.invoke("gcp:organizations/getProject:getProject")
        assert (found["projectId"], found["number"]) == (PROJECT, NUMBER)
        found = gcp.invoke("gcp:organizations/getClientConfig:getClientConfig")
        assert (found["project"], found["region"]) == (PROJECT, REGION)
        token = "gcp:storage/getProjectServiceAccount:getProjectServiceAccount"
        email = f"service-{NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
        assert gcp.invoke(token)["emailAddress"] == email
        zones = gcp.invoke("gcp:compute/getZones:getZones")["names"]
        assert zones == [f"{REGION}-a", f"{REGION}-b", f"{REGION}-c"]
        token = "gcp:container/getEngineVersions:getEngineVersions"
        versions = gcp.invoke(token, location=REGION, versionPrefix="1.33.")
        assert versions["latestMasterVersion"].startswith("1.33.")

    def test_who_pays_is_told_once_the_api_is_on(self, gcp: Client) -> None:
        token = "gcp:organizations/getProject:getProject"
        assert gcp.invoke(token)["billingAccount"] == ""
        for api in ("billingbudgets", "cloudbilling"):
            gcp.make(SERVICE, {"service": f"{api}.googleapis.com"}, name=api)
        budget = {"amount": {"specifiedAmount": {"units": "5"}}}
        with pytest.raises(grpc.RpcError, match="none is named"):
            gcp.make(BUDGET, {**budget, "billingAccount": ""})
        gcp.make(BUDGET, {**budget, "billingAccount": gcp.invoke(token)["billingAccount"]})

    def test_the_cloud_is_looked_into(self, gcp: Client) -> None:
        net = network(gcp)
        token = "gcp:compute/getNetwork:getNetwork"
        assert gcp.invoke(token, name="net")["selfLink"] == net.outputs["selfLink"]
        with pytest.raises(grpc.RpcError, match=r"no gcp:compute/network:Network with name=other"):
            gcp.invoke(token, name="other")
        gcp.make(CLUSTER, OPEN_CLUSTER)
        found = gcp.invoke("gcp:container/getCluster:getCluster", name="ml", location=REGION)
        assert found["masterAuths"][0]["clusterCaCertificate"]
        data = key(gcp)
        token = "gcp:kms/getKMSCryptoKey:getKMSCryptoKey"
        assert gcp.invoke(token, name="data", keyRing=data.inputs["keyRing"])["id"] == data.id

    def test_secrets_are_read_in_their_newest_version(self, gcp: Client) -> None:
        token = "gcp:secretmanager/getSecretVersion:getSecretVersion"
        secret = gcp.make(SECRET, {"secretId": "db", **AUTO})
        with pytest.raises(grpc.RpcError, match="no version of the secret db"):
            gcp.invoke(token, secret="db")
        for text in ("one", "two"):
            gcp.make(VERSION, {"secret": secret.id, "secretData": text})
        found = gcp.invoke(token, secret="db")
        assert (found["secretData"], found["version"]) == ("two", "2")
