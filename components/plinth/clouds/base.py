"""What the adapters of all clouds are built with: the place, and the base of their components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi import Input, Output, ProviderResource, Resource, ResourceOptions

from plinth import naming
from plinth.blueprint import Blueprint
from plinth.ports import Generated


@dataclass(frozen=True, kw_only=True)
class Site:
    """One environment's place on a cloud; adapters derive their own.

    Attributes:
        account: Account, subscription or project; looked up when the spec names none, so that
            names made from it stay the same when the spec names it later.
        providers: The cloud's one provider and the one random provider.
    """

    blueprint: Blueprint
    account: Input[str]
    providers: tuple[ProviderResource, ...]

    @property
    def region(self) -> str:
        """The region."""
        return self.blueprint.region

    @property
    def prefix(self) -> str:
        """Start of physical names."""
        return self.blueprint.prefix

    @property
    def durable(self) -> bool:
        """Whether everything that holds data is guarded."""
        return self.blueprint.settings.durable

    @property
    def backup_days(self) -> int:
        """How long backups are kept; 0 when there are none."""
        backups = self.blueprint.settings.backups
        return backups.retention_days if backups.enabled else 0

    def unique(self, *parts: str, limit: int = 63, separator: str = "-") -> Output[str]:
        """A name that nobody else in the world has: with a digest of account and region."""
        return Output.from_input(self.account).apply(
            lambda account: naming.physical(
                self.prefix,
                *parts,
                limit=limit,
                separator=separator,
                unique=f"{account}/{self.region}",
            )
        )


def random_provider(parent: Resource) -> ProviderResource:
    """The provider of generated secret values."""
    provider: ProviderResource = random.Provider("random", opts=ResourceOptions(parent=parent))
    return provider


def capability_below(parent: Resource) -> str:
    """The cost tag ``capability`` of what is made below a component."""
    found: str = getattr(parent, "capability", None) or parent.pulumi_resource_name
    return found


class Component(pulumi.ComponentResource):
    """Base of adapters' components (``plinth:index:<kind>``).

    The cost tag ``capability`` of everything inside is the name of the component's parent, which
    is the capability that asked for it, or ``foundation``.
    """

    def __init__(
        self, kind: str, name: str, site: Site, parent: Resource, *, capability: str | None = None
    ) -> None:
        super().__init__(
            f"plinth:index:{kind}",
            name,
            None,
            ResourceOptions(parent=parent, providers=list(site.providers)),
        )
        self.capability: str = capability or capability_below(parent)
        self._durable = site.durable

    def child(
        self,
        *,
        stateful: bool = False,
        depends_on: Sequence[Resource] = (),
        ignore_changes: Sequence[str] = (),
        delete_before_replace: bool = False,
        keep: bool = False,
    ) -> ResourceOptions:
        """Fresh options for a child; a stateful one is protected in a durable environment.

        ``keep`` leaves the thing in the cloud when the stack is destroyed.
        """
        return ResourceOptions(
            parent=self,
            protect=(stateful and self._durable) or None,
            depends_on=list(depends_on) or None,
            ignore_changes=list(ignore_changes) or None,
            delete_before_replace=delete_before_replace or None,
            retain_on_delete=keep or None,
        )

    def value(self, name: str, wanted: Generated | Input[str]) -> Input[str]:
        """A secret value: the given one, or one that is made once and kept."""
        if not isinstance(wanted, Generated):
            return wanted
        options = self.child(stateful=True)
        if wanted.kind == "bytes":
            made: Output[str] = random.RandomBytes(name, length=wanted.length, opts=options).base64
            return made
        # Letters and digits only: safe in URLs, shells and every database's grammar.
        word = random.RandomPassword(name, length=wanted.length, special=False, opts=options)
        password: Output[str] = word.result
        return password
