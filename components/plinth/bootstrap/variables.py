"""Variables that a CI needs of an account: what the cloud makes up, so that no name tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from plinth.accounts import ci_variable
from plinth.bootstrap.order import Order
from plinth.bootstrap.trust import AZURE_DEVOPS

#: Stands for the environments where no spec names them.
_ANY: Final = "ENV"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable to set in the CI.

    Attributes:
        name: What the pipelines read.
        value: What it has to be, once that is there.
        command: What tells the value in a shell.
    """

    name: str
    value: str | None
    command: str


def variables(order: Order, outputs: Mapping[str, Any] | None = None) -> tuple[Variable, ...]:
    """What is to be set in the CI that the account trusts; nothing where names say it all.

    Args:
        order: The account.
        outputs: What its stack says, once it is there.
    """
    if order.trust is None:
        return ()
    environments = [each.environment for each in order.blueprints] or [_ANY]
    known = outputs or {}
    found: dict[str, Variable] = {}
    for environment in environments:
        for name, output, command in _CLOUDS.get(order.cloud, _none)(order, environment):
            value = known.get(output)
            found[name] = Variable(name, None if value is None else str(value), command)
    return tuple(found.values())


_Asked = list[tuple[str, str, str]]


def _none(_order: Order, _environment: str) -> _Asked:
    return []


def _azure(order: Order, environment: str) -> _Asked:
    if order.trust and order.trust.ci == AZURE_DEVOPS:
        return []  # service connections know them
    account = f"--subscription {order.account}"
    identity = f"az identity show {account} --resource-group plinth --name plinth-"
    return [
        (
            "AZURE_TENANT_ID",
            "tenant_id",
            f"az account show {account} --query tenantId --output tsv",
        ),
        *(
            (
                ci_variable(f"{name.upper()}_CLIENT_ID", environment),
                f"{name}_client_id",
                f"{identity}{name} --query clientId --output tsv",
            )
            for name in ("preview", "deploy")
        ),
    ]


def _gcp(order: Order, environment: str) -> _Asked:
    command = f"gcloud projects describe {order.account} --format='value(projectNumber)'"
    return [(ci_variable("PROJECT_NUMBER", environment), "project_number", command)]


_CLOUDS: Final[Mapping[str, Callable[[Order, str], _Asked]]] = {"azure": _azure, "gcp": _gcp}
