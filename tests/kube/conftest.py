"""A Kubernetes cluster to test against, if one is named.

``PLINTH_TEST_KUBECONFIG`` is a kubeconfig, and ``PLINTH_TEST_KUBE_CONTEXT`` the one of its contexts
that may be used; without the latter it must be the only one. ``PLINTH_TEST_KUBE_CRDS`` is a folder
of custom resource definitions (see ``crds.py``) to have for as long as the tests last; without it,
custom resources are checked as far as the cluster knows their kinds.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from kube_api import Api


@pytest.fixture(scope="session")
def connect() -> Callable[..., Api]:
    """Connects to the cluster: takes what :class:`Api` does, but for the cluster's own."""
    path = os.environ.get("PLINTH_TEST_KUBECONFIG")
    if not path:
        pytest.skip("PLINTH_TEST_KUBECONFIG names no cluster")
    return partial(Api, Path(path), os.environ.get("PLINTH_TEST_KUBE_CONTEXT"))


@pytest.fixture(scope="session")
def api(connect: Callable[..., Api]) -> Iterator[Api]:
    folder = os.environ.get("PLINTH_TEST_KUBE_CRDS")
    files = sorted(Path(folder).glob("*.json")) if folder else []
    definitions = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    # Whoever ends the tests, as `timeout` does, gets the cluster back as it was.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with connect(definitions) as found:
            yield found
    finally:
        signal.signal(signal.SIGTERM, before)
