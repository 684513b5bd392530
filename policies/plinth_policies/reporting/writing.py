"""Writing GitHub's Markdown with texts that come from elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

#: GitHub refuses comments of more than 65,536 characters.
MOST_BYTES: Final = 60_000

_SPECIAL: Final = re.compile(r"[\\`*_\[\]|~#$]")
#: An address in prose is none; anything else after an @ would call somebody.
_MENTION: Final = re.compile(r"(?<!\w)@")


def fitting(head: str, blocks: Iterable[str], cut: str) -> str:
    """The head and as many whole blocks as fit."""
    whole, left = head, MOST_BYTES - len(head.encode()) - len(cut.encode())
    for block in filter(None, blocks):
        left -= len(block.encode()) + 1
        if left < 0:
            return whole + cut
        whole += f"\n{block}"
    return whole


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; empty without rows."""
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def folded(summary: str, content: str) -> str:
    """Content that is seen once its summary is clicked."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>\n"


def text(value: str) -> str:
    """Text that Markdown, HTML and mentions leave as it is."""
    plain = html.escape(" ".join(value.split()), quote=False)
    quiet = _MENTION.sub("@\u200b", plain)
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", quiet)


def code(value: str) -> str:
    """The same as code; nobody is called from within."""
    return f"<code>{text(value)}</code>"
