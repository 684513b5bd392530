"""Clouds: what is known about each without its SDK. The adapters live one folder down."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plinth.errors import Problem, UsageError
from plinth.ports import Port
from plinth.spec.options import CloudOptions

if TYPE_CHECKING:
    from pulumi import ResourceTransformationArgs, ResourceTransformationResult

    from plinth.blueprint import Blueprint
    from plinth.ports import Adapter

    Transformation = Callable[[ResourceTransformationArgs], ResourceTransformationResult | None]


#: Pulumi types whose loss loses data on every cloud.
STATEFUL_ANYWHERE = frozenset(
    {
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "random:index/randomBytes:RandomBytes",
        "random:index/randomPassword:RandomPassword",
    }
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A cloud's own words for what a new spec says of a place; see :mod:`plinth.scaffold`.

    Attributes:
        place: What an environment lives in, and ``example``: how it is written. Both are empty
            where there is one place alone.
        at: Where an environment's overlay says it.
        region: A region to begin with; empty when the cloud has none.
        admin: How an administrator of the cluster is written; empty when it cannot be said.
        zone: How a DNS zone is written; empty when the cloud keeps none.
    """

    place: str = "account"
    example: str = ""
    at: tuple[str, ...] = ("account",)
    region: str = ""
    admin: str = ""
    zone: str = ""


@dataclass(frozen=True, kw_only=True)
class CloudInfo:
    """Facts about one cloud; importing them loads neither Pulumi nor the cloud's SDK.

    Attributes:
        name: Key in the registry and value of the spec's ``cloud``.
        title: Name for people.
        adapter: Lazy target of the adapter class, called with the blueprint and the parent.
        transformation: Lazy target of what makes a stack transformation from a blueprint, on clouds
            whose provider has no tags of its own; empty on others.
        products: What meets each port that the adapter implements, in the cloud's own words (a
            test compares them with the class).
        sdk: Python package of the SDK, and ``extra``: Plinth's extra that installs it.
        regions: Known regions and where each is, from the continent down (``europe/de``); empty
            when the cloud has no regions. What answers "which region would this be there?".
        options: Model of the settings that only this cloud understands (``clouds.<name>``).
        any_account: Stands in for the account in plans of specs that name none.
        packages: Pulumi provider packages in use on this cloud.
        stateful: Whether resources of a Pulumi type hold data that a replacement would lose.
        costly: Pulumi types that are most of a bill, and the properties that it goes by: whether
            they change, and whether there is one more or one less, is worth a look.
        commands: Programs that the adapter's kubeconfig calls for credentials, such as ``aws``.
        check: What only this cloud can refuse, given a resolved blueprint.
        default_tools: Tools preferred on this cloud, by capability.
        terms: The cloud's words for accounts, people and zones, for those who begin a spec.
        home: The folder of an environment whose services run on this machine, relative to the
            project; ``None`` on clouds where they run elsewhere.
    """

    name: str
    title: str
    adapter: str
    products: Mapping[Port, str]
    sdk: str
    extra: str
    packages: tuple[str, ...]
    stateful: Callable[[str], bool]
    check: Callable[[Blueprint], Sequence[Problem]]
    transformation: str = ""
    costly: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    options: type[CloudOptions] = CloudOptions
    any_account: str = ""
    default_tools: Mapping[str, str] = field(default_factory=dict)
    terms: Terms = Terms()
    home: Callable[[Blueprint], str] | None = None

    @property
    def ports(self) -> frozenset[Port]:
        """The ports that the cloud offers."""
        return frozenset(self.products)

    @property
    def here(self) -> bool:
        """Whether it is the machine that Plinth runs on: without accounts, regions or pipelines."""
        return Port.PROCESSES in self.ports

    def region_like(self, place: str | None) -> str | None:
        """The first region that is nearest to a place: same country, else same continent.

        ``None`` without regions; the first of all regions when none is near.
        """

        def shared(region: str) -> int:
            pairs = zip(self.regions[region].split("/"), (place or "").split("/"), strict=False)
            return sum(here == there for here, there in pairs)

        return max(self.regions, key=shared, default=None)

    def load_adapter(self) -> Callable[..., Adapter]:
        """The adapter class; loads the cloud's SDK.

        Raises:
            UsageError: When the SDK is not installed.
        """
        adapter: Callable[..., Adapter] = self.load(self.adapter)
        return adapter

    def load_transformation(self) -> Callable[[Blueprint], Transformation] | None:
        """What makes the stack's transformation, if there is one; loads the cloud's SDK.

        Raises:
            UsageError: When the SDK is not installed.
        """
        if not self.transformation:
            return None
        make: Callable[[Blueprint], Transformation] = self.load(self.transformation)
        return make

    def load(self, target: str) -> Any:
        """What a lazy target names, with the SDK that it needs.

        Raises:
            UsageError: When the SDK is not installed.
        """
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != self.sdk:
                raise
            raise UsageError(
                Problem(
                    code="sdk-missing",
                    message=f"the SDK for {self.title} is not installed",
                    fix=f"Run: pip install 'plinth[{self.extra}]'",
                )
            ) from error
