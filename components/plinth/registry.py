"""THE table: which clouds there are, which tools provide which capability, and the defaults.

A target is a lazy ``module:object``; nothing is imported until it is asked for.  Packages outside
Plinth join through the entry-point groups ``plinth.clouds`` (name = cloud) and ``plinth.tools``
(name = ``capability.tool``).  Schema, completion, docs tables and the support matrix are made from
this table.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from plinth.errors import UsageError, unknown
from plinth.spec.models import CAPABILITIES

if TYPE_CHECKING:
    from plinth.bootstrap.base import Preparation
    from plinth.clouds import CloudInfo
    from plinth.tools import Tool

_CLOUDS = {
    "aws": "plinth.clouds.aws:CLOUD",
    "azure": "plinth.clouds.azure:CLOUD",
    "kubernetes": "plinth.clouds.kubernetes:CLOUD",
    "gcp": "plinth.clouds.gcp:CLOUD",
    "local": "plinth.clouds.local:CLOUD",
}

_TOOLS = {
    ("artifacts", "buckets"): "plinth.tools.artifacts.buckets:TOOL",
    ("monitoring", "prometheus"): "plinth.tools.monitoring.prometheus:TOOL",
    ("tracking", "mlflow"): "plinth.tools.tracking.mlflow:TOOL",
    ("orchestration", "airflow"): "plinth.tools.orchestration.airflow:TOOL",
    ("features", "feast"): "plinth.tools.features.feast:TOOL",
    ("serving", "kserve"): "plinth.tools.serving.kserve:TOOL",
}

#: Cloud -> how an account is prepared there.
_BOOTSTRAPS = {
    "aws": "plinth.bootstrap.aws:ACCOUNT",
    "azure": "plinth.bootstrap.azure:ACCOUNT",
    "gcp": "plinth.bootstrap.gcp:ACCOUNT",
}

#: The tool that a capability gets when the spec names none; a cloud may prefer another one.
_DEFAULTS = {
    "artifacts": "buckets",
    "monitoring": "prometheus",
    "tracking": "mlflow",
    "orchestration": "airflow",
    "features": "feast",
    "serving": "kserve",
}


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def _clouds() -> dict[str, str]:
    joined = {point.name: point.value for point in entry_points(group="plinth.clouds")}
    return {**joined, **_CLOUDS}


@cache
def _tools() -> dict[tuple[str, str], str]:
    joined: dict[tuple[str, str], str] = {}
    for point in entry_points(group="plinth.tools"):
        capability, _, tool = point.name.partition(".")
        joined[capability, tool] = point.value
    return {**joined, **_TOOLS}


def cloud_names() -> tuple[str, ...]:
    """All clouds, sorted."""
    return tuple(sorted(_clouds()))


@cache
def cloud(name: str) -> CloudInfo:
    """The facts about one cloud; does not load its SDK. Raises KeyError for an unknown name."""
    info: CloudInfo = _load(_clouds()[name])
    return info


def bootstrap_names() -> tuple[str, ...]:
    """The clouds on which an account can be prepared, sorted."""
    return tuple(sorted(_BOOTSTRAPS))


def bootstrap(cloud_name: str) -> Preparation:
    """How accounts are prepared; loads the cloud's SDK. Raises KeyError for an unknown name."""
    found: Preparation = cloud(cloud_name).load(_BOOTSTRAPS[cloud_name])
    return found


def known_cloud(name: str) -> CloudInfo:
    """The facts about a cloud that a person named.

    Raises:
        UsageError: There is no such cloud.
    """
    allowed = cloud_names()
    if name in allowed:
        return cloud(name)
    raise UsageError(unknown("cloud", name, allowed))


def tool_names(capability: str) -> tuple[str, ...]:
    """All tools of one capability, sorted."""
    return tuple(sorted(tool for kind, tool in _tools() if kind == capability))


@cache
def tool(capability: str, name: str) -> Tool:
    """One tool; does not load Pulumi. Raises KeyError for an unknown name."""
    found: Tool = _load(_tools()[capability, name])
    return found


def default_tool(capability: str, cloud_name: str) -> str:
    """The tool that provides ``capability`` on a cloud when the spec names none."""
    return cloud(cloud_name).default_tools.get(capability, _DEFAULTS[capability])


def all_tools() -> tuple[tuple[str, str], ...]:
    """Every (capability, tool) pair, by capability in building order."""
    return tuple(
        (capability, name) for capability in CAPABILITIES for name in tool_names(capability)
    )
