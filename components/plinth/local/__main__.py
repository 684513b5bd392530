"""``pulumi-resource-plinth-local``: serves this machine to an engine, as its plugin."""

from __future__ import annotations

from pathlib import Path

from plinth.local.provider import Provider
from plinth.plugin.server import serve, serve_as_plugin


def main() -> None:
    """Serves; arguments, which are the engine's address, tell nothing that is needed."""
    serve_as_plugin(*serve(Provider(Path.cwd())))


if __name__ == "__main__":
    main()
