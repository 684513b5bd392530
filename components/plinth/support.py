"""The support matrix: which tool runs on which cloud, and what meets each need there.

Everything comes from the registry, so that the page in the docs cannot say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from plinth import registry
from plinth.ports import Port
from plinth.tools import Tool

_YES, _NO = "yes", "-"


def markdown() -> str:
    """The page ``docs/support.md``."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    clouds = [registry.cloud(name) for name in registry.cloud_names()]
    yield "# What runs where"
    yield ""
    yield "Made from the registry by `make docs`; a test fails when it is stale."
    yield ""
    yield "## Tools"
    yield ""
    pairs = [(c, registry.tool(c, name)) for c, name in registry.all_tools()]
    yield from _table(
        ["capability", "tool", *(cloud.title for cloud in clouds)],
        [
            [capability, tool.title, *(_answer(tool, cloud.name) for cloud in clouds)]
            for capability, tool in pairs
        ],
    )
    yield ""
    yield "**default**: what a spec gets there that names no tool."
    yield ""
    yield "## What meets a need"
    yield ""
    yield from _table(
        ["need", *(cloud.title for cloud in clouds)],
        [[port, *(cloud.products.get(port, _NO) for cloud in clouds)] for port in Port],
    )
    yield ""
    yield "Where a cloud has no answer, the platform goes without, or a spec that cannot is refused"
    yield "before anything exists. How to install one cloud's SDK only:"
    yield ""
    for cloud in clouds:
        yield f"- {cloud.title}: `pip install 'plinth[{cloud.extra}]'`"


def _answer(tool: Tool, cloud: str) -> str:
    if not tool.runs_on(registry.cloud(cloud)):
        return _NO
    return "default" if registry.default_tool(tool.capability, cloud) == tool.name else _YES


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in [head, ["---"] * len(head), *rows]:
        yield f"| {' | '.join(row)} |"
