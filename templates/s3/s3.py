"""Makes a bucket, or an identity that may use buckets, on an S3-compatible store.

Standard library only, and safe to run again: what is there stays, what differs is set.

Usage: ``s3.py bucket|identity <JSON>``.  ``bucket`` takes ``name``, ``encrypt`` and the numbers of
days ``expire``, ``old`` and ``abort``; ``identity`` takes ``name``, the lists of buckets ``read``
and ``write``, and its key from the folder ``KEY``.  ``S3_ENDPOINT``, ``S3_REGION``, the folder
``S3_KEY`` and, for an authority of one's own, ``S3_CA`` say where the store is and who asks.  Keys
are folders with the files ``access_key`` and ``secret_key``, so that none is in a variable, which
every program started here would see.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

#: Answers of stores that lack a feature: the bucket is then as good as the store can make it.
LACKING = {"NotImplemented", "MethodNotAllowed", "InvalidRequest", "MalformedXML"}
#: Answers of stores that are still starting, and of the proxies in front of them.
STARTING = (502, 503, 504)
#: Seconds to wait for a store that is still starting.
PATIENCE = float(os.environ.get("S3_PATIENCE", "300"))


class RefusedError(Exception):
    """The store's answer was an error; ``code`` is its name for it."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(f"{status} {code}: {text[:500]}")
        self.status = status
        self.code = code


def key(variable: str) -> tuple[str, str]:
    """The two halves of the key in the folder that a variable names."""
    folder = pathlib.Path(os.environ[variable])
    access, secret = ((folder / f"{half}_key").read_text("utf-8") for half in ("access", "secret"))
    return access.strip(), secret.strip()


def signature(
    secret: str, scope: tuple[str, str, str], stamp: str, canonical: str
) -> tuple[str, str]:
    """Scope and signature of a request (AWS documentation, "Signature Version 4")."""
    named = "/".join((*scope, "aws4_request"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, named, digest))
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return named, hmac.new(key, text.encode(), "sha256").hexdigest()


def signed(
    method: str, target: str, body: bytes, service: str, extra: Mapping[str, str]
) -> urllib.request.Request:
    """A signed request to the store; ``target`` is the path, with a bare name behind it."""
    endpoint = urllib.parse.urlsplit(os.environ["S3_ENDPOINT"])
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": endpoint.netloc,
        # Without one, urllib calls every body a form.
        "content-type": "application/xml",
        "x-amz-content-sha256": digest,
        "x-amz-date": stamp,
        **extra,
    }
    names = sorted(headers)
    path, _, query = target.partition("?")
    # A bare name is sent as such, as all clients do, and signed with an empty value.
    signed_query = f"{query}=" if query else ""
    lines = [method, path, signed_query, *(f"{name}:{headers[name]}" for name in names), ""]
    canonical = "\n".join((*lines, ";".join(names), digest))
    scope = (stamp[:8], os.environ["S3_REGION"], service)
    access, secret = key("S3_KEY")
    named, found = signature(secret, scope, stamp, canonical)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access}/{named}, "
        f"SignedHeaders={';'.join(names)}, Signature={found}"
    )
    url = f"{endpoint.scheme}://{endpoint.netloc}{target}"
    # The scheme is the platform's own setting.
    return urllib.request.Request(  # noqa: S310
        url, data=None if method == "HEAD" else body, method=method, headers=headers
    )


def code_of(text: str) -> str:
    """The name of the error in an answer."""
    try:
        found = ElementTree.fromstring(text)  # noqa: S314 - the answer of the platform's own store
    except ElementTree.ParseError:
        return ""
    return next((item.text or "" for item in found.iter() if item.tag.endswith("Code")), "")


