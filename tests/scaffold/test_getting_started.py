"""What the page for beginners shows is what the commands say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from example import ROOT
from plinth.cli import main

PAGE = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")


def shown() -> dict[str, str]:
    """Output by command."""
    parts = re.findall(r"^\$ (.*)\n((?:(?!\$ |```).*\n)*)", PAGE, re.M)
    return {command.rpartition("&& ")[2]: text for command, text in parts}


def said(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(words)[1:])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_page_is_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = shown()
    monkeypatch.chdir(tmp_path)
    (begin,) = (command for command in page if command.startswith("plinth init churn --yes"))
    assert page["plinth init churn"].endswith(said(begin, capsys))
    monkeypatch.chdir(tmp_path / "churn")
    assert said("plinth validate", capsys) == page["plinth validate"]
    table, _, rest = page["plinth plan dev --no-tree"].partition("…")
    assert rest == "\n"
    assert said("plinth plan dev --no-tree", capsys).startswith(table)


def test_its_commands_and_links_are_there() -> None:
    from plinth.cli import app

    known = app.list_commands(None)  # type: ignore[attr-defined, unused-ignore]
    for command in shown():
        if command.startswith("plinth "):
            assert command.split()[1] in known, command
    for link in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
