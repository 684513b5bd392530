"""Says where each value of a resolved environment comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from plinth import blueprint as blueprints
from plinth import registry, versions
from plinth.blueprint import Blueprint
from plinth.errors import Location, UsageError, unknown
from plinth.spec import overlay, shape
from plinth.spec.document import Document
from plinth.spec.models import Versions
from plinth.spec.nodes import Path
from plinth.spec.overlay import Layered
from plinth.spec.types import Derived
from plinth.versions import Pins

#: ``spec`` and ``overlay``: written there. ``default``: the model's. ``derived``: follows from
#: another value. ``pin``: Plinth's version, or the one recorded for the environment.
#: ``option``: asked for on the command line.
Source = Literal["spec", "overlay", "default", "derived", "pin", "option"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One value of a resolved environment.

    Attributes:
        path: Dotted path in the spec.
        value: The value in force, as plain data.
        source: Where it comes from.
        reason: What it follows from, when it is derived.
        location: Where it is written, when it is.
        description: What the value is for.
        default: What it would be if it were not written; None also when there is no default.
        allowed: The values that could be written, when they can be listed.
    """

    path: str
    value: Any
    source: Source
    reason: str | None = None
    location: Location | None = None
    description: str | None = None
    default: Any = None
    allowed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON data."""
        return asdict(self)


def explain(
    document: Document,
    environment: str,
    path: str | None = None,
    *,
    cloud: str | None = None,
    recorded: Mapping[str, Any] | None = None,
) -> tuple[Explanation, ...]:
    """Explains the value at ``path``, or every value at or below it, in the spec's own order.

    Args:
        document: The loaded spec.
        environment: Which of its environments.
        path: Dotted path; None for the whole environment. Lists are explained as one value.
        cloud: As in :func:`plinth.blueprint.resolve`.
        recorded: As in :func:`plinth.blueprint.resolve`.

    Raises:
        SpecError: The environment cannot be resolved.
        UsageError: There is nothing at ``path``.
    """
    blueprint = blueprints.resolve(document, environment, cloud=cloud, recorded=recorded)
    layered = overlay.resolve(document, environment)
    everything = tuple(_Explainer(blueprint, layered, cloud, recorded).all())
    if path is None:
        return everything
    found = tuple(
        item for item in everything if item.path == path or item.path.startswith(f"{path}.")
    )
    if not found:
        raise _unknown(path, everything)
    return found


def _unknown(path: str, everything: tuple[Explanation, ...]) -> UsageError:
    known: dict[str, None] = {}
    for item in everything:
        parts = item.path.split(".")
        known |= dict.fromkeys(".".join(parts[: end + 1]) for end in range(len(parts)))
    problem = unknown(
        "path",
        path,
        known,
        message=f"there is no value '{path}' in this environment",
        otherwise="Leave the path out to see every value.",
        path=path,
    )
    parent = path.rpartition(".")[0]
    beside = tuple(key for key in known if key.rpartition(".")[0] == parent)
    return UsageError(replace(problem, allowed=beside))


class _Explainer:
    """Walks a blueprint beside the layers it was made from.

    On the way ``derived`` is the default that follows from ``durable`` for the value at hand, or
    None where the default is the model's own.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        layered: Layered,
        cloud: str | None,
        recorded: Mapping[str, Any] | None,
    ) -> None:
        self.blueprint = blueprint
        self.layered = layered
        self.cloud = cloud
        self.pins = versions.defaults().update(recorded)

    def all(self) -> Iterator[Explanation]:
        """Every value, with capabilities in place of their raw blocks."""
        settings = self.blueprint.settings
        for name, field in type(settings).model_fields.items():
            choice = self.blueprint.choices.get(name)
            if choice:
                yield self._tool(name, choice.tool)
                yield from self._model(choice.options, (name,), None)
            elif name == "versions":
                yield from self._versions()
            elif name == "cloud":
                yield self._cloud(field)
            elif name == "clouds":
                yield from self._model(
                    self.blueprint.cloud_options, (name, self.blueprint.settings.cloud), None
                )
            elif name in ("region", "account"):
                yield self._place(name, field)
            else:
                yield from self._value(getattr(settings, name), (name,), field, None)

    def _model(self, model: BaseModel, path: Path, derived: Any) -> Iterator[Explanation]:
        for name, field in type(model).model_fields.items():
            follows = getattr(derived, name, None)
            yield from self._value(getattr(model, name), (*path, name), field, follows)

    def _value(
        self, value: Any, path: Path, field: FieldInfo, derived: Any
    ) -> Iterator[Explanation]:
        for mark in field.metadata:
            if isinstance(mark, Derived):
                derived = mark.durable if self.blueprint.settings.durable else mark.otherwise
        if isinstance(value, BaseModel):
            yield from self._model(value, path, derived)
        elif isinstance(value, dict) and value:
            for key, item in value.items():
                if isinstance(item, BaseModel):
                    yield from self._model(item, (*path, key), derived)
                else:
                    yield replace(self._leaf(item, (*path, key), field, derived), default=None)
        else:
            yield self._leaf(value, path, field, derived)

    def _leaf(self, value: Any, path: Path, field: FieldInfo, derived: Any) -> Explanation:
        found = Explanation(
            path=".".join(map(str, path)),
            value=_plain(value),
            source="default",
            description=field.description,
            default=_plain(derived) if derived is not None else _default(field),
            allowed=tuple(map(shape.inline, shape.values(field.annotation))),
        )
        written = self.blueprint.written_at(tuple(map(str, path)))
        if self._is_written(written):
            origin = self.layered.origin(written)
            return replace(found, source=origin.layer, location=origin.location)
        if derived is not None:
            durable = str(self.blueprint.settings.durable).lower()
            return replace(found, source="derived", reason=f"durable is {durable}")
        return found

    def _cloud(self, field: FieldInfo) -> Explanation:
        found = self._leaf(self.blueprint.settings.cloud, ("cloud",), field, None)
        found = replace(found, allowed=registry.cloud_names())
        return replace(found, source="option", location=None) if self.cloud else found

    def _place(self, name: str, field: FieldInfo) -> Explanation:
        """Region or account, which the cloud's own settings or another cloud may decide."""
        found = self._leaf(getattr(self.blueprint.settings, name), (name,), field, None)
        own = self.blueprint.written_at((name,))
        if own != (name,):
            origin = self.layered.origin(own)
            return replace(found, source=origin.layer, location=origin.location)
        home = self.layered.data.get("cloud")
        if self.cloud and self.cloud != home:
            reason = f"the nearest to {self.layered.data.get(name)} on {home}"
            if found.value is None:
                reason = f"the {name} named in the spec is one of {home}"
            return replace(found, source="derived", reason=reason, location=None)
        if found.value is None and self.layered.data.get(name) is not None:
            reason = f"{self.blueprint.cloud.title} has no {name}"
            return replace(found, source="derived", reason=reason, location=None)
        return found

    def _tool(self, capability: str, tool: str) -> Explanation:
        usual = registry.default_tool(capability, self.blueprint.settings.cloud)
        title = self.blueprint.cloud.title
        field = FieldInfo(annotation=str, default=usual, description=f"What provides {capability}.")
        found = self._leaf(tool, (capability, "tool"), field, None)
        found = replace(found, allowed=registry.tool_names(capability))
        if found.source == "default":
            return replace(found, source="derived", reason=f"the usual tool on {title}")
        return found

    def _versions(self) -> Iterator[Explanation]:
        """Versions in force; what the spec does not hold comes from the pins."""
        usual = _version_table(self.pins)
        in_force = _version_table(self.blueprint.pins)
        for name, field in Versions.model_fields.items():
            for found in self._value(in_force[name], ("versions", name), field, None):
                key = found.path.removeprefix(f"versions.{name}").removeprefix(".")
                default = usual[name].get(key) if key else usual[name]
                source: Source = "pin" if found.source == "default" else found.source
                yield replace(found, default=default, source=source)

    def _is_written(self, path: Path) -> bool:
        value: Any = self.layered.data
        for part in path:
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return value is not None


def _version_table(pins: Pins) -> dict[str, Any]:
    charts = {name: chart.version for name, chart in pins.charts.items()}
    return {**pins.model_dump(), "charts": charts}


def _plain(value: Any) -> Any:
    """A value of a model as JSON data."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return None
    return _plain(field.get_default(call_default_factory=True, validated_data={}))
