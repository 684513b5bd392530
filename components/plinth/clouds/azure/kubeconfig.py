"""How clients of the cluster sign in: with an Entra token, and nothing that is kept."""

from __future__ import annotations

import base64
import json
from typing import Final

import yaml

#: Application of every AKS API server in Entra (kubelogin documentation, "Known server ID").
_SERVER: Final = "6dae42f8-4368-4678-94ff-3960e28e3630"


def kubeconfig(name: str, host: str, given: str, tenant: str) -> str:
    """A kubeconfig without any credential: kubelogin makes a token when asked.

    Args:
        name: Name of the cluster.
        host: Its address.
        given: What Azure gives its users, in base64, of which the certificate authority is kept:
            the address in it may be one that only the cluster's own zone resolves.
        tenant: Entra tenant.
    """
    found = yaml.safe_load(base64.b64decode(given))["clusters"][0]["cluster"]
    authority = "certificate-authority-data"
    access = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubelogin",
        "args": [
            "get-token",
            "--login",
            "azurecli",
            "--server-id",
            _SERVER,
            "--tenant-id",
            tenant,
            "--environment",
            "AzurePublicCloud",
        ],
        "interactiveMode": "Never",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": f"https://{host}:443", authority: found[authority]},
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"exec": access}}],
        }
    )
