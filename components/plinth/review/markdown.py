"""One comment for a pull request: what it would do to every environment, and what is in the way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from plinth import registry
from plinth.changes import RISKS, Change, costs, kinds, why
from plinth.planning import PARTS
from plinth.review.approvals import line_of
from plinth.review.model import Approval, Review
from plinth_policies.reporting.writing import code, fitting, folded, table, text

#: Rows that a table may have; those beyond are counted.
_ROWS: Final = 40
#: Rows of what is at stake: all are among the details.
_STAKE: Final = 15
#: Things in the way that are listed for an environment; those beyond are counted.
_BLOCKERS: Final = 20
#: Environments that get a line of their own.
_ENVIRONMENTS: Final = 100

_CUT: Final = "\n_More did not fit here; {} shows everything._\n"

_OPS: Final = ("create", "update", "replace", "delete", "import")
_RISKS: Final = {"data-loss": "🔴 **data loss**", "high": "🟠 high", "low": "🟢 low", "none": ""}
_COSTS: Final = "💰"


def comment(reviews: Sequence[Review], *, log: str | None = None) -> str:
    """What a pull request needs to know, in less than GitHub takes of a comment.

    It begins with a mark by which a workflow finds its earlier comment.  Where not everything fits,
    details go first: verdicts, what is in the way and what matters most come before them.

    Args:
        reviews: One for each environment, of one platform.
        log: Address of the full log.
    """
    names = list(dict.fromkeys(review.platform for review in reviews))
    title = ", ".join(names)
    lines = [
        f"<!-- plinth-review {text(title)} -->",
        f"### Plinth: {text(title)}\n",
        *(_verdict(review) for review in reviews[:_ENVIRONMENTS]),
    ]
    if len(reviews) > _ENVIRONMENTS:
        lines.append(f"- and {len(reviews) - _ENVIRONMENTS} more environments")
    head = "\n".join([*lines, "", *_sources(reviews), _log(log)]).rstrip() + "\n"
    blocks = [
        *(_blockers(review) for review in reviews),
        *(_most(review) for review in reviews),
        *(_drift(review) for review in reviews),
        *(_noticed(review) for review in reviews),
        *(_policies(review) for review in reviews),
        *(_approvals(review) for review in reviews),
        *(part for review in reviews for part in _parts(review)),
        _digests(reviews),
    ]
    everything = "the full log" if log else "<code>plinth preview ENV</code>"
    return fitting(head, blocks, _CUT.format(everything))


def _verdict(review: Review) -> str:
    """One line: whether it may go, and what it is."""
    lost = sum(change.risk == "data-loss" for change in review.felt)
    high = sum(change.risk == "high" for change in review.felt)
    if review.blockers:
        mark, said = "❌", _blocked(review)
    elif lost:
        mark, said = "⚠️", f"may go: {lost} would lose data, approved by name"
    elif high:
        mark, said = "⚠️", f"may go: {high} without data would be replaced or deleted"
    elif review.felt:
        mark, said = "✅", "may go"
    else:
        mark, said = "✅", "nothing to change"
    place = " ".join(filter(None, [review.cloud, review.region, review.account]))
    counts = ", ".join(f"{review.summary[op]} to {op}" for op in _OPS if op in review.summary)
    violated = review.policy.counts
    policies = ", ".join(f"{violated[each]} {each}" for each in sorted(violated) if violated[each])
    parts = [
        counts,
        f"{len(review.drifted)} changed outside of Plinth" if review.drifted else "",
        f"{_COSTS} {costly} on the bill" if (costly := len(_costly(review))) else "",
        f"policies: {policies}" if policies else "",
    ]
    listed = "".join(f" · {part}" for part in parts if part)
    return f"- {mark} **{text(review.environment)}** ({text(place)}): {said}{listed}"


def _blocked(review: Review) -> str:
    if review.stopped:
        return f"**the preview failed**: {_prose(review.stopped[0].message[:_LONGEST])}"
    count = Counter(problem.code for problem in review.blockers)
    missing, violated = count["approval-missing"], count["policy-violation"]
    parts = [
        f"{missing} would lose data and {_be(missing)} not approved" if missing else "",
        f"{violated} violate{'s' if violated == 1 else ''} a mandatory policy" if violated else "",
        "what is protected would go" if count["protected"] else "",
    ]
    return f"**blocked**: {', '.join(filter(None, parts))}"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _sources(reviews: Sequence[Review]) -> Iterator[str]:
    """Where the answers come from, once for all that are alike."""
    groups: dict[tuple[str, str | None, str | None], list[str]] = {}
    for review in reviews:
        groups.setdefault((review.source, review.base, review.head), []).append(review.environment)
    for (source, base, head), environments in groups.items():
        who = "" if len(groups) == 1 else f"{text(', '.join(environments))}. "
        at = f" at {head[:8]}" if head else ""
        if source == "offline":
            against = base[:8] if base else "nothing"
            yield (
                f"> [!NOTE]\n> {who}Made **without credentials**, from the spec alone{at}: "
                f"the plan against that of the base ({against}). State and clouds were not asked, "
                "so what was never brought up, or was changed by hand, does not show.\n"
            )
        else:
            against = f", against {base[:8]}" if base else ""
            yield f"{who}Asked of the engine{at}{against}.\n"


def _log(address: str | None) -> str:
    if not address:
        return ""
    if not address.startswith(("https://", "http://")):
        return f"Full log: {code(address)}\n"
    whole = address.replace("&", "&amp;").replace('"', "%22").replace("<", "%3C")
    return f'<a href="{whole}">Full log</a>\n'


def _blockers(review: Review) -> str:
    if not review.blockers:
        return ""
    lines = [f"#### ❌ {text(review.environment)}: in the way\n"]
    shown = review.blockers[:_BLOCKERS]
    asked = [(problem, line) for problem in shown if (line := line_of(problem))]
    for problem in shown:
        place = f" ({code(str(problem.location))})" if problem.location else ""
        lines.append(f"- {_prose(problem.message)}{place}")
        if problem.fix and not line_of(problem):
            lines.append(f"  - {_prose(problem.fix)}")
    if len(review.blockers) > _BLOCKERS:
        lines.append(f"- and {len(review.blockers) - _BLOCKERS} more")
    if asked:
        fix = (asked[0][0].fix or "").partition("`")[0].rstrip(" :")
        lines += ["", f"{text(fix)}:", "", _fenced(line for _, line in asked)]
    return "\n".join(lines) + "\n"


def _fenced(lines: Iterable[str]) -> str:
    """Lines of YAML to copy, behind a fence that nothing in them closes."""
    content = "\n".join(dict.fromkeys(" ".join(line.split()) for line in lines))
    runs = [len(run) for run in re.findall("`+", content)]
    fence = "`" * max([3, *(run + 1 for run in runs)])
    return f"{fence}yaml\n{content}\n{fence}"


def _prose(said: str) -> str:
    """A sentence in which what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", text(said))


