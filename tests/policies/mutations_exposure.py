"""How the example platform is broken so that each rule on exposure must say so."""

from __future__ import annotations

from mutation import Break

_AKS = "azure-native:containerservice:ManagedCluster"
_GKE = "gcp:container/cluster:Cluster"
_SQL = "gcp:sql/databaseInstance:DatabaseInstance"

_AWS = {
    "exposure-aws-public-policy": Break(
        cloud="aws",
        token="aws:sns/topicPolicy:TopicPolicy",
        change={
            "policy.@json.Statement.0.Principal": "*",
            "policy.@json.Statement.0.Condition": None,
        },
    ),
    "exposure-default-security-group": Break(
        cloud="aws",
        token="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        change={"egress": [{"protocol": "-1", "cidrBlocks": ["10.0.0.0/8"]}]},
    ),
    "exposure-eks-endpoint": Break(
        cloud="aws",
        token="aws:eks/cluster:Cluster",
        change={"vpcConfig.endpointPublicAccess": True},
    ),
    "exposure-rds-public": Break(
        cloud="aws", token="aws:rds/instance:Instance", change={"publiclyAccessible": True}
    ),
    "exposure-s3-public-access-block": Break(
        cloud="aws",
        token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        name="models*",
        drop=True,
    ),
    "exposure-security-group-ingress": Break(
        cloud="aws",
        token="aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        change={"cidrIpv4": "0.0.0.0/0"},
    ),
    "exposure-subnet-public-ip": Break(
        cloud="aws", token="aws:ec2/subnet:Subnet", change={"mapPublicIpOnLaunch": True}
    ),
}

_AZURE = {
    "exposure-aks-endpoint": Break(
        cloud="azure", token=_AKS, change={"apiServerAccessProfile.enablePrivateCluster": False}
    ),
    "exposure-aks-workload-identity": Break(
        cloud="azure", token=_AKS, change={"securityProfile.workloadIdentity.enabled": False}
    ),
    "exposure-azure-anonymous": Break(
        cloud="azure",
        token="azure-native:storage:BlobContainer",
        change={"publicAccess": "Blob"},
    ),
    "exposure-azure-machine-public-ip": Break(
        cloud="azure",
        token="azure-native:containerservice:AgentPool",
        change={"enableNodePublicIP": True},
    ),
    "exposure-azure-monitor-network": Break(
        cloud="azure",
        token="azure-native:operationalinsights:Workspace",
        name="alerts",
        change={"features.disableLocalAuth": False},
    ),
    "exposure-azure-public-network": Break(
        cloud="azure",
        token="azure-native:storage:StorageAccount",
        change={"publicNetworkAccess": "Enabled"},
    ),
    "exposure-azure-security-rule": Break(
        cloud="azure",
        token="azure-native:network:NetworkSecurityGroup",
        name="endpoints",
        change={"securityRules.0.sourceAddressPrefix": "Internet"},
    ),
    "exposure-azure-static-keys": Break(
        cloud="azure", token=_AKS, change={"disableLocalAccounts": False}
    ),
    "exposure-azure-subnet-group": Break(
        cloud="azure",
        token="azure-native:network:Subnet",
        change={"networkSecurityGroup": None},
    ),
}

_GCP = {
    "exposure-cloud-sql-networks": Break(
        cloud="gcp",
        token=_SQL,
        change={"settings.ipConfiguration.authorizedNetworks": [{"value": "0.0.0.0/0"}]},
    ),
    "exposure-gcp-database-public": Break(
        cloud="gcp", token=_SQL, change={"settings.ipConfiguration.ipv4Enabled": True}
    ),
    "exposure-gcp-firewall": Break(
        cloud="gcp",
        token="gcp:compute/firewall:Firewall",
        name="webhooks",
        change={"sourceRanges": ["0.0.0.0/0"]},
    ),
    "exposure-gcp-load-balancer": Break(
        cloud="gcp",
        token="gcp:compute/forwardingRule:ForwardingRule",
        change={"loadBalancingScheme": None},
    ),
    "exposure-gcp-public-member": Break(
        cloud="gcp",
        token="gcp:storage/bucketIAMMember:BucketIAMMember",
        change={"member": "allUsers"},
    ),
    "exposure-gcs-public-access": Break(
        cloud="gcp",
        token="gcp:storage/bucket:Bucket",
        change={"publicAccessPrevention": "inherited"},
    ),
    "exposure-gke-endpoint": Break(
        cloud="gcp",
        token=_GKE,
        change={
            "privateClusterConfig.enablePrivateEndpoint": False,
            "masterAuthorizedNetworksConfig": None,
        },
    ),
    "exposure-gke-private-nodes": Break(
        cloud="gcp", token=_GKE, change={"privateClusterConfig.enablePrivateNodes": False}
    ),
    "exposure-memorystore-login": Break(
        cloud="gcp", token="gcp:redis/instance:Instance", change={"authEnabled": False}
    ),
}

_KUBERNETES = {
    "exposure-helm-load-balancer": Break(
        cloud="kubernetes",
        token="kubernetes:helm.sh/v3:Release",
        name="airflow",
        change={"values.apiServer.service.type": "LoadBalancer"},
    ),
    "exposure-service-load-balancer": Break(
        cloud="kubernetes",
        token="kubernetes:core/v1:Service",
        name="mlflow-service",
        change={"spec.type": "LoadBalancer"},
    ),
}

MUTATIONS: dict[str, Break] = {**_AWS, **_AZURE, **_GCP, **_KUBERNETES}
