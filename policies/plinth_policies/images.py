"""Where container images come from, and whether a name always means the same one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import SUPPLY
from plinth_policies.model import REGISTRY, Scope, UnjudgeableError, kind_of
from plinth_policies.pods.charts import CUSTOM, RELEASE
from plinth_policies.pods.templates import COMPLETE, container_reads, containers_of, pod_with
from plinth_policies.values import known

#: Types of the clouds that run an image -> where they name it.
_CLOUDS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:lambda/function:Function": ("imageUri",),
    "aws:sagemaker/model:Model": ("primaryContainer.image", "containers.image"),
    "azure-native:app:ContainerApp": ("template.containers.image",),
    "azure-native:app:Job": ("template.containers.image",),
    "azure-native:containerinstance:ContainerGroup": ("containers.image",),
    "gcp:cloudrunv2/job:Job": ("template.template.containers.image",),
    "gcp:cloudrunv2/service:Service": ("template.containers.image",),
}
_JUDGES: Final = {**container_reads(COMPLETE, "image"), CUSTOM: ("values", "spec"), **_CLOUDS}
_CONTROLS: Final = (*SUPPLY, "cis-kubernetes/5.5.1")

#: Keys of a mapping that together name an image: what it is called and its tag.
_PAIRS: Final = (
    ("repository", "tag"),
    ("image", "tag"),
    ("imageName", "imageTag"),
    ("defaultAirflowRepository", "defaultAirflowTag"),
)
_DIGESTS: Final = ("digest", "sha")


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a resource says of one image.

    Attributes:
        where: Path of the property.
        name: Registry and repository; empty where the chart says it.
        tag: The tag; empty when there is none.
        digest: The digest; empty when there is none.
        whole: Whether what is not said here is not said at all; a chart has defaults.
    """

    where: str
    name: str
    tag: str
    digest: str
    whole: bool

    @classmethod
    def parse(cls, where: str, reference: str, *, whole: bool = True) -> Image:
        """Reads a reference such as ``ghcr.io/mlflow/mlflow:v3@sha256:…``."""
        rest, _, digest = reference.partition("@")
        name, _, tag = rest.rpartition(":")
        if not name or "/" in tag:  # the colon is the registry's port, or there is none
            name, tag = rest, ""
        return cls(where=where, name=name, tag=tag, digest=digest, whole=whole)

    @property
    def full_name(self) -> str:
        """The name with its registry, which is Docker Hub unless another is named."""
        registry, slash, _ = self.name.partition("/")
        if slash and (registry == "localhost" or "." in registry or ":" in registry):
            return self.name
        return f"docker.io/{self.name}" if slash else f"docker.io/library/{self.name}"


def images_of(resource: Resource) -> Iterator[Image]:
    """Every image that a resource names, as far as it does."""
    kind = kind_of(resource.type)
    if kind in COMPLETE:
        for where, container in containers_of(resource):
            reference = known(container.get("image"), f"{where}.image")
            if not reference:
                raise UnjudgeableError(f"{where}.image is not set")
            yield Image.parse(f"{where}.image", reference)
    elif kind in _CLOUDS:
        for path in _CLOUDS[kind]:
            for reference in _at(resource.inputs, path.split("."), path):
                yield Image.parse(path, reference)
    else:
        for name in ("values", "spec"):
            part = known(resource.inputs.get(name), name)
            yield from _inside(part, name, whole=kind != RELEASE)


def _at(value: Any, steps: list[str], path: str) -> Iterator[str]:
    """What is set at a path, lists looked through."""
    if isinstance(known(value, path), list | tuple):
        for item in value:
            yield from _at(item, steps, path)
    elif steps and value is not None:
        yield from _at(value.get(steps[0]), steps[1:], path)
    elif value:
        yield value


def _inside(value: Any, path: str, *, whole: bool) -> Iterator[Image]:
    """The images that a mapping, and what is in it, names."""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _inside(item, f"{path}.{index}", whole=whole)
    elif isinstance(value, Mapping):
        for name, tag in _PAIRS:
            if _names_image(value, name, tag, path):
                yield _image(value, name, tag, path, whole=whole)
        for key, item in value.items():
            yield from _inside(item, f"{path}.{key}", whole=whole)


def _names_image(value: Mapping[str, Any], name: str, tag: str, path: str) -> bool:
    if name != "repository":
        return isinstance(value.get(name), str)
    # Code and charts have repositories too, but no tags.
    said = {name, tag, *_DIGESTS} & value.keys()
    return {name, tag} <= said or (bool(said) and path.casefold().endswith("image"))


def _image(value: Mapping[str, Any], name: str, tag: str, path: str, *, whole: bool) -> Image:
    registry, called, tagged, *digests = (
        str(known(value.get(key), f"{path}.{key}") or "")
        for key in ("registry", name, tag, *_DIGESTS)
    )
    found = Image.parse(f"{path}.{name}", "/".join(filter(None, (registry, called))), whole=whole)
    return Image(
        where=found.where,
        name=found.name if called else "",
        tag=tagged.partition("@")[0] or found.tag,
        digest=tagged.partition("@")[2] or next(filter(None, digests), found.digest),
        whole=whole,
    )


@REGISTRY.rule(
    "images-registry",
    title="Images come from the registries that the environment allows",
    why="Whoever owns a registry decides what runs here, and may not be there tomorrow.",
    fix="mirror it to one of allowed_registries and name that",
    judges=_JUDGES,
    parameters=("allowed_registries",),
    controls=_CONTROLS,
    good=pod_with({"image": "registry.example.com/ml/mlflow:v3.18.0"}),
    bad=pod_with({"image": "docker.example.org/anyone/mlflow:v3.18.0"}),
)
def _registry(resource: Resource, scope: Scope) -> Iterator[str]:
    allowed = scope.parameters.allowed_registries
    if not allowed:
        return
    for image in images_of(resource):
        name = f"{image.full_name}/"
        if image.name and not any(name.startswith(f"{one.rstrip('/')}/") for one in allowed):
            yield f"{image.where} is {image.full_name}, which no allowed registry holds"


@REGISTRY.rule(
    "images-tag",
    title="Images are named by a version",
    why="The tag latest, which is also meant when there is none, is another image every week, so "
    "nobody can say what ran, or go back to it.",
    fix="name a version, or a digest",
    judges=_JUDGES,
    controls=_CONTROLS,
    good=pod_with({"image": "ghcr.io/mlflow/mlflow:v3.18.0"}),
    bad=pod_with({"image": "ghcr.io/mlflow/mlflow:latest"}),
)
def _tag(resource: Resource, _scope: Scope) -> Iterator[str]:
    for image in images_of(resource):
        if image.digest:
            continue
        if image.tag == "latest":
            yield f"{image.where} has the tag latest"
        elif not image.tag and image.whole:
            yield f"{image.where} has no tag"


@REGISTRY.rule(
    "images-digest",
    title="Images that come from allowed registries are pinned by digest",
    why="A tag can be moved to another image, in a registry of one's own as well. Whoever names "
    "registries has the images there, and so their digests.",
    fix="add @sha256:… to the image, in a spec by versions.images",
    judges=_JUDGES,
    parameters=("allowed_registries",),
    severity="advisory",
    controls=_CONTROLS,
    good=pod_with({"image": "registry.example.com/ml/mlflow@sha256:…"}),
    bad=pod_with({"image": "registry.example.com/ml/mlflow:v3.18.0"}),
)
def _digest(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.allowed_registries:
        return
    for image in images_of(resource):
        if not image.digest and (image.whole or image.name or image.tag):
            yield f"{image.where} has no digest"
