"""Wrong words on the command line, told like every other problem."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import click
from click import exceptions

from plinth.errors import PlinthError, Problem, UsageError, unknown


class Group(click.Group):
    """A group that knows which of its commands was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuses what is no command.

        Raises:
            UsageError: There is no such command.
        """
        commands = self.list_commands(ctx)
        if args[0] not in commands and not ctx.resilient_parsing:
            raise UsageError(_unknown("command", args[0], commands, ctx))
        return super().resolve_command(ctx, args)


class Choice(click.Choice[str]):
    """One of some words, which knows which was meant."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word as it is.

        Raises:
            UsageError: It is none of them.
        """
        if value in self.choices or param is None:
            return super().convert(value, param, ctx)
        message = f"{param.opts[0]} cannot be '{value}'"
        raise UsageError(unknown("value", value, self.choices, message=message))


def problem(error: click.ClickException) -> Problem:
    """The problem behind one of click's errors."""
    context = error.ctx if isinstance(error, exceptions.UsageError) else None
    if isinstance(error, exceptions.NoSuchOption) and context is not None:
        options = context.command.get_params(context)
        words = [word for each in options for word in (*each.opts, *each.secondary_opts)]
        known = [word for word in words if word.startswith("--")]
        return _unknown("option", error.option_name, known, context)
    allowed: tuple[str, ...] = ()
    message = _lowered(error.format_message().rstrip("."))
    if isinstance(error, exceptions.MissingParameter) and error.param is not None:
        word = error.param.make_metavar(context or click.Context(click.Command("")))
        option = f"{error.param.opts[0]} " if isinstance(error.param, click.Option) else ""
        message = f"{option}{word} is missing"
        if error.param.name == "environment":
            allowed = environments(context.params if context else {})
    return Problem(code="usage", message=message, allowed=allowed, fix=_help(context))


def environments(given: dict[str, Any]) -> tuple[str, ...]:
    """The environments of the spec that is meant; none when it cannot be read."""
    from plinth.cli.common import find_spec
    from plinth.spec.document import load
    from plinth.spec.overlay import environment_names

    try:
        return environment_names(load(given.get("spec") or find_spec()))
    except (PlinthError, OSError):
        return ()


def _unknown(kind: str, word: str, known: Collection[str], context: click.Context) -> Problem:
    message = f"`{context.command_path}` has no {kind} '{word}'"
    return replace(unknown(kind, word, known, message=message), fix=_help(context))


def _help(context: click.Context | None) -> str:
    return f"See `{context.command_path if context else 'plinth'} --help`."


def _lowered(sentence: str) -> str:
    """Messages are clauses; click's begin like sentences."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
