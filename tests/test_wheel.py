"""The wheel brings what a checkout has: templates, examples, pins, policy packs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from example import EXAMPLES, ROOT


def test_data_files_are_in_the_wheel(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    templates = {
        f"plinth/_data/templates/{file.relative_to(ROOT / 'templates').as_posix()}"
        for file in (ROOT / "templates").rglob("*")
        if file.is_file()
    }
    assert templates
    assert templates <= names
    examples = {f"plinth/_data/{example.spec.relative_to(ROOT).as_posix()}" for example in EXAMPLES}
    assert examples <= names
    assert {
        "plinth/__init__.py",
        "plinth/versions.toml",
        "plinth/_data/policies/packs/plinth-baseline/PulumiPolicy.yaml",
        "plinth/_data/policies/packs/plinth-baseline/__main__.py",
        "plinth_policies/tags/untagged/aws.txt",
    } <= names
    assert {name.split("/")[0] for name in names} == {
        "plinth",
        "plinth_policies",
        "plinth-0.1.0.dist-info",
    }
