"""Where things run, and as whom: clusters, functions, registries, identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plinth.rehearsal.packages.aws.shapes import (
    CREATED,
    arn,
    by_arn,
    capitals,
    item,
    joined,
    made_uuid,
    named,
)
from plinth.rehearsal.packages.base import Birth, Made, Maker

_FAKE_CA: Final = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClJlaGVhcnNhbAotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="
)


def _role(birth: Birth) -> Made:
    path = birth.text("path", "/")
    return birth.name, {
        "arn": arn(birth, "iam", f"role{path}{birth.name}", region=False),
        "uniqueId": capitals(birth, "AROA", 21),
        "createDate": CREATED,
        "path": path,
        "maxSessionDuration": birth.number("maxSessionDuration", 3600),
    }


def _policy(birth: Birth) -> Made:
    path = birth.text("path", "/")
    id_ = arn(birth, "iam", f"policy{path}{birth.name}", region=False)
    return id_, {
        "arn": id_,
        "policyId": capitals(birth, "ANPA", 21),
        "path": path,
        "attachmentCount": 0,
    }


def _oidc(birth: Birth) -> Made:
    host = birth.text("url").removeprefix("https://")
    id_ = arn(birth, "iam", f"oidc-provider/{host}", region=False)
    return id_, {"arn": id_, "url": host, "thumbprintLists": [birth.hex(40)]}


def _service_role(birth: Birth) -> Made:
    service = birth.text("awsServiceName")
    name = f"AWSServiceRoleFor{service.split('.')[0].title().replace('-', '')}"
    id_ = arn(birth, "iam", f"role/aws-service-role/{service}/{name}", region=False)
    known = {"name": name, "path": f"/aws-service-role/{service}/", "createDate": CREATED}
    return id_, known | {"arn": id_, "uniqueId": capitals(birth, "AROA", 21)}


def _cluster(birth: Birth) -> Made:
    token = birth.hex(32, "cluster").upper()
    issuer = f"https://oidc.eks.{birth.region}.amazonaws.com/id/{token}"
    vpc = item(birth.inputs.get("vpcConfig"))
    return birth.name, {
        "arn": arn(birth, "eks", f"cluster/{birth.name}"),
        "endpoint": f"https://{token}.gr7.{birth.region}.eks.amazonaws.com",
        "certificateAuthority": {"data": _FAKE_CA},
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "vpcConfig": {
            "clusterSecurityGroupId": f"sg-{birth.hex(17, 'cluster-sg')}",
            "vpcId": vpc.get("vpcId") or f"vpc-{birth.hex(17, 'vpc')}",
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"}
        | dict(item(birth.inputs.get("kubernetesNetworkConfig"))),
        "status": "ACTIVE",
        "platformVersion": "eks.1",
        "version": birth.text("version", "1.33"),
        "createdAt": CREATED,
    }


def _node_group(birth: Birth) -> Made:
    cluster = birth.text("clusterName")
    group = f"eks-{birth.name}-{made_uuid(birth)}"
    return f"{cluster}:{birth.name}", {
        "arn": arn(birth, "eks", f"nodegroup/{cluster}/{birth.name}/{made_uuid(birth)}"),
        "nodeGroupName": birth.name,
        "status": "ACTIVE",
        "resources": [{"autoscalingGroups": [{"name": group}], "remoteAccessSecurityGroupId": ""}],
    }


def _repository(birth: Birth) -> Made:
    host = f"{birth.account}.dkr.ecr.{birth.region}.amazonaws.com"
    known = {"registryId": birth.account, "repositoryUrl": f"{host}/{birth.name}"}
    return birth.name, known | {"arn": arn(birth, "ecr", f"repository/{birth.name}")}


def _airflow(birth: Birth) -> Made:
    host = f"{made_uuid(birth)}.c{birth.hex(2)}.{birth.region}.airflow.amazonaws.com"
    known = {"webserverUrl": host, "status": "AVAILABLE", "createdAt": CREATED}
    return birth.name, known | {"arn": arn(birth, "airflow", f"environment/{birth.name}")}


def _tracking_server(birth: Birth) -> Made:
    name = birth.text("trackingServerName", birth.name)
    host = f"https://t-{birth.hex(12)}.{birth.region}.experiments.sagemaker.aws"
    return name, {
        "arn": arn(birth, "sagemaker", f"mlflow-tracking-server/{name}"),
        "trackingServerUrl": host,
    }


def _domain(birth: Birth) -> Made:
    id_ = f"d-{birth.hex(12)}"
    host = f"https://{id_}.studio.{birth.region}.sagemaker.aws"
    return id_, {"arn": arn(birth, "sagemaker", f"domain/{id_}"), "url": host}


def _function(birth: Birth) -> Made:
    id_ = arn(birth, "lambda", f"function:{birth.name}")
    prefix = f"arn:aws:apigateway:{birth.region}:lambda:path/2015-03-31/functions/"
    known = {"arn": id_, "invokeArn": f"{prefix}{id_}/invocations", "version": "$LATEST"}
    return birth.name, known | {"qualifiedArn": f"{id_}:{birth.revision}", "lastModified": CREATED}


MAKERS: Final[Mapping[str, Maker]] = {
    "aws:cloudwatch/dashboard:Dashboard": lambda b: (
        b.text("dashboardName"),
        {
            "dashboardArn": arn(
                b, "cloudwatch", f"dashboard/{b.text('dashboardName')}", region=False
            )
        },
    ),
    "aws:cloudwatch/eventRule:EventRule": named("events", "rule/{}"),
    "aws:cloudwatch/eventTarget:EventTarget": joined("{rule}-{targetId}"),
    "aws:cloudwatch/logGroup:LogGroup": named("logs", "log-group:{}"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": named("cloudwatch", "alarm:{}"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": joined(
        "{repository}", registryId=lambda b: b.account
    ),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": lambda b: (
        b.account,
        {"registryId": b.account},
    ),
    "aws:ecr/repository:Repository": _repository,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": joined(
        "{repository}", registryId=lambda b: b.account
    ),
    "aws:ecs/cluster:Cluster": by_arn("ecs", "cluster/{}"),
    "aws:eks/accessEntry:AccessEntry": joined(
        "{clusterName}:{principalArn}",
        accessEntryArn=lambda b: arn(
            b, "eks", f"access-entry/{b.text('clusterName')}/{made_uuid(b)}"
        ),
        createdAt=lambda _: CREATED,
        modifiedAt=lambda _: CREATED,
        userName=lambda b: b.text("userName", b.text("principalArn")),
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": joined(
        "{clusterName}#{principalArn}#{policyArn}",
        associatedAt=lambda _: CREATED,
        modifiedAt=lambda _: CREATED,
    ),
    "aws:eks/addon:Addon": joined(
        "{clusterName}:{addonName}",
        arn=lambda b: arn(
            b, "eks", f"addon/{b.text('clusterName')}/{b.text('addonName')}/{made_uuid(b)}"
        ),
        createdAt=lambda _: CREATED,
        modifiedAt=lambda _: CREATED,
        addonVersion=lambda b: b.text("addonVersion", "v1.20.0-eksbuild.1"),
    ),
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": lambda b: (
        f"a-{b.hex(17)}",
        {
            "associationId": f"a-{b.hex(17)}",
            "associationArn": arn(
                b, "eks", f"podidentityassociation/{b.text('clusterName')}/a-{b.hex(17)}"
            ),
        },
    ),
    "aws:iam/group:Group": lambda b: (
        b.name,
        {
            "arn": arn(b, "iam", f"group/{b.name}", region=False),
            "uniqueId": capitals(b, "AGPA", 21),
        },
    ),
    "aws:iam/instanceProfile:InstanceProfile": lambda b: (
        b.name,
        {
            "arn": arn(b, "iam", f"instance-profile/{b.name}", region=False),
            "uniqueId": capitals(b, "AIPA", 21),
            "createDate": CREATED,
        },
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc,
    "aws:iam/policy:Policy": _policy,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": joined("{role}:{name}"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": joined("{role}/{policyArn}"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": _service_role,
    "aws:iam/user:User": lambda b: (
        b.name,
        {"arn": arn(b, "iam", f"user/{b.name}", region=False), "uniqueId": capitals(b, "AIDA", 21)},
    ),
    "aws:lambda/function:Function": _function,
    "aws:mwaa/environment:Environment": _airflow,
    "aws:sagemaker/domain:Domain": _domain,
    "aws:sagemaker/endpoint:Endpoint": named("sagemaker", "endpoint/{}"),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": named(
        "sagemaker", "endpoint-config/{}"
    ),
    "aws:sagemaker/featureGroup:FeatureGroup": lambda b: (
        b.text("featureGroupName"),
        {"arn": arn(b, "sagemaker", f"feature-group/{b.text('featureGroupName')}")},
    ),
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": _tracking_server,
    "aws:sagemaker/model:Model": named("sagemaker", "model/{}"),
    "aws:sfn/stateMachine:StateMachine": by_arn("states", "stateMachine:{}"),
}
