"""Turns a YAML parser's complaints into plain sentences with the fix.

libyaml and PyYAML's own scanner word the same mistake differently; what they share is the context
(``while parsing a block mapping``) and the position, so those and the text itself are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from plinth.errors import Location, Problem
from plinth.spec.wording import quote

_CLOSES = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class _Trouble:
    """A parser's complaint together with the text around it."""

    what: str
    context: str
    line: int
    column: int
    began: tuple[int, int] | None
    lines: Sequence[str]
    opened: tuple[int, int, str] | None

    @property
    def text(self) -> str:
        """The line the complaint points at."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def before(self) -> str:
        return self.text[: self.column]

    @property
    def at(self) -> str:
        """The character the complaint points at, or nothing at the end of a line."""
        return self.text[self.column : self.column + 1]


#: code, message, fix, zero-based line and column
_Verdict = tuple[str, str, str, int, int]


def explain(
    error: Exception, text: str, file: str, opened: Sequence[yaml.CollectionStartEvent]
) -> Problem:
    """The problem behind a YAML error.

    Args:
        error: What the parser raised.
        text: The whole file.
        file: Its name for the location.
        opened: Lists and mappings that were open when the parser stopped, outermost first.
    """
    lines = re.split("\r\n|\r|\n", text)
    line, column = position(getattr(error, "problem_mark", None))
    began = getattr(error, "context_mark", None)
    flow = [event for event in opened if event.flow_style]
    trouble = _Trouble(
        what=getattr(error, "problem", None) or "",
        context=getattr(error, "context", None) or "",
        line=line,
        column=column,
        began=position(began) if began else None,
        lines=lines,
        opened=_opening(flow[-1], lines) if flow else None,
    )
    checks = (_tab, _quoted, _brackets, _start, _header, _several, _colon, _indentation)
    found = next((verdict for check in checks if (verdict := check(trouble))), None)
    code, message, fix, line, column = found or _unclear(trouble)
    line = min(line, len(lines) - 1)
    column = min(column, len(lines[line]))
    return Problem(
        code=code, message=message, location=Location(file, line + 1, column + 1), fix=fix
    )


def position(mark: Any) -> tuple[int, int]:
    """Line and column of a YAML mark, from zero; the file's start when a parser gives none."""
    return (mark.line, mark.column) if mark else (0, 0)


def _opening(event: yaml.CollectionStartEvent, lines: Sequence[str]) -> tuple[int, int, str]:
    line, column = position(event.start_mark)
    return line, column, lines[line][column : column + 1]


def _tab(trouble: _Trouble) -> _Verdict | None:
    indent = re.match(r"\s*", trouble.text)
    if indent is None or "\t" not in indent[0]:
        return None
    message = "a tab character is used for indentation"
    return "tab", message, "Indent with spaces, two a level.", trouble.line, indent[0].index("\t")


def _quoted(trouble: _Trouble) -> _Verdict | None:
    if "quoted scalar" not in trouble.context:
        return None
    line, column = trouble.began or (trouble.line, trouble.column)
    if "unexpected" in trouble.what:
        mark = trouble.lines[line][column : column + 1]
        message = f"the text that begins here with {mark} has no closing {mark}"
        return "syntax", message, f"Add the closing {mark}.", line, column
    message = "a backslash in double quotes begins an escape, and this one does not exist"
    fix = "Use single quotes, or write two backslashes."
    return "syntax", message, fix, trouble.line, trouble.column


def _brackets(trouble: _Trouble) -> _Verdict | None:
    if trouble.opened is None:
        if trouble.at and trouble.at in "]}":
            message = f"the closing {trouble.at} has no opening bracket"
            fix = f"Remove the {trouble.at}, or put the text in quotes."
            return "syntax", message, fix, trouble.line, trouble.column
        return None
    line, column, opening = trouble.opened
    closing = _CLOSES.get(opening, "")
    if trouble.at == "," or (trouble.at and trouble.at in "]}" and trouble.at != closing):
        wrong = "a value is missing before ','" if trouble.at == "," else f"{trouble.at} is wrong"
        message = f"{wrong} in what opened with {opening} at line {line + 1}, column {column + 1}"
        fix = "Remove the comma." if trouble.at == "," else f"Close it with {closing}."
        return "syntax", message, fix, trouble.line, trouble.column
    if "flow" in trouble.context:
        message = f"what opens here with {opening} is not closed, or lacks a comma between items"
        return "syntax", message, f"Add the missing comma or {closing}.", line, column
    return None


def _start(trouble: _Trouble) -> _Verdict | None:
    """Values that begin with a character YAML keeps for itself."""
    line, column = trouble.line, trouble.column
    if "alias" in trouble.context or "anchor" in trouble.context:
        line, column = trouble.began or (line, column)
    elif "cannot start any token" not in trouble.what:
        return None
    text = trouble.lines[line] if line < len(trouble.lines) else ""
    character, rest = text[column : column + 1], text[column:].strip()
    message = f"an unquoted value cannot begin with {character}"
    return "syntax", message, f"Put it in quotes: {quote(rest)}.", line, column


