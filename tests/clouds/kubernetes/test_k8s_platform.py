"""Whole platforms on a cluster that is there: what runs, who may what, and what waits for what."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from k8s_support import MAIL, blueprint, graph, of_kind, one, variables

from plinth import planning
from plinth.clouds.kubernetes.facts import SECRETS, STORES
from plinth.clouds.kubernetes.notifications import topic
from plinth.clouds.kubernetes.options import KubernetesOptions
from plinth.graph import SECRET, Graph, Resource
from plinth.ports import RECEIVER_FILES, Topic
from plinth.recorder import record

_STORE_CHARTS = {"cloudnative-pg", "valkey", "seaweedfs"}


def charts(found: Graph) -> dict[str, Resource]:
    return {
        release.inputs["chart"].rsplit("/", 1)[-1]: release for release in of_kind(found, "Release")
    }


def waits(found: Graph, resource: Resource, other: Resource) -> bool:
    """Whether one resource waits for the other, by however many steps."""
    by_urn = {item.urn: item for item in found}
    todo, seen = [resource.urn], set[str]()
    while todo:
        urn = todo.pop()
        if urn == other.urn:
            return True
        if urn not in seen and urn in by_urn:
            seen.add(urn)
            todo += by_urn[urn].dependencies
    return False


def spec(resource: Resource) -> Any:
    return resource.inputs["spec"]


# --- the cluster ---------------------------------------------------------------------------------


def test_one_context_and_no_credential() -> None:
    provider = one_provider(graph("durable"))
    assert provider["context"] == provider["clusterIdentifier"] == "ml-production"
    assert "kubeconfig" not in provider
    assert "context" not in one_provider(graph("dev"))


def one_provider(found: Graph) -> dict[str, Any]:
    (provider,) = [item for item in found if item.type == "pulumi:providers:kubernetes"]
    return dict(provider.inputs)


def test_outputs_say_how_to_reach_the_cluster() -> None:
    outputs = graph("durable").outputs
    assert outputs["cluster"] == "ml-production"
    assert outputs["cluster_connect"] == "kubectl config use-context ml-production"


def test_what_is_installed_is_not_installed_again() -> None:
    services = ["cert-manager", "external-secrets", "metrics-server", "gateway"]
    there = {
        "services": services,
        "issuer": "corporate",
        "gateway": {"name": "shared", "namespace": "infra", "pods": "istio-ingress"},
    }
    found = planning.graph_of(
        blueprint(
            domain={"name": "ml.example.com"},
            clouds={"kubernetes": {"installed": there, "storage_class": "fast"}},
        )
    )
    assert not {"cert-manager", "external-secrets", "metrics-server", "gateway-helm"} & {
        *charts(found)
    }
    route = one(found, "HTTPRoute", "mlflow")
    assert spec(route)["parentRefs"] == [{"name": "shared", "namespace": "infra"}]
    assert waits(
        found, one(found, "Cluster", "database"), one(found, "ClusterSecretStore", "plinth")
    )


def test_operators_that_run_already_are_left_to_it() -> None:
    there = {
        "services": ["prometheus-operator", "kube-state-metrics", "node-exporter"],
        "cloudnative_pg": "cnpg-system",
    }
    found = planning.graph_of(
        blueprint(
            monitoring={},
            backups={"enabled": True},
            clouds={"kubernetes": {"installed": there}},
        )
    )
    made = charts(found)
    # An operator brings its own definitions along.
    assert not {"prometheus-operator-crds", "cloudnative-pg", "plugin-barman-cloud"} & {*made}
    values = made["kube-prometheus-stack"].inputs["values"]
    for part in ("prometheusOperator", "kubeStateMetrics", "nodeExporter"):
        assert values[part]["enabled"] is False
    # Databases are made all the same, and the operator that is there may look after them.
    assert one(found, "Cluster", "database")
    assert not [space for space in of_kind(found, "Namespace") if "operator" in space.name]
    (policy,) = [p for p in of_kind(found, "NetworkPolicy") if p.name == f"{STORES}-isolation"]
    assert "cnpg-system" in json.dumps(spec(policy))
    assert "database-operator" not in json.dumps(spec(policy))


def test_the_balancer_is_asked_for_as_the_spec_says() -> None:
    balancer = {"class_name": "metallb", "annotations": {"metallb.io/address-pool": "ml"}}
    found = planning.graph_of(
        blueprint(
            domain={"name": "ml.example.com"},
            clouds={"kubernetes": {"load_balancer": balancer}},
        )
    )
    proxy = spec(one(found, "EnvoyProxy", "platform"))
    assert proxy["provider"]["kubernetes"]["envoyService"] == {
        "loadBalancerClass": "metallb",
        "annotations": {"metallb.io/address-pool": "ml"},
        # Internal: whatever address it gets, nobody connects from the internet.
        "loadBalancerSourceRanges": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
    }


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dev", "durable", "there"])
def test_values_are_in_one_namespace_and_nowhere_in_clear(name: str) -> None:
    made = [
        secret
        for secret in of_kind(graph(name), "Secret")
        if secret.inputs.get("metadata", {}).get("namespace") == SECRETS
    ]
    assert made
    for secret in made:
        assert secret.inputs["metadata"]["name"].startswith("plinth-")
        assert {*secret.inputs["stringData"].values()} == {SECRET} or secret.inputs[
            "stringData"
        ] == SECRET


def test_the_operator_reads_that_namespace_and_no_other() -> None:
    found = graph("dev")
    store = spec(one(found, "ClusterSecretStore", "plinth"))["provider"]["kubernetes"]
    assert store["remoteNamespace"] == SECRETS
    assert store["auth"]["serviceAccount"] == {"name": "secret-reader", "namespace": SECRETS}
    role = one(found, "Role", "secret-reader")
    assert role.inputs["metadata"]["namespace"] == SECRETS
    assert role.inputs["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}
    ]
    bindings = {item.inputs["metadata"]["namespace"] for item in of_kind(found, "RoleBinding")}
    assert bindings == {SECRETS}
    assert not of_kind(found, "ClusterRoleBinding")


# --- stores --------------------------------------------------------------------------------------


def test_a_spec_that_names_no_store_gets_all_of_them() -> None:
    found = graph("dev")
    assert {*charts(found)} >= _STORE_CHARTS
    assert "plugin-barman-cloud" not in charts(found)
    assert spec(one(found, "Cluster", "database"))["instances"] == 1
    assert charts(found)["valkey"].inputs["values"]["replica"]["replicas"] == 0


def test_stores_that_are_there_are_used() -> None:
    found = graph("there")
    assert not _STORE_CHARTS & {*charts(found)}
    assert not of_kind(found, "v1:Cluster")
    assert STORES not in {item.inputs["metadata"]["name"] for item in of_kind(found, "Namespace")}
    job = one(found, "Job", "database-mlflow")
    (container,) = spec(job)["template"]["spec"]["containers"]
    assert variables(container)["PGHOST"] == "pg.example.com"
    feast = one(found, "Deployment", "feast")
    (container,) = spec(feast)["template"]["spec"]["containers"]
    assert variables(container)["AWS_ENDPOINT_URL"] == "https://s3.example.com"
    assert variables(container)["AWS_REGION"] == "eu-1"
    keys = spec(one(found, "ExternalSecret", "features-feast-store"))["data"]
    assert {item["remoteRef"]["key"] for item in keys} == {"object-store-key", "company-ca"}


def test_what_starts_waits_for_the_stores_it_opens() -> None:
    found = graph("dev")
    database, cache = one(found, "Cluster", "database"), charts(found)["valkey"]
    objects = charts(found)["seaweedfs"]
    feast = one(found, "Deployment", "feast")
    assert all(waits(found, feast, store) for store in (database, cache, objects))
    mlflow = one(found, "Deployment", "mlflow")
    assert waits(found, mlflow, database)
    assert not waits(found, mlflow, cache)
    for store in (database, cache, objects):
        assert waits(found, store, one(found, "ClusterSecretStore", "plinth"))
        assert waits(found, store, charts(found)["cert-manager"])


def test_connections_without_tls_are_refused() -> None:
    found = graph("dev")
    assert spec(one(found, "Cluster", "database"))["postgresql"]["pg_hba"] == [
        "hostnossl all all all reject"
    ]
    valkey = charts(found)["valkey"].inputs["values"]
    assert valkey["tls"]["enabled"]
    assert valkey["auth"]["enabled"]
    # Of SeaweedFS, only the port with TLS takes connections from other namespaces.
    policy = spec(one(found, "NetworkPolicy", "object-store"))
    https = charts(found)["seaweedfs"].inputs["values"]["allInOne"]["s3"]["httpsPort"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": https}]]


def test_databases_take_connections_from_the_platform_alone() -> None:
    for name in ("database", "key-value"):
        (rule,) = spec(one(graph("dev"), "NetworkPolicy", name))["ingress"]
        (source,) = rule["from"]
        assert source == {"namespaceSelector": {"matchLabels": {"managed-by": "plinth"}}}


def test_certificates_name_the_hosts_that_clients_are_told() -> None:
    found = graph("dev")
    hosts = {
        item.inputs["metadata"]["name"]: spec(item).get("dnsNames", [])
        for item in of_kind(found, "Certificate")
    }
    (container,) = spec(one(found, "Deployment", "feast"))["template"]["spec"]["containers"]
    endpoint = variables(container)["AWS_ENDPOINT_URL"]
    assert endpoint.removeprefix("https://").partition(":")[0] in hosts["object-store-tls"]
    online = spec(one(found, "ExternalSecret", "feast"))["target"]["template"]["data"]
    assert online["online-store"].partition(":")[0] in hosts["key-value-tls"]
    assert "ssl_ca_certs" in online["online-store"]


def test_durable_guards_and_multiplies_what_holds_data() -> None:
    found = graph("durable")
    database, valkey = one(found, "Cluster", "database"), charts(found)["valkey"]
    assert spec(database)["instances"] == 3
    assert spec(database)["storage"]["storageClass"] == "fast"
    assert valkey.inputs["values"]["replica"]["replicas"] == 1
    guarded = [database, valkey, charts(found)["seaweedfs"]]
    guarded += [one(found, "Namespace", name) for name in (STORES, SECRETS)]
    guarded += [
        item
        for item in of_kind(found, "Secret")
        if item.inputs.get("metadata", {}).get("namespace") == SECRETS
    ]
    guarded += of_kind(found, "RandomPassword")
    assert all(item.protect for item in guarded)
    assert not any(item.protect for item in graph("dev"))


def test_adding_replicas_keeps_the_disks_of_the_cache() -> None:
    few, more = (
        charts(planning.graph_of(blueprint(cache={"memory": memory, "replicas": replicas})))[
            "valkey"
        ].inputs["values"]["replica"]
        for memory, replicas in ((1, 0), (6, 3))
    )
    assert few["enabled"]
    assert more["enabled"]
    assert few["persistence"] == more["persistence"]


def test_backups_go_to_a_bucket_of_their_own_and_are_kept_as_long_as_asked() -> None:
    found = graph("durable")
    store = spec(one(found, "ObjectStore", "database-backups"))
    assert store["retentionPolicy"] == "14d"
    configuration = store["configuration"]
    assert configuration["destinationPath"] == "s3://churn-dev-database-backups/"
    assert configuration["endpointCA"] == {"name": "database-backups-store", "key": "ca.crt"}
    database = one(found, "Cluster", "database")
    (plugin,) = spec(database)["plugins"]
    assert plugin["parameters"] == {"barmanObjectName": "database-backups"}
    assert waits(found, database, one(found, "Job", "bucket-database-backups"))
    schedule = spec(one(found, "ScheduledBackup", "database"))
    assert schedule["pluginConfiguration"] == {"name": plugin["name"]}
    assert len(schedule["schedule"].split()) == 6


# --- buckets and rights --------------------------------------------------------------------------


def secrets(job: Resource) -> set[str]:
    """The Secrets that a Job's pod mounts."""
    volumes = spec(job)["template"]["spec"]["volumes"]
    return {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}


