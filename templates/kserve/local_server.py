"""Serves an environment's models in one process: `local_server.py SETTINGS`, a file of JSON.

On KServe's own model server, over the Open Inference Protocol (V2). Payloads are read and written
as MLServer's runtime for MLflow models does (mlserver-mlflow 1.7), which serves them on a cluster,
so that clients need not know which of the two they speak to.

Each model follows its address: a moved alias is noticed within seconds, the new version is loaded
beside the one that answers, and takes its place between two requests. A model that is not there
yet answers 503 and says why, and keeps nobody else from being served. The login of the model
registry is in the variables that MLflow's client reads.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import logging.handlers
import queue
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import kserve
import kserve.logging
import kserve.metrics
import kserve.model_server
import mlflow.artifacts
import mlflow.pyfunc
import numpy as np
import orjson
import pandas as pd
import yaml
from kserve.errors import InferenceError, InvalidInput, ModelNotReady
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.infer_type import InferInput, InferOutput, InferRequest, InferResponse
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer
from kserve.utils.numpy_codec import from_np_dtype, to_np_dtype
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.types import DataType, Schema, TensorSpec
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

HOST = "127.0.0.1"
#: Folder for the files of models that are loaded; in the working directory.
LOADED = Path("loaded")
#: Seconds until a version that could not be loaded is tried again.
RETRY_SECONDS = 30
#: Seconds that a request may still take when the server is told to end.
GRACE_SECONDS = 10

log = logging.getLogger("plinth.serving")

# --- where models come from -----------------------------------------------------------------------

_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>.+)|/(?P<version>\d+))")
_NOT_THERE = {ErrorCode.Name(code) for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE)}


class NotThereError(Exception):
    """There is no such model, yet; says why."""


@dataclass(frozen=True)
class Version:
    """What an address means now.

    Attributes:
        number: What it is called in answers and metrics.
        made: When it was made: a model may be deleted, and another take its name and number.
        source: Where to load it from.
    """

    number: str
    made: int
    source: str


def resolve(client: MlflowClient, uri: str) -> Version:
    """What an address means now.

    Raises:
        NotThereError: Nothing, yet.
        MlflowException: The registry does not say.
    """
    registered = _REGISTERED.fullmatch(uri)
    if registered is None:
        path = Path(url2pathname(urlsplit(uri).path)) if uri.startswith("file:") else Path(uri)
        try:
            made = (path / "MLmodel").stat().st_mtime_ns
        except OSError:
            raise NotThereError(f"{path} is not the folder of an MLflow model") from None
        return Version(datetime.fromtimestamp(made // 10**9, UTC).isoformat(), made, uri)
    name, alias, version = registered.group("name", "alias", "version")
    try:
        found = (
            client.get_model_version_by_alias(name, alias)
            if alias
            else client.get_model_version(name, version)
        )
    except MlflowException as error:
        if error.error_code in _NOT_THERE:
            raise NotThereError(f"{uri} names no version in the registry yet") from None
        raise
    return Version(str(found.version), found.creation_timestamp, f"models:/{name}/{found.version}")


# --- payloads, as MLServer reads and writes them --------------------------------------------------

_NUMBERS = {
    DataType.boolean: "BOOL",
    DataType.integer: "INT32",
    DataType.long: "INT64",
    DataType.float: "FP32",
    DataType.double: "FP64",
}
_BYTES = {DataType.string: "str", DataType.binary: "base64", DataType.datetime: "datetime"}
#: How the elements of a BYTES tensor are read, by content type.
_ELEMENTS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "base64": base64.b64decode,
    "datetime": datetime.fromisoformat,
    "pd_json": json.loads,
}


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives, in the protocol's words.

    Attributes:
        content_type: How a request is read that does not say it; `None` when the model does not
            say it either.
        kinds: Content types of tensors by name.
        inputs: Tensors of the model's metadata.
        outputs: The same.
    """

    content_type: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[dict[str, Any]] = ()
    outputs: Sequence[dict[str, Any]] = ()

    @classmethod
    def of(cls, model: mlflow.pyfunc.PyFuncModel) -> Signature:
        """The signature that a model was logged with, if any."""
        signature = model.metadata.signature
        if signature is None or signature.inputs is None:
            return cls()
        schema = signature.inputs
        content_type = "pd"
        if schema.is_tensor_spec():
            content_type = "dict" if schema.has_input_names() else "np"
        inputs = [*_tensors(schema, "input-")]
        return cls(
            content_type=content_type,
            kinds={tensor["name"]: kind for tensor, kind in inputs},
            inputs=[tensor for tensor, _ in inputs],
            outputs=[tensor for tensor, _ in _tensors(signature.outputs, "output-")],
        )


