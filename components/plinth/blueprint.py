"""The blueprint: one environment fully resolved, and the place where the impossible is refused.

A blueprint is frozen plain data.  Every default is explicit, every tool is chosen and its options
are validated, and what the chosen cloud cannot do has been said before any resource exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SerializeAsAny, ValidationError

from plinth import registry, versions
from plinth.clouds import CloudInfo
from plinth.errors import Problem, SpecError, nearest
from plinth.ports import Port
from plinth.spec import overlay, problems
from plinth.spec.document import Document, read
from plinth.spec.models import CAPABILITIES, Settings
from plinth.spec.options import CapabilityOptions, CloudOptions, ServingOptions
from plinth.spec.types import Derived, Label, Model
from plinth.tools import Tool
from plinth.versions import Pins

ModelT = TypeVar("ModelT", bound=BaseModel)

#: Ports that every platform with a cluster uses, whatever its tools ask for.
_CLUSTER_PORTS = frozenset({Port.CLUSTER, Port.IDENTITY, Port.SECRETS})
#: Ports that a platform uses wherever they are offered, and those it uses then with a cluster.
_USED_IF_OFFERED = frozenset({Port.BUDGET})
_USED_WITH_CLUSTER = frozenset({Port.REGISTRY})
#: Which setting asks for a port that no tool needs, and how to do without.
_ASKED_BY = {
    Port.DNS: ("domain.zone", "Remove zone, and point the host names at the gateway yourself.")
}


class Choice(Model):
    """A capability that is on: its tool, and that tool's options with every default explicit."""

    tool: str
    options: SerializeAsAny[CapabilityOptions]


class Blueprint(Model):
    """One environment, fully resolved."""

    environment: Label
    settings: Settings
    cloud_options: SerializeAsAny[CloudOptions]
    choices: dict[str, Choice]
    pins: Pins

    @property
    def prefix(self) -> str:
        """Start of physical names: ``<platform>-<environment>``."""
        return f"{self.settings.name}-{self.environment}"

    @property
    def cloud(self) -> CloudInfo:
        """Facts about the cloud."""
        return registry.cloud(self.settings.cloud)

    @property
    def region(self) -> str:
        """The cloud's region; adapters that need one have refused blueprints without."""
        return self.settings.region or ""

    @cached_property
    def tags(self) -> dict[str, str]:
        """What every resource is tagged or labelled with, before a cloud's own spelling rules."""
        return {
            **self.settings.tags,
            "owner": self.settings.owner,
            "cost-center": self.settings.cost.center,
            "environment": self.environment,
            "platform": self.settings.name,
            "managed-by": "plinth",
        }

    def written_at(self, name: str) -> tuple[str, ...]:
        """Where ``region`` or ``account`` was said: for this cloud alone, or for all."""
        own = getattr(self.cloud_options, name, None)
        return ("clouds", self.settings.cloud, name) if own else (name,)

    def tools(self) -> Iterator[tuple[str, Tool, CapabilityOptions]]:
        """The capabilities that are on, in building order, with tool and options."""
        for capability, choice in self.choices.items():
            yield capability, registry.tool(capability, choice.tool), choice.options

    @cached_property
    def needs(self) -> frozenset[Port]:
        """The ports that this platform uses."""
        asked = frozenset[Port]().union(*(tool.needs for _, tool, _ in self.tools()))
        if Port.CLUSTER in asked:
            asked |= _CLUSTER_PORTS
            if self.settings.domain and self.settings.domain.zone:
                asked |= {Port.DNS}
            asked |= _USED_WITH_CLUSTER & self.cloud.ports
        return asked | (_USED_IF_OFFERED & self.cloud.ports)


def complete(model: ModelT, *, durable: bool) -> ModelT:
    """A copy in which every field marked :class:`Derived` that is ``None`` has its value."""
    update: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        for mark in field.metadata:
            if isinstance(mark, Derived) and value is None:
                update[name] = mark.durable if durable else mark.otherwise
        if isinstance(value, BaseModel):
            update[name] = complete(value, durable=durable)
        elif isinstance(value, dict):
            update[name] = {
                key: complete(item, durable=durable) if isinstance(item, BaseModel) else item
                for key, item in value.items()
            }
    return model.model_copy(update=update)


