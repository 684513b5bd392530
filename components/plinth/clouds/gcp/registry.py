"""Container images: Artifact Registry."""

from __future__ import annotations

from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Output, Resource

from plinth import ports
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.site import Component, Site

_UNTAGGED_DAYS: Final = 14
_DAY: Final = 24 * 60 * 60


class Registry(Component):
    """A repository: scanned on push, tags immutable, encrypted (``plinth:index:Registry``).

    A repository of Artifact Registry is a folder of images. The handle's address is the image of
    the repository's own name, so that `<url>:<tag>` can be pushed as on every other cloud.

    Attributes:
        handle: The port's handle.
        ref: The repository itself, to give rights on.
    """

    services = ("artifactregistry", "containerscanning")
    handle: ports.Repository
    ref: Any

    def __init__(self, name: str, *, site: Site, keys: Keys, parent: Resource) -> None:
        super().__init__("Registry", name, site, parent)
        repository = gcp.artifactregistry.Repository(
            name,
            repository_id=site.named(name),
            project=site.project,
            location=site.region,
            description=f"{site.prefix}: {name}",
            format="DOCKER",
            mode="STANDARD_REPOSITORY",
            docker_config={"immutable_tags": True},
            kms_key_name=keys.key(Concern.STORAGE),
            vulnerability_scanning_config={"enablement_config": "INHERITED"},
            cleanup_policies=[_tidy()],
            cleanup_policy_dry_run=False,
            # Deleting a repository deletes its images without a question.
            deletion_policy="PREVENT" if site.durable else "DELETE",
            labels=self.labels(),
            opts=self.child(stateful=True),
        )
        url = Output.concat(repository.registry_uri, f"/{name}")
        self.handle = ports.Repository(url=url)
        self.ref = repository
        self.register_outputs({"url": url})


def _tidy() -> dict[str, Any]:
    """Images that no tag points to."""
    return {
        "id": "untagged",
        "action": "DELETE",
        "condition": {"tag_state": "UNTAGGED", "older_than": f"{_UNTAGGED_DAYS * _DAY}s"},
    }
