"""Lets the newest version of the model serve, if it is better than the one that does."""

import argparse

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from wine import NAME, setting

ALIAS = "champion"
METRIC = "accuracy"


def newest(client: MlflowClient) -> ModelVersion:
    """The version that was registered last."""
    versions = client.search_model_versions(f"name='{NAME}'")
    if not versions:
        raise SystemExit(f"there is no model {NAME} yet; run: python train.py")
    return max(versions, key=lambda version: int(version.version))


def champion(client: MlflowClient) -> ModelVersion | None:
    """The version that serves, if one does."""
    try:
        return client.get_model_version_by_alias(NAME, ALIAS)
    except MlflowException:
        return None


def score(client: MlflowClient, version: ModelVersion) -> float:
    """How good a version is."""
    return client.get_run(version.run_id).data.metrics[METRIC]


def main() -> None:
    """Compares once."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    mlflow.set_tracking_uri(setting("MLFLOW_TRACKING_URI"))
    client = MlflowClient()
    new, old = newest(client), champion(client)
    said = f"version {new.version} with {METRIC} {score(client, new):.3f}"
    if old is not None and old.version == new.version:
        print(f"{said} serves already")
    elif old is not None and score(client, new) <= score(client, old):
        better = f"{METRIC} {score(client, old):.3f}"
        print(f"{said} is no better than version {old.version} with {better}, which goes on")
    else:
        client.set_registered_model_alias(NAME, ALIAS, new.version)
        print(f"{said} serves from now on")


if __name__ == "__main__":
    main()
