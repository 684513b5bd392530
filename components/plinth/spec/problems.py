"""Turns what pydantic finds wrong into problems that a person can mend.

Each problem names the place in the file, what is there, what would be accepted and what to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, core_schema

from plinth.errors import Location, Problem, nearest
from plinth.spec import shape, wording
from plinth.spec.models import CAPABILITIES, Settings, Spec
from plinth.spec.shape import Place
from plinth.spec.wording import kind, quote

_LOOK_UP: Final = "Change {}; `plinth explain` says what belongs there."


class Locate(Protocol):
    """Finds a value, or its key, in the file."""

    def __call__(self, path: tuple[str | int, ...], /, *, key: bool = False) -> Location:
        """The place of the value at ``path``, or of its key."""
        ...


@dataclass(frozen=True)
class _Finding:
    """One of pydantic's errors with the place it leads to."""

    error: ErrorDetails
    place: Place
    path: tuple[str | int, ...]
    written: str | None
    prefix: tuple[str | int, ...]

    @property
    def kind(self) -> str:
        return self.error["type"]

    @property
    def value(self) -> Any:
        return self.error["input"]

    @property
    def context(self) -> Mapping[str, Any]:
        return self.error.get("ctx", {})

    @property
    def name(self) -> str:
        """The value's dotted path, or what to call the whole."""
        return ".".join(map(str, self.path)) or "the spec"

    @property
    def found(self) -> str:
        return "empty" if self.value is None else kind(self.value)


def from_validation(
    error: ValidationError,
    *,
    locate: Locate,
    path_prefix: tuple[str | int, ...] = (),
    model: type[BaseModel],
    environment: str | None,
    written: Callable[[tuple[str | int, ...]], str | None] | None = None,
) -> list[Problem]:
    """Every error of a validation as a problem, one a place, in the order of the file.

    Args:
        error: What pydantic raised.
        locate: Finds a path of the spec in the file.
        path_prefix: Where in the spec the validated part is.
        model: The model that was validated against.
        environment: The environment it was validated for.
        written: Gives an unquoted scalar as it stands in the file, for hints about quotes.
            Default: ``written`` of the object that ``locate`` is a method of, if it has one.
    """
    written = written or getattr(getattr(locate, "__self__", None), "written", None)
    findings = []
    for details in error.errors(include_url=False):
        place = shape.walk(model, details["loc"])
        path = (*path_prefix, *place.path)
        text = written(path) if written else None
        findings.append(_Finding(details, place, path, text, path_prefix))
    problems: dict[tuple[str | int, ...], Problem] = {}
    for finding in _one_member(findings):
        problem = _problem(finding, model)
        where = _location(finding, locate)
        placed = replace(
            problem,
            location=where,
            path=".".join(map(str, finding.path)) or None,
            environment=environment,
        )
        problems.setdefault(finding.path, placed)
    return sorted(_without_misspelt(problems), key=_order)


def _without_misspelt(problems: Mapping[tuple[str | int, ...], Problem]) -> Iterable[Problem]:
    """Leaves out missing keys that are there, misspelt: the unknown key names them already."""
    meant = {
        (*path[:-1], problem.nearest)
        for path, problem in problems.items()
        if problem.code == "unknown-key"
    }
    for path, problem in problems.items():
        if problem.code != "missing-key" or path not in meant:
            yield problem


def merge(problems: Iterable[Problem]) -> list[Problem]:
    """Problems of several environments as one list in the order of the file.

    One that shows in several environments at the same place is kept once, without environment.
    Where a placeholder is still to be filled in, nothing else is said.
    """
    problems = list(problems)
    unfilled = {problem.location for problem in problems if problem.code == "placeholder"}
    kept: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        if problem.code != "placeholder" and problem.location in unfilled and problem.location:
            continue
        key = (problem.code, problem.message, problem.location, problem.path)
        first = kept.setdefault(key, problem)
        if first.environment != problem.environment:
            kept[key] = replace(first, environment=None)
    return sorted(kept.values(), key=_order)


def _order(problem: Problem) -> tuple[bool, str, int, int, str]:
    where = problem.location or Location("", 0, 0)
    in_no_file = problem.location is None
    return in_no_file, where.file, where.line, where.column, problem.path or ""


def _location(finding: _Finding, locate: Locate) -> Location:
    if finding.kind in ("missing", "union_tag_not_found"):
        parent = finding.path[:-1] if finding.kind == "missing" else finding.path
        return locate(parent, key=True)
    of_key = finding.place.of_key or finding.kind == "extra_forbidden"
    return locate(finding.path, key=of_key)


# --- unions ---------------------------------------------------------------------------------------


