"""How the example platform is broken for each rule on images."""

from __future__ import annotations

from typing import Any

from mutation import Break

_ALL = {"allowed_registries": ("docker.io", "ghcr.io", "nvcr.io", "quay.io", "registry.k8s.io")}


def _server(asks: dict[str, Any] | None = None, **change: Any) -> Break:
    """MLflow's pod, with properties set."""
    return Break(
        cloud="aws",
        token="kubernetes:apps/v1:Deployment",
        name="mlflow",
        change={f"spec.template.spec.{name}": value for name, value in change.items()},
        asks=asks or {},
    )


MUTATIONS: dict[str, Break] = {
    "images-registry": _server(
        _ALL, **{"containers.0.image": "docker.example.org/anyone/mlflow:v3.18.0"}
    ),
    "images-tag": _server(**{"containers.0.image": "ghcr.io/mlflow/mlflow:latest"}),
    # What the platform ships has tags alone, so another image it is.
    "images-digest": _server(
        _ALL, initContainers=[{"name": "first", "image": "ghcr.io/mlflow/mlflow:v3.18.0"}]
    ),
}
