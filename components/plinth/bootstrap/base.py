"""What the parts of an account are built with, on every cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import ProviderResource, Resource, ResourceOptions

from plinth.bootstrap.order import Order
from plinth.bootstrap.quotas import Limits


@dataclass(frozen=True, slots=True)
class Excuse:
    """A rule that accounts of a cloud have to break, and why; for as long as the reason holds."""

    rule: str
    resource: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How accounts of one cloud are prepared.

    Attributes:
        program: Makes everything, asks for limits on the way, and returns further outputs.
        excuses: What it cannot but do against the policies.
    """

    program: Callable[[Order, Limits], Mapping[str, Any]]
    excuses: tuple[Excuse, ...] = ()


class Part(pulumi.ComponentResource):
    """One part of an account (``plinth:index:<kind>``)."""

    def __init__(self, kind: str, order: Order, providers: Sequence[ProviderResource]) -> None:
        super().__init__(
            f"plinth:index:{kind}", kind.lower(), None, ResourceOptions(providers=list(providers))
        )
        self.order = order

    def child(
        self,
        *,
        keep: bool = False,
        depends_on: Sequence[Resource] = (),
        ignore_changes: Sequence[str] = (),
    ) -> ResourceOptions:
        """Fresh options for a child; what must never go is protected."""
        return ResourceOptions(
            parent=self,
            protect=keep or None,
            depends_on=list(depends_on) or None,
            ignore_changes=list(ignore_changes) or None,
        )
