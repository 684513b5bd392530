"""Where the platform's logs are kept: for as long as the spec says, under our own key."""

from __future__ import annotations

import pulumi_gcp as gcp
import pulumi_random as random
from pulumi import Output, Resource

from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.site import Component, Site


class Logs(Component):
    """A log bucket and what leads to it (``plinth:index:Logs``).

    The project's `_Default` sink, which everybody in the project shares, leaves out what goes here,
    so that nothing is kept, or paid for, twice. A deleted bucket's name stays taken for a week
    (Cloud Logging documentation, "Delete a bucket"), so it carries random characters.
    """

    services = ("logging",)

    def __init__(
        self,
        name: str,
        *,
        matching: str,
        days: int,
        site: Site,
        keys: Keys,
        parent: Resource,
    ) -> None:
        """Makes it.

        Args:
            name: Logical name.
            matching: Filter in the logging query language: which entries.
            days: How long they are kept.
            site: Where.
            keys: The platform's keys.
            parent: Parent component.
        """
        super().__init__("Logs", name, site, parent)
        mark = random.RandomId(name, byte_length=3, opts=self.child(stateful=True))
        bucket = gcp.logging.ProjectBucketConfig(
            name,
            project=site.project,
            location=site.region,
            bucket_id=Output.concat(f"{site.named(name)}-", mark.hex),
            description=f"{site.prefix}: {name}",
            retention_days=days,
            cmek_settings={"kms_key_name": keys.key(Concern.LOGS)},
            opts=self.child(stateful=True),
        )
        sink = gcp.logging.ProjectSink(
            name,
            name=site.named(name),
            description=f"{site.prefix}: {name}",
            destination=Output.concat("logging.googleapis.com/", bucket.id),
            filter=matching,
            unique_writer_identity=True,
            opts=self.child(delete_before_replace=True),
        )
        gcp.logging.ProjectExclusion(
            name,
            name=site.named(name),
            description=f"Kept in {site.named(name)} instead",
            filter=matching,
            opts=self.child(depends_on=[sink], delete_before_replace=True),
        )
        self.register_outputs({"id": bucket.id})
