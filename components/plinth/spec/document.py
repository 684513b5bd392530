"""Reads a spec file into plain data that remembers where every key and value was written.

The file is read through YAML's event stream, not through a loader that builds objects: nothing in
it can make Python run code, depth and alias expansion are bounded before anything is built (deeply
nested input costs a YAML parser quadratic time), and several mistakes can be told in one run.

Plain scalars mean what YAML 1.1 says, except where that surprises: dates, times, ``.nan`` and
``.inf`` stay text.  The text as written is kept beside the value, so that later errors can say
"write "1.30" in quotes".
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from plinth.errors import Location, Problem, SpecError
from plinth.spec import nodes, syntax
from plinth.spec.nodes import Node, place, plain
from plinth.spec.wording import kind

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 40
#: How many values all aliases together may stand for.
MAX_ALIASED: Final = 10_000
PLACEHOLDER: Final = "CHANGEME"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR = "tag:yaml.org,2002:str"
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
#: What YAML allows in a file, less the two separators that only YAML takes for line ends.
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
#: How Git marks what it could not merge; at the left edge, where no value of a spec begins so.
_CONFLICT = re.compile(r"^<{7}(?=[ \r\n]|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A spec file as plain data with positions. Each reading of a file is one of its own.

    Attributes:
        file: The file's name as it was given.
        root: The top-level mapping.
    """

    file: str
    root: Node

    @property
    def data(self) -> dict[str, Any]:
        """The whole document as plain data. Not to be changed: aliases share their target."""
        value: dict[str, Any] = self.root.value
        return value

    def locate(self, path: nodes.Path, *, key: bool = False) -> Location:
        """Where the value at ``path`` starts, or its key; else the nearest ancestor that exists."""
        return place(self.root, path, key=key)

    def written(self, path: nodes.Path) -> str | None:
        """The unquoted scalar at ``path`` as it stands in the file; None for anything else."""
        node, rest = self.root.step(path)
        return None if rest else node.written


def load(path: Path) -> Document:
    """Reads a spec file.

    Raises:
        SpecError: With every problem found: the file cannot be read, is not UTF-8, is not YAML,
            repeats keys, still has placeholders, and so on.
    """
    document, found = read(path)
    if document is None or found:
        raise SpecError(*found)
    return document


def read(path: Path) -> tuple[Document | None, tuple[Problem, ...]]:
    """Like :func:`load`, for callers that go on: what could be read, and the problems so far."""
    start = Location(str(path), 1, 1)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return None, (_unreadable(error, start),)
    return parse(content, str(path))


