"""`plinth diff`: which sides are meant, and what is refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from plinth.cli.diff import _sides
from plinth.errors import UsageError


@pytest.mark.parametrize(
    ("other", "clouds", "left", "right"),
    [
        ("prod", (), ("dev", None), ("prod", None)),
        (None, ("gcp",), ("dev", None), ("dev", "gcp")),
        (None, ("aws", "gcp"), ("dev", "aws"), ("dev", "gcp")),
        ("prod", ("gcp",), ("dev", "gcp"), ("prod", "gcp")),
        ("prod", ("aws", "gcp"), ("dev", "aws"), ("prod", "gcp")),
    ],
)
def test_sides(
    other: str | None,
    clouds: tuple[str, ...],
    left: tuple[str, str | None],
    right: tuple[str, str | None],
) -> None:
    assert _sides("dev", other, clouds) == (left, right)


@pytest.mark.parametrize(
    ("clouds", "code"), [((), "nothing-to-compare"), (("aws", "gcp", "azure"), "too-many-clouds")]
)
def test_what_cannot_be_compared_is_refused(clouds: tuple[str, ...], code: str) -> None:
    with pytest.raises(UsageError) as refused:
        _sides("dev", None, clouds)
    (problem,) = refused.value.problems
    assert problem.code == code
    assert problem.fix


def test_help_says_how_two_clouds_are_compared() -> None:
    from plinth.cli.diff import diff

    shown = CliRunner().invoke(diff, ["--help"])
    assert "plinth diff dev --cloud aws --cloud gcp" in " ".join(shown.output.split())
