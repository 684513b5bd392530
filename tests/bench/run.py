"""Speed and memory, side by side in one run; writes docs/benchmarks.md.

Each pair of commands runs in turn, A B A B …, as whole processes; CPU seconds (user and system,
with all their children) and peak memory come from the operating system's accounting. Ratios are
medians of the ratios pair by pair, so that a machine that slows down half-way does not tilt them.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCH = ROOT / ".plinth" / "bench"
NEBARI = "2025.10.1"
_HERE = Path(__file__).parent

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


def main() -> None:
    """Measures everything and writes the table."""
    BENCH.mkdir(parents=True, exist_ok=True)
    bin_ = Path(sys.executable).parent
    plinth, other = str(bin_ / "plinth"), str(nebari())
    config = str(BENCH / "nebari" / "nebari-config.yaml")
    plan = BENCH / "prod.json"
    done = subprocess.run(
        [plinth, "plan", "prod", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    plan.write_text(done.stdout, encoding="utf-8")
    drive = [sys.executable, str(_HERE / "drive.py")]
    cases = [
        ("`--help`, against Nebari", [plinth, "--help"], [other, "--help"], 7),
        ("`validate`, against Nebari", [plinth, "validate"],
         [other, "validate", "--config", config], 5),
        ("`plan prod`, against a flat program", [*drive, "plan"], [*drive, "flat", str(plan)], 5),
        ("`preview prod` through the engine, against a flat program",
         [*drive, "preview"], [*drive, "preview-flat", str(plan)], 3),
    ]  # fmt: skip
    rows = []
    for title, ours, theirs, runs in cases:
        print(f"Measuring {title}")
        rows.append((title, compare(ours, theirs, ROOT, runs)))
    (ROOT / "docs" / "benchmarks.md").write_text(_page(rows), encoding="utf-8")
    print("docs/benchmarks.md written")


def _page(rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    header = "| what | Plinth, CPU s | the other, CPU s | ratio | Plinth, MB | the other, MB |"
    lines = [f"| {title} | {' | '.join(figures)} |" for title, figures in rows]
    return f"""# Benchmarks

Made by `make bench`. Whole processes, in turn, after a warm-up; medians; CPU seconds are user and
system time with all child processes, memory is the largest single process. Machine:
{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, \
pulumi {version("pulumi")}, pulumi-aws {version("pulumi-aws")}.

{header}
|---|---:|---:|---:|---:|---:|
{chr(10).join(lines)}

- **Nebari** is {NEBARI} in an environment of its own, with a minimal configuration for its `local`
  provider, the only one that it validates without credentials of a cloud.
- **A flat program** registers the very same resources (same types, names, inputs, parents and
  dependencies, those of single properties included, taken from `plinth plan prod --json`) through
  the same SDK classes, without specs, components, templates or ports: `tests/bench/flat.py`.
- `plan` is compared up to the recorded graph; judging it by the policies comes on top for Plinth
  and is not part of either. `preview` starts from an empty state and leaves the policy pack out on
  both sides.
"""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
