#!/usr/bin/env python3
# Written by `plinth ci airflow`; change the spec and run it again.
"""A model's way from training to production and back, through MLflow's own client.

Commands print one value for the next step: ``train`` and ``submit`` a run's ID, ``register``,
``judge`` and ``promote`` a version, ``drift`` a score. Where MLflow is, and who one is there, say
its own variables (MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN, …). Figures go to PUSHGATEWAY_URL
where that is set.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import operator
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from datetime import datetime
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

CHAMPION, CANDIDATE, PREVIOUS = "champion", "candidate", "previous"
#: MLflow's own tag.
COMMIT = "mlflow.source.git.commit"
COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
#: Exit code of a model that was judged and not found good enough; failures have others.
REFUSED = 3
#: Metrics of which less is better; of all others, more.
ERRORS = ("mae", "mse", "rmse", "loss", "log_loss")
#: What a run logs of the data that its model knows: its inputs, and its own answers.
BASELINE, ANSWER = "baseline.parquet", "prediction"
#: With fewer rows, nothing can be said.
FEW = 30
#: Inputs have drifted where a difference by chance is less likely: they are looked at every hour.
CHANCE = 0.001
#: Seconds for which a report of as much drift is enough: they have megabytes, and drift lasts.
ENOUGH = 24 * 3600


def start(client: MlflowClient, experiment: str, tags: dict[str, str]):
    """Opens a run; training goes on in it (MLFLOW_RUN_ID)."""
    found = client.get_experiment_by_name(experiment)
    identifier = found.experiment_id if found else client.create_experiment(experiment)
    said = {name: value for name, value in tags.items() if value}
    return client.create_run(identifier, tags=said).info


def commit() -> str:
    """The commit of what is trained: as the pipeline says, as Git says, as the folder is called."""
    if told := os.environ.get("GIT_COMMIT"):
        return told
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        git = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=-changed"]
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    # Where Airflow has it from Git, without Git itself.
    found = re.search(r"[/\\]([0-9a-f]{40})[/\\]", str(Path(__file__).resolve()))
    return found.group(1) if found else ""


def train(args: argparse.Namespace) -> str:
    """Trains in a run of its own."""
    client = MlflowClient()
    tags = dict(tag.split("=", 1) for tag in args.tag)
    run = start(client, args.experiment, {COMMIT: commit(), **tags}).run_id
    environment = {**os.environ, "MLFLOW_RUN_ID": run, "MLFLOW_EXPERIMENT_NAME": args.experiment}
    done = subprocess.run(args.command, env=environment, stdout=sys.stderr, check=False)
    client.set_terminated(run, "FAILED" if done.returncode else "FINISHED")
    if done.returncode:
        raise SystemExit(f"{' '.join(args.command)} ended with {done.returncode}")
    return run


def submit(args: argparse.Namespace) -> str:
    """Trains on the platform: one run of an Airflow DAG, which finds the run's ID in its conf."""
    base = f"{variable('AIRFLOW_URL').rstrip('/')}/api/v2/dags/{args.dag}/dagRuns"
    variable("AIRFLOW_TOKEN")  # without it, there need be no run
    client = MlflowClient()
    run = start(client, args.experiment, {COMMIT: commit()}).run_id
    body = {"dag_run_id": run, "logical_date": None, "conf": {"mlflow_run_id": run}}
    try:
        airflow("POST", base, body)
    except BaseException:
        client.set_terminated(run, "FAILED")
        raise
    deadline = time.monotonic() + args.timeout
    while (state := state_of(f"{base}/{run}")) not in ("success", "failed"):
        if time.monotonic() > deadline:
            raise SystemExit(f"{args.dag} is still {state} after {args.timeout} seconds")
        time.sleep(args.every)
    if state == "failed":
        client.set_terminated(run, "FAILED")
        raise SystemExit(f"{args.dag} failed; see its run {run} in Airflow")
    return run