def _tensors(schema: Schema | None, prefix: str) -> Iterator[tuple[dict[str, Any], str]]:
    for index, spec in enumerate(schema.inputs if schema else ()):
        name = spec.name or f"{prefix}{index}"
        if isinstance(spec, TensorSpec):
            datatype, kind, shape = from_np_dtype(spec.type) or "BYTES", "np", list(spec.shape)
        elif spec.type in _NUMBERS:
            datatype, kind, shape = _NUMBERS[spec.type], "np", [-1, 1]
        else:
            datatype, kind, shape = "BYTES", _BYTES.get(spec.type, "pd_json"), [-1, 1]
        yield {"name": name, "datatype": datatype, "shape": shape}, kind


def decode(request: InferRequest, signature: Signature) -> Any:
    """What the model is given.

    Raises:
        InvalidInput: The request does not say what it holds, or holds something else.
    """
    content_type = (request.parameters or {}).get("content_type") or signature.content_type
    try:
        match content_type:
            case "pd":
                return pd.DataFrame({t.name: _column(t, signature) for t in request.inputs})
            case "dict":
                return {t.name: _array(t) for t in request.inputs}
            case "np" | "str":
                tensor = _only(request.inputs)
                return _array(tensor) if content_type == "np" else [*map(str, _flat(tensor.data))]
    except (IndexError, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"the request's tensors cannot be read: {error}") from None
    if content_type is None:
        raise InvalidInput(
            "the model was logged without a signature, so the request has to say what it holds: "
            'add {"parameters": {"content_type": "pd"}}, or "np" or "dict"'
        )
    raise InvalidInput(f"content type {content_type!r} is none of pd, np, dict, str")


def _only(tensors: Sequence[InferInput]) -> InferInput:
    if len(tensors) != 1:
        raise ValueError(f"there has to be one tensor, not {len(tensors)}")
    return tensors[0]


def _column(tensor: InferInput, signature: Signature) -> pd.Series:
    kind = (tensor.parameters or {}).get("content_type") or signature.kinds.get(tensor.name)
    if tensor.datatype == "BYTES":
        read = _ELEMENTS.get(kind or "str", str)
        return pd.Series([None if x is None else read(x) for x in _flat(tensor.data)], dtype=object)
    return pd.Series(_array(tensor).reshape(tensor.shape[0], 1).squeeze(axis=1))


def _array(tensor: InferInput) -> np.ndarray:
    dtype = to_np_dtype(tensor.datatype)
    if dtype is None:
        raise ValueError(f"tensor {tensor.name} has the unknown datatype {tensor.datatype}")
    made = np.array(tensor.data, dtype=str if dtype is np.object_ else dtype)
    return made.reshape(tensor.shape)


