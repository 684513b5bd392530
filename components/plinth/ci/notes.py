"""What is said in a pull request and in the drift issue, and what was approved by it.

There is one comment per pull request and platform, and one issue per platform, each written anew in
place.  The comment's last line carries the digests of the plans that it shows: merging approves
them, and :func:`approved` reads them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from plinth.changes import APPROVAL, approval
from plinth.ci.hosts import Host, Note
from plinth.errors import PlinthError, Problem, UsageError
from plinth.review.markdown import comment as render
from plinth.review.model import Review

#: Label of the drift issue.
LABEL: Final = "plinth-drift"

_APPROVED: Final = re.compile(r"<!-- plinth-approved (\{.*\}) -->")
#: GitHub takes 65,536 characters in a comment, and 1 MiB, so bytes, in a summary.
_LONGEST_COMMENT: Final = 65_000
_LONGEST_LOG: Final = 900_000
#: Of the last line; beyond, plans are approved as a whole, and none can be finished by its rest.
_LONGEST_APPROVALS: Final = 25_000
_CUT: Final = "\n\n_More did not fit here; the full log has everything._"


class ApprovalError(PlinthError):
    """What is to be brought up was not approved in a pull request."""


def read(paths: Iterable[Path]) -> tuple[Review, ...]:
    """Reviews from files, or from all ``.json`` files of folders, by environment.

    Raises:
        UsageError: A file is no review, or not there.
    """
    files = [
        file
        for path in paths
        for file in (sorted(path.glob("**/*.json")) if path.is_dir() else [path])
    ]
    found = []
    for file in files:
        try:
            found.append(Review.from_json(json.loads(file.read_text(encoding="utf-8"))))
        except OSError as error:
            raise _unreadable(file, error.strerror or "cannot be read") from None
        except (ValueError, RecursionError):
            raise _unreadable(file, "is not JSON") from None
    return tuple(found)


def comment(
    reviews: Sequence[Review],
    *,
    platform: str,
    expected: Sequence[str] = (),
    log: str | None = None,
    trusted: bool = True,
) -> str:
    """The comment of a pull request.

    Args:
        reviews: What was found.
        platform: The platform's name.
        expected: The environments that should have been reviewed.
        log: Address of the whole log.
        trusted: Whether the reviews come from our own pipeline.  Digests of others, as of forks,
            approve nothing, and their comment is told from others by our own platform's name.
    """
    text = _neutral(render(reviews, log=log)) if reviews else f"{_nothing(expected)}\n"
    mark = mark_of(platform)
    if not text.startswith(mark):
        text = f"{mark}\n{text}"
    if reviews and (missing := _missing(reviews, expected)):
        text = f"{text.rstrip()}\n\n{_absent(missing, log)}\n"
    may_go = [
        review
        for review in reviews
        if trusted and review.source == "engine" and not review.blockers
    ]
    line = _approving({each.environment: approval(each.digest, each.changes) for each in may_go})
    if len(line) > _LONGEST_APPROVALS:
        line = _approving({each.environment: each.digest for each in may_go})
    return _ended(text, line)


def _approving(approvals: Mapping[str, str]) -> str:
    return f"<!-- plinth-approved {json.dumps(approvals, sort_keys=True)} -->"


def mark_of(platform: str) -> str:
    """How the comment of a platform begins."""
    return f"<!-- plinth-review {platform} -->"


def post_comment(host: Host, body: str, *, platform: str, quiet: bool = False) -> str | None:
    """Writes the comment: anew in place where there is one already.

    Args:
        host: Where.
        body: The comment.
        platform: The platform's name.
        quiet: Whether nothing is written where no comment is yet.

    Returns:
        Its address; ``None`` when nothing was written.

    Raises:
        ApprovalError: The run belongs to no pull request.
        HostError: The host refused.
    """
    number = host.pull_request()
    if number is None:
        raise ApprovalError(_no_pull_request(host))
    note = _own(host.comments(number), mark_of(platform))
    if note is not None:
        return host.update_comment(number, note, body)
    return None if quiet else host.create_comment(number, body)


def approved(
    host: Host, environment: str, *, platform: str, pull_request: str | None = None
) -> str:
    """The plan that a pull request approved, as :func:`plinth.changes.approval` has it.

    Read from the last line of the comment that the pipeline itself wrote, and from no other.

    Args:
        host: Where.
        environment: The environment.
        platform: The platform's name.
        pull_request: Its number. Default: the one that brought the commit.

    Raises:
        ApprovalError: There is no pull request, no comment of ours, or no such plan in it.
        HostError: The host refused.
    """
    number = pull_request or host.pull_request()
    if number is None:
        raise ApprovalError(_no_pull_request(host))
    mark = mark_of(platform)
    marked = [note for note in host.comments(number) if note.body.startswith(mark)]
    note = next((note for note in marked if note.own), None)
    if note is None:
        foreign = " but by somebody else than the pipeline" if marked else ""
        raise ApprovalError(
            Problem(
                code="not-reviewed",
                message=f"pull request {number} has no review of {platform}{foreign}",
                fix="Let the preview pipeline run and comment, and merge what it shows.",
            )
        )
    digest = _digests(note.body).get(environment)
    if digest is None:
        raise ApprovalError(
            Problem(
                code="not-approved",
                message=f"the review in pull request {number} has no plan of {environment} that "
                "may be carried out",
                environment=environment,
                fix="A plan counts when the engine made it and nothing blocked it; open a pull "
                f"request that touches {environment}, and merge what its comment shows.",
            )
        )
    return digest


def issue(
    reviews: Sequence[Review],
    *,
    platform: str,
    expected: Sequence[str] = (),
    log: str | None = None,
) -> str | None:
    """The drift issue's text; ``None`` when all is as it should be and everything was looked at."""
    drifted = [review for review in reviews if review.changes]
    missing = _missing(reviews, expected)
    if not drifted and not missing:
        return None
    parts = []
    if drifted:
        names = ", ".join(review.environment for review in drifted)
        parts.append(
            f"What runs in **{names}** is not what the spec says. `plinth up` puts it right; where "
            "the change was meant, write it into the spec.\n\n" + _neutral(render(drifted, log=log))
        )
    if missing:
        parts.append(_absent(missing, log))
    return f"<!-- {LABEL} {platform} -->\n" + "\n\n".join(parts).rstrip() + "\n"


