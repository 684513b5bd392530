"""The SDK's check for circular dependencies, with the same answers in less time.

For every dependency that a resource declares, ``pulumi.runtime.resource_cycle_breaker`` follows
all that the other one depends on, to see whether that leads back. That is a third of the time of a
large plan, and quadratic: every model depends on every node pool. It cannot lead back to what
nobody depends on, and does not by a dependency that was found fine before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.runtime import resource_cycle_breaker, rpc

if TYPE_CHECKING:
    from pulumi import Resource

#: The SDK's modules, whose private parts carry no promise; a test compares the answers.
_sdk: Any = resource_cycle_breaker
_rpc: Any = rpc
_USED = ("declare_dependency", "_deps", "_add_dep")
_DEPENDED_ON = "_plinth_depended_on"


def declare_dependency(from_resource: Resource, to_resource: Resource) -> bool:
    """Remembers a dependency, unless it would close a circle. Returns whether it did not."""
    if to_resource in _sdk._deps(from_resource):
        return True
    if from_resource is to_resource or hasattr(from_resource, _DEPENDED_ON):
        fine: bool = _sdk.declare_dependency(from_resource, to_resource)
    else:
        _sdk._add_dep(from_resource, to_resource)
        fine = True
    if fine:
        setattr(to_resource, _DEPENDED_ON, True)
    return fine


def install() -> None:
    """Puts it in the place of the SDK's, for resources that are yet to be made.

    Where an SDK has other private parts, its own check stays.
    """
    if hasattr(_rpc, "declare_dependency") and all(hasattr(_sdk, name) for name in _USED):
        _rpc.declare_dependency = declare_dependency
