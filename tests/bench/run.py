"""Speed and memory, side by side in one run; writes docs/benchmarks.md.

Each pair of commands runs in turn, A B A B …, as whole processes; CPU seconds (user and system,
with all their children) and peak memory come from the operating system's accounting. Ratios are
medians of the ratios pair by pair, so that a machine that slows down half-way does not tilt them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import stack
import yaml

from plinth import registry
from plinth.ports import Port

ROOT = Path(__file__).parents[2]
BENCH = ROOT / ".plinth" / "bench"
PAGE = ROOT / "docs" / "benchmarks.md"
NEBARI = "2025.10.1"
PLINTH = str(Path(sys.executable).parent / "plinth")
DRIVE = (sys.executable, str(Path(__file__).with_name("drive.py")))

NEBARI_CONFIG = """\
provider: local
namespace: dev
nebari_version: 2025.10.1
project_name: bench
domain: bench.example.com
"""


@dataclass(frozen=True)
class Run:
    """One finished process: CPU seconds and peak resident memory in MB."""

    cpu: float
    memory: float


def measure(command: Sequence[str], folder: Path) -> Run:
    """Runs a command to its end; it must succeed."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            text = output.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{' '.join(command)} failed with {process.returncode}:\n{text}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(ours: Sequence[str], theirs: Sequence[str], folder: Path, runs: int) -> list[str]:
    """A table row's figures: ours, theirs, the ratio pair by pair, peak memory of both."""
    measure(ours, folder), measure(theirs, folder)  # warm up: byte code, disk cache
    pairs = [(measure(ours, folder), measure(theirs, folder)) for _ in range(runs)]
    a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratio = statistics.median(y.cpu / x.cpu for x, y in pairs)
    return [
        f"{statistics.median(x.cpu for x in a):.2f}",
        f"{statistics.median(y.cpu for y in b):.2f}",
        f"{ratio:.1f} times less" if ratio > 2 else f"{1 / ratio:.2f} times",
        f"{max(x.memory for x in a):.0f}",
        f"{max(y.memory for y in b):.0f}",
    ]


def growth(runs: int) -> list[tuple[str, list[str]]]:
    """Rows of what grows, each at three sizes in turn, and what every further unit costs."""
    many = {size: _grown(environments=size) for size in (1, 10, 50)}
    large = {size: _grown(models=4 * size, pools=4 * size) for size in (1, 10, 20)}
    last = {size: f"env-{size - 1}" for size in many}
    cases: list[tuple[str, dict[int, list[str]]]] = [
        ("`validate`, a spec of so many environments",
         {n: [PLINTH, "validate", "--spec", str(many[n])] for n in many}),
        ("`plan` of the last of so many environments",
         {n: [PLINTH, "plan", last[n], "--no-tree", "--spec", str(many[n])] for n in many}),
        ("plans of so many environments, in one process",
         {n: [*DRIVE, "plans", str(many[n]), str(n)] for n in many}),
        ("`plan`, so many times 4 models and 4 node pools",
         {n: [PLINTH, "plan", "env-0", "--no-tree", "--spec", str(large[n])] for n in large}),
    ]  # fmt: skip
    rows = []
    for title, commands in cases:
        print(f"Measuring {title}")
        rows.append((title, _sizes(commands, runs)))
    return rows


def _sizes(commands: dict[int, list[str]], runs: int) -> list[str]:
    """A row's figures: the sizes, CPU seconds of each, per further unit, and peak memory."""
    small, middle, large = commands
    measure(commands[small], ROOT)  # warm up
    found = {size: [measure(commands[size], ROOT)] for size in commands}
    for _ in range(runs - 1):
        for size, command in commands.items():
            found[size].append(measure(command, ROOT))
    cpu = {size: statistics.median(run.cpu for run in each) for size, each in found.items()}
    return [
        ", ".join(map(str, commands)),
        *(f"{cpu[size]:.2f}" for size in commands),
        f"{(cpu[middle] - cpu[small]) / (middle - small) * 1000:.1f}",
        f"{(cpu[large] - cpu[middle]) / (large - middle) * 1000:.1f}",
        f"{max(run.memory for run in found[large]):.0f}",
    ]


def _grown(*, environments: int = 1, models: int = 1, pools: int = 1) -> Path:
    """The example's spec with so many environments, models and node pools."""
    spec = yaml.safe_load((ROOT / "stacks" / "platform.yaml").read_text(encoding="utf-8"))
    (model,) = spec["serving"]["models"].values()
    spec["serving"]["models"] = {f"model-{n}": model for n in range(models)}
    pool = {"cpu": 4, "memory": 16, "min": 1, "max": 3}
    spec["cluster"] = {"node_pools": {f"pool-{n}": pool for n in range(pools)}}
    spec["environments"] = {
        f"env-{n}": {"account": f"1{n:011}", "network": {"cidr": f"10.{n}.0.0/16"}}
        for n in range(environments)
    }
    file = BENCH / f"grown-{environments}-{models}-{pools}.yaml"
    file.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return file


