"""What the engine still plans after a replacement that ended halfway, against what was approved."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest

from plinth.changes import approval, goals, unapproved
from plinth.engine.locate import Engine
from plinth.engine.settings import Settings
from plinth.engine.workspace import Stack
from plinth.errors import EngineError
from plinth.graph import Graph, Resource

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws"),
]

#: What the program asks for. The provider adds a name, another one each time.
QUEUE = Resource(
    urn="urn:pulumi:dev::plinth::aws:sqs/queue:Queue::one",
    type="aws:sqs/queue:Queue",
    name="one",
    inputs={"fifoQueue": True, "delaySeconds": 0},
)
GOAL = goals(Graph(environment="dev", cloud="aws", resources=(QUEUE,)))


@pytest.mark.parametrize("fault", ["create", "delete"])
@pytest.mark.parametrize("deleting_first", [True, False])
def test_half_a_replacement(
    root: Path, engine: Engine, tmp_path: Path, *, deleting_first: bool, fault: str
) -> None:
    settings = Settings(root=root, environment="dev", rehearse=True)
    faults = tmp_path / "faults.json"
    wanted = {"fifo_queue": False, "delay_seconds": 0}

    def program() -> None:
        import pulumi_aws as aws

        provider = aws.Provider("aws", region="eu-west-1")
        opts = pulumi.ResourceOptions(provider=provider, delete_before_replace=deleting_first)
        aws.sqs.Queue("one", opts=opts, **wanted)

    def stack(faults: Path | None = None) -> Stack:
        return Stack(settings, program, engine=engine, packages=("aws",), faults=faults)

    first = stack().preview(goal=GOAL).digest
    assert stack().preview(goal=GOAL).digest == first  # although the name is another one
    stack().up()
    wanted["fifo_queue"] = True
    planned = stack().preview(goal=GOAL)
    approved = approval(planned.digest, planned.changes)
    faults.write_text(json.dumps([{"operation": fault, "action": "fail"}]), encoding="utf-8")
    with pytest.raises(EngineError):
        stack(faults).up()

    rest = stack().preview(goal=GOAL)
    assert rest.changed
    assert unapproved(rest.changes, approved) == ()
    wanted["delay_seconds"] = 9
    (other,) = unapproved(stack().preview(goal=GOAL).changes, approved)
    assert other.name == "one"
    wanted["delay_seconds"] = 0
    stack().up()
    assert stack().preview(allow_changes=False).changed == ()
