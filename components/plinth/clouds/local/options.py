"""The spec's block ``clouds.local``."""

from __future__ import annotations

from pydantic import Field

from plinth.spec.options import CloudOptions
from plinth.spec.types import Label


class LocalOptions(CloudOptions):
    """Where on this machine, and on which ports."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of the environment: data, logs, settings. Relative to the project. "
        "Default: .plinth/local/<environment>.",
        examples=["~/mlops"],
    )
    ports: dict[Label, int] = Field(
        default_factory=dict,
        description="Ports of services by name; the next free one is taken when one is in use. "
        "Default: the usual ports of each.",
        examples=[{"mlflow": 5000}],
    )
