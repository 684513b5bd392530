"""Fetches a registered model: `fetch_model.py models:/name@alias /mnt/models`.

KServe runs it in place of its own storage initializer, with the source and the target as arguments.
TOLD_VERSION is the version that all copies were told, and TOLD_MODEL the source that it was told
for (`follow_aliases.py`). A copy that was told nothing asks the registry what its alias names.
"""

import os
import pathlib
import sys

import mlflow.artifacts
import yaml

source, target = sys.argv[1:3]
version = os.environ.get("TOLD_VERSION")
if version and os.environ.get("TOLD_MODEL") == source:
    source = f"{source.rpartition('@')[0]}/{version}"
folder = pathlib.Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=target))
flavors = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]
if flavors.get("sklearn", {}).get("serialization_format") == "skops":
    sys.exit(
        f"{source} was logged in the skops format, which the model server cannot read; "
        'log it with serialization_format="cloudpickle"'
    )
