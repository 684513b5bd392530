"""Good and bad cases of the rules on container images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cases_pods import CHART, PREDICTOR
from policy_support import Inputs, Table, nested, resource

from plinth.graph import UNKNOWN, Resource
from plinth_policies.pods.templates import PODS

OWN = "registry.example.com/ml/mlflow"
FOREIGN = "docker.example.org/anyone/mlflow"
DIGEST = f"sha256:{'0' * 64}"

#: Type of a cloud -> where it names an image.
CLOUDS = {
    "aws:lambda/function:Function": "imageUri",
    "aws:sagemaker/model:Model": "primaryContainer.image",
    "azure-native:app:ContainerApp": "template.containers.image",
    "azure-native:app:Job": "template.containers.image",
    "azure-native:containerinstance:ContainerGroup": "containers.image",
    "gcp:cloudrunv2/job:Job": "template.template.containers.image",
    "gcp:cloudrunv2/service:Service": "template.containers.image",
}


def _everywhere(image: Any) -> list[list[Resource]]:
    """One image in every place that takes a whole reference."""
    pods = [
        [resource(token, nested({path: {"containers": [{"name": "server", "image": image}]}}))]
        for token, path in PODS.items()
    ]
    before = {"containers": [{"image": f"{OWN}:v1@{DIGEST}"}], "initContainers": [{"image": image}]}
    clouds = []
    for token, path in CLOUDS.items():
        inputs = nested({path: image})
        if "containers" in path:
            holder, _, _ = path.rpartition(".containers.image")
            block: Any = [{"image": image}]
            inputs = nested({f"{holder}.containers" if holder else "containers": block})
        clouds.append([resource(token, inputs)])
    model = {"predictor": {"model": {"image": image}}}
    return [
        *pods,
        [resource("kubernetes:batch/v1:Job", nested({"spec.template.spec": before}))],
        *clouds,
        [resource("aws:sagemaker/model:Model", {"containers": [{"image": image}]})],
        [resource(PREDICTOR, {"spec": model})],
        [resource("kubernetes:postgresql.cnpg.io/v1:Cluster", {"spec": {"imageName": image}})],
    ]


def _chart(values: Any) -> list[Resource]:
    return [resource(CHART, {"chart": "airflow", "values": values})]


def _table(
    good: list[str], bad: Mapping[str, str], good_values: list[Any], bad_values: list[Any]
) -> Table:
    unseen: list[tuple[Inputs | list[Resource], str]] = [
        ({}, "is not set"),
        (nested({"spec.template.spec.containers": [{"name": "server"}]}), "image is not set"),
        (_chart(UNKNOWN), "values is not known"),
        (_chart({"image": {"repository": UNKNOWN, "tag": "v1"}}), "repository is not known"),
        *((case, "is not known") for case in _everywhere(UNKNOWN)[: len(PODS) + 1 + len(CLOUDS)]),
    ]
    return Table(
        "kubernetes:apps/v1:Deployment",
        good=[
            *(case for image in good for case in _everywhere(image)),
            *map(_chart, good_values),
            [resource("aws:lambda/function:Function", {"handler": "main.handler"})],
        ],
        bad=[
            *unseen,
            *((case, text) for image, text in bad.items() for case in _everywhere(image)),
            *((_chart(values), text) for values, text in bad_values),
        ],
    )


TABLES = {
    "images-registry": _table(
        [f"{OWN}:v1", f"{OWN}@{DIGEST}", "quay.io/feastdev/feature-server:0.66.0"],
        {
            f"{FOREIGN}:v1": f"is {FOREIGN}, which no allowed registry holds",
            "postgres:17": "is docker.io/library/postgres",
            "apache/airflow:3.2.2": "is docker.io/apache/airflow",
            "registry.example.com/mlops/mlflow:v1": "no allowed registry holds",
            "localhost:5000/mlflow": "is localhost:5000/mlflow",
        },
        [
            {},
            {"image": {"tag": "v1"}},
            {"image": {"repository": OWN, "tag": "v1"}},
            {"image": {"registry": "registry.example.com/ml", "repository": "x"}},
            {"mlserver": {"image": OWN, "tag": "v1"}, "repository": "https://example.com/x.git"},
        ],
        [
            ({"image": {"repository": FOREIGN, "tag": "v1"}}, "values.image.repository is"),
            ({"image": {"registry": "quay.example", "repository": "x"}}, "is quay.example/x"),
            ({"images": {"gitSync": {"repository": "x/y", "tag": "v1"}}}, "is docker.io/x/y"),
            ({"list": [{"image": FOREIGN, "tag": "v1"}]}, "values.list.0.image is"),
            ({"defaultAirflowRepository": "apache/airflow"}, "docker.io/apache/airflow"),
        ],
    ),
    "images-tag": _table(
        [f"{OWN}:v1", f"{OWN}@{DIGEST}", f"{OWN}:latest@{DIGEST}"],
        {
            f"{OWN}:latest": "has the tag latest",
            OWN: "has no tag",
            "localhost:5000/x": "has no tag",
        },
        [{}, {"image": {"repository": OWN}}, {"image": {"tag": ""}}],
        [
            ({"image": {"tag": "latest"}}, "values.image.repository has the tag latest"),
            ({"defaultAirflowRepository": OWN, "defaultAirflowTag": "latest"}, "tag latest"),
        ],
    ),
    "images-digest": _table(
        [f"{OWN}@{DIGEST}", f"{OWN}:v1@{DIGEST}"],
        {f"{OWN}:v1": "has no digest"},
        [
            {},
            {"image": {"repository": OWN, "digest": DIGEST}},
            {"image": {"repository": OWN, "tag": f"v1@{DIGEST}"}},
            {"image": {"tag": "v1", "sha": "0" * 64}},
        ],
        [
            ({"image": {"repository": OWN, "tag": "v1"}}, "values.image.repository has no digest"),
            ({"image": {"tag": "v1"}}, "has no digest"),
        ],
    ),
}
