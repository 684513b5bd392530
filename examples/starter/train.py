"""Trains a model and registers it, with all that is needed to make it again."""

import argparse
import logging
import subprocess
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from wine import NAME, digest, load, setting

#: What the model needs where it serves; left out, MLflow would find out by loading it elsewhere.
_NEEDED = ("cloudpickle", "numpy", "pandas", "scikit-learn")


def commit() -> str:
    """The Git commit of this code, marked when files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True)
        changed = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "not in Git"
    return head.stdout.decode().strip() + "-changed" * bool(changed.stdout.strip())


def main() -> None:
    """Trains once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=50)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parameters = vars(parser.parse_args())
    mlflow.set_tracking_uri(setting("MLFLOW_TRACKING_URI"))
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_experiment(NAME)

    measured, grower = load()
    x_train, x_test, y_train, y_test = train_test_split(
        measured, grower, test_size=0.3, stratify=grower, random_state=0
    )
    with mlflow.start_run():
        mlflow.log_params(parameters)
        mlflow.set_tags({"git_commit": commit(), "data_digest": digest(measured, grower)})
        table = measured.assign(grower=grower)
        mlflow.log_input(mlflow.data.from_pandas(table, name=NAME, targets="grower"), "training")
        model = RandomForestClassifier(
            n_estimators=parameters["trees"],
            max_depth=parameters["depth"],
            random_state=parameters["seed"],
        ).fit(x_train, y_train)
        metrics = {
            "accuracy": accuracy_score(y_test, model.predict(x_test)),
            "log_loss": log_loss(y_test, model.predict_proba(x_test)),
        }
        mlflow.log_metrics(metrics)
        made = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(x_test, model.predict(x_test)),
            registered_model_name=NAME,
            serialization_format="cloudpickle",  # servers of any version of MLflow read it
            pip_requirements=[f"{name}=={version(name)}" for name in _NEEDED],
        )
    said = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
    print(f"{NAME} version {made.registered_model_version}: {said}")


if __name__ == "__main__":
    main()
