"""Reviews and small specs for tests of pipelines."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from plinth.changes import Change, approval
from plinth.errors import Problem
from plinth.review.model import Policy, Review

DIGEST = "sha256:" + "a" * 64


def review(environment: str = "dev", **changes: Any) -> Review:
    """A review of the platform ``churn`` in which one bucket is made."""
    bucket = Change(
        urn=f"urn:pulumi:{environment}::plinth::aws:s3/bucket:Bucket::artifacts",
        type="aws:s3/bucket:Bucket",
        name="artifacts",
        op="create",
        capability="artifacts",
        risk="low",
    )
    values: dict[str, Any] = {
        "platform": "churn",
        "environment": environment,
        "cloud": "aws",
        "region": "eu-west-1",
        "account": "111111111111",
        "source": "engine",
        "changes": (bucket,),
        "policy": Policy(level="advisory"),
        "digest": DIGEST,
    }
    return Review(**(values | changes))


#: What the pipeline hands on of such a review: the digest, and a mark for the one change.
APPROVED = approval(DIGEST, review().changes)

BLOCKER = Problem(code="approval-missing", message="nobody approved it")

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
  prod-eu: {account: "222222222222", durable: true, after: [dev]}
"""


def repository(folder: Path, spec: str = SPEC) -> Path:
    """A repository with one commit, and its spec."""
    path = folder / "stacks" / "platform.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(spec, encoding="utf-8")
    (folder / "Pulumi.yaml").write_text("name: plinth\nruntime: python\n", encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "Begin")
    return path


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")
