"""A Kubernetes cluster to test against, if one is named.

``PLINTH_TEST_KUBECONFIG`` is a kubeconfig, and ``PLINTH_TEST_KUBE_CONTEXT`` the one of its contexts
that may be used; without the latter it must be the only one. ``PLINTH_TEST_KUBE_CRDS`` is a folder
of custom resource definitions (see ``crds.py``) to have for as long as the tests last; without it,
custom resources are checked as far as the cluster knows their kinds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kube_api import Api


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    path = os.environ.get("PLINTH_TEST_KUBECONFIG")
    if not path:
        pytest.skip("PLINTH_TEST_KUBECONFIG names no cluster")
    with Api(Path(path), os.environ.get("PLINTH_TEST_KUBE_CONTEXT")) as found:
        folder = os.environ.get("PLINTH_TEST_KUBE_CRDS")
        if folder:
            files = sorted(Path(folder).glob("*.yaml"))
            found.define([yaml.safe_load(file.read_text(encoding="utf-8")) for file in files])
        yield found
