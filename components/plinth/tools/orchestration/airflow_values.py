"""Values of Airflow's official chart (1.22, Airflow 3.2). Pure functions of plain facts.

Key paths are those of the chart's ``values.yaml``; what each one avoids is said beside it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plinth import render

if TYPE_CHECKING:
    from pulumi import Input

    from plinth.ports import WorkloadIdentity
    from plinth.spec.options import Repository
    from plinth.spec.types import Replicas

#: Helm release; the chart puts it before the names of its objects.
RELEASE = "airflow"
PORT = 8080
SERVICE = f"{RELEASE}-api-server"
#: API inside the cluster.
URI = f"http://{SERVICE}.orchestration.svc.cluster.local:{PORT}"

# Service accounts. Workload identity may be bound by name, so the names are chosen here.
API, SCHEDULER, TRIGGERER = f"{RELEASE}-api-server", f"{RELEASE}-scheduler", f"{RELEASE}-triggerer"
#: Task pods. Not `airflow-worker`: the chart makes an account of that name too.
TASK = f"{RELEASE}-task"

# Kubernetes secrets that the chart is pointed at.
METADATA, KEYS, ADMIN = f"{RELEASE}-metadata", f"{RELEASE}-keys", f"{RELEASE}-admin"
ENVIRONMENT, GIT = f"{RELEASE}-environment", f"{RELEASE}-git"

_ADMIN_FOLDER = "/etc/airflow-admin"
#: Used when an image's tag does not start with a version.
_VERSION = "3.2.2"
_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the values depend on.

    Attributes:
        image: Airflow's image, and ``git_sync``: git-sync's.
        labels: Labels of every object and pod.
        spot: Tolerations of tasks, which run again when their machine is taken away.
        owner: E-mail address of the administrator.
        url: Address for people, if there is one.
        durable: Whether a node may go without an interruption.
        scraped: Whether there is a Prometheus.
        log_folder: URI under which task logs are kept.
        log_config: What else airflow.cfg must say of it, by section.
        accounts: Identities by service account.
        environment: Plain variables of all containers, task pods included.
        schedulers: Copies of the scheduler and of the triggerer.
        api: Copies of the API server.
        task_cpu: CPU of a task pod, and ``task_memory``: its memory.
        parallelism: Tasks that run at once.
        keep_history_days: Age at which finished runs leave the database.
        dags: Where DAGs come from.
    """

    image: str
    git_sync: str
    labels: Mapping[str, str]
    spot: Sequence[Mapping[str, str]]
    owner: str
    url: str | None
    durable: bool
    scraped: bool
    log_folder: Input[str]
    log_config: Mapping[str, dict[str, Any]]
    accounts: Mapping[str, WorkloadIdentity]
    environment: Mapping[str, Input[str]]
    schedulers: int
    api: Replicas
    task_cpu: str
    task_memory: str
    parallelism: int
    keep_history_days: int
    dags: Repository | None


