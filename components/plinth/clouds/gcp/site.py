"""What every GCP component is built with: place, providers, APIs, labels, and their base."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

import pulumi
import pulumi_gcp as gcp
from pulumi import (
    Input,
    InvokeOptions,
    InvokeOutputOptions,
    Output,
    ProviderResource,
    Resource,
    ResourceOptions,
)

from plinth.blueprint import Blueprint
from plinth.clouds import accounts, base
from plinth.naming import gcp_label, physical


@dataclass(frozen=True, kw_only=True)
class Site(base.Site):
    """One environment's place on GCP: a project and a region.

    The project's two APIs that all others are asked for through, `serviceusage` and
    `cloudresourcemanager`, have to be on already.

    Attributes:
        parent: Component that shared parts of the project are made below.
    """

    parent: Resource

    @classmethod
    def open(cls, blueprint: Blueprint, parent: Resource) -> Site:
        """Makes the providers below ``parent``; credentials come from the environment.

        Raises:
            WrongAccountError: They are not let into the project that the spec names.
        """
        project = blueprint.settings.account
        provider = gcp.Provider(
            "gcp",
            project=project,
            region=blueprint.region,
            default_labels={
                gcp_label(key): gcp_label(value) for key, value in blueprint.tags.items()
            },
            opts=ResourceOptions(parent=parent),
        )
        if project:
            _confirm(blueprint, project, provider)
        known: Input[str] | None = project
        if known is None:
            options = InvokeOutputOptions(parent=parent, provider=provider)
            known = gcp.organizations.get_client_config_output(opts=options).project
        providers = (provider, base.random_provider(parent))
        return cls(blueprint=blueprint, account=known, providers=providers, parent=parent)

    @property
    def project(self) -> Input[str]:
        """The project's ID."""
        return self.account

    @property
    def lookup(self) -> InvokeOutputOptions:
        """Options of a lookup."""
        return InvokeOutputOptions(parent=self.parent, provider=self.providers[0])

    def lookup_with(self, *apis: str) -> InvokeOutputOptions:
        """Options of a lookup that waits for services of the project."""
        return InvokeOutputOptions(
            parent=self.parent, provider=self.providers[0], depends_on=list(self.apis(*apis))
        )

    @cached_property
    def project_number(self) -> Output[str]:
        """The project's number, which addresses of Google's own accounts are made with."""
        found = gcp.organizations.get_project_output(project_id=self.project, opts=self.lookup)
        number: Output[str] = found.number
        return number

    def agent(self, domain: str) -> Output[str]:
        """IAM member of a service agent: Google's account that a service acts as in the project."""
        return Output.concat(
            "serviceAccount:service-", self.project_number, f"@{domain}.iam.gserviceaccount.com"
        )

    def named(self, *parts: str, limit: int = 63) -> str:
        """A name that is free in the project: the console shows names and nothing else."""
        return physical(self.prefix, *parts, limit=limit)

    @cached_property
    def _apis(self) -> Apis:
        return Apis(self)

    def apis(self, *names: str) -> tuple[Resource, ...]:
        """The services of the project that are to be on, such as ``container``; to depend on."""
        return tuple(self._apis.on(name) for name in names)


#: How the provider says that a project is not there for whoever asks.  That an API is off is a 403
#: as well, and another matter.
_NOT_LET_IN: Final = re.compile(r"Error 40[34]|not found|PERMISSION_DENIED", re.IGNORECASE)
_OFF: Final = re.compile("SERVICE_DISABLED|has not been used in project")


def _confirm(blueprint: Blueprint, project: str, provider: ProviderResource) -> None:
    """Raises WrongAccountError when the credentials in hand are not let into the project.

    The client's configuration only repeats the project that the provider was told.  So the project
    itself is looked at.
    """
    options = InvokeOptions(provider=provider)
    try:
        gcp.organizations.get_project(project_id=project, opts=options)
    except Exception as error:
        if _OFF.search(str(error)) or not _NOT_LET_IN.search(str(error)):
            raise
        raise accounts.wrong(
            blueprint,
            f"Google Cloud project {project}",
            f"({_who(options)}) have no access to it",
            get="Log in with `gcloud auth application-default login`, or use a service account "
            f"that has a role in {project}",
        ) from error


def _who(options: InvokeOptions) -> str:
    """The e-mail address of the credentials: that of a service account names its project."""
    with contextlib.suppress(Exception):  # it takes a scope that not all credentials have
        return str(gcp.organizations.get_client_open_id_user_info(opts=options).email)
    return "of an unknown address"


class Component(base.Component):
    """Base of GCP components, with their labels.

    Attributes:
        services: APIs that everything inside waits for, such as ``container``.
    """

    services: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, kind: str, name: str, site: Site, parent: Resource, *, capability: str | None = None
    ) -> None:
        super().__init__(kind, name, site, parent, capability=capability)
        self.site = site

    def child(self, *, depends_on: Sequence[Resource] = (), **options: Any) -> ResourceOptions:
        """Fresh options for a child (:meth:`plinth.clouds.base.Component.child`)."""
        return super().child(depends_on=[*self.site.apis(*self.services), *depends_on], **options)

    def labels(self, **more: str) -> dict[str, str]:
        """Labels besides the provider's."""
        return {"capability": gcp_label(self.capability), **more}


class Apis(base.Component):
    """The project's services that the platform turns on (``plinth:index:Apis``).

    They are left on when the platform goes: others in the project may use them by then.
    """

    def __init__(self, site: Site) -> None:
        super().__init__("Apis", "apis", site, site.parent, capability="foundation")
        self._project = site.project
        self._made: dict[str, Resource] = {}
        self.register_outputs({})

    def on(self, name: str) -> Resource:
        """One service, turned on at the first call."""
        if name not in self._made:
            self._made[name] = gcp.projects.Service(
                name,
                service=f"{name}.googleapis.com",
                project=self._project,
                disable_on_destroy=False,
                opts=self.child(),
            )
        return self._made[name]


def after(value: Input[str], *made: pulumi.CustomResource) -> Output[str]:
    """``value``, for those who may use it only when ``made`` is there."""
    known = Output.all(value, *(resource.id for resource in made))
    return known.apply(lambda values: str(values[0]))


def only(title: str, name: Output[str]) -> dict[str, Any]:
    """An IAM condition that narrows a right on the project to one thing and what is in it.

    Args:
        title: What the console shows.
        name: The thing's full name, as its service spells it in conditions (IAM documentation,
            "Resource attributes for IAM Conditions").
    """
    return {
        "title": title,
        "expression": Output.format(
            'resource.name == "{0}" || resource.name.startsWith("{0}/")', name
        ),
    }
