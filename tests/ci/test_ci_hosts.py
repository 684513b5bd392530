"""Comments, issues and approvals on each host, against servers that answer like them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ci_servers import TOKEN, FakeAzureDevOps, FakeGitHub, FakeGitLab, Refusal, Server
from ci_support import APPROVED, BLOCKER, review

from plinth.ci import notes
from plinth.ci.hosts import Host, host, http
from plinth.ci.hosts.http import Api, HostError
from plinth.errors import PlinthError, UsageError

MARK = "<!-- plinth-review churn -->"


class Case:
    """A host with a pull request, number 7, brought by the commit c0ffee."""

    def __init__(self, server: Any, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.variables: dict[str, str] = server.variables()

    def host(self, *, pull_request: bool = True) -> Host:
        extra: dict[str, str] = {}
        if pull_request and isinstance(self.server, FakeGitHub):
            event = self.folder / "event.json"
            event.write_text(json.dumps({"pull_request": {"number": 7}}))
            extra = {"GITHUB_EVENT_PATH": str(event)}
        elif pull_request and isinstance(self.server, FakeGitLab):
            extra = {"CI_MERGE_REQUEST_IID": "7"}
        elif pull_request:
            extra = {"SYSTEM_PULLREQUEST_PULLREQUESTID": "7"}
        return host(self.variables | extra)

    def merged(self) -> None:
        """The pull request was merged as c0ffee."""
        if isinstance(self.server, FakeGitHub):
            self.server.pulls.append(
                {
                    "number": 7,
                    "commits": ["c0ffee"],
                    "merged_at": "2026-01-01T00:00:00Z",
                    "merge_commit_sha": "c0ffee",
                }
            )
        elif isinstance(self.server, FakeGitLab):
            self.server.requests_of["c0ffee"] = [
                {"iid": 6, "state": "opened", "sha": "c0ffee"},
                {"iid": 7, "state": "merged", "sha": "beef", "merge_commit_sha": "c0ffee"},
            ]
        else:
            self.server.merged["c0ffee"] = [
                {"pullRequestId": 6, "status": "abandoned"},
                {"pullRequestId": 7, "status": "completed"},
            ]

    def said(self, body: str) -> None:
        """Somebody else comments."""
        other: Any = 9 if isinstance(self.server, FakeGitLab) else "mallory"
        self.server.said(other, body)

    @property
    def bodies(self) -> list[str]:
        return [note.body for note in self.host().comments("7")]

    @property
    def issues(self) -> list[tuple[str, bool]]:
        found = self.host().issues(notes.LABEL, notes.title_of("churn"))
        return [(note.body, note.open) for note in found]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_PAUSES", (0.0, 0.0))


@pytest.fixture(params=[FakeGitHub, FakeGitLab, FakeAzureDevOps])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    server: Server = request.param()
    with server.running():
        yield Case(server, tmp_path)


def comment(**changes: Any) -> str:
    return notes.comment([review(**changes)], platform="churn")


def test_one_comment_is_written_anew_in_place(case: Case) -> None:
    case.said("Looks good")
    case.said(f"{MARK}\nnot ours")
    notes.post_comment(case.host(), comment(), platform="churn")
    notes.post_comment(case.host(), comment(environment="prod"), platform="churn")
    first, second, ours = case.bodies
    assert (first, second) == ("Looks good", f"{MARK}\nnot ours")
    assert ours.startswith(MARK)
    assert "prod" in ours
    assert "dev" not in ours


def test_the_comment_is_found_beyond_the_first_page(case: Case) -> None:
    for number in range(120):
        case.said(f"comment {number}")
    for environment in ("dev", "prod"):
        notes.post_comment(case.host(), comment(environment=environment), platform="churn")
    assert len(case.bodies) == 121


def test_nothing_is_said_where_there_is_nothing_to_say(case: Case) -> None:
    empty = notes.comment([], platform="churn")
    assert notes.post_comment(case.host(), empty, platform="churn", quiet=True) is None
    notes.post_comment(case.host(), comment(), platform="churn")
    assert notes.post_comment(case.host(), empty, platform="churn", quiet=True)
    (only,) = case.bodies
    assert "touches no environment" in only


def test_what_was_merged_is_what_was_approved(case: Case) -> None:
    notes.post_comment(case.host(), comment(), platform="churn")
    case.merged()
    deploying = case.host(pull_request=False)
    assert notes.approved(deploying, "dev", platform="churn") == APPROVED
    assert notes.approved(deploying, "dev", platform="churn", pull_request="7") == APPROVED


def test_no_pull_request_no_approval(case: Case) -> None:
    with pytest.raises(notes.ApprovalError) as refused:
        notes.approved(case.host(pull_request=False), "dev", platform="churn")
    assert refused.value.problems[0].code == "no-pull-request"


def test_a_comment_of_somebody_else_approves_nothing(case: Case) -> None:
    case.merged()
    case.said(comment())
    with pytest.raises(notes.ApprovalError) as refused:
        notes.approved(case.host(pull_request=False), "dev", platform="churn")
    assert refused.value.problems[0].code == "not-reviewed"
    assert "somebody else" in str(refused.value)


@pytest.mark.parametrize(
    "changes", [{"blockers": (BLOCKER,)}, {"source": "offline"}, {"environment": "staging"}]
)
def test_a_plan_that_may_not_be_carried_out_is_not_approved(
    case: Case, changes: dict[str, Any]
) -> None:
    notes.post_comment(case.host(), comment(**changes), platform="churn")
    case.merged()
    with pytest.raises(notes.ApprovalError) as refused:
        notes.approved(case.host(pull_request=False), "dev", platform="churn")
    assert refused.value.problems[0].code == "not-approved"


def test_the_drift_issue_is_opened_updated_closed_and_opened_again(case: Case) -> None:
    def post(*reviews: Any) -> str:
        body = notes.issue(reviews, platform="churn", expected=["dev"])
        return notes.post_issue(case.host(), body, platform="churn")[0]

    fine = review(changes=())
    assert post(fine) == "nothing"
    assert post(review()) == "opened"
    assert post(review()) == "updated"
    assert [is_open for _, is_open in case.issues] == [True]
    assert post(fine) == "closed"
    assert [is_open for _, is_open in case.issues] == [False]
    assert post(fine) == "nothing"
    assert post(review()) == "opened"
    ((body, is_open),) = case.issues
    assert is_open
    assert "Gone" not in body


def test_an_environment_that_was_not_looked_at_keeps_the_issue_open(case: Case) -> None:
    body = notes.issue([review(changes=())], platform="churn", expected=["dev", "prod"])
    assert body is not None
    assert "**prod** could not be looked at" in body
    assert notes.post_issue(case.host(), body, platform="churn")[0] == "opened"


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (401, {}, "token-refused"),
        (302, {"Location": "https://example.com/sign-in"}, "token-refused"),
        (403, {}, "token-rights"),
        (403, {"x-ratelimit-remaining": "0"}, "rate-limit"),
        (403, {"x-ratelimit-remaining": "900", "Retry-After": "60"}, "rate-limit"),
        (429, {"Retry-After": "30"}, "rate-limit"),
        (404, {}, "host-not-found"),
        (500, {}, "host-failed"),
    ],
)
def test_refusals_are_one_sentence_without_the_token(
    case: Case, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], code: str
) -> None:
    def refuse(_: Any) -> None:
        raise Refusal(status, headers)

    monkeypatch.setattr(case.server, "answer", refuse)
    with pytest.raises(HostError) as refused:
        notes.post_comment(case.host(), comment(), platform="churn")
    (problem,) = refused.value.problems
    assert problem.code == code
    assert "\n" not in problem.message
    assert problem.fix
    assert TOKEN not in repr(problem) + repr(case.host())


def test_a_host_that_fails_for_a_moment_is_asked_again(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.post_comment(case.host(), comment(), platform="churn")
    answer = case.server.answer
    failed: set[tuple[str, str, int]] = set()

    def stumble(request: Any) -> Any:
        # Each request fails twice at first, but for those that would make a second thing.
        key = (request.method, request.path)
        tries = [each for each in failed if each[:2] == key]
        if request.method != "POST" and len(tries) < 2:
            failed.add((*key, len(tries)))
            raise Refusal(502)
        return answer(request)

    monkeypatch.setattr(case.server, "answer", stumble)
    notes.post_comment(case.host(), comment(environment="prod"), platform="churn")
    assert failed
    (only,) = case.bodies
    assert "prod" in only


def test_nothing_is_made_twice(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise Refusal(502)

    monkeypatch.setattr(case.server, "answer", fail)
    with pytest.raises(HostError):
        case.host().create_comment("7", "hello")
    assert len(case.server.requests) == 1


def test_redirects_are_not_followed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    url = case.server.url

    def send_on(_: Any) -> None:
        raise Refusal(307, {"Location": f"{url}/elsewhere"})

    monkeypatch.setattr(case.server, "answer", send_on)
    with pytest.raises(HostError):
        case.host().create_comment("7", "hello")
    assert all("elsewhere" not in request.path for request in case.server.requests)


def test_a_host_that_is_away() -> None:
    api = Api(host="GitHub", url="http://127.0.0.1:9", headers={}, rights="read")
    with pytest.raises(HostError) as refused:
        api.call("GET", "user")
    assert refused.value.problems[0].code == "host-unreachable"


def test_a_refusal_that_is_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_PAUSES", ())
    torn = b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{"

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(torn)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        api = Api(host="GitHub", url=url, headers={}, rights="read")
        with pytest.raises(HostError) as refused:
            api.call("GET", "user")
    assert refused.value.problems[0].message == "GitHub answered GET /user with 502: Bad Gateway"


def test_elsewhere_there_is_no_host() -> None:
    with pytest.raises(UsageError) as refused:
        host({})
    assert refused.value.problems[0].code == "not-in-ci"


def test_each_host_asks_for_its_token(case: Case) -> None:
    without = {name: value for name, value in case.variables.items() if value != TOKEN}
    with pytest.raises(UsageError) as refused:
        host(without)
    assert refused.value.problems[0].code == "variable-missing"


def test_azure_pipelines_of_other_hosts_are_refused() -> None:
    variables = FakeAzureDevOps().variables() | {"BUILD_REPOSITORY_PROVIDER": "GitHub"}
    with pytest.raises(UsageError) as refused:
        host(variables)
    assert refused.value.problems[0].code == "repository-elsewhere"


def foreign_run(folder: Path, **changes: Any) -> dict[str, str]:
    run = {
        "head_repository": {"owner": {"login": "mallory"}},
        "head_branch": "patch-1",
        "head_sha": "beef",
        "html_url": "https://example.com/runs/1",
        **changes,
    }
    event = folder / "event.json"
    event.write_text(json.dumps({"workflow_run": run}))
    return {"GITHUB_EVENT_PATH": str(event)}


def test_a_forks_pull_request_is_found_by_branch_and_commit(tmp_path: Path) -> None:
    server = FakeGitHub()
    server.pulls.append({"number": 8, "label": "mallory:patch-1", "head": {"sha": "beef"}})
    with server.running():
        found = host(server.variables() | foreign_run(tmp_path))
        assert found.pull_request() == "8"
        assert found.log == "https://example.com/runs/1"
        # It has gone on meanwhile, so that what was reviewed is no longer what it is.
        moved = host(server.variables() | foreign_run(tmp_path, head_sha="dead"))
        assert moved.pull_request() is None
        gone = host(server.variables() | foreign_run(tmp_path, head_repository=None))
        assert gone.pull_request() is None


def test_a_pull_request_that_only_contains_the_commit_did_not_bring_it(tmp_path: Path) -> None:
    server = FakeGitHub()
    other = {"number": 3, "commits": ["c0ffee"], "merged_at": None, "merge_commit_sha": "c0ffee"}
    backport = {"number": 4, "commits": ["c0ffee"], "merged_at": "x", "merge_commit_sha": "f00d"}
    server.pulls += [other, backport]
    with server.running(), pytest.raises(PlinthError) as refused:
        notes.approved(host(server.variables()), "dev", platform="churn")
    assert refused.value.problems[0].code == "no-pull-request"
