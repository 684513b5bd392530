"""The model that is judged: MODEL_URI, which `ci/models.py judge` sets."""

import os

import mlflow
import pandas as pd
import pytest

from wine import COLUMNS, setting


class Model:
    """A model that is asked about one bottle or many."""

    def __init__(self, uri: str) -> None:
        mlflow.set_tracking_uri(setting("MLFLOW_TRACKING_URI"))
        self._model = mlflow.pyfunc.load_model(uri)

    def __call__(self, table: pd.DataFrame) -> list[str]:
        """Whose each bottle is."""
        return list(self._model.predict(table[COLUMNS]))


@pytest.fixture(scope="session")
def model() -> Model:
    """The model, loaded once."""
    uri = os.environ.get("MODEL_URI")
    if not uri:
        pytest.skip("MODEL_URI names no model; ci/models.py judge does")
    return Model(uri)
