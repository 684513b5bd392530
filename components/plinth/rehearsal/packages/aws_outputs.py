"""What AWS makes up for each type: identifiers, ARNs, addresses.

One line per type.  The identifier of a type is what the Terraform provider uses, as documented in
the ``import`` section of each resource.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.rehearsal.packages.base import Birth, Made, Maker, digest

_COMPASS: Final = {
    "north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "northeast": "ne",
    "northwest": "nw", "southeast": "se", "southwest": "sw",
}  # fmt: skip
_PORTS: Final = {"mysql": 3306, "mariadb": 3306, "oracle": 1521, "sqlserver": 1433}
_CREATED: Final = "2025-01-01T00:00:00Z"
_FAKE_CA: Final = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClJlaGVhcnNhbAotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="
)


def arn(birth: Birth, service: str, resource: str, *, region: bool = True) -> str:
    """An ARN in the birth's account, with or without a region."""
    return f"arn:aws:{service}:{birth.region if region else ''}:{birth.account}:{resource}"


def short_region(region: str) -> str:
    """The region inside ElastiCache host names: ``eu-west-1`` is ``euw1``."""
    area, *words, number = region.split("-")
    return area + "".join(_COMPASS.get(word, word[:1]) for word in words) + number


def _uuid(birth: Birth, salt: str = "") -> str:
    return str(uuid.UUID(birth.hex(32, salt)))


def _upper(birth: Birth, prefix: str, length: int) -> str:
    """An identifier such as ``AROA`` and capitals and digits."""
    return (prefix + birth.hex(length * 2, prefix).upper())[:length]


def _ip(birth: Birth, first: str) -> str:
    digits = birth.hex(6, first)
    return ".".join([first, *(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))])


def zone(birth: Birth) -> str:
    """The availability zone that was asked for, or the first of the region."""
    return birth.text("availabilityZone", f"{birth.region}a")


def _item(value: Any) -> Mapping[str, Any]:
    """An object, or the first of a list of them."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, Mapping) else {}


# --- shapes shared by many types ---------------------------------------------------------------


def _ec2(prefix: str, resource: str, **more: Callable[[Birth], Any]) -> Maker:
    """EC2 things: ``<prefix>-<17 hex>``, an ARN and the owner."""

    def make(birth: Birth) -> Made:
        id_ = f"{prefix}-{birth.hex(17)}"
        extra = {key: give(birth) for key, give in more.items()}
        known = {"arn": arn(birth, "ec2", f"{resource}/{id_}"), "ownerId": birth.account}
        return id_, known | extra

    return make


def _named(service: str, resource: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things whose identifier is their name. ``resource`` is the ARN's tail, with ``{}``."""

    def make(birth: Birth) -> Made:
        known = {"arn": arn(birth, service, resource.format(birth.name))}
        return birth.name, known | {key: give(birth) for key, give in more.items()}

    return make


def _by_arn(service: str, resource: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things whose identifier is their ARN."""

    def make(birth: Birth) -> Made:
        id_ = arn(birth, service, resource.format(birth.name))
        return id_, {"arn": id_} | {key: give(birth) for key, give in more.items()}

    return make


def _joined(pattern: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things identified by their inputs, such as ``{role}:{name}``."""

    def make(birth: Birth) -> Made:
        values = {key: birth.text(key) for key in birth.inputs} | {"name": birth.name}
        id_ = re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), ""), pattern)
        return id_, {key: give(birth) for key, give in more.items()}

    return make


# --- types with a form of their own ------------------------------------------------------------


