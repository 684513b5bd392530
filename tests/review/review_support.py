"""Changes and reviews made by hand, and a small spec in a Git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from plinth.changes import Change, digest
from plinth.review.model import Policy, Review

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml-platform@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: aws
region: eu-west-1
artifacts: {}
environments:
  dev: {account: "111111111111"}
  prod: {account: "222222222222", durable: true}
"""

_PART = "urn:pulumi:dev::plinth::plinth:index:Platform$plinth:index:Artifacts$"


def change(name: str = "models", type_: str = "aws:s3/bucket:Bucket", **more: Any) -> Change:
    """A change; by default a bucket's deletion."""
    lossy = {"op": "delete", "risk": "data-loss", "reason": "no longer wanted; it keeps data"}
    fields = {"capability": "artifacts", **lossy, **more}
    return Change(urn=f"{_PART}{type_}::{name}", type=type_, name=name, **fields)


def review(*changes: Change, **more: Any) -> Review:
    """A review of some changes."""
    fields: dict[str, Any] = {
        "platform": "churn",
        "environment": "dev",
        "cloud": "aws",
        "region": "eu-west-1",
        "account": "111111111111",
        "source": "engine",
        "policy": Policy(level="advisory"),
        "digest": digest(changes),
        **more,
    }
    return Review(changes=changes, **fields)


class Checkout:
    """A project in a repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "stacks" / "platform.yaml"
        self.spec.parent.mkdir(parents=True)
        self.spec.write_text(SPEC, encoding="utf-8")
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "a commit")
        return self.git("rev-parse", "HEAD")

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text(encoding="utf-8")
        assert old in text
        self.spec.write_text(text.replace(old, new), encoding="utf-8")
