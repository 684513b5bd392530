"""The Job that makes buckets and keys, run as in its pod against a store played on localhost."""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from plinth import render

SCRIPT = render.data_folder("templates") / "s3" / "s3.py"
ROOT = ("root", "root-secret")
KEY = ("AKEXAMPLE", "very-secret")
MODULE = runpy.run_path(str(SCRIPT))
BUCKET = {"name": "churn-dev-logs", "encrypt": True, "expire": 365, "old": 90, "abort": 7}


@dataclass
class Store:
    """What was asked, and what is answered: status and error code by method and target."""

    mounts: Path
    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def run(self, kind: str, wanted: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Runs the Job's command, with its keys mounted."""
        for folder, halves in (("S3_KEY", ROOT), ("KEY", KEY)):
            (self.mounts / folder).mkdir(exist_ok=True)
            for half, text in zip(("access_key", "secret_key"), halves, strict=True):
                (self.mounts / folder / half).write_text(f"{text}\n")
        return subprocess.run(
            [sys.executable, "-I", str(SCRIPT), kind, json.dumps(wanted)],
            env={
                **{folder: str(self.mounts / folder) for folder in ("S3_KEY", "KEY")},
                "S3_REGION": "eu-1",
                "S3_ENDPOINT": self.url,
                "S3_PATIENCE": "1",
                "PATH": os.environ["PATH"],
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def signed(self, handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        """Whether the signature is that of what has arrived."""
        fields = dict(
            part.split("=", 1)
            for part in handler.headers["authorization"].split(" ", 1)[1].split(", ")
        )
        names = fields["SignedHeaders"].split(";")
        path, _, query = handler.path.partition("?")
        digest = hashlib.sha256(body).hexdigest()
        canonical = "\n".join(
            (
                handler.command,
                path,
                f"{query}=" if query else "",
                *(f"{name}:{handler.headers[name]}" for name in names),
                "",
                ";".join(names),
                digest,
            )
        )
        access, day, region, service, _ = fields["Credential"].split("/")
        stamp = handler.headers["x-amz-date"]
        scope = (day, region, service)
        _, expected = MODULE["signature"](ROOT[1], scope, stamp, canonical)
        return (access, region, fields["Signature"]) == ("root", "eu-1", expected)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    played = Store(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if not played.signed(self, body):
                played.wrong.append(self.path)
            # Stores answer 411 to a request that could have a body and does not say how long it is.
            if self.command != "HEAD" and "content-length" not in self.headers:
                played.wrong.append(self.path)
            played.asked.append((self.command, self.path, body.decode()))
            queue = played.answers.get(f"{self.command} {self.path}", [])
            status, code = queue.pop(0) if queue else (200, "")
            text = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_PUT = do_POST = do_HEAD = answer  # noqa: N815 - names of the base class

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield played
    assert played.wrong == []
    server.shutdown()
    server.server_close()


def test_signs_as_aws_documents_it() -> None:
    """The worked example of AWS' documentation, "Create a signed request"."""
    canonical = "\n".join(
        (
            "GET",
            "/",
            "Action=ListUsers&Version=2010-05-08",
            "content-type:application/x-www-form-urlencoded; charset=utf-8",
            "host:iam.amazonaws.com",
            "x-amz-date:20150830T123600Z",
            "",
            "content-type;host;x-amz-date",
            hashlib.sha256(b"").hexdigest(),
        )
    )
    _, found = MODULE["signature"](
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        ("20150830", "us-east-1", "iam"),
        "20150830T123600Z",
        canonical,
    )
    assert found == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"


def test_makes_a_bucket_with_versions_encryption_and_rules(store: Store) -> None:
    done = store.run("bucket", BUCKET)
    assert (done.returncode, done.stderr) == (0, "")
    assert [target for _, target, _ in store.asked] == [
        "/churn-dev-logs",
        "/churn-dev-logs?versioning",
        "/churn-dev-logs?encryption",
        "/churn-dev-logs?lifecycle",
    ]
    days = {item.tag: item.text for item in ElementTree.fromstring(store.asked[-1][2]).iter()}
    assert days["Days"] == "365"
    assert days["NoncurrentDays"] == "90"
    assert days["DaysAfterInitiation"] == "7"


def test_objects_that_are_kept_have_no_rule_that_ends_them(store: Store) -> None:
    assert store.run("bucket", BUCKET | {"expire": None, "encrypt": False}).returncode == 0
    assert "<Expiration>" not in store.asked[-1][2]
    assert not any("encryption" in target for _, target, _ in store.asked)


def test_runs_again(store: Store) -> None:
    store.answers["PUT /churn-dev-logs"] = [(409, "BucketAlreadyOwnedByYou")]
    assert store.run("bucket", BUCKET).returncode == 0
    store.answers["PUT /churn-dev-logs"] = [(409, "BucketAlreadyExists")]
    assert store.run("bucket", BUCKET).returncode == 0
    assert ("HEAD", "/churn-dev-logs", "") in store.asked


def test_refuses_the_bucket_of_somebody_else(store: Store) -> None:
    store.answers["PUT /churn-dev-logs"] = [(409, "BucketAlreadyExists")]
    store.answers["HEAD /churn-dev-logs"] = [(403, "")]
    done = store.run("bucket", BUCKET)
    assert done.returncode == 1
    assert "403" in done.stderr
    assert "Traceback" not in done.stderr


def test_says_what_the_store_cannot_do_and_goes_on(store: Store) -> None:
    store.answers["PUT /churn-dev-logs?encryption"] = [(501, "NotImplemented")]
    done = store.run("bucket", BUCKET)
    assert done.returncode == 0
    assert done.stderr == "churn-dev-logs: the store takes no encryption (NotImplemented)\n"
    assert store.asked[-1][1] == "/churn-dev-logs?lifecycle"


@pytest.mark.parametrize("target", ["/churn-dev-logs", "/churn-dev-logs?versioning"])
def test_stops_where_it_may_not(store: Store, target: str) -> None:
    store.answers[f"PUT {target}"] = [(403, "AccessDenied")]
    store.answers["HEAD /churn-dev-logs"] = [(403, "AccessDenied")]
    assert store.run("bucket", BUCKET).returncode == 1


def test_waits_for_a_store_that_is_starting(store: Store) -> None:
    store.answers["PUT /churn-dev-logs"] = [(503, "SlowDown")]
    assert store.run("bucket", BUCKET).returncode == 0
    assert [target for _, target, _ in store.asked[:2]] == ["/churn-dev-logs"] * 2


def test_makes_an_identity_with_its_rights_and_key(store: Store) -> None:
    wanted = {"name": "serving-reader", "read": ["models"], "write": ["logs"]}
    store.answers["POST /"] = [(409, "EntityAlreadyExists"), (200, "")]
    done = store.run("identity", wanted)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    calls = [dict(urllib.parse.parse_qsl(body)) for _, _, body in store.asked]
    assert [call["Action"] for call in calls] == ["CreateUser", "PutUserPolicy", "CreateAccessKey"]
    assert {call["UserName"] for call in calls} == {"serving-reader"}
    assert (calls[2]["AccessKeyId"], calls[2]["SecretAccessKey"]) == KEY
    reads, writes = json.loads(calls[1]["PolicyDocument"])["Statement"]
    assert reads["Action"] == ["s3:Get*", "s3:List*"]
    assert reads["Resource"] == ["arn:aws:s3:::models", "arn:aws:s3:::models/*"]
    assert "s3:Put*" in writes["Action"]
    assert writes["Resource"] == ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]


def test_a_refused_identity_fails_without_its_key_in_the_log(store: Store) -> None:
    store.answers["POST /"] = [(403, "AccessDenied")]
    done = store.run("identity", {"name": "a", "read": [], "write": ["b"]})
    assert done.returncode == 1
    assert "AccessDenied" in done.stderr
    assert "secret" not in done.stdout + done.stderr
