"""The private network: made here, or adopted and left untouched."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource

from plinth.clouds.aws.facts import ZONES
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site, allow, assume, document
from plinth.ports import Port

#: Interface endpoints by the port that needs them; a platform gets those of the ports in use.
_ENDPOINTS: Final[Mapping[Port, tuple[str, ...]]] = {
    Port.CLUSTER: (
        "autoscaling",
        "ec2",
        "ecr.api",
        "ecr.dkr",
        "eks",
        "eks-auth",
        "elasticloadbalancing",
        "kms",
        "logs",
        "sts",
    ),
    Port.NOTIFICATIONS: ("sns",),
    Port.SECRETS: ("secretsmanager",),
}


class Zone(NamedTuple):
    """A zone of a created network. The letter is the platform's own: AWS's differ by account."""

    letter: str
    id: str
    private: str
    public: str


def layout(cidr: str, zones: Sequence[str]) -> list[Zone]:
    """Cuts a range: a quarter for each zone's private subnet, and of the last one small ones.

    Pods take addresses of private subnets (a quarter of a /16 is 16,384); public subnets hold load
    balancers and NAT gateways only (a 64th of a /16 is 1,024).
    """
    quarters = list(ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=2))
    small = list(quarters[3].subnets(prefixlen_diff=4))
    return [
        Zone(letter, zone, str(private), str(public))
        for letter, zone, private, public in zip("abc", zones, quarters, small, strict=False)
    ]


class Network(Component):
    """VPC, subnets, ways out and endpoints (``plinth:index:Network``); none when adopted.

    Attributes:
        vpc_id: The VPC.
        cidr: Its address range.
        private: Subnets of nodes, databases and internal load balancers.
        public: Subnets of public load balancers and NAT gateways.
        ready: What must exist before a machine can reach what it needs.
    """

    vpc_id: Input[str]
    private: list[Input[str]]
    public: list[Input[str]]
    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, keys: Keys, parent: Resource) -> None:
        super().__init__("Network", "network", site, parent)
        self._spec = site.blueprint.settings.network
        self._keys = keys
        adopted = self._spec.adopt
        if adopted is not None:
            self.vpc_id = adopted.network
            self.private = list(adopted.private_subnets)
            self.public = list(adopted.public_subnets)
            self.ready = ()
        else:
            self._create()
        self.register_outputs({"vpcId": self.vpc_id})

    @property
    def cidr(self) -> Input[str]:
        """The address range; an adopted network is asked for it."""
        if self._spec.adopt is None:
            return self._spec.cidr
        found = aws.ec2.get_vpc_output(
            id=self._spec.adopt.network, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        block: Output[str] = found.cidr_block
        return block

    def _create(self) -> None:
        zones = layout(self._spec.cidr, ZONES[self.site.region][: self._spec.zones])
        vpc = aws.ec2.Vpc(
            "vpc",
            cidr_block=self._spec.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self.tags("network"),
            opts=self.child(),
        )
        self.vpc_id = vpc.id
        self.private, self.public = [], []
        # Without rules: whatever names no security group of its own reaches nothing.
        aws.ec2.DefaultSecurityGroup(
            "default", vpc_id=vpc.id, tags=self.tags("closed"), opts=self.child()
        )
        self._associations: list[Resource] = []
        tables = {zone.letter: self._private(zone) for zone in zones}
        self.ready = tuple(self._endpoints(tables))
        if self._needs_public:
            self.ready += tuple(self._ways_out(zones, tables))
        # A subnet without its table has no way out. Nothing refers to an association, so without
        # this it would be the first thing that `destroy` takes away, and the controllers that are
        # to delete load balancers and disks could reach AWS no more.
        self.ready += tuple(self._associations)
        if self._spec.flow_logs.enabled:
            self._flow_logs()

    # --- subnets and ways out --------------------------------------------------------------------

    @property
    def _needs_public(self) -> bool:
        domain = self.site.blueprint.settings.domain
        return self._spec.nat != "none" or (domain is not None and domain.exposure == "public")

    def _private(self, zone: Zone) -> Any:
        """A zone's private subnet; returns its route table."""
        name = f"private-{zone.letter}"
        subnet = self._subnet(name, zone, zone.private, {"kubernetes.io/role/internal-elb": "1"})
        self.private.append(subnet.id)
        return self._table(name, subnet)

    def _subnet(self, name: str, zone: Zone, cidr: str, tags: Mapping[str, str]) -> Any:
        return aws.ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            cidr_block=cidr,
            availability_zone_id=zone.id,
            map_public_ip_on_launch=False,
            # The load balancer controller finds subnets by these tags.
            tags={**self.tags(name), **tags},
            opts=self.child(),
        )

    def _table(self, name: str, subnet: Any) -> Any:
        table = aws.ec2.RouteTable(
            name, vpc_id=self.vpc_id, tags=self.tags(name), opts=self.child()
        )
        self._associations.append(
            aws.ec2.RouteTableAssociation(
                name, subnet_id=subnet.id, route_table_id=table.id, opts=self.child()
            )
        )
        return table

    def _ways_out(self, zones: Sequence[Zone], tables: Mapping[str, Any]) -> Iterator[Resource]:
        gateway = aws.ec2.InternetGateway(
            "internet", vpc_id=self.vpc_id, tags=self.tags("internet"), opts=self.child()
        )
        subnets = {}
        for zone in zones:
            name = f"public-{zone.letter}"
            subnet = self._subnet(name, zone, zone.public, {"kubernetes.io/role/elb": "1"})
            subnets[zone.letter] = subnet
            self.public.append(subnet.id)
            yield self._route(name, self._table(name, subnet), gateway_id=gateway.id)
        yield from self._nat(zones, tables, subnets, gateway)

    def _nat(
        self,
        zones: Sequence[Zone],
        tables: Mapping[str, Any],
        subnets: Mapping[str, Any],
        gateway: Resource,
    ) -> Iterator[Resource]:
        """One NAT gateway in all or one a zone, and every private subnet's route to one."""
        count = {"none": 0, "single": 1, "per-zone": len(zones)}[self._spec.nat or "single"]
        made = []
        for zone in zones[:count]:
            name = f"nat-{zone.letter}"
            address = aws.ec2.Eip(name, domain="vpc", tags=self.tags(name), opts=self.child())
            made.append(
                aws.ec2.NatGateway(
                    name,
                    allocation_id=address.allocation_id,
                    subnet_id=subnets[zone.letter].id,
                    tags=self.tags(name),
                    opts=self.child(depends_on=[gateway]),
                )
            )
        for index, zone in enumerate(zones if made else ()):
            nat = made[min(index, count - 1)]
            yield self._route(f"private-{zone.letter}", tables[zone.letter], nat_gateway_id=nat.id)

    def _route(self, name: str, table: Any, **target: Input[str]) -> Resource:
        route: Resource = aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            opts=self.child(),
            **target,
        )
        return route

    # --- endpoints -------------------------------------------------------------------------------

    def _endpoints(self, tables: Mapping[str, Any]) -> Iterator[Resource]:
        """Free gateway endpoints always; interface endpoints, paid by zone and hour, if asked for.

        Those stand in every zone when durable and in the first one otherwise.
        """
        for service in ("s3", "dynamodb"):
            yield self._endpoint(
                service,
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables.values()],
            )
        if not self._spec.endpoints:
            return
        group = aws.ec2.SecurityGroup(
            "endpoints",
            description="AWS services, from inside the network",
            vpc_id=self.vpc_id,
            tags=self.tags("endpoints"),
            opts=self.child(),
        )
        yield aws.vpc.SecurityGroupIngressRule(
            "endpoints",
            description="HTTPS from inside the network",
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self._spec.cidr,
            tags=self.tags(),
            opts=self.child(),
        )
        spread = len(tables) if self.site.durable else 1
        needs = self.site.blueprint.needs
        services = {name for port, names in _ENDPOINTS.items() if port in needs for name in names}
        for service in sorted(services):
            yield self._endpoint(
                service,
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                security_group_ids=[group.id],
                subnet_ids=self.private[:spread],
            )

    def _endpoint(self, service: str, **props: Any) -> Resource:
        endpoint: Resource = aws.ec2.VpcEndpoint(
            service,
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{self.site.region}.{service}",
            tags=self.tags(service),
            opts=self.child(),
            **props,
        )
        return endpoint

    # --- flow logs -------------------------------------------------------------------------------

    def _flow_logs(self) -> None:
        path = f"/plinth/{self.site.prefix}/flow-logs"
        days = self._spec.flow_logs.retention_days
        group = self.log_group("flow-logs", path, self._keys.arn(Concern.LOGS), days)
        trust = assume(
            "vpc-flow-logs.amazonaws.com",
            {"StringEquals": {"aws:SourceAccount": self.site.account}},
        )
        role = aws.iam.Role(
            "flow-logs", assume_role_policy=trust, tags=self.tags(), opts=self.child()
        )
        actions = ["CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents"]
        rights = aws.iam.RolePolicy(
            "flow-logs",
            role=role.id,
            policy=document(
                allow(
                    [f"logs:{action}" for action in actions],
                    [group.arn, Output.concat(group.arn, ":*")],
                )
            ),
            opts=self.child(),
        )
        aws.ec2.FlowLog(
            "flow-logs",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self.tags("flow-logs"),
            opts=self.child(depends_on=[rights]),
        )


def inbound(
    component: Component,
    name: str,
    *,
    network: Network,
    port: int,
    callers: Mapping[str, Input[str]],
) -> Any:
    """A security group that lets ``callers`` in on one port, and nothing out.

    ``callers`` is ``referenced_security_group_id`` or ``cidr_ipv4`` with its value.
    """
    group = aws.ec2.SecurityGroup(
        name,
        description=f"{component.site.prefix}: {name}",
        vpc_id=network.vpc_id,
        tags=component.tags(name),
        opts=component.child(),
    )
    aws.vpc.SecurityGroupIngressRule(
        name,
        description="Workloads of the platform",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        tags=component.tags(),
        opts=component.child(),
        **callers,
    )
    return group
