"""The lookups (data sources) that programs make on Google Cloud."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.rehearsal.cloud import Record
from plinth.rehearsal.packages.base import Birth, Lookup, NotFoundError, Question, digest
from plinth.rehearsal.packages.gcp.outputs import MAKERS, generic
from plinth.rehearsal.packages.gcp.runtime import VERSION, agent_of, log_agent
from plinth.rehearsal.packages.gcp.shapes import last, project_number

_EMAIL: Final = "rehearsal@example.com"
_BILLING: Final = "012345-6789AB-CDEF01"
_SERVICE: Final = "gcp:projects/service:Service"


def _project(question: Question) -> str:
    given = question.text("project") or question.settings.account
    return given.removeprefix("projects/")


def _get_project(question: Question) -> Mapping[str, Any]:
    project = question.text("projectId") or question.settings.account
    return {
        "id": f"projects/{project}",
        "projectId": project,
        "name": project,
        "number": project_number(project),
        "billingAccount": _BILLING if _pays(question) else "",
        "orgId": "",
        "folderId": "",
        "autoCreateNetwork": False,
        "deletionPolicy": "PREVENT",
        "labels": {},
        "effectiveLabels": {},
        "pulumiLabels": {},
        "tags": {},
    }


def _pays(question: Question) -> bool:
    """Whether the account that pays is told: not while the API for it is off.

    Source: hashicorp/terraform-provider-google, ``resource_google_project.go``.
    """
    if question.cloud is None:
        return True
    services = question.cloud.resources(type=_SERVICE)
    return any(s.inputs.get("service") == "cloudbilling.googleapis.com" for s in services)


def _client_config(question: Question) -> Mapping[str, Any]:
    settings = question.settings
    zone = f"{settings.region}-a" if settings.region else ""
    place = f"projects/{settings.account}/regions/{settings.region}/zones/{zone}"
    return {
        "id": f'{place}"',
        "project": settings.account,
        "region": settings.region,
        "zone": zone,
        "accessToken": f"ya29.{digest(settings.account, 60)}",
        "defaultLabels": dict(settings.tags),
    }


def _log_encryption(question: Question) -> Mapping[str, Any]:
    """The account that Cloud Logging encrypts with (its documentation on customer keys)."""
    project = _project(question)
    id_ = f"projects/{project}/cmekSettings"
    known = {"id": id_, "name": id_, "project": project, "kmsKeyVersionName": ""}
    return {"kmsKeyName": "", **question.args, **known, "serviceAccountId": log_agent(project)}


def _user_info(question: Question) -> Mapping[str, Any]:
    own = question.settings.holder
    email = f"rehearsal@{own}.iam.gserviceaccount.com" if own else _EMAIL
    return {"id": email, "email": email}


def _billing_account(question: Question) -> Mapping[str, Any]:
    account = last(question.text("billingAccount", _BILLING))
    return {
        "id": account,
        "name": f"billingAccounts/{account}",
        "displayName": question.text("displayName", "Rehearsal"),
        "currencyCode": "EUR",
        "open": True,
        "projectIds": [question.settings.account],
        **question.args,
    }


def _zones(question: Question) -> Mapping[str, Any]:
    region, project = question.text("region") or question.settings.region, _project(question)
    # europe-west1 and us-east1 have no zone a: theirs are b, c and d
    letters = "bcd" if region in ("europe-west1", "us-east1") else "abc"
    known = {"project": project, "region": region, "names": [f"{region}-{x}" for x in letters]}
    return {"id": f"projects/{project}/regions/{region}", **known}


def _engine_versions(question: Question) -> Mapping[str, Any]:
    versions = [f"1.{minor}.5-gke.1080000" for minor in (34, 33, 32)]
    prefix = question.text("versionPrefix")
    valid = [version for version in versions if version.startswith(prefix)]
    channels = ("RAPID", "REGULAR", "STABLE", "EXTENDED")
    project = _project(question)
    return {
        **question.args,
        "id": f"projects/{project}/locations/{question.text('location')}",
        "project": project,
        "defaultClusterVersion": VERSION,
        "latestMasterVersion": valid[0] if valid else VERSION,
        "latestNodeVersion": valid[0] if valid else VERSION,
        "validMasterVersions": valid,
        "validNodeVersions": valid,
        "releaseChannelDefaultVersion": dict.fromkeys(channels, VERSION),
        "releaseChannelLatestVersion": dict.fromkeys(channels, versions[0]),
        "releaseChannelUpgradeTargetVersion": dict.fromkeys(channels, versions[0]),
    }


def _account(email: Callable[[str], str], key: str = "email") -> Lookup:
    """A service account that every project has. ``key`` is the property with its address."""

    def answer(question: Question) -> Mapping[str, Any]:
        project = _project(question)
        address = email(project)
        known = {key: address, "member": f"serviceAccount:{address}", "project": project}
        return {**question.args, "id": address, **known}

    return answer


def _existing(type_: str, **keys: str) -> Lookup:
    """A lookup of something that a deployment (or a person) made.

    Args:
        type_: Its type.
        keys: Argument -> property that it selects by.
    """

    def answer(question: Question) -> Mapping[str, Any]:
        wanted = {prop: question.text(arg) for arg, prop in keys.items() if question.text(arg)}
        if question.cloud is None:
            return {**question.args, **_listed(_made_up(type_, wanted, question))}
        scope = f"gcp:{_project(question)}"
        for record in question.cloud.resources(type=type_, scope=scope):
            if _fits(record, wanted):
                return {**question.args, "id": record.id, **_listed(record.state)}
        shown = ", ".join(f"{key}={value}" for key, value in wanted.items())
        raise NotFoundError(f"no {type_} with {shown or 'these arguments'} exists")

    return answer


def _listed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Lookups give what is one object in a resource as a list of it, under a name to match."""
    found = dict(state)
    for key, value in state.items():
        if isinstance(value, Mapping) and not re.search(r"(?i)(labels|annotations|tags)$", key):
            del found[key]
            found[key if key.endswith("s") else f"{key}s"] = [value]
    return found


