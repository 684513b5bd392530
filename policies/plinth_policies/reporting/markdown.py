"""GitHub's Markdown: a comment for a pull request, and the whole audit as a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from plinth_policies.check import Excuse
from plinth_policies.reporting.audit import STATUSES, Audit, Ruling
from plinth_policies.reporting.findings import Finding, by_capability, grouped
from plinth_policies.reporting.writing import code, fitting, folded, table, text

_CUT: Final = "\n_More did not fit here; `plinth policy check {}` shows everything._\n"

_STATES: Final = {"mandatory": "❌ stops", "advisory": "⚠️ warns", "waived": "⏸️ waived"}


def comment(audit: Audit) -> str:
    """What a pull request needs to know, in less than GitHub takes of a comment.

    It begins with a mark by which a workflow finds its earlier comment.
    """
    subject = audit.subject
    title = f"{subject.platform} {subject.environment} on {subject.cloud}"
    mark = f"<!-- plinth-policy {text(subject.environment)} -->"
    head = f"{mark}\n**Policies, {text(title)}**: {text(audit.headline)}\n"
    blocks = [_violations(audit), *_details(audit), _waivers(audit.excuses), _mended(audit)]
    return fitting(head, blocks, _CUT.format(subject.environment))


def document(audit: Audit) -> str:
    """The audit: verdict, violations, waivers, controls, evidence and coverage."""
    subject = audit.subject
    made_of = "the plan" if subject.source == "plan" else f"the state {subject.source}"
    return "\n".join(
        [
            f"# Policy audit: {text(subject.platform)} {text(subject.environment)}\n",
            f"{subject.cloud} {subject.region}, made of {text(made_of)} by {text(subject.spec)} "
            f"on {subject.date} by Plinth {subject.version}. **{text(audit.headline)}.**\n",
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


#: Rows that a table of violations may have; those beyond are counted.
_ROWS: Final = 100
#: Names of one type that are listed where a finding is unfolded.
_NAMES: Final = 50


def _violations(audit: Audit) -> str:
    rows = [
        (
            text(part or "the whole"),
            code(found.policy),
            _STATES[found.state],
            code(found.shown) if found.urns else "",
            text(found.message),
        )
        for part, findings in by_capability(audit.violations).items()
        for found in findings
    ]
    listed = table(("capability", "rule", "", "resources", "what is wrong"), rows[:_ROWS])
    more = f"\nand {len(rows) - _ROWS} more\n" if len(rows) > _ROWS else ""
    return listed + more


def _details(audit: Audit) -> Iterator[str]:
    whys = {ruling.rule.id: ruling.rule.why for ruling in audit.rulings}
    for found in grouped(audit.violations):
        if found.urns:
            yield folded(
                f"{code(found.policy)}: {text(found.what)}", _detail(found, whys[found.policy])
            )


def _detail(found: Finding, why: str) -> str:
    waived = [text(f"Waived: {found.waiver.reason}")] if found.waiver else []
    lines = [f"- {kind} {_listed(names)}" for kind, names in found.by_type.items()]
    return "\n\n".join([text(why), *waived, "\n".join(lines)])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return code(", ".join(names[:_NAMES])) + more


def _waivers(excuses: Sequence[Excuse]) -> str:
    rows = [
        (
            excuse.state,
            code(excuse.waiver.rule),
            code(excuse.waiver.resource),
            text(excuse.waiver.reason),
            text(excuse.waiver.owner),
            excuse.waiver.expires.isoformat(),
        )
        for excuse in excuses
    ]
    return table(("waiver", "rule", "resource", "reason", "owner", "until"), rows)


def _mended(audit: Audit) -> str:
    lines = [f"- {code(mend.policy)} mended {code(mend.urn)}" for mend in audit.mended]
    return "\n".join([*lines, ""]) if lines else ""


def _controls(audit: Audit) -> Iterator[str]:
    for framework in audit.frameworks:
        if not framework.judged:
            continue
        yield f"### {text(framework.title)}\n"
        rows = [
            (
                text(control.number),
                text(control.title),
                control.status,
                *(str(control.counts[status]) for status in STATUSES[:3]),
                ", ".join(code(ruling.rule.id) for ruling in control.telling),
            )
            for control in framework.controls
        ]
        yield table(("control", "title", "status", *STATUSES[:3], "rules"), rows)


def _evidence(ruling: Ruling) -> str:
    rows = [
        (
            one.status,
            "<br>".join(f"{kind} {code(', '.join(names))}" for kind, names in one.by_type.items()),
            "<br>".join(
                f"{text(r.source.rsplit(':', 1)[-1])} {code(r.path)}: {text(r.value)}".strip()
                for r in one.readings
            ),
        )
        for one in ruling.evidence
    ]
    listed = table(("status", "resources", "evidence"), rows)
    return folded(f"{ruling.status}: {code(ruling.rule.id)} {text(ruling.rule.title)}", listed)


def _coverage(audit: Audit) -> Iterator[str]:
    found = audit.coverage
    yield f"{found.judged} of {found.resources} resources were judged.\n"
    yield table(
        ("domain", "rules", "applied", "resources", "judgements"),
        [
            (d.domain, str(d.rules), str(d.applied), str(d.resources), str(d.judgements))
            for d in found.domains
        ],
    )
    unseen = [
        (code(kind.type), code(", ".join(kind.names)), text(kind.harmless or "nobody says so"))
        for kind in found.unseen
    ]
    yield table(("type that no rule looked at", "resources", "why that is fine"), unseen)
    off = [f"- {code(r.rule.id)}" for r in audit.rulings if r.status == "disabled"]
    if off:
        yield "\n".join(["Rules that this environment switches off:\n", *off, ""])