def values(facts: Facts) -> dict[str, Any]:
    """The release's values. Secrets are named, never held."""
    repository, tag = split(facts.image)
    version = re.match(r"\d+\.\d+\.\d+", tag)
    git_repository, git_tag = split(facts.git_sync)
    return {
        "defaultAirflowRepository": repository,
        "defaultAirflowTag": tag,
        # Templates branch on it; it does not follow the tag.
        "airflowVersion": version.group() if version else _VERSION,
        "images": {
            "migrationsWaitTimeout": 300,
            "gitSync": {"repository": git_repository, "tag": git_tag},
        },
        "executor": "KubernetesExecutor",
        "labels": dict(facts.labels),
        "securityContexts": {"pod": _pod_security(50000), "containers": _CONTAINER},
        "env": [{"name": name, "value": value} for name, value in facts.environment.items()],
        # Reaches task pods too; the chart's `secret` no longer does (1.20).
        "extraEnvFrom": f"- secretRef:\n    name: {ENVIRONMENT}\n",
        # Left out, the chart makes new ones at every upgrade.
        "fernetKeySecretName": KEYS,
        "apiSecretKeySecretName": KEYS,
        "jwtSecretName": KEYS,
        "data": {"metadataSecretName": METADATA},
        "postgresql": {"enabled": False},
        "redis": {"enabled": False},
        "pgbouncer": {"enabled": False},
        "config": _config(facts),
        "dags": _dags(facts.dags),
        # The volume would have to be ReadWriteMany; logs go to the bucket.
        "logs": {"persistence": {"enabled": False}},
        "workers": {"kubernetes": _task(facts)},
        "apiServer": _api(facts),
        "scheduler": {
            **_component(facts, "scheduler", "500m", "2Gi", SCHEDULER),
            "replicas": facts.schedulers,
            "startupProbe": {"failureThreshold": 30},
        },
        "triggerer": {
            **_component(facts, "triggerer", "250m", "1Gi", TRIGGERER),
            "replicas": facts.schedulers,
            "persistence": {"enabled": False},
        },
        "dagProcessor": _component(facts, "dag-processor", "500m", "1Gi"),
        "statsd": _statsd(scraped=facts.scraped),
        **_jobs(facts),
    }


def split(image: str) -> tuple[str, str]:
    """Repository and tag of an image reference; a digest stays with the tag."""
    found = re.fullmatch(r"(.+?):([^/]+)", image)
    return (found[1], found[2]) if found else (image, "latest")


def _config(facts: Facts) -> dict[str, dict[str, Any]]:
    """Sections of airflow.cfg; the chart wants text."""
    return {
        "core": {
            "parallelism": str(facts.parallelism),
            # Left out, tasks take the public address and come back in through the gateway.
            "execution_api_server_url": f"{URI}/execution/",
        },
        "api": {"base_url": facts.url or URI, "expose_config": "False"},
        "logging": {
            "remote_logging": "True",
            # Without a connection it is the service account's own rights that count.
            "remote_base_log_folder": facts.log_folder,
            "delete_local_logs": "True",
        },
        **facts.log_config,
    }


def _dags(repository: Repository | None) -> dict[str, Any]:
    if repository is None:
        return {"gitSync": {"enabled": False}}
    return {
        "gitSync": {
            "enabled": True,
            "repo": repository.repository,
            # git-sync 4 reads `ref`; both default to a branch of Airflow's own tests.
            "branch": repository.branch,
            "ref": repository.branch,
            "rev": "HEAD",
            "subPath": repository.path,
            "depth": 1,
            "period": "60s",
            "maxFailures": 3,
            **({"credentialsSecret": GIT} if repository.credentials else {}),
            "securityContexts": {"container": {"runAsUser": 65533, **_CONTAINER}},
            "resources": _resources("50m", "256Mi"),
        }
    }


def _api(facts: Facts) -> dict[str, Any]:
    found = {
        **_component(facts, "api-server", "500m", "2Gi", API, groomed=False),
        "replicas": facts.api.min,
        "startupProbe": {"failureThreshold": 30},
    }
    if facts.api.max > facts.api.min:
        found["hpa"] = {
            "enabled": True,
            "minReplicaCount": facts.api.min,
            "maxReplicaCount": facts.api.max,
        }
    if facts.url:
        # TLS ends at the gateway, which says so in headers.
        found["args"] = ["bash", "-c", "exec airflow api-server --proxy-headers"]
        found["env"] = [*found.get("env", ()), {"name": "FORWARDED_ALLOW_IPS", "value": "*"}]
    return found


def _task(facts: Facts) -> dict[str, Any]:
    return {
        "serviceAccount": _account(facts, TASK),
        "labels": dict(facts.accounts[TASK].pod_labels),
        **_variables(facts, TASK),
        **({"tolerations": list(facts.spot)} if facts.spot else {}),
        "resources": _resources(facts.task_cpu, facts.task_memory),
        "securityContexts": {"pod": _pod_security(50000), "container": _CONTAINER},
    }


