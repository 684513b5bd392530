"""Fetches a registered model: `fetch_model.py models:/name@alias /mnt/models`.

KServe runs it in place of its own storage initializer, with the source and the target as arguments.
"""

import pathlib
import sys

import mlflow.artifacts
import yaml

source, target = sys.argv[1:3]
folder = pathlib.Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=target))
flavors = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]
if flavors.get("sklearn", {}).get("serialization_format") == "skops":
    sys.exit(
        f"{source} was logged in the skops format, which the model server cannot read; "
        'log it with serialization_format="cloudpickle"'
    )
