"""What the benchmark runs as a process of its own: a plan or a preview, Plinth's or a flat one."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "stacks" / "platform.yaml"
sys.path.insert(0, str(Path(__file__).parent))


def _flat() -> None:
    from flat import program

    from plinth.recorder import record

    graph = record(
        program(Path(sys.argv[2])),
        project="plinth",
        environment="prod",
        cloud="aws",
        region="eu-central-1",
        account="222222222222",
    )
    print(len(graph))


def _plan() -> None:
    from plinth import planning, program

    print(len(planning.graph_of(program.blueprint_of(SPEC, "prod"))))


def _preview(*, flat: bool) -> None:
    from plinth import program
    from plinth.engine.settings import Settings
    from plinth.engine.workspace import Stack

    if flat:
        from flat import program as flat_program

        run = flat_program(Path(sys.argv[2]))
    else:
        run = program.build(program.blueprint_of(SPEC, "prod"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "stacks").mkdir()
        (root / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        settings = Settings(root=root, environment="prod", rehearse=True)
        print(Stack(settings, run, packages=("aws", "kubernetes", "random")).preview().summary)


if __name__ == "__main__":
    {
        "plan": _plan,
        "flat": _flat,
        "preview": lambda: _preview(flat=False),
        "preview-flat": lambda: _preview(flat=True),
    }[sys.argv[1]]()
