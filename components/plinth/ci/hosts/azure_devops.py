"""Azure DevOps: REST API 7.1; variables as Azure Pipelines sets them.

Comments are threads of a pull request in Azure Repos; issues are work items.  A job's own token,
``SYSTEM_ACCESSTOKEN``, has to be handed to a step by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from plinth.ci.hosts import Note, needed
from plinth.ci.hosts.http import Api
from plinth.errors import Problem, UsageError

_VERSION: Final = "7.1"
#: Both the Basic and the Agile process have it; ``PLINTH_WORK_ITEM_TYPE`` names another.
_WORK_ITEM: Final = "Issue"


@dataclass(frozen=True, kw_only=True)
class AzureDevOps:
    """One repository in Azure Repos.

    Attributes:
        api: The API of the organisation.
        project: The project's name or ID.
        repository: The repository's ID.
        number: The pull request of a pull request's build.
        commit: The commit that the build is of.
        work_item: Type of work item that serves as issue.
        log: Address of the build.
    """

    api: Api
    project: str
    repository: str
    number: str | None
    commit: str
    work_item: str
    log: str | None
    name: str = "Azure DevOps"

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> AzureDevOps:
        """The repository that the build is for.

        Raises:
            UsageError: A variable is missing, or the repository is hosted elsewhere.
        """
        provider = variables.get("BUILD_REPOSITORY_PROVIDER", "TfsGit")
        if provider != "TfsGit":
            raise UsageError(
                Problem(
                    code="repository-elsewhere",
                    message=f"the repository is hosted by {provider}, not by Azure Repos",
                    fix="Use the workflows of that host, such as `plinth ci github`.",
                )
            )
        fix = "Give the step `env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)}`."
        token = needed(variables, "SYSTEM_ACCESSTOKEN", fix)
        fix = "Azure Pipelines sets it; run this in a pipeline."
        collection = needed(variables, "SYSTEM_COLLECTIONURI", fix)
        project = needed(variables, "SYSTEM_TEAMPROJECT", fix)
        build = variables.get("BUILD_BUILDID")
        address = f"{collection.rstrip('/')}/{quote(project)}/_build/results?buildId={build}"
        return cls(
            api=Api(
                host="Azure DevOps",
                url=collection,
                headers={"Authorization": f"Bearer {token}", "User-Agent": "plinth"},
                rights="contribute to pull requests and write work items: rights of the project's "
                "build service",
            ),
            project=quote(project),
            repository=needed(variables, "BUILD_REPOSITORY_ID", fix),
            number=variables.get("SYSTEM_PULLREQUEST_PULLREQUESTID") or None,
            commit=variables.get("BUILD_SOURCEVERSION", ""),
            work_item=variables.get("PLINTH_WORK_ITEM_TYPE") or _WORK_ITEM,
            log=address if build else None,
        )

    @cached_property
    def _self(self) -> str:
        """Whose token it is: comments of anybody else are not ours."""
        found = self.api.call("GET", "_apis/connectionData").data
        return str(found["authenticatedUser"]["id"])

    @property
    def _pulls(self) -> str:
        return f"{self.project}/_apis/git/repositories/{self.repository}"

    def pull_request(self) -> str | None:
        """The pull request of the build, else the completed one that brought the commit."""
        if self.number:
            return self.number
        query = {"queries": [{"type": "lastMergeCommit", "items": [self.commit]}]}
        found = self._send("POST", f"{self._pulls}/pullrequestquery", query)
        for result in found.get("results") or ():
            for each in result.get(self.commit) or ():
                if each["status"] == "completed":
                    return str(each["pullRequestId"])
        return None

    def comments(self, pull_request: str) -> Iterator[Note]:
        """The first comment of each thread, oldest first."""
        path = f"{self._pulls}/pullRequests/{pull_request}/threads"
        found = self.api.call("GET", path, **{"api-version": _VERSION}).data["value"]
        for thread in found:
            first = next((each for each in thread["comments"] if each["id"] == 1), None)
            if first is None or thread.get("isDeleted") or first.get("isDeleted"):
                continue
            yield Note(
                id=str(thread["id"]),
                body=first.get("content") or "",
                own=first["author"]["id"] == self._self,
            )

    def create_comment(self, pull_request: str, body: str) -> str:
        """Opens a thread; ``closed`` as nobody has to resolve it."""
        comment = {"parentCommentId": 0, "content": body, "commentType": "text"}
        path = f"{self._pulls}/pullRequests/{pull_request}/threads"
        found = self._send("POST", path, {"comments": [comment], "status": "closed"})
        return f"pull request {pull_request}, thread {found['id']}"

    def update_comment(self, pull_request: str, note: Note, body: str) -> str:
        """Writes a thread's first comment anew."""
        path = f"{self._pulls}/pullRequests/{pull_request}/threads/{note.id}/comments/1"
        self._send("PATCH", path, {"content": body})
        return f"pull request {pull_request}, thread {note.id}"

    def issues(self, label: str, title: str) -> Iterator[Note]:
        """The work items with the tag, newest first."""
        wiql = (
            "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project "  # noqa: S608
            f"AND [System.Tags] CONTAINS '{_quoted(label)}' "
            f"AND [System.Title] = '{_quoted(title)}' ORDER BY [System.Id] DESC"
        )
        found = self._send("POST", f"{self.project}/_apis/wit/wiql", {"query": wiql})
        for each in found["workItems"]:
            path = f"{self.project}/_apis/wit/workitems/{each['id']}"
            item = self.api.call("GET", path, **{"api-version": _VERSION}).data
            fields = item["fields"]
            yield Note(
                id=str(item["id"]),
                body=fields.get("System.Description", ""),
                own=(fields.get("System.CreatedBy") or {}).get("id") == self._self,
                open=fields["System.State"] != self._states["Completed"],
                url=item["url"],
            )

    def create_issue(self, label: str, title: str, body: str) -> str:
        """Makes a work item."""
        path = f"{self.project}/_apis/wit/workitems/${quote(self.work_item)}"
        fields = {"System.Title": title, "System.Tags": label}
        return self._patch("POST", path, body, fields)

    def update_issue(self, note: Note, body: str, *, opened: bool) -> str:
        """Writes a work item anew."""
        path = f"{self.project}/_apis/wit/workitems/{note.id}"
        state = self._states["Proposed" if opened else "Completed"]
        return self._patch(
            "PATCH", path, body, {} if opened == note.open else {"System.State": state}
        )

    @cached_property
    def _states(self) -> dict[str, str]:
        """What the project's process calls its first state of a category."""
        path = f"{self.project}/_apis/wit/workitemtypes/{quote(self.work_item)}/states"
        found = self.api.call("GET", path, **{"api-version": _VERSION}).data["value"]
        return {each["category"]: each["name"] for each in reversed(found)}

    def _patch(self, method: str, path: str, body: str, fields: Mapping[str, str]) -> str:
        values = {
            "/multilineFieldsFormat/System.Description": "Markdown",
            "/fields/System.Description": body,
            **{f"/fields/{name}": value for name, value in fields.items()},
        }
        changes = [{"op": "add", "path": key, "value": value} for key, value in values.items()]
        found = self._send(method, path, changes, content="application/json-patch+json")
        return str(found["url"])

    def _send(
        self, method: str, path: str, body: Any, content: str = "application/json"
    ) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.api.call(
            method, path, body, content=content, **{"api-version": _VERSION}
        ).data
        return found


def _quoted(text: str) -> str:
    return text.replace("'", "''")
