"""A new account's state moves from local files into its bucket, under its key; moto plays AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_account_state import BUCKET, KEY, Account, account
from toycloud import Box, ToyCloud

from accounts_support import order
from plinth.accounts import AccountNames
from plinth.bootstrap import landing as module
from plinth.bootstrap.landing import Landing
from plinth.bootstrap.order import Order
from plinth.engine.locate import Engine

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]
__all__ = ["account"]


def names(self: Order) -> AccountNames:
    from dataclasses import replace

    from plinth.accounts import account_of

    found = account_of(self.cloud, self.account, self.region, self.platform)
    # Buckets as parts of host names would need a name service of the test's own.
    return replace(found, backend_url=f"{found.backend_url}&s3ForcePathStyle=true")


def test_the_state_moves_into_the_bucket_and_its_secrets_under_the_key(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    account: Account,
    cloud: ToyCloud,
    engine: Engine,
) -> None:
    def build(_order: Order, _limits: object = None) -> Any:
        import pulumi

        def program() -> None:
            Box("one", size=1, kind="a", label=pulumi.Output.secret("hunter2"))

        return program

    monkeypatch.setattr(module, "build", build)
    monkeypatch.setattr(Order, "names", property(names))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)

    made = Landing(order("aws"), tmp_path)
    made.up()
    assert made.moved
    assert (made.folder / ".plinth" / "state").is_dir()  # the local copy stays
    texts = account.texts()
    stack = f".pulumi/stacks/plinth-bootstrap/{made.order.stack}.json"
    checkpoint = json.loads(texts[stack])["checkpoint"]["latest"]
    assert checkpoint["secrets_providers"]["state"]["url"] == KEY
    assert "hunter2" not in "".join(texts.values())
    assert not [name for name in texts if "/locks/" in name]
    assert len(cloud.boxes) == 1

    # Nothing local is left: the passphrase, the mark, the first state.
    for path in sorted((made.folder / ".plinth").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (made.folder / "moved.json").unlink()
    again = Landing(order("aws"), tmp_path)
    assert again.preview().changed == ()
    again.up()
    assert again.moved
    assert len(cloud.boxes) == 1
    assert BUCKET in made.order.names.backend_url
