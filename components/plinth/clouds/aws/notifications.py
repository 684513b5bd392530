"""Messages to people: SNS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi_aws as aws
from pulumi import Output, Resource

from plinth import naming, ports
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site, document


class Notifications(Component):
    """An encrypted topic with e-mail subscribers (``plinth:index:Topic``).

    Each subscriber gets a message to confirm first; until then nothing else arrives.
    """

    handle: ports.Topic

    def __init__(
        self, name: str, emails: Sequence[str], *, site: Site, keys: Keys, parent: Resource
    ) -> None:
        super().__init__("Topic", name, site, parent)
        topic = aws.sns.Topic(
            name,
            name=f"{site.prefix}-{name}",
            kms_master_key_id=keys.arn(Concern.NOTIFICATIONS),
            tags=self.tags(),
            opts=self.child(),
        )
        arn: Output[str] = topic.arn
        policy = aws.sns.TopicPolicy(
            name, arn=arn, policy=document(*self._policy(arn)), opts=self.child()
        )
        for email in emails:
            aws.sns.TopicSubscription(
                naming.physical(name, email, unique=email),
                topic=arn,
                protocol="email",
                endpoint=email,
                opts=self.child(depends_on=[policy]),
            )
        self.handle = ports.Topic(
            id=arn,
            receivers={
                "sns_configs": [
                    {"topic_arn": arn, "sigv4": {"region": site.region}, "send_resolved": True}
                ]
            },
            ref=arn,
        )
        self.register_outputs({"arn": arn})

    def _policy(self, arn: Output[str]) -> list[dict[str, Any]]:
        services = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
        return [
            {
                "Sid": "AcceptAlarms",
                "Effect": "Allow",
                "Principal": {"Service": services},
                "Action": "sns:Publish",
                "Resource": arn,
                "Condition": {"StringEquals": {"aws:SourceAccount": self.site.account}},
            },
            {
                "Sid": "DenyPlaintext",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sns:Publish",
                "Resource": arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ]