#: What :func:`text` makes of something between backticks.
_CODE: Final = re.compile("&#96;(.*?)&#96;")


def _most(review: Review) -> str:
    """What is at stake, and what shows on the bill."""
    costly = {change.urn for change in _costly(review)}
    told = [
        change
        for change in review.felt
        if change.urn in costly or RISKS.index(change.risk) > RISKS.index("low")
    ]
    if not told:
        return ""
    listed = _table(told, review, parts=True)
    return f"#### {text(review.environment)}: at stake, and on the bill\n\n{listed}"


def _costly(review: Review) -> list[Change]:
    if review.cloud not in registry.cloud_names():
        return []
    known = registry.cloud(review.cloud).costly
    return [change for change in review.felt if costs(change, known)]


def _parts(review: Review) -> Iterator[str]:
    """Every change, by capability."""
    order = [*PARTS, ""]
    changes = sorted(
        review.felt,
        key=lambda c: order.index(c.capability) if c.capability in order else len(order),
    )
    for part, group in groupby(changes, key=lambda change: change.capability):
        found = list(group)
        name = part or "providers"
        count = f"{len(found)} change{'s' if len(found) > 1 else ''}"
        summary = f"{text(review.environment)}: {text(name)}, {count}"
        yield folded(summary, _table(found, review))