def resolve(
    document: Document,
    environment: str,
    *,
    cloud: str | None = None,
    recorded: Mapping[str, Any] | None = None,
) -> Blueprint:
    """Resolves one environment of a spec.

    Args:
        document: The loaded spec.
        environment: Which of its environments.
        cloud: Answers "what would this be there?": takes the place of the spec's cloud.
        recorded: Pins recorded for this environment by an earlier run.

    Raises:
        SpecError: With every problem of this environment.
    """
    layered = overlay.resolve(document, environment)
    found: list[Problem] = []
    if cloud is not None:
        registry.known_cloud(cloud)
    data = {key: value for key, value in layered.data.items() if key != "environments"}
    cloud_name = cloud or data.get("cloud")
    blocks = _cloud_blocks(data, layered, found)
    info = _cloud(cloud_name, layered, found) if isinstance(cloud_name, str) else None
    cloud_options = CloudOptions()
    if info is not None:
        cloud_options = blocks.get(info.name) or info.options()
        data = _moved(data, info, cloud_options)
    settings = _validate(Settings, data, layered, (), found)
    choices = dict(_choices(data, cloud_name if info else None, layered, found))
    if settings is None or info is None:
        raise SpecError(*problems.merge(found))
    durable = settings.durable
    blueprint = Blueprint.model_construct(
        environment=environment,
        settings=complete(settings, durable=durable),
        cloud_options=complete(cloud_options, durable=durable),
        choices={
            capability: Choice.model_construct(
                tool=tool, options=complete(options, durable=durable)
            )
            for capability, (tool, options) in choices.items()
        },
        pins=versions.defaults().update(recorded).override(settings.versions),
    )
    checks = [*_check_settings(blueprint), *info.check(blueprint)]
    if not found:  # a tool whose options are wrong would be missed by the tools that need it
        checks += _check_tools(blueprint)
    for problem in checks:
        path = problem.path or ""
        if path in ("region", "account"):
            path = ".".join(blueprint.written_at(path))
        found.append(_place(replace(problem, path=path), layered))
    if found:
        raise SpecError(*problems.merge(found))
    return blueprint


def check(path: Path, *, cloud: str | None = None) -> dict[str, Blueprint]:
    """Reads a spec file and resolves every environment.

    Raises:
        SpecError: With all problems of the file and of every environment, in one run.
    """
    document, found = read(path)
    if document is None:
        raise SpecError(*problems.merge(found))
    return resolve_all(document, cloud=cloud, found=found)


def resolve_all(
    document: Document, *, cloud: str | None = None, found: Iterable[Problem] = ()
) -> dict[str, Blueprint]:
    """Resolves every environment.

    Raises:
        SpecError: With the problems of all of them, and those already ``found`` in the file.
    """
    blueprints: dict[str, Blueprint] = {}
    found = [*found, *_empty_blocks(document)]
    for environment in overlay.environment_names(document):
        try:
            blueprints[environment] = resolve(document, environment, cloud=cloud)
        except SpecError as error:
            found.extend(error.problems)
    if found:
        raise SpecError(*problems.merge(found))
    return blueprints


def _empty_blocks(document: Document) -> Iterator[Problem]:
    """Capabilities written without a value, which YAML reads as null: it could mean either."""
    for capability in CAPABILITIES:
        if capability in document.data and document.data[capability] is None:
            yield Problem(
                code="empty-block",
                message=f"`{capability}:` has no value, so it says neither on nor off",
                location=document.locate((capability,), key=True),
                path=capability,
                fix=f"Write `{capability}: {{}}` to have it, or remove the line.",
            )


# --- validation against models and the registry --------------------------------------------------


def _validate(
    model: type[ModelT],
    data: Mapping[str, Any],
    layered: overlay.Layered,
    prefix: tuple[str, ...],
    found: list[Problem],
) -> ModelT | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found.extend(
            problems.from_validation(
                error,
                locate=layered.locate,
                path_prefix=prefix,
                model=model,
                environment=layered.environment,
            )
        )
        return None


def _choices(
    data: Mapping[str, Any],
    cloud: str | None,
    layered: overlay.Layered,
    found: list[Problem],
) -> Iterator[tuple[str, tuple[str, CapabilityOptions]]]:
    for capability in CAPABILITIES:
        block = data.get(capability)
        if not isinstance(block, dict):
            continue
        options = {key: value for key, value in block.items() if key != "tool"}
        name = block.get("tool") or (registry.default_tool(capability, cloud) if cloud else None)
        allowed = registry.tool_names(capability)
        if name is None:
            continue
        if name not in allowed:
            problem = _unknown(f"{capability}-tool", str(name), allowed)
            found.append(_place(replace(problem, path=f"{capability}.tool"), layered))
            continue
        model = registry.tool(capability, name).options
        validated = _validate(model, options, layered, (capability,), found)
        if validated is not None:
            yield capability, (name, validated)


