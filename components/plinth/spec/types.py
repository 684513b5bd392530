"""Value types shared by the spec's models: names, addresses, networks, references.

Every refusal is a :class:`pydantic_core.PydanticCustomError` whose context may carry ``fix`` and
``allowed``; :mod:`plinth.spec.problems` turns them into sentences with a location.
"""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """Base of everything in a spec: immutable, and nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        fix = "Write it as address/prefix with no host bits set, such as 10.20.0.0/16."
        with contextlib.suppress(ValueError):
            fix = f"Write {ipaddress.ip_network(value, strict=False)}."
        raise PydanticCustomError("cidr", "{reason}", {"reason": str(error), "fix": fix}) from error
    if "/" not in value:
        raise PydanticCustomError(
            "cidr", "a network needs a prefix length", {"fix": f"Write {network}."}
        )
    return value


def _email(value: str) -> str:
    local, _, domain = value.partition("@")
    if not local or "." not in domain or " " in value:
        raise PydanticCustomError(
            "email",
            "'{value}' is not an e-mail address",
            {
                "value": value,
                "fix": "Write an address that reaches the team, such as ml@example.com.",
            },
        )
    return value


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Cidr = Annotated[
    str,
    AfterValidator(_network),
    Field(description="Network in CIDR notation.", examples=["10.0.0.0/16"]),
]
Email = Annotated[str, AfterValidator(_email), Field(examples=["ml-platform@example.com"])]
#: People, for each of whom clouds keep a thing of its own: who is listed twice counts once.
Emails = Annotated[tuple[Email, ...], AfterValidator(_once)]
Principals = Annotated[tuple[str, ...], AfterValidator(_once)]
#: A DNS label short enough that `<platform>-<environment>-<part>` fits every cloud's limits.
Label = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", min_length=2, max_length=20)]
Host = Annotated[
    str,
    Field(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$", examples=["ml.example.com"]),
]
#: Cron in five fields, UTC.
Cron = Annotated[str, Field(pattern=r"^(\S+\s+){4}\S+$", examples=["0 3 * * *"])]
Days = Annotated[int, Field(ge=1, le=3650)]
Percent = Annotated[int, Field(ge=1, le=500)]
#: A Kubernetes quantity of memory.
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi)$", examples=["512Mi", "4Gi"])]
#: A Kubernetes quantity of CPU.
Cpu = Annotated[str, Field(pattern=r"^([1-9][0-9]*m|[0-9]+(\.[0-9]+)?)$", examples=["500m", "2"])]
HttpsUrl = Annotated[str, Field(pattern=r"^https://[^\s]+$", examples=["https://id.example.com"])]


@dataclass(frozen=True)
class Derived:
    """Marks a field whose default depends on whether the environment is durable.

    The field is ``None`` in the spec; :func:`plinth.blueprint.complete` makes it explicit.
    """

    durable: Any
    otherwise: Any


class SecretRef(Model):
    """A value kept in the cloud's own secret store; the spec names it and never holds it."""

    secret: str = Field(
        description="Name of the secret in the cloud's secret store.",
        min_length=1,
        max_length=255,
        examples=["ml/oidc-client"],
    )
    key: str = Field(
        default="value", description="Key inside the secret's JSON document.", min_length=1
    )


class Replicas(Model):
    """How many copies run: at least ``min``, at most ``max``, scaled on CPU use."""

    min: int = Field(default=1, ge=1, le=100, description="Copies at rest.")
    max: int = Field(default=3, ge=1, le=100, description="Copies under load.")

    def model_post_init(self, _context: Any, /) -> None:
        """Refuses a range that is empty."""
        if self.max < self.min:
            raise PydanticCustomError(
                "range",
                "max ({max}) is smaller than min ({min})",
                {"max": self.max, "min": self.min, "fix": f"Set max to {self.min} or more."},
            )


#: Copies of a server: 2 to 6 when durable, else 1 to 3.
ServerReplicas = Annotated[
    Replicas | None, Derived(durable=Replicas(min=2, max=6), otherwise=Replicas(min=1, max=3))
]
