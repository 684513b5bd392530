"""Writes the templates of ``pulumi new`` to a folder: ``python -m plinth.scaffold FOLDER``."""

import shutil
import sys
from pathlib import Path

from plinth import registry
from plinth.scaffold.files import pulumi_template, write

folder = Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
for cloud in registry.cloud_names():
    write(folder / f"plinth-{cloud}", pulumi_template(cloud))
