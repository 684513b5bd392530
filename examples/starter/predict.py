"""Asks the model that serves whose a bottle is, over the Open Inference Protocol (V2)."""

import argparse
import json
import urllib.error
import urllib.request
import uuid
from typing import Any

from wine import COLUMNS, NAME, load, setting


def ask(url: str, question: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question, both JSON."""
    request = urllib.request.Request(
        url, json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{url} answers {error.code}: {error.read().decode()}") from None
    except OSError as error:
        raise SystemExit(f"{url} does not answer: {getattr(error, 'reason', error)}") from None


def measured(bottles: list[int]) -> dict[str, list[float]]:
    """What was measured of some bottles, by column, from the data."""
    table = load().loc[bottles]
    return {column: table[column].tolist() for column in COLUMNS}


def served(bottles: list[int]) -> dict[str, list[float]]:
    """The same from the feature server, which is told the bottles alone."""
    question = {
        "features": [f"chemistry:{column}" for column in COLUMNS],
        "entities": {"bottle_id": bottles},
    }
    answer = ask(f"{setting('FEATURES_URL')}/get-online-features", question)
    names = answer["metadata"]["feature_names"]
    return {column: answer["results"][names.index(column)]["values"] for column in COLUMNS}


def predict(columns: dict[str, list[float]], request: str) -> list[str]:
    """What the model says: one tensor a column goes in, one comes out.

    The request's ID is by what outcomes.py names it later.
    """
    tensors = [
        {"name": name, "shape": [len(values), 1], "datatype": "FP64", "data": values}
        for name, values in columns.items()
    ]
    url = f"{setting('SERVING_URL')}/v2/models/{NAME}/infer"
    return ask(url, {"id": request, "inputs": tensors})["outputs"][0]["data"]


def main() -> None:
    """Asks about some bottles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bottles", type=int, nargs="*", default=[0, 60, 140])
    parser.add_argument("--features", action="store_true", help="take them from the feature server")
    arguments = parser.parse_args()
    found = (served if arguments.features else measured)(arguments.bottles)
    request = str(uuid.uuid4())
    for bottle, grower in zip(arguments.bottles, predict(found, request), strict=True):
        print(f"bottle {bottle}: {grower}")
    print(f"request {request}")


if __name__ == "__main__":
    main()
