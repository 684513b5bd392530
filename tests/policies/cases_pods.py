"""Good and bad cases of the rules on pods, for each kind that holds some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policy_support import Table, nested, resource

from plinth.graph import UNKNOWN, Resource
from plinth_policies.pods.templates import ALL, COMPLETE, PODS, PREDICTOR, SERVERS

CHART = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"

Pod = Mapping[str, Any]


def _of(token: str, pod: Any) -> list[Resource]:
    """A resource of a kind with that pod; a model's only container is called so."""
    if token == PREDICTOR and isinstance(pod, Mapping) and "containers" in pod:
        pod = {**pod, "model": pod["containers"][0], "containers": pod["containers"][1:]}
    return [resource(token, nested({PODS.get(token, "spec.predictor"): pod}))]


def pod(container: Any = None, **more: Any) -> Pod:
    """A pod of one container; of two, with one that runs before it, when ``before`` is given."""
    before = more.pop("before", None)
    first = {"initContainers": [before]} if before is not None else {}
    return {"containers": [{"name": "server", **(container or {})}], **first, **more}


def _table(tokens: Sequence[str], good: Iterable[Pod], bad: Iterable[tuple[Any, str]]) -> Table:
    """The cases of every kind, and pods that cannot be seen."""
    unseen = ((UNKNOWN, "is not known"), ({}, "is not set"))
    return Table(
        tokens[0],
        good=[_of(token, case) for token in tokens for case in good],
        bad=[(_of(token, case), text) for token in tokens for case, text in (*unseen, *bad)],
    )


def _in_container(
    tokens: Sequence[str], path: str, good: Sequence[Any], bad: Mapping[str, Any]
) -> Table:
    """The cases of a rule on one property of every container."""
    return _table(
        tokens,
        [pod(nested({path: value})) for value in good],
        [
            ({"volumes": []}, "has no containers"),
            *((pod(nested({path: value})), text) for text, value in bad.items()),
            *(
                (pod(nested({path: good[0]}), before=nested({path: value})), "initContainers[0]")
                for value in bad.values()
                if value != UNKNOWN
            ),
        ],
    )


def _context(**values: Any) -> dict[str, Any]:
    return {"securityContext": values}


def _seccomp(kind: Any) -> dict[str, Any]:
    return _context(seccompProfile={"type": kind})


_BOUNDED = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
_PROBES = {"livenessProbe": {"exec": {}}, "readinessProbe": {"httpGet": {"port": 8080}}}