def _fits(record: Record, wanted: Mapping[str, str]) -> bool:
    """Whether a resource is as wanted; a link or identifier stands for the name that it ends in."""
    state = record.state | {"region": record.state.get("region") or record.region}
    return all(last(str(state.get(key, ""))) == last(value) for key, value in wanted.items())


def _made_up(type_: str, wanted: Mapping[str, str], question: Question) -> dict[str, Any]:
    """Offline there is no cloud to look into: the answer is what such a thing would look like."""
    project = _project(question)
    birth = Birth(
        type=type_,
        name=last(next(iter(wanted.values()), "existing")),
        inputs={**wanted, "project": project},
        region=wanted.get("region", question.settings.region),
        account=question.settings.account,
    )
    id_, outputs = MAKERS.get(type_, generic)(birth)
    return {"project": project, **wanted, "id": id_, **outputs}


def _secret_version(question: Question) -> Mapping[str, Any]:
    secret, project = last(question.text("secret")), _project(question)
    type_ = "gcp:secretmanager/secretVersion:SecretVersion"
    scope = f"gcp:{project}"
    found = question.cloud.resources(type=type_, scope=scope) if question.cloud else []
    for record in reversed(found):
        if last(str(record.inputs.get("secret"))) == secret:
            return {**question.args, "id": record.id, "enabled": True, **record.state}
    if question.cloud is not None:
        raise NotFoundError(f"no version of the secret {secret} exists in {project}")
    id_ = f"projects/{project_number(project)}/secrets/{secret}/versions/1"
    known = {"id": id_, "name": id_, "version": "1", "enabled": True, "project": project}
    return {**question.args, **known, "secretData": digest(id_, 24)}


#: What a new project may have: few cores, and no GPU in all regions together.
_QUOTAS: Final = {"CPUS-ALL-REGIONS-per-project": 12, "GPUS-ALL-REGIONS-per-project": 0}
_USUAL_QUOTA: Final = {"GPUS": 1, "CPUS": 24}


