"""What the rules compare against: plain values, taken from an environment's settings.

The same record travels to the engine as policy configuration, so every field is a string or a
tuple of strings and has a JSON Schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from plinth.errors import Problem, UsageError

if TYPE_CHECKING:
    from plinth.spec.models import Settings

_KEYS: Final = ("platform", "environment", "owner", "cost-center", "capability", "managed-by")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Values that differ from one environment to the next.

    An empty string switches off the comparison with that value; that the tag is there and well
    formed is still asked for.

    Attributes:
        platform: Name that the ``platform`` tag must have.
        environment: Name that the ``environment`` tag must have.
        owner: Address that the ``owner`` tag must have.
        cost_center: Value that the ``cost-center`` tag must have.
        cost_center_pattern: Regular expression that a cost centre must match as a whole.
        required_tags: Tag keys that every taggable cloud resource must carry.
        required_labels: Label keys that every namespace and workload must carry.
        allowed_public_cidrs: Public address ranges that may connect. A range that is the whole
            internet is never allowed, listed or not.
        public_services: Names (globs) of load balancers that may face the internet.
    """

    platform: str = ""
    environment: str = ""
    owner: str = ""
    cost_center: str = ""
    cost_center_pattern: str = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
    required_tags: tuple[str, ...] = _KEYS
    required_labels: tuple[str, ...] = _KEYS
    allowed_public_cidrs: tuple[str, ...] = ()
    public_services: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings, environment: str) -> Parameters:
        """Takes the values from the resolved settings of one environment."""
        domain = settings.domain
        public = domain is not None and domain.exposure == "public"
        visitors = domain.allow if domain is not None and public else ()
        return cls(
            platform=settings.name,
            environment=environment,
            owner=settings.owner,
            cost_center=settings.cost.center,
            allowed_public_cidrs=(*settings.cluster.public_access, *visitors),
            public_services=("gateway-*",) if public else (),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parameters:
        """Reads plain JSON data; keys left out keep their defaults.

        Raises:
            UsageError: A key is not a parameter, or a value has the wrong type.
        """
        kinds = {name: type(default) for name, default in asdict(cls()).items()}
        problems = [
            Problem(
                code="policy-parameter",
                message=f"{key!r} is not a policy parameter with a value of that type",
                allowed=tuple(kinds),
            )
            for key, value in data.items()
            if key not in kinds or not _fits(value, kinds[key])
        ]
        if problems:
            raise UsageError(*problems)
        return cls(**{key: kinds[key](value) for key, value in data.items()})

    def to_json(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """The values (of ``names`` alone, when given) as plain JSON data."""
        record = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return record if names is None else {name: record[name] for name in names}

    @classmethod
    def schema(cls, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """JSON Schemas of the named parameters."""
        text: dict[str, Any] = {"type": "string"}
        texts = {"type": "array", "items": text}
        return {
            name: {**(texts if isinstance(default, list) else text), "default": default}
            for name, default in cls().to_json(names).items()
        }


def _fits(value: object, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str)
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