PROFILE = {
    "pods-privileged": _table(
        ALL,
        [pod(), pod(_context(privileged=False)), pod(_context(procMount="Default"))],
        [
            (pod(_context(privileged=True)), "privileged is on"),
            (pod(before=_context(privileged=True)), "initContainers[0]"),
            (pod(_context(privileged=UNKNOWN)), "privileged is not known"),
            (pod({"securityContext": UNKNOWN}), "securityContext is not known"),
            (pod(_context(procMount="Unmasked")), "procMount is Unmasked"),
            (pod(_context(windowsOptions={"hostProcess": True})), "hostProcess is on"),
        ],
    ),
    "pods-privilege-escalation": _in_container(
        COMPLETE,
        "securityContext.allowPrivilegeEscalation",
        [False],
        {"Escalation is not set": None, "Escalation is on": True, "is not known": UNKNOWN},
    ),
    "pods-run-as-non-root": _table(
        ALL,
        [
            pod(**_context(runAsNonRoot=True)),
            pod(_context(runAsNonRoot=True, runAsUser=10001)),
            pod(_context(runAsUser=1), **_context(runAsNonRoot=True, runAsUser=0)),
        ],
        [
            (pod(), "runAsNonRoot is not set"),
            (pod(**_context(runAsNonRoot=False)), "runAsNonRoot is off"),
            (pod(_context(runAsNonRoot=False), **_context(runAsNonRoot=True)), "is off"),
            (pod(**_context(runAsNonRoot=True, runAsUser=0)), "runAsUser is 0"),
            (pod(_context(runAsUser=0), **_context(runAsNonRoot=True)), "runAsUser is 0"),
            (pod(**_context(runAsNonRoot=UNKNOWN)), "runAsNonRoot is not known"),
            (pod(**_context(runAsNonRoot=True, runAsUser=UNKNOWN)), "runAsUser is not known"),
            (pod(securityContext=UNKNOWN), "securityContext is not known"),
        ],
    ),
    "pods-capabilities": _in_container(
        COMPLETE,
        "securityContext.capabilities",
        [{"drop": ["ALL"]}, {"drop": ["NET_RAW", "ALL"], "add": ["NET_BIND_SERVICE"]}],
        {
            "drop has no ALL": None,
            "capabilities.drop has no ALL": {"drop": ["NET_RAW"]},
            "add has SYS_ADMIN": {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
            "drop is not known": UNKNOWN,
        },
    ),
    "pods-seccomp": _table(
        ALL,
        [
            pod(**_seccomp("RuntimeDefault")),
            pod(_seccomp("RuntimeDefault")),
            pod(_seccomp("Localhost"), **_seccomp("Unconfined")),
        ],
        [
            (pod(), "type is not set"),
            (pod(**_seccomp("Unconfined")), "type is Unconfined"),
            (pod(_seccomp("Unconfined"), **_seccomp("RuntimeDefault")), "type is Unconfined"),
            (pod(**_seccomp(UNKNOWN)), "type is not known"),
        ],
    ),
    "pods-host-namespaces": _table(
        ALL,
        [pod(), pod(hostNetwork=False, hostPID=False, hostIPC=False)],
        [
            *((pod(**{name: True}), f"{name} is on") for name in ("hostNetwork", "hostPID")),
            (pod(hostIPC=True), "hostIPC is on"),
            (pod(hostNetwork=UNKNOWN), "hostNetwork is not known"),
        ],
    ),
    "pods-host-ports": _table(
        ALL,
        [pod(), pod({"ports": [{"containerPort": 8080}, {"containerPort": 1, "hostPort": 0}]})],
        [
            (pod({"ports": [{"containerPort": 1}, {"hostPort": 80}]}), "hostPort is 80"),
            (pod(before={"ports": [{"hostPort": 80.0}]}), "hostPort is 80"),
            (pod({"ports": [{"hostPort": UNKNOWN}]}), "hostPort is not known"),
            (pod({"ports": UNKNOWN}), "ports is not known"),
        ],
    ),
    "pods-volumes": _table(
        ALL,
        [pod(), pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "secret": UNKNOWN}])],
        [
            (pod(volumes=[{"name": "root", "hostPath": {"path": "/"}}]), "has a hostPath"),
            (pod(volumes=[{"name": "share", "nfs": UNKNOWN}]), "has a nfs"),
            (pod(volumes=UNKNOWN), "volumes is not known"),
            (pod(volumes=[UNKNOWN]), "volumes is not known"),
        ],
    ),
}