def comment(runs: int) -> list[str]:
    """A pull request on a spec of three environments: the comment, against three plans alone."""
    folder = BENCH / "pull-request"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "stacks").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    shutil.copy(ROOT / "stacks" / "platform.yaml", folder / "stacks")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "base"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    spec = folder / "stacks" / "platform.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("{cpu: 4, memory: 16, min: 2", "{cpu: 8, memory: 32, min: 2"))
    names = ("dev", "staging", "prod")
    review = f"{PLINTH} preview %s --offline --base HEAD --format json --output %s.json"
    reviews = [review % (name, name) for name in names]
    files = " ".join(f"{name}.json" for name in names)
    ours = " && ".join([*reviews, f"{PLINTH} ci comment {files}"])
    theirs = " && ".join(f"{PLINTH} plan {name} --json" for name in names)
    return compare(["sh", "-c", ours], ["sh", "-c", theirs], folder, runs)


def clouds(runs: int) -> list[tuple[str, list[str]]]:
    """Rows of the example's dev environment on each cloud, beside the flat program of the same."""
    rows = []
    for cloud in registry.cloud_names():
        if Port.CLUSTER not in registry.cloud(cloud).ports:
            continue  # nobody has an SDK for processes, so there is no program to compare with
        print(f"Measuring plan dev --cloud {cloud}")
        flat = _planned("dev", "--cloud", cloud)
        ours, theirs = [*DRIVE, "plan", "dev", cloud], [*DRIVE, "flat", str(flat)]
        said = [json.loads(_output(command)) for command in (ours, theirs)]
        if said[0] != said[1]:
            raise SystemExit(f"the programs differ on {cloud}: {said[0]} and {said[1]}")
        facts = [", ".join(said[0]["sdks"]) or "none", str(said[0]["resources"])]
        rows.append((f"{cloud} | {' | '.join(facts)}", compare(ours, theirs, ROOT, runs)))
    return rows


def _planned(*arguments: str) -> Path:
    """A file with what ``plinth plan --json`` says."""
    file = BENCH / f"{'-'.join(word.strip('-') for word in arguments)}.json"
    file.write_text(_output([PLINTH, "plan", *arguments, "--json"]), encoding="utf-8")
    return file


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr}")
    return done.stdout


def nebari() -> Path:
    """Nebari in an environment of its own, with a minimal local configuration."""
    home = BENCH / "nebari"
    executable = home / "venv" / "bin" / "nebari"
    if not executable.exists():
        print(f"Installing nebari {NEBARI} into an environment of its own")
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run(
            [uv, "venv", "-q", "--python", sys.executable, str(home / "venv")], check=True
        )
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", str(home / "venv"), f"nebari=={NEBARI}"],
            check=True,
        )
    (home / "nebari-config.yaml").write_text(NEBARI_CONFIG, encoding="utf-8")
    return executable


def _keep_byte_code() -> None:
    """Lets the warm-ups keep byte code, as on any machine where a command runs twice."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(BENCH / "byte-code")


_GROWTH = "CPU s at each | | | each further one, ms, at first | and later | largest, MB |"
_FIGURES = "Plinth, CPU s | the other, CPU s | ratio | Plinth, MB | the other, MB |"


_Rows = Sequence[tuple[str, Sequence[str]]]


def _table(head: str, rows: _Rows, figures: str = _FIGURES) -> str:
    """A table with columns of its own, and the figures."""
    lines = [f"| {title} | {' | '.join(cells)} |" for title, cells in rows]
    rule = "|---" * (head.count("|") - 1) + "|---:" * figures.count("|") + "|"
    return "\n".join([f"{head} {figures}", rule, *lines])


def _machine(*packages: str) -> str:
    """On what a part was measured."""
    versions = "".join(f", {package} {version(package)}" for package in packages)
    return (
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}{versions}."
    )


def _replaced(page: str, title: str, body: str) -> str:
    """The page with another text below one of its headings."""
    head, *parts = re.split(r"^## ", page, flags=re.M)
    texts = dict(part.split("\n", 1) for part in parts)
    texts[title] = body
    titles = [title for title, _ in _PARTS.values() if title in texts]
    return head + "\n\n".join(f"## {title}\n\n{texts[title].strip()}" for title in titles) + "\n"


_SDKS = ("pulumi", "pulumi-aws", "pulumi-azure-native", "pulumi-gcp", "pulumi-kubernetes")


def _commands_part() -> str:
    other = str(nebari())
    config = str(BENCH / "nebari" / "nebari-config.yaml")
    plan = str(_planned("prod"))
    cases: list[tuple[str, Sequence[str], Sequence[str], int]] = [
        ("`--help`, against Nebari", [PLINTH, "--help"], [other, "--help"], 7),
        ("`validate`, against Nebari", [PLINTH, "validate"],
         [other, "validate", "--config", config], 5),
        ("`plan prod`, against a flat program",
         [*DRIVE, "plan", "prod"], [*DRIVE, "flat", plan], 5),
        ("`preview prod` through the engine, against a flat program",
         [*DRIVE, "preview"], [*DRIVE, "preview", plan], 3),
        ("`preview prod` judged by every rule of its cloud, against the same without a policy pack",
         [*DRIVE, "preview", "judged"], [*DRIVE, "preview"], 3),
    ]  # fmt: skip
    rows = []
    for title, ours, theirs, runs in cases:
        print(f"Measuring {title}")
        rows.append((title, compare(ours, theirs, ROOT, runs)))
    title = "three `preview --offline` and `ci comment`, against three `plan --json`"
    print(f"Measuring {title}")
    rows.append((title, comment(runs=3)))
    return f"""{_machine(*_SDKS)}

