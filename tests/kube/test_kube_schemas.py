"""Every object of Kubernetes' own kinds fits its schema; definitions fit the pinned charts.

Needs no cluster; what a real one makes of them is in ``test_kube_objects.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import kubernetes_validate
import kubernetes_validate.utils
import pytest
from crds import SOURCES, Source
from kube_objects import CASES, is_custom, objects

from example import Example
from plinth import versions
from plinth.planning import Plan


@pytest.fixture(autouse=True, scope="module")
def schemas_read_once() -> Iterator[None]:
    """The validator reads megabytes of schemas for each object."""
    utils = kubernetes_validate.utils
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


@pytest.mark.parametrize("example", CASES, ids=str)
def test_manifests_fit_kubernetes_own_schemas(
    example: Example, plan: Callable[[Example], Plan]
) -> None:
    made = plan(example)
    own = [manifest for manifest in objects(made) if not is_custom(manifest)]
    for manifest in own:
        kubernetes_validate.validate(manifest, made.blueprint.pins.kubernetes, strict=True)
    assert {manifest["kind"] for manifest in own} >= {
        *("ConfigMap", "CronJob", "Deployment", "HorizontalPodAutoscaler", "Job", "Namespace"),
        *("NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"),
    }


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.chart)
def test_definitions_are_those_of_the_pinned_charts(source: Source) -> None:
    """When a pin moves, the version in ``crds.py`` moves with it."""
    pinned = versions.defaults().charts[source.chart].version
    assert pinned == source.pinned, f"find the version of {source.module} that {pinned} installs"
    if source.in_step:
        assert pinned == source.version
