"""The blueprint: one environment fully resolved, and the place where the impossible is refused.

A blueprint is frozen plain data.  Every default is explicit, every tool is chosen and its options
are validated, and what the chosen cloud cannot do has been said before any resource exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SerializeAsAny, ValidationError

from plinth import combinations, registry, versions
from plinth.clouds import CloudInfo
from plinth.errors import Problem, SpecError, unknown
from plinth.ports import Port
from plinth.spec import overlay, problems
from plinth.spec.document import Document, load, read
from plinth.spec.models import CAPABILITIES, Settings
from plinth.spec.options import CapabilityOptions, CloudOptions
from plinth.spec.types import Derived, Label, Model
from plinth.tools import Tool, Way
from plinth.versions import Pins

#: What a cloud's own block says in place of the rest of the spec, as each cloud spells it in its
#: own way: the key in ``clouds.<name>``, and where it stands otherwise.
OWN = {
    "region": ("region",),
    "account": ("account",),
    "zone": ("domain", "zone"),
    "admins": ("cluster", "admins"),
    "viewers": ("cluster", "viewers"),
}

ModelT = TypeVar("ModelT", bound=BaseModel)

#: Ports that every platform with a cluster uses, whatever its tools ask for.
_CLUSTER_PORTS = frozenset({Port.CLUSTER, Port.IDENTITY, Port.SECRETS})
#: Ports that a platform uses wherever they are offered, and those it uses then with a cluster.
_USED_IF_OFFERED = frozenset({Port.BUDGET})
_USED_WITH_CLUSTER = frozenset({Port.REGISTRY})


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
    #: Where the state of everything in the account is kept: where its first environment is.
    state_region: str | None = None

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

    def written_at(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Where the value at ``path`` was said: for this cloud alone, or for all."""
        for key, place in OWN.items():
            if path[: len(place)] == place and getattr(self.cloud_options, key) is not None:
                return ("clouds", self.settings.cloud, key, *path[len(place) :])
        return path

    def tools(self) -> Iterator[tuple[str, Tool, CapabilityOptions]]:
        """The capabilities that are on, in building order, with tool and options."""
        for capability, choice in self.choices.items():
            yield capability, registry.tool(capability, choice.tool), choice.options

    def ways(self) -> Iterator[Way]:
        """How the tools are provided on this cloud."""
        return (tool.way_on(self.cloud) for _, tool, _ in self.tools())

    @cached_property
    def needs(self) -> frozenset[Port]:
        """The ports that this platform uses."""
        asked = frozenset[Port]().union(*(way.needs for way in self.ways()))
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
        SpecError: With every problem of this environment, and of how environments are written.
    """
    layered = overlay.resolve(document, environment)
    _, misnamed = overlay.examined(document)
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
        raise SpecError(*problems.merge([*misnamed, *found]))
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
        state_region=_state_region(document, info, settings, asked=cloud is not None),
    )
    checks = [*combinations.of_settings(blueprint), *info.check(blueprint)]
    if not found:  # a tool whose options are wrong would be missed by the tools that need it
        checks += combinations.of_tools(blueprint)
    home = layered.data.get("cloud")
    for problem in checks:
        path = tuple(problem.path.split(".")) if problem.path else ()
        written = blueprint.written_at(path)
        fix = problem.fix
        if problem.code == "wrong-shape" and written == path and info.name != home:
            fix = _elsewhere(fix, path, info)
        found.append(_place(replace(problem, path=".".join(written), fix=fix), layered))
    if misnamed or found:
        raise SpecError(*problems.merge([*misnamed, *found]))
    return blueprint


def _state_region(
    document: Document, info: CloudInfo, settings: Settings, *, asked: bool
) -> str | None:
    """The region of the first environment in the account, whichever environment asks.

    Others are read as they stand, since their mistakes are told elsewhere.  ``asked`` says that the
    question is what all of them would be on this cloud.
    """
    names, _ = overlay.examined(document)
    for name in names if settings.account else ():
        data = overlay.resolve(document, name).data
        if not asked and data.get("cloud") != info.name:
            continue
        blocks = data.get("clouds")
        block = blocks.get(info.name) if isinstance(blocks, dict) else None
        own = {key: block.get(key) for key in OWN} if isinstance(block, dict) else {}
        place = _moved(data, info, CloudOptions.model_construct(**own))
        if place["account"] == settings.account and place["region"]:
            return str(place["region"])
    return settings.region


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
    names, misnamed = overlay.examined(document)
    found = [*found, *misnamed, *_empty_blocks(document)]
    for environment in names:
        try:
            blueprints[environment] = resolve(document, environment, cloud=cloud)
        except SpecError as error:
            found.extend(error.problems)
    if found:
        raise SpecError(*problems.merge(found))
    return blueprints


def advise(path: Path, blueprints: Mapping[str, Blueprint]) -> list[Problem]:
    """What is possible in a spec file and probably not meant; ``blueprints`` by environment."""
    told = {name: list(combinations.advice(each)) for name, each in blueprints.items()}
    if not any(told.values()):
        return []  # so the file need not be read once more, to say where
    document = load(path)
    found: list[Problem] = []
    for name, advice in told.items():
        layered = overlay.resolve(document, name)
        found += [_place(problem, layered) for problem in advice]
    return problems.merge(found)


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
            path = f"{capability}.tool"
            problem = unknown(f"{capability} tool", str(name), allowed, path=path)
            found.append(_place(problem, layered))
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
            problem = unknown("cloud", name, registry.cloud_names(), path=f"clouds.{name}")
            where = layered.locate(("clouds", name), key=True)
            found.append(replace(problem, location=where))
            continue
        info = registry.cloud(name)
        if not isinstance(block, dict):
            continue  # the spec's own model says so
        options = _validate(info.options, block, layered, ("clouds", name), found)
        if options is not None:
            blocks[name] = options
    return blocks


def _moved(data: Mapping[str, Any], info: CloudInfo, options: CloudOptions) -> dict[str, Any]:
    """The data as it is on a cloud: with that cloud's region, account and other spellings.

    On another cloud than the spec's own, an account means nothing, and a region that is not named
    is the one nearest to where the spec's is. This machine has neither.
    """
    region, account = data.get("region"), data.get("account")
    home = data.get("cloud")
    if info.here:
        region = account = None
    elif home != info.name:
        account = None
        known = registry.cloud(home).regions if home in registry.cloud_names() else {}
        region = info.region_like(known.get(str(region)))
    moved = {**data, "cloud": info.name, "region": region, "account": account}
    for key, (*parents, name) in OWN.items():
        value = getattr(options, key)
        if value is None or (key == "zone" and not data.get("domain")):
            continue  # a zone without a domain is refused later
        inside = moved
        for parent in parents:
            below = inside.get(parent) or {}
            if not isinstance(below, dict):
                break  # the spec's own model says so
            inside[parent] = inside = {**below}
        else:
            inside[name] = value
    return moved


def _elsewhere(fix: str | None, path: tuple[str, ...], info: CloudInfo) -> str | None:
    """The fix for a value that is right where the spec is, and wrong where it is asked about."""
    for key, place in OWN.items():
        if path[: len(place)] == place:
            hint = f"In `clouds.{info.name}.{key}` it holds on {info.title} alone."
            return f"{fix} {hint}" if fix else hint
    return fix


def _cloud(name: str, layered: overlay.Layered, found: list[Problem]) -> CloudInfo | None:
    allowed = registry.cloud_names()
    if name in allowed:
        return registry.cloud(name)
    found.append(_place(unknown("cloud", name, allowed, path="cloud"), layered))
    return None


def _place(problem: Problem, layered: overlay.Layered) -> Problem:
    """Adds the location of the problem's path, and the environment."""
    location = layered.locate(layered.path(problem.path or ""))
    return replace(problem, location=location, environment=layered.environment)