def _flat(data: Sequence[Any]) -> Iterator[Any]:
    for item in data:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def encode(name: str, version: str, request: InferRequest, answer: Any) -> InferResponse:
    """A model's answer as a response."""
    if isinstance(answer, pd.DataFrame):
        kind = "pd"
        outputs = [_output(str(column), answer[column].to_numpy()) for column in answer]
    elif isinstance(answer, dict):
        kind = "dict"
        outputs = [_output(key, np.asarray(value), "np") for key, value in answer.items()]
    elif isinstance(answer, list) and all(isinstance(item, str) for item in answer):
        kind = "str"
        outputs = [_output("output-1", np.array(answer, dtype=object))]
    else:
        kind = "np"
        outputs = [_output("output-1", np.asarray(answer), "np")]
    return InferResponse(
        response_id=request.id or str(uuid.uuid4()),
        model_name=name,
        model_version=version,
        infer_outputs=outputs,
        parameters={"content_type": kind},
    )


def _output(name: str, values: np.ndarray, kind: str | None = None) -> InferOutput:
    datatype = from_np_dtype(values.dtype) or "BYTES"
    data = values.flatten().tolist()
    if datatype == "BYTES":
        text = all(isinstance(item, str) for item in data)
        kind = kind or ("str" if text else "pd_json")
        data = data if text else [json.dumps(item, default=str) for item in data]
    elif values.dtype.kind == "f":
        data = [None if item != item else item for item in data]  # noqa: PLR0124 - NaN
    shape = [*values.shape] if values.ndim > 1 else [values.size, 1]
    parameters = {"content_type": kind} if kind else None
    return InferOutput(name, shape, datatype, data, parameters)


# --- models ---------------------------------------------------------------------------------------


