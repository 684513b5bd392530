"""One call of a JSON API: what goes wrong becomes one sentence, and tokens stay out of it."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from urllib.parse import urlencode, urlsplit

from plinth.errors import PlinthError, Problem

_TIMEOUT_SECONDS: Final = 30
#: Seconds before a request is sent again, as a gateway that fails mostly does so for a moment.
_PAUSES: Final = (1.0, 5.0)
#: Comments are small; a page of a hundred of them may be some MiB.
_LARGEST: Final = 32 << 20


class HostError(PlinthError):
    """The platform that hosts the repository refused, or could not be reached."""


class _PassingError(HostError):
    """It may be otherwise in a moment."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        data: The JSON document.
        headers: The header fields.
    """

    data: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Api:
    """A JSON API below one address.

    Attributes:
        host: What people call it, such as ``GitHub``.
        url: Its address.
        headers: What every request carries, the token included; never shown.
        rights: What the token has to be allowed, for the fix of a refusal.
    """

    host: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    rights: str

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        **query: str | int,
    ) -> Answer:
        """Sends one request; sends it again where the host fails, unless that makes a second thing.

        Raises:
            HostError: It was refused, or there was no answer.
        """
        address = f"{self.url.rstrip('/')}/{path.lstrip('/')}"
        if query:
            address += f"?{urlencode(query)}"
        if urlsplit(address).scheme not in ("http", "https"):
            raise HostError(
                Problem(code="host-address", message=f"{self.host}'s address is no web address")
            )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data=data, method=method)  # noqa: S310 - checked
        for name, value in {"Accept": "application/json", **self.headers}.items():
            # Not sent along when the server points elsewhere, which _NoRedirect refuses anyway.
            request.add_unredirected_header(name, value)
        if data is not None:
            request.add_header("Content-Type", content)
        for pause in () if method == "POST" else _PAUSES:
            try:
                return self._send(request, method, path)
            except _PassingError:
                time.sleep(pause)
        return self._send(request, method, path)

    def _send(self, request: urllib.request.Request, method: str, path: str) -> Answer:
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                text = answer.read(_LARGEST)
                return Answer(data=json.loads(text or b"null"), headers=dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                self._refused(error, method, path)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise _PassingError(
                Problem(
                    code="host-unreachable",
                    message=f"{self.host} cannot be reached at {_origin(self.url)}: {reason}",
                    fix="Run the job again when the network is back.",
                )
            ) from None
        except ValueError:
            raise HostError(
                Problem(
                    code="host-answer",
                    message=f"{self.host} answered {method} {path} with something else than JSON",
                    fix="Look whether a proxy stands in between.",
                )
            ) from None

    def _refused(self, error: urllib.error.HTTPError, method: str, path: str) -> NoReturn:
        code, message, fix = self._meaning(error, f"{method} /{path.lstrip('/')}")
        kind = _PassingError if error.code >= 500 else HostError
        raise kind(Problem(code=code, message=message, fix=fix)) from None

    def _meaning(self, error: urllib.error.HTTPError, call: str) -> tuple[str, str, str]:
        wait = error.headers.get("retry-after")
        # GitHub's 403 for too many requests at once leaves some of the hour's.
        spent = wait or error.headers.get("x-ratelimit-remaining") == "0"
        if error.code == 429 or (error.code == 403 and spent):
            after = f" for {wait} seconds" if wait else ""
            message = f"{self.host} allows no more requests{after} (rate limit)"
            return "rate-limit", message, "Run the job again later."
        # Azure DevOps answers a request without rights with its sign-in page, by a redirect.
        if error.code in (301, 302, 303, 307, 401):
            message = f"{self.host} does not accept the token ({error.code} for {call})"
            return "token-refused", message, f"Give the job a token that may {self.rights}."
        if error.code == 403:
            message = f"the token may not do this on {self.host} (403 for {call})"
            return "token-rights", message, f"The token has to be allowed to {self.rights}."
        if error.code == 404:
            message = f"{self.host} does not know {call}, or hides it from the token (404)"
            return "host-not-found", message, f"The token has to be allowed to {self.rights}."
        message = f"{self.host} answered {call} with {error.code}: {_said(error)}"
        return "host-failed", message, "Run the job again; if it stays so, look at the message."


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """APIs do not move; following would carry what is sent to wherever an answer points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Goes nowhere: the answer counts as a refusal."""


_OPENER: Final = urllib.request.build_opener(_NoRedirect)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def _said(error: urllib.error.HTTPError) -> str:
    """The answer's own words, in one line."""
    try:
        text = error.read(4096).decode(errors="replace")
        found = json.loads(text)
        text = str(found.get("message") or found.get("error") or text)
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        text = str(error.reason)
    return " ".join(text.split())[:200] or "no reason"
