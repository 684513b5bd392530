"""Combinations that are impossible on every cloud: refused before any resource exists.

What only one cloud or one tool can refuse is checked by that cloud or tool.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from plinth import registry
from plinth.accounts import AccountNames, account_of
from plinth.errors import Problem, UsageError
from plinth.ports import Port
from plinth.spec.options import ServingOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.tools import Tool

#: Which setting asks for a port that no tool needs, and how to do without.
_ASKED_BY = {
    Port.DNS: ("domain.zone", "Remove zone, and point the host names at the gateway yourself.")
}


def of_tools(blueprint: Blueprint) -> Iterator[Problem]:
    """What the chosen tools need and the cloud or the other capabilities do not give."""
    info = blueprint.cloud
    for capability, tool, options in blueprint.tools():
        yield from _tool(blueprint, capability, tool)
        way = tool.way_on(info)
        for problem in (*tool.check(blueprint, options), *way.check(blueprint, options)):
            yield _below(capability, problem)
    for port in sorted(blueprint.needs - info.ports):
        if not any(port in way.needs for way in blueprint.ways()):
            path, fix = _ASKED_BY.get(port, ("cloud", "Choose another cloud."))
            yield Problem(
                code="port-missing",
                message=f"{info.title} does not offer {port}, which this platform needs",
                path=path,
                fix=fix,
            )


def advice(blueprint: Blueprint) -> Iterator[Problem]:
    """What the chosen tools can do and is probably not meant."""
    for capability, tool, options in blueprint.tools():
        for problem in tool.way_on(blueprint.cloud).advise(blueprint, options):
            yield _below(capability, problem)


def _below(capability: str, problem: Problem) -> Problem:
    """A tool's problem, whose path begins at the tool's options."""
    return replace(problem, path=f"{capability}.{problem.path}" if problem.path else capability)


def _tool(blueprint: Blueprint, capability: str, tool: Tool) -> Iterator[Problem]:
    info = blueprint.cloud
    if tool.clouds is not None and info.name not in tool.clouds:
        yield Problem(
            code="tool-not-on-cloud",
            message=f"{tool.title} does not exist on {info.title}",
            path=f"{capability}.tool",
            allowed=tuple(sorted(tool.clouds)),
            fix=f"Choose another {capability} tool, or one of these clouds.",
        )
    missing = sorted(tool.way_on(info).needs - info.ports)
    if missing:
        yield Problem(
            code="port-missing",
            message=f"{tool.title} needs {', '.join(missing)}, which {info.title} does not "
            "offer here",
            path=f"{capability}.tool",
            allowed=tuple(
                name for name in registry.cloud_names() if tool.runs_on(registry.cloud(name))
            ),
            fix="Choose another tool, or a cloud that offers it.",
        )
    for required in sorted(tool.requires - blueprint.choices.keys()):
        yield Problem(
            code="capability-missing",
            message=f"{tool.title} needs the capability {required}, which is off",
            path=capability,
            fix=f"Add `{required}: {{}}` to the spec.",
        )


def of_settings(blueprint: Blueprint) -> Iterator[Problem]:
    """What settings say against one another."""
    yield from _domain(blueprint)
    yield from _models(blueprint)
    yield from _compliance(blueprint)
    yield from _state(blueprint)
    settings = blueprint.settings
    if settings.database.max_storage < settings.database.storage:
        yield Problem(
            code="storage-range",
            message=f"max_storage ({settings.database.max_storage} GiB) is smaller than storage "
            f"({settings.database.storage} GiB)",
            path="database.max_storage",
            fix=f"Set it to {settings.database.storage} or more.",
        )
    adopted = settings.network.adopt
    if adopted and settings.network.nat == "per-zone" and not settings.durable:
        yield Problem(
            code="nat-on-adopted-network",
            message="an adopted network keeps its own way out; nat cannot be set on it",
            path="network.nat",
            fix="Remove nat.",
        )
    if settings.durable and adopted and len(adopted.private_subnets) < 2:
        yield Problem(
            code="too-few-zones",
            message="a durable environment needs private subnets in at least two zones",
            path="network.adopt.private_subnets",
            fix="List one subnet in each of two or three zones.",
        )


def _compliance(blueprint: Blueprint) -> Iterator[Problem]:
    compliance = blueprint.settings.compliance
    if compliance.rules or compliance.waivers:
        from plinth_policies import enforcement

        yield from enforcement.check(blueprint.settings)


def _state(blueprint: Blueprint) -> Iterator[Problem]:
    state = blueprint.settings.state
    if state is not None and state.backend == "account" and not blueprint.cloud.here:
        try:
            account_names(blueprint)
        except UsageError as error:
            for problem in error.problems:
                yield replace(problem, path="state.backend", environment=None)


def account_names(blueprint: Blueprint) -> AccountNames:
    """What ``plinth bootstrap`` makes in the environment's account, by name.

    There is one backend an account, wherever its environments are.

    Raises:
        UsageError: The environment is in no account that has such things.
    """
    settings = blueprint.settings
    region = blueprint.state_region or settings.region
    return account_of(settings.cloud, settings.account, region, blueprint.environment)


def _domain(blueprint: Blueprint) -> Iterator[Problem]:
    settings = blueprint.settings
    domain = settings.domain
    if domain is None:
        if blueprint.cloud_options.zone:
            yield Problem(
                code="zone-without-domain",
                message="there is a zone for records, and no domain",
                path=f"clouds.{settings.cloud}.zone",
                fix="Add `domain: {name: ml.example.com}`, or remove zone.",
            )
        if settings.identity:
            yield Problem(
                code="sign-in-without-domain",
                message="sign-in needs host names to come back to, and there is no domain",
                path="identity",
                fix="Add `domain: {name: ml.example.com}`, or remove identity.",
            )
        return
    if domain.exposure == "public" and not domain.allow:
        yield Problem(
            code="open-to-all",
            message="a public load balancer needs to know who may connect",
            path="domain.exposure",
            fix="List the networks in `domain.allow`, or make it internal.",
        )
    if domain.exposure == "public" and settings.identity is None:
        yield Problem(
            code="public-without-sign-in",
            message="pages on a public address need sign-in",
            path="domain.exposure",
            fix="Add `identity:` with your OIDC provider, or make it internal.",
        )
    if domain.tls.issuer == "acme" and domain.zone is None:
        yield Problem(
            code="acme-without-zone",
            message="ACME certificates are proven by DNS, and no zone is named",
            path="domain.tls.issuer",
            fix="Set `domain.zone`, or use `issuer: private-ca`.",
        )


def _models(blueprint: Blueprint) -> Iterator[Problem]:
    serving = blueprint.choices.get("serving")
    if serving is None or not isinstance(serving.options, ServingOptions):
        return
    pools = blueprint.settings.cluster.node_pools.values()
    most = max((pool.gpu.count for pool in pools if pool.gpu), default=0)
    ours = Port.NODES in blueprint.cloud.ports  # what machines others' clusters have is not known
    for name, model in serving.options.models.items():
        if ours and model.gpu > most:
            yield Problem(
                code="no-gpu-pool",
                message=f"model {name} asks for {model.gpu} GPU(s) a copy, and the largest node "
                f"pool has {most} a node",
                path=f"serving.models.{name}.gpu",
                fix="Add a node pool with `gpu: {type: l4, count: …}`, or ask for fewer.",
            )
        if model.uri.startswith("models:/") and "tracking" not in blueprint.choices:
            yield Problem(
                code="registry-off",
                message=f"model {name} comes from the model registry, and tracking is off",
                path=f"serving.models.{name}.uri",
                fix="Add `tracking: {}`, or give a storage address such as s3://….",
            )
