"""Tells the platform what has become known of a request: `outcomes.py REQUEST GROWER...`.

Models are measured by it, and the next one learns from it.
"""

import argparse
import json
import uuid
from collections.abc import Mapping, Sequence

import fsspec

from wine import NAME, setting


def report(outcomes: Mapping[str, Sequence[str]]) -> None:
    """Writes the truth about requests by their IDs, one value for each bottle.

    In a file of its own, as nothing can be appended to a file in a bucket.
    """
    folder = f"{setting('BUCKET_DATASETS').rstrip('/')}/inference/{NAME}"
    files, path = fsspec.core.url_to_fs(folder)
    files.makedirs(path, exist_ok=True)
    lines = [json.dumps({"id": each, "values": [*values]}) for each, values in outcomes.items()]
    files.pipe_file(f"{path}/outcomes-{uuid.uuid4()}.jsonl", "\n".join([*lines, ""]).encode())


def main() -> None:
    """Reports one request's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("request", help="the ID that predict.py has printed")
    parser.add_argument("growers", nargs="+", help="one for each bottle")
    told = parser.parse_args()
    report({told.request: told.growers})


if __name__ == "__main__":
    main()
