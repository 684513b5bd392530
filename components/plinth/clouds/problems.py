"""Problems that every cloud finds in its own way and tells in the same words."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from plinth import errors
from plinth.clouds.sizes import NoFitError
from plinth.errors import Problem


def region(
    name: str | None, regions: Collection[str], *, cloud: str, example: str, unknown: str
) -> Iterator[Problem]:
    """A region that is missing, or not one of the cloud's.

    Args:
        name: The spec's region.
        regions: Those that there are.
        cloud: What the cloud is called.
        example: A region to write.
        unknown: What to say of one that is not there.
    """
    if name is None:
        yield Problem(
            code="region-missing",
            message=f"{cloud} needs a region",
            path="region",
            fix=f"Add `region:`, such as {example}.",
        )
    elif name not in regions:
        yield errors.unknown("region", name, regions, message=unknown, path="region")


def shape(path: str, value: str, what: str, example: str) -> Problem:
    """A value that is not written like ``what`` it should be."""
    return Problem(
        code="wrong-shape",
        message=f"'{value}' is not {what}",
        path=path,
        fix=f"Write it like {example}.",
    )


def no_fit(path: str, error: NoFitError) -> Problem:
    """A size that no machine has."""
    return Problem(
        code="no-machine",
        message=str(error),
        path=path,
        allowed=error.available,
        fix="Ask for one of the available sizes.",
    )