def ask(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    service: str = "s3",
    extra: Mapping[str, str] | None = None,
) -> None:
    """Sends a request; waits for a store that does not answer yet."""
    context = ssl.create_default_context(cafile=os.environ.get("S3_CA"))
    until = time.monotonic() + PATIENCE
    while True:
        request = signed(method, target, body, service, extra or {})
        try:
            urllib.request.urlopen(request, context=context, timeout=30).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            if error.code not in STARTING or time.monotonic() > until:
                raise RefusedError(error.code, code_of(text), text) from None
        except OSError:
            if time.monotonic() > until:
                raise
        else:
            return
        time.sleep(min(5.0, PATIENCE))


def setting(bucket: str, name: str, body: str) -> None:
    """One setting of a bucket, where the store knows it."""
    data = body.encode()
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    try:
        ask("PUT", f"/{bucket}?{name}", data, extra={"content-md5": md5})
    except RefusedError as error:
        if error.status not in (405, 501) and error.code not in LACKING:
            raise
        sys.stderr.write(f"{bucket}: the store takes no {name} ({error.code or error.status})\n")


def lifecycle(wanted: Mapping[str, Any]) -> str:
    """The bucket's rules on what goes when."""
    rules = [
        "<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>"
        f"<NoncurrentVersionExpiration><NoncurrentDays>{wanted['old']}</NoncurrentDays>"
        "</NoncurrentVersionExpiration><AbortIncompleteMultipartUpload>"
        f"<DaysAfterInitiation>{wanted['abort']}</DaysAfterInitiation>"
        "</AbortIncompleteMultipartUpload></Rule>"
    ]
    if wanted.get("expire"):
        rules.append(
            "<Rule><ID>expire</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>"
            f"<Expiration><Days>{wanted['expire']}</Days></Expiration></Rule>"
        )
    return f"<LifecycleConfiguration>{''.join(rules)}</LifecycleConfiguration>"


def bucket(wanted: Mapping[str, Any]) -> None:
    """Makes a bucket, versioned and with its rules; one of somebody else's name is an error."""
    name = wanted["name"]
    try:
        ask("PUT", f"/{name}")
    except RefusedError as error:
        if error.code != "BucketAlreadyOwnedByYou":
            ask(
                "HEAD", f"/{name}"
            )  # some stores say only that it exists: it is ours if we may look
    setting(
        name,
        "versioning",
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    )
    if wanted.get("encrypt"):
        setting(
            name,
            "encryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
            "</ServerSideEncryptionConfiguration>",
        )
    setting(name, "lifecycle", lifecycle(wanted))


def rights(wanted: Mapping[str, Any]) -> str:
    """The policy document; actions as coarse as SeaweedFS tells them apart."""
    statements = [
        {
            "Effect": "Allow",
            "Action": actions,
            "Resource": [f"arn:aws:s3:::{name}{tail}" for name in names for tail in ("", "/*")],
        }
        for names, actions in (
            (wanted["read"], ["s3:Get*", "s3:List*"]),
            (wanted["write"], ["s3:Get*", "s3:List*", "s3:Put*", "s3:Tagging*"]),
        )
        if names
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def call(**fields: str) -> None:
    """One call of the store's IAM API; what exists already is fine."""
    body = urllib.parse.urlencode({"Version": "2010-05-08", **fields}).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    try:
        ask("POST", "/", body, service="iam", extra=kind)
    except RefusedError as error:
        if not error.code.startswith("EntityAlreadyExists"):
            raise


def identity(wanted: Mapping[str, Any]) -> None:
    """Makes a user with exactly these rights and this key."""
    name = wanted["name"]
    access, secret = key("KEY")
    call(Action="CreateUser", UserName=name)
    call(
        Action="PutUserPolicy",
        UserName=name,
        PolicyName="buckets",
        PolicyDocument=rights(wanted),
    )
    call(
        Action="CreateAccessKey",
        UserName=name,
        AccessKeyId=access,
        SecretAccessKey=secret,
    )


def main(kind: str, wanted: str) -> int:
    """Does the one thing that is asked for."""
    try:
        {"bucket": bucket, "identity": identity}[kind](json.loads(wanted))
    except RefusedError as error:
        sys.stderr.write(f"{kind}: the store answered {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