def _quota(question: Question) -> Mapping[str, Any]:
    """The limit that somebody asked for and got, else the one of a new project."""
    code = question.text("quotaId")
    usual = next((n for word, n in _USUAL_QUOTA.items() if word in code), 0)
    value = _QUOTAS.get(code, usual)
    type_ = "gcp:cloudquota/sQuotaPreference:SQuotaPreference"
    found = question.cloud.resources(type=type_) if question.cloud else []
    for record in found:
        if record.state.get("quotaId") == code:
            value = record.state["quotaConfig"]["preferredValue"]
    name = f"{question.text('parent')}/services/{question.text('service')}/quotaInfos/{code}"
    details = [{"value": str(value)}] if int(value) else []
    info = {"dimensions": {}, "details": details, "applicableLocations": []}
    return {**question.args, "id": name, "name": name, "dimensionsInfos": [info]}


_NETWORK: Final = "gcp:compute/network:Network"
LOOKUPS: Final[Mapping[str, Lookup]] = {
    "gcp:artifactregistry/getRepository:getRepository": _existing(
        "gcp:artifactregistry/repository:Repository", repositoryId="repositoryId"
    ),
    "gcp:cloudquota/getSQuotaInfo:getSQuotaInfo": _quota,
    "gcp:bigquery/getDefaultServiceAccount:getDefaultServiceAccount": _account(
        lambda project: f"bq-{project_number(project)}@bigquery-encryption.iam.gserviceaccount.com"
    ),
    "gcp:compute/getDefaultServiceAccount:getDefaultServiceAccount": _account(
        lambda project: f"{project_number(project)}-compute@developer.gserviceaccount.com"
    ),
    "gcp:compute/getNetwork:getNetwork": _existing(_NETWORK, name="name", selfLink="selfLink"),
    "gcp:compute/getSubnetwork:getSubnetwork": _existing(
        "gcp:compute/subnetwork:Subnetwork", name="name", region="region", selfLink="selfLink"
    ),
    "gcp:compute/getZones:getZones": _zones,
    "gcp:container/getCluster:getCluster": _existing(
        "gcp:container/cluster:Cluster", name="name", location="location"
    ),
    "gcp:container/getEngineVersions:getEngineVersions": _engine_versions,
    "gcp:dns/getManagedZone:getManagedZone": _existing(
        "gcp:dns/managedZone:ManagedZone", name="name"
    ),
    "gcp:kms/getKMSCryptoKey:getKMSCryptoKey": _existing(
        "gcp:kms/cryptoKey:CryptoKey", name="name", keyRing="keyRing"
    ),
    "gcp:kms/getKMSKeyRing:getKMSKeyRing": _existing(
        "gcp:kms/keyRing:KeyRing", name="name", location="location"
    ),
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": _log_encryption,
    "gcp:organizations/getBillingAccount:getBillingAccount": _billing_account,
    "gcp:organizations/getClientConfig:getClientConfig": _client_config,
    "gcp:organizations/getClientOpenIdUserInfo:getClientOpenIdUserInfo": _user_info,
    "gcp:organizations/getProject:getProject": _get_project,
    "gcp:pubsub/getTopic:getTopic": _existing("gcp:pubsub/topic:Topic", name="name"),
    "gcp:secretmanager/getSecret:getSecret": _existing(
        "gcp:secretmanager/secret:Secret", secretId="secretId"
    ),
    "gcp:secretmanager/getSecretVersion:getSecretVersion": _secret_version,
    "gcp:serviceaccount/getAccount:getAccount": _existing(
        "gcp:serviceaccount/account:Account", accountId="accountId"
    ),
    "gcp:sql/getDatabaseInstance:getDatabaseInstance": _existing(
        "gcp:sql/databaseInstance:DatabaseInstance", name="name"
    ),
    "gcp:storage/getBucket:getBucket": _existing("gcp:storage/bucket:Bucket", name="name"),
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": _account(
        lambda project: agent_of("storage.googleapis.com", project), key="emailAddress"
    ),
}