{_table("| what |", rows)}

- **Nebari** is {NEBARI} in an environment of its own, with a minimal configuration for its `local`
  provider, the only one that it validates without credentials of a cloud.
- **A flat program** registers the very same resources (same types, names, inputs, parents and
  dependencies, those of single properties included, taken from `plinth plan --json`) through
  the same SDK classes, without specs, components, templates or ports: `tests/bench/flat.py`.
- A cloud's SDK is most of a plan's memory. Objects on the cluster are registered without theirs, so
  that `kubernetes` loads none. All commands keep their byte code from one run to the next.
- `plan` is compared up to the recorded graph; judging it by the policies comes on top for Plinth
  and is not part of either. `preview` starts from an empty state, and has the policy pack only
  where that is said: the engine asks it about each resource, and at the end about all.
- The pack costs its Python's start, two calls for each resource, and two events each that the
  engine sends about its policies. Single runs vary by a tenth. Through the policy SDK, and with
  fewer than half of the rules, the same took 1.8 times.
- **The comment** plans each environment twice, as it is and as it would be, in one process.
"""


def _clouds_part() -> str:
    return f"""\
The example's environment dev, planned on each cloud, against a flat program of the same
resources. {_machine(*_SDKS)}

{_table("| cloud | SDK loaded | resources |", clouds(runs=3))}
"""


def _growth_part() -> str:
    return f"""\
What grows with a spec, at three sizes in turn; growth is linear where the two costs of
a further one agree. {_machine(*_SDKS)}

{_table("| what | sizes |", growth(runs=3), _GROWTH)}

- **Growth**: a further environment costs `validate` and a single `plan` nothing much, and a further
  plan in the same process what a plan costs once Python and the SDK are loaded. What an SDK's check
  for circular dependencies added, quadratic in models and node pools, is gone (`plinth/cycles.py`).
"""


def _stack_part() -> str:
    rows, note = stack.measure()
    return f"""\
All six capabilities of the [starter](../examples/starter/README.md) as processes, by the clock from
`make up` on: it sees that Plinth's own packages are there, and calls `plinth up local`. Twice from
nothing, first in a new clone of this repository. The engine, all Python packages, the services'
Python environments and Debian's programs are in the caches; the clock stands still while the
starter gets the packages of its own `requirements.txt`. {_machine()}

{_table("| what |", rows, "in a new clone | the second time |")}

- {note}
- Memory is the proportional share (PSS) of all processes of the platform, after the prediction.
- Training, promotion and the question are the starter's own scripts, one after the other: each
  loads its libraries anew.
"""


_PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("Commands", _commands_part),
    "clouds": ("Clouds", _clouds_part),
    "growth": ("Growth", _growth_part),
    "stack": ("The platform on this machine", _stack_part),
}


def main() -> None:
    """Measures what is named, or everything, and writes it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", help=", ".join(_PARTS))
    named = parser.parse_args().part
    if unknown := set(named) - set(_PARTS):
        parser.error(f"no part is named {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    BENCH.mkdir(parents=True, exist_ok=True)
    _keep_byte_code()
    text = PAGE.read_text(encoding="utf-8")
    for part in named or _PARTS:
        title, measured = _PARTS[part]
        body = measured()
        print(f"\n{body}")
        text = _replaced(text, title, body)
        PAGE.write_text(text, encoding="utf-8")
    print("docs/benchmarks.md written")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
