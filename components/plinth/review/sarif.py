"""SARIF 2.1.0 of a review: what the policies found, and what else stands in the way."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from plinth.errors import Problem
from plinth.review.model import Review

if TYPE_CHECKING:
    from plinth_policies.reporting.audit import Audit

#: What is told as policy results already.
_POLICY: Final = "policy-violation"


def sarif(review: Review, audit: Audit) -> dict[str, Any]:
    """One SARIF log: the audit's, with the review's other blockers as results.

    Args:
        review: The review.
        audit: The audit of the plan that it was made from.
    """
    from plinth_policies.reporting.sarif import sarif as of_audit

    log = of_audit(audit)
    (run,) = log["runs"]
    rules: list[dict[str, Any]] = run["tool"]["driver"]["rules"]
    places: dict[str, int] = {}
    for problem in review.blockers:
        if problem.code == _POLICY:
            continue
        if problem.code not in places:
            places[problem.code] = len(rules)
            rules.append(_rule(problem.code))
        run["results"].append(_result(problem, places[problem.code], audit))
    return log


def _rule(code: str) -> dict[str, Any]:
    title = code.replace("-", " ").capitalize()
    return {
        "id": code,
        "shortDescription": {"text": _TITLES.get(code, title)},
        "defaultConfiguration": {"level": "error"},
    }


_TITLES: Final = {
    "approval-missing": "What would lose data is approved by name",
    "protected": "What is protected stays",
}


def _result(problem: Problem, index: int, audit: Audit) -> dict[str, Any]:
    text = f"{problem.message}. {problem.fix}" if problem.fix else problem.message
    line = problem.location.line if problem.location else audit.subject.line
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": audit.subject.spec, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line},
        }
    }
    subject = problem.message
    if problem.path and problem.path.startswith("urn:"):
        subject = problem.path
        location["logicalLocations"] = [
            {
                "name": subject.rsplit("::", 1)[-1],
                "fullyQualifiedName": subject,
                "kind": "resource",
            }
        ]
    mark = hashlib.sha256(f"{problem.code}\n{subject}".encode()).hexdigest()[:32]
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {
            "plinthRuleAndResource/v1": mark,
            "primaryLocationLineHash": f"{mark}:1",
        },
    }
