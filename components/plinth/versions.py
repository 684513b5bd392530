"""The versions in force: Plinth's pins, an environment's recorded ones, the spec's overrides."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import Field

from plinth.errors import Location, Problem, SpecError
from plinth.spec.models import Versions
from plinth.spec.types import Model


class Chart(Model):
    """A Helm chart at one version."""

    chart: str = Field(description="Chart name, or an `oci://` reference.")
    version: str
    repository: str | None = None


class Pins(Model):
    """Every version that shapes resources."""

    kubernetes: str
    postgres: str
    valkey: str
    charts: dict[str, Chart]
    images: dict[str, str]

    def override(self, versions: Versions) -> Pins:
        """These pins with the entries that a spec holds to something else."""
        charts = {
            name: chart.model_copy(update={"version": versions.charts.get(name, chart.version)})
            for name, chart in self.charts.items()
        }
        single = versions.model_dump(
            include={"kubernetes", "postgres", "valkey"}, exclude_none=True
        )
        images = {**self.images, **versions.images}
        return self.model_copy(update={**single, "charts": charts, "images": images})

    def update(self, recorded: Mapping[str, Any] | None) -> Pins:
        """These pins with an environment's recorded ones in their place, where there are any."""
        if not recorded:
            return self
        merged = self.model_dump()
        for key in ("kubernetes", "postgres", "valkey"):
            merged[key] = recorded.get(key, merged[key])
        for key in ("charts", "images"):
            merged[key] |= recorded.get(key, {})
        return Pins.model_validate(merged)


def recorded(text: str, file: str) -> Mapping[str, Any]:
    """The pins that a lock file holds, which ``plinth up`` writes.

    Raises:
        SpecError: It holds something else.
    """
    try:
        found: Mapping[str, Any] = json.loads(text)
        defaults().update(found)
    except (ValueError, TypeError, AttributeError):
        problem = Problem(
            code="lock-unusable",
            message=f"{file} does not hold recorded versions, as `plinth up` writes them",
            location=Location(file, 1, 1),
            fix="Restore it from Git; without it, the next `up` takes this Plinth's own versions.",
        )
        raise SpecError(problem) from None
    return found


@cache
def defaults() -> Pins:
    """The pins of this version of Plinth (``versions.toml`` in the package)."""
    text = files("plinth").joinpath("versions.toml").read_text(encoding="utf-8")
    return Pins.model_validate(tomllib.loads(text))
