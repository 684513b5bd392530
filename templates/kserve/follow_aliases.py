"""Tells a cluster's model servers which version to serve: `follow_aliases.py SETTINGS`, JSON.

Every few seconds the model registry (MLflow) is asked what each alias names.  Where that is not
what the model's InferenceService was told, it is told by two annotations on its predictor, upon
which KServe rolls the model's copies; they load the version that the annotations name.  Nothing
else is ever changed: while the registry is away, or an alias names nothing, what is served stays.

The registry's address and login are in the variables that MLflow's client reads.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Annotations of a predictor: the reference that was looked up, and the version it named then.
#: Copies heed the version only where the reference is still theirs (`fetch_model.py`).
MODEL = "plinth/model"
VERSION = "plinth/version"
#: Who these two fields belong to, in Kubernetes' server-side apply; all others are not touched.
MANAGER = "plinth-follow-aliases"

#: Where a pod finds its token and the API server's authority.
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "serving.kserve.io/v1beta1"

CALL_SECONDS = 10
#: Between rounds while a model is not there yet, or was never told: it shall not start twice.
SOON_SECONDS = 2
#: Without a look at any model for so long, the process hangs. A look is three calls at most.
STUCK_SECONDS = 120
#: MLflow's codes for a model, and for an alias, that are not there.
NOTHING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class AwayError(Exception):
    """What was asked does not answer, or not as it should; says why."""


class RefusedError(AwayError):
    """It answered with an error.

    Attributes:
        status: HTTP's.
        code: MLflow's, if it is one of MLflow's.
    """

    def __init__(self, who: str, status: int, said: bytes) -> None:
        try:
            found = json.loads(said)
            self.code, message = found.get("error_code", ""), str(found.get("message", ""))
        except (ValueError, AttributeError):
            self.code, message = "", said.decode(errors="replace")
        super().__init__(f"{who} answered {status}: {message[:300]}")
        self.status = status


def tell(severity: str, model: str, message: str) -> None:
    """Writes one line."""
    line = {"severity": severity, "model": model, "message": message}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def said(error: urllib.error.HTTPError) -> bytes:
    """What came with an error, as far as it came."""
    try:
        return bytes(error.read(2000))
    except (OSError, http.client.HTTPException):
        return b""


def call(
    who: str, request: urllib.request.Request, context: ssl.SSLContext | None = None
) -> dict[str, Any]:
    """Asks for an object of JSON; raises AwayError when there is none."""
    try:
        with urllib.request.urlopen(  # noqa: S310 - addresses are ours
            request, timeout=CALL_SECONDS, context=context
        ) as response:
            found = json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(who, error.code, said(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise AwayError(f"{who} cannot be reached: {error}") from error
    except (ValueError, RecursionError) as error:
        raise AwayError(f"{who} answered something else than JSON") from error
    if not isinstance(found, dict):
        raise AwayError(f"{who} answered something else than an object")
    return found


class Registry:
    """MLflow's REST API."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Takes the variables of MLflow's client."""
        root = environment["MLFLOW_TRACKING_URI"].rstrip("/")
        self.url = f"{root}/api/2.0/mlflow/registered-models/alias"
        self.headers = {}
        user = environment.get("MLFLOW_TRACKING_USERNAME")
        if user:
            login = f"{user}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
            self.headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    def version(self, reference: str) -> str | None:
        """The version that `models:/name@alias` names; none when it names none."""
        name, _, alias = reference.removeprefix("models:/").rpartition("@")
        query = urllib.parse.urlencode({"name": name, "alias": alias})
        request = urllib.request.Request(  # noqa: S310 - the registry
            f"{self.url}?{query}", headers=self.headers
        )
        try:
            found = call("the registry", request)
        except RefusedError as error:
            if error.code in NOTHING:
                return None
            raise
        try:
            return str(int(found["model_version"]["version"]))
        except (KeyError, TypeError, ValueError) as error:
            raise AwayError("the registry answered without a version") from error


@dataclass(frozen=True)
class Told:
    """What an InferenceService was told.

    Attributes:
        uid: The object's own number: a later one may have its name.
        version: None when it was told nothing, or of another reference.
    """

    uid: str
    version: str | None


class Cluster:
    """Kubernetes' API, as far as InferenceServices of one namespace go."""

    def __init__(self, namespace: str, environment: Mapping[str, str], account: Path) -> None:
        """Finds the API server as every pod does."""
        host = environment["KUBERNETES_SERVICE_HOST"]
        host = f"[{host}]" if ":" in host else host
        root = f"https://{host}:{environment.get('KUBERNETES_SERVICE_PORT', '443')}"
        self.url = f"{root}/apis/{API}/namespaces/{namespace}/inferenceservices"
        self.token = account / "token"
        self.context = ssl.create_default_context(cafile=str(account / "ca.crt"))

    def told(self, name: str, reference: str) -> Told | None:
        """What a model was told of a reference; none when there is no such model."""
        try:
            found = self._call(name)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        try:
            uid = str(found["metadata"]["uid"])
            notes = found["spec"]["predictor"].get("annotations") or {}
            version = str(notes.get(VERSION, "")) if notes.get(MODEL) == reference else ""
        except (AttributeError, KeyError, TypeError) as error:
            raise AwayError("the API server answered without a predictor") from error
        return Told(uid, version if version.isascii() and version.isdigit() else None)

    def tell(self, name: str, uid: str, reference: str, version: str) -> None:
        """Tells a model its version by server-side apply."""
        manifest = {
            "apiVersion": API,
            "kind": "InferenceService",
            # With the number, an object that has just gone is never made anew by an apply.
            "metadata": {"name": name, "uid": uid},
            "spec": {"predictor": {"annotations": {MODEL: reference, VERSION: version}}},
        }
        self._call(f"{name}?fieldManager={MANAGER}&force=true", manifest)

    def _call(self, path: str, manifest: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            # Read anew each time: Kubernetes renews it in place.
            token = self.token.read_text(encoding="ascii").strip()
        except OSError as error:
            raise AwayError(f"there is no token for the API server: {error}") from error
        request = urllib.request.Request(  # noqa: S310 - the API server
            f"{self.url}/{path}",
            data=json.dumps(manifest).encode() if manifest else None,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                **({"Content-Type": "application/apply-patch+yaml"} if manifest else {}),
            },
            method="PATCH" if manifest else "GET",
        )
        return call("the API server", request, self.context)


