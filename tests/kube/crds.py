"""Fetches the custom resource definitions that Plinth's objects belong to, from their Go modules.

    python tests/kube/crds.py FOLDER

Needs Go and a module proxy. The versions are those that the charts pinned by Plinth install.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Source(NamedTuple):
    """Files of a Go module, at the version that a pinned chart installs.

    Attributes:
        module: Path of the module.
        version: Its version.
        pattern: The files.
        chart: Name of the chart, in ``versions.toml``.
        pinned: The chart's version that this belongs to.
        in_step: Whether chart and module have the same versions.
    """

    module: str
    version: str
    pattern: str
    chart: str
    pinned: str
    in_step: bool = False


SOURCES = (
    Source(
        module="github.com/cert-manager/cert-manager",
        version="v1.21.1",
        pattern="deploy/crds/*.yaml",
        chart="cert-manager",
        pinned="v1.21.1",
        in_step=True,
    ),
    # The newest that the module's path allows, as it has no `/v2`; `external-secrets.io/v1`, which
    # Plinth uses, is in it.
    Source(
        module="github.com/external-secrets/external-secrets",
        version="v1.3.2",
        pattern="config/crds/bases/*.yaml",
        chart="external-secrets",
        pinned="2.9.0",
    ),
    Source(
        module="github.com/prometheus-operator/prometheus-operator",
        version="v0.93.1",
        pattern="example/prometheus-operator-crd/*.yaml",
        chart="prometheus-operator-crds",
        pinned="31.0.1",
    ),
    # The Gateway API's definitions are among these, as the chart installs them.
    Source(
        module="github.com/envoyproxy/gateway",
        version="v1.9.0",
        pattern="charts/gateway-helm/charts/crds/crds/**/*.yaml",
        chart="gateway-helm",
        pinned="v1.9.0",
        in_step=True,
    ),
    Source(
        module="github.com/kserve/kserve",
        version="v0.20.0",
        pattern="config/crd/full/**/*.yaml",
        chart="kserve-crd",
        pinned="v0.20.0",
        in_step=True,
    ),
    Source(
        module="github.com/cloudnative-pg/cloudnative-pg",
        version="v1.30.0",
        pattern="config/crd/bases/*.yaml",
        chart="cloudnative-pg",
        pinned="0.29.0",
    ),
    Source(
        module="github.com/cloudnative-pg/plugin-barman-cloud",
        version="v0.13.0",
        pattern="config/crd/bases/*.yaml",
        chart="plugin-barman-cloud",
        pinned="0.7.0",
    ),
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
    for source in SOURCES:
        found = list(definitions(download(source.module, source.version), source.pattern))
        print(f"{source.module} {source.version}: {len(found)}")
        if not found:
            raise SystemExit(f"no definitions in {source.pattern}")
        for definition in found:
            file = target / f"{definition['metadata']['name']}.json"
            file.write_text(json.dumps(definition), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
