"""The platforms that host repositories: comments of pull requests, and issues.

A host is one small class, made from the variables that its CI sets.  What is said, and whether
something is written anew or in place, is decided in :mod:`plinth.ci.notes` for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from plinth.errors import Problem, UsageError


@dataclass(frozen=True, kw_only=True)
class Note:
    """A comment or an issue.

    Attributes:
        id: The host's identifier; what it means is the host's business.
        body: The text.
        own: Whether the pipeline's own identity wrote it.
        open: Whether it is open; comments always are.
        url: Where people see it.
    """

    id: str
    body: str
    own: bool
    open: bool = True
    url: str = ""


class Host(Protocol):
    """A platform that hosts repositories. Every method may raise ``HostError``."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def log(self) -> str | None:
        """Address of the run that is going on."""

    def pull_request(self) -> str | None:
        """The pull request that this run is for, or that brought the commit; ``None`` if none."""

    def comments(self, pull_request: str) -> Iterator[Note]:
        """The comments of a pull request, oldest first."""

    def create_comment(self, pull_request: str, body: str) -> str:
        """Writes a comment and returns its address."""

    def update_comment(self, pull_request: str, note: Note, body: str) -> str:
        """Writes a comment anew and returns its address."""

    def issues(self, label: str, title: str) -> Iterator[Note]:
        """The issues with a label and a title, open or not, newest first."""

    def create_issue(self, label: str, title: str, body: str) -> str:
        """Opens an issue and returns its address."""

    def update_issue(self, note: Note, body: str, *, opened: bool) -> str:
        """Writes an issue anew, opens or closes it, and returns its address."""


#: Variable that a CI sets -> its host.
_HOSTS: Final[Mapping[str, str]] = {
    "GITHUB_ACTIONS": "plinth.ci.hosts.github:GitHub",
    "GITLAB_CI": "plinth.ci.hosts.gitlab:GitLab",
    "TF_BUILD": "plinth.ci.hosts.azure_devops:AzureDevOps",
}


def host(variables: Mapping[str, str] | None = None) -> Host:
    """The host whose CI this runs in.

    Raises:
        UsageError: It is none that is known, or lacks a variable.
    """
    variables = os.environ if variables is None else variables
    for name, target in _HOSTS.items():
        if variables.get(name):
            module, _, attribute = target.partition(":")
            return cast(Host, getattr(import_module(module), attribute).from_variables(variables))
    raise UsageError(
        Problem(
            code="not-in-ci",
            message="this runs in none of the known CI platforms, so nothing can be posted",
            allowed=tuple(_HOSTS),
            fix="Run it in a pipeline; `ci comment` and `ci issue` print without --post.",
        )
    )


def needed(variables: Mapping[str, str], name: str, fix: str) -> str:
    """A variable that has to be there.

    Raises:
        UsageError: It is not.
    """
    value = variables.get(name)
    if not value:
        raise UsageError(Problem(code="variable-missing", message=f"{name} is not set", fix=fix))
    return value
