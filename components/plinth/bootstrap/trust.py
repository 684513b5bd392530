"""Whom an account trusts: the exact subjects of a CI's OIDC tokens. Pure functions.

Sources: GitHub documentation, "OpenID Connect reference" (``pull_request``, ``environment:NAME``,
``ref:refs/heads/BRANCH``, and immutable subjects with ``@ID`` behind owner and repository); GitLab
documentation, "OpenID Connect (OIDC) Authentication Using ID Tokens" (``project_path:…:ref_type:
branch:ref:…``; a merge request's pipeline has its source branch there); Microsoft documentation,
"Convert service connections" (issuer and subject of Azure DevOps are those of each connection).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from plinth.errors import Problem, UsageError, nearest

GITHUB: Final = "github"
GITLAB: Final = "gitlab"
AZURE_DEVOPS: Final = "azure-devops"
SYSTEMS: Final = (GITHUB, GITLAB, AZURE_DEVOPS)

_ISSUERS: Final = {
    GITHUB: "https://token.actions.githubusercontent.com",
    GITLAB: "https://gitlab.com",
}
#: Owner and repository, each perhaps with the number that GitHub's immutable subjects carry.
_REPOSITORY: Final = re.compile(r"[\w.-]+(@\d+)?(/[\w.-]+(@\d+)?)+")
#: What may be in a subject: nothing that a cloud takes for a pattern, no separator.
_WORD: Final = re.compile(r"[\w./ -]+")
_ISSUER: Final = re.compile(r"https://[\w.-]+(/[\w./-]*[\w-])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A CI system and the subjects it may come as.

    Attributes:
        ci: One of :data:`SYSTEMS`.
        repository: ``ORG/REPO``; on Azure DevOps ``ORG/PROJECT``.
        issuer: URL of whoever signs the tokens.
        preview: Subjects of runs that look only; the last sign may be ``*``.
        deploy: Subjects of runs that change things; always exact.
    """

    ci: str
    repository: str
    issuer: str
    preview: tuple[str, ...]
    deploy: tuple[str, ...]

    @property
    def host(self) -> str:
        """The issuer without its scheme, as AWS names the provider."""
        return self.issuer.removeprefix("https://")

    def to_json(self) -> dict[str, Any]:
        """As plain data, to be kept in the stack's outputs."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trust:
        """Reads what :meth:`to_json` wrote."""
        subjects = {key: tuple(data[key]) for key in ("preview", "deploy")}
        return cls(**{**data, **subjects})


def trust_of(
    ci: str,
    repository: str,
    *,
    branch: str = "main",
    environments: Sequence[str] = (),
    issuer: str | None = None,
    preview: Sequence[str] = (),
    deploy: Sequence[str] = (),
) -> Trust:
    """The trust that a CI system needs.

    Args:
        ci: One of :data:`SYSTEMS`.
        repository: ``ORG/REPO``.
        branch: The protected branch that deploys.
        environments: The CI's protected environments, which deploy in its place.
        issuer: Another issuer: a GitLab of one's own, or that of a service connection.
        preview: Subjects to take in place of the usual ones.
        deploy: Subjects to take in place of the usual ones.

    Raises:
        UsageError: Something could stand for more than it says, or is missing.
    """
    if ci not in SYSTEMS:
        raise _refused("ci", ci, "a CI system that is known", allowed=SYSTEMS)
    if not _REPOSITORY.fullmatch(repository):
        raise _refused("repository", repository, "a repository", fix="Write ORG/REPO.")
    for option, word in [("branch", branch), *(("environment", name) for name in environments)]:
        if not _WORD.fullmatch(word):
            raise _refused(option, word, "a plain name", fix="Name one, without a pattern.")
    issuer = issuer or _ISSUERS.get(ci)
    subjects = _SUBJECTS[ci](repository, branch, environments)
    found = (tuple(preview) or subjects[0], tuple(deploy) or subjects[1])
    if issuer is None or not all(found):
        raise UsageError(
            Problem(
                code="trust-incomplete",
                message="Azure DevOps gives every service connection an issuer and a subject of "
                "its own",
                fix="Copy them from the details of two connections, one that previews and one that "
                "deploys: --issuer, --preview-subject, --deploy-subject.",
            )
        )
    if not _ISSUER.fullmatch(issuer):
        raise _refused("issuer", issuer, "an issuer", fix="Write it like https://gitlab.com.")
    for subject in found[0]:
        if re.search(r"[*?]", subject[:-1] if repository in subject else subject):
            fix = "A pattern names the repository, and stands at the end alone: …ORG/REPO…*."
            raise _refused("preview-subject", subject, "of this repository alone", fix=fix)
    for subject in found[1]:
        if re.search(r"[*?]", subject):
            raise _refused("deploy-subject", subject, "one subject", fix="Write it in full.")
    return Trust(ci=ci, repository=repository, issuer=issuer, preview=found[0], deploy=found[1])


def _github(
    repository: str, branch: str, environments: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    here = f"repo:{repository}"
    on_branch = f"{here}:ref:refs/heads/{branch}"
    # The nightly search for drift runs on the branch, and looks only.
    preview = (f"{here}:pull_request", on_branch)
    return preview, tuple(f"{here}:environment:{name}" for name in environments) or (on_branch,)


def _gitlab(
    repository: str, branch: str, _environments: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # The environment is a claim of its own on GitLab, which not all clouds can ask for.
    refs = f"project_path:{repository}:ref_type:branch:ref"
    # The branch itself as well: Azure knows no pattern.
    return (f"{refs}:{branch}", f"{refs}:*"), (f"{refs}:{branch}",)


def _azure_devops(
    _repository: str, _branch: str, _environments: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (), ()


_SUBJECTS: Final = {GITHUB: _github, GITLAB: _gitlab, AZURE_DEVOPS: _azure_devops}


def _refused(
    option: str, value: str, what: str, *, allowed: tuple[str, ...] = (), fix: str | None = None
) -> UsageError:
    return UsageError(
        Problem(
            code="bad-trust",
            message=f"--{option} is '{value}', which is not {what}",
            allowed=allowed,
            nearest=nearest(value, allowed) if allowed else None,
            fix=fix,
        )
    )
