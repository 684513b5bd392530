"""GitLab: REST API v4; variables as GitLab CI sets them.

A job's own token may not write notes (GitLab documentation, "CI/CD job token"), hence a project
access token with the scope ``api`` and the role Reporter, in the masked variable
``PLINTH_GITLAB_TOKEN``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from plinth.ci.hosts import Note, needed
from plinth.ci.hosts.http import Api

_PAGE: Final = 100


@dataclass(frozen=True, kw_only=True)
class GitLab:
    """One project on GitLab.

    Attributes:
        api: The API.
        project: The project's ID.
        merge_request: The merge request of a merge request's pipeline.
        commit: The commit that the pipeline runs on.
        log: Address of the pipeline.
    """

    api: Api
    project: str
    merge_request: str | None
    commit: str
    log: str | None
    name: str = "GitLab"

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> GitLab:
        """The project that the pipeline runs for.

        Raises:
            UsageError: A variable is missing.
        """
        fix = "Make a project access token (scope api, role Reporter) a masked CI variable."
        token = needed(variables, "PLINTH_GITLAB_TOKEN", fix)
        fix = "GitLab CI sets it; run this in a pipeline."
        return cls(
            api=Api(
                host="GitLab",
                url=needed(variables, "CI_API_V4_URL", fix),
                headers={"PRIVATE-TOKEN": token, "User-Agent": "plinth"},
                rights="write notes and issues: scope api, role Reporter",
            ),
            project=quote(needed(variables, "CI_PROJECT_ID", fix), safe=""),
            merge_request=variables.get("CI_MERGE_REQUEST_IID") or None,
            commit=variables.get("CI_COMMIT_SHA", ""),
            log=variables.get("CI_PIPELINE_URL"),
        )

    @cached_property
    def _self(self) -> int:
        """Whose token it is: notes of anybody else are not ours."""
        return int(self.api.call("GET", "user").data["id"])

    def pull_request(self) -> str | None:
        """The merge request of the pipeline, else the merged one that brought the commit."""
        if self.merge_request:
            return self.merge_request
        merged = (
            str(each["iid"])
            for each in self._all(f"repository/commits/{self.commit}/merge_requests")
            if each["state"] == "merged"
            # By a merge commit, squashed, or fast-forward.
            and self.commit
            in (each.get(key) for key in ("merge_commit_sha", "squash_commit_sha", "sha"))
        )
        return next(merged, None)

    def comments(self, pull_request: str) -> Iterator[Note]:
        """The notes, oldest first."""
        path = f"merge_requests/{pull_request}/notes"
        for each in self._all(path, sort="asc", order_by="created_at"):
            yield self._note(each, each["id"])

    def create_comment(self, pull_request: str, body: str) -> str:
        """Writes a note."""
        path = f"merge_requests/{pull_request}/notes"
        return self._address(pull_request, self._send("POST", path, {"body": body}))

    def update_comment(self, pull_request: str, note: Note, body: str) -> str:
        """Writes a note anew."""
        path = f"merge_requests/{pull_request}/notes/{note.id}"
        return self._address(pull_request, self._send("PUT", path, {"body": body}))

    def issues(self, label: str, title: str) -> Iterator[Note]:
        """The issues with the label, newest first."""
        for each in self._all("issues", labels=label, state="all"):
            if each["title"] == title:
                yield self._note(each, each["iid"])

    def create_issue(self, label: str, title: str, body: str) -> str:
        """Opens an issue."""
        found = self._send("POST", "issues", {"title": title, "description": body, "labels": label})
        return str(found["web_url"])

    def update_issue(self, note: Note, body: str, *, opened: bool) -> str:
        """Writes an issue anew."""
        content: dict[str, str] = {"description": body}
        if opened != note.open:
            content["state_event"] = "reopen" if opened else "close"
        return str(self._send("PUT", f"issues/{note.id}", content)["web_url"])

    def _note(self, found: Mapping[str, Any], identifier: int) -> Note:
        return Note(
            id=str(identifier),
            body=found.get("body") or found.get("description") or "",
            own=found["author"]["id"] == self._self,
            open=found.get("state", "opened") == "opened",
            url=found.get("web_url", ""),
        )

    def _address(self, pull_request: str, note: Mapping[str, Any]) -> str:
        return f"merge request !{pull_request}, note {note['id']}"

    def _send(self, method: str, path: str, body: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.api.call(
            method, f"projects/{self.project}/{path}", body
        ).data
        return found

    def _all(self, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
        page = 1
        while True:
            path_ = f"projects/{self.project}/{path}"
            found = self.api.call("GET", path_, per_page=_PAGE, page=page, **query).data
            yield from found
            if len(found) < _PAGE:
                return
            page += 1
