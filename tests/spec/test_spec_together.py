"""The parts of the spec package together: all environments, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from plinth import blueprint
from plinth.errors import SpecError
from plinth.spec.document import parse

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: 4711, monthly_budget: 10}
cloud: aws
region: eu-west-1
artifacts: {}
tracking: {tool: mlflow, nope: 1}
environments:
  dev: {}
  prod:
    network: {zones: 9}
    tracking: {keep_deleted_days: soon}
"""


def test_each_mistake_is_told_once_in_the_order_of_the_file() -> None:
    document, _ = parse(SPEC.encode(), "spec.yaml")
    assert document is not None
    with pytest.raises(SpecError) as caught:
        blueprint.resolve_all(document)
    found = [
        (str(problem.location), problem.path, problem.environment)
        for problem in caught.value.problems
    ]
    assert found == [
        ("spec.yaml:4:16", "cost.center", None),
        ("spec.yaml:8:26", "tracking.nope", None),
        ("spec.yaml:12:22", "network.zones", "prod"),
        ("spec.yaml:13:35", "tracking.keep_deleted_days", "prod"),
    ]


def test_reading_a_spec_loads_neither_pulumi_nor_the_matcher() -> None:
    modules = "document, explain, overlay, problems, schema"
    code = f"import sys; from plinth.spec import {modules}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout.split()
    assert not {name.partition(".")[0] for name in loaded} & {"pulumi", "rapidfuzz", "rich"}