class Loaded:
    """A version of a model, in memory."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._folder = tempfile.TemporaryDirectory(dir=LOADED)  # goes with the version
        path = mlflow.artifacts.download_artifacts(version.source, dst_path=self._folder.name)
        flavors = yaml.safe_load((Path(path) / "MLmodel").read_text(encoding="utf-8"))["flavors"]
        if flavors.get("sklearn", {}).get("serialization_format") == "skops":
            log.warning(
                "%s was logged in the skops format, which model servers on clusters cannot read; "
                'log it with serialization_format="cloudpickle" if it is to run there too',
                version.source,
            )
        self._model = mlflow.pyfunc.load_model(path)
        self.signature = Signature.of(self._model)
        # One at a time, as in MLServer: not every model can be asked by two threads at once.
        self._lock = threading.Lock()

    def answer(self, name: str, request: InferRequest) -> InferResponse:
        """Asks the model.

        Raises:
            InvalidInput: The request is not what the model takes.
            InferenceError: The model failed.
        """
        given = decode(request, self.signature)
        own = {"content_type", "headers", "binary_data_output"}
        asked = {k: v for k, v in (request.parameters or {}).items() if k not in own}
        try:
            with self._lock:
                answer = self._model.predict(given, params=asked or None)
        except MlflowException as error:  # of the signature's check
            raise InvalidInput(error.message) from None
        except Exception as error:
            raise InferenceError(f"{name} failed: {type(error).__name__}: {error}") from error
        return encode(name, self.version.number, request, answer)


class Model(kserve.Model):
    """A model that is what its address means."""

    def __init__(self, name: str, uri: str, record: Callable[..., None]) -> None:
        super().__init__(name)
        self.uri = uri
        self.loaded: Loaded | None = None
        self._record = record
        self._problem = "It has not been looked for yet."
        self._failed: tuple[Version, float] | None = None

    # The server asks this before every request, hence the place to say why not.
    async def healthy(self) -> bool:
        """That it is there.

        Raises:
            ModelNotReady: It is not, and why.
        """
        if self.loaded is None:
            raise ModelNotReady(self.name, self._problem)
        return True

    def get_input_types(self) -> list[dict[str, Any]]:
        """Its metadata."""
        return [*self.loaded.signature.inputs] if self.loaded else []

    def get_output_types(self) -> list[dict[str, Any]]:
        """Its metadata."""
        return [*self.loaded.signature.outputs] if self.loaded else []

    async def predict(
        self,
        payload: InferRequest | dict[str, Any],
        headers: Mapping[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """Answers by the version that is there when the request comes."""
        del headers, response_headers
        if not isinstance(payload, InferRequest):
            raise InvalidInput(f"models speak the protocol V2: POST /v2/models/{self.name}/infer")
        loaded = self.loaded
        if loaded is None:
            raise ModelNotReady(self.name, self._problem)
        _answered_by.get()["version"] = loaded.version.number
        response = await asyncio.to_thread(loaded.answer, self.name, payload)
        self._record(self.name, loaded.version.number, payload, response)
        return response

    def follow(self, client: MlflowClient) -> None:
        """Looks where the address leads, and goes there; what answers goes on until then."""
        try:
            version = resolve(client, self.uri)
        except NotThereError as error:
            self._say(str(error))
            return
        except MlflowException as error:
            reason = " ".join(error.message.split())[:300]
            self._say(f"the model registry cannot be asked: {reason}")
            return
        if self.loaded is not None and self.loaded.version == version:
            return
        if self._failed and self._failed[0] == version and time.monotonic() < self._failed[1]:
            return
        try:
            self.loaded = Loaded(version)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a model is its own affair
            self._failed = version, time.monotonic() + RETRY_SECONDS
            reason = " ".join(str(error).split())[:300]
            self._say(f"{version.source} cannot be loaded: {type(error).__name__}: {reason}")
            return
        self._failed, self._problem = None, ""
        log.info("%s is version %s", self.name, version.number)

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            log.warning("%s: %s", self.name, problem)


def follow(models: Sequence[Model], seconds: float) -> None:
    """Keeps models at what their addresses mean, for ever."""
    client = MlflowClient()
    while True:
        for model in models:
            try:
                model.follow(client)
            except Exception:
                log.exception("%s cannot be followed", model.name)
        time.sleep(seconds)


# --- what is measured and kept --------------------------------------------------------------------

_answered_by: ContextVar[dict[str, str]] = ContextVar("answered_by", default={})  # noqa: B039
_LABELS = ("model", "version", "method", "path", "status_code")
# The names by which MLServer counts, with the labels that tell models and versions apart.
_REQUESTS = Counter("rest_server_requests", "Requests.", _LABELS)
_SECONDS = Histogram("rest_server_request_duration_seconds", "Duration of requests.", _LABELS)
_UNRECORDED = Counter(
    "plinth_unrecorded_requests", "Requests that came faster than they could be kept.", ("model",)
)


class Measured:
    """Counts and times the requests to models (ASGI)."""

    _path = re.compile(r"/v2/models/([^/]+)/infer")

    def __init__(self, app: Any, models: Sequence[Model]) -> None:
        self._app = app
        self._names = {model.name for model in models}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes a request on."""
        found = self._path.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or found.group(1) not in self._names:
            await self._app(scope, receive, send)
            return
        status = 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        answered: dict[str, str] = {}
        _answered_by.set(answered)
        start = time.perf_counter()
        try:
            await self._app(scope, receive, sending)
        finally:
            path = "/v2/models/{model_name}/infer"
            version = answered.get("version", "")
            labels = (found.group(1), version, scope["method"], path, str(status))
            _REQUESTS.labels(*labels).inc()
            _SECONDS.labels(*labels).observe(time.perf_counter() - start)


class Ready:
    """The metric `plinth_model_ready`: which version of each model answers, if any."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As it is now."""
        gauge = GaugeMetricFamily(
            "plinth_model_ready", "Whether the model answers.", labels=("model", "version")
        )
        for model in self._models:
            loaded = model.loaded
            number = loaded.version.number if loaded else ""
            gauge.add_metric((model.name, number), float(loaded is not None))
        yield gauge


