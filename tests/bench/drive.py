"""What the benchmark runs as a process of its own: a plan or a preview, Plinth's or a flat one."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "stacks" / "platform.yaml"
sys.path.insert(0, str(Path(__file__).parent))


def _flat(file: str) -> None:
    """Records the flat program of a ``plinth plan --json`` document."""
    from flat import program

    from plinth.recorder import record

    plan = json.loads(Path(file).read_text(encoding="utf-8"))
    graph = record(
        program(plan["resources"]),
        project="plinth",
        environment=plan["environment"],
        cloud=plan["cloud"],
        region=plan["outputs"].get("region", ""),
        account=plan["outputs"].get("account", ""),
    )
    _say(len(graph))


def _plan(environment: str, cloud: str | None = None) -> None:
    from plinth import planning, program

    _say(len(planning.graph_of(program.blueprint_of(SPEC, environment, cloud=cloud))))


def _plans(spec: str, count: str) -> None:
    """Plans so many environments of a spec, one after the other, and judges each."""
    from plinth import planning
    from plinth.spec.document import load
    from plinth.spec.overlay import environment_names

    names = environment_names(load(Path(spec)))[: int(count)]
    _say(sum(len(planning.plan(Path(spec), name).graph) for name in names))


def _say(resources: int) -> None:
    """How many resources there are, and which clouds' SDKs were loaded for them."""
    shared = ("pulumi_kubernetes", "pulumi_random")
    loaded = {name.split(".", maxsplit=1)[0] for name in sys.modules if name.startswith("pulumi_")}
    print(json.dumps({"resources": resources, "sdks": sorted(loaded.difference(shared))}))


def _preview(what: str | None = None) -> None:
    """Previews the environment prod from nothing.

    ``what`` is ``judged`` for Plinth's program with the policy pack, the file of a plan for the
    flat program, or nothing for Plinth's program alone.
    """
    from plinth import operations, program
    from plinth.engine.settings import Settings
    from plinth.engine.workspace import Stack

    blueprint = program.blueprint_of(SPEC, "prod")
    if what in (None, "judged"):
        run = program.build(blueprint)
    else:
        from flat import program as flat_program

        plan = json.loads(Path(what).read_text(encoding="utf-8"))
        run = flat_program(plan["resources"])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "stacks").mkdir()
        (root / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        settings = Settings(root=root, environment="prod", rehearse=True)
        packs = [operations.policy_pack(blueprint, root / "policy")] if what == "judged" else []
        stack = Stack(settings, run, packages=("aws", "kubernetes", "random"), policy_packs=packs)
        print(stack.preview().summary)


def main(command: str, arguments: Sequence[str]) -> None:
    """Runs one command.

    `plan ENVIRONMENT [CLOUD]`, `plans SPEC COUNT`, `flat FILE` or `preview [FILE|judged]`.
    """
    commands: dict[str, Callable[..., None]] = {
        "plan": _plan,
        "plans": _plans,
        "flat": _flat,
        "preview": _preview,
    }
    commands[command](*arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