def _vpc(birth: Birth) -> Made:
    id_ = f"vpc-{birth.hex(17)}"
    return id_, {
        "arn": arn(birth, "ec2", f"vpc/{id_}"),
        "ownerId": birth.account,
        "defaultSecurityGroupId": f"sg-{digest(id_, 17)}",
        "defaultRouteTableId": f"rtb-{digest(id_, 17)}",
        "mainRouteTableId": f"rtb-{digest(id_, 17)}",
        "defaultNetworkAclId": f"acl-{digest(id_, 17)}",
        "dhcpOptionsId": f"dopt-{birth.hex(17, 'dhcp')}",
        "enableDnsSupport": birth.text("enableDnsSupport", "true").lower() == "true",
        "enableDnsHostnames": birth.text("enableDnsHostnames", "false").lower() == "true",
        "instanceTenancy": birth.text("instanceTenancy", "default"),
    }


def _default_group(birth: Birth) -> Made:
    """The group that came with the VPC is adopted, not made."""
    id_ = f"sg-{digest(birth.text('vpcId'), 17)}"
    name = {"name": "default", "description": "default VPC security group"}
    return id_, {
        "arn": arn(birth, "ec2", f"security-group/{id_}"),
        "ownerId": birth.account,
        **name,
    }


def _subnet(birth: Birth) -> Made:
    id_ = f"subnet-{birth.hex(17)}"
    place = zone(birth)
    return id_, {
        "arn": arn(birth, "ec2", f"subnet/{id_}"),
        "ownerId": birth.account,
        "availabilityZone": place,
        "availabilityZoneId": f"{short_region(birth.region)}-az{ord(place[-1]) - ord('a') + 1}",
    }


def _eip(birth: Birth) -> Made:
    id_, address = f"eipalloc-{birth.hex(17)}", _ip(birth, "52")
    name = f"ec2-{address.replace('.', '-')}.{birth.region}.compute.amazonaws.com"
    known = {"allocationId": id_, "publicIp": address, "publicDns": name, "domain": "vpc"}
    return id_, known | {"arn": arn(birth, "ec2", f"elastic-ip/{id_}")}


def _endpoint(birth: Birth) -> Made:
    id_, service = f"vpce-{birth.hex(17)}", birth.text("serviceName").rsplit(".", 1)[-1]
    interface = birth.text("vpcEndpointType", "Gateway") == "Interface"
    host = f"{id_}-{birth.hex(8, 'dns')}.{service}.{birth.region}.vpce.amazonaws.com"
    return id_, {
        "arn": arn(birth, "ec2", f"vpc-endpoint/{id_}"),
        "ownerId": birth.account,
        "state": "available",
        "prefixListId": "" if interface else f"pl-{birth.hex(8, 'pl')}",
        "dnsEntries": [{"dnsName": host, "hostedZoneId": "Z38GZ743OKFT7T"}] if interface else [],
    }


def _template(birth: Birth) -> Made:
    id_ = f"lt-{birth.hex(17)}"
    default = birth.revision if birth.text("updateDefaultVersion").lower() == "true" else 1
    known = {
        "latestVersion": birth.revision,
        "defaultVersion": birth.number("defaultVersion", default),
    }
    return id_, known | {"arn": arn(birth, "ec2", f"launch-template/{id_}")}


def _instance(birth: Birth) -> Made:
    id_, address = f"i-{birth.hex(17)}", _ip(birth, "10")
    return id_, {
        "arn": arn(birth, "ec2", f"instance/{id_}"),
        "instanceState": "running",
        "privateIp": address,
        "privateDns": f"ip-{address.replace('.', '-')}.{birth.region}.compute.internal",
        "publicIp": _ip(birth, "52"),
        "availabilityZone": zone(birth),
    }


def _kms_key(birth: Birth) -> Made:
    multi = birth.text("multiRegion").lower() == "true"
    id_ = f"mrk-{birth.hex(32)}" if multi else _uuid(birth)
    return id_, {"keyId": id_, "arn": arn(birth, "kms", f"key/{id_}")}


def _kms_alias(birth: Birth) -> Made:
    target = birth.text("targetKeyId").rsplit("/", 1)[-1]
    outputs = {
        "arn": arn(birth, "kms", birth.name),
        "targetKeyArn": arn(birth, "kms", f"key/{target}"),
    }
    return birth.name, outputs


