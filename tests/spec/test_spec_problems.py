"""What pydantic finds wrong, in words that a person can act on."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError, core_schema

from plinth.errors import Location, Problem, nearest
from plinth.spec import wording
from plinth.spec.document import parse
from plinth.spec.models import Cluster, Settings
from plinth.spec.options import Alerts, CloudOptions
from plinth.spec.overlay import resolve
from plinth.spec.problems import from_validation, merge
from plinth.spec.schema import json_schema
from plinth.spec.types import Label


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cat(Strict):
    kind: Literal["cat"]
    lives: int = 9


class Dog(Strict):
    kind: Literal["dog"]
    name: str


class Inner(Strict):
    size: int = Field(ge=1, le=5)
    label: str = Field(default="x", examples=["front"])


class Model(Strict):
    inner: Inner | None = None
    named: dict[Label, Inner] = {}
    listed: tuple[Inner, ...] = ()
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    either: Inner | list[int] | None = None
    text_or_list: str | list[str] = "x"
    colour: Colour | None = None
    level: Literal["low", "high"] = "low"
    count: Literal[1, 2, 4] = 1
    nothing: Literal["none", "off", "on"] = "off"
    flag: bool = False
    number: float = 1
    text: str = Field(default="x", examples=["some words"])
    label: Label = "xx"
    words: list[str] = Field(default=[], max_length=2)
    when: datetime.date | None = None
    id: uuid.UUID | None = None
    url: AnyUrl | None = None
    amount: Annotated[decimal.Decimal, Field(max_digits=3)] | None = None
    even: Annotated[int, Field(multiple_of=2)] = 2
    ours: str = "fine"
    theirs: str = "fine"

    @field_validator("ours")
    @classmethod
    def _ours(cls, value: str) -> str:
        if value != "fine":
            context = {"value": value, "fix": "Write fine.", "allowed": ["fine", "good"]}
            raise PydanticCustomError("not_fine", "'{value}' is not fine", context)
        return value

    @field_validator("theirs")
    @classmethod
    def _theirs(cls, value: str) -> str:
        if value != "fine":
            raise ValueError("that is not fine.")
        return value


class Needy(Strict):
    owner: str = Field(examples=["ml@example.com"])
    level: Literal["low", "high"]
    inner: Inner
    names: list[str]


def check(text: str, model: type[BaseModel] = Model, prefix: tuple[str, ...] = ()) -> list[Problem]:
    read, bad = parse(text.encode(), "spec.yaml")
    assert not bad
    assert read is not None
    layered = resolve(read, "dev")
    data = layered.data
    for part in prefix:
        data = data[part]
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return from_validation(
        caught.value, locate=layered.locate, model=model, path_prefix=prefix, environment="dev"
    )


#: text, code, path, line:column, message, nearest, fix
CASES: dict[str, tuple[str, str, str, str, str, str | None, str]] = {
    "unknown": ("flga: true", "unknown-key", "flga", "1:1", "no key 'flga'", "flag", "Write flag"),
    "unknown deep": (
        "inner:\n  size: 1\n  lable: x", "unknown-key", "inner.lable", "3:3",
        "inner has no key 'lable'", "label", "Write label",
    ),
    "unknown in a mapping": (
        "named: {aa: {size: 1, siz: 2}}", "unknown-key", "named.aa.siz", "1:23",
        "named.aa has no key 'siz'", "size", "Write size",
    ),
    "unknown in a list": (
        "listed: [{size: 1}, {size: 1, zzz: 2}]", "unknown-key", "listed.1.zzz", "1:31",
        "no key 'zzz'", None, "Remove it",
    ),
    "glued colon": (
        "inner: {size: 1, label:x}", "unknown-key", "inner.label:x", "1:18",
        "no key 'label:x'", "label", "space after the colon",
    ),
    "misplaced": (
        "inner: {size: 1, region: x}", "unknown-key", "inner.region", "1:18",
        "no key 'region'", None, "Move region to the top level",
    ),
    "missing": ("inner: {}", "missing-key", "inner.size", "1:1", "lacks the key 'size'", None,
                "Add `size: "),
    "number for text": ("text: 1.30", "wrong-type", "text", "1:7", "must be text", None,
                        'Write "1.30" in quotes'),
    "switch for text": ("text: yes", "wrong-type", "text", "1:7", "the switch true", None,
                        'Write "yes" in quotes'),
    "list for text": ("text: [a]", "wrong-type", "text", "1:7", "it is a list", None,
                      'Write "some words"'),
    "empty for text": ("text:", "wrong-type", "text", "1:6", "it is empty", None,
                       "Write a value after `text:`"),
    "text for a list": ("words: a", "wrong-type", "words", "1:8", "must be a list", None,
                        "Write `words: [a]`"),
    "empty list": ("words:", "wrong-type", "words", "1:7", "must be a list", None, "`words: []`"),
    "too long": ("words: [a, b, c]", "out-of-range", "words", "1:8", "at most 2 long; it is 3",
                 None, "at most 2"),
    "text for a mapping": ("inner: x", "wrong-type", "inner", "1:8", "mapping of keys", None,
                           "indented below `inner:`"),
    "empty mapping": ("named:", "wrong-type", "named", "1:7", "mapping of keys", None,
                      "`named: {}`"),
    "list for a mapping": ("named: [a]", "wrong-type", "named", "1:8", "it is a list", None,
                           "indented below"),
    "text for a number": ("number: 3 GB", "wrong-type", "number", "1:9", "must be a number", None,
                          "digits only"),
    "text for a whole number": ("inner: {size: x}", "wrong-type", "inner.size", "1:15",
                                "a whole number", None, "digits only"),
    "fraction": ("inner: {size: 1.5}", "wrong-type", "inner.size", "1:15", "a whole number", None,
                 "whole number"),
    "text for a switch": ("flag: maybe", "wrong-type", "flag", "1:7", "true or false", None,
                          "without quotes"),
    "too small": ("inner: {size: 0}", "out-of-range", "inner.size", "1:15", "at least 1", None,
                  "at least 1"),
    "too big": ("inner: {size: 6}", "out-of-range", "inner.size", "1:15", "at most 5", None,
                "at most 5"),
    "multiple": ("even: 3", "out-of-range", "even", "1:7", "a multiple of 2", None, "multiple"),
    "digits": ("amount: 12345", "out-of-range", "amount", "1:9", "at most 3 digits", None, "3"),
    "literal": ("level: hihg", "not-allowed", "level", "1:8", 'the text "hihg"', "high",
                "Write high"),
    "literal far off": ("level: 7", "not-allowed", "level", "1:8", "the number 7", None,
                        "one of: low, high"),
    "literal number in quotes": ('count: "4"', "not-allowed", "count", "1:8", 'the text "4"', "4",
                                 "Write 4 without quotes"),
    "literal misread": ("nothing: on", "not-allowed", "nothing", "1:10", "the switch true", "on",
                        'Write "on" in quotes'),
    "enum": ("colour: blu", "not-allowed", "colour", "1:9", 'the text "blu"', "blue", "Write blue"),
    "pattern": ("label: Big_One", "bad-format", "label", "1:8", "lower-case letters", None,
                "Write big-one"),
    "pattern beyond repair": ("label: 7-up", "bad-format", "label", "1:8", "lower-case letters",
                              None, "Write lower-case letters"),
    "key pattern": ("named: {Big: {size: 1}}", "bad-format", "named.Big", "1:9",
                    "the key named.Big", None, "Write big."),
    "key too short": ("named: {a: {size: 1}}", "out-of-range", "named.a", "1:9",
                      "at least 2 characters", None, "at least 2"),
    "date": ("when: tomorrow", "wrong-type", "when", "1:7", "a date such as", None, "2030-01-31"),
    "uuid": ("id: x", "wrong-type", "id", "1:5", "a UUID", None, "UUID"),
    "url": ("url: x", "wrong-type", "url", "1:6", "a URL such as", None, "https://"),
    "ours": ("ours: goof", "not-fine", "ours", "1:7", "'goof' is not fine", "good", "Write fine."),
    "theirs": ("theirs: x", "invalid-value", "theirs", "1:9", "theirs: that is not fine", None,
               "plinth explain"),
    "tag": ("pet: {kind: cta}", "not-allowed", "pet", "1:6", 'pet.kind cannot be "cta"', "cat",
            "`kind: cat`"),
    "no tag": ("pet: {lives: 1}", "missing-key", "pet", "1:1", "lacks the key 'kind'", None,
               "Add `kind: cat`"),
    "inside a tagged union": ("pet: {kind: dog, nam: x}", "unknown-key", "pet.nam", "1:18",
                              "no key 'nam'", "name", "Write name"),
    "union of kinds": ("text_or_list: {a: 1}", "wrong-type", "text_or_list", "1:15",
                       "must be text or a list; it is a mapping", None, ""),
    "union, one member meant": ("either: {size: 9}", "out-of-range", "either.size", "1:16",
                                "at most 5", None, "at most 5"),
    "union, other member meant": ("either: [1, x]", "wrong-type", "either.1", "1:13",
                                  "a whole number", None, "digits"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    text, code, path, place, message, near, fix = CASES[name]
    (problem,) = check(text + "\n")
    assert problem.code == code
    assert problem.path == path
    assert str(problem.location) == f"spec.yaml:{place}"
    assert message in problem.message
    assert problem.nearest == near
    assert fix in (problem.fix or "")
    assert problem.environment == "dev"
    assert near is None or near in problem.allowed
    assert "Input should" not in problem.message


def test_unknown_key_lists_the_keys_of_its_own_mapping() -> None:
    (problem,) = check("inner: {size: 1, x: 1}\n")
    assert problem.allowed == ("size", "label")
    (problem,) = check("pet: {kind: dog, name: x, lives: 1}\n")
    assert problem.allowed == ("kind", "name")


def test_missing_keys_show_examples() -> None:
    found = {problem.path: problem for problem in check("x: 1\n", Needy)}
    assert found["owner"].fix == "Add `owner: ml@example.com`."
    assert found["level"].fix == "Add `level: low`."
    assert found["level"].allowed == ("low", "high")
    assert found["inner"].fix == "Add `inner: {size: 1}`."
    assert found["names"].fix == "Add `names: […]`."


def test_a_misspelt_key_is_not_also_missing() -> None:
    found = check("onwer: a\nlevel: low\ninner: {size: 1}\nnames: []\n", Needy)
    assert [(problem.code, problem.nearest) for problem in found] == [("unknown-key", "owner")]


def test_prefix_leads_into_the_capability() -> None:
    (problem,) = check("tracking:\n  sise: 1\n  size: 2\n", Inner, ("tracking",))
    assert problem.path == "tracking.sise"
    assert str(problem.location) == "spec.yaml:2:3"
    assert problem.allowed == ("tool", "size", "label")


def test_a_cloud_s_block_has_no_tool() -> None:
    (problem,) = check("clouds:\n  aws:\n    sise: 1\n    size: 2\n", Inner, ("clouds", "aws"))
    assert problem.allowed == ("size", "label")


def test_top_level_of_a_spec_knows_environments() -> None:
    found = check("enviroments: {}\ntracking: mlflow\n", Settings)
    unknown = next(problem for problem in found if problem.code == "unknown-key")
    assert unknown.nearest == "environments"
    block = next(problem for problem in found if problem.path == "tracking")
    assert block.fix == "Write `tracking: {tool: mlflow}`."


def test_sorted_by_place() -> None:
    found = check("text: 1\nlevel: x\nflga: 1\ninner: {size: 9}\nwords: 3\n")
    lines = [problem.location.line for problem in found if problem.location]
    assert lines == [1, 2, 3, 4, 5]


def test_validator_on_a_whole_model_keeps_its_words() -> None:
    (problem,) = [
        problem
        for problem in check("cluster: {node_pools: {aa: {min: 5, max: 2}}}\n", Settings)
        if problem.code == "range"
    ]
    assert problem.path == "cluster.node_pools.aa"
    assert problem.fix == "Set max to 5 or more."


@pytest.mark.parametrize("error_type", get_args(core_schema.ErrorType))
def test_no_error_type_speaks_of_pydantic(error_type: str) -> None:
    context = {
        **dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length"), 3),
        **dict.fromkeys(("actual_length", "max_digits", "decimal_places", "whole_digits"), 3),
        **dict.fromkeys(("error", "pattern", "expected", "discriminator", "tag"), "abc"),
        **dict.fromkeys(("expected_tags", "expected_schemes", "class", "class_name"), "abc"),
        **dict.fromkeys(("encoding", "encoding_error", "method_name", "function_name"), "abc"),
        **dict.fromkeys(("field_type", "attribute", "expected_schemes"), "abc"),
        **dict.fromkeys(("tz_expected", "tz_actual", "expected_version"), 1),
    }
    raised = ValidationError.from_exception_data(
        "Model", [{"type": error_type, "loc": ("text",), "input": "x", "ctx": context}]
    )

    def nowhere(path: tuple[str | int, ...], /, *, key: bool = False) -> Location:
        return Location("spec.yaml", 1, 1)

    (problem,) = from_validation(raised, locate=nowhere, model=Model, environment=None)
    assert problem.fix
    for word in ("Input", "pydantic", "python", "{", "instance of"):
        assert word not in problem.message
    assert problem.message.startswith(("text", "the spec", "a spec"))


def test_every_pattern_of_a_spec_has_words() -> None:
    """Nobody is shown a regular expression."""
    found = set(patterns(json_schema()))
    assert len(found) > 20
    assert found <= wording.FORMS.keys()


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        yield from value.get("patternProperties", ())
        for item in value.values():
            yield from patterns(item)
    elif isinstance(value, list):
        for item in value:
            yield from patterns(item)


class TestNearest:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [("mlfow", "mlflow"), ("ML-Flow", "mlflow"), ("air_flow", "airflow"), ("zzz", None)],
    )
    def test_alike(self, name: str, expected: str | None) -> None:
        assert nearest(name, ("mlflow", "airflow", "feast")) == expected

    def test_nothing_to_choose_from(self) -> None:
        assert nearest("x", ()) is None


class TestMerge:
    here = Location("spec.yaml", 2, 1)
    there = Location("spec.yaml", 1, 1)

    def problem(self, environment: str | None, where: Location | None, code: str = "x") -> Problem:
        return Problem(code=code, message="m", location=where, environment=environment)

    def test_same_in_several_environments(self) -> None:
        found = merge([self.problem("dev", self.here), self.problem("prod", self.here)])
        assert found == [self.problem(None, self.here)]

    def test_only_in_one_environment(self) -> None:
        found = merge([self.problem("dev", self.here), self.problem("prod", self.there)])
        assert found == [self.problem("prod", self.there), self.problem("dev", self.here)]

    def test_twice_in_one_environment(self) -> None:
        assert len(merge([self.problem("dev", self.here)] * 2)) == 1
        assert merge([self.problem("dev", self.here)] * 2)[0].environment == "dev"

    def test_without_location_comes_last(self) -> None:
        found = merge([self.problem("dev", None), self.problem("dev", self.here)])
        assert [problem.location for problem in found] == [self.here, None]

    def test_a_placeholder_silences_its_followers(self) -> None:
        unfilled = self.problem(None, self.here, "placeholder")
        assert merge([self.problem("dev", self.here), unfilled]) == [unfilled]


def test_every_message_is_one_sentence_without_a_period() -> None:
    for text, *_ in CASES.values():
        for problem in check(text + "\n"):
            assert not problem.message.endswith(".")
            assert (problem.fix or "").endswith(".")


def test_who_is_listed_twice_counts_once() -> None:
    """Each would be a resource of its own, and two of one name are none of the spec's business."""
    twice = ["ml@example.com", "ops@example.com", "ml@example.com"]
    assert Alerts.model_validate({"email": twice}).email == ("ml@example.com", "ops@example.com")
    people = {"admins": ["a", "a"], "viewers": ["b", "c", "b"]}
    cluster = Cluster.model_validate(people)
    assert (cluster.admins, cluster.viewers) == (("a",), ("b", "c"))
    block = CloudOptions.model_validate(people)
    assert (block.admins, block.viewers) == (("a",), ("b", "c"))