def _table(changes: Iterable[Change], review: Review, *, parts: bool = False) -> str:
    """Changes, the riskiest first, then what costs; what is alike in one row."""
    costly = {change.urn for change in _costly(review)}
    granted = review.approvals.granted

    def key(change: Change) -> tuple[object, ...]:
        part = change.capability if parts else ""
        cost = change.urn in costly
        return (-RISKS.index(change.risk), not cost, part, change.op, change.name, _why(change))

    rows = []
    for _, group in groupby(sorted(changes, key=key), key=key):
        alike = list(group)
        change = alike[0]
        mark = f" {_COSTS}" if change.urn in costly else ""
        approved = [each for c in alike if (each := granted.get(c.urn))]
        by = f"; approved by {approved[0].approver}: {approved[0].reason}" if approved else ""
        rows.append(
            (
                *([text(change.capability or "providers")] if parts else []),
                text(change.op),
                code(change.name),
                text(kinds(alike)) + mark,
                _RISKS[change.risk] if change.op != "create" else "",
                text(_why(change) + by),
            )
        )
    columns = (*(["capability"] if parts else []), "", "resource", "type", "risk", "why")
    most = _STAKE if parts else _ROWS
    more = f"\nand {len(rows) - most} more rows\n" if len(rows) > most else ""
    return table(columns, rows[:most]) + more


def _why(change: Change) -> str:
    """Why, in no more than a line."""
    said = why(change)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


_LONGEST: Final = 200


def _drift(review: Review) -> str:
    if not review.drifted:
        return ""
    rows = [
        (
            code(change.name),
            text(change.type.rsplit(":", 1)[-1]),
            text(_why(change)),
            "would be repaired" if change.felt else "would be left as it is",
        )
        for change in review.drifted
    ]
    more = f"\nand {len(rows) - _ROWS} more\n" if len(rows) > _ROWS else ""
    listed = table(("resource", "type", "what was done", ""), rows[:_ROWS])
    return f"#### {text(review.environment)}: changed outside of Plinth\n\n{listed}{more}"


def _noticed(review: Review) -> str:
    said = list(dict.fromkeys(diagnostic.message for diagnostic in review.diagnostics))
    lines = [
        f"- {text(review.environment)}: {_prose(' '.join(each.split())[:500])}" for each in said
    ]
    return "\n".join(lines[:_BLOCKERS]) + "\n" if lines else ""


def _policies(review: Review) -> str:
    rows = [
        (
            "⏸️ waived" if each.get("waiver") else _SEVERITIES.get(str(each["severity"]), ""),
            code(str(each["policy"])),
            code(str(each["urn"]).rsplit("::", 1)[-1]) if each.get("urn") else "",
            text(str(each["message"])),
        )
        for each in review.policy.violations
    ]
    if not rows:
        return ""
    more = f"\nand {len(rows) - _ROWS} more\n" if len(rows) > _ROWS else ""
    listed = table(("", "rule", "resource", "what is wrong"), rows[:_ROWS]) + more
    return folded(f"{text(review.environment)}: policies, {len(rows)} violated", listed)


_SEVERITIES: Final = {"mandatory": "❌ stops", "advisory": "⚠️ warns"}


def _approvals(review: Review) -> str:
    states = {
        "used": review.approvals.used,
        "unused": review.approvals.unused,
        "expired": review.approvals.expired,
    }
    rows = [_approval(state, each) for state, found in states.items() for each in found]
    if not rows:
        return ""
    listed = table(("", "change", "resource", "reason", "approver", "until"), rows[:_ROWS])
    return folded(f"{text(review.environment)}: approvals, {len(rows)}", listed)


def _approval(state: str, approval: Approval) -> tuple[str, ...]:
    return (
        state,
        text(approval.change),
        code(approval.resource),
        text(approval.reason),
        text(approval.approver),
        text(approval.expires),
    )


def _digests(reviews: Sequence[Review]) -> str:
    lines = [
        f"- {text(each.environment)}: {code(each.digest)}"
        for each in reviews
        if each.source == "engine"
    ]
    if not lines:
        return ""
    return folded("Digests of these plans, for <code>up ENV --approved</code>", "\n".join(lines))