def _cloud_blocks(
    data: Mapping[str, Any], layered: overlay.Layered, found: list[Problem]
) -> dict[str, CloudOptions]:
    """The blocks of ``clouds``, each validated by its cloud's own model, in use or not."""
    blocks: dict[str, CloudOptions] = {}
    written = data.get("clouds")
    for name, block in written.items() if isinstance(written, dict) else ():
        if name not in registry.cloud_names():
            problem = _unknown("cloud", name, registry.cloud_names())
            path = ("clouds", name)
            where = layered.locate(path, key=True)
            found.append(replace(problem, path=".".join(path), location=where))
            continue
        info = registry.cloud(name)
        if not isinstance(block, dict):
            continue  # the spec's own model says so
        options = _validate(info.options, block, layered, ("clouds", name), found)
        if options is not None:
            blocks[name] = options
    return blocks


def _moved(data: Mapping[str, Any], info: CloudInfo, options: CloudOptions) -> dict[str, Any]:
    """The data as it is on a cloud: with that cloud's region and account.

    On another cloud than the spec's own, an account means nothing, and a region that is not named
    is the one nearest to where the spec's is.
    """
    region, account = data.get("region"), data.get("account")
    home = data.get("cloud")
    if home != info.name:
        account = None
        known = registry.cloud(home).regions if home in registry.cloud_names() else {}
        region = info.region_like(known.get(str(region)))
    place = {"region": options.region or region, "account": options.account or account}
    return {**data, "cloud": info.name} | place


def _cloud(name: str, layered: overlay.Layered, found: list[Problem]) -> CloudInfo | None:
    allowed = registry.cloud_names()
    if name in allowed:
        return registry.cloud(name)
    found.append(_place(replace(_unknown("cloud", name, allowed), path="cloud"), layered))
    return None


def _unknown(code: str, name: str, allowed: Sequence[str]) -> Problem:
    close = nearest(name, allowed)
    return Problem(
        code=f"unknown-{code}",
        message=f"there is no {code.replace('-', ' ')} '{name}'",
        allowed=tuple(allowed),
        nearest=close,
        fix=f"Write {close or allowed[0]}." if allowed else None,
    )


def _place(problem: Problem, layered: overlay.Layered) -> Problem:
    """Adds the location of the problem's path, and the environment."""
    path = tuple(problem.path.split(".")) if problem.path else ()
    return replace(problem, location=layered.locate(path), environment=layered.environment)


# --- impossible combinations ---------------------------------------------------------------------


def _check_tools(blueprint: Blueprint) -> Iterator[Problem]:
    info = blueprint.cloud
    for capability, tool, options in blueprint.tools():
        if tool.clouds is not None and info.name not in tool.clouds:
            yield Problem(
                code="tool-not-on-cloud",
                message=f"{tool.title} does not exist on {info.title}",
                path=f"{capability}.tool",
                allowed=tuple(sorted(tool.clouds)),
                fix=f"Choose another {capability} tool, or one of these clouds.",
            )
        missing = sorted(tool.needs - info.ports)
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
        for problem in tool.check(blueprint, options):
            path = f"{capability}.{problem.path}" if problem.path else capability
            yield replace(problem, path=path)
    for port in sorted(blueprint.needs - info.ports):
        if not any(port in tool.needs for _, tool, _ in blueprint.tools()):
            path, fix = _ASKED_BY.get(port, ("cloud", "Choose another cloud."))
            yield Problem(
                code="port-missing",
                message=f"{info.title} does not offer {port}, which this platform needs",
                path=path,
                fix=fix,
            )


def _check_settings(blueprint: Blueprint) -> Iterator[Problem]:
    yield from _check_domain(blueprint)
    yield from _check_models(blueprint)
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


def _check_domain(blueprint: Blueprint) -> Iterator[Problem]:
    settings = blueprint.settings
    domain = settings.domain
    if domain is None:
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


def _check_models(blueprint: Blueprint) -> Iterator[Problem]:
    serving = blueprint.choices.get("serving")
    if serving is None or not isinstance(serving.options, ServingOptions):
        return
    pools = blueprint.settings.cluster.node_pools.values()
    most = max((pool.gpu.count for pool in pools if pool.gpu), default=0)
    for name, model in serving.options.models.items():
        if model.gpu > most:
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
