"""Container images: ECR."""

from __future__ import annotations

import json

import pulumi_aws as aws
from pulumi import Output, Resource

from plinth import ports
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site

_UNTAGGED_DAYS = 14


class Registry(Component):
    """A repository: scanned on push, tags immutable, encrypted (``plinth:index:Registry``)."""

    handle: ports.Repository

    def __init__(self, name: str, *, site: Site, keys: Keys, parent: Resource) -> None:
        super().__init__("Registry", name, site, parent)
        repository = aws.ecr.Repository(
            name,
            name=f"{site.named()}/{name}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[
                {"encryption_type": "KMS", "kms_key": keys.arn(Concern.STORAGE)}
            ],
            force_delete=not site.durable,
            tags=self.tags(),
            opts=self.child(stateful=True),
        )
        aws.ecr.LifecyclePolicy(name, repository=repository.name, policy=_tidy(), opts=self.child())
        url: Output[str] = repository.repository_url
        self.handle = ports.Repository(url=url)
        self.register_outputs({"url": url})


def _tidy() -> str:
    rule = {
        "rulePriority": 1,
        "description": "Images that no tag points to",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": _UNTAGGED_DAYS,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
