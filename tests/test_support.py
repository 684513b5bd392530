"""The support matrix in the docs is the registry's, and says no more than adapters do."""

from __future__ import annotations

from example import ROOT
from plinth import registry, support
from plinth.ports import Port


def test_the_page_is_not_stale() -> None:
    written = (ROOT / "docs" / "support.md").read_text(encoding="utf-8")
    assert written == support.markdown(), "run `make docs`"


def test_every_tool_and_every_need_has_its_line() -> None:
    page = support.markdown()
    for capability, tool in registry.all_tools():
        assert f"| {capability} | {registry.tool(capability, tool).title} |" in page
    for port in Port:
        assert f"| {port} |" in page


def test_a_tool_that_a_cloud_cannot_run_is_not_promised(monkeypatch) -> None:
    """A cloud without a SQL server runs no tool that asks for one."""
    from dataclasses import replace

    info = registry.cloud("kubernetes")
    poorer = {port: text for port, text in info.products.items() if port is not Port.SQL}
    monkeypatch.setattr(
        registry,
        "cloud",
        lambda name, real=registry.cloud: (
            replace(info, products=poorer) if name == "kubernetes" else real(name)
        ),
    )
    lines = {line.split(" | ")[1]: line for line in support.markdown().splitlines() if "| " in line}
    assert lines["MLflow"].endswith("| default | default | default | - | default |")
    assert lines["Buckets"].endswith("| default | default | default | default | default |")