def title_of(platform: str) -> str:
    """The drift issue's title, which tells it from others."""
    return f"Drift: {platform}"


def post_issue(host: Host, body: str | None, *, platform: str) -> tuple[str, str | None]:
    """Opens, updates or closes the issue.

    Returns:
        What was done (``opened``, ``updated``, ``closed``, ``nothing``), and the issue's address.

    Raises:
        HostError: The host refused.
    """
    title = title_of(platform)
    found = [note for note in host.issues(LABEL, title) if note.own]
    note = next((note for note in found if note.open), found[0] if found else None)
    if body is None:
        if note is None or not note.open:
            return "nothing", None
        return "closed", host.update_issue(note, f"{note.body}\n{_GONE}\n", opened=False)
    if note is None:
        return "opened", host.create_issue(LABEL, title, body)
    return ("updated" if note.open else "opened"), host.update_issue(note, body, opened=True)


def with_log(text: str, log: str) -> str:
    """A summary followed by a log, folded; of a log that is too long, the end."""
    shown = log.encode()[-_LONGEST_LOG:].decode(errors="ignore")
    cut = "(the beginning is left out)\n" if len(shown) < len(log) else ""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", shown) or [""]))
    return (
        f"{text.rstrip()}\n\n<details><summary>Log</summary>\n\n"
        f"{fence}text\n{cut}{shown.rstrip()}\n{fence}\n\n</details>\n"
    )


_GONE: Final = "\n**Gone:** everything is again what the spec says."


def _own(notes: Iterable[Note], mark: str) -> Note | None:
    return next((note for note in notes if note.own and note.body.startswith(mark)), None)


def _digests(body: str) -> Mapping[str, str]:
    """The approved digests: the last line's alone, the rest may quote what others wrote."""
    lines = body.rstrip().splitlines()
    found = _APPROVED.fullmatch(lines[-1].strip()) if lines else None
    if found is None:
        return {}
    try:
        digests = json.loads(found[1])
    except ValueError:
        return {}
    return {name: each for name, each in digests.items() if re.fullmatch(APPROVAL, str(each))}


def _neutral(text: str) -> str:
    """Without marks but the first line's: a review's words are not ours."""
    first, line_end, rest = text.partition("\n")
    return first + line_end + rest.replace("<!-- plinth-", "&lt;!-- plinth-")


def _missing(reviews: Sequence[Review], expected: Sequence[str]) -> list[str]:
    seen = {review.environment for review in reviews}
    return [name for name in expected if name not in seen]


def _absent(names: Sequence[str], log: str | None) -> str:
    where = f"; see [the log]({log})" if log else "; see the log"
    return "\n".join(f"**{name}** could not be looked at{where}." for name in names)


def _ended(text: str, line: str) -> str:
    """A text with a last line, cut before it where both are too long, between two paragraphs."""
    text = text.rstrip()
    room = _LONGEST_COMMENT - len(line) - len(_CUT)
    if len(text) > room:
        text = text[: text.rfind("\n\n", 0, room)] + _CUT
    return f"{text}\n\n{line}\n"


def _nothing(expected: Sequence[str]) -> str:
    if expected:
        return _absent(expected, None)
    return "This change touches no environment."


def _no_pull_request(host: Host) -> Problem:
    return Problem(
        code="no-pull-request",
        message=f"{host.name} knows no pull request for this run",
        fix="Changes come by a pull request; to bring up a merged one again, name it with "
        "--pull-request.",
    )


def _unreadable(file: Path, what: str) -> UsageError:
    return UsageError(
        Problem(
            code="review-unreadable",
            message=f"{file} {what}",
            fix="Write one with `plinth preview ENV --format json --output FILE`.",
        )
    )
