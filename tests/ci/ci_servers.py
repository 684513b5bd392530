"""Small servers that answer like the platforms that host repositories, and remember requests."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

TOKEN = "not-a-real-token"


class Refusal(Exception):  # noqa: N818 - an answer, no mistake
    """Answer with a status other than 200."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers or {}


@dataclass(frozen=True)
class Request:
    """One request: what was asked for."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


Answer = Callable[..., Any]


@dataclass
class Server:
    """A server: routes are method and pattern of the path; groups become arguments."""

    routes: ClassVar[dict[tuple[str, str], str]] = {}
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def authorised(self, request: Request) -> bool:
        raise NotImplementedError

    def answer(self, request: Request) -> Any:
        if not self.authorised(request):
            raise Refusal(401)
        for (method, pattern), name in self.routes.items():
            found = re.fullmatch(pattern, request.path)
            if method == request.method and found:
                return getattr(self, name)(request, *found.groups())
        raise Refusal(404)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def _handle(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length)
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                body = json.loads(text) if text else None
                request = Request(self.command, parts.path, query, self.headers, body)
                outer.requests.append(request)
                try:
                    status, headers, value = 200, {}, outer.answer(request)
                except Refusal as refused:
                    status, headers, value = refused.status, refused.headers, {"message": "no"}
                content = json.dumps(value).encode()
                self.send_response(status)
                for name, each in headers.items():
                    self.send_header(name, each)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self.url
        finally:
            server.shutdown()
            server.server_close()


def _page(found: list[Any], request: Request) -> list[Any]:
    size, page = int(request.query["per_page"]), int(request.query["page"])
    return found[(page - 1) * size : page * size]


@dataclass
class FakeGitHub(Server):
    """One repository, ``octo/platform``."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    author: str = "github-actions[bot]"

    routes: ClassVar = {
        ("GET", r"/repos/octo/platform/issues/(\d+)/comments"): "list_comments",
        ("POST", r"/repos/octo/platform/issues/(\d+)/comments"): "add_comment",
        ("PATCH", r"/repos/octo/platform/issues/comments/(\d+)"): "change_comment",
        ("GET", r"/repos/octo/platform/pulls"): "list_pulls",
        ("GET", r"/repos/octo/platform/commits/(\w+)/pulls"): "pulls_of",
        ("GET", r"/repos/octo/platform/issues"): "list_issues",
        ("POST", r"/repos/octo/platform/issues"): "add_issue",
        ("PATCH", r"/repos/octo/platform/issues/(\d+)"): "change_issue",
    }

    def authorised(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def list_comments(self, request: Request, number: str) -> Any:
        return _page([each for each in self.comments if each["number"] == number], request)

    def add_comment(self, request: Request, number: str) -> Any:
        return self.said(self.author, request.body["body"], number)

    def said(self, login: str, body: str, number: str = "7") -> dict[str, Any]:
        identifier = len(self.comments) + 1
        self.comments.append(
            {
                "id": identifier,
                "number": number,
                "body": body,
                "user": {"login": login},
                "html_url": f"https://example.com/comments/{identifier}",
            }
        )
        return self.comments[-1]

    def change_comment(self, request: Request, identifier: str) -> Any:
        found = self.comments[int(identifier) - 1]
        found["body"] = request.body["body"]
        return found

    def list_pulls(self, request: Request) -> Any:
        found = [each for each in self.pulls if each["label"] == request.query["head"]]
        return _page(found, request)

    def pulls_of(self, request: Request, commit: str) -> Any:
        return _page([each for each in self.pulls if commit in each["commits"]], request)

    def list_issues(self, request: Request) -> Any:
        found = [each for each in self.issues if request.query["labels"] in each["labels"]]
        return _page(found[::-1], request)

    def add_issue(self, request: Request) -> Any:
        number = len(self.issues) + 1
        extra = {"number": number, "state": "open", "user": {"login": self.author}}
        address = f"https://example.com/issues/{number}"
        self.issues.append({**request.body, **extra, "html_url": address})
        return self.issues[-1]

    def change_issue(self, request: Request, number: str) -> Any:
        self.issues[int(number) - 1].update(request.body)
        return self.issues[int(number) - 1]

    def variables(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": "octo/platform",
            "GITHUB_RUN_ID": "99",
            "GITHUB_SHA": "c0ffee",
            "GITHUB_TOKEN": TOKEN,
        }


@dataclass
class FakeGitLab(Server):
    """Project 42."""

    notes: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    requests_of: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    routes: ClassVar = {
        ("GET", r"/user"): "user",
        ("GET", r"/projects/42/merge_requests/(\d+)/notes"): "list_notes",
        ("POST", r"/projects/42/merge_requests/(\d+)/notes"): "add_note",
        ("PUT", r"/projects/42/merge_requests/(\d+)/notes/(\d+)"): "change_note",
        ("GET", r"/projects/42/repository/commits/(\w+)/merge_requests"): "merge_requests",
        ("GET", r"/projects/42/issues"): "list_issues",
        ("POST", r"/projects/42/issues"): "add_issue",
        ("PUT", r"/projects/42/issues/(\d+)"): "change_issue",
    }

    def authorised(self, request: Request) -> bool:
        return request.headers.get("PRIVATE-TOKEN") == TOKEN

    def user(self, _: Request) -> Any:
        return {"id": 5}

    def list_notes(self, request: Request, _number: str) -> Any:
        return _page(self.notes, request)

    def add_note(self, request: Request, _number: str) -> Any:
        return self.said(5, request.body["body"])

    def said(self, author: int, body: str) -> dict[str, Any]:
        self.notes.append({"id": len(self.notes) + 1, "body": body, "author": {"id": author}})
        return self.notes[-1]

    def change_note(self, request: Request, _number: str, identifier: str) -> Any:
        self.notes[int(identifier) - 1]["body"] = request.body["body"]
        return self.notes[int(identifier) - 1]

    def merge_requests(self, request: Request, commit: str) -> Any:
        return _page(self.requests_of.get(commit, []), request)

    def list_issues(self, request: Request) -> Any:
        found = [each for each in self.issues if each["labels"] == request.query["labels"]]
        return _page(found[::-1], request)

    def add_issue(self, request: Request) -> Any:
        number = len(self.issues) + 1
        extra = {"iid": number, "state": "opened", "author": {"id": 5}}
        address = f"https://example.com/issues/{number}"
        self.issues.append({**request.body, **extra, "web_url": address})
        return self.issues[-1]

    def change_issue(self, request: Request, number: str) -> Any:
        found = self.issues[int(number) - 1]
        found["description"] = request.body["description"]
        events = {"close": "closed", "reopen": "opened", None: found["state"]}
        found["state"] = events[request.body.get("state_event")]
        return found

    def variables(self) -> dict[str, str]:
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": self.url,
            "CI_PROJECT_ID": "42",
            "CI_COMMIT_SHA": "c0ffee",
            "CI_PIPELINE_URL": "https://example.com/pipelines/99",
            "PLINTH_GITLAB_TOKEN": TOKEN,
        }


