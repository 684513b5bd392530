"""Where the project and its example are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "stacks" / "platform.yaml"
