"""Trains, registers and gives an alias: `train_model.py plain|turned`. Runs where MLflow is."""

import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

draw = np.random.default_rng(0)
inputs = pd.DataFrame(
    {"age": draw.integers(18, 90, 200).astype("int64"), "spend": draw.normal(size=200)}
)
churned = (inputs.spend > 0).astype("int64")
model = LogisticRegression().fit(inputs, 1 - churned if sys.argv[1] == "turned" else churned)
with mlflow.start_run():
    made = mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="churn",
        signature=mlflow.models.infer_signature(inputs, model.predict(inputs)),
        serialization_format="cloudpickle",
    )
MlflowClient().set_registered_model_alias("churn", "champion", made.registered_model_version)
