"""Trains a model in a run that has all that is needed to make it again, and to watch it."""

import argparse
import logging
import tempfile
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, log_loss

from versions import keep
from wine import COLUMNS, NAME, NEWEST, TARGET, held_out, known, setting

#: What the model needs where it serves; left out, MLflow would find out by loading it elsewhere.
_NEEDED = ("cloudpickle", "numpy", "pandas", "scikit-learn")


def main() -> None:
    """Trains once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=50)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parameters = vars(parser.parse_args())
    mlflow.set_tracking_uri(setting("MLFLOW_TRACKING_URI"))
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_experiment(NAME)

    table = known()
    learnt, test = table[~held_out(table)], table[held_out(table)]
    with mlflow.start_run(), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        mlflow.log_params(parameters)
        mlflow.set_tags(keep(table, folder))
        mlflow.log_artifact(str(folder / f"{NAME}.csv.dvc"), "data")
        mlflow.log_input(mlflow.data.from_pandas(table, name=NAME, targets=TARGET), "training")
        model = RandomForestClassifier(
            n_estimators=parameters["trees"],
            max_depth=parameters["depth"],
            random_state=parameters["seed"],
        ).fit(learnt[COLUMNS], learnt[TARGET])
        metrics = {
            "accuracy": accuracy_score(test[TARGET], model.predict(test[COLUMNS])),
            "log_loss": log_loss(
                test[TARGET], model.predict_proba(test[COLUMNS]), labels=model.classes_
            ),
        }
        mlflow.log_metrics(metrics)
        newest = table[COLUMNS].tail(NEWEST)
        newest.assign(prediction=model.predict(newest)).to_parquet(folder / "baseline.parquet")
        mlflow.log_artifact(str(folder / "baseline.parquet"))
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(newest, model.predict(newest)),
            serialization_format="cloudpickle",  # servers of any version of MLflow read it
            pip_requirements=[f"{name}=={version(name)}" for name in _NEEDED],
        )
    said = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
    print(f"{NAME} from {len(learnt)} bottles: {said}")


if __name__ == "__main__":
    main()
