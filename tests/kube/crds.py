"""Fetches the custom resource definitions that Plinth's objects belong to, from their Go modules.

    python tests/kube/crds.py FOLDER

Needs Go and a module proxy. The versions are those of the charts that Plinth pins, as far as they
are published as modules; `kserve` and others keep theirs beside their source.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

#: Module, version, and the files inside it.
MODULES = (
    ("github.com/cert-manager/cert-manager", "v1.21.1", "deploy/crds/*.yaml"),
    # The newest that the module path allows; its API version is the one in use.
    ("github.com/external-secrets/external-secrets", "v1.3.2", "config/crds/bases/*.yaml"),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "example/prometheus-operator-crd/*.yaml",
    ),
    ("sigs.k8s.io/gateway-api", "v1.4.0", "config/crd/standard/gateway.networking.k8s.io_*.yaml"),
    (
        "github.com/envoyproxy/gateway",
        "v1.9.0",
        "charts/gateway-helm/charts/crds/crds/generated/*.yaml",
    ),
    ("github.com/kserve/kserve", "v0.20.0", "config/crd/full/**/*.yaml"),
    ("github.com/cloudnative-pg/cloudnative-pg", "v1.26.0", "config/crd/bases/*.yaml"),
)


class _Loader(yaml.SafeLoader):
    """Takes a lone `=` for text: YAML 1.1 has a type of its own for it, which nobody means."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_scalar)


def download(module: str, version: str) -> Path:
    """The module's folder in Go's cache."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{module}@{version}"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout or "{}")
    if "Dir" not in found:
        raise SystemExit(f"{module}@{version}: {found.get('Error') or done.stderr}")
    return Path(found["Dir"])


def definitions(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """The definitions in a module's files."""
    for file in sorted(folder.glob(pattern)):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), _Loader):
            if document and document.get("kind") == "CustomResourceDefinition":
                yield document


def main(target: Path) -> None:
    """Writes one file a definition."""
    target.mkdir(parents=True, exist_ok=True)
    for module, version, pattern in MODULES:
        found = list(definitions(download(module, version), pattern))
        print(f"{module} {version}: {len(found)}")
        for definition in found:
            file = target / f"{definition['metadata']['name']}.yaml"
            file.write_text(yaml.safe_dump(definition), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
