"""Stacks for the Pulumi Kubernetes Operator, version 2: one per environment.

For those who have outgrown pipelines: the operator follows the branch and brings every environment
up by itself (``pulumi.com/v1`` Stack; checked against the definitions of operator 2.9).  The order
of environments becomes ``prerequisites``.  Policies, approvals and the gate between environments
are the pipeline's; the operator knows none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from plinth.ci.targets import Target, targets_of, waves_of
from plinth.engine.locate import VERSION

#: Image with Python and the Pulumi CLI, without root, as the operator's own examples use it.
IMAGE: Final = f"pulumi/pulumi:{VERSION}-nonroot"

#: How fresh an environment has to be for those behind it to begin; an older one goes first again.
_FRESH: Final = "1h"
_DRIFT_SECONDS: Final = 86_400

#: Cloud -> annotation that lets a service account be the cloud's deploying identity. Azure wants a
#: client ID, which Azure makes up: annotate that account by hand.
_ANNOTATIONS: Final[Mapping[str, str]] = {
    "aws": "eks.amazonaws.com/role-arn",
    "gcp": "iam.gke.io/gcp-service-account",
}


def manifests(
    spec: Path,
    *,
    repository: str,
    folder: str = "",
    branch: str = "main",
    namespace: str = "plinth",
    image: str = IMAGE,
) -> list[dict[str, Any]]:
    """The objects of all environments.

    Args:
        spec: The spec file.
        repository: Address of the Git repository that has it.
        folder: Where in it ``Pulumi.yaml`` is; empty for the top.
        branch: The branch to follow.
        namespace: Where the objects go; it has to be there.
        image: Image that runs the program.

    Raises:
        SpecError: The spec has problems.
        UsageError: An environment does not say in which account it is.
    """
    targets = targets_of(spec)
    source = {"projectRepo": repository, "branch": branch, "shallow": True}
    if folder:
        source["repoDir"] = folder
    before: Sequence[str] = ()
    objects: list[dict[str, Any]] = []
    for wave in waves_of(spec, targets):
        for name in wave:
            target = targets[name]
            behind = [_name(targets[each]) for each in before]
            objects += _identity(target, namespace)
            objects.append(_stack(target, namespace, source, behind, image))
        before = wave
    return objects


def written(objects: Sequence[Mapping[str, Any]]) -> str:
    """Objects as one YAML stream, for ``kubectl apply``."""
    header = "# Written by `plinth ci pulumi-operator`; change the spec and run it again.\n"
    return header + yaml.safe_dump_all(objects, sort_keys=False)


def _identity(target: Target, namespace: str) -> Iterator[dict[str, Any]]:
    """Whom the workspace's pod is; by token reviews it knows the operator's calls from others."""
    metadata = {"name": _name(target), "namespace": namespace}
    annotation = _ANNOTATIONS.get(target.cloud)
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            **metadata,
            **({"annotations": {annotation: target.deploy}} if annotation else {}),
        },
    }
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}:{_name(target)}:system:auth-delegator"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }


def _stack(
    target: Target, namespace: str, source: Mapping[str, Any], before: Sequence[str], image: str
) -> dict[str, Any]:
    name = _name(target)
    requirement = {"succeededWithinDuration": _FRESH}
    spec = {
        "serviceAccountName": name,
        **source,
        "stack": target.environment,
        **_state(target),
        # What was changed outside is seen, and put right, once a day.
        "refresh": True,
        "continueResyncOnCommitMatch": True,
        "resyncFrequencySeconds": _DRIFT_SECONDS,
        # Deleting the object must never delete a platform.
        "destroyOnFinalize": False,
        "workspaceTemplate": {"spec": {"image": image, "securityProfile": "restricted"}},
    }
    if before:
        spec["prerequisites"] = [{"name": each, "requirement": requirement} for each in before]
    return {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _state(target: Target) -> dict[str, Any]:
    """Where the state is: in the account, else where a Secret of the stack says."""
    if target.backend:
        return {"backend": target.backend, "secretsProvider": target.secrets_provider}
    secret = f"{_name(target)}-state"
    return {
        "envRefs": {
            key: {"type": "Secret", "secret": {"name": secret, "key": key}}
            for key in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
        }
    }


def _name(target: Target) -> str:
    return f"{target.platform}-{target.environment}"