def _one_member(findings: Sequence[_Finding]) -> list[_Finding]:
    """Of every union, the errors of the member that was most likely meant."""
    kept = [finding for finding in findings if not finding.place.unions]
    groups: dict[tuple[str | int, ...], dict[str, list[_Finding]]] = {}
    for finding in findings:
        for where, member in finding.place.unions[:1]:
            groups.setdefault(where, {}).setdefault(member, []).append(finding)
    for where, tried in groups.items():
        close = {
            member: errors
            for member, errors in tried.items()
            if not all(_is_mismatch(error, where) for error in errors)
        }
        if close:
            fewest = min(len(errors) for errors in close.values())
            kept.extend(next(errors for errors in close.values() if len(errors) == fewest))
        else:
            kept.append(_combined([errors[0] for errors in tried.values()]))
    return kept


def _is_mismatch(finding: _Finding, where: tuple[str | int, ...]) -> bool:
    """Whether a union's member was not meant at all: the whole value is of another kind."""
    return finding.place.path == where and wording.expected(finding.kind) is not None


def _combined(findings: Sequence[_Finding]) -> _Finding:
    expected = dict.fromkeys(wording.expected(finding.kind) or "" for finding in findings)
    context = {"expected_words": " or ".join(expected)}
    first = findings[0]
    return replace(first, error={**first.error, "ctx": context})


# --- one finding ----------------------------------------------------------------------------------


def _problem(finding: _Finding, model: type[BaseModel]) -> Problem:
    error_type = finding.kind
    if error_type in wording.BOUNDS:
        return _bound(finding)
    if error_type in _SPECIAL:
        return _SPECIAL[error_type](finding, model)
    if wording.expected(error_type):
        return _wrong_type(finding)
    return _custom(finding)


def _unknown_key(finding: _Finding, model: type[BaseModel]) -> Problem:
    key = str(finding.path[-1])
    holder = finding.place.holder
    allowed = tuple(shape.fields(holder)) if holder else ()
    if holder is model and finding.prefix and finding.prefix[0] in CAPABILITIES:
        allowed = ("tool", *allowed)
    elif holder is Settings:
        allowed = tuple(shape.fields(Spec))
    close = nearest(key, allowed)
    where = ".".join(map(str, finding.path[:-1])) or "a spec"
    fix = f"Write {close}." if close else "Remove it."
    if ":" in key:
        fix = f"Put a space after the colon: `{key.partition(':')[0]}: …`."
    elif close is None and holder is not Settings and key in Settings.model_fields:
        fix = f"Move {key} to the top level."
    return Problem(
        code="unknown-key",
        message=f"{where} has no key '{key}'",
        allowed=allowed,
        nearest=close,
        fix=fix,
    )


def _missing_key(finding: _Finding, _model: type[BaseModel]) -> Problem:
    key = str(finding.path[-1])
    where = ".".join(map(str, finding.path[:-1])) or "the spec"
    sample = shape.inline(shape.example(finding.place.field)) if finding.place.field else "…"
    listed = shape.values(finding.place.annotation)
    return Problem(
        code="missing-key",
        message=f"{where} lacks the key '{key}'",
        allowed=tuple(map(shape.inline, listed)),
        fix=f"Add `{key}: {sample}`.",
    )


def _not_allowed(finding: _Finding, _model: type[BaseModel]) -> Problem:
    listed = shape.values(finding.place.annotation)
    allowed = tuple(str(value) for value in listed)
    text = finding.written if finding.written is not None else str(finding.value)
    close = nearest(text, allowed) if isinstance(finding.value, str) else None
    fix = f"Write {close}." if close else f"Write one of: {', '.join(allowed)}."
    if text in allowed:
        as_text = isinstance(listed[allowed.index(text)], str)
        fix = f'Write "{text}" in quotes.' if as_text else f"Write {text} without quotes."
        close = text
    return Problem(
        code="not-allowed",
        message=f"{finding.name} cannot be {finding.found}",
        allowed=allowed,
        nearest=close,
        fix=fix,
    )


def _bad_tag(finding: _Finding, _model: type[BaseModel]) -> Problem:
    """A union told apart by a key whose value fits no member."""
    key = str(finding.context.get("discriminator", "")).strip("'")
    allowed = tuple(
        tag.strip().strip("'") for tag in str(finding.context["expected_tags"]).split(",")
    )
    tag = str(finding.context.get("tag", ""))
    close = nearest(tag, allowed)
    return Problem(
        code="not-allowed",
        message=f"{finding.name}.{key} cannot be {quote(tag)}",
        allowed=allowed,
        nearest=close,
        fix=f"Write `{key}: {close or allowed[0]}`.",
    )


def _no_tag(finding: _Finding, _model: type[BaseModel]) -> Problem:
    key = str(finding.context.get("discriminator", "")).strip("'")
    tags = [
        value
        for option in shape.members(finding.place.annotation)
        if shape.is_model(option) and key in shape.fields(option)
        for value in shape.values(shape.fields(option)[key].annotation)
    ]
    return Problem(
        code="missing-key",
        message=f"{finding.name} lacks the key '{key}'",
        allowed=tuple(map(str, tags)),
        fix=f"Add `{key}: {tags[0] if tags else '…'}`.",
    )


