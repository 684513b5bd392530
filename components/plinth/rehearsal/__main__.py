"""``python -m plinth.rehearsal``: serve simulated clouds until standard input closes.

The first line on standard output says where: ``{"aws": 40001, "kubernetes": 40002}``, or, with
``--plugin``, just the port, as Pulumi expects of a plugin.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

import click

from plinth.errors import PlinthError
from plinth.plugin.server import serve_as_plugin, wait_for_parent
from plinth.rehearsal import packages
from plinth.rehearsal.faults import load
from plinth.rehearsal.server import serve

#: The variable by which users say that the credentials in hand are of one account.
HOLDER: Final = "PLINTH_REHEARSE_ACCOUNT"


@click.command()
@click.option("--database", required=True, type=click.Path(path_type=Path), help="The cloud.")
@click.option("--packages", "names", default=",".join(packages.NAMES), help="Comma-separated.")
@click.option("--faults", type=click.Path(path_type=Path), help="A plan of outages.")
@click.option(
    "--holder",
    envvar=HOLDER,
    default="",
    help="Account that the credentials in hand are of. Default: whichever is asked for.",
)
@click.option("--plugin", is_flag=True, help="Print a bare port, for Pulumi's plugin protocol.")
@click.argument("engine", required=False)
def main(  # noqa: PLR0917 click passes options by name
    database: Path,
    names: str,
    faults: Path | None,
    holder: str,
    plugin: bool,  # noqa: FBT001 same
    engine: str | None,
) -> None:
    """Serve simulated clouds to a Pulumi engine on this machine."""
    del engine  # a plugin is told the engine's address; there is nothing to tell it
    try:
        ports, servers = serve(names.split(","), database, load(faults) if faults else (), holder)
    except PlinthError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    if plugin:
        serve_as_plugin(next(iter(ports.values())), servers[0])
    click.echo(json.dumps(ports))
    sys.stdout.flush()
    # An interrupt from the terminal is for the engine, which ends what is under way in here first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wait_for_parent()
    os._exit(0)  # a hanging call must not keep the process alive


if __name__ == "__main__":
    main()
