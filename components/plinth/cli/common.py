"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from plinth.errors import EngineError, Problem

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_SPEC = Path("stacks/platform.yaml")


def absent(environment: str, *, rehearse: bool = False) -> EngineError:
    """What is asked of an environment that is not up has no answer."""
    return EngineError(
        Problem(
            code="not-up",
            message=f"{environment} is not up",
            environment=environment,
            fix=f"Run `plinth up {environment}{' --rehearse' if rehearse else ''}`.",
        )
    )


def find_spec() -> Path:
    """The spec that is meant when none is named: in this folder or in the nearest one above."""
    here = Path.cwd()
    folder = next((each for each in (here, *here.parents) if (each / DEFAULT_SPEC).is_file()), here)
    return Path(os.path.relpath(folder / DEFAULT_SPEC))


def _chosen(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path:
    return find_spec() if value is None else value


def complete_environments(
    ctx: click.Context, _param: click.Parameter, text: str
) -> list[CompletionItem]:
    """The spec's environments that begin with a text."""
    from plinth.cli.usage import environments

    names = environments(ctx.params)
    return [CompletionItem(name) for name in names if name.startswith(text)]


def _clouds(_ctx: click.Context, _param: click.Parameter, text: str) -> list[CompletionItem]:
    from plinth import registry

    return [CompletionItem(name) for name in registry.cloud_names() if name.startswith(text)]


def environment_argument(function: F, *, required: bool = True) -> F:
    """``ENVIRONMENT``: one of the spec's environments."""
    return click.argument(
        "environment", metavar="ENV", required=required, shell_complete=complete_environments
    )(function)


def spec_option(function: F) -> F:
    """``--spec FILE``."""
    return click.option(
        "--spec",
        type=click.Path(path_type=Path),
        default=None,
        callback=_chosen,
        metavar="FILE",
        help=f"The spec.  [default: {DEFAULT_SPEC}, here or in a folder above]",
    )(function)


def unused_spec_option(function: F) -> F:
    """``--spec``, accepted where it makes no difference, so that scripts can always pass it."""
    return click.option("--spec", hidden=True, expose_value=False)(function)


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")(
        function
    )


def clouds_option(function: F) -> F:
    """``--cloud NAME``, once or twice."""
    return click.option(
        "--cloud",
        "clouds",
        metavar="NAME",
        multiple=True,
        shell_complete=_clouds,
        help="Ask what the spec would be on another cloud. Given twice: one for each side.",
    )(function)


def one_cloud_option(asks: str) -> Callable[[F], F]:
    """``--cloud NAME``, and what it asks."""
    return click.option("--cloud", metavar="NAME", shell_complete=_clouds, help=asks)


#: What would this spec be there?
cloud_option = one_cloud_option("Ask what the spec would be on another cloud.")
