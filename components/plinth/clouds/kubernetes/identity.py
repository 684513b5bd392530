"""Rights for workloads: a key of their own, as S3-compatible stores know no workload identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pulumi import Resource

from plinth.clouds import external_secrets
from plinth.clouds.kubernetes.objects import TRUST_FOLDER, Client, granted
from plinth.clouds.kubernetes.secrets import Secrets, name_of, waits_for
from plinth.clouds.kubernetes.site import Component
from plinth.kube import Kube
from plinth.ports import Generated, Grant, Secret, WorkloadIdentity

#: Length of the halves of a key (SeaweedFS takes letters and digits, up to 128).
KEY: Final = {"access_key": Generated(length=20), "secret_key": Generated(length=40)}
_VARIABLES: Final = {"AWS_ACCESS_KEY_ID": "access_key", "AWS_SECRET_ACCESS_KEY": "secret_key"}


class Key(Component):
    """A key that reaches the granted buckets and nothing more (``plinth:index:Identity``).

    On Plinth's own store it is a user of its own.  A store of the team's own gives Plinth no way
    to make users that holds for all of them: there it is the administrator's key.

    Attributes:
        secret: The key, in the secrets' namespace.
        ready: What must exist before it is used.
    """

    secret: Secret
    ready: tuple[Resource, ...]

    def __init__(
        self,
        name: str,
        grants: Sequence[Grant],
        *,
        client: Client,
        secrets: Secrets,
        parent: Resource,
    ) -> None:
        super().__init__("Identity", name, client.site, parent)
        self.secret, self.ready = client.store.root, client.store.ready
        if client.store.own:
            self.secret = secrets.generate(
                f"{name}-key", KEY, parent=self, depends_on=client.store.ready
            )
            job = client.run(
                f"identity-{name}",
                "identity",
                {"name": name, **granted(grants)},
                parent=self,
                key=name_of(f"{name}-key"),
                depends_on=waits_for(self.secret),
            )
            self.ready = (job,)
        self.register_outputs({})


def deliver(
    key: Key,
    name: str,
    *,
    namespace: str,
    client: Client,
    kube: Kube,
    parent: Resource,
    depends_on: Sequence[Resource],
) -> WorkloadIdentity:
    """Brings the key into a namespace, and says to pods where the store is."""
    secret = f"{name}-store"
    # Under the variables' names, by which KServe's storage initializer finds them; it knows
    # the store by two names of its own (``pkg/credentials/s3``, v0.20).
    scheme, _, host = client.store.env["AWS_ENDPOINT_URL"].partition("://")
    data = {
        **{variable: f"${{key.{field}}}" for variable, field in _VARIABLES.items()},
        "S3_ENDPOINT": host,
        "S3_USE_HTTPS": "1" if scheme == "https" else "0",
    }
    sources = {"key": key.secret}
    authority = client.store.authority
    if authority:
        sources["ca"], field = authority
        data["ca.crt"] = f"${{ca.{field}}}"
    made = external_secrets.deliver(
        kube,
        secret,
        namespace=namespace,
        data=data,
        sources=sources,
        parent=parent,
        depends_on=[*depends_on, *key.ready],
    )
    return WorkloadIdentity(
        env=client.store.env,
        env_secrets={variable: (secret, variable) for variable in _VARIABLES},
        secret_files={TRUST_FOLDER: secret} if authority else {},
        ready=(made,),
    )