def jobs(found: Graph, kind: str) -> dict[str, dict[str, Any]]:
    """What the Jobs of one kind are told to make, by name."""
    made = {}
    for job in of_kind(found, "Job"):
        (container,) = spec(job)["template"]["spec"]["containers"]
        if container.get("args", [""])[0] == kind:
            assert job.inputs["metadata"]["namespace"] == SECRETS
            wanted = json.loads(container["args"][1])
            made[wanted["name"]] = {**wanted, "secrets": secrets(job)}
    return made


def test_buckets_are_made_with_their_rules() -> None:
    made = jobs(graph("dev"), "bucket")
    assert {*made} == {"churn-dev-models", "churn-dev-datasets", "churn-dev-logs"}
    assert made["churn-dev-logs"]["expire"] == 365
    assert made["churn-dev-models"]["expire"] is None
    assert made["churn-dev-models"]["encrypt"] is False
    assert jobs(graph("there"), "bucket")["churn-dev-models"]["encrypt"] is True


def test_each_workload_has_a_key_of_its_own_for_its_buckets() -> None:
    found = graph("dev")
    made = jobs(found, "identity")
    assert made["tracking-mlflow"]["write"] == ["churn-dev-models"]
    assert made["features-feast"]["write"] == ["churn-dev-datasets"]
    mounted = [wanted["secrets"] for wanted in made.values()]
    keys = [one_job - set.intersection(*mounted) for one_job in mounted]
    assert all(len(own) == 1 for own in keys)
    assert len(set.union(*keys)) == len(keys)
    (container,) = spec(one(found, "Deployment", "feast"))["template"]["spec"]["containers"]
    assert variables(container)["AWS_ACCESS_KEY_ID"] == (
        "features-feast-store",
        "AWS_ACCESS_KEY_ID",
    )
    delivered = one(found, "ExternalSecret", "features-feast-store")
    assert delivered.inputs["metadata"]["namespace"] == "features"
    assert waits(found, delivered, one(found, "Job", "identity-features-feast"))