HARDENING = {
    "pods-read-only-root": _in_container(
        COMPLETE,
        "securityContext.readOnlyRootFilesystem",
        [True],
        {"is not set": None, "Filesystem is off": False, "Filesystem is not known": UNKNOWN},
    ),
    "pods-resources": _table(
        ALL,
        [
            pod({"resources": _BOUNDED}),
            pod({"resources": {"limits": {"cpu": UNKNOWN, "memory": "1Gi"}}}),
        ],
        [
            (pod(), "resources.requests.cpu is not set"),
            (pod({"resources": {"limits": {"memory": "1Gi"}}}), "requests.cpu is not set"),
            (pod({"resources": {"requests": _BOUNDED["requests"]}}), "limits.memory is not set"),
            (pod({"resources": {"limits": {"cpu": "1"}}}), "requests.memory is not set"),
            (pod({"resources": _BOUNDED}, before={"name": "first"}), "initContainers[first]"),
            (pod({"resources": UNKNOWN}), "resources is not known"),
        ],
    ),
    "pods-probes": _table(
        SERVERS,
        [
            pod(_PROBES),
            pod(_PROBES, before={"name": "first"}),
            pod(dict.fromkeys(_PROBES, UNKNOWN)),
        ],
        [
            (pod(), "livenessProbe is not set"),
            (pod({"livenessProbe": {"exec": {}}}), "readinessProbe is not set"),
        ],
    ),
    "pods-service-account-token": _table(
        COMPLETE,
        [
            pod(automountServiceAccountToken=False),
            pod(automountServiceAccountToken=False, serviceAccountName=UNKNOWN),
            pod(automountServiceAccountToken=True, serviceAccountName="operator"),
        ],
        [
            (pod(), "automountServiceAccountToken is not set"),
            (pod(serviceAccountName="operator"), "automountServiceAccountToken is not set"),
            (pod(automountServiceAccountToken=True), "automountServiceAccountToken is on"),
            *(
                (pod(automountServiceAccountToken=True, serviceAccountName=name), text)
                for name, text in (("default", "is on"), (UNKNOWN, "serviceAccountName is not"))
            ),
            (pod(automountServiceAccountToken=UNKNOWN), "Token is not known"),
        ],
    ),
}
_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
_TOKENS = HARDENING["pods-service-account-token"]
HARDENING["pods-service-account-token"] = Table(
    _TOKENS.token,
    good=[*_TOKENS.good, [resource(_ACCOUNT, {"automountServiceAccountToken": False})]],
    bad=[
        *_TOKENS.bad,
        *(
            ([resource(_ACCOUNT, inputs)], text)
            for inputs, text in (
                ({}, "automountServiceAccountToken is not set"),
                ({"automountServiceAccountToken": True}, "automountServiceAccountToken is on"),
                ({"automountServiceAccountToken": UNKNOWN}, "Token is not known"),
            )
        ),
    ],
)


def _labels(**modes: object) -> dict[str, Any]:
    labels = {f"pod-security.kubernetes.io/{mode}": value for mode, value in modes.items()}
    return {"metadata": {"name": "tracking", "labels": labels}}


def _space(*policies: Mapping[str, Any], name: Any = "tracking") -> list[Resource]:
    return [
        resource(NAMESPACE, {"metadata": {"name": name}}),
        *(
            resource(
                POLICY, {"metadata": {"namespace": "tracking"}, "spec": spec}, name=f"p{index}"
            )
            for index, spec in enumerate(policies)
        ),
    ]


_CLOSED = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{}]}]}

NAMESPACES = {
    "pods-namespace-profile": Table(
        NAMESPACE,
        good=[
            _labels(enforce="restricted"),
            _labels(enforce="baseline"),
            {"metadata": {**_labels(enforce="privileged")["metadata"], "name": "machines"}},
        ],
        bad=[
            ({}, "enforce is not set"),
            ({"metadata": {"labels": UNKNOWN}}, "metadata.labels is not known"),
            (_labels(enforce=UNKNOWN), "enforce is not known"),
            (_labels(enforce="none"), "enforce is none"),
            (_labels(enforce="privileged", warn="restricted"), "enforce is privileged"),
            ({"metadata": {"name": "machines"}}, "enforce is not set"),
        ],
    ),
    "pods-namespace-isolation": Table(
        NAMESPACE,
        good=[
            _space(_CLOSED),
            _space({"podSelector": {}}),
            _space({"podSelector": {"matchLabels": {"app": "x"}}}, _CLOSED),
        ],
        bad=[
            ({}, "no network policy isolates"),
            (_space(), "no network policy isolates"),
            (_space(_CLOSED, name="other"), "no network policy isolates"),
            (_space(name=UNKNOWN), "metadata.name is not known"),
            (_space({"podSelector": {"matchLabels": {"app": "x"}}}), "no network policy"),
            (_space({"podSelector": {}, "policyTypes": ["Egress"]}), "no network policy"),
            (_space({"podSelector": UNKNOWN}), "podSelector is not known"),
            (_space(_CLOSED, {**_CLOSED, "ingress": [{}]}), "p1 lets everyone connect"),
            (_space({**_CLOSED, "ingress": UNKNOWN}), "spec.ingress is not known"),
        ],
    ),
}