def _component(
    facts: Facts,
    component: str,
    cpu: str,
    memory: str,
    account: str | None = None,
    *,
    groomed: bool = True,
) -> dict[str, Any]:
    """What all long-running parts share. ``groomed`` parts keep log files of their own."""
    selector = {"tier": "airflow", "component": component, "release": RELEASE}
    found: dict[str, Any] = {
        "resources": _resources(cpu, memory),
        "podDisruptionBudget": {"enabled": facts.durable},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector},
            }
        ],
    }
    if account:
        found["serviceAccount"] = _account(facts, account)
        found["labels"] = dict(facts.accounts[account].pod_labels)
        found |= _variables(facts, account)
    if groomed:
        found["logGroomerSidecar"] = {"retentionDays": 7, "resources": _resources("20m", "128Mi")}
    return found


def _account(facts: Facts, name: str) -> dict[str, Any]:
    return {"create": True, "name": name, "annotations": dict(facts.accounts[name].annotations)}


def _variables(facts: Facts, name: str) -> dict[str, Any]:
    """What the identity wants in the environment of its pods; nothing on most clouds."""
    identity = facts.accounts[name]
    found: list[dict[str, Any]] = [{"name": k, "value": v} for k, v in identity.env.items()]
    found += [
        {"name": k, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for k, (secret, key) in identity.env_secrets.items()
    ]
    folders = [
        (f"identity-{index}", path, secret)
        for index, (path, secret) in enumerate(identity.secret_files.items())
    ]
    return {
        **({"env": found} if found else {}),
        **_folders(folders),
    }


def _folders(folders: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Volumes of a component: name, mount path and secret of each."""
    if not folders:
        return {}
    return {
        "extraVolumes": [
            {"name": name, "secret": {"secretName": secret}} for name, _, secret in folders
        ],
        "extraVolumeMounts": [
            {"name": name, "mountPath": path, "readOnly": True} for name, path, _ in folders
        ],
    }


def _statsd(*, scraped: bool) -> dict[str, Any]:
    return {
        "enabled": scraped,
        "overrideMappings": render.data("airflow/statsd.yaml.j2")["mappings"],
        "resources": _resources("50m", "128Mi"),
        "securityContexts": {"pod": _pod_security(65534), "container": _CONTAINER},
    }


def _jobs(facts: Facts) -> dict[str, Any]:
    # As hooks they would run after the pods that wait for them, and Helm would wait for ever.
    # Custom variables would name secrets, which the jobs must not need.
    plain = {"useHelmHooks": False, "applyCustomEnv": False, "resources": _resources("250m", "1Gi")}
    create = (
        "airflow db check-migrations --migration-wait-timeout=600 && exec airflow users create "
        f'--role Admin --username "$(cat {_ADMIN_FOLDER}/username)" '
        f'--password "$(cat {_ADMIN_FOLDER}/password)" --email {shlex.quote(facts.owner)} '
        "--firstname Platform --lastname Administrator"
    )
    return {
        "migrateDatabaseJob": plain,
        # Its own arguments, because the chart's hold the password as text.
        "createUserJob": {
            **plain,
            "args": ["bash", "-c", create],
            "extraVolumes": [{"name": "admin", "secret": {"secretName": ADMIN}}],
            "extraVolumeMounts": [{"name": "admin", "mountPath": _ADMIN_FOLDER, "readOnly": True}],
        },
        "cleanup": {"enabled": True, "resources": _resources("100m", "512Mi")},
        "databaseCleanup": {
            "enabled": True,
            "retentionDays": facts.keep_history_days,
            # Archives are tables that nothing ever removes.
            "skipArchive": True,
            "resources": _resources("250m", "1Gi"),
        },
    }


def _pod_security(uid: int) -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": 0,
        "fsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _resources(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
