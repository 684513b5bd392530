"""What every Azure component is built with: place, providers, tags, and the base of components."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, Final

import pulumi
import pulumi_azure_native as azure
from pulumi import (
    Input,
    InvokeOptions,
    Output,
    ProviderResource,
    Resource,
    ResourceOptions,
    ResourceTransformationArgs,
    ResourceTransformationResult,
)
from pulumi_azure_native import authorization, managedidentity, resources

from plinth.blueprint import Blueprint
from plinth.clouds import accounts, base
from plinth.clouds.azure.facts import ROLES

#: Characters that names of tags may not have (Azure Resource Manager, "Use tags", limitations).
_NOT_IN_TAGS: Final = re.compile(r"[<>%&\\?/]")


#: The built-in role Reader.
_READER: Final = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@dataclass(frozen=True, kw_only=True)
class Site(base.Site):
    """One environment's place on Azure: a subscription, a region and a resource group.

    Attributes:
        tenant: The subscription's Entra tenant.
        caller: Object ID of the one that runs Plinth.
        group: Name of the resource group that holds everything.
        group_id: Its resource ID.
    """

    tenant: Input[str]
    caller: Input[str]
    group: Output[str]
    group_id: Output[str]

    @classmethod
    def open(cls, blueprint: Blueprint, parent: Resource) -> Site:
        """Makes providers and the resource group below ``parent``.

        Credentials come from the environment; so does the subscription when the spec names none.

        Raises:
            WrongAccountError: They are not let into the subscription that the spec names.
        """
        account = blueprint.settings.account
        provider = azure.Provider(
            "azure",
            location=blueprint.region,
            subscription_id=account,
            opts=ResourceOptions(parent=parent),
        )
        if account:
            _confirm(blueprint, account, provider)
        group = resources.ResourceGroup(
            "group",
            resource_group_name=blueprint.prefix,
            location=blueprint.region,
            opts=ResourceOptions(
                parent=parent,
                provider=provider,
                protect=blueprint.settings.durable or None,
            ),
        )
        options = pulumi.InvokeOutputOptions(parent=parent, provider=provider)
        caller = authorization.get_client_config_output(opts=options)
        return cls(
            blueprint=blueprint,
            account=account or caller.subscription_id,
            tenant=caller.tenant_id,
            caller=caller.object_id,
            group=group.name,
            group_id=group.id,
            providers=(provider, base.random_provider(parent)),
        )

    def role(self, name: str) -> Output[str]:
        """The resource ID of a built-in role, by its name in :data:`ROLES`."""
        path = f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES[name]}"
        return Output.concat("/subscriptions/", self.account, path)


#: Azure Resource Manager's answers to those who have no place in a subscription: of another tenant,
#: a subscription that they cannot see, or one in which they have no role; and that of `az`.
_NOT_LET_IN: Final = re.compile(
    r"InvalidAuthenticationTokenTenant|SubscriptionNotFound|AuthorizationFailed"
    r"|Subscription '[^']+' not found"
)


def _confirm(blueprint: Blueprint, account: str, provider: ProviderResource) -> None:
    """Raises WrongAccountError when the credentials in hand are not let into the subscription.

    The client's configuration only repeats the subscription that the provider was told.  So one
    thing in the subscription is looked at that every role may read.
    """
    options = InvokeOptions(provider=provider)
    try:
        authorization.get_role_definition(
            role_definition_id=_READER, scope=f"/subscriptions/{account}", opts=options
        )
    except Exception as error:
        if not _NOT_LET_IN.search(str(error)):
            raise
        raise accounts.wrong(
            blueprint,
            f"Azure subscription {account}",
            f"({_who(options)}) have no access to it",
            get=f"Log in with `az login` and `az account set --subscription {account}`, or set "
            "ARM_TENANT_ID and ARM_CLIENT_ID to an identity with a role in it",
        ) from error


def _who(options: InvokeOptions) -> str:
    """Client and tenant of the credentials."""
    with contextlib.suppress(Exception):  # `az` gives no token for a subscription it does not know
        caller = authorization.get_client_config(opts=options)
        return f"client {caller.client_id} of tenant {caller.tenant_id}"
    return "of an unknown client"


class Component(base.Component):
    """Base of Azure components. :func:`tagging` tags what they make."""

    def __init__(
        self, kind: str, name: str, site: Site, parent: Resource, *, capability: str | None = None
    ) -> None:
        super().__init__(kind, name, site, parent, capability=capability)
        self.site = site

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of everything in this component."""
        return tags(self.site.blueprint.tags, self.capability)

    def identity(self, name: str) -> Any:
        """A user-assigned identity: a principal of its own, which needs no secret."""
        return managedidentity.UserAssignedIdentity(
            name, resource_group_name=self.site.group, opts=self.child()
        )

    def assign(
        self,
        name: str,
        role: str,
        *,
        scope: Input[str],
        principal: Input[str],
        kind: str | None = "ServicePrincipal",
        condition: Input[str] | None = None,
        depends_on: Sequence[Resource] = (),
        ignore_changes: Sequence[str] = (),
    ) -> Resource:
        """Gives a principal a built-in role on one thing.

        Args:
            name: Logical name.
            role: Name of the role in :data:`plinth.clouds.azure.facts.ROLES`.
            scope: Resource ID of the thing.
            principal: Object ID of the principal.
            kind: `ServicePrincipal` (identities are such), named so that one that was made a moment
                ago is not looked for in a directory that lags behind. ``None`` for people.
            condition: Narrows the role by attributes.
            depends_on: What else must be there.
            ignore_changes: Properties that stay as they were made.
        """
        assignment: Resource = authorization.RoleAssignment(
            name,
            # Azure wants a GUID, unique in the tenant. A changed right is a new one beside the old.
            role_definition_id=self.site.role(role),
            scope=scope,
            principal_id=principal,
            principal_type=kind,
            condition=condition,
            condition_version="2.0" if condition is not None else None,
            opts=self.child(depends_on=depends_on, ignore_changes=ignore_changes),
        )
        return assignment

    def lock(self, name: str, resource_id: Input[str]) -> None:
        """Guards a thing from deletion in a durable environment, whoever asks for it.

        What is below a thing inherits its lock, rights on it among that ("Lock your resources to
        protect your infrastructure").  So only things below which daily work deletes nothing have
        one.
        """
        if self.site.durable:
            authorization.ManagementLockByScope(
                name,
                scope=resource_id,
                level="CanNotDelete",
                notes="Holds data of a durable environment.",
                opts=self.child(),
            )


