"""What the stores have in common: whoever is told their address may count on reaching it."""

from __future__ import annotations

from pulumi import Input, Output, Resource


def once(value: Input[str], *made: Resource) -> Output[str]:
    """``value``, known once everything in ``made`` exists, and depending on it."""
    both = Output.all(value, *(resource.urn for resource in made))
    return both.apply(lambda known: str(known[0]))
