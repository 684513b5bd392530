"""The spec's block ``clouds.local``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from plinth.spec.options import CloudOptions
from plinth.spec.types import Label

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint


class LocalOptions(CloudOptions):
    """Where on this machine, and on which ports."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of the environment: data, logs, settings. Relative to the project. "
        "Default: .plinth/local/<environment>.",
        examples=["~/mlops"],
    )
    database: Literal["sqlite", "postgresql"] = Field(
        default="sqlite",
        description="Where MLflow keeps runs, registry and users: in files, or in a PostgreSQL "
        "server of the environment. What is in the one does not move to the other.",
    )
    ports: dict[Label, int] = Field(
        default_factory=dict,
        description="Ports of services by name; the next free one is taken when one is in use. "
        "Default: the usual ports of each.",
        examples=[{"mlflow": 5000}],
    )


def options_of(blueprint: Blueprint) -> LocalOptions:
    """The options of an environment on this machine.

    Raises:
        TypeError: It is on another cloud.
    """
    options = blueprint.cloud_options
    if not isinstance(options, LocalOptions):
        raise TypeError("the blueprint is of another cloud")
    return options


def folder_of(blueprint: Blueprint) -> str:
    """The folder of an environment on this machine, relative to the project."""
    return options_of(blueprint).folder or f".plinth/local/{blueprint.environment}"
