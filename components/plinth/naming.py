"""Physical names, and the clouds' rules for tags and labels. Pure functions.

Logical names (in URNs) never come from here: they are spec keys.  A physical name is set only where
something outside the engine refers to it; everything else is left to the engine's own naming.
"""

from __future__ import annotations

import hashlib
import re


def physical(*parts: str, limit: int = 63, unique: str = "") -> str:
    """Joins parts to a lower-case name of at most ``limit`` characters.

    Characters outside ``a-z0-9-`` become dashes.  With ``unique``, six hexadecimal characters made
    from it are appended; a name that is too long loses its middle and always gets such a suffix,
    so that two long names never meet.

    Raises:
        ValueError: When nothing usable is left.
    """
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if not name:
        raise ValueError(f"no letter or digit to make a name of in {parts!r}")
    if not name[0].isalpha():
        name = f"x{name}"
    if unique or len(name) > limit:
        digest = hashlib.sha256(f"{name}/{unique}".encode()).hexdigest()[:6]
        name = f"{name[: limit - 7].rstrip('-')}-{digest}"
    return name


def label_value(text: str) -> str:
    """``text`` as a Kubernetes label value: at most 63 of ``A-Za-z0-9_.-``, alphanumeric ends.

    Source: Kubernetes documentation, "Labels and Selectors", syntax and character set.
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)[:63].strip("_.-")
