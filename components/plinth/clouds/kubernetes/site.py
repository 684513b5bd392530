"""What the adapter's components are built with: the cluster, and how objects are made on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi import Output, Resource, ResourceOptions
from pulumi_kubernetes import Provider

from plinth.blueprint import Blueprint
from plinth.clouds import base
from plinth.clouds.kubernetes.checks import options_of
from plinth.clouds.kubernetes.options import KubernetesOptions
from plinth.kube import Kube
from plinth.naming import label_value


class GuardedKube(Kube):
    """Makes objects that hold data: protected in a durable environment."""

    def options(
        self, parent: Resource, depends_on: Sequence[Resource] = (), *, keep: bool = False
    ) -> ResourceOptions:
        """Options that keep the engine from deleting what they are given to."""
        given = super().options(parent, depends_on, keep=keep)
        return ResourceOptions.merge(given, ResourceOptions(protect=True))


@dataclass
class Pending:
    """Something that is referred to before it is made: what to wait for, once that is known."""

    ready: list[Resource] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Site(base.Site):
    """One environment's place on a cluster that is there.

    Attributes:
        provider: The cluster's.
        labels: Cost labels of what belongs to the foundation.
    """

    provider: pulumi.ProviderResource
    labels: dict[str, str]

    @classmethod
    def open(cls, blueprint: Blueprint, parent: Resource) -> Site:
        """Makes the providers below ``parent``.

        The provider reads the kubeconfig itself at each call, so that no credential gets into the
        state.  With a context, another cluster is another provider, and everything on the old one
        would be replaced: a changed path or a renewed certificate replaces nothing
        (pulumi/pulumi-kubernetes#1148).
        """
        options = options_of(blueprint)
        provider = Provider(
            "kubernetes",
            kubeconfig=options.kubeconfig,
            context=options.context,
            cluster_identifier=options.context,
            # By default changed ones are deleted and made anew; a pod starting then fails.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=ResourceOptions(parent=parent),
        )
        tags = {key: label_value(value) for key, value in blueprint.tags.items()}
        return cls(
            blueprint=blueprint,
            account=options.context or "current",
            providers=(provider, base.random_provider(parent)),
            provider=provider,
            labels={**tags, "capability": "foundation"},
        )

    @property
    def options(self) -> KubernetesOptions:
        """The block ``clouds.kubernetes``."""
        return options_of(self.blueprint)

    @property
    def copies(self) -> int:
        """Copies of operators."""
        return 2 if self.durable else 1

    def kube(self, capability: str = "foundation", *, guarded: bool = False) -> Kube:
        """Makes objects with a capability's cost labels; ``guarded``: those that hold data."""
        kind = GuardedKube if guarded and self.durable else Kube
        return kind(self.provider, {**self.labels, "capability": capability})


class Component(base.Component):
    """Base of the adapter's components."""

    def __init__(
        self, kind: str, name: str, site: Site, parent: Resource, *, capability: str | None = None
    ) -> None:
        super().__init__(kind, name, site, parent, capability=capability)
        self.site = site
        self.kube = site.kube(self.capability)
        self.guarded = site.kube(self.capability, guarded=True)


def once(value: str, made: Resource) -> Output[str]:
    """``value``, told to others only when ``made`` is there.

    By the URN, which unlike an identifier is known before ``made`` is, so that a preview shows no
    change in what merely waits.
    """
    return made.urn.apply(lambda _: value)