def _role(birth: Birth) -> Made:
    path = birth.text("path", "/")
    return birth.name, {
        "arn": arn(birth, "iam", f"role{path}{birth.name}", region=False),
        "uniqueId": _upper(birth, "AROA", 21),
        "createDate": _CREATED,
        "path": path,
        "maxSessionDuration": birth.number("maxSessionDuration", 3600),
    }


def _policy(birth: Birth) -> Made:
    path = birth.text("path", "/")
    id_ = arn(birth, "iam", f"policy{path}{birth.name}", region=False)
    return id_, {
        "arn": id_,
        "policyId": _upper(birth, "ANPA", 21),
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
    known = {"name": name, "path": f"/aws-service-role/{service}/", "createDate": _CREATED}
    return id_, known | {"arn": id_, "uniqueId": _upper(birth, "AROA", 21)}


def _cluster(birth: Birth) -> Made:
    token = birth.hex(32, "cluster").upper()
    issuer = f"https://oidc.eks.{birth.region}.amazonaws.com/id/{token}"
    vpc = _item(birth.inputs.get("vpcConfig"))
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
        | dict(_item(birth.inputs.get("kubernetesNetworkConfig"))),
        "status": "ACTIVE",
        "platformVersion": "eks.1",
        "version": birth.text("version", "1.33"),
        "createdAt": _CREATED,
    }


def _node_group(birth: Birth) -> Made:
    cluster = birth.text("clusterName")
    group = f"eks-{birth.name}-{_uuid(birth)}"
    return f"{cluster}:{birth.name}", {
        "arn": arn(birth, "eks", f"nodegroup/{cluster}/{birth.name}/{_uuid(birth)}"),
        "nodeGroupName": birth.name,
        "status": "ACTIVE",
        "resources": [{"autoscalingGroups": [{"name": group}], "remoteAccessSecurityGroupId": ""}],
    }


def _bucket(birth: Birth) -> Made:
    return birth.name, {
        "bucket": birth.name,
        "arn": f"arn:aws:s3:::{birth.name}",
        "bucketDomainName": f"{birth.name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{birth.name}.s3.{birth.region}.amazonaws.com",
        "bucketRegion": birth.region,
        "hostedZoneId": "Z1BKCTXD74EZPE",
        "requestPayer": "BucketOwner",
    }


def _bucket_part(birth: Birth) -> Made:
    """Policies, encryption, lifecycle and so on: one of each per bucket, named after it."""
    tail = ":" + birth.text("name") if birth.text("name") else ""
    return birth.text("bucket") + tail, {}


def _object(birth: Birth) -> Made:
    bucket, key = birth.text("bucket"), birth.text("key", birth.name)
    tag = birth.hex(32, f"etag{birth.revision}")
    known = {"arn": f"arn:aws:s3:::{bucket}/{key}", "etag": tag, "key": key}
    return f"{bucket}/{key}", known | {"versionId": birth.hex(32, f"version{birth.revision}")}


def _engine_port(birth: Birth) -> int:
    engine = birth.text("engine", "postgres").replace("aurora-", "")
    return birth.number("port", next((p for e, p in _PORTS.items() if e in engine), 5432))


def _master_secret(birth: Birth, kind: str) -> dict[str, Any]:
    if birth.text("manageMasterUserPassword").lower() != "true":
        return {"masterUserSecrets": []}
    secret = f"secret:rds!{kind}-{_uuid(birth, 'master')}-{birth.hex(6, 'master')}"
    key = birth.text("masterUserSecretKmsKeyId", arn(birth, "kms", f"key/{_uuid(birth, 'aws')}"))
    parts = {"kmsKeyId": key, "secretArn": arn(birth, "secretsmanager", secret)}
    return {"masterUserSecrets": [parts | {"secretStatus": "active"}]}


