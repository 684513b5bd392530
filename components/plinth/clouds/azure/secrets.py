"""Key Vault, and the way from it into a namespace through External Secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi import Input, Output, Resource
from pulumi_azure_native import keyvault

from plinth.clouds import external_secrets
from plinth.clouds.azure.identity import Right, StoredSecret
from plinth.clouds.azure.keys import Keys
from plinth.clouds.azure.options import options
from plinth.clouds.azure.site import Component, Site
from plinth.kube import Kube
from plinth.ports import Generated, Secret, WorkloadIdentity

#: Service account whose identity opens the vaults.
ACCOUNT: Final = "secret-store"
#: Name of the store that opens the vault with the team's own secrets.
_OWN_STORE: Final = "plinth-existing"
#: Characters that names of secrets may not have (Key Vault REST API, "Set Secret").
_NOT_IN_NAMES: Final = re.compile(r"[^0-9a-zA-Z-]")


class GeneratedSecret(Component):
    """A secret whose values are made once (``plinth:index:Secret``).

    It goes with its vault, as keys do: deleting it by itself is done on the vault's own address,
    which nobody outside the network reaches.  One that is made again has another name, therefore.
    """

    name: Output[str]
    id: Output[str]

    def __init__(
        self,
        name: str,
        values: Mapping[str, Generated | Input[str]],
        *,
        site: Site,
        keys: Keys,
        parent: Resource,
    ) -> None:
        super().__init__("Secret", name, site, parent)
        content = {key: self.value(f"{name}-{key}", value) for key, value in values.items()}
        secret = keyvault.Secret(
            name,
            resource_group_name=site.group,
            vault_name=keys.vault.name,
            properties={"value": _sealed(content), "content_type": "application/json"},
            opts=self.child(stateful=True, keep=True),
        )
        self.name, self.id = secret.name, secret.id
        self.register_outputs({"id": self.id})


def _sealed(content: Mapping[str, Input[str]]) -> Output[str]:
    text: Output[str] = Output.json_dumps(content, sort_keys=True)
    sealed: Output[str] = Output.secret(text)
    return sealed


def vault_name(name: str) -> str:
    """The name as Key Vault takes it: a dash for all but letters and digits."""
    return _NOT_IN_NAMES.sub("-", name)


class Secrets:
    """The platform's secrets in Key Vault, and those of the team in a vault of their own."""

    def __init__(self, site: Site, keys: Keys) -> None:
        self._site = site
        self._keys = keys
        self._taken: set[str] = set()
        self._own_vault = options(site.blueprint).vault

    def generate(
        self, name: str, values: Mapping[str, Generated | Input[str]], parent: Resource
    ) -> Secret:
        """A secret in the platform's vault."""
        if name in self._taken:
            raise ValueError(f"two secrets are called {name}")
        self._taken.add(name)
        made = GeneratedSecret(name, values, site=self._site, keys=self._keys, parent=parent)
        return Secret(name=made.name, keys=tuple(values), ref=StoredSecret(name, made.id))

    def existing(self, name: str, keys: Sequence[str]) -> Secret:
        """A secret that is there already, in the vault that the spec names for such."""
        known = vault_name(name)
        own = self._own_vault is not None
        vault: Input[str] = self._own_vault or self._keys.vault.id
        ref = StoredSecret(known, Output.concat(vault, "/secrets/", known), own)
        return Secret(name=known, keys=tuple(keys), ref=ref)

    def reading(self) -> list[Right]:
        """What the operator may read: the platform's secrets, and the team's that it refers to."""
        role = "Key Vault Secrets User"
        found = [Right("platform", role, self._keys.vault.id)]
        if self._own_vault is not None:
            references = external_secrets.references(self._site.blueprint)
            for secret in sorted({vault_name(name) for name in references}):
                found.append(Right(secret, role, f"{self._own_vault}/secrets/{secret}"))
        return found

    def store(
        self,
        kube: Kube,
        identity: WorkloadIdentity,
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> tuple[Resource, ...]:
        """The ClusterSecretStores, and the service account that opens them.

        The operator asks the cluster for a token of that account, so its own pods need nothing.
        """
        account = kube.service_account(
            ACCOUNT,
            namespace=external_secrets.NAMESPACE,
            annotations=identity.annotations,
            parent=parent,
            depends_on=depends_on,
        )
        ready = [account, *identity.ready]
        opened: list[Resource] = [
            external_secrets.store(
                kube, _provider(self._keys.vault.uri), parent=parent, depends_on=ready
            )
        ]
        if self._own_vault is not None:
            uri = f"https://{self._own_vault.rsplit('/', maxsplit=1)[-1]}.vault.azure.net/"
            opened.append(
                kube.apply(
                    "existing-secret-store", _own_store(uri), parent=parent, depends_on=ready
                )
            )
        return (*depends_on, *opened)

    def deliver(
        self,
        kube: Kube,
        name: str,
        *,
        namespace: str,
        data: Mapping[str, Input[str]],
        sources: Mapping[str, Secret],
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> Resource:
        """An ExternalSecret, whose entries come from one vault or the other."""
        manifest = external_secrets.external_secret(
            name, namespace=namespace, data=data, sources=sources
        )
        own = {secret.name for secret in sources.values() if secret.ref.own}
        for entry in manifest["spec"]["data"] if own else ():
            if entry["remoteRef"]["key"] in own:
                store = {"kind": "ClusterSecretStore", "name": _OWN_STORE}
                entry["sourceRef"] = {"storeRef": store}
        return kube.apply(f"{name}-secret", manifest, parent=parent, depends_on=depends_on)


def _provider(uri: Input[str]) -> dict[str, Any]:
    reference = {"name": ACCOUNT, "namespace": external_secrets.NAMESPACE}
    return {
        "azurekv": {
            "authType": "WorkloadIdentity",
            "vaultUrl": uri,
            "serviceAccountRef": reference,
        }
    }


def _own_store(uri: str) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {
            "name": _OWN_STORE,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        "spec": {
            "provider": _provider(uri),
            "conditions": [{"namespaceSelector": {"matchLabels": {"managed-by": "plinth"}}}],
        },
    }
