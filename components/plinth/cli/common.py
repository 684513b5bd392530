"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_SPEC = Path("stacks/platform.yaml")


def _environments(ctx: click.Context, _param: click.Parameter, text: str) -> list[CompletionItem]:
    from plinth.errors import PlinthError
    from plinth.spec.document import load
    from plinth.spec.overlay import environment_names

    try:
        names = environment_names(load(ctx.params.get("spec") or DEFAULT_SPEC))
    except PlinthError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(text)]


def _clouds(_ctx: click.Context, _param: click.Parameter, text: str) -> list[CompletionItem]:
    from plinth import registry

    return [CompletionItem(name) for name in registry.cloud_names() if name.startswith(text)]


def environment_argument(function: F) -> F:
    """``ENVIRONMENT``: one of the spec's environments."""
    return click.argument("environment", metavar="ENV", shell_complete=_environments)(function)


def spec_option(function: F) -> F:
    """``--spec FILE``."""
    return click.option(
        "--spec",
        type=click.Path(path_type=Path),
        default=DEFAULT_SPEC,
        show_default=True,
        metavar="FILE",
        help="The spec.",
    )(function)


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")(
        function
    )


def cloud_option(function: F) -> F:
    """``--cloud NAME``: what would this spec be there?"""
    return click.option(
        "--cloud",
        metavar="NAME",
        default=None,
        shell_complete=_clouds,
        help="Ask what the spec would be on another cloud.",
    )(function)