@dataclass
class FakeAzureDevOps(Server):
    """Project ``ml``, repository ``r1``."""

    threads: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    merged: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    routes: ClassVar = {
        ("GET", r"/_apis/connectionData"): "connection",
        ("GET", r"/ml/_apis/git/repositories/r1/pullRequests/(\d+)/threads"): "list_threads",
        ("POST", r"/ml/_apis/git/repositories/r1/pullRequests/(\d+)/threads"): "add_thread",
        (
            "PATCH",
            r"/ml/_apis/git/repositories/r1/pullRequests/(\d+)/threads/(\d+)/comments/1",
        ): "change_thread",
        ("POST", r"/ml/_apis/git/repositories/r1/pullrequestquery"): "query",
        ("POST", r"/ml/_apis/wit/wiql"): "wiql",
        ("GET", r"/ml/_apis/wit/workitems/(\d+)"): "item",
        ("POST", r"/ml/_apis/wit/workitems/\$Issue"): "add_item",
        ("PATCH", r"/ml/_apis/wit/workitems/(\d+)"): "change_item",
        ("GET", r"/ml/_apis/wit/workitemtypes/Issue/states"): "states",
    }

    def authorised(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def connection(self, _: Request) -> Any:
        return {"authenticatedUser": {"id": "build"}}

    def list_threads(self, request: Request, _number: str) -> Any:
        assert request.query["api-version"] == "7.1"
        return {"value": self.threads}

    def add_thread(self, request: Request, _number: str) -> Any:
        return self.said("build", request.body["comments"][0]["content"])

    def said(self, author: str, body: str) -> dict[str, Any]:
        comment = {"id": 1, "content": body, "author": {"id": author}}
        self.threads.append({"id": len(self.threads) + 1, "comments": [comment]})
        return self.threads[-1]

    def change_thread(self, request: Request, _number: str, identifier: str) -> Any:
        comment = self.threads[int(identifier) - 1]["comments"][0]
        comment["content"] = request.body["content"]
        return comment

    def query(self, request: Request) -> Any:
        (commit,) = request.body["queries"][0]["items"]
        return {"results": [{commit: self.merged[commit]} if commit in self.merged else {}]}

    def wiql(self, request: Request) -> Any:
        (tag,) = re.findall(r"Tags\] CONTAINS '([^']+)'", request.body["query"])
        (title,) = re.findall(r"Title\] = '([^']+)'", request.body["query"])
        return {
            "workItems": [
                {"id": each["id"]}
                for each in self.items[::-1]
                if tag == each["fields"]["System.Tags"] and title == each["fields"]["System.Title"]
            ]
        }

    def item(self, _: Request, identifier: str) -> Any:
        return self.items[int(identifier) - 1]

    def add_item(self, request: Request) -> Any:
        number = len(self.items) + 1
        fields = {"System.State": "To Do", "System.CreatedBy": {"id": "build"}}
        address = f"https://example.com/items/{number}"
        self.items.append({"id": number, "fields": fields, "url": address})
        return self.change_item(request, str(number))

    def change_item(self, request: Request, identifier: str) -> Any:
        assert request.headers["Content-Type"] == "application/json-patch+json"
        found = self.items[int(identifier) - 1]
        for change in request.body:
            if change["path"].startswith("/fields/"):
                found["fields"][change["path"].removeprefix("/fields/")] = change["value"]
        return found

    def states(self, _: Request) -> Any:
        names = {"Proposed": "To Do", "InProgress": "Doing", "Completed": "Done"}
        return {"value": [{"name": name, "category": each} for each, name in names.items()]}

    def variables(self) -> dict[str, str]:
        return {
            "TF_BUILD": "True",
            "BUILD_BUILDID": "99",
            "BUILD_REPOSITORY_ID": "r1",
            "BUILD_SOURCEVERSION": "c0ffee",
            "SYSTEM_ACCESSTOKEN": TOKEN,
            "SYSTEM_COLLECTIONURI": f"{self.url}/",
            "SYSTEM_TEAMPROJECT": "ml",
        }
