"""What the installed provider SDKs say about types and properties, read from their source text.

Reading text instead of importing keeps the tests fast: ``pulumi_aws`` alone takes seconds.
Run as a script it prints the list of AWS types without ``tags`` that the tag rules ship.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

_GETTER = re.compile(
    r'@pulumi\.getter(?:\(name="(?P<wire>\w+)"\))?\n'
    r'(?:    @_utilities\.deprecated\("""(?:(?!""").)*"""\)\n)?'
    r"    def (?P<python>\w+)\(self\) -> (?P<type>[^\n]+):\n",
    re.DOTALL,
)
_ARGS_NAME = re.compile(r"'(?:[\w.]+\.)?(\w+Args)'")
_TOKEN = re.compile(r'@pulumi\.type_token\("(aws:[^"]+)"\)')


@cache
def _root(package: str) -> Path:
    spec = importlib.util.find_spec(f"pulumi_{package}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _class_body(text: str, name: str) -> str | None:
    match = re.search(rf"^class {name}:\n(.*?)(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    return match.group(1) if match else None


def _properties(body: str) -> dict[str, str]:
    return {m["wire"] or m["python"]: m["type"] for m in _GETTER.finditer(body)}


@cache
def aws_types() -> dict[str, Path]:
    """Token of every AWS resource -> the file that defines it."""
    found: dict[str, Path] = {}
    for path in _root("aws").glob("*/*.py"):
        if not path.name.startswith(("_", "get_")) and (match := _TOKEN.search(_text(path))):
            found[match.group(1)] = path
    return found


def _kubernetes_file(token: str) -> Path:
    _, group_version, kind = token.split(":")
    group, version = group_version.split("/")
    return _root("kubernetes") / group.split(".")[0] / version / f"{kind}.py"


def args_of(token: str) -> tuple[Path, dict[str, str]]:
    """The file and the top-level input properties (wire name -> annotation) of a type token."""
    path = aws_types()[token] if token.startswith("aws:") else _kubernetes_file(token)
    kind = token.rsplit(":", 1)[1]
    bodies = (_class_body(_text(path), f"{kind}{suffix}") for suffix in ("Args", "InitArgs"))
    body = next(filter(None, bodies), None)
    assert body is not None, f"{token}: no arguments in {path.name}"
    return path, _properties(body)


def has_property(token: str, dotted: str) -> bool:
    """Whether a type takes the input ``dotted``; lists are looked through, maps end the walk."""
    path, properties = args_of(token)
    for name in dotted.split("."):
        if name not in properties:
            return False
        nested = _ARGS_NAME.search(properties[name])
        if "Mapping[" in properties[name] and not nested:
            return True
        body = _nested_body(path, nested.group(1)) if nested else None
        properties = _properties(body) if body else {}
    return True


def _nested_body(path: Path, name: str) -> str | None:
    candidates = [path.parent / "_inputs.py"]
    if "pulumi_kubernetes" in path.parts:
        candidates += sorted(_root("kubernetes").glob("*/v1/_inputs.py"))
    for candidate in candidates:
        if candidate.exists() and (body := _class_body(_text(candidate), name)):
            return body
    return None


def untagged_aws_types() -> list[str]:
    """Tokens, without their package, of the AWS types that take no ``tags``, sorted."""
    return sorted(
        token.removeprefix("aws:") for token in aws_types() if "tags" not in args_of(token)[1]
    )


if __name__ == "__main__":
    sys.stdout.write("\n".join(untagged_aws_types()) + "\n")
