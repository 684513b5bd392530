"""Pulumi's protocol messages and services without the rest of its SDK.

``import pulumi.runtime.proto`` runs ``import pulumi``, which takes half a second of processor time:
ten times what the messages need.  Language host and policy pack start with each operation and use
nothing else of the SDK, so they take the same generated modules from here.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        analyzer_pb2,
        analyzer_pb2_grpc,
        language_pb2,
        plugin_pb2,
        provider_pb2,
    )

__all__ = ["analyzer_pb2", "analyzer_pb2_grpc", "language_pb2", "plugin_pb2", "provider_pb2"]

_sdk = find_spec("pulumi")
if _sdk is None or _sdk.origin is None:
    raise ModuleNotFoundError("No module named 'pulumi'", name="pulumi")

#: A module with a path is a package: what is imported from here is looked for there.
__path__ = [str(Path(_sdk.origin).parent / "runtime" / "proto")]
