"""What the installed provider SDKs say about types and properties, read from their source text.

Reading text instead of importing keeps the tests fast: each cloud's SDK alone takes seconds.
Run as a script it writes the lists of types without tags that the tag rules ship.
"""

from __future__ import annotations

import importlib.util
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

#: Provider packages with a list of types that take no tags.
CLOUDS = ("aws", "azure-native", "gcp")
SHIPPED = Path(__file__).parents[2] / "policies" / "plinth_policies" / "tags" / "untagged"

_GETTER = re.compile(
    r'@pulumi\.getter(?:\(name="(?P<wire>\w+)"\))?\n'
    r'(?:    @_utilities\.deprecated\("""(?:(?!""").)*"""\)\n)?'
    r"    def (?P<python>\w+)\(self\) -> (?P<type>[^\n]+):\n",
    re.DOTALL,
)
_ARGS_NAME = re.compile(r"'(?:[\w.]+\.)?(\w+Args)'")
_TOKEN = re.compile(r'@pulumi\.type_token\("([^"]+)"\)')
_ARGUMENT = re.compile(r"^ +(\w+): (pulumi\.Input.*?)(?: = None)?(?:,|\):)$", re.MULTILINE)
_TEXT_BY_TEXT = "Mapping[str, pulumi.Input[_builtins.str]]"

#: Takes labels, but inside of its settings.
_NESTED = "gcp:sql/databaseInstance:DatabaseInstance"


@cache
def _root(package: str) -> Path:
    spec = importlib.util.find_spec(f"pulumi_{package.replace('-', '_')}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _class_body(text: str, name: str) -> str | None:
    match = re.search(rf"^class {name}:\n(.*?)(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    return match.group(1) if match else None


@cache
def _properties(body: str) -> dict[str, str]:
    return {m["wire"] or m["python"]: m["type"] for m in _GETTER.finditer(body)}


@cache
def types_of(package: str) -> dict[str, Path]:
    """Token of every resource of a cloud's package -> the file that defines it."""
    found: dict[str, Path] = {}
    for path in _root(package).glob("*/*.py"):
        if path.name.startswith(("_", "get_")):
            continue
        if match := _TOKEN.search(path.read_text(encoding="utf-8")):
            found[match.group(1)] = path
    return found


def tokens_like(token: str) -> list[str]:
    """The types that a token or a glob covers."""
    package = token.split(":", 1)[0]
    if package == "kubernetes" or "*" not in token:
        return [token]
    return [known for known in types_of(package) if fnmatchcase(known, token)]


def _kubernetes_file(token: str) -> Path:
    _, group_version, kind = token.split(":")
    group, version = group_version.split("/")
    return _root("kubernetes") / group.split(".")[0] / version / f"{kind}.py"


def args_of(token: str) -> tuple[Path, dict[str, str]]:
    """The file and the top-level input properties (wire name -> annotation) of a type token."""
    package = token.split(":", 1)[0]
    path = _kubernetes_file(token) if package == "kubernetes" else types_of(package)[token]
    kind = token.rsplit(":", 1)[1]
    bodies = (_class_body(_text(path), f"{kind}{suffix}") for suffix in ("Args", "InitArgs"))
    body = next(filter(None, bodies), None)
    assert body is not None, f"{token}: no arguments in {path.name}"
    return path, _properties(body)


def has_property(token: str, dotted: str) -> bool:
    """Whether a type takes the input ``dotted``; lists are looked through, maps end the walk."""
    path, properties = args_of(token)
    return _has(path, properties, dotted.split("."))


def _has(path: Path, properties: dict[str, str], names: list[str]) -> bool:
    first, *rest = names
    annotation = properties.get(first)
    if annotation is None or not rest:
        return annotation is not None
    kinds = _ARGS_NAME.findall(annotation)
    if not kinds:
        return "Mapping[" in annotation
    bodies = filter(None, (_nested_body(path, kind) for kind in kinds))  # several in a union
    return any(_has(path, _properties(body), rest) for body in bodies)


@cache
def _nested_body(path: Path, name: str) -> str | None:
    candidates = [path.parent / "_inputs.py"]
    if "pulumi_kubernetes" in path.parts:
        candidates += sorted(_root("kubernetes").glob("*/v1/_inputs.py"))
    for candidate in candidates:
        if candidate.exists() and (body := _class_body(_text(candidate), name)):
            return body
    return None


def _takes_tags(token: str, text: str) -> bool:
    """Whether a type takes the tags by which costs are told apart."""
    signature = text[text.index("def __init__(__self__") : text.index('"""')]
    arguments = {m[1]: m[2] for m in _ARGUMENT.finditer(signature)}
    if token.startswith("gcp:"):
        # ``pulumiLabels`` are a resource's labels together with those of its provider.
        return "pulumi_labels" in text or "user_labels" in arguments or token == _NESTED
    if token.startswith("azure-native:"):
        return _TEXT_BY_TEXT in arguments.get("tags", "")
    return "tags" in arguments


def untagged_types(package: str) -> list[str]:
    """Tokens, without their package, of the types of a cloud that take no tags, sorted."""
    return sorted(
        token.split(":", 1)[1]
        for token, path in types_of(package).items()
        if not _takes_tags(token, path.read_text(encoding="utf-8"))
    )


if __name__ == "__main__":
    for cloud in CLOUDS:
        lines = "\n".join(untagged_types(cloud))
        (SHIPPED / f"{cloud}.txt").write_text(f"{lines}\n", encoding="utf-8")