def _rds(birth: Birth) -> Made:
    address, port = (
        f"{birth.name}.{birth.hex(12)}.{birth.region}.rds.amazonaws.com",
        _engine_port(birth),
    )
    resource = _upper(birth, "db-", 29)
    return resource, {
        "identifier": birth.name,
        "arn": arn(birth, "rds", f"db:{birth.name}"),
        "address": address,
        "endpoint": f"{address}:{port}",
        "port": port,
        "resourceId": resource,
        "status": "available",
        "availabilityZone": zone(birth),
        "hostedZoneId": "Z29XKXDKYMONMX",
        "engineVersionActual": birth.text("engineVersion", "17.4"),
        "engineVersion": birth.text("engineVersion", "17.4"),
    } | _master_secret(birth, "db")


def _rds_cluster(birth: Birth) -> Made:
    host = f"{birth.hex(12)}.{birth.region}.rds.amazonaws.com"
    return birth.name, {
        "clusterIdentifier": birth.name,
        "arn": arn(birth, "rds", f"cluster:{birth.name}"),
        "endpoint": f"{birth.name}.cluster-{host}",
        "readerEndpoint": f"{birth.name}.cluster-ro-{host}",
        "port": _engine_port(birth),
        "clusterResourceId": _upper(birth, "cluster-", 34),
        "hostedZoneId": "Z29XKXDKYMONMX",
    } | _master_secret(birth, "cluster")


def _rds_member(birth: Birth) -> Made:
    host = f"{birth.name}.{birth.hex(12)}.{birth.region}.rds.amazonaws.com"
    known = {"endpoint": host, "port": _engine_port(birth), "identifier": birth.name}
    return birth.name, known | {"arn": arn(birth, "rds", f"db:{birth.name}"), "writer": True}


def _cache_host(birth: Birth, prefix: str = "") -> str:
    region = short_region(birth.region)
    return f"{prefix}{birth.name}.{birth.hex(6)}.{region}.cache.amazonaws.com"


def _replication_group(birth: Birth) -> Made:
    sharded = birth.text("clusterMode") == "enabled" or birth.number("numNodeGroups", 1) > 1
    hosts = (
        {"configurationEndpointAddress": _cache_host(birth, "clustercfg.")}
        if sharded
        else {
            "primaryEndpointAddress": _cache_host(birth, "master."),
            "readerEndpointAddress": _cache_host(birth, "replica."),
        }
    )
    count = birth.number("numCacheClusters", 1)
    known = {
        "replicationGroupId": birth.name,
        "arn": arn(birth, "elasticache", f"replicationgroup:{birth.name}"),
        "port": birth.number("port", 6379),
        "memberClusters": [f"{birth.name}-{i:03}" for i in range(1, count + 1)],
    }
    return birth.name, known | hosts


def _serverless_cache(birth: Birth) -> Made:
    host = (
        f"{birth.name}-{birth.hex(6)}.serverless.{short_region(birth.region)}.cache.amazonaws.com"
    )
    return birth.name, {
        "arn": arn(birth, "elasticache", f"serverlesscache:{birth.name}"),
        "endpoints": [{"address": host, "port": 6379}],
        "readerEndpoints": [{"address": host, "port": 6380}],
        "status": "available",
    }


def _repository(birth: Birth) -> Made:
    host = f"{birth.account}.dkr.ecr.{birth.region}.amazonaws.com"
    known = {"registryId": birth.account, "repositoryUrl": f"{host}/{birth.name}"}
    return birth.name, known | {"arn": arn(birth, "ecr", f"repository/{birth.name}")}


def _secret(birth: Birth) -> Made:
    id_ = arn(birth, "secretsmanager", f"secret:{birth.name}-{birth.hex(6)}")
    return id_, {"arn": id_}


def _secret_version(birth: Birth) -> Made:
    secret, version = birth.text("secretId"), _uuid(birth, str(birth.revision))
    known = {"arn": secret, "versionId": version, "versionStages": ["AWSCURRENT"]}
    return f"{secret}|{version}", known


