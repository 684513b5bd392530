"""How long logs are kept, on every cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import LOGGING
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import get, known

_FLOW_LOG: Final = "azure-native:network:FlowLog"
_FLOW_LOG_SWITCH: Final = "retentionPolicy.enabled"

#: Type -> where it says for how many days.
_DAYS: Final = {
    "aws:cloudwatch/logGroup:LogGroup": "retentionInDays",
    "azure-native:operationalinsights:Workspace": "retentionInDays",
    "azure-native:applicationinsights:Component": "retentionInDays",
    _FLOW_LOG: "retentionPolicy.days",
    **{
        f"gcp:logging/{owner}BucketConfig:{owner[0].upper()}{owner[1:]}BucketConfig": (
            "retentionDays"
        )
        for owner in ("project", "folder", "organization", "billingAccount")
    },
}


@REGISTRY.rule(
    "logging-retention",
    title="Logs are kept as long as they must be, and not for ever",
    why="An attack is found after months, when logs with a short life are gone; logs that nothing "
    "ever deletes cost more each month and keep personal data without a purpose.",
    fix="set for how many days they are kept",
    judges={
        token: (path, _FLOW_LOG_SWITCH) if token == _FLOW_LOG else (path,)
        for token, path in _DAYS.items()
    },
    parameters=("log_retention_days",),
    controls=(*LOGGING, "cis-azure/7.5"),
    good={"retentionInDays": 90},
    bad={},
)
def _retention(resource: Resource, scope: Scope) -> Iterator[str]:
    kind = kind_of(resource.type)
    path, least = _DAYS[kind], scope.parameters.log_retention_days
    days = known(get(resource.inputs, path), path)
    switch = known(get(resource.inputs, _FLOW_LOG_SWITCH), _FLOW_LOG_SWITCH)
    if not days or (kind == _FLOW_LOG and switch is not True):
        yield f"{path} is not set"
    elif days < least:
        yield f"{path} is {days:.0f}, and must be {least} at least"
