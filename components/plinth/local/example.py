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
    match type_token.rsplit(":", 1)[-1]:
        case "Folder":
            return {"path": f"{_ROOT}/data/{name}"}
        case "Port":
            return {"number": inputs["wanted"]}
        case "Password":
            return {"value": "made-at-first-up"}
        case "Packages":
            return {"folder": f"/cache/plinth/environments/{inputs['lock']}-{inputs['digest']}"}
        case "Service":
            return {"running": True, "log": f"{_ROOT}/logs/{name}.log"}
        case _:
            return {}
