"""The packages that the rehearsal can be. A new one is one module and one line here."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Final

from plinth.errors import Problem, UsageError
from plinth.rehearsal.packages.base import Package

_PACKAGES: Final = {
    "aws": "plinth.rehearsal.packages.aws.package:Aws",
    "gcp": "plinth.rehearsal.packages.gcp.package:Gcp",
    "azure-native": "plinth.rehearsal.packages.azure.package:Azure",
    "kubernetes": "plinth.rehearsal.packages.kubernetes:Kubernetes",
    "random": "plinth.rehearsal.packages.random:Random",
}
NAMES: Final = tuple(_PACKAGES)


@cache
def find(name: str) -> Package:
    """The package of a name.

    Raises:
        UsageError: There is none.
    """
    if name not in _PACKAGES:
        raise UsageError(
            Problem(code="unknown-package", message=f"no rehearsal of {name} exists", allowed=NAMES)
        )
    module, _, attribute = _PACKAGES[name].partition(":")
    package: Package = getattr(importlib.import_module(module), attribute)()
    return package
