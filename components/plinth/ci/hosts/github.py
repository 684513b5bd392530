"""GitHub: REST API, version 2022-11-28; variables as GitHub Actions sets them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plinth.ci.hosts import Note, needed
from plinth.ci.hosts.http import Api

#: Who writes with a workflow's own token. ``PLINTH_CI_AUTHOR`` names another app's login.
_AUTHOR: Final = "github-actions[bot]"
_PAGE: Final = 100


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """One repository on GitHub.

    Attributes:
        api: The API.
        repository: ``owner/name``.
        event: What set the workflow off.
        commit: The commit that the workflow runs on.
        author: The login whose comments are our own.
        log: Address of the run.
    """

    api: Api
    repository: str
    event: Mapping[str, Any]
    commit: str
    author: str
    log: str | None
    name: str = "GitHub"

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> GitHub:
        """The repository that the workflow runs for.

        Raises:
            UsageError: A variable is missing.
        """
        fix = "Give the step `env: {GITHUB_TOKEN: ${{ github.token }}}`."
        token = needed(variables, "GITHUB_TOKEN", fix)
        fix = "GitHub Actions sets it; run this in a workflow."
        repository = needed(variables, "GITHUB_REPOSITORY", fix)
        server = variables.get("GITHUB_SERVER_URL", "https://github.com")
        run = variables.get("GITHUB_RUN_ID")
        event = _event(variables.get("GITHUB_EVENT_PATH"))
        foreign = (event.get("workflow_run") or {}).get("html_url")
        return cls(
            api=Api(
                host="GitHub",
                url=variables.get("GITHUB_API_URL", "https://api.github.com"),
                headers={
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/vnd.github+json",
                    "X-GitHub-Api-Version": "2022-11-28",
                    "User-Agent": "plinth",
                },
                rights="write comments and issues: `permissions: {pull-requests: write}` of the "
                "job, or `{issues: write}`",
            ),
            repository=repository,
            event=event,
            commit=variables.get("GITHUB_SHA", ""),
            author=variables.get("PLINTH_CI_AUTHOR") or _AUTHOR,
            log=foreign or (f"{server}/{repository}/actions/runs/{run}" if run else None),
        )

    def pull_request(self) -> str | None:
        """The pull request of the event, else the merged one that brought the commit.

        The event of a foreign run names none: forks' pull requests are found by the branch, and
        taken only while they are at the commit that was run.
        """
        if number := (self.event.get("pull_request") or {}).get("number"):
            return str(number)
        if run := self.event.get("workflow_run"):
            owner = ((run.get("head_repository") or {}).get("owner") or {}).get("login")
            found = self._all("pulls", head=f"{owner}:{run['head_branch']}", state="open")
            return next(
                (str(each["number"]) for each in found if each["head"]["sha"] == run["head_sha"]),
                None,
            )
        merged = (
            str(each["number"])
            for each in self._all(f"commits/{self.commit}/pulls")
            if each.get("merged_at") and each.get("merge_commit_sha") == self.commit
        )
        return next(merged, None)

    def comments(self, pull_request: str) -> Iterator[Note]:
        """The comments, oldest first."""
        for each in self._all(f"issues/{pull_request}/comments"):
            yield self._note(each)

    def create_comment(self, pull_request: str, body: str) -> str:
        """Writes a comment."""
        return self._send("POST", f"issues/{pull_request}/comments", {"body": body})

    def update_comment(self, pull_request: str, note: Note, body: str) -> str:  # noqa: ARG002
        """Writes a comment anew."""
        return self._send("PATCH", f"issues/comments/{note.id}", {"body": body})

    def issues(self, label: str, title: str) -> Iterator[Note]:
        """The issues with the label, newest first."""
        for each in self._all("issues", labels=label, state="all"):
            if "pull_request" not in each and each["title"] == title:
                yield self._note(each, identifier="number")

    def create_issue(self, label: str, title: str, body: str) -> str:
        """Opens an issue."""
        return self._send("POST", "issues", {"title": title, "body": body, "labels": [label]})

    def update_issue(self, note: Note, body: str, *, opened: bool) -> str:
        """Writes an issue anew."""
        state = {"state": "open"} if opened else {"state": "closed", "state_reason": "completed"}
        return self._send("PATCH", f"issues/{note.id}", {"body": body, **state})

    def _note(self, found: Mapping[str, Any], identifier: str = "id") -> Note:
        return Note(
            id=str(found[identifier]),
            body=found.get("body") or "",
            own=(found.get("user") or {}).get("login") == self.author,
            open=found.get("state", "open") == "open",
            url=found.get("html_url", ""),
        )

    def _send(self, method: str, path: str, body: Any) -> str:
        answer = self.api.call(method, f"repos/{self.repository}/{path}", body)
        return str(answer.data["html_url"])

    def _all(self, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
        page = 1
        while True:
            path_ = f"repos/{self.repository}/{path}"
            found = self.api.call("GET", path_, per_page=_PAGE, page=page, **query).data
            yield from found
            if len(found) < _PAGE:
                return
            page += 1


def _event(path: str | None) -> Mapping[str, Any]:
    if not path or not Path(path).is_file():
        return {}
    found: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found