def state_of(url: str) -> str:
    """How a run stands; it goes on while Airflow's server cannot be asked."""
    try:
        return airflow("GET", url)["state"]
    except OSError as error:
        if getattr(error, "code", 500) < 500:
            raise
        return f"out of sight ({error})"


def airflow(method: str, url: str, body: object = None) -> dict:
    headers = {
        "Authorization": f"Bearer {variable('AIRFLOW_TOKEN')}",
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set")
    return value


def evaluate(args: argparse.Namespace) -> str:
    """Refuses a run that misses a bar, or is worse than what serves now."""
    client = MlflowClient()
    metrics = client.get_run(args.run).data.metrics
    wrong = []
    for name, sign, value in args.require:
        if name not in metrics or not COMPARISONS[sign](metrics[name], value):
            wrong.append(f"{name} is {metrics.get(name)}, not {sign} {value}")
    champion = version_of(client, args.model, CHAMPION)
    before = client.get_run(champion.run_id).data.metrics if champion and champion.run_id else {}
    for name in args.not_below:
        if name in before and not metrics.get(name, float("-inf")) >= before[name]:  # or NaN
            wrong.append(f"{name} is {metrics.get(name)}, below {before[name]} of the champion")
    if wrong:
        raise SystemExit("\n".join(wrong))
    return json.dumps(metrics, sort_keys=True)


def judge(args: argparse.Namespace) -> str:
    """Refuses a candidate that is no better than the champion on the same data, or misbehaves."""
    client = MlflowClient()
    candidate = version_of(client, args.model, args.version)
    if candidate is None:
        raise SystemExit(f"{args.model} has no {args.version}")
    champion = version_of(client, args.model, CHAMPION)
    if champion and champion.version == candidate.version:
        return str(candidate.version)
    reasons = []
    metric = args.better or args.lower
    found = measured(args.command, candidate, metric)
    if candidate.run_id:
        for name, value in found.items():
            client.log_metric(candidate.run_id, f"holdout/{name}", value)
    if champion:
        metric = metric or next(iter(found))
        lower = bool(args.lower) or (not args.better and metric in ERRORS)
        new, old = found[metric], measured(args.command, champion, metric)[metric]
        print(f"{metric}: {new:.4g}, champion {old:.4g}", file=sys.stderr)
        if not (new < old if lower else new > old):
            than = f"no better than {old:.4g} of version {champion.version}"
            reasons.append(f"{metric} is {new:.4g}, {than}")
    if args.behaviour:
        told = {**os.environ, "MODEL_URI": uri_of(candidate)}
        words = shlex.split(args.behaviour)
        if subprocess.run(words, env=told, stdout=sys.stderr, check=False).returncode:
            reasons.append(f"behaviour tests failed ({args.behaviour})")
    if reasons:
        refuse(client, candidate, "; ".join(reasons))
    if "refused" in candidate.tags:  # by a champion that serves no longer, or on older data
        client.delete_model_version_tag(candidate.name, candidate.version, "refused")
    return str(candidate.version)


def measured(command: list[str], version, wanted: str | None) -> dict[str, float]:
    """What the project's own command says of a version: its last line is metrics as JSON."""
    words = [*command, uri_of(version)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}")
    last = done.stdout.strip().rpartition("\n")[2]
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        found = {name: float(value) for name, value in json.loads(last).items()}
        if wanted in found or (found and not wanted):
            return found
    what = f"no JSON of {wanted or 'metrics'}, but {last[:200]!r}"
    raise SystemExit(f"{' '.join(words)} prints {what}")


def refuse(client: MlflowClient, version, reason: str) -> None:
    """Leaves a version the candidate, and tells everybody why."""
    client.set_model_version_tag(version.name, version.version, "refused", reason)
    count(client, version.name, "refusals", refused=version.version)
    print(f"version {version.version} of {version.name} is refused: {reason}", file=sys.stderr)
    raise SystemExit(REFUSED)


def uri_of(version) -> str:
    return f"models:/{version.name}/{version.version}"


def register(args: argparse.Namespace) -> str:
    """Makes a run's model a version, and the candidate; the first one may serve at once."""
    version = mlflow.register_model(f"runs:/{args.run}/{args.artifact}", args.model).version
    client = MlflowClient()
    client.set_registered_model_alias(args.model, CANDIDATE, version)
    if args.first and version_of(client, args.model, CHAMPION) is None:
        client.set_registered_model_alias(args.model, CHAMPION, version)
        count(client, args.model, "promotions", refused="0")
    return str(version)


def promote(args: argparse.Namespace) -> str:
    """Makes the candidate the champion of production, and remembers the one before it.

    Where production has a registry of its own, the model is copied there, once per version.
    """
    source, target = MlflowClient(args.source), MlflowClient(args.target)
    candidate = version_of(source, args.model, args.version or CANDIDATE)
    if candidate is None:
        raise SystemExit(f"{args.model} has no {args.version or CANDIDATE} in {args.source}")
    version, refused = candidate.version, candidate.tags.get("refused")
    if refused and args.version != str(version):
        raise SystemExit(f"version {version} was refused: {refused}; --version {version} insists")
    if args.source != args.target:
        version = copied(source, target, args, candidate)
    champion = version_of(target, args.model, CHAMPION)
    if champion and champion.version == version:
        return str(version)
    if champion:
        target.set_registered_model_alias(args.model, PREVIOUS, champion.version)
    target.set_registered_model_alias(args.model, CHAMPION, version)
    count(target, args.model, "promotions", refused="0")
    return str(version)


def copied(source: MlflowClient, target: MlflowClient, args: argparse.Namespace, candidate) -> str:
    origin = f"{args.source}#{args.model}/{candidate.version}"
    try:
        target.create_registered_model(args.model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for each in target.search_model_versions(f"name='{args.model}'"):
        if each.tags.get("promoted-from") == origin:
            return each.version
    run = start(target, f"promotions/{args.model}", {"promoted-from": origin})
    with tempfile.TemporaryDirectory() as folder:
        # models:/ is looked up where the client as a whole is.
        mlflow.set_tracking_uri(args.source)
        mlflow.set_registry_uri(args.source)
        uri = f"models:/{args.model}/{candidate.version}"
        local = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
        target.log_artifacts(run.run_id, local, "model")
        names = [each.path for each in source.list_artifacts(candidate.run_id)]
        if BASELINE in names:
            path = source.download_artifacts(candidate.run_id, BASELINE, folder)
            target.log_artifact(run.run_id, path)
    for name, value in metrics_of(source, candidate).items():
        target.log_metric(run.run_id, name, value)
    target.set_terminated(run.run_id)
    tags = {"promoted-from": origin}
    place = f"{run.artifact_uri}/model"
    return target.create_model_version(args.model, place, run.run_id, tags=tags).version


def metrics_of(client: MlflowClient, version) -> dict[str, float]:
    return client.get_run(version.run_id).data.metrics if version.run_id else {}


def rollback(args: argparse.Namespace) -> str:
    """Swaps the champion and the one before it."""
    client = MlflowClient(args.target)
    champion, previous = (version_of(client, args.model, each) for each in (CHAMPION, PREVIOUS))
    if previous is None or (champion and champion.version == previous.version):
        raise SystemExit(f"{args.model} has no {PREVIOUS} version to go back to")
    client.set_registered_model_alias(args.model, CHAMPION, previous.version)
    if champion:
        client.set_registered_model_alias(args.model, PREVIOUS, champion.version)
    count(client, args.model, "rollbacks")
    return str(previous.version)


def count(client: MlflowClient, model: str, what: str, **tags: str) -> None:
    """Adds one to what has happened to a model; its tags keep it, and the Pushgateway is told."""
    try:
        found = client.get_registered_model(model).tags
        changed = {what: str(int(found.get(f"plinth.{what}", 0)) + 1), **tags}
        for name, value in changed.items():
            client.set_registered_model_tag(model, f"plinth.{name}", value)
            found[f"plinth.{name}"] = value
        kinds = ("promotions", "rollbacks", "refusals")
        figures = {f"plinth_{kind}_total": found.get(f"plinth.{kind}", 0) for kind in kinds}
        figures["plinth_refused_version"] = found.get("plinth.refused", 0)
        push("registry", model, figures)
    except (MlflowException, OSError, SystemExit) as error:
        # It has happened all the same: who took this for a failure would do it twice.
        print(f"{what} of {model} cannot be counted: {error}", file=sys.stderr)


def push(job: str, model: str, figures: dict, **by_metric: dict) -> None:
    """Tells the Pushgateway, if there is one; what it had of the job and the model goes."""
    gateway = os.environ.get("PUSHGATEWAY_URL")
    if not gateway:
        return
    with needed("prometheus-client"):
        from prometheus_client import CollectorRegistry, push_to_gateway
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    class Figures:
        def collect(self):
            for name, value in figures.items():
                family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                found = family(name, name, labels=["model"])
                found.add_metric([model], float(value))
                yield found
            for name, values in by_metric.items():
                found = GaugeMetricFamily(name, name, labels=["model", "metric"])
                for metric, value in values.items():
                    found.add_metric([model, metric], float(value))
                yield found

    registry = CollectorRegistry()
    registry.register(Figures())
    push_to_gateway(gateway, job, registry, grouping_key={"model": model}, timeout=30)


@contextlib.contextmanager
def needed(package: str):
    """Says which package is missing where only some commands need it."""
    try:
        yield
    except ImportError as error:
        raise SystemExit(f"{error}; this needs the package {package}") from None


def recent(model: str, rows: int = 500, since: str | None = None, folder: str = ""):
    """The latest rows that were asked about, newest last, as a table.

    One column for each input, ``prediction``, ``outcome`` where it has become known, ``version``
    and ``time``. Read from any bucket: ``requests*.jsonl`` and ``outcomes*.jsonl`` in ``folder``,
    which is ``$BUCKET_DATASETS/inference/<model>`` unless it is said.
    """
    with needed("fsspec"):
        import fsspec
    import pandas

    folder = folder or f"{variable('BUCKET_DATASETS').rstrip('/')}/inference/{model}"
    files, path = fsspec.core.url_to_fs(folder)
    changed = {}
    for name in files.glob(f"{path}/requests*.jsonl"):
        with contextlib.suppress(FileNotFoundError):
            changed[name] = files.modified(name)
    found = []
    for name in sorted(changed, key=changed.get, reverse=True):
        # Every line is older than its file; enough newer ones make the rest uninteresting.
        if len(found) >= rows and changed[name].timestamp() < found[rows - 1]["time"].timestamp():
            break
        for line in lines(files, name):
            line["time"] = datetime.fromisoformat(line["time"])
            if not since or line["time"] >= datetime.fromisoformat(since):
                found += table_of(line)
        found.sort(key=lambda row: row["time"], reverse=True)
    known = {}
    for name in files.glob(f"{path}/outcomes*.jsonl"):
        known.update((line["id"], line["values"]) for line in lines(files, name))
    for row in found[:rows]:
        values = known.get(row["id"], [])
        row["outcome"] = values[row["row"]] if row["row"] < len(values) else None
    return pandas.DataFrame(found[:rows][::-1])


def lines(files, name: str):
    """The lines of JSON in a file; one that is being written has an end that is left out.

    None of a file that has gone: where requests are recorded, the oldest make room for others.
    """
    text = b""
    with contextlib.suppress(FileNotFoundError):
        text = files.cat_file(name)
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def table_of(record: dict) -> list[dict]:
    """The rows of one request: tensors of one column each, or one tensor of several."""
    asked, answered = columns_of(record["inputs"]), columns_of(record["outputs"])
    if taken := {*asked} & {"time", "id", "version", "row", "outcome", ANSWER}:
        names = ", ".join(sorted(taken))
        raise SystemExit(f"inputs cannot be called {names}, as columns are that all models have")
    answer = answered.get(ANSWER) or (next(iter(answered.values())) if len(answered) == 1 else None)
    size = max(map(len, asked.values()), default=0)
    return [
        {
            **{key: record[key] for key in ("time", "id", "version")},
            "row": index,
            **{name: values[index] for name, values in asked.items() if index < len(values)},
            ANSWER: answer[index] if answer and index < len(answer) else None,
        }
        for index in range(size)
    ]


def columns_of(tensors: list[dict]) -> dict[str, list]:
    found = {}
    for tensor in tensors:
        data, shape = flat(tensor["data"]), tensor["shape"]
        width = shape[1] if len(shape) == 2 else 1
        for index in range(width):
            found[tensor["name"] if width == 1 else str(index)] = data[index::width]
    return found


def flat(data: list) -> list:
    nested = data and isinstance(data[0], list)
    return [each for item in data for each in flat(item)] if nested else data


def drift(args: argparse.Namespace) -> str:
    """Compares what the champion is asked now with what it has learnt from."""
    client = MlflowClient()
    champion = version_of(client, args.model, CHAMPION)
    if champion is None:
        print(f"{args.model} has no {CHAMPION} yet: nothing to compare with", file=sys.stderr)
        return "nan"
    now = recent(args.model, args.rows, args.since, args.records)
    if len(now) < FEW:
        print(f"{len(now)} rows are too few to compare; {FEW} are needed", file=sys.stderr)
        push("drift", args.model, {"plinth_drift_rows": len(now)})
        return "nan"
    # Answers and outcomes count for the version that gave the answers.
    now.loc[now["version"].astype(str) != str(champion.version), [ANSWER, "outcome"]] = None
    span = {"from": now["time"].min().isoformat(), "to": now["time"].max().isoformat()}
    with tempfile.TemporaryDirectory() as folder:
        before = baseline(client, champion, folder)
        figures = compared(before, now, Path(folder))
        lost = performance(client, champion, now, args.performance)
        figures["plinth_drift_rows"] = len(now)
        version, rows = str(champion.version), str(len(now))
        about = {"model": args.model, "model_version": version, "rows": rows, **span}
        place = start(client, f"drift/{args.model}", {COMMIT: commit(), **about})
        run = place.run_id
        for name, value in figures.items():
            client.log_metric(run, name.removeprefix("plinth_"), value)
        for name, value in lost.items():
            client.log_metric(run, f"performance_drop/{name}", value)
        client.log_artifact(run, f"{folder}/drift.json")
        told = reported(client, place.experiment_id, version, figures["plinth_drift_score"])
        if not told:
            client.log_artifact(run, f"{folder}/drift.html")
        client.set_tag(run, "report", told or "here")
        client.set_terminated(run)
    serving = version_of(client, args.model, CHAMPION)
    if serving is None or serving.version != champion.version:
        print(f"version {champion.version} serves no longer: nobody is told", file=sys.stderr)
        return "nan"
    push("drift", args.model, figures, **({"plinth_performance_drop": lost} if lost else {}))
    return f"{figures['plinth_drift_score']:.4g}"


def reported(client: MlflowClient, place: str, version: str, score: float) -> str:
    """The run whose report, of the last day, shows as much drift of the version, if any does."""
    since = int((time.time() - ENOUGH) * 1000)
    wanted = (
        f"tags.report = 'here' AND tags.model_version = '{version}'"
        f" AND metrics.drift_score >= {score} AND attributes.start_time > {since}"
    )
    alike = ["metrics.drift_score ASC"]
    found = client.search_runs([place], wanted, max_results=1, order_by=alike)
    return found[0].info.run_id if found else ""


def baseline(client: MlflowClient, version, folder: str):
    """The inputs of what a version has learnt from, and its answers."""
    import pandas

    if BASELINE not in [each.path for each in client.list_artifacts(version.run_id)]:
        raise SystemExit(
            f"run {version.run_id}, which made version {version.version}, has not logged "
            f"{BASELINE}: the inputs of its training, and its answers as the column {ANSWER}"
        )
    return pandas.read_parquet(client.download_artifacts(version.run_id, BASELINE, folder))


def compared(before, now, folder: Path) -> dict:
    """Writes Evidently's report, and says how much has drifted."""
    warnings.simplefilter("ignore")  # of Evidently's own code
    with needed("evidently, beside pandas<3"):
        from evidently import DataDefinition, Dataset, Report
        from evidently.legacy.calculations.stattests import StatTest, register_stattest
        from evidently.legacy.core import ColumnType
        from evidently.metrics import ValueDrift
        from evidently.presets import DataDriftPreset

    inputs = [name for name in before if name != ANSWER]
    if "1" in now and not {*now} & {*inputs}:  # one tensor, whose columns have no names
        now = now.rename(columns={str(index): name for index, name in enumerate(inputs)})
    if missing := [name for name in inputs if name not in now or now[name].isna().all()]:
        raise SystemExit(f"requests have no {', '.join(missing)}, which {BASELINE} has")
    # By tests of a probability, whatever the number of rows: a distance, which Evidently takes for
    # more than 1000 rows, is far between few of them, by chance alone.
    test = StatTest("counts", "chi-square of both samples, p_value", [ColumnType.Categorical])
    register_stattest(test, counts_differ)
    wanted = [DataDriftPreset(inputs, num_method="ks", cat_method="counts", threshold=CHANCE)]
    columns = inputs
    if ANSWER in before and now[ANSWER].notna().sum() >= FEW:
        columns = [*inputs, ANSWER]
        wanted.append(ValueDrift(column=ANSWER, method="jensenshannon", threshold=0.1))
    numbers = list(before[columns].select_dtypes("number"))
    words = [name for name in columns if name not in numbers]
    kinds = DataDefinition(numerical_columns=numbers, categorical_columns=words)
    tables = (
        Dataset.from_pandas(table[columns].astype(dict.fromkeys(numbers, float)), kinds)
        for table in (now, before)
    )
    snapshot = Report(wanted).run(*tables)
    snapshot.save_html(str(folder / "drift.html"))
    snapshot.save_json(str(folder / "drift.json"))
    figures = {}
    for metric in snapshot.dict()["metrics"]:
        kind, value = metric["metric_name"].partition("(")[0], metric["value"]
        if kind == "DriftedColumnsCount":
            figures["plinth_drift_score"] = float(value["share"])
        elif metric["config"]["column"] == ANSWER:
            figures["plinth_prediction_drift"] = float(value)
        else:
            print(f"{metric['metric_name']}: {value:.4g}", file=sys.stderr)
    return figures


def counts_differ(before, now, _kind, threshold: float) -> tuple[float, bool]:
    """Whether words come as often in one sample as in the other.

    Evidently's own test takes the baseline for certain, however few rows it has.
    """
    import pandas
    from scipy.stats import chi2_contingency

    counts = pandas.concat([before.value_counts(), now.value_counts()], axis=1).fillna(0)
    probability = chi2_contingency(counts).pvalue
    return probability, probability < threshold


def performance(client: MlflowClient, champion, now, names: list[str]) -> dict:
    """How much of each metric that can be measured by outcomes is lost since the promotion."""
    run = client.get_run(champion.run_id).data.metrics
    known = now[now["outcome"].notna()]
    if len(known) < FEW:
        return {}
    lost = {}
    for name in names or MEASURES:
        before = run.get(f"holdout/{name}", run.get(name))
        if before is None:
            continue
        value = MEASURES[name](known["outcome"], known[ANSWER])
        worse = value - before if name in ERRORS else before - value
        lost[name] = min(1.0, max(0.0, worse / before)) if before else float(worse > 0)
        print(f"{name} is {value:.4g}, and was {before:.4g}", file=sys.stderr)
    return lost


def f1(truth, answers) -> float:
    """The mean of all classes' F1."""
    found = []
    for each in set(truth) | set(answers):
        both = ((truth == each) & (answers == each)).sum()
        found.append(2 * both / ((truth == each).sum() + (answers == each).sum()))
    return sum(found) / len(found)


#: What can be measured where nothing but answers and outcomes is known.
MEASURES = {
    "accuracy": lambda truth, answers: (truth == answers).mean(),
    "f1": f1,
    "mae": lambda truth, answers: (truth - answers).abs().mean(),
    "rmse": lambda truth, answers: ((truth - answers) ** 2).mean() ** 0.5,
}


def version_of(client: MlflowClient, model: str, which: str):
    """A version by alias or number; ``None`` when there is none."""
    try:
        if which.isdigit():
            return client.get_model_version(model, which)
        return client.get_model_version_by_alias(model, which)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def bar(text: str) -> tuple[str, str, float]:
    found = re.fullmatch(r"([\w./-]+)\s*(>=|<=|>|<)\s*(\S+)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not like f1>=0.8")
    return found[1], found[2], float(found[3])


def moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone, as 2026-01-31T12:00+00:00 has")
    return text


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = found.add_subparsers(required=True)

    def command(function) -> argparse.ArgumentParser:
        added = commands.add_parser(function.__name__, help=(function.__doc__ or "").split("\n")[0])
        added.set_defaults(run_command=function)
        return added

    added = command(train)
    added.add_argument("--experiment", required=True)
    added.add_argument("--tag", action="append", default=[], metavar="NAME=VALUE")
    added.add_argument("command", nargs="+", help="What trains, behind --")
    added = command(submit)
    added.add_argument("--experiment", required=True)
    added.add_argument("--timeout", type=float, default=6 * 3600)
    added.add_argument("--every", type=float, default=30)
    added.add_argument("dag")
    added = command(evaluate)
    added.add_argument("--model", required=True)
    bars = {"type": bar, "action": "append", "default": [], "metavar": "METRIC>=VALUE"}
    added.add_argument("--require", **bars)
    added.add_argument("--not-below", action="append", default=[], metavar="METRIC")
    added.add_argument("run")
    added = command(judge)
    added.add_argument("--model", required=True)
    added.add_argument("--version", default=CANDIDATE, help="a number or an alias")
    which = added.add_mutually_exclusive_group()
    which.add_argument("--better", metavar="METRIC", help="of which more is better")
    which.add_argument("--lower", metavar="METRIC", help="of which less is better")
    added.add_argument("--behaviour", metavar="COMMAND", help="tests of the model at MODEL_URI")
    added.add_argument("command", nargs="+", help="What prints metrics of the model named last")
    added = command(register)
    added.add_argument("--model", required=True)
    added.add_argument("--artifact", default="model")
    added.add_argument("--first", action="store_true", help="let it serve if no other does yet")
    added.add_argument("run")
    here = os.environ.get("MLFLOW_TRACKING_URI")
    added = command(promote)
    added.add_argument("--model", required=True)
    added.add_argument("--version", help="a number or an alias; the candidate when left out")
    added.add_argument("--source", default=os.environ.get("MLFLOW_SOURCE_URI") or here)
    added.add_argument("--target", default=here)
    added = command(rollback)
    added.add_argument("--model", required=True)
    added.add_argument("--target", default=here)
    added = command(drift)
    added.add_argument("--model", required=True)
    added.add_argument("--rows", type=int, default=500)
    added.add_argument("--since", type=moment, metavar="TIME", help="ISO 8601, with its zone")
    added.add_argument("--records", default="", metavar="FOLDER", help="of requests, in any bucket")
    added.add_argument("--performance", action="append", default=[], choices=MEASURES)
    return found


if __name__ == "__main__":
    arguments = parser().parse_args()
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # The client tells people where to look, on standard output; the next step reads a value there.
    try:
        with contextlib.redirect_stdout(sys.stderr):
            value = arguments.run_command(arguments)
    except (MlflowException, OSError) as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None
    print(value)
