"""What the rules compare against: plain values, taken from an environment's settings.

The same record travels to the engine as policy configuration, so every field is a string, a number,
a switch or a tuple of strings, and has a JSON Schema.
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

    An empty string or list, or zero, switches off the comparison with that value; that a tag is
    there and well formed is still asked for.

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
        privileged_namespaces: Namespaces whose pods watch over machines and so need more than any
            profile allows, as the node exporter does.
        allowed_regions: Regions in which data may be kept.
        allowed_registries: Registries, or paths in them, that images may come from.
        machine_families: Globs of the machine types that nodes may have.
        max_nodes: How many nodes one pool may grow to.
        monthly_budget: What the environment may cost a month.
        log_retention_days: How long logs are kept at least.
        backup_retention_days: How long backups are kept at least.
        durable: Whether what holds data must be guarded: deletion protection, standby copies.
        backups: Whether there must be backups.
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
    privileged_namespaces: tuple[str, ...] = ("monitoring",)
    allowed_regions: tuple[str, ...] = ()
    allowed_registries: tuple[str, ...] = ()
    machine_families: tuple[str, ...] = ()
    max_nodes: int = 0
    monthly_budget: float = 0.0
    log_retention_days: int = 0
    backup_retention_days: int = 0
    durable: bool = False
    backups: bool = False

    @classmethod
    def from_settings(cls, settings: Settings, environment: str) -> Parameters:
        """Takes the values from the resolved settings of one environment."""
        domain = settings.domain
        public = domain is not None and domain.exposure == "public"
        visitors = domain.allow if domain is not None and public else ()
        limits = settings.compliance.limits
        regions = (settings.region,) if settings.region else ()
        return cls(
            platform=settings.name,
            environment=environment,
            owner=settings.owner,
            cost_center=settings.cost.center,
            cost_center_pattern=limits.cost_center_pattern or cls.cost_center_pattern,
            required_tags=(*_KEYS, *(key for key in limits.required_tags if key not in _KEYS)),
            allowed_public_cidrs=(*settings.cluster.public_access, *visitors),
            public_services=("gateway-*",) if public else (),
            allowed_regions=limits.allowed_regions or regions,
            allowed_registries=limits.allowed_registries,
            machine_families=limits.machine_families,
            max_nodes=limits.max_nodes,
            monthly_budget=settings.cost.monthly_budget,
            log_retention_days=limits.log_retention_days,
            backup_retention_days=limits.backup_retention_days,
            durable=settings.durable,
            backups=bool(settings.backups.enabled),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parameters:
        """Reads plain JSON data; keys left out keep their defaults.

        Raises:
            UsageError: A key is not a parameter, or a value has the wrong type.
        """
        defaults = asdict(cls())
        problems = [
            Problem(
                code="policy-parameter",
                message=f"{key!r} is not a policy parameter with a value of that type",
                allowed=tuple(defaults),
            )
            for key, value in data.items()
            if key not in defaults or not _fits(value, type(defaults[key]))
        ]
        if problems:
            raise UsageError(*problems)
        return cls(**{key: type(defaults[key])(value) for key, value in data.items()})

    def to_json(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """The values (of ``names`` alone, when given) as plain JSON data."""
        record = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return record if names is None else {name: record[name] for name in names}

    @classmethod
    def schema(cls, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """JSON Schemas of the named parameters."""
        return {
            name: {**_SCHEMAS[type(default)], "default": default}
            for name, default in cls().to_json(names).items()
        }


_SCHEMAS: Final[dict[type, dict[str, Any]]] = {
    str: {"type": "string"},
    list: {"type": "array", "items": {"type": "string"}},
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": 0},
    float: {"type": "number", "minimum": 0},
}


def _fits(value: object, kind: type) -> bool:
    if kind is tuple:
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if kind in (int, float):
        # The engine hands every number over as one with a fraction.
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return kind is float or float(value).is_integer()
    return isinstance(value, kind)