def _release(values: Any, chart: Any = "metrics-server") -> list[Resource]:
    return [resource(CHART, {"chart": chart, "values": values})]


def _confined(**changed: object) -> dict[str, Any]:
    """Values of Airflow's chart that confine its pods, but for what is changed."""
    return nested(
        {
            "securityContexts.pod.runAsNonRoot": True,
            "securityContexts.pod.seccompProfile.type": "RuntimeDefault",
            "securityContexts.containers.allowPrivilegeEscalation": False,
            "securityContexts.containers.capabilities.drop": ["ALL"],
            **{f"securityContexts.{path}": value for path, value in changed.items()},
        }
    )


CHARTS = {
    "pods-loosened": Table(
        CHART,
        good=[
            _release({}),
            _release({"hostNetwork": {"enabled": False}, "server": UNKNOWN}),
            _release({"list": [{"securityContext": {"runAsUser": 1000, "privileged": False}}]}),
            _release(_confined()),
            [resource(PREDICTOR, {"spec": {"predictor": _context(runAsNonRoot=True)}})],
            [resource(POLICY, {})],
        ],
        bad=[
            *(
                (_release({"server": [{"securityContext": {key: value}}]}), f"{key} is {word}")
                for key, value, word in (
                    ("privileged", True, "on"),
                    ("privileged", "true", "on"),
                    ("allowPrivilegeEscalation", True, "on"),
                    ("runAsNonRoot", False, "off"),
                    ("runAsUser", 0, "0"),
                    ("readOnlyRootFilesystem", False, "off"),
                )
            ),
            (_release({"hostNetwork": True}), "values.hostNetwork is on"),
            (_release({"hostNetwork": {"enabled": True}}), "values.hostNetwork is on"),
            (_release({"mps": {"enableHostPID": True}}), "values.mps.enableHostPID is on"),
            (_release({"pod": {"hostIPC": True}}), "values.pod.hostIPC is on"),
            (_release({"ports": [{"hostPort": 80}]}), "hostPort is a port of the machine"),
            (_release({"volumes": [{"hostPath": {"path": "/"}}]}), "is a folder of the machine"),
            (_release({"podSecurityContext": {"runAsUser": 0.0}}), "runAsUser is 0"),
            (
                _release({"securityContexts": {"pod": {"privileged": True}}}),
                "securityContexts.pod.privileged is on",
            ),
            (
                _release({"containerSecurityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
                "capabilities.add has SYS_ADMIN",
            ),
            (_release({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}), "Unconf"),
            ([resource(CHART, {"valueYamlFiles": [UNKNOWN]})], "values that no rule reads"),
            (_release(UNKNOWN), "values is not known"),
            (_release({"securityContext": UNKNOWN}), "values.securityContext is not known"),
            (_release({"securityContext": {"privileged": UNKNOWN}}), "privileged is not known"),
            ([resource(PREDICTOR, {"spec": {"predictor": {"hostPID": True}}})], "hostPID is on"),
        ],
    ),
    "pods-chart-settings": Table(
        CHART,
        good=[
            _release({}),
            _release(_confined(), "airflow"),
            _release(_confined(), "oci://registry.example.com/charts/airflow"),
        ],
        bad=[
            (_release({}, "airflow"), "securityContexts.pod.runAsNonRoot is not on"),
            (_release({}, "oci://ghcr.io/charts/prometheus-pushgateway"), "drop is not ALL"),
            (_release({}, "cluster-autoscaler"), "readOnlyRootFilesystem is not on"),
            (_release({}, "aws-load-balancer-controller"), "drop is not ALL"),
            (_release({}, UNKNOWN), "chart is not known"),
            (_release(UNKNOWN, "airflow"), "values is not known"),
            (_release(_confined(**{"pod.runAsNonRoot": UNKNOWN}), "airflow"), "is not known"),
            (
                _release(_confined(**{"containers.capabilities.drop": ["NET_RAW"]}), "airflow"),
                "ALL",
            ),
        ],
    ),
}

TABLES: dict[str, Table] = {**PROFILE, **HARDENING, **NAMESPACES, **CHARTS}
