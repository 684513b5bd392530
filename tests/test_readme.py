"""The README's spec works as it stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from example import ROOT
from plinth.blueprint import check
from plinth.planning import Plan
from plinth.spec.models import CAPABILITIES
from plinth.spec.schema import json_schema

PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
)


def test_the_small_spec_is_a_whole_platform(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    spec = next(
        text for text in re.findall(r"```yaml\n(.*?)```", readme, re.S) if "apiVersion" in text
    )
    assert len(spec.splitlines()) <= 15
    file = tmp_path / "platform.yaml"
    file.write_text(spec, encoding="utf-8")
    blueprints = check(file)
    assert list(blueprints) == ["dev"]
    assert tuple(blueprints["dev"].choices) == CAPABILITIES


def test_the_plan_of_the_readme_is_the_example_s(plan: Callable[[str], Plan]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("$ plinth plan dev --no-tree\n")[2].partition("policies:")[0]
    rows = [line.split() for line in shown.splitlines()[2:]]
    made = plan("dev").counts
    assert {row[0]: int(row[-1]) for row in rows} == {**made, "all": sum(made.values())}


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z-]+)", readme)):
        assert re.search(rf"^{target}:", makefile, re.M), target
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", readme):
        assert link.startswith("http") or (ROOT / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_whole(page: Path) -> None:
    """Links are closed and lead somewhere, rows have their table's cells, headings stand alone."""
    text = page.read_text(encoding="utf-8")
    assert text.count("```") % 2 == 0
    lines = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S).splitlines()
    for before, line in pairwise(["", *lines]):
        words = re.sub(r"`[^`]*`", "``", line)
        links = re.findall(r"\]\(([^()\s]*(?:\([^()]*\))?[^()\s]*)\)", words)
        assert len(links) == words.count("]("), line
        for link in links:
            file = link.partition("#")[0]
            assert link.startswith("http") or (page.parent / file).exists(), link
        if line.startswith("|") and before.startswith("|"):
            assert cells(line) == cells(before), line
        if re.match("#+ ", line):
            assert not before, line


def cells(row: str) -> int:
    """How many a row of a table has, whatever stands in them."""
    return len(re.findall(r"(?<!\\)\|", row))


def test_every_picture_is_there_and_used() -> None:
    """`make screenshots` takes them; few colours keep them small."""
    shown = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for text, link in re.findall(r"!\[([^]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert text, f"{page}: {link} has no text for those who do not see it"
            shown.add((page.parent / link).resolve())
    assert shown == set((ROOT / "docs" / "images").glob("*"))
    assert all(file.stat().st_size < 150 * 1024 for file in shown)


def test_what_the_docs_say_of_policies_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    small, environments = (
        next(block for block in re.findall(r"```yaml\n(.*?)```", text, re.S) if mark in block)
        for text, mark in ((readme, "apiVersion"), (page, "compliance"))
    )
    file = tmp_path / "platform.yaml"
    file.write_text(small + environments, encoding="utf-8")
    (waiver,) = check(file)["prod"].settings.compliance.waivers
    assert waiver.owner == "network@example.com"
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", page):
        assert link.startswith("http") or (ROOT / "docs" / link).exists(), link


def test_the_schema_in_the_docs_is_the_current_one() -> None:
    """Editors read it by the first line of the example; `make docs` writes it."""
    written = json.loads((ROOT / "docs" / "plinth.schema.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(json_schema()))
    first = (ROOT / "stacks" / "platform.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert (ROOT / "stacks" / first.split("$schema=")[1]).resolve().is_file()
