"""The audit as one page of HTML that needs nothing else: no network, no script."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from typing import Final

from plinth import render
from plinth_policies.reporting.audit import STATUSES, Audit
from plinth_policies.reporting.findings import by_capability

_FOLDER: Final = "policy"


def page(audit: Audit) -> str:
    """The page; its policy lets the browser run and load what is in it, and nothing else."""
    style, script = (render.text(f"{_FOLDER}/{name}") for name in ("report.css", "report.js"))
    return render.text(
        f"{_FOLDER}/report.html.j2",
        audit=audit,
        parts=by_capability(audit.violations),
        statuses=STATUSES,
        rule_ids={ruling.rule.id for ruling in audit.rulings},
        excuses=Counter(excuse.state for excuse in audit.excuses),
        style=style,
        script=script,
        hashes={"style": _hash(style), "script": _hash(script)},
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