def _queue(birth: Birth) -> Made:
    url = f"https://sqs.{birth.region}.amazonaws.com/{birth.account}/{birth.name}"
    return url, {"url": url, "arn": arn(birth, "sqs", birth.name)}


def _subscription(birth: Birth) -> Made:
    id_ = f"{birth.text('topic')}:{_uuid(birth)}"
    pending = birth.text("protocol") in ("email", "email-json", "http", "https")
    known = {"arn": id_, "ownerId": birth.account, "pendingConfirmation": pending}
    return id_, known | {"confirmationWasAuthenticated": not pending}


def _zone(birth: Birth) -> Made:
    id_ = _upper(birth, "Z", 20)
    servers = [
        f"ns-{i}.awsdns-{i:02}.{tld}" for i, tld in enumerate(("com", "net", "org", "co.uk"), 1)
    ]
    known = {"zoneId": id_, "arn": f"arn:aws:route53:::hostedzone/{id_}", "nameServers": servers}
    return id_, known | {"primaryNameServer": servers[0]}


def _record(birth: Birth) -> Made:
    name = birth.text("name").rstrip(".")
    parts = [birth.text("zoneId"), name, birth.text("type"), birth.text("setIdentifier")]
    return "_".join(filter(None, parts)), {"fqdn": name}


def _certificate(birth: Birth) -> Made:
    id_ = arn(birth, "acm", f"certificate/{_uuid(birth)}")
    names = [birth.text("domainName"), *(birth.inputs.get("subjectAlternativeNames") or [])]
    options = [
        {
            "domainName": name,
            "resourceRecordName": f"_{digest(str(name), 32)}.{str(name).removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{digest(f'v{name}', 32)}.acm-validations.aws.",
        }
        for name in dict.fromkeys(names)
    ]
    known = {"arn": id_, "status": "PENDING_VALIDATION", "type": "AMAZON_ISSUED"}
    return id_, known | {"domainValidationOptions": options}


def _load_balancer(birth: Birth) -> Made:
    kind = {"network": "net", "gateway": "gwy"}.get(birth.text("loadBalancerType"), "app")
    id_ = arn(birth, "elasticloadbalancing", f"loadbalancer/{kind}/{birth.name}/{birth.hex(16)}")
    host = f"{birth.name}-{int(birth.hex(8), 16)}.{birth.region}.elb.amazonaws.com"
    known = {"arn": id_, "arnSuffix": id_.split("loadbalancer/")[1], "dnsName": host}
    return id_, known | {"zoneId": "Z32O12XQLNTSW2"}


def _airflow(birth: Birth) -> Made:
    host = f"{_uuid(birth)}.c{birth.hex(2)}.{birth.region}.airflow.amazonaws.com"
    known = {"webserverUrl": host, "status": "AVAILABLE", "createdAt": _CREATED}
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
    return birth.name, known | {"qualifiedArn": f"{id_}:{birth.revision}", "lastModified": _CREATED}


