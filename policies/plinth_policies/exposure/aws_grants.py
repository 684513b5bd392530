"""What policies of resources on AWS grant to everyone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import EXPOSURE
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.privilege.documents import allowed
from plinth_policies.values import get, known, listed

#: Types whose ``policy`` says who may use one resource.
POLICIES: Final = (
    BUCKET,
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:backup/vaultPolicy:VaultPolicy",
    "aws:kms/keyPolicy:KeyPolicy",
    "aws:kms/key:Key",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
    "aws:secretsmanager/secret:Secret",
    "aws:efs/fileSystemPolicy:FileSystemPolicy",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
)

#: Condition keys that leave only callers of some account, organisation, network or resource (IAM
#: user guide, "AWS global condition context keys").
_NARROWING: Final = frozenset(
    {
        *(f"aws:principal{key}" for key in ("account", "arn", "orgid", "orgpaths")),
        *(f"aws:source{key}" for key in ("account", "arn", "ip", "orgid", "orgpaths", "owner")),
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
    }
)
#: Operators that leave out what they name, or let in who does not say.
_LOOSE: Final = ("not", "ifexists", "null", "forallvalues")
#: Values that leave out nobody: all addresses, or a pattern that names no account, organisation or
#: bucket.
_ANYTHING: Final = re.compile(
    r"(o-)?[*?].*|[\da-f.:]+/0|arn:([^:]*:){0,3}[*?]+|arn:([^:]*:){3}:?[*?].*"
)


def _statement(principal: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sns:Publish"}
    return {"policy": json.dumps({"Statement": [{**statement, "Resource": "*"}]})}


@REGISTRY.rule(
    "exposure-aws-public-policy",
    title="No policy of a resource on AWS grants anything to everyone",
    why="A statement for the principal * is for every account there is.",
    fix="name accounts, roles or services as principals, or narrow the statement by "
    "aws:PrincipalOrgID, aws:SourceAccount or the like",
    judges=dict.fromkeys(POLICIES, ("policy",)),
    controls=EXPOSURE,
    good=(("aws:sns/topicPolicy:TopicPolicy", _statement({"Service": "budgets.amazonaws.com"})),),
    bad=(("aws:sns/topicPolicy:TopicPolicy", _statement("*")),),
)
def _public_policy(resource: Resource, _scope: Scope) -> Iterator[str]:
    for statement in allowed(resource.inputs.get("policy"), "policy"):
        if _for_everyone(statement):
            yield f"the statement {get(statement, 'Sid') or 'without a name'} is for everyone"


def _for_everyone(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = known(statement.get("Principal"), "Principal")
    accounts = principal.get("AWS") if isinstance(principal, Mapping) else principal
    return "*" in listed(accounts) and not _narrowed(statement.get("Condition") or {})


def _narrowed(condition: Mapping[str, Any]) -> bool:
    return any(
        key.lower() in _NARROWING
        and not any(_ANYTHING.fullmatch(str(value)) for value in listed(values))
        for operator, keys in condition.items()
        if not any(word in operator.lower() for word in _LOOSE)
        for key, values in keys.items()
    )