def _header(trouble: _Trouble) -> _Verdict | None:
    """Tags, directives, block-text headers, lists on their key's line."""
    line, column = trouble.line, trouble.column
    if "tag" in trouble.context or "tag handle" in trouble.what:
        line, column = trouble.began or (line, column)
        fix = "Remove it, or put the text in quotes."
        return "tag", "a value with a tag (!) is not allowed in a spec", fix, line, column
    if "directive" in trouble.context or "YAML document" in trouble.what:
        fix = "Remove the line, or put the text in quotes."
        return "syntax", "a spec has no % directives", fix, line, 0
    if "block scalar" in trouble.context:
        message = "after | or > nothing else may stand on the line"
        return "syntax", message, "Begin the text on the next line, indented.", line, column
    if "sequence entries" in trouble.what:
        message = "a list cannot begin on the same line as its key"
        return "syntax", message, "Begin it on the next line, or write [a, b].", line, column
    return None


def _several(trouble: _Trouble) -> _Verdict | None:
    """Document marks, and text that does not belong to the one mapping."""
    line, column = trouble.line, trouble.column
    if trouble.text.startswith(("...", "---")):
        fix = "Remove the line; a spec is one document."
        return "syntax", "a document mark stands where a value is due", fix, line, 0
    if "document start" in trouble.what:
        first = trouble.lines[_first(trouble.lines)]
        if first.startswith(" ") and column < len(first) - len(first.lstrip()):
            message = "this line begins further left than the first line of the spec"
            fix = "Begin both at the left edge."
            return "indentation", message, fix, line, column
        message = "there is text after the end of the spec"
        fix = "Remove it, or the line `...` before it; a spec is one mapping."
        return "syntax", message, fix, line, column
    return None


def _colon(trouble: _Trouble) -> _Verdict | None:
    line, column = trouble.line, trouble.column
    if "expected ':'" in trouble.what:
        line, column = trouble.began or (line, column)
        return _no_colon(trouble.lines[line], line, column)
    if "mapping values" not in trouble.what:
        return None
    head = re.match(r"(\s*(?:- +)*[^\s:][^:]*): +", trouble.before)
    if head:
        rest = trouble.text[head.end() :].strip()
        message = "a second ': ' stands in the value of one line"
        fix = f"Put the value in quotes: {quote(rest)}."
        return "syntax", message, fix, line, column
    above = _above(trouble)
    if above is not None and ": " not in f"{trouble.lines[above]} ":
        text = trouble.lines[above]
        return _no_colon(text, above, len(text) - len(text.lstrip()))
    return _misplaced(trouble)


def _no_colon(text: str, line: int, column: int) -> _Verdict:
    glued = re.match(r"\s*(?:- +)*([\w.-]+):\S", text)
    if glued:
        message = f"a space is missing after '{glued[1]}:'"
        return "syntax", message, f"Write `{glued[1]}: …`.", line, glued.end(1)
    message = "this line is neither `key: value` nor a list item"
    return "syntax", message, "Add the colon and the value, or remove the line.", line, column


def _indentation(trouble: _Trouble) -> _Verdict | None:
    if "block" not in trouble.context:
        return None
    line, column = trouble.line, trouble.column
    if trouble.before.strip():
        message = "text follows here where the value has already ended"
        fix = "Put the whole value in one pair of quotes; double a ' inside single quotes."
        return "syntax", message, fix, line, column
    if trouble.at == "-" and "mapping" in trouble.context:
        message = "a list item stands among keys"
        return "indentation", message, "Indent it under the key it belongs to.", line, column
    if trouble.at == ":":
        message = "a key is missing before the colon"
        return "syntax", message, "Write `key: value`.", line, column
    if "collection" in trouble.context and trouble.began and column == trouble.began[1]:
        message = "a key stands among list items"
        fix = "Begin it with `- `, or indent it as its own key."
        return "indentation", message, fix, line, column
    return _misplaced(trouble)


def _misplaced(trouble: _Trouble) -> _Verdict:
    indents: list[int] = []
    for text in reversed(trouble.lines[: trouble.line]):
        indent = len(text) - len(text.lstrip())
        if text.strip() and not text.lstrip().startswith("#") and indent < min([*indents, 999]):
            indents.append(indent)
    indent = len(trouble.text) - len(trouble.text.lstrip())
    choices = " or ".join(str(count) for count in sorted(indents) if count)
    fix = f"Indent it by {choices} spaces, or not at all." if choices else "Do not indent it."
    message = f"this line is indented by {indent}, which fits no line above it"
    return "indentation", message, fix, trouble.line, indent


def _first(lines: Sequence[str]) -> int:
    real = (i for i, text in enumerate(lines) if text.strip() and text.lstrip()[0] not in "#%-")
    return next(real, 0)


def _above(trouble: _Trouble) -> int | None:
    for line in range(min(trouble.line, len(trouble.lines)) - 1, -1, -1):
        text = trouble.lines[line].strip()
        if text and not text.startswith("#"):
            return line
    return None


def _unclear(trouble: _Trouble) -> _Verdict:
    reason = re.sub(r"\s+", " ", trouble.what) or "it cannot be read"
    message = f"this is not valid YAML: {reason}"
    fix = "Check quotes, brackets and indentation here and on the line above."
    return "syntax", message, fix, trouble.line, trouble.column
