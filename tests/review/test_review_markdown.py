"""The comment: verdicts first, nothing that others wrote takes effect, always small enough."""

from __future__ import annotations

import re
from dataclasses import replace

from review_support import change, review

from plinth.changes import Diagnostic
from plinth.errors import Location, Problem
from plinth.review.markdown import comment
from plinth.review.model import Approval, Approvals, Policy

EVIL = "<img src=x onerror=y> @everyone [a](b) | `c` #1 <!-- -->"
MISSING = Problem(
    code="approval-missing",
    message="deleting models would lose the data it keeps: no longer wanted",
    location=Location("stacks/platform.yaml", 10, 3),
    fix="Undo it, or add: `- {resource: models, change: delete}`.",
)


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_verdicts_come_first_one_line_each() -> None:
    approval = Approval(
        resource="models", change="delete", reason="moved", approver="l@example.com", expires="2030"
    )
    text = comment(
        [
            review(environment="quiet"),
            review(change(op="create", risk="low", reason=""), environment="fine"),
            review(change(risk="high"), environment="high"),
            review(
                change(),
                environment="approved",
                approvals=Approvals(used=(approval,), granted={change().urn: approval}),
            ),
            review(change(), environment="blocked", blockers=(MISSING,)),
        ]
    )
    assert text.startswith("<!-- plinth-review churn -->\n### Plinth: churn\n")
    verdicts = lines(text, "- ")[:5]
    for name, mark, said in (
        ("quiet", "✅", "nothing to change"),
        ("fine", "✅", "may go · 1 to create"),
        ("high", "⚠️", "1 without data would be replaced or deleted"),
        ("approved", "⚠️", "1 would lose data, approved by name"),
        ("blocked", "❌", "1 would lose data and is not approved"),
    ):
        (line,) = [each for each in verdicts if f"**{name}**" in each]
        assert line.startswith(f"- {mark} ")
        assert said in line
    assert text.index("in the way") < text.index("at stake") < text.index("<details>")
    assert "Undo it, or add:\n\n```yaml\n- {resource: models, change: delete}\n```\n" in text
    assert "approved by l@example.com: moved" in text


def test_the_risky_and_the_costly_come_before_the_rest() -> None:
    text = comment(
        [
            review(
                change("made", op="create", risk="low", reason=""),
                change("gate", "aws:ec2/natGateway:NatGateway", op="create", risk="low", reason=""),
                change("rule", "aws:ec2/route:Route", risk="high", reason="no longer wanted"),
                change("models"),
            )
        ]
    )
    stake = text[text.index("at stake") : text.index("<details>")]
    assert re.findall(r"<code>(\w+)</code>", stake) == ["models", "rule", "gate"]
    assert "NatGateway 💰" in stake
    whole = text[text.index("<details>") :]
    assert re.findall(r"<code>(\w+)</code>", whole)[:4] == ["models", "rule", "gate", "made"]


def test_nothing_that_others_wrote_takes_effect() -> None:
    text = comment(
        [
            review(
                change(EVIL, reason=EVIL),
                platform=EVIL,
                region=EVIL,
                blockers=(Problem(code="c", message=EVIL, fix=EVIL),),
                diagnostics=(Diagnostic(severity="warning", message=EVIL),),
                policy=Policy(
                    level="advisory",
                    violations=(
                        {"policy": EVIL, "severity": "advisory", "urn": EVIL, "message": EVIL},
                    ),
                ),
            )
        ],
        log='https://example.com/"><script>',
    )
    assert "<img" not in text
    assert "<script" not in text
    assert "@everyone" not in text
    assert "[a](b)" not in text
    assert text.count("<!--") == 1
    rows = [line for line in text.splitlines() if line.startswith("|") and "onerror" in line]
    assert rows
    assert all(line.count("|") in {6, 7, 5} for line in rows)


def test_nothing_closes_the_fence_around_what_is_to_be_pasted() -> None:
    line = "- {resource: 'a```\n\n@everyone', change: delete}"
    text = comment([review(blockers=(replace(MISSING, fix=f"Add: `{line}`."),))])
    assert "````yaml\n- {resource: 'a``` @everyone', change: delete}\n````\n" in text


def test_a_preview_that_failed_is_no_verdict() -> None:
    failed = Problem(code="credentials-missing", message="there are no credentials for `aws`")
    text = comment([review(blockers=(failed, MISSING))])
    assert "**the preview failed**: there are no credentials for <code>aws</code>" in text
    assert "not approved" not in lines(text, "- ")[0]


def test_a_log_is_linked_only_by_http() -> None:
    assert '<a href="https://example.com/1">Full log</a>' in comment(
        [review()], log="https://example.com/1"
    )
    assert "<a" not in comment([review()], log="javascript:alert(1)")


def test_it_stays_small_and_says_what_is_missing() -> None:
    many = [
        change(f"{'b' * 60}{number}", capability=f"part{number % 30}", reason=f"because {number}")
        for number in range(900)
    ]
    problems = tuple(
        Problem(code="approval-missing", message=f"{'x' * 200} {number}", fix="y" * 300)
        for number in range(200)
    )
    reviews = [review(*many, environment=f"env{n}", blockers=problems) for n in range(5)]
    text = comment(reviews)
    assert len(text.encode()) < 60_000
    assert text.endswith(
        "_More did not fit here; <code>plinth preview ENV</code> shows everything._\n"
    )
    assert "**env4**" in text
    assert "and 180 more" in text
    assert text.count("<details>") == text.count("</details>")
    assert len(comment([review(environment=f"e{n}") for n in range(900)]).encode()) < 60_000


def test_an_offline_review_says_so() -> None:
    text = comment([review(source="offline", base="b" * 40, head="a" * 40), review()])
    assert "**without credentials**" in text
    assert "bbbbbbbb" in text
    assert "Asked of the engine" in text
    assert "Digests" in text
    assert "Digests" not in comment([review(source="offline")])


def test_drift_is_told_apart_from_the_change() -> None:
    repaired = change(op="update", risk="low", drift=("tags.x",), reason="changed outside: tags.x")
    left = change(
        "pool", op="refresh", risk="none", drift=("size",), reason="changed outside: size"
    )
    text = comment([review(repaired, left)])
    assert "2 changed outside of Plinth" in text
    part = text[text.index("changed outside of Plinth\n") :]
    assert "would be repaired" in part
    assert "would be left as it is" in part