class Recorder:
    """Keeps the latest requests and answers of each model, as lines of JSON.

    Below `folder`: `<model>/requests.jsonl` and, older, `requests.1.jsonl` to `requests.3.jsonl`.
    A thread writes them; when it falls behind, requests are answered and not kept.
    """

    _FILES = 4

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self._folder = folder
        self._bytes = mebibytes * 2**20 // self._FILES
        self._queue: queue.Queue[tuple[Any, ...] | None] = queue.Queue(maxsize=1000)
        self._handlers: dict[str, logging.Handler] = {}
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def __call__(
        self, model: str, version: str, request: InferRequest, response: InferResponse
    ) -> None:
        """Takes note of a request."""
        try:
            self._queue.put_nowait((datetime.now(UTC), model, version, request, response))
        except queue.Full:
            _UNRECORDED.labels(model).inc()

    def end(self) -> None:
        """Writes what is not written yet."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (taken := self._queue.get()) is not None:
            when, model, version, request, response = taken
            try:
                line = {
                    "time": when.isoformat(timespec="milliseconds"),
                    "id": response.id,
                    "model": model,
                    "version": version,
                    "inputs": [tensor.to_dict() for tensor in request.inputs],
                    "outputs": [tensor.to_dict() for tensor in response.outputs],
                }
                text = orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY).decode()
                self._handler(model).emit(logging.makeLogRecord({"msg": text}))
            except Exception:
                log.exception("a request to %s cannot be kept", model)

    def _handler(self, model: str) -> logging.Handler:
        if model not in self._handlers:
            folder = self._folder / model
            folder.mkdir(parents=True, exist_ok=True)
            made = logging.handlers.RotatingFileHandler(
                folder / "requests.jsonl",
                maxBytes=self._bytes,
                backupCount=self._FILES - 1,
                encoding="utf-8",
            )
            made.namer = lambda name: re.sub(r"\.jsonl\.(\d+)$", r".\1.jsonl", name)
            self._handlers[model] = made
        return self._handlers[model]


def _forget(*_request: Any) -> None:
    """Keeps nothing."""


def _told(record: logging.LogRecord) -> bool:
    """Leaves out what the caller was told and can mend: the server logs it with its traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], (InvalidInput, ModelNotReady)))


# --- the server -----------------------------------------------------------------------------------


def main(settings: Mapping[str, Any]) -> None:
    """Serves until it is told to end.

    Args:
        settings: `port`; `models`, address by name; `follow_seconds`; `record`, none or `folder`
            (an address or a path) and `mebibytes` a model.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    kserve.logging.trace_logger.setLevel(logging.WARNING)
    kserve.logging.logger.addFilter(_told)
    recorder = None
    if settings.get("record"):
        folder = Path(settings["record"]["folder"].removeprefix("file://"))
        recorder = Recorder(folder, settings["record"]["mebibytes"])
    models = [Model(name, uri, recorder or _forget) for name, uri in settings["models"].items()]
    shutil.rmtree(LOADED, ignore_errors=True)  # of a server that was killed
    LOADED.mkdir()
    repository = ModelRepository()
    for model in models:
        repository.update(model)
    # KServe's own names count the same requests, without their outcome.
    for metric in ("PRE", "POST", "PREDICT", "EXPLAIN"):
        REGISTRY.unregister(getattr(kserve.metrics, f"{metric}_HIST_TIME"))
    REGISTRY.register(Ready(models))
    kserve.model_server.app.add_middleware(Measured, models=models)
    server = RESTServer(
        "kserve.model_server:app",
        DataPlane(model_registry=repository),
        ModelRepositoryExtension(repository),
        http_port=settings["port"],
        grace_period=GRACE_SECONDS,
    )
    threading.Thread(
        target=follow, args=(models, settings["follow_seconds"]), name="follow", daemon=True
    ).start()
    # The server ends at a signal, and then sends itself the same again, as if it had not listened.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    # By a socket of our own, as the server itself would listen to the whole network.
    with socket.create_server((HOST, settings["port"])) as listening:
        server.run(sockets=[listening])
    if recorder:
        recorder.end()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
