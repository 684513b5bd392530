"""Turns what the CLI, a provider or a policy reports into problems a person can act on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pulumi.automation.errors import CommandError

from plinth.engine.changes import Collector, plain
from plinth.engine.sentences import KNOWN
from plinth.errors import EngineError, PlinthError, PolicyError, Problem

#: What the CLI says about the failure as a whole, once the cause is listed on its own.
_ECHO: Final = re.compile(
    r"^(update|preview|refresh|destroy|one or more) (?!failed: ).*(failed|issues|canceled)"
    r"|resource (monitor|plugin).*(shut|clos)|^failed to register new resource|an unhandled error"
    r"|context cancell?ed",
    re.IGNORECASE,
)


def classify(message: str, *, urn: str | None = None) -> Problem:
    """The problem behind one error message of the CLI or a provider."""
    return _classify(message, urn).problem


@dataclass(frozen=True, slots=True)
class _Cause:
    """A problem, and why it is one: what many resources may have in common.

    ``on`` is what it happened to, as far as the cloud says; ``reason`` is the rest of the message.
    """

    problem: Problem
    reason: str
    on: str = ""


def _classify(message: str, urn: str | None) -> _Cause:
    text = _sentence(message)
    of_resource = urn is not None and "pulumi:pulumi:Stack" not in urn
    for pattern, code, known, fix in KNOWN:
        found = re.search(pattern, text) or re.search(pattern, message)
        # What a resource lacks is never the backend, although that is a bucket as well.
        if found is None or (of_resource and code.startswith("backend-")):
            continue
        named = {key: value or "" for key, value in found.groupdict().items()}
        named["action"] = named.get("action") or named.get("action2") or ""
        what = named.get("what", "").strip('".,')
        on = f" on {what}" if what else ""
        told = Problem(
            code=code, message=known.format(said=_core(text), on=on, **named), path=urn, fix=fix
        )
        return _Cause(told, known.format(said=_core(text), on="", **named), on)
    code = "resource-failed" if of_resource else "engine-failed"
    return _Cause(Problem(code=code, message=text, path=urn), _core(text))


def _core(text: str) -> str:
    """What went wrong without the request that it went wrong in (as the AWS SDK tells both)."""
    _, marked, rest = text.rpartition("api error ")
    return _NOISE.sub("", rest if marked else text).rstrip(". ")


#: Numbers of requests, which make every message another one, and advice that is not ours.
_NOISE: Final = re.compile(
    r"[,.]?\s*\(?(request|trace|correlation) ?id[:=]? [\w-]+\)?"
    r"|\s*Encoded authorization failure message: \S+"
    r"|\s*(Please see https?:|NEW: You can use).*",
    re.IGNORECASE,
)


def _together(causes: Sequence[_Cause]) -> list[Problem]:
    """One problem for each reason, which says how many resources failed for it."""
    groups: dict[tuple[str, str], list[_Cause]] = {}
    for cause in causes:
        groups.setdefault((cause.problem.code, cause.reason), []).append(cause)
    return [_merged(same) for same in groups.values()]


def _merged(same: Sequence[_Cause]) -> Problem:
    first = same[0]
    names = sorted({_name(cause.problem.path) for cause in same if cause.problem.path})
    if len(names) < 2:
        return first.problem
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    listed = f"{len(names)} resources: {', '.join(names[:_MOST_NAMED])}{more}"
    example = f",{first.on} among others" if first.on else ""
    return replace(first.problem, message=f"{first.reason} ({listed}){example}", path=None)


_MOST_NAMED: Final = 5


def _name(urn: str) -> str:
    """A resource as it is called in lists: its logical name and the end of its type."""
    _, _, types, name = urn.split("::", 3)
    return f"{name} ({types.rsplit(':', 1)[-1]})"


def failure(error: CommandError, events: Collector) -> PlinthError:
    """The error to raise after a command of the CLI failed.

    Policy violations come first, then each failed resource with its provider's own message and its
    URN (in ``path``), and only without either what the CLI itself says.  What several resources
    failed for is one problem.
    """
    violations = [
        Problem(code="policy-violation", message=f"{rule}: {said.message}", path=said.urn)
        for rule, said in events.violations
        if said.severity == "error"
    ]
    if violations:
        return PolicyError(*violations)
    said = [each for each in events.diagnostics if each.severity == "error"]
    causes = [each for each in said if not _ECHO.search(each.message)] or said
    problems = [_classify(each.message, each.urn) for each in causes]
    return EngineError(*_together(problems or [_classify(_last_words(error), None)]))


#: A line of code in a traceback, with the marks below it, up to the name of an exception.
_CODE: Final = re.compile(
    r"^(?: {2,}\S.*|  File .*)\n(?: +[\^~]+\n)?(?=[A-Za-z_][\w.]*: )", re.MULTILINE
)


def _sentence(message: str) -> str:
    text = plain(message)
    if "Traceback (most recent call last)" in text:
        # The program's own exception: what follows the last line of code, the rest says where.
        text = _CODE.split(text.rstrip())[-1]
    # The engine goes on to advise changes to a program that the user never sees.
    text = text.partition(" To unprotect the resource, ")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines).removeprefix("error: ").removeprefix("Preview failed: ").rstrip(".")


def _last_words(error: CommandError) -> str:
    """What the CLI printed as its error; :class:`CommandError` keeps it only in its text."""
    text = str(error)
    stderr = text.rpartition("\n stderr: ")[2].strip()
    errors = re.findall(r"^error: (.+(?:\n(?!error:|warning:).+)*)", stderr, re.MULTILINE)
    if errors:
        return str(errors[-1])
    stdout = text.partition("\n stdout: ")[2].partition("\n stderr: ")[0]
    return stderr or stdout.strip() or "The Pulumi CLI failed without saying why"