def _bad_format(finding: _Finding, _model: type[BaseModel]) -> Problem:
    pattern = str(finding.context.get("pattern", ""))
    form = wording.FORMS.get(pattern, f"text that matches {pattern}")
    field = finding.place.field
    examples = (field.examples or []) if field and not finding.place.of_key else []
    repaired = wording.repair(str(finding.value), pattern)
    sample = f"something like {shape.inline(examples[0])}" if examples else form
    fix = f"Write {repaired or sample}."
    subject = f"the key {finding.name}" if finding.place.of_key else finding.name
    return Problem(
        code="bad-format", message=f"{subject} must be {form}; it is {finding.found}", fix=fix
    )


def _value_error(finding: _Finding, _model: type[BaseModel]) -> Problem:
    reason = str(finding.context.get("error") or finding.error["msg"])
    reason = reason.strip().rstrip(".") or "the value cannot be used"
    return Problem(
        code="invalid-value",
        message=f"{finding.name}: {reason}",
        fix=_LOOK_UP.format(finding.name),
    )


def _bound(finding: _Finding) -> Problem:
    context = {
        key: f"{value:g}" if isinstance(value, float) else value
        for key, value in finding.context.items()
    }
    bound = wording.BOUNDS[finding.kind].format_map(context)
    size = finding.context.get("actual_length")
    found = finding.found if not isinstance(size, int) else f"{size} long"
    subject = f"the key {finding.name}" if finding.place.of_key else finding.name
    return Problem(
        code="out-of-range",
        message=f"{subject} must be {bound}; it is {found}",
        fix=f"Choose a value that is {bound}.",
    )


def _wrong_type(finding: _Finding) -> Problem:
    expected = (
        finding.context.get("expected_words") or wording.expected(finding.kind) or "another value"
    )
    return Problem(
        code="wrong-type",
        message=f"{finding.name} must be {expected}; it is {finding.found}",
        fix=_retype(finding, expected),
    )


def _retype(finding: _Finding, expected: str) -> str:
    value = finding.value
    text = finding.written if finding.written is not None else shape.inline(value)
    last = next((part for part in reversed(finding.path) if isinstance(part, str)), "key")
    field = finding.place.field
    sample = shape.inline(field.examples[0]) if field and field.examples else expected
    fix = f"Write {sample}."
    if value is None:
        default = {wording.MAPPING: f"`{last}: {{}}` for the defaults", "a list": f"`{last}: []`"}
        fix = f"Write {default.get(expected, f'a value after `{last}:`')}, or remove it."
    elif "text" in expected and isinstance(value, bool | int | float):
        fix = f'Write "{text}" in quotes.'
    elif expected == "a list" and isinstance(value, str | int | float):
        fix = f"Write `{last}: [{text}]`."
    elif expected == wording.MAPPING and isinstance(value, str) and last in CAPABILITIES:
        fix = f"Write `{last}: {{tool: {text}}}`."
    elif expected == wording.MAPPING:
        fix = f"Write keys and values, indented below `{last}:`."
    elif expected == "true or false":
        fix = "Write true or false, without quotes."
    elif "number" in expected and isinstance(value, str):
        fix = "Write digits only, without units and quotes."
    return fix


def _custom(finding: _Finding) -> Problem:
    """Our validators' own words; for pydantic's rarer errors, only that the value is wrong."""
    if finding.kind in get_args(core_schema.ErrorType):
        return Problem(
            code="invalid-value",
            message=f"{finding.name} cannot be {finding.found}",
            fix=_LOOK_UP.format(finding.name),
        )
    context = finding.context
    allowed = tuple(map(str, context.get("allowed", ())))
    close = context.get("nearest")
    if close is None and allowed and isinstance(finding.value, str):
        close = nearest(finding.value, allowed)
    fix = context.get("fix") or (f"Write {close}." if close else None)
    return Problem(
        code=finding.kind.replace("_", "-"),
        message=f"{finding.name}: {finding.error['msg'].rstrip('.')}",
        allowed=allowed,
        nearest=close,
        fix=fix or _LOOK_UP.format(finding.name),
    )


_SPECIAL: Final[dict[str, Callable[[_Finding, type[BaseModel]], Problem]]] = {
    "extra_forbidden": _unknown_key,
    "unexpected_keyword_argument": _unknown_key,
    "missing": _missing_key,
    "literal_error": _not_allowed,
    "enum": _not_allowed,
    "union_tag_invalid": _bad_tag,
    "union_tag_not_found": _no_tag,
    "string_pattern_mismatch": _bad_format,
    "value_error": _value_error,
    "assertion_error": _value_error,
}
