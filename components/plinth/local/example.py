"""What plans show for resources of this machine: as they will look, made without making anything.

Free of gRPC and Pulumi, and of what only the extra ``local`` brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PACKAGE: Final = "plinth-local"
#: Where an environment is, in a plan.
_ROOT: Final = "/project/.plinth/local/environment"


def example(type_token: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The computed properties of a resource."""
    found: Mapping[str, Any] = {}
    match type_token.rsplit(":", 1)[-1]:
        case "Environment":
            return {"path": _ROOT}
        case "Folder":
            found = {"path": f"{_ROOT}/data/{name}"}
        case "Port":
            found = {"number": inputs["wanted"]}
        case "Password":
            found = {"value": "made-at-first-up"}
        case "Packages":
            found = {"folder": f"/cache/plinth/environments/{inputs['lock']}-{inputs['digest']}"}
        case "Executable":
            found = {"path": f"/usr/bin/{name}", "missing": ""}
        case "Service":
            found = {"running": True, "skipped": "", "log": f"{_ROOT}/logs/{name}.log"}
    return found