MAKERS: Final[Mapping[str, Maker]] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": _joined("{certificateArn}"),
    "aws:alb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:backup/plan:Plan": lambda b: (
        _uuid(b), {"arn": arn(b, "backup", f"backup-plan:{_uuid(b)}"), "version": b.hex(24)}
    ),
    "aws:backup/selection:Selection": lambda b: (_uuid(b), {}),
    "aws:backup/vault:Vault": _named("backup", "backup-vault:{}", recoveryPoints=lambda _: 0),
    "aws:budgets/budget:Budget": lambda b: (
        f"{b.account}:{b.name}",
        {"arn": arn(b, "budgets", f"budget/{b.name}", region=False), "accountId": b.account},
    ),
    "aws:cloudwatch/dashboard:Dashboard": lambda b: (
        b.text("dashboardName"),
        {"dashboardArn": arn(b, "cloudwatch", f"dashboard/{b.text('dashboardName')}", region=False)},
    ),
    "aws:cloudwatch/eventRule:EventRule": _named("events", "rule/{}"),
    "aws:cloudwatch/eventTarget:EventTarget": _joined("{rule}-{targetId}"),
    "aws:cloudwatch/logGroup:LogGroup": _named("logs", "log-group:{}"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _named("cloudwatch", "alarm:{}"),
    "aws:dynamodb/table:Table": _named("dynamodb", "table/{}"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _default_group,
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/flowLog:FlowLog": _ec2("fl", "vpc-flow-log"),
    "aws:ec2/instance:Instance": _instance,
    "aws:ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _template,
    "aws:ec2/natGateway:NatGateway": _ec2(
        "nat", "natgateway",
        publicIp=lambda b: _ip(b, "52"), privateIp=lambda b: _ip(b, "10"),
        networkInterfaceId=lambda b: f"eni-{b.hex(17, 'eni')}",
        associationId=lambda b: f"eipassoc-{b.hex(17, 'assoc')}",
    ),
    "aws:ec2/networkAcl:NetworkAcl": _ec2("acl", "network-acl"),
    "aws:ec2/route:Route": lambda b: (
        f"r-{b.text('routeTableId')}{digest(b.text('destinationCidrBlock'), 10)}",
        {"state": "active", "origin": "CreateRoute"},
    ),
    "aws:ec2/routeTable:RouteTable": _ec2("rtb", "route-table"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": lambda b: (f"rtbassoc-{b.hex(17)}", {}),
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": lambda b: (
        f"sgrule-{int(b.hex(8), 16)}", {"securityGroupRuleId": f"sgr-{b.hex(17)}"}
    ),
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _joined("{repository}", registryId=lambda b: b.account),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": lambda b: (
        b.account, {"registryId": b.account}
    ),
    "aws:ecr/repository:Repository": _repository,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _joined("{repository}", registryId=lambda b: b.account),
    "aws:ecs/cluster:Cluster": _by_arn("ecs", "cluster/{}"),
    "aws:eks/accessEntry:AccessEntry": _joined(
        "{clusterName}:{principalArn}",
        accessEntryArn=lambda b: arn(b, "eks", f"access-entry/{b.text('clusterName')}/{_uuid(b)}"),
        createdAt=lambda _: _CREATED, modifiedAt=lambda _: _CREATED,
        userName=lambda b: b.text("userName", b.text("principalArn")),
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _joined(
        "{clusterName}#{principalArn}#{policyArn}",
        associatedAt=lambda _: _CREATED, modifiedAt=lambda _: _CREATED,
    ),
    "aws:eks/addon:Addon": _joined(
        "{clusterName}:{addonName}",
        arn=lambda b: arn(b, "eks", f"addon/{b.text('clusterName')}/{b.text('addonName')}/{_uuid(b)}"),
        createdAt=lambda _: _CREATED, modifiedAt=lambda _: _CREATED,
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
    "aws:elasticache/parameterGroup:ParameterGroup": _named("elasticache", "parametergroup:{}"),
    "aws:elasticache/replicationGroup:ReplicationGroup": _replication_group,
    "aws:elasticache/serverlessCache:ServerlessCache": _serverless_cache,
    "aws:elasticache/subnetGroup:SubnetGroup": _named("elasticache", "subnetgroup:{}"),
    "aws:elasticache/user:User": lambda b: (
        b.text("userId"), {"arn": arn(b, "elasticache", f"user:{b.text('userId')}")}
    ),
    "aws:elasticache/userGroup:UserGroup": lambda b: (
        b.text("userGroupId"), {"arn": arn(b, "elasticache", f"usergroup:{b.text('userGroupId')}")}
    ),
    "aws:iam/group:Group": lambda b: (
        b.name, {"arn": arn(b, "iam", f"group/{b.name}", region=False), "uniqueId": _upper(b, "AGPA", 21)}
    ),
    "aws:iam/instanceProfile:InstanceProfile": lambda b: (
        b.name,
        {
            "arn": arn(b, "iam", f"instance-profile/{b.name}", region=False),
            "uniqueId": _upper(b, "AIPA", 21),
            "createDate": _CREATED,
        },
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc,
    "aws:iam/policy:Policy": _policy,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _joined("{role}:{name}"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _joined("{role}/{policyArn}"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": _service_role,
    "aws:iam/user:User": lambda b: (
        b.name, {"arn": arn(b, "iam", f"user/{b.name}", region=False), "uniqueId": _upper(b, "AIDA", 21)}
    ),
    "aws:kms/alias:Alias": _kms_alias,
    "aws:kms/key:Key": _kms_key,
    "aws:lambda/function:Function": _function,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": lambda b: (
        arn(b, "elasticloadbalancing", f"targetgroup/{b.name}/{b.hex(16)}"),
        {
            "arn": arn(b, "elasticloadbalancing", f"targetgroup/{b.name}/{b.hex(16)}"),
            "arnSuffix": f"targetgroup/{b.name}/{b.hex(16)}",
        },
    ),
    "aws:mwaa/environment:Environment": _airflow,
    "aws:rds/cluster:Cluster": _rds_cluster,
    "aws:rds/clusterInstance:ClusterInstance": _rds_member,
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": _named("rds", "cluster-pg:{}"),
    "aws:rds/instance:Instance": _rds,
    "aws:rds/optionGroup:OptionGroup": _named("rds", "og:{}"),
    "aws:rds/parameterGroup:ParameterGroup": _named("rds", "pg:{}"),
    "aws:rds/subnetGroup:SubnetGroup": _named("rds", "subgrp:{}"),
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _zone,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketObject:BucketObject": _object,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:sagemaker/domain:Domain": _domain,
    "aws:sagemaker/endpoint:Endpoint": _named("sagemaker", "endpoint/{}"),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": _named("sagemaker", "endpoint-config/{}"),
    "aws:sagemaker/featureGroup:FeatureGroup": lambda b: (
        b.text("featureGroupName"),
        {"arn": arn(b, "sagemaker", f"feature-group/{b.text('featureGroupName')}")},
    ),
    "aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer": _tracking_server,
    "aws:sagemaker/model:Model": _named("sagemaker", "model/{}"),
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:secretsmanager/secretPolicy:SecretPolicy": _joined("{secretArn}"),
    "aws:secretsmanager/secretRotation:SecretRotation": _joined("{secretId}"),
    "aws:secretsmanager/secretVersion:SecretVersion": _secret_version,
    "aws:sfn/stateMachine:StateMachine": _by_arn("states", "stateMachine:{}"),
    "aws:sns/topic:Topic": _by_arn("sns", "{}", owner=lambda b: b.account),
    "aws:sns/topicPolicy:TopicPolicy": _joined("{arn}", owner=lambda b: b.account),
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _joined("{queueUrl}"),
    "aws:ssm/parameter:Parameter": _named("ssm", "parameter/{}", version=lambda b: b.revision),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda b: (
        f"sgr-{b.hex(17)}",
        {"arn": arn(b, "ec2", f"security-group-rule/sgr-{b.hex(17)}"), "securityGroupRuleId": f"sgr-{b.hex(17)}"},
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda b: (
        f"sgr-{b.hex(17)}",
        {"arn": arn(b, "ec2", f"security-group-rule/sgr-{b.hex(17)}"), "securityGroupRuleId": f"sgr-{b.hex(17)}"},
    ),
}  # fmt: skip


def generic(birth: Birth) -> Made:
    """Any other type: named after itself when it has a name, otherwise a made-up identifier."""
    service, _, rest = birth.type.split(":")[1].partition("/")
    if service == "s3" and rest.startswith("bucket"):
        return _bucket_part(birth)
    name = birth.name if "name" in birth.inputs else f"{birth.name}-{birth.hex(12)}"
    return name, {"arn": arn(birth, service, f"{rest.lower()}/{name}")}
