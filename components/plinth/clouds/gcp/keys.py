"""Customer-managed keys: one a concern, so that a right on one kind of data is no right on another.

On GCP the service that stores data uses the key in its own name, as its service agent; whoever may
read the data needs no right on the key.

Cloud KMS never forgets a key ring or a key, so a name can be had once. Each platform's ring carries
random characters that are made with it: after `destroy`, the next `up` makes a new ring. What stays
of the old one costs nothing: the versions of its keys are destroyed after
`encryption.deletion_window_days`, until when they can be restored (Cloud KMS documentation,
"Destroy and restore key versions").
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import pulumi_gcp as gcp
import pulumi_random as random
from pulumi import Input, Output, Resource

from plinth.clouds.gcp.site import Component, Site, after
from plinth.ports import Port

_USE: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_DAY: Final = 24 * 60 * 60


class Concern(StrEnum):
    """What a key protects."""

    STORAGE = "storage"
    DATABASE = "database"
    CLUSTER = "cluster"
    SECRETS = "secrets"
    LOGS = "logs"


class Agent(NamedTuple):
    """A service that uses a key in its own name.

    ``domain`` is that of its agent's address, and ``made`` whether Google makes the agent when
    asked to, rather than with the API. ``port`` is the need without which it is not there.
    """

    service: str
    domain: str
    port: Port | None = None
    made: bool = True


#: Sources: each service's page on customer-managed keys; IAM documentation, "Service agents".
#: Cloud Storage and Cloud Logging are asked for theirs.
_AGENTS: Final[Mapping[Concern, tuple[Agent, ...]]] = {
    Concern.STORAGE: (Agent("artifactregistry", "gcp-sa-artifactregistry", Port.REGISTRY),),
    Concern.DATABASE: (
        Agent("sqladmin", "gcp-sa-cloud-sql", Port.SQL),
        Agent("redis", "cloud-redis", Port.KEY_VALUE),
    ),
    Concern.CLUSTER: (
        Agent("container", "container-engine-robot", made=False),
        Agent("compute", "compute-system", made=False),
    ),
    Concern.SECRETS: (Agent("secretmanager", "gcp-sa-secretmanager"),),
    Concern.LOGS: (),
}


class Ring(Component):
    """The platform's key ring (``plinth:index:KeyRing``)."""

    services = ("cloudkms",)
    id: Output[str]

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("KeyRing", "keys", site, parent)
        mark = random.RandomId("keys", byte_length=3, opts=self.child(stateful=True))
        ring = gcp.kms.KeyRing(
            "keys",
            name=Output.concat(f"{site.prefix}-", mark.hex),
            location=site.region,
            opts=self.child(stateful=True),
        )
        self.id = ring.id
        self.register_outputs({"id": ring.id})


class Key(Component):
    """A key, and the right of its services to use it (``plinth:index:Key``).

    Attributes:
        id: The key's full name, known once the services may use it.
    """

    services = ("cloudkms",)
    id: Output[str]

    def __init__(self, concern: Concern, *, ring: Ring, site: Site, parent: Resource) -> None:
        super().__init__("Key", concern, site, parent)
        encryption = site.blueprint.settings.encryption
        key = gcp.kms.CryptoKey(
            concern,
            name=concern.value,
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=f"{encryption.rotation_days * _DAY}s",
            destroy_scheduled_duration=f"{encryption.deletion_window_days * _DAY}s",
            labels=self.labels(),
            # Fixed when a key is made; a later change of the spec must not cost the key.
            opts=self.child(stateful=True, ignore_changes=["destroyScheduledDuration"]),
        )
        rights = [
            gcp.kms.CryptoKeyIAMMember(
                f"{concern}-{name}",
                crypto_key_id=key.id,
                role=_USE,
                member=member,
                opts=self.child(depends_on=made),
            )
            for name, (member, made) in self._members(concern).items()
        ]
        self.id = after(key.id, *rights)
        self.register_outputs({"id": self.id})

    def _members(self, concern: Concern) -> dict[str, tuple[Output[str], list[Resource]]]:
        """IAM members that use the key, and what makes each."""
        needs = self.site.blueprint.needs
        found = {
            agent.service: (self.site.agent(agent.domain), [self._agent(agent)])
            for agent in _AGENTS[concern]
            if agent.port is None or agent.port in needs
        }
        project = self.site.project
        if concern is Concern.STORAGE:
            # Asking is what makes this agent.
            account = gcp.storage.get_project_service_account_output(
                project=project, opts=self.site.lookup_with("storage")
            )
            found["storage"] = (_member(account.email_address), [])
        if concern is Concern.LOGS:
            settings = gcp.logging.get_project_cmek_settings_output(
                project=project, opts=self.site.lookup_with("logging")
            )
            found["logging"] = (_member(settings.service_account_id), [])
        return found

    def _agent(self, agent: Agent) -> Resource:
        (api,) = self.site.apis(agent.service)
        if not agent.made:
            return api
        identity: Resource = gcp.projects.ServiceIdentity(
            agent.service,
            service=f"{agent.service}.googleapis.com",
            project=self.site.project,
            opts=self.child(depends_on=[api]),
        )
        return identity


class Keys:
    """The keys in use, each made when something first needs it; or the one key that is adopted."""

    def __init__(self, site: Site, parent: Resource) -> None:
        self._site = site
        self._parent = parent
        self._ring: Ring | None = None
        self._made: dict[Concern, Key] = {}

    def key(self, concern: Concern) -> Input[str]:
        """The full name of the concern's key, ``projects/…/cryptoKeys/…``.

        Whoever waits for the name waits for the services' right to use the key. An adopted key's
        policy is its owner's business.
        """
        adopted = self._site.blueprint.settings.encryption.key
        if adopted is not None:
            return adopted
        if concern not in self._made:
            if self._ring is None:
                self._ring = Ring(site=self._site, parent=self._parent)
            self._made[concern] = Key(
                concern, ring=self._ring, site=self._site, parent=self._parent
            )
        return self._made[concern].id


def _member(account: Output[str]) -> Output[str]:
    return Output.concat("serviceAccount:", account)
