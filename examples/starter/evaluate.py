"""Measures a model on bottles that no model has trained on: `evaluate.py MODEL_URI`.

The first metric decides whether a new model is better; the others are told.
"""

import argparse
import json

import mlflow
from sklearn.metrics import accuracy_score, f1_score

from wine import COLUMNS, NEWEST, TARGET, held_out, known, setting


def main() -> None:
    """Prints the metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    mlflow.set_tracking_uri(setting("MLFLOW_TRACKING_URI"))
    model = mlflow.pyfunc.load_model(parser.parse_args().model)
    newest = known().tail(NEWEST)
    fresh = newest[held_out(newest)]
    answers = model.predict(fresh[COLUMNS])
    metrics = {
        "accuracy": accuracy_score(fresh[TARGET], answers),
        "f1": f1_score(fresh[TARGET], answers, average="macro"),
    }
    print(json.dumps(metrics))


if __name__ == "__main__":
    main()
