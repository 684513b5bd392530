"""What the installed Pulumi SDKs know of each type, read from their source.

The Python SDKs are generated, so their classes always have the same form: an ``<Type>Args`` class
with one getter per input, a resource class with one getter per output, nested inputs in
``_inputs.py`` and enumerations in ``_enums.py``.  Reading the few classes that a resource needs
takes milliseconds, whereas importing an SDK takes seconds and a hundred megabytes.
"""

from __future__ import annotations

import ast
import gc
import importlib.metadata
import importlib.util
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from itertools import pairwise
from operator import or_
from pathlib import Path
from typing import Final

from plinth.errors import Problem, UsageError

_PARSING: Final = threading.Lock()

_SCALARS: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}

#: Sentences of the provider documentation that say: a change makes a new resource.
_REPLACES: Final = re.compile(
    r"""^(?:(?:required|optional)\.\s)?immutable\.
      | forc(?:es?|ing)\s(?:the\s|a\s|an\s)?(?:creation|new|(?:resource\s)?re-?(?:creat|plac)\w+)
      | chang(?:es?|ing)\b[^.;]{0,60}?\b(?:force|create|require|trigger)s?\b[^.;]{0,30}?
        (?:\bnew\s(?!version)|\bre-?creat\w+|\breplacement)
      | chang(?:es?|ing)\b[^.;]{0,40}?\b(?:re-?creates?|replaces?)\b
      | \b(?:cannot|can't|can\snot)\sbe\s(?:changed|modified|updated)\b(?![^.;]*\bduring\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED: Final = r"""[`"][\w:-]+[`"]"""
#: ... and sentences that list every value a text may have.
_LISTED: Final = re.compile(
    rf"""\b(?:(?:valid|allowed|accepted|supported|possible)\s(?:values|options)(?:\sare)?
         |each\svalue\smay\sbe\sone\sof):?\s
         (?P<quoted>(?:either\s|one\sof\s)?{_QUOTED}(?:(?:,\s|,?\s(?:and|or)\s){_QUOTED})+)
         (?=\.(?:\s|$)|;|$)
      | \bOne\sof\s(?P<plain>[A-Z]\w+(?:(?:,\s|,?\s(?:and|or)\s)[A-Z]\w+)+)\.""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Type:
    """What a value may be: any of the alternatives that are set.

    Attributes:
        scalars: Among ``string``, ``integer``, ``number``, ``boolean``; ``any`` accepts everything.
        values: The allowed values of an enumeration.
        enumeration: Its folder and name, such as ``monitor:ConditionOperator``.
        items: Type of the items, for a list.
        entries: Type of the values, for a map with free keys.
        objects: Keys for :meth:`Sdk.fields`, for objects with fixed fields.
        optional: Whether ``None`` is allowed.
    """

    scalars: frozenset[str] = frozenset()
    values: tuple[str, ...] = ()
    enumeration: str = ""
    items: Type | None = None
    entries: Type | None = None
    objects: tuple[str, ...] = ()
    optional: bool = False

    def __or__(self, other: Type) -> Type:
        return Type(
            self.scalars | other.scalars,
            self.values + other.values,
            self.enumeration or other.enumeration,
            self.items or other.items,
            self.entries or other.entries,
            self.objects + other.objects,
            self.optional or other.optional,
        )


@dataclass(frozen=True, slots=True)
class Field:
    """One property: its type, and what its documentation says of it.

    Attributes:
        type: Its type.
        required: Whether it has to be given.
        replaces: Whether a change makes a new resource.
        values: For texts, and lists of them, every value that is allowed; empty for any.
    """

    type: Type
    required: bool = False
    replaces: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type: the properties it takes and the ones it gives."""

    token: str
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]


ANY: Final = Type(scalars=frozenset({"any"}))


@dataclass
class _Module:
    """One source file, cut into its top-level classes without parsing all of it."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.is_file() else ""

    @cached_property
    def _spans(self) -> Mapping[str, tuple[int, int]]:
        found = list(re.finditer(r"^class (\w+)\b", self.text, re.MULTILINE))
        edges = [match.start() for match in found] + [len(self.text)]
        return {m.group(1): span for m, span in zip(found, pairwise(edges), strict=True)}

    @cached_property
    def imports(self) -> Mapping[str, tuple[int, str]]:
        """Alias -> (number of dots, module) of ``from .. import iam as _iam``."""
        found = re.findall(r"^from (\.+) import (\w+) as (\w+)$", self.text, re.MULTILINE)
        return {alias: (len(dots), name) for dots, name, alias in found}

    def __contains__(self, name: str) -> bool:
        return name in self._spans

    def parse(self, name: str) -> ast.ClassDef:
        start, end = self._spans[name]
        # What follows the class up to the next one is its decorators: indented lines only.
        body = re.split(r"^(?=[^\s#])", self.text[start:end], maxsplit=2, flags=re.MULTILINE)
        with _undisturbed():
            return next(n for n in ast.parse("".join(body[:2])).body if isinstance(n, ast.ClassDef))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Parses one thing at a time, and collects no garbage meanwhile.

    CPython 3.11 counts the depth of a tree under construction once for all threads, and a
    coroutine that is closed as garbage counts, too: either ends in "AST constructor recursion depth
    mismatch" (python/cpython#106905).
    """
    with _PARSING:
        collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()


@dataclass
class Sdk:
    """One installed SDK.

    Args:
        module: Import name, such as ``pulumi_aws``.

    Raises:
        UsageError: The SDK is not installed.
    """

    module: str
    _modules: dict[Path, _Module] = field(default_factory=dict)
    _kinds: dict[str, Kind | None] = field(default_factory=dict)
    _fields: dict[str, Mapping[str, Field]] = field(default_factory=dict)
    _descriptions: dict[str, str] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Version of the SDK, which is also that of the provider it talks to."""
        return importlib.metadata.version(self.module)

    @cached_property
    def root(self) -> Path:
        """The folder of the SDK."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            raise UsageError(
                Problem(
                    code="missing-sdk",
                    message=f"the Python package {self.module} is not installed",
                    fix=f"install {self.module.replace('_', '-')}",
                )
            )
        return Path(spec.origin).resolve().parent  # references are resolved too, links and all

    @cached_property
    def _registry(self) -> Mapping[str, tuple[str, str]]:
        """Type token -> (module, class), as the SDK itself registers them."""
        text = self._module(self.root / "__init__.py").text
        found = {}
        for table in re.findall(r'resource_modules="""\n(.*?)"""', text, re.DOTALL):
            for entry in json.loads(table):
                found.update({tok: (entry["fqn"], cls) for tok, cls in entry["classes"].items()})
        for table in re.findall(r'resource_packages="""\n(.*?)"""', text, re.DOTALL):
            found.update({e["token"]: (e["fqn"], e["class"]) for e in json.loads(table)})
        return found

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every type token of the SDK."""
        return tuple(self._registry)

    def kind(self, token: str) -> Kind | None:
        """The type behind a token, or ``None`` when the SDK has no such type."""
        if token not in self._kinds:
            self._kinds[token] = self._read_kind(token)
        return self._kinds[token]

    def description(self, token: str) -> str:
        """What the SDK says of a type as a whole."""
        if token not in self._descriptions:
            self._descriptions[token] = self._read_description(token)
        return self._descriptions[token]

    def fields(self, key: str) -> Mapping[str, Field]:
        """The properties of a nested object, by a key out of :attr:`Type.objects`."""
        if key not in self._fields:
            path, _, name = key.partition(":")
            self._fields[key] = dict(self._read_fields(self._module(self.root / path), name))
        return self._fields[key]

    def _read_description(self, token: str) -> str:
        if token not in self._registry:
            return ""
        module, name = self._place(token)
        for item in module.parse(name).body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return _documentation(item)
        return ""

    def _read_kind(self, token: str) -> Kind | None:
        if token not in self._registry:
            return None
        module, name = self._place(token)
        args = next((n for n in (f"{name}InitArgs", f"{name}Args") if n in module), None)
        inputs = dict(self._read_fields(module, args)) if args else {}
        return Kind(token, inputs, dict(self._read_fields(module, name)))

    def _place(self, token: str) -> tuple[_Module, str]:
        fqn, name = self._registry[token]
        return self._home(self.root.joinpath(*fqn.split(".")[1:]), name), name

    def _home(self, folder: Path, name: str) -> _Module:
        """The file of a folder that defines a class; its name is the class name in some case."""
        flat = name.lower()
        files = sorted(folder.glob("*.py"), key=lambda f: f.stem.replace("_", "").lower() != flat)
        return next(m for m in map(self._module, files) if name in m)

    def _module(self, path: Path) -> _Module:
        return self._modules.setdefault(path, _Module(path))

    def _read_fields(self, module: _Module, name: str) -> Iterator[tuple[str, Field]]:
        node = module.parse(name)
        required = _required(node)
        for item in node.body:
            if not isinstance(item, ast.FunctionDef) or item.returns is None:
                continue
            title = _getter_name(item)
            if title is None:
                continue
            text, type_ = _documentation(item), self._type(item.returns, module)
            replaces = _REPLACES.search(text) is not None
            yield title, Field(type_, item.name in required, replaces, _values(text, type_))

    def _type(self, node: ast.expr, module: _Module) -> Type:
        result = ANY
        match node:
            case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
                result = replace(self._type(inner, module), optional=True)
            case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=arms)):
                result = reduce(or_, (self._type(arm, module) for arm in arms))
            case ast.Subscript(value=ast.Name(id="Sequence"), slice=inner):
                result = Type(items=self._type(inner, module))
            case ast.Subscript(value=ast.Name(id="Mapping"), slice=ast.Tuple(elts=[_, inner])):
                result = Type(entries=self._type(inner, module))
            case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Constant(value=str(value))):
                result = Type(values=(value,))
            case ast.Subscript(value=ast.Attribute(attr="Input" | "Output"), slice=inner):
                result = self._type(inner, module)
            case ast.Attribute(attr=str(name)) if name in _SCALARS:
                result = Type(scalars=frozenset({_SCALARS[name]}))
            case ast.Constant(value=str(reference)):
                result = self._reference(reference, module)
        return result

    def _reference(self, reference: str, module: _Module) -> Type:
        """The type behind a quoted name such as ``'_meta.v1.ObjectMetaArgs'``."""
        *path, name = reference.split(".")
        folder = module.path.parent
        if path and path[0] in module.imports:
            dots, first = module.imports[path[0]]
            folder = folder.joinpath(*[".."] * (dots - 1), first, *path[1:]).resolve()
        inputs, enums = self._module(folder / "_inputs.py"), self._module(folder / "_enums.py")
        if name in enums:
            where = enums.path.parent.relative_to(self.root).as_posix()
            return Type(
                values=tuple(_enum_values(enums.parse(name))), enumeration=f"{where}:{name}"
            )
        if name in inputs:
            return Type(objects=(f"{inputs.path.relative_to(self.root).as_posix()}:{name}",))
        return Type(entries=ANY)  # an output type: only its being an object matters


def _getter_name(function: ast.FunctionDef) -> str | None:
    """The camelCase name of a getter; ``None`` for any other method."""
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(attr="getter"), keywords=[keyword]):
                return str(ast.literal_eval(keyword.value))
            case ast.Attribute(attr="getter"):
                return function.name
    return None


def _documentation(function: ast.FunctionDef) -> str:
    return " ".join((ast.get_docstring(function) or "").split())


def _values(text: str, type_: Type) -> tuple[str, ...]:
    """The values that the documentation of a text (or a list of texts) allows."""
    found = _LISTED.search(text)
    if found is None or (type_.items or type_).scalars != {"string"}:
        return ()
    if re.search(r"\balso (valid|supported|allowed)\b", text):
        return ()  # more follows in prose, as for the protocols of aws:sns/topicSubscription
    quoted = re.findall(r"""[`"]([^`"]+)[`"]""", found["quoted"] or "")
    return tuple(quoted or re.findall(r"[A-Z]\w+", found["plain"] or ""))


def _required(node: ast.ClassDef) -> frozenset[str]:
    """Names of the constructor's arguments that have no default."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            pairs = zip(item.args.kwonlyargs, item.args.kw_defaults, strict=True)
            return frozenset(arg.arg for arg, default in pairs if default is None)
    return frozenset()


def _enum_values(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant):
            yield str(item.value.value)