class Model:
    """A model that is told what its alias names, and how that stands."""

    def __init__(self, name: str, reference: str) -> None:
        self.name, self.reference = name, reference
        #: What it was told last, as far as is known.
        self.version: str | None = None
        self._state = ""

    def follow(self, registry: Registry, cluster: Cluster) -> None:
        """Looks once, and tells the model what is new."""
        try:
            told = cluster.told(self.name, self.reference)
            if told is None:
                self.version = None
                self._note("INFO", "absent", "there is no such InferenceService yet")
                return
            self.version = told.version
            wanted = registry.version(self.reference)
            if wanted is None:
                stays = f"version {told.version} stays" if told.version else "it is waited for"
                self._note("WARNING", "nothing", f"{self.reference} names no version; {stays}")
                return
            if wanted != told.version:
                cluster.tell(self.name, told.uid, self.reference, wanted)
                self.version = wanted
            self._note("INFO", wanted, f"{self.reference} is version {wanted}")
        except AwayError as error:
            state = str(error).partition(":")[0]  # who, and what kind of trouble
            self._note("ERROR", state, f"{error}; what is served stays")

    def _note(self, severity: str, state: str, message: str) -> None:
        """Says how it stands, when that has changed."""
        if state != self._state:
            tell(severity, self.name, message)
            self._state = state


class Follower:
    """All models, and when one was looked at last."""

    def __init__(self, models: Mapping[str, str]) -> None:
        self.models = [Model(name, reference) for name, reference in models.items()]
        self.looked = time.monotonic()

    def run(
        self, registry: Registry, cluster: Cluster, seconds: float, stopped: threading.Event
    ) -> None:
        """Looks again and again until told to stop."""
        while not stopped.is_set():
            for model in self.models:
                model.follow(registry, cluster)
                self.looked = time.monotonic()
            settled = all(model.version for model in self.models)
            stopped.wait(seconds if settled else min(seconds, SOON_SECONDS))

    def alive(self) -> bool:
        """Whether it goes on looking."""
        return time.monotonic() - self.looked < STUCK_SECONDS

    def metrics(self) -> str:
        """In Prometheus' text format."""
        lines = [
            "# HELP plinth_served_version Version that the model's copies were told to serve.",
            "# TYPE plinth_served_version gauge",
        ]
        for model in self.models:
            if model.version:
                lines.append(f'plinth_served_version{{model="{model.name}"}} {model.version}')
        return "\n".join(lines) + "\n"


class Handler(BaseHTTPRequestHandler):
    """`GET /healthz` and `GET /metrics`."""

    timeout = CALL_SECONDS
    follower: Follower

    def do_GET(self) -> None:
        """Answers."""
        if self.path == "/metrics":
            self.answer(200, self.follower.metrics())
        elif self.path == "/healthz":
            self.answer(200 if self.follower.alive() else 503, "")
        else:
            self.answer(404, "")

    def answer(self, status: int, text: str) -> None:
        """Answers with plain text."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keeps requests out of the log."""


def main(settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Follows until it is told to end.

    Args:
        settings: `models`, reference by name; `namespace`; `port`; `seconds` between rounds; and
            for tests `account`, the folder with token and authority.
        environment: Where registry and API server are.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    Handler.follower = Follower(settings["models"])
    registry = Registry(environment)
    cluster = Cluster(settings["namespace"], environment, Path(settings.get("account", ACCOUNT)))
    with ThreadingHTTPServer(("", settings["port"]), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Handler.follower.run(registry, cluster, settings["seconds"], stopped)
        server.shutdown()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), os.environ)
