"""SARIF 2.1.0, as code scanning services read it.

They place every result in a file. Resources have none, so results stand at the environment's line
of the spec, and name their resource as a logical location; expired waivers stand where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from plinth_policies.check import EXPIRED
from plinth_policies.model import Level, Violation, Waiver
from plinth_policies.reporting.audit import Audit, Ruling

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: Final[dict[Level, str]] = {"mandatory": "error", "advisory": "warning"}

_EXPIRY: Final = {
    "id": EXPIRED,
    "shortDescription": {"text": "No waiver has expired"},
    "fullDescription": {"text": "A waiver is leave to break a rule for a while, not for ever."},
    "help": {"text": "Mend what the waiver excused, or renew it with a reason."},
    "properties": {"tags": ["security"]},
}


def sarif(audit: Audit) -> dict[str, Any]:
    """The violations of an audit as one SARIF log, waived ones as suppressed results."""
    rules = [_rule(ruling) for ruling in audit.rulings if ruling.action != "disabled"]
    if any(excuse.state == "expired" for excuse in audit.excuses):
        rules.append(_EXPIRY)
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    subject = audit.subject
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Plinth",
                        "semanticVersion": subject.version,
                        "rules": rules,
                    }
                },
                "automationDetails": {"id": f"plinth/{subject.environment}/"},
                "invocations": [{"executionSuccessful": True}],
                "results": [
                    _result(violations, places, audit)
                    for violations in _by_rule_and_resource(audit.violations)
                ],
            }
        ],
    }


def _rule(ruling: Ruling) -> dict[str, Any]:
    rule = ruling.rule
    fix = f"{rule.fix[:1].upper()}{rule.fix[1:]}."
    controls = "".join(f"\n- {control}" for control in rule.controls) or " none"
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {
            "text": f"{fix} {rule.why}",
            "markdown": f"{fix}\n\n{rule.why}\n"
            + (f"\nControls:\n{controls}\n" if controls else ""),
        },
        "defaultConfiguration": {
            "level": "warning" if ruling.action == "advisory" else "error",
        },
        "properties": {"tags": ["security", rule.domain], "controls": list(rule.controls)},
    }


def _by_rule_and_resource(violations: Iterable[Violation]) -> list[list[Violation]]:
    """One result each: what is wrong in several ways is mended, or suppressed, at once."""
    groups: dict[tuple[str, str, str], list[Violation]] = {}
    for each in violations:
        # Expired waivers have no resource; their messages tell them apart.
        key = (each.policy, each.urn, "" if each.urn else each.message)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _result(found: list[Violation], places: dict[str, int], audit: Audit) -> dict[str, Any]:
    first = found[0]
    name = first.urn.rsplit("::", 1)[-1]
    said = ", ".join(each.what for each in found)
    text = f"{said}; {first.fix}" if first.message != first.what else said
    print_of = _fingerprint(first)
    result: dict[str, Any] = {
        "ruleId": first.policy,
        "ruleIndex": places[first.policy],
        "level": _LEVELS[first.severity],
        "message": {"text": f"{name}: {text}" if name else text},
        "locations": [_location(first, name, audit)],
        "partialFingerprints": {
            "plinthRuleAndResource/v1": print_of,
            # The only one that GitHub looks at; by default it would be made from the line, which
            # is the same for all.
            "primaryLocationLineHash": f"{print_of}:1",
        },
    }
    if first.waiver:
        result["suppressions"] = [_suppression(first.waiver)]
    return result


def _location(found: Violation, name: str, audit: Audit) -> dict[str, Any]:
    line = audit.places.get(found.expired) if found.expired else None
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": audit.subject.spec, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line or audit.subject.line},
        }
    }
    if found.urn:
        location["logicalLocations"] = [
            {"name": name, "fullyQualifiedName": found.urn, "kind": "resource"}
        ]
    return location


def _fingerprint(violation: Violation) -> str:
    subject = violation.urn or violation.message
    return hashlib.sha256(f"{violation.policy}\n{subject}".encode()).hexdigest()[:32]


def _suppression(waiver: Waiver) -> dict[str, str]:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": f"{waiver.reason} ({waiver.owner}, until {waiver.expires})",
    }
