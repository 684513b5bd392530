"""The ``gcp`` package: projects with the constraints that catch mistakes cheaply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Failure, join
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.packages.base import Birth, Lookup, Made, Maker, Package, Settings
from plinth.rehearsal.packages.gcp.constraints import along, creation, deletion, values
from plinth.rehearsal.packages.gcp.facts import (
    IN_PLACE,
    LABELS,
    LOWERCASE_NAMES,
    NAMES,
    REPLACES,
)
from plinth.rehearsal.packages.gcp.lookups import LOOKUPS
from plinth.rehearsal.packages.gcp.outputs import MAKERS, generic
from plinth.rehearsal.packages.gcp.rules import LASTING, NAME_RULES, VALUES
from plinth.rehearsal.packages.gcp.shapes import CREATED, location, project
from plinth.rehearsal.sdk import Field, Kind

#: Stands in for a project that the settings do not name.
_PROJECT: Final = "project"
_ABOUT_ONESELF: Final = (
    "gcp:organizations/getClientConfig:getClientConfig",
    "gcp:organizations/getClientOpenIdUserInfo:getClientOpenIdUserInfo",
)
_PROJECT_ID: Final = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z]+-[a-z]+\d+")
#: Comes with everything that the provider labels (patches/0006 of pulumi-gcp).
_ATTRIBUTION: Final = {"goog-pulumi-provisioned": "true"}
#: Where there are labels of Google Cloud, besides a type's ``labels`` where the provider adds its
#: own: those of notification channels are settings, those of nodes are for Kubernetes.
_LABELLED: Final = (
    "resourceLabels", "userLabels", "settings.userLabels", "nodeConfig.resourceLabels"
)  # fmt: skip


class Gcp(Package):
    """Projects, told apart by project identifier."""

    name = "gcp"
    module = "pulumi_gcp"
    replaces: ClassVar[Mapping[str, tuple[str, ...]]] = REPLACES
    makers: ClassVar[Mapping[str, Maker]] = MAKERS
    lookups: ClassVar[Mapping[str, Lookup]] = LOOKUPS
    names: ClassVar[Mapping[str, str]] = NAMES

    def settings(self, config: Mapping[str, Any]) -> Settings:
        """The account is the project; the label of the provider is on unless it is switched off."""
        account = str(config.get("project") or _PROJECT)
        labels = dict(config.get("defaultLabels") or {})
        if config.get("addPulumiAttributionLabel", True) not in (False, "false"):
            labels = _ATTRIBUTION | labels
        region = str(config.get("region") or "")
        return Settings(scope=f"gcp:{account}", account=account, region=region, tags=labels)

    def held_by(self, settings: Settings, config: Mapping[str, Any], holder: str) -> Settings:
        """Without a project in the configuration, that of the environment is asked for."""
        if config.get("project"):
            return replace(settings, holder=holder)
        return replace(self.settings({**config, "project": holder}), holder=holder)

    def deny(self, settings: Settings, token: str) -> str | None:
        """Nobody has a role in the project of others. Who one is can always be asked."""
        if token in _ABOUT_ONESELF:
            return None
        return (
            "googleapi: Error 403: Permission 'resourcemanager.projects.get' denied on resource "
            f"'//cloudresourcemanager.googleapis.com/projects/{settings.account}' (or it may not "
            "exist)., forbidden"
        )

    def check_config(self, config: Mapping[str, Any]) -> Iterator[Failure]:
        """Malformed projects and regions are refused here, by the real provider at first use."""
        forms = {"project": (_PROJECT_ID, "a project identifier"), "region": (_REGION, "a region")}
        for key, (form, rule) in forms.items():
            value = config.get(key)
            if value not in (None, UNKNOWN) and not form.fullmatch(str(value)):
                yield Failure(key, f"{key} is {value!r}, which is not {rule}")
        yield from _check_labels(config.get("defaultLabels"), "defaultLabels")

    def check(self, token: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """The names, labels and values that Google Cloud would refuse."""
        for glob, key, pattern, rule in NAME_RULES:
            value = inputs.get(key)
            known = isinstance(value, str) and value != UNKNOWN and fnmatchcase(token, glob)
            if known and not re.fullmatch(pattern, str(value)):
                yield Failure(key, f"{key} is {value!r}, but must be {rule}")
        for path, allowed in VALUES.get(token, {}).items():
            for value in values(inputs, path):
                if value not in (*allowed, UNKNOWN, ""):
                    listed = ", ".join(allowed)
                    yield Failure(path, f"{path} is {value!r}, which is not one of {listed}")
        kind = self.kind(token)
        labelled = kind is not None and "effectiveLabels" in kind.outputs
        for path in (*_LABELLED, *(["labels"] if labelled else [])):
            for labels in values(inputs, path):
                yield from _check_labels(labels, path)

    def autoname(self, token: str, name: str) -> str:
        """The forms that the provider brings made-up names into."""
        return name.lower() if token in LOWERCASE_NAMES else name

    def in_place(self, token: str) -> tuple[str, ...]:
        """The table of exceptions."""
        return IN_PLACE.get(token, ())

    def make(self, birth: Birth) -> Made:
        """The table of types, or something plausible."""
        if birth.type in self.makers:
            return self.makers[birth.type](birth)
        identifier, outputs = generic(birth)
        kind = self.kind(birth.type)
        return identifier, {k: v for k, v in outputs.items() if kind and k in kind.outputs}

    def fill(self, name: str, known: Field, birth: Birth, *, asked: bool) -> Any:
        """Places, times and policies look like themselves."""
        plausible = {
            "project": project(birth),
            "region": birth.region,
            "location": location(birth),
            "deletionPolicy": "DELETE",
            "effectiveLabels": {},
            "pulumiLabels": {},
            "etag": f"BwY{birth.hex(8)}=",
            "state": "ACTIVE",
        }
        if name in plausible:
            return plausible[name]
        if re.fullmatch(r"(create|update|creation)Time(stamp)?|creationTimestamp", name):
            return CREATED
        return super().fill(name, known, birth, asked=asked)

    def common(self, kind: Kind, inputs: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
        """The provider's labels show up beneath the resource's own, and its project everywhere."""
        outputs: dict[str, Any] = {}
        if "effectiveLabels" in kind.outputs and "pulumiLabels" in kind.outputs:
            own = inputs.get(LABELS.get(kind.token, "labels"))
            known = own if isinstance(own, Mapping) else {}
            labels = UNKNOWN if own == UNKNOWN else {**settings.tags, **known}
            outputs |= {"effectiveLabels": labels, "pulumiLabels": labels}
        if "project" in kind.inputs and not kind.inputs["project"].required:
            outputs["project"] = inputs.get("project") or settings.account
        return outputs

    def joins(self, token: str) -> bool:
        """A member that has a role can be given it again."""
        return token.lower().rpartition(":")[2].endswith("iammember")

    def refuse_create(self, record: Record, cloud: Cloud) -> str | None:
        """What it refers to has to exist, and its name has to be free."""
        return creation(record, cloud)

    def refuse_delete(self, record: Record, cloud: Cloud) -> str | None:
        """Protection, contents and dependents."""
        return deletion(record, cloud)

    def goes_with(self, record: Record, cloud: Cloud) -> Iterable[Record]:
        """The parts of a cluster, a database, a secret, an emptied bucket or zone."""
        return () if self._stays(record) else list(along(record, cloud))

    def deleted(self, record: Record, cloud: Cloud) -> None:
        """What stays, although the provider has forgotten it, is nobody's."""
        if self._stays(record):
            cloud.add(replace(record, urn=None))

    def _stays(self, record: Record) -> bool:
        abandoned = record.urn is not None and record.state.get("deletionPolicy") == "ABANDON"
        return record.type in LASTING or abandoned


def _check_labels(labels: Any, path: str) -> Iterator[Failure]:
    """Keys begin with a lowercase letter, values may be empty; letters of any script will do."""
    for key, value in labels.items() if isinstance(labels, Mapping) else ():
        if not _is_label(key) or not key[:1].isalpha():
            rule = "at most 63 lowercase letters, digits, _ and -, beginning with a letter"
            yield Failure(join(path, key), f"the label {key!r} of {path} must be {rule}")
        if value not in (None, UNKNOWN) and not _is_label(str(value)):
            rule = "at most 63 lowercase letters, digits, _ and -"
            yield Failure(join(path, key), f"{join(path, key)} is {value!r}, but must be {rule}")


def _is_label(text: str) -> bool:
    return text == text.lower() and re.fullmatch(r"[\w-]{0,63}", text) is not None
