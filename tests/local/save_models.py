"""Saves models of several kinds: `save_models.py FOLDER`. Runs where MLflow is."""

import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression, LogisticRegression

root = Path(sys.argv[1])
frame = pd.DataFrame({"age": [20, 30, 40, 50], "spend": [-2.0, 1.0, -1.0, 2.0]})
churned = np.array([0, 1, 0, 1])


def save(name, model, signature):
    mlflow.sklearn.save_model(
        model, root / name, signature=signature, serialization_format="cloudpickle"
    )


words = LogisticRegression().fit(frame, np.where(churned, "goes", "stays"))
save("words", words, infer_signature(frame, words.predict(frame)))
values = frame.to_numpy()
line = LinearRegression().fit(values, churned)
save("line", line, infer_signature(values, line.predict(values)))
save("bare", line, None)
code = root / "table.py"
code.write_text(
    """
import mlflow
import pandas as pd

class Table(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if "Atlantis" in set(model_input["city"]):
            raise LookupError("no such city")
        return pd.DataFrame({"city": model_input["city"].str.upper(), "none": float("nan")})

mlflow.models.set_model(Table())
"""
)
cities = pd.DataFrame({"city": ["Ulm"], "size": [1.0]})
mlflow.pyfunc.save_model(root / "table", python_model=str(code), signature=infer_signature(cities))
