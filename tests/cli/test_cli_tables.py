"""What people see of changes: what is at stake first, nothing twice, nothing cut."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from plinth.changes import Change
from plinth.cli import tables

_URN = "urn:pulumi:dev::plinth::{kind}::{name}"


def _change(name: str, kind: str = "aws:s3/bucket:Bucket", **fields: Any) -> Change:
    fields = {"op": "replace", "risk": "high", "capability": "artifacts"} | fields
    return Change(urn=_URN.format(kind=kind, name=name), type=kind, name=name, **fields)


def _text(found: list[Change], width: int) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(tables.changes(found))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 160])
def test_what_would_lose_data_stands_first(width: int) -> None:
    found = [
        _change("models", "aws:s3/bucketPolicy:BucketPolicy", reason="r"),
        _change("models", "aws:s3/bucketLogging:BucketLogging", reason="r"),
        _change("zoo", risk="data-loss", reason="cannot change in place: bucket"),
    ]
    lines = _text(found, width)
    assert lines[1].split() == ["artifacts"]
    assert lines[2].split()[:5] == ["±", "zoo", "Bucket", "DATA", "LOSS"]
    assert lines[3].split() == ["±", "models", "BucketPolicy", "and", "1", "more", "high", "r"]
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert tables.summary(found, done=False) == "3 to replace; [bold red]1 would lose data[/]"


def test_many_creations_take_one_line() -> None:
    found = [_change(f"b{n}", op="create", risk="low") for n in range(13)]
    lines = _text([*found, _change("old", op="delete", reason="no longer wanted")], 80)
    assert [line.split()[:3] for line in lines[2:]] == [
        ["-", "old", "Bucket"],
        ["+", "13", "resources"],
    ]


def test_components_are_no_resources() -> None:
    found = [
        _change("churn", "plinth:index:Platform", op="update"),
        _change("plinth-dev", "pulumi:pulumi:Stack", op="create"),
        _change("models", op="create"),
    ]
    felt = tables.felt(found)
    assert [change.name for change in felt] == ["models"]
    assert tables.summary(felt, done=True) == "1 created"
    assert tables.summary([], done=True) == "nothing changed"


def test_names_are_no_markup() -> None:
    assert any("[red]x" in line for line in _text([_change("[red]x", reason="[why]")], 80))


def test_a_pipe_gets_whole_lines_without_filling(capsys: pytest.CaptureFixture[str]) -> None:
    address = "arn:aws:sns:eu-west-1:111111111111:" + "a" * 300
    tables.show(tables.outputs({"short": "x", "topic": address}))
    lines = capsys.readouterr().out.splitlines()
    assert f"topic   {address}" in lines
    assert all(line == line.rstrip() for line in lines)
