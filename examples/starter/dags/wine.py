"""Trains every night, and lets the better model serve: the scripts that people run, on a schedule.

Their packages are in the project's own `.venv` where there is one, else in Airflow's image.
"""

import shlex
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag

PROJECT = Path(__file__).resolve().parents[1]
PYTHON = PROJECT / ".venv" / "bin" / "python"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, tags=["wine"])
def wine() -> None:
    """Train, then compare with the model that serves."""
    python = shlex.quote(str(PYTHON)) if PYTHON.exists() else "python"
    steps = [
        BashOperator(task_id=name, bash_command=f"{python} {name}.py", cwd=str(PROJECT))
        for name in ("train", "promote")
    ]
    steps[0] >> steps[1]


wine()