def parse(content: bytes, file: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """Reads a spec from memory; ``file`` names it in locations."""
    start = Location(file, 1, 1)
    if len(content) > MAX_BYTES:
        message = f"the spec is larger than {MAX_BYTES >> 20} MiB"
        fix = "Keep only settings in the spec; link to everything else."
        return None, (Problem(code="too-large", message=message, location=start, fix=fix),)
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        before = bytes(error.object[: error.start])
        line = before.rpartition(b"\n")[2].decode(errors="replace")
        where = Location(file, before.count(b"\n") + 1, len(line) + 1)
        message = f"the file is not UTF-8: byte 0x{error.object[error.start]:02x} cannot be read"
        fix = "Save the file as UTF-8 without other encodings."
        return None, (Problem(code="not-utf8", message=message, location=where, fix=fix),)
    if conflict := _CONFLICT.search(text):
        return None, (_unmerged(conflict, text, file),)
    if bad := _FORBIDDEN.search(text):
        return None, (_invisible(bad.group(), text[: bad.start()], file),)
    builder = _Builder(file, text)
    root = builder.build()
    problems = tuple(
        sorted(
            builder.problems,
            key=lambda p: (p.location.line, p.location.column) if p.location else (0, 0),
        )
    )
    return (Document(file, root) if root else None), problems


def _unreadable(error: OSError | ValueError, start: Location) -> Problem:
    if isinstance(error, FileNotFoundError):
        code, message = "file-missing", f"there is no file {start.file}"
        fix = "Begin one with `plinth init`, or name another with --spec."
    elif isinstance(error, IsADirectoryError):
        code, message = "file-is-directory", f"{start.file} is a directory, not a file"
        fix = f"Name the file in it, such as {start.file.rstrip('/')}/platform.yaml."
    elif isinstance(error, PermissionError):
        code, message = "file-not-readable", f"{start.file} may not be read by this user"
        fix = "Give yourself the right to read it, for example with chmod u+r."
    else:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        code, message = "file-not-readable", f"{start.file} cannot be read: {reason}"
        fix = "Name a readable file with --spec."
    return Problem(code=code, message=message, location=start, fix=fix)


def _unmerged(conflict: re.Match[str], text: str, file: str) -> Problem:
    line = len(re.split("\r\n|\r|\n", text[: conflict.start()]))
    return Problem(
        code="merge-conflict",
        message="a merge left its conflict in the file: both versions stand here, between marks",
        location=Location(file, line, 1),
        fix="Keep what should hold of the two, and remove the lines <<<<<<<, ======= and >>>>>>>.",
    )


def _invisible(character: str, before: str, file: str) -> Problem:
    lines = re.split("\r\n|\r|\n", before)
    name = unicodedata.name(character, "control character").lower()
    return Problem(
        code="invisible-character",
        message=f"the file holds a character that cannot be seen: U+{ord(character):04X} ({name})",
        location=Location(file, len(lines), len(lines[-1]) + 1),
        fix="Delete it; it often comes along when text is pasted.",
    )


class _Stop(Exception):  # noqa: N818 - control flow, never leaves this module
    """Reading cannot go on; the problem is recorded."""


class _Builder:
    """Builds nodes from YAML events and collects problems on the way."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.problems: list[Problem] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0
        self._path: list[str | int] = []
        self._open: list[yaml.CollectionStartEvent] = []
        self._events: Iterator[yaml.Event] = iter(())

    def build(self) -> Node | None:
        """The top-level mapping, or None when there is none; see :attr:`problems`."""
        try:
            self._events = yaml.parse(self.text, Loader=_LOADER)
            return self._document()
        except _Stop:
            return None
        except (yaml.YAMLError, ValueError) as error:  # ValueError: chr() in the Python scanner
            self.problems.append(syntax.explain(error, self.text, self.file, self._open))
            return None

    def _document(self) -> Node | None:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._empty()
        event = next(self._events)
        root = self._value(event)
        next(self._events)  # the document's end
        following = next(self._events)
        if isinstance(following, yaml.DocumentStartEvent):
            message = "a second document begins here; a spec is one document"
            fix = "Remove the line `---`; environments go under `environments:`."
            self._stop("several-documents", message, self._at(following), fix)
        if root.value is None and root.written is not None:
            self._empty()
        if not isinstance(root.value, dict):
            self._wrong_top(root)
        return root

    def _empty(self) -> NoReturn:
        fix = "Begin with the small spec of the README."
        self._stop("empty-spec", "the spec is empty", Location(self.file, 1, 1), fix)

    def _wrong_top(self, root: Node) -> NoReturn:
        what = "a list" if isinstance(root.value, list) else "a single value"
        message = f"the spec is {what}, not a mapping of keys to values"
        fix = "Write `key: value` lines, starting with `apiVersion: plinth/v1`."
        if root.written and (glued := re.match(r"([\w.-]+):\S", root.written)):
            fix = f"Put a space after the colon: `{glued[1]}: …`."
        self._stop("not-a-mapping", message, root.location, fix)

    def _value(self, event: yaml.Event) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        assert isinstance(event, yaml.NodeEvent)  # noqa: S101 - YAML's grammar; for type checkers
        anchor = event.anchor
        if anchor:
            self._anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        else:
            assert isinstance(event, yaml.CollectionStartEvent)  # noqa: S101 - same
            node = self._collection(event)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        name = event.anchor or ""
        where = self._at(event)
        node = self._anchors.get(name)
        if node is None:
            what = "stands inside what it repeats" if name in self._anchors else "repeats nothing"
            message = f"*{name} {what}: there is no finished &{name} before it"
            fix = f'Mark a value with &{name} first, or write "*{name}" in quotes if it is text.'
            self._stop("unknown-alias", message, where, fix)
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            message = f"aliases stand for more than {MAX_ALIASED} values"
            self._stop("alias-bomb", message, where, "Write the values out, or repeat fewer.")
        return Node(node.value, where, node.written, node.children, node.keys, node.size)

    def _collection(self, event: yaml.CollectionStartEvent) -> Node:
        self._open.append(event)
        if len(self._open) > MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep"
            self._stop("too-deep", message, self._at(event), "Flatten the spec.")
        self._refuse_tag(event)
        mapping = isinstance(event, yaml.MappingStartEvent)
        node = self._mapping(event) if mapping else self._sequence(event)
        self._open.pop()
        return node

    def _sequence(self, event: yaml.Event) -> Node:
        children: dict[str | int, Node] = {}
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            self._path.append(len(children))
            children[len(children)] = self._value(item)
            self._path.pop()
        return Node.of([node.value for node in children.values()], self._at(event), children)

    def _mapping(self, event: yaml.Event) -> Node:
        children: dict[str | int, Node] = {}
        keys: dict[str, Location] = {}
        merged: list[Node] = []
        while not isinstance(item := next(self._events), yaml.MappingEndEvent):
            merge = isinstance(item, yaml.ScalarEvent) and item.implicit[0] and item.value == "<<"
            name, where = ("<<", self._at(item)) if merge else self._key(item)
            self._path.append(name)
            value = self._value(next(self._events))
            self._path.pop()
            if merge:
                merged.extend(self._mergeable(value, where))
            elif name in keys:
                self._duplicate(name, keys[name], where)
            else:
                children[name], keys[name] = value, where
        for source in merged:
            children = {**source.children, **children}
            keys = {**source.keys, **keys}
        values = {key: node.value for key, node in children.items()}
        return Node.of(values, self._at(event), children, keys)

    def _key(self, event: yaml.Event) -> tuple[str, Location]:
        where = self._at(event)
        node = self._value(event)
        if isinstance(node.value, str):
            if not node.value.isprintable() or node.value != node.value.strip():
                shown = ascii(node.value)
                message = f"the key {shown} holds a character that cannot be seen"
                fix = "Type the key anew; such characters come along when text is pasted."
                self._problem("invisible-character", message, where, fix)
            return node.value, where
        written = node.written if node.written is not None else ""
        if node.children or node.written is None:
            message = "a list or mapping is used as a key"
            fix = "Put text that contains { } or [ ] in quotes, templates too."
        elif node.value is None:
            message, fix = "a key is missing before the colon", "Write `key: value`."
        else:
            message = f"the key {written} is read as {kind(node.value)}, not as text"
            fix = f'Write "{written}" in quotes.'
        self._problem("key-not-text", message, where, fix)
        return written, where

    def _duplicate(self, name: str, first: Location, second: Location) -> None:
        message = (
            f"the key '{name}' is written twice: first at line {first.line}, column "
            f"{first.column}, and again here"
        )
        self._path.append(name)
        self._problem("duplicate-key", message, second, "Keep one of the two.")
        self._path.pop()

    def _mergeable(self, node: Node, where: Location) -> list[Node]:
        """The mappings that ``<<`` takes in, the ones that win last."""
        sources = list(node.children.values()) if isinstance(node.value, list) else [node]
        if all(isinstance(source.value, dict) for source in sources):
            return sources
        fix = "Write `<<: *name`, where &name marks a mapping."
        self._problem("bad-merge", "`<<` can only take in mappings", where, fix)
        return []

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        where = self._at(event)
        self._refuse_tag(event)
        if PLACEHOLDER in event.value:
            message = f"{PLACEHOLDER} is still to be filled in"
            fix = "Write your own value; `plinth explain` says what belongs here."
            self._problem("placeholder", message, where, fix)
        if not event.implicit[0] or event.tag:
            return Node(event.value, where)
        if _LEADING_ZERO.fullmatch(event.value):
            message = f"{event.value} is a number to some tools and text to others"
            fix = f'Write "{event.value}" in quotes, or leave out the leading zero.'
            self._problem("leading-zero", message, where, fix)
        return Node(plain(event.value), where, event.value)

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag in (None, "!"):
            return
        if event.tag == _STR and isinstance(event, yaml.ScalarEvent):
            return
        shown = event.tag.replace("tag:yaml.org,2002:", "!!")
        message = f"the tag {shown} is not allowed in a spec"
        fix = "Remove it; write text in quotes where the kind of a value matters."
        self._stop("tag", message, self._at(event), fix)

    def _at(self, event: yaml.Event) -> Location:
        line, column = syntax.position(event.start_mark)
        return Location(self.file, line + 1, column + 1)

    def _problem(self, code: str, message: str, where: Location, fix: str) -> None:
        path = ".".join(map(str, self._path)) or None
        self.problems.append(
            Problem(code=code, message=message, location=where, path=path, fix=fix)
        )

    def _stop(self, code: str, message: str, where: Location, fix: str) -> NoReturn:
        self._problem(code, message, where, fix)
        raise _Stop
