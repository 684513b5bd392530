"""A small project, and the command line called in process as a user calls it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plinth.cli import main

ROOT = Path(__file__).parents[2]

SMALL = """\
apiVersion: plinth/v1
name: churn
owner: ml-platform@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: aws
region: eu-west-1
artifacts: {}
environments:
  dev: {account: "111111111111"}
  prod: {account: "222222222222", durable: true, policies: mandatory}
"""


@dataclass(frozen=True)
class Answer:
    """What one call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON document and nothing else."""
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """The only problem."""
        assert self.json["ok"] is False
        (problem,) = self.json["problems"]
        return problem


class Plinth:
    """``plinth`` in a folder with a small project."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.spec = folder / "stacks" / "platform.yaml"
        self._capture = capture
        self.spec.parent.mkdir(parents=True)
        self.spec.write_text(SMALL, encoding="utf-8")
        shutil.copy(ROOT / "Pulumi.yaml", folder)

    def __call__(self, *words: str) -> Answer:
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        said = self._capture.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        assert "Traceback" not in said.out + said.err
        assert "[defect]" not in said.err
        assert '"defect"' not in said.out
        return Answer(code, said.out, said.err)

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text(encoding="utf-8")
        assert old in text
        self.spec.write_text(text.replace(old, new), encoding="utf-8")
