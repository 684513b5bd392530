"""What an administrator runs by hand where rights are missing: the identities, as CLI commands.

Made from the recorded graph's inputs, so the commands and the program never differ.  Afterwards
``plinth bootstrap CLOUD --adopt`` takes over what was made.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.bootstrap.order import Order
from plinth.bootstrap.planning import graph_of
from plinth.errors import Problem, UsageError
from plinth.graph import Resource

Command = list[str]


def script(order: Order) -> str:
    """The script. Shell, without any credential: it uses those of whoever runs it.

    Raises:
        UsageError: There is nobody to trust yet.
    """
    if order.trust is None:
        raise UsageError(
            Problem(
                code="trust-incomplete",
                message="only CI's identities need higher rights, and no CI is named",
                fix="Add --ci and --repository.",
            )
        )
    lines = [
        "#!/bin/sh",
        f"# The identities of CI in {order.account}, for {order.trust.repository}.",
        f"# Afterwards: plinth bootstrap {order.cloud} --account {order.account} --adopt",
        "set -eu",
        "",
    ]
    for resource in graph_of(order):
        for command in commands(resource, order):
            lines += [" ".join(map(shlex.quote, command)), ""]
    return "\n".join(lines)


def commands(resource: Resource, order: Order) -> list[Command]:
    """The commands that make one resource; none for those that need no higher rights."""
    make = _MAKERS.get(resource.type)
    if make is None or "plinth:index:Identities$" not in resource.urn:
        return []
    return make({**resource.inputs, "__id": resource.id}, order)


def _aws_tags(order: Order) -> Command:
    tags = [{"Key": key, "Value": value} for key, value in order.tags.items()]
    return ["--tags", json.dumps(tags)]


def _aws_provider(inputs: Mapping[str, Any], order: Order) -> list[Command]:
    audiences = ["--client-id-list", *inputs["clientIdLists"]]
    command = ["aws", "iam", "create-open-id-connect-provider", "--url", inputs["url"]]
    return [[*command, *audiences, *_aws_tags(order)]]


def _aws_policy(inputs: Mapping[str, Any], order: Order) -> list[Command]:
    named = ["--policy-name", inputs["name"], "--description", inputs["description"]]
    document = ["--policy-document", inputs["policy"]]
    return [["aws", "iam", "create-policy", *named, *document, *_aws_tags(order)]]


def _aws_role(inputs: Mapping[str, Any], order: Order) -> list[Command]:
    options = {
        "--role-name": inputs["name"],
        "--description": inputs["description"],
        "--assume-role-policy-document": inputs["assumeRolePolicy"],
        "--permissions-boundary": inputs["permissionsBoundary"],
        "--max-session-duration": str(inputs["maxSessionDuration"]),
    }
    words = [word for pair in options.items() for word in pair]
    return [["aws", "iam", "create-role", *words, *_aws_tags(order)]]


def _aws_inline(inputs: Mapping[str, Any], _order: Order) -> list[Command]:
    named = ["--role-name", inputs["role"], "--policy-name", inputs["name"]]
    return [["aws", "iam", "put-role-policy", *named, "--policy-document", inputs["policy"]]]


def _aws_attachment(inputs: Mapping[str, Any], _order: Order) -> list[Command]:
    named = ["--role-name", inputs["role"], "--policy-arn", inputs["policyArn"]]
    return [["aws", "iam", "attach-role-policy", *named]]


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], Order], list[Command]]]] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _aws_provider,
    "aws:iam/policy:Policy": _aws_policy,
    "aws:iam/role:Role": _aws_role,
    "aws:iam/rolePolicy:RolePolicy": _aws_inline,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _aws_attachment,
}
