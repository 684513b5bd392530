"""GitHub's Markdown: a comment for a pull request, and the whole audit as a document."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from plinth_policies.check import Excuse
from plinth_policies.reporting.audit import STATUSES, Audit, Ruling
from plinth_policies.reporting.findings import Finding, by_capability, grouped

#: GitHub refuses comments of more than 65,536 characters.
MOST_BYTES: Final = 60_000

_CUT: Final = "\n_More did not fit here; `plinth policy check {}` shows everything._\n"

_SPECIAL: Final = re.compile(r"[\\`*_\[\]|~#$]")
#: An address in prose is none; anything else after an @ would call somebody.
_MENTION: Final = re.compile(r"(?<!\w)@")

_STATES: Final = {"mandatory": "❌ stops", "advisory": "⚠️ warns", "waived": "⏸️ waived"}


def comment(audit: Audit) -> str:
    """What a pull request needs to know, in less than :data:`MOST_BYTES`.

    It begins with a mark by which a workflow finds its earlier comment.
    """
    subject = audit.subject
    title = f"{subject.platform} {subject.environment} on {subject.cloud}"
    mark = f"<!-- plinth-policy {_text(subject.environment)} -->"
    head = f"{mark}\n**Policies, {_text(title)}**: {_text(audit.headline)}\n"
    blocks = [_violations(audit), *_details(audit), _waivers(audit.excuses), _mended(audit)]
    return _fitting(head, blocks, _CUT.format(subject.environment))


def document(audit: Audit) -> str:
    """The audit: verdict, violations, waivers, controls, evidence and coverage."""
    subject = audit.subject
    made_of = "the plan" if subject.source == "plan" else f"the state {subject.source}"
    return "\n".join(
        [
            f"# Policy audit: {_text(subject.platform)} {_text(subject.environment)}\n",
            f"{subject.cloud} {subject.region}, made of {_text(made_of)} by {_text(subject.spec)} "
            f"on {subject.date} by Plinth {subject.version}. **{_text(audit.headline)}.**\n",
            "## Violations\n",
            _violations(audit) or "No rule is violated.\n",
            "## Waivers\n",
            _waivers(audit.excuses) or "There are no waivers.\n",
            _mended(audit),
            "## Controls\n",
            *_controls(audit),
            "## Evidence\n",
            *(_evidence(ruling) for ruling in audit.rulings if ruling.evidence),
            "## Coverage\n",
            *_coverage(audit),
        ]
    )


def _fitting(head: str, blocks: Iterable[str], cut: str) -> str:
    """The head and as many whole blocks as fit."""
    text, left = head, MOST_BYTES - len(head.encode()) - len(cut.encode())
    for block in filter(None, blocks):
        left -= len(block.encode()) + 1
        if left < 0:
            return text + cut
        text += f"\n{block}"
    return text


#: Rows that a table of violations may have; those beyond are counted.
_ROWS: Final = 100
#: Names of one type that are listed where a finding is unfolded.
_NAMES: Final = 50


def _violations(audit: Audit) -> str:
    rows = [
        (
            _text(part or "the whole"),
            _code(found.policy),
            _STATES[found.state],
            _code(found.shown) if found.urns else "",
            _text(found.message),
        )
        for part, findings in by_capability(audit.violations).items()
        for found in findings
    ]
    table = _table(("capability", "rule", "", "resources", "what is wrong"), rows[:_ROWS])
    more = f"\nand {len(rows) - _ROWS} more\n" if len(rows) > _ROWS else ""
    return table + more


def _details(audit: Audit) -> Iterator[str]:
    whys = {ruling.rule.id: ruling.rule.why for ruling in audit.rulings}
    for found in grouped(audit.violations):
        if found.urns:
            yield _folded(
                f"{_code(found.policy)}: {_text(found.what)}", _detail(found, whys[found.policy])
            )


def _detail(found: Finding, why: str) -> str:
    waived = [_text(f"Waived: {found.waiver.reason}")] if found.waiver else []
    lines = [f"- {kind} {_listed(names)}" for kind, names in found.by_type.items()]
    return "\n\n".join([_text(why), *waived, "\n".join(lines)])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return _code(", ".join(names[:_NAMES])) + more


def _waivers(excuses: Sequence[Excuse]) -> str:
    rows = [
        (
            excuse.state,
            _code(excuse.waiver.rule),
            _code(excuse.waiver.resource),
            _text(excuse.waiver.reason),
            _text(excuse.waiver.owner),
            excuse.waiver.expires.isoformat(),
        )
        for excuse in excuses
    ]
    return _table(("waiver", "rule", "resource", "reason", "owner", "until"), rows)


def _mended(audit: Audit) -> str:
    lines = [f"- {_code(mend.policy)} mended {_code(mend.urn)}" for mend in audit.mended]
    return "\n".join([*lines, ""]) if lines else ""


def _controls(audit: Audit) -> Iterator[str]:
    for framework in audit.frameworks:
        if not framework.judged:
            continue
        yield f"### {_text(framework.title)}\n"
        rows = [
            (
                _text(control.number),
                _text(control.title),
                control.status,
                *(str(control.counts[status]) for status in STATUSES[:3]),
                ", ".join(_code(ruling.rule.id) for ruling in control.telling),
            )
            for control in framework.controls
        ]
        yield _table(("control", "title", "status", *STATUSES[:3], "rules"), rows)


def _evidence(ruling: Ruling) -> str:
    rows = [
        (
            one.status,
            "<br>".join(f"{kind} {_code(', '.join(names))}" for kind, names in one.by_type.items()),
            "<br>".join(
                f"{_text(r.source.rsplit(':', 1)[-1])} {_code(r.path)}: {_text(r.value)}".strip()
                for r in one.readings
            ),
        )
        for one in ruling.evidence
    ]
    table = _table(("status", "resources", "evidence"), rows)
    return _folded(f"{ruling.status}: {_code(ruling.rule.id)} {_text(ruling.rule.title)}", table)


def _coverage(audit: Audit) -> Iterator[str]:
    found = audit.coverage
    yield f"{found.judged} of {found.resources} resources were judged.\n"
    yield _table(
        ("domain", "rules", "applied", "resources", "judgements"),
        [
            (d.domain, str(d.rules), str(d.applied), str(d.resources), str(d.judgements))
            for d in found.domains
        ],
    )
    unseen = [
        (_code(kind.type), _code(", ".join(kind.names)), _text(kind.harmless or "nobody says so"))
        for kind in found.unseen
    ]
    yield _table(("type that no rule looked at", "resources", "why that is fine"), unseen)
    off = [f"- {_code(r.rule.id)}" for r in audit.rulings if r.status == "disabled"]
    if off:
        yield "\n".join(["Rules that this environment switches off:\n", *off, ""])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; empty without rows."""
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>\n"


def _text(value: str) -> str:
    """Text that Markdown, HTML and mentions leave as it is."""
    plain = html.escape(" ".join(value.split()), quote=False)
    quiet = _MENTION.sub("@\u200b", plain)
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", quiet)


def _code(value: str) -> str:
    """The same as code; nobody is called from within."""
    return f"<code>{_text(value)}</code>"
