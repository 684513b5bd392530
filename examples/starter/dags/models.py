# Written by `plinth ci airflow`; change the spec and run it again.
"""Watches models, and trains them again: for each, a pipeline that looks, and one that trains.

`drift_<model>` compares every hour what the model is asked with what it has learnt from. Where
that differs too much, or the model gets worse, an alert starts the other one, with the alert's
name, reason and time as its conf; so may people. A new version that is no better than the champion
or fails its behaviour tests stays the candidate, and the last steps are skipped.

The project keeps `train.py`, `evaluate.py` and `tests/behaviour`, in the repository or, where it
has several models, in a folder named as the model. Packages are those of its `.venv` where there
is one, else those of Airflow's image.
"""

import shlex
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

#: The pipeline that trains, by model, as the platform's spec names them.
MODELS = {
    "wine": "retrain_wine",
}
#: Exit code of a model that was judged and not found good enough.
REFUSED = 3

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / ".venv" / "bin" / "python"
PYTHON = shlex.quote(str(OWN)) if OWN.exists() else "python"
SCRIPT = f"{PYTHON} {shlex.quote(str(ROOT / 'ci' / 'models.py'))}"
#: Pipelines run as soon as Airflow knows them, and never beside themselves.
SETTINGS = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "is_paused_upon_creation": False,
}
#: What the alert says, or who starts it by hand; `arguments` are more words for train.py.
CONF = {
    name: Param(None, type=["null", "string"])
    for name in ("model", "alert", "reason", "since", "arguments")
}


def step(model: str, name: str, command: str, code: int | None = None, **told: str) -> BashOperator:
    """A step whose last line the others get; values reach the shell as variables only."""
    own = ROOT / model
    return BashOperator(
        task_id=name,
        bash_command=f"{SCRIPT} {command}",
        cwd=str(own if (own / "train.py").exists() else ROOT),
        env={"MODEL": model, "PYTHONDONTWRITEBYTECODE": "1", **told},
        append_env=True,
        skip_on_exit_code=code,
    )


def result(name: str) -> str:
    """What a step has found."""
    return f"{{{{ ti.xcom_pull(task_ids='{name}') }}}}"


for each, retrain in MODELS.items():
    with DAG(f"drift_{each}", schedule="@hourly", tags=[each, "drift"], **SETTINGS):
        step(each, "drift", 'drift --model "$MODEL"')

    with DAG(retrain, schedule=None, params=CONF, tags=[each, "retraining"], **SETTINGS):
        words = {name: f"{{{{ params.{name} or '' }}}}" for name in ("alert", "reason", "since")}
        train = step(
            each,
            "train",
            'train --experiment "$MODEL" --tag "alert=$ALERT" --tag "reason=$REASON"'
            f' --tag "since=$SINCE" -- {PYTHON} train.py $ARGUMENTS',
            **{name.upper(): value for name, value in words.items()},
            ARGUMENTS="{{ params.arguments or '' }}",
        )
        register = step(each, "register", 'register --model "$MODEL" "$RUN"', RUN=result("train"))
        judge = step(
            each,
            "judge",
            'judge --model "$MODEL" --version "$VERSION"'
            f' --behaviour "{PYTHON} -m pytest -q -p no:cacheprovider tests/behaviour"'
            f" -- {PYTHON} evaluate.py",
            code=REFUSED,
            VERSION=result("register"),
        )
        promote = step(
            each,
            "promote",
            'promote --model "$MODEL" --version "$VERSION"',
            VERSION=result("register"),
        )
        # Of the new champion: an alert about the one before is over at once.
        drift = step(each, "drift", 'drift --model "$MODEL"')
        train >> register >> judge >> promote >> drift
