"""Lets these tests call the command line as those in ``tests/cli`` do."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "cli"))
