"""Takes the pictures in docs/images: the pages of an environment on this machine.

Reads addresses and logins through `plinth open` and `plinth env`, and drives the system's Chromium.
There should be something to see: a few runs and a promoted model (the starter's `train.py`), and a
run of a pipeline. `make screenshots SPEC=…/stacks/platform.yaml` calls it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: What is drawn after the last request, such as charts that grow.
SETTLE = 1500

#: Experiments in which drift is measured (ci/models.py).
DRIFT = "drift/"

#: MLflow's pages for models instead of those for agents, and its assistant out of the way.
MLFLOW = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}
#: Chooses the columns of its table of runs.
COLUMNS = """columns => {
  const key = Object.keys(localStorage).find(name => name.endsWith('ReactComponentState'));
  const state = {...JSON.parse(localStorage[key]), selectedColumns: columns};
  localStorage[key] = JSON.stringify(state);
}"""


def main() -> None:
    """Takes them all, of the capabilities that are up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", nargs="?", default="local")
    parser.add_argument("--spec", required=True, help="the spec of the environment")
    parser.add_argument("--plinth", default="plinth", help="the command")
    asked = parser.parse_args()
    say = (asked.environment, "--spec", asked.spec, "--json")
    pages = _json(asked.plinth, "open", *say)
    told = _json(asked.plinth, "env", *say)["variables"]
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        sys.exit(f"none of these browsers is on PATH: {', '.join(BROWSERS)}")
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        if "tracking" in pages:
            mlflow(browser, pages["tracking"], told)
        if "orchestration" in pages:
            airflow(browser, pages["orchestration"], told)
        if "prometheus" in pages:
            prometheus(browser, pages["prometheus"])
        browser.close()


def mlflow(browser: Browser, url: str, told: dict[str, str]) -> None:
    """The runs of the experiment that was used last, and a registered model with its aliases."""
    login = {
        "username": told["MLFLOW_TRACKING_USERNAME"],
        "password": told["MLFLOW_TRACKING_PASSWORD"],
    }
    basic = b64encode(f"{login['username']}:{login['password']}".encode()).decode()
    api, header = f"{url}/api/2.0/mlflow", {"authorization": f"Basic {basic}"}
    experiments = _ask(f"{api}/experiments/search", {"max_results": 100}, header)["experiments"]
    drift = [each for each in experiments if each["name"].startswith(DRIFT)]
    others = [each for each in experiments if each not in drift]
    used = max(others, key=lambda each: int(each["last_update_time"]))
    wanted = {"experiment_ids": [used["experiment_id"]], "max_results": 1}
    runs = _ask(f"{api}/runs/search", wanted, header).get("runs", [])
    models = _ask(f"{api}/registered-models/search", None, header).get("registered_models", [])
    with _opened(browser, http_credentials=login) as page:
        page.add_init_script(f"Object.assign(localStorage, {json.dumps(MLFLOW)})")
        for run in runs:
            where = f"{url}/#/experiments/{used['experiment_id']}/runs"
            page.goto(where)
            page.get_by_text(run["info"]["run_name"]).first.wait_for(timeout=90_000)
            figures = [
                f"{kind}.`{each['key']}`"
                for kind in ("metrics", "params")
                for each in run["data"][kind]
            ]
            page.evaluate(COLUMNS, ["attributes.`Models`", *figures])
            page.goto("about:blank")
            _take(page, where, "mlflow-runs", run["info"]["run_name"])
        for model in models[:1]:
            _take(page, f"{url}/#/models/{model['name']}", "mlflow-model", "Version 1")
        for experiment in drift[:1]:
            asked = {
                "experiment_ids": [experiment["experiment_id"]],
                "filter": "tags.report = 'here'",
                "order_by": ["metrics.drift_score DESC"],
                "max_results": 1,
            }
            for run in _ask(f"{api}/runs/search", asked, header).get("runs", []):
                report = f"get-artifact?path=drift.html&run_uuid={run['info']['run_id']}"
                drift_report(page, f"{url}/{report}")


def drift_report(page: Page, url: str) -> None:
    """Evidently's report of the greatest drift, which MLflow hands out as a file to keep."""
    with tempfile.NamedTemporaryFile(suffix=".html") as file:
        file.write(page.request.get(url).body())
        file.flush()
        _take(page, Path(file.name).as_uri(), "drift-report", "Drift")


def airflow(browser: Browser, url: str, told: dict[str, str]) -> None:
    """The pipelines, and the latest run of one."""
    login = {"username": told["AIRFLOW_USERNAME"], "password": told["AIRFLOW_PASSWORD"]}
    token = _ask(f"{url}/auth/token", login, {})["access_token"]
    path = f"{url}/api/v2/dags/~/dagRuns?order_by=-start_date&limit=50"
    found = _ask(path, None, {"authorization": f"Bearer {token}"})["dag_runs"]
    # Of those that somebody started, or an alert, if there are any.
    runs = sorted(found, key=lambda run: run["run_type"] == "scheduled")[:1]
    with _opened(browser) as page:
        page.goto(f"{url}/auth/login")
        page.fill("input[name=username]", login["username"])
        page.fill("input[name=password]", login["password"])
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "/auth/" not in address)
        for run in runs:
            dag = f"{url}/dags/{run['dag_id']}"
            _take(page, f"{url}/dags", "airflow-dags", run["dag_id"])
            _take(page, f"{dag}/runs/{run['dag_run_id']}", "airflow-run", "Duration")


def prometheus(browser: Browser, url: str) -> None:
    """What is watched; Debian's build has the classic pages only, others have the new ones."""
    with _opened(browser) as page:
        classic = page.request.get(f"{url}/classic/targets").ok
        _take(page, f"{url}{'/classic' if classic else ''}/targets", "prometheus-targets", "up")


@contextmanager
def _opened(browser: Browser, **login: Any) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZE, color_scheme="light", locale="en-GB", **login)
    yield context.new_page()
    context.close()


def _take(page: Page, url: str, name: str, sign: str) -> None:
    """Saves what a page looks like once a text that comes late is there, in few colours."""
    page.goto(url)  # none of these pages ever ceases to ask its server: there is no idle network
    page.get_by_text(sign).filter(visible=True).first.wait_for(timeout=90_000)
    page.wait_for_timeout(SETTLE)
    file = IMAGES / f"{name}.png"
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(128)
    picture.save(file, optimize=True)
    print(f"{file.relative_to(IMAGES.parent)}  {file.stat().st_size / 1024:.0f} KiB")


def _json(*command: str) -> Any:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return json.loads(done.stdout)


def _ask(url: str, body: dict[str, Any] | None, header: dict[str, str]) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", **header}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as said:
            return json.load(said)
    except urllib.error.HTTPError as error:
        sys.exit(f"{url} answers {error.code}: {error.read().decode()}")


if __name__ == "__main__":
    main()
