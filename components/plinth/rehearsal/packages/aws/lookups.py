"""The lookups (data sources) that programs make on AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from plinth.rehearsal.cloud import Record
from plinth.rehearsal.packages.aws.documents import policy_document
from plinth.rehearsal.packages.aws.outputs import MAKERS, generic
from plinth.rehearsal.packages.base import Birth, Lookup, NotFoundError, Question, digest

_ZONES: Final = ("a", "b", "c")
#: Newest versions that a lookup of an EKS add-on returns; only their form matters.
_ADDON: Final = "v1.20.0-eksbuild.1"


def _identity(question: Question) -> Mapping[str, Any]:
    account = question.settings.account
    return {
        "accountId": account,
        "arn": f"arn:aws:sts::{account}:assumed-role/rehearsal/plinth",
        "id": account,
        "userId": "AROAREHEARSAL:plinth",
    }


def _region(question: Question) -> Mapping[str, Any]:
    region = question.text("region") or question.text("name") or question.settings.region
    known = {"id": region, "name": region, "region": region, "description": region}
    return known | {"endpoint": f"ec2.{region}.amazonaws.com"}


def _partition(_: Question) -> Mapping[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _zones(question: Question) -> Mapping[str, Any]:
    region = question.text("region") or question.settings.region
    names = [f"{region}{letter}" for letter in _ZONES]
    ids = [f"{region}-az{number}" for number, _ in enumerate(_ZONES, 1)]
    known = {"id": region, "region": region, "names": names, "zoneIds": ids}
    return known | {"groupNames": [region]}


def _found(question: Question, type_: str, **wanted: str) -> Record | None:
    """The first resource of a type whose properties are as wanted; empty ones do not count."""
    if question.cloud is None:
        return None
    for record in question.cloud.resources(type=type_, scope=question.settings.scope):
        state = record.state | {"id": record.id}
        if all(str(state.get(key)) == value for key, value in wanted.items() if value):
            return record
    return None


def _existing(type_: str, **keys: str) -> Lookup:
    """A lookup of something that a deployment (or a person) made.

    Args:
        type_: Its type.
        keys: Argument -> property that it selects by.
    """

    def answer(question: Question) -> Mapping[str, Any]:
        wanted = {prop: question.text(arg) for arg, prop in keys.items()}
        record = _found(question, type_, **wanted)
        if record is None and question.cloud is not None:
            shown = ", ".join(f"{key}={value}" for key, value in wanted.items() if value)
            raise NotFoundError(f"no {type_} with {shown or 'these arguments'} exists")
        known = {"id": record.id, **record.state} if record else _made_up(type_, wanted, question)
        return {**question.args, **known}

    return answer


def _made_up(type_: str, wanted: Mapping[str, str], question: Question) -> dict[str, Any]:
    """Offline there is no cloud to look into: the answer is what such a thing would look like."""
    known = {key: value for key, value in wanted.items() if value}
    birth = Birth(
        type=type_,
        name=next(iter(known.values()), "existing"),
        inputs=known,
        region=question.settings.region,
        account=question.settings.account,
    )
    id_, outputs = MAKERS.get(type_, generic)(birth)
    return {"id": id_, **outputs, **known}


def _subnets(question: Question) -> Mapping[str, Any]:
    filters = question.args.get("filters") or []
    vpcs = [v for f in filters if f["name"] == "vpc-id" for v in f["values"]]
    if question.cloud is None:
        return {"id": question.settings.region, "ids": [f"subnet-{digest(z, 17)}" for z in _ZONES]}
    found = question.cloud.resources(type="aws:ec2/subnet:Subnet", scope=question.settings.scope)
    ids = [record.id for record in found if not vpcs or record.state.get("vpcId") in vpcs]
    return {"id": question.settings.region, "ids": ids, **question.args}


def _cluster_auth(question: Question) -> Mapping[str, Any]:
    name = question.text("name")
    return {"id": name, "name": name, "token": f"k8s-aws-v1.{digest(name, 40)}"}


def _addon_version(question: Question) -> Mapping[str, Any]:
    return {"id": question.text("addonName"), "version": _ADDON, **question.args}


def _ssm_parameter(question: Question) -> Mapping[str, Any]:
    """A parameter that was made, else the machine images that AWS itself publishes."""
    name = question.text("name")
    record = _found(question, "aws:ssm/parameter:Parameter", name=name)
    if record:
        return {"id": record.id, **record.state}
    if not name.startswith("/aws/service/") and question.cloud is not None:
        raise NotFoundError(f"ParameterNotFound: {name}")
    value = f"ami-{digest(name + question.settings.region, 17)}" if "image" in name else _ADDON
    known = {"id": name, "name": name, "type": "String", "value": value, "insecureValue": value}
    return known | {"version": 1, "arn": _arn(question, "ssm", f"parameter{name}")}


def _ami(question: Question) -> Mapping[str, Any]:
    id_ = f"ami-{digest(json.dumps(question.args, sort_keys=True), 17)}"
    known = {"id": id_, "imageId": id_, "architecture": "x86_64", "rootDeviceName": "/dev/xvda"}
    return {**known, "name": "rehearsal", "ownerId": "137112412989", "state": "available"}


def _secret_version(question: Question) -> Mapping[str, Any]:
    type_ = "aws:secretsmanager/secretVersion:SecretVersion"
    record = _found(question, type_, secretId=question.text("secretId"))
    if record:
        return {**question.args, "id": record.id, **record.state}
    value = json.dumps({"username": "rehearsal", "password": digest(question.text("secretId"), 24)})
    return {**question.args, "id": question.text("secretId"), "secretString": value}


def _arn(question: Question, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{question.settings.region}:{question.settings.account}:{resource}"


def _service_account(question: Question) -> Mapping[str, Any]:
    """The account that load balancers of eu-west-1 write their logs from (AWS docs)."""
    return {"id": "156460612806", "arn": "arn:aws:iam::156460612806:root", **question.args}


def _service_principal(question: Question) -> Mapping[str, Any]:
    service = question.text("serviceName")
    return {"id": service, "name": f"{service}.amazonaws.com", "suffix": "amazonaws.com"}


def _key(question: Question) -> Mapping[str, Any]:
    wanted = question.text("keyId")
    alias = _found(question, "aws:kms/alias:Alias", name=wanted)
    id_ = str(alias.state["targetKeyId"]) if alias else wanted.rsplit("/", 1)[-1]
    record = _found(question, "aws:kms/key:Key", id=id_)
    if record is None and question.cloud is not None and not wanted.startswith("alias/aws/"):
        raise NotFoundError(f"NotFoundException: key {wanted} does not exist")
    known = record.state if record else {"arn": _arn(question, "kms", f"key/{id_}")}
    return {**question.args, "id": id_, "enabled": True, "keyState": "Enabled", **known}


def _prefix_list(question: Question) -> Mapping[str, Any]:
    name = question.text("name", "prefix-list")
    return {**question.args, "id": f"pl-{digest(name, 8)}", "name": name, "cidrBlocks": []}


def _eks_versions(question: Question) -> Mapping[str, Any]:
    versions = [{"clusterVersion": version} for version in ("1.34", "1.33", "1.32")]
    return {"clusterVersions": versions, **question.args}


#: What a new account may have (Service Quotas, default values): few cores, and no GPUs.
_QUOTAS: Final = {
    "L-0263D0A3": 5,
    "L-1216C47A": 5,
    "L-1945791B": 0,
    "L-34B43A08": 5,
    "L-3819A6DF": 0,
    "L-417A185B": 0,
    "L-7212CCBC": 0,
    "L-A4707A72": 5,
    "L-B5D1601B": 0,
    "L-C4BD4855": 0,
    "L-DB2E81BA": 0,
    "L-F678F1CE": 5,
    "L-FE5A380F": 5,
}


def _quota(question: Question) -> Mapping[str, Any]:
    """The limit that somebody had raised, else the one of a new account."""
    code = question.text("quotaCode")
    type_ = "aws:servicequotas/serviceQuota:ServiceQuota"
    record = _found(question, type_, quotaCode=code)
    if record is None and code not in _QUOTAS:
        raise NotFoundError(f"NoSuchResourceException: there is no quota {code}")
    value = record.state["value"] if record else _QUOTAS[code]
    service = question.text("serviceCode")
    known = {
        "id": f"{service}/{code}",
        "arn": _arn(question, "servicequotas", f"{service}/{code}"),
        "quotaName": code,
        "serviceName": service,
        "adjustable": True,
        "globalQuota": False,
        "defaultValue": _QUOTAS.get(code, 0),
        "usageMetrics": [],
    }
    return {**question.args, **known, "value": value}


LOOKUPS: Final[Mapping[str, Lookup]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getServicePrincipal:getServicePrincipal": _service_principal,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    "aws:iam/getRole:getRole": _existing("aws:iam/role:Role", name="name"),
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": _existing(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider", arn="arn"
    ),
    "aws:ssm/getParameter:getParameter": _ssm_parameter,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ec2/getVpc:getVpc": _existing("aws:ec2/vpc:Vpc", id="id", cidrBlock="cidrBlock"),
    "aws:ec2/getSubnet:getSubnet": _existing(
        "aws:ec2/subnet:Subnet", id="id", vpcId="vpcId", availabilityZone="availabilityZone"
    ),
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ec2/getSecurityGroup:getSecurityGroup": _existing(
        "aws:ec2/securityGroup:SecurityGroup", id="id", name="name", vpcId="vpcId"
    ),
    "aws:ec2/getPrefixList:getPrefixList": _prefix_list,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:eks/getCluster:getCluster": _existing("aws:eks/cluster:Cluster", name="name"),
    "aws:eks/getClusterAuth:getClusterAuth": _cluster_auth,
    "aws:eks/getClusterVersions:getClusterVersions": _eks_versions,
    "aws:eks/getAddonVersion:getAddonVersion": _addon_version,
    "aws:kms/getKey:getKey": _key,
    "aws:kms/getAlias:getAlias": _existing("aws:kms/alias:Alias", name="name"),
    "aws:route53/getZone:getZone": _existing("aws:route53/zone:Zone", zoneId="id", name="name"),
    "aws:s3/getBucket:getBucket": _existing("aws:s3/bucket:Bucket", bucket="bucket"),
    "aws:ecr/getRepository:getRepository": _existing("aws:ecr/repository:Repository", name="name"),
    "aws:servicequotas/getServiceQuota:getServiceQuota": _quota,
    "aws:sns/getTopic:getTopic": _existing("aws:sns/topic:Topic", name="name"),
    "aws:acm/getCertificate:getCertificate": _existing(
        "aws:acm/certificate:Certificate", domain="domainName"
    ),
    "aws:rds/getInstance:getInstance": _existing(
        "aws:rds/instance:Instance", dbInstanceIdentifier="identifier"
    ),
    "aws:elb/getServiceAccount:getServiceAccount": _service_account,
    "aws:secretsmanager/getSecret:getSecret": _existing(
        "aws:secretsmanager/secret:Secret", arn="arn", name="name"
    ),
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_version,
}
