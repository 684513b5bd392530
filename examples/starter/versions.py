"""Keeps each version of the data in the datasets bucket, with DVC.

`versions.py RUN [FOLDER]` brings back that of a run.

It works in a folder of its own, so that the project's may be read-only, as it is on a cluster.
"""

import argparse
import configparser
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml

from wine import NAME, setting


def remote() -> tuple[str, dict[str, str]]:
    """Where DVC keeps data, and settings of that place: in the bucket, as DVC spells its address.

    DVC knows folders of this machine by their path, and Azure's containers by their name.
    """
    bucket = setting("BUCKET_DATASETS").rstrip("/").removeprefix("file://")
    azure = re.fullmatch(r"abfss?://(?P<container>[^@]+)@(?P<account>[^.]+)\..*", bucket)
    if azure:
        return f"azure://{azure['container']}/dvc", {"account_name": azure["account"]}
    return f"{bucket}/dvc", {}


def keep(table: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Puts a table into the bucket, once for each content, and writes its .dvc file to a folder.

    Returns the tags by which a run names the data.
    """
    name = f"{NAME}.csv"
    table.to_csv(folder / name, index=False)
    begin(folder)
    dvc("add", "--quiet", name, at=folder)
    dvc("push", "--quiet", at=folder)
    content = yaml.safe_load((folder / f"{name}.dvc").read_text(encoding="utf-8"))["outs"][0]
    return {"dvc.path": content["path"], "dvc.md5": content["md5"]}


def begin(folder: Path) -> None:
    """Makes a folder a workspace of DVC, whose remote is the bucket."""
    address, settings = remote()
    config = configparser.ConfigParser(interpolation=None)
    config["core"] = {"no_scm": "true", "remote": "bucket", "analytics": "false"}
    config["'remote \"bucket\"'"] = {"url": address, **settings}
    (folder / ".dvc").mkdir()
    with (folder / ".dvc" / "config").open("w", encoding="utf-8") as file:
        config.write(file)


def dvc(*words: str, at: Path) -> None:
    """Calls DVC of this Python."""
    told = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=at, env=told, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise SystemExit(f"dvc {words[0]} ended with {done.returncode}")


def main() -> None:
    """Brings back the data of a run."""
    import mlflow

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("run", help="the ID of a run of train.py")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="where to")
    told = parser.parse_args()
    mlflow.set_tracking_uri(setting("MLFLOW_TRACKING_URI"))
    run, folder = told.run, told.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as workspace:
        place = Path(workspace)
        begin(place)
        file = mlflow.artifacts.download_artifacts(run_id=run, artifact_path=f"data/{NAME}.csv.dvc")
        (place / f"{NAME}.csv.dvc").write_bytes(Path(file).read_bytes())
        dvc("pull", "--quiet", at=place)
        (folder / f"{NAME}.csv").write_bytes((place / f"{NAME}.csv").read_bytes())
    print(folder / f"{NAME}.csv")


if __name__ == "__main__":
    main()
