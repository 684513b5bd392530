from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toycloud
import yaml

from plinth.engine import install
from plinth.engine.locate import Engine, locate
from plinth.engine.settings import Settings
from plinth.errors import EngineError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real CLI: found, or installed for these tests. Missing is a failure, never a skip."""
    try:
        return locate()
    except EngineError:
        return install.install(lambda _text, _share: None)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, on a machine where nobody is logged in to any backend."""
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE",
                 "PULUMI_CONFIG_PASSPHRASE_FILE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    (folder / "stacks").mkdir(parents=True)
    project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text(encoding="utf-8"))
    project["runtime"]["options"]["virtualenv"] = str(REPOSITORY / ".venv")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    return folder


@pytest.fixture
def settings(root: Path) -> Settings:
    return Settings(root=root, environment="dev")


@pytest.fixture
def cloud() -> Iterator[toycloud.ToyCloud]:
    served = toycloud.ToyCloud()
    yield served
    served.stop()
