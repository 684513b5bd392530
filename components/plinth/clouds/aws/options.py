"""Settings that only AWS understands (``clouds.aws``)."""

from __future__ import annotations

from pydantic import Field

from plinth.spec.options import CloudOptions


class AwsOptions(CloudOptions):
    """Settings for AWS."""

    boundary: str | None = Field(
        default=None,
        pattern=r"^arn:aws:iam::\d{12}:policy/[\w+=,.@/-]+$|^[\w+=,.@-]{1,128}$",
        description="Permissions boundary of every role that is made: the name of a policy in the "
        "account, or its ARN. Such roles go below the path /plinth/. What `plinth bootstrap` lets "
        "CI deploy with needs it.",
        examples=["plinth-boundary"],
    )
