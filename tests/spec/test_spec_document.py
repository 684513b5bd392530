"""Reading a spec file: every way a file can be wrong, and where it says so."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plinth.errors import Location, Problem, SpecError
from plinth.spec import document
from plinth.spec.document import Document, load, parse
from plinth.spec.nodes import plain


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    content = text.encode() if isinstance(text, str) else text
    _, problems = parse(content, "spec.yaml")
    return problems


def good(text: str) -> Document:
    read, problems = parse(text.encode(), "spec.yaml")
    assert not problems
    assert read is not None
    return read


#: text, code, line, column, part of the message, part of the fix
BAD = {
    "empty": ("", "empty-spec", 1, 1, "is empty", "small spec of the README"),
    "only comments": ("# a\n\n# b\n", "empty-spec", 1, 1, "is empty", "small spec of the README"),
    "only a mark": ("---\n", "empty-spec", 1, 1, "is empty", "small spec of the README"),
    "null": ("~\n", "empty-spec", 1, 1, "is empty", "small spec of the README"),
    "list": ("- a\n- b\n", "not-a-mapping", 1, 1, "is a list", "`key: value`"),
    "text": ("hello\n", "not-a-mapping", 1, 1, "a single value", "apiVersion: plinth/v1"),
    "glued colon alone": ("name:churn\n", "not-a-mapping", 1, 1, "single value", "`name: …`"),
    "glued colon first": ("a:b\nc: 1\n", "syntax", 1, 2, "a space is missing", "`a: …`"),
    "glued colon last": ("c: 1\na:b\n", "syntax", 2, 2, "a space is missing", "`a: …`"),
    "two documents": ("a: 1\n---\nb: 1\n", "several-documents", 2, 1, "second document", "---"),
    "text after the end": ("a: 1\n...\nb: 1\n", "syntax", 3, 1, "after the end", "..."),
    "document mark": ("...\n", "syntax", 1, 1, "document mark", "Remove the line"),
    "tab below a key": ("a:\n\tb: 1\n", "tab", 2, 1, "tab character", "spaces"),
    "tab after a value": ("a: 1\n\tb: 2\n", "tab", 2, 1, "tab character", "spaces"),
    "tab after spaces": ("a:\n  \tb: 1\n", "tab", 2, 3, "tab character", "spaces"),
    "too deep": ("a:\n  b: 1\n   c: 2\n", "indentation", 3, 4, "indented by 3", "by 2 spaces"),
    "between": ("a:\n  b: 1\n c: 2\n", "indentation", 3, 2, "indented by 1", "by 2 spaces, or not"),
    "below a value": ("a: 1\n b: 2\n", "indentation", 2, 2, "indented by 1", "Do not indent"),
    "in a list item": ("a:\n  - x: 1\n   y: 2\n", "indentation", 3, 4, "by 3", "by 2 spaces"),
    "left of the first": ("  a: 1\nb: 2\n", "indentation", 2, 1, "further left", "left edge"),
    "item among keys": ("a: 1\n- b\n", "indentation", 2, 1, "list item", "Indent it"),
    "key among items": ("- a\nb: 1\n", "indentation", 2, 1, "among list items", "`- `"),
    "no colon": ("a: 1\nregion\nb: 1\n", "syntax", 2, 1, "neither `key: value`", "colon"),
    "no colon first": ("region\nb: 1\n", "syntax", 1, 1, "neither `key: value`", "colon"),
    "two colons": ("a: b: c\n", "syntax", 1, 5, "second ': '", 'quotes: "b: c"'),
    "list on the line": ("a: - b\n", "syntax", 1, 4, "same line as its key", "[a, b]"),
    "open list": ("a: 1\nb: [1, 2\nc: 3\n", "syntax", 2, 4, "opens here with [", "]"),
    "open list at the end": ("a: [\n", "syntax", 1, 4, "opens here with [", "]"),
    "open mapping": ("a: {x: 1\nb: 3\n", "syntax", 1, 4, "opens here with {", "}"),
    "wrong bracket": ("a: [b}\n", "syntax", 1, 6, "} is wrong", "Close it with ]"),
    "one bracket more": ("a: [b]]\n", "syntax", 1, 7, "no opening bracket", "Remove the ]"),
    "two commas": ("a: [1,,2]\n", "syntax", 1, 7, "value is missing", "Remove the comma"),
    "open quote": ("a: 'x\nb: 1\n", "syntax", 1, 4, "no closing '", "Add the closing '"),
    "open double quote": ('a: "x\n', "syntax", 1, 4, 'no closing "', 'Add the closing "'),
    "quote in quotes": ("a: 'it's'\n", "syntax", 1, 8, "already ended", "double a '"),
    "unknown escape": ('a: "\\q"\n', "syntax", 1, 5, "backslash", "single quotes"),
    "at sign": ("a: @x y\n", "syntax", 1, 4, "cannot begin with @", '"@x y"'),
    "back quote": ("a: `x`\n", "syntax", 1, 4, "cannot begin with `", '"`x`"'),
    "percent": ("a: %x\n", "syntax", 1, 4, "cannot begin with %", '"%x"'),
    "wildcard": ("a: *.example.com\n", "syntax", 1, 4, "begin with *", '"*.example.com"'),
    "ampersand": ("a: & b\n", "syntax", 1, 4, "cannot begin with &", '"& b"'),
    "directive": ("%x\na: 1\n", "syntax", 1, 1, "no % directives", "Remove the line"),
    "block header": ("a: |x\n b\n", "syntax", 1, 5, "nothing else", "next line"),
    "template": ("a: {{ x }}\n", "key-not-text", 1, 5, "used as a key", "quotes, templates too"),
    "python object": ("a: !!python/name:os.system ''", "tag", 1, 4, "!!python/name", "Remove it"),
    "python top": ("!!python/object:os.system {}", "tag", 1, 1, "!!python/object", "Remove it"),
    "own tag": ("a: !vault x\n", "tag", 1, 4, "!vault", "Remove it"),
    "number tag": ('a: !!int "3"\n', "tag", 1, 4, "!!int", "Remove it"),
    "unknown handle": ("a: !x!y z\n", "tag", 1, 4, "tag", "Remove it"),
    "unknown alias": ("a: *x\n", "unknown-alias", 1, 4, "no finished &x", '"*x"'),
    "alias in itself": ("a: &x [*x]\n", "unknown-alias", 1, 8, "inside what it repeats", "&x"),
    "merge of a number": ("<<: 1\na: 2\n", "bad-merge", 1, 1, "only take in mappings", "<<: *name"),
    "duplicate": ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, 1, "first at line 1, column 1", "one"),
    "switch as key": ("on: 1\n", "key-not-text", 1, 1, "the switch true", '"on"'),
    "number as key": ("a: {1: 2}\n", "key-not-text", 1, 5, "the number 1", '"1"'),
    "no key at all": (": 2\n", "syntax", 1, 1, "key is missing", "key: value"),
    "no key": ("a: 1\n? \n: 2\n", "key-not-text", 2, 2, "key is missing", "key: value"),
    "list as key": ("a: {[b]: 2}\n", "key-not-text", 1, 5, "used as a key", "quotes"),
    "account id": ("a: 011111111111\n", "leading-zero", 1, 4, "011111111111", '"011111111111"'),
    "zip code": ("a: 089\n", "leading-zero", 1, 4, "089", '"089"'),
    "placeholder": ("a: CHANGEME\n", "placeholder", 1, 4, "to be filled in", "your own"),
    "placeholder inside": ("a: [x, 'arn:CHANGEME:y']\n", "placeholder", 1, 8, "filled in", "own"),
    "hidden character": (
        "a: 1\nb: x\u200b\ufeff\n",
        "invisible-character",
        2,
        6,
        "U+FEFF",
        "Delete",
    ),
    "line separator": ("a: x\u2028b: 1\n", "invisible-character", 1, 5, "line separator", "Delete"),
    "null byte": ("a: 1\x00\n", "invisible-character", 1, 5, "U+0000", "Delete"),
    "space like a letter": ("a: 1\n\u00a0b: 2\n", "", 2, 1, "", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file(name: str) -> None:
    text, code, line, column, message, fix = BAD[name]
    found = problems_of(text)
    assert found
    problem = found[0]
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == (line, column)
    assert problem.code == code or not code
    assert message in problem.message
    assert fix in (problem.fix or "")
    assert not problem.message.endswith(".")


# The Python scanner takes an unknown directive for a comment.
@pytest.mark.parametrize("name", sorted(BAD.keys() - {"directive"}))
def test_same_place_without_libyaml(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, code, line, _, _, _ = BAD[name]
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    problem = problems_of(text)[0]
    assert problem.location is not None
    assert problem.location.line == line
    assert problem.code == code or not code


def test_all_problems_in_one_run() -> None:
    text = "a: 1\nb: CHANGEME\na: 2\nc: {x: 1, x: 2}\non: 3\nb: 07\na: 4\nd: [1\n"
    found = [(p.code, p.location.line if p.location else 0, p.path) for p in problems_of(text)]
    assert found == [
        ("placeholder", 2, "b"),
        ("duplicate-key", 3, "a"),
        ("duplicate-key", 4, "c.x"),
        ("key-not-text", 5, None),
        ("duplicate-key", 6, "b"),
        ("leading-zero", 6, "b"),
        ("duplicate-key", 7, "a"),
        ("syntax", 8, None),
    ]


def test_not_utf8() -> None:
    (problem,) = problems_of("a: ö\nb: ö".encode() + b"\xff\n")
    assert problem.code == "not-utf8"
    assert problem.location == Location("spec.yaml", 2, 5)
    assert "0xff" in problem.message
    (problem,) = problems_of("a: 1\n".encode("utf-16"))
    assert (problem.code, problem.location) == ("not-utf8", Location("spec.yaml", 1, 1))


def test_byte_order_mark_is_no_part_of_the_first_key() -> None:
    read, found = parse(b"\xef\xbb\xbfname: x\n", "spec.yaml")
    assert not found
    assert read is not None
    assert read.data == {"name": "x"}
    assert read.locate(("name",), key=True).column == 1


def test_too_large() -> None:
    (problem,) = problems_of(b"a: " + b"x" * (1 << 20))
    assert (problem.code, problem.location) == ("too-large", Location("spec.yaml", 1, 1))


class TestFiles:
    def check(self, path: Path, code: str, message: str) -> None:
        with pytest.raises(SpecError) as caught:
            load(path)
        (problem,) = caught.value.problems
        assert problem.code == code
        assert message in problem.message
        assert problem.location == Location(str(path), 1, 1)
        assert problem.fix

    def test_missing(self, tmp_path: Path) -> None:
        self.check(tmp_path / "nowhere.yaml", "file-missing", "there is no file")

    def test_directory(self, tmp_path: Path) -> None:
        self.check(tmp_path, "file-is-directory", "is a directory")

    def test_impossible_name(self) -> None:
        self.check(Path("a\0b"), "file-not-readable", "cannot be read")
        self.check(Path("a" * 5000), "file-not-readable", "cannot be read")

    def test_no_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: Path, mode: str = "r") -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
        self.check(tmp_path / "spec.yaml", "file-not-readable", "may not be read")

    def test_endless(self) -> None:
        self.check(Path("/dev/zero"), "too-large", "larger than 1 MiB")

    def test_good(self, tmp_path: Path) -> None:
        path = tmp_path / "spec.yaml"
        path.write_text("name: churn\n")
        assert load(path).data == {"name": "churn"}


class TestBounds:
    def test_alias_bomb(self) -> None:
        rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
        (problem,) = problems_of("\n".join(rows))
        assert problem.code == "alias-bomb"
        assert problem.location is not None
        assert problem.location.line == 4

    def test_merge_bomb(self) -> None:
        rows = ["a: &a {" + ", ".join(f"k{n}: 1" for n in range(200)) + "}"]
        rows += [f"b{n}: {{<<: *a}}" for n in range(60)]
        assert [problem.code for problem in problems_of("\n".join(rows))] == ["alias-bomb"]

    def test_a_few_aliases_are_fine(self) -> None:
        read = good("a: &a {x: [1, 2]}\nb: *a\nc: {d: *a}\n")
        assert read.data["c"]["d"] == read.data["a"] == read.data["b"]
        assert read.locate(("b", "x", 1)) == Location("spec.yaml", 1, 15)
        assert read.locate(("b",)) == Location("spec.yaml", 2, 4)

    @pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a: {b: ["])
    def test_depth(self, opening: str) -> None:
        codes = {problem.code for problem in problems_of(opening * 20_000)}
        assert codes <= {"too-deep", "syntax"}
        assert codes

    def test_merge_keys(self) -> None:
        text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\n"
        read = good(text)
        assert read.data["c"] == {"x": 3, "y": 1, "z": 2}
        assert read.locate(("c", "z")) == Location("spec.yaml", 2, 17)


#: what is written without quotes, and what it means
PLAIN = {
    "": None, "~": None, "null": None, "nil": "nil",
    "true": True, "True": True, "TRUE": True, "tRUE": "tRUE", "on": True, "yes": True, "no": False,
    "off": False, "y": "y", "n": "n",
    "0": 0, "42": 42, "-7": -7, "+7": 7, "1_000": 1000, "0x1F": 31, "0b11": 3, "0o17": "0o17",
    "9" * 60: "9" * 60,
    "1.30": 1.3, ".5": 0.5, "1.": 1.0, "1.5e+3": 1500.0, "1e3": "1e3", "1.2.3": "1.2.3",
    ".nan": ".nan", ".inf": ".inf", "1.0e+999": "1.0e+999",
    "2030-01-31": "2030-01-31", "2030-01-31T00:00:00Z": "2030-01-31T00:00:00Z",
    "22:22": "22:22", "=": "=", "10.0.0.0/16": "10.0.0.0/16", "plinth/v1": "plinth/v1",
}  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_plain_scalars(text: str) -> None:
    read = good(f"a: {text}\n")
    assert read.data["a"] == PLAIN[text]
    assert type(read.data["a"]) is type(PLAIN[text])
    assert read.written(("a",)) == text


@pytest.mark.parametrize("text", ["'1.30'", '"1.30"', "!!str 1.30", "! 1.30", "|-\n 1.30"])
def test_quoted_text_stays_text(text: str) -> None:
    read = good(f"a: {text}\n")
    assert read.data == {"a": "1.30"}
    assert read.written(("a",)) is None


class TestLocate:
    read = good("a:\n  b:\n    - 1\n    - {c: x}\n'd e': [y]\n")

    @pytest.mark.parametrize(
        ("path", "value", "key"),
        [
            ((), (1, 1), (1, 1)),
            (("a",), (2, 3), (1, 1)),
            (("a", "b"), (3, 5), (2, 3)),
            (("a", "b", 0), (3, 7), (3, 7)),
            (("a", "b", 1, "c"), (4, 11), (4, 8)),
            (("d e", 0), (5, 9), (5, 9)),
        ],
    )
    def test_values_and_keys(
        self, path: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]
    ) -> None:
        found = self.read.locate(path)
        assert (found.line, found.column) == value
        found = self.read.locate(path, key=True)
        assert (found.line, found.column) == key

    def test_nearest_ancestor(self) -> None:
        assert self.read.locate(("a", "b", 7, "z")) == Location("spec.yaml", 2, 3)
        assert self.read.locate(("a", "nope")) == Location("spec.yaml", 1, 1)
        assert self.read.locate(("nope", "x"), key=True) == Location("spec.yaml", 1, 1)
        assert self.read.written(("nope",)) is None


YAMLISH = st.text(
    alphabet=st.sampled_from("ab:-? \n\t[]{},&*!|>'\"%@#<.~01\\éCHANGEME\r"), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(YAMLISH, st.text(max_size=60)))
@example("a: !<x\n")
@example('a: "\\U00110000"')
@example("? ? ?")
def test_any_text_is_read_or_explained(text: str) -> None:
    content = text.encode(errors="surrogatepass")
    read, found = parse(content, "spec.yaml")
    assert (read is not None) or found
    lines = re.split("\r\n|\r|\n", text)
    for problem in found:
        assert problem.location is not None
        assert problem.fix
        assert 1 <= problem.location.line <= len(lines)
        assert 1 <= problem.location.column <= len(lines[problem.location.line - 1]) + 1


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_explained(content: bytes) -> None:
    read, found = parse(content, "spec.yaml")
    assert (read is not None) or found


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
DATA = st.dictionaries(
    st.text("abcdefgh-", min_size=1, max_size=6),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=80, deadline=None)
@given(data=DATA, flow=st.booleans())
def test_what_is_written_is_read(data: dict[str, object], flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=False)
    read, found = parse(text.encode(), "spec.yaml")
    if any(problem.code in ("key-not-text", "leading-zero") for problem in found):
        return  # such as the key `-0`; PyYAML quotes fewer of them than we ask for
    assert not found
    assert read is not None
    assert read.data == data


@given(st.text("0123456789._+-eExXbB", max_size=12))
def test_numbers_are_finite_and_never_fail(text: str) -> None:
    value = plain(text)
    assert not isinstance(value, float) or math.isfinite(value)
