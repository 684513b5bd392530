"""Physical names, and the clouds' rules for tags and labels. Pure functions.

Logical names (in URNs) never come from here: they are spec keys.  A physical name is set only where
something outside the engine refers to it; everything else is left to the engine's own naming.
"""

from __future__ import annotations

import hashlib
import re


def physical(*parts: str, limit: int = 63, separator: str = "-", unique: str = "") -> str:
    """Joins parts to a lower-case name of at most ``limit`` characters.

    Characters outside ``a-z0-9`` become the ``separator``: a dash, or nothing where a cloud allows
    letters and digits alone.  With ``unique``, six hexadecimal characters made from it are
    appended; a name that is too long loses its end and always gets such a suffix, so that two long
    names never meet.

    Raises:
        ValueError: When nothing usable is left.
    """
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if not name:
        raise ValueError(f"no letter or digit to make a name of in {parts!r}")
    if not name[0].isalpha():
        name = f"x{name}"
    joined = name.replace("-", separator)
    if unique or len(joined) > limit:
        digest = hashlib.sha256(f"{name}/{unique}".encode()).hexdigest()[:6]
        room = limit - len(digest) - len(separator)
        joined = f"{joined[:room].rstrip('-')}{separator}{digest}"
    return joined


def label_value(text: str) -> str:
    """``text`` as a Kubernetes label value: at most 63 of ``A-Za-z0-9_.-``, alphanumeric ends.

    Source: Kubernetes documentation, "Labels and Selectors", syntax and character set.
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)[:63].strip("_.-")


def gcp_label(text: str) -> str:
    """``text`` as a label's value on GCP: at most 63 of ``a-z0-9_-``.

    Source: Google Cloud documentation, "Requirements for labels".
    """
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]