def tagging(
    blueprint: Blueprint,
) -> Callable[[ResourceTransformationArgs], ResourceTransformationResult | None]:
    """The stack transformation that tags whatever can be tagged, whoever makes it.

    Azure's provider has no default tags.  A resource's own go before.
    """

    def tag(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if not args.type_.startswith("azure-native:") or not _taggable(type(args.resource)):
            return None
        given: Any = args.props if isinstance(args.props, dict) else vars(args.props)
        parent = args.opts.parent
        capability = base.capability_below(parent) if parent else "foundation"
        given["tags"] = {**tags(blueprint.tags, capability), **(given.get("tags") or {})}
        return ResourceTransformationResult(props=args.props, opts=args.opts)

    return tag


def _taggable(kind: type) -> bool:
    return "tags" in signature(vars(kind)["_internal_init"]).parameters


def tags(common: Mapping[str, str], capability: str) -> dict[str, str]:
    """Tags as Azure takes them: without the characters that it refuses in their names."""
    found = {**common, "capability": capability}
    return {_NOT_IN_TAGS.sub("_", name): value for name, value in found.items()}


def last(resource_id: Output[str]) -> Output[str]:
    """The name at the end of a resource ID."""
    return resource_id.apply(lambda known: known.rsplit("/", maxsplit=1)[-1])