def test_a_store_that_is_there_has_one_key() -> None:
    assert jobs(graph("there"), "identity") == {}


def test_a_workload_in_a_namespace_of_the_team_gets_a_key_and_no_object() -> None:
    access = {"jupyter": {"namespace": "notebooks", "service_account": "hub", "read": ["models"]}}
    found = planning.graph_of(blueprint(artifacts={"access": access}))
    assert jobs(found, "identity")["artifacts-jupyter"]["read"] == ["churn-dev-models"]
    assert one(found, "Secret", "plinth-artifacts-jupyter-key").inputs["metadata"]["labels"]
    assert "notebooks" not in {item.inputs.get("metadata", {}).get("namespace") for item in found}


def test_jobs_run_again_only_for_what_changed() -> None:
    changed = planning.graph_of(
        blueprint(artifacts={"buckets": {"logs": {"expire_after_days": 30}}})
    )
    before, after = jobs(graph("dev"), "bucket"), jobs(changed, "bucket")
    assert [name for name in before if before[name] != after[name]] == ["churn-dev-logs"]


# --- people --------------------------------------------------------------------------------------


def told(*emails: str, **options: Any) -> Topic:
    """The topic that a program gets."""
    made = []
    mail = KubernetesOptions.model_validate(options).mail
    record(
        lambda: made.append(topic(emails, mail)),
        project="churn",
        environment="dev",
        cloud="x",
        region="",
        account="",
    )
    return made[0]


def test_alerts_are_mailed_with_the_password_in_a_file() -> None:
    made = told("a@example.com", "b@example.com", mail=MAIL)
    first, second = made.receivers["email_configs"]
    assert (first["to"], second["to"]) == ("a@example.com", "b@example.com")
    assert first["smarthost"] == "smtp.example.com:587"
    assert first["require_tls"] is True
    ((file, (secret, key)),) = made.files.items()
    assert first["auth_password_file"] == f"{RECEIVER_FILES}{file}"
    assert (secret.name, key) == ("mail-server", "password")


def test_without_a_mail_server_alerts_stay_on_their_pages() -> None:
    assert told("a@example.com").receivers == {}


# --- the shape of things -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dev", "durable", "there"])
def test_names_on_the_cluster_are_taken_once(name: str) -> None:
    taken = sorted(
        (item.type, metadata.get("namespace", ""), metadata["name"])
        for item in graph(name)
        if (metadata := item.inputs.get("metadata"))
    )
    assert [first for first, second in pairwise(taken) if first == second] == []


def test_the_same_capabilities_and_outputs_with_stores_that_are_there() -> None:
    assert {*graph("there").outputs} == {*graph("dev").outputs}
