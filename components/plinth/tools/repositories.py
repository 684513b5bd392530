"""Git repositories that tools follow: what can be cloned, and with which credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from plinth.errors import Problem

if TYPE_CHECKING:
    from pulumi import Resource

    from plinth.context import Context
    from plinth.spec.options import Repository

#: Key of the user's name, and of the token, in the secret that `credentials` refers to.
_KEYS = ("username", "password")


def problems(repository: Repository | None, path: str) -> Iterator[Problem]:
    """Refuses what git-sync could not clone with a user name and a token.

    Args:
        repository: What the spec says, if anything.
        path: Of the repository's block, relative to the capability's.
    """
    if repository and not repository.repository.startswith("https://"):
        yield Problem(
            code="repository-over-ssh",
            message="repositories are cloned over https, with a read-only token where they are "
            "private",
            path=f"{path}.repository",
            fix="Write the https:// address, and name the token's secret in credentials.",
        )


def credentials(
    context: Context, name: str, repository: Repository, *, depends_on: Sequence[Resource]
) -> Resource | None:
    """The Kubernetes Secret ``name`` for git-sync; ``None`` for public repositories.

    It holds the user name and the token under the variable names of git-sync 4 and 3, because
    Airflow's chart reads both.
    """
    if repository.credentials is None:
        return None
    token = context.cloud.existing(repository.credentials.secret, _KEYS)
    data = {
        f"{prefix}_{key.upper()}": f"${{token.{key}}}"
        for prefix in ("GITSYNC", "GIT_SYNC")
        for key in _KEYS
    }
    return context.secret(name, data, {"token": token}, depends_on=depends_on)
