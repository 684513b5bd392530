"""An account on AWS: state and its key, CI's roles, guardrails. The only user of AWS' SDK here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, Resource, ResourceOptions

from plinth.bootstrap import aws_documents as documents
from plinth.bootstrap.base import Excuse, Part, Preparation
from plinth.bootstrap.order import Order
from plinth.bootstrap.quotas import Limits
from plinth.bootstrap.trust import AZURE_DEVOPS, Trust
from plinth.clouds.aws.keys import ADMINISTER, USE, autoscaling, key_statement
from plinth.clouds.aws.site import allow, assume, document
from plinth.clouds.aws.storage import accept_logs, furnish

#: Days after which an overwritten state, or a log, goes.
_OLD_STATES: Final = 365
_LOGS: Final = 400
_TRAIL: Final = "plinth"
_READ_ONLY: Final = "arn:aws:iam::aws:policy/ReadOnlyAccess"

#: Types of what a platform is made of and that AWS Config asks for tags (AWS Config Developer
#: Guide, "required-tags"); recording no other type is what keeps its price low.
_TAGGED: Final = (
    "AWS::ACM::Certificate",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::EC2::Instance",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::Volume",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
)
_REQUIRED: Final = ("platform", "environment", "owner", "cost-center")


def _program(order: Order, limits: Limits) -> dict[str, Output[Any]]:
    provider = aws.Provider(
        "aws",
        region=order.region,
        allowed_account_ids=[order.account],
        default_tags={"tags": order.tags},
    )
    logs = Logs(order, provider)
    state = State(order, provider, logs)
    guardrails = Guardrails(order, provider, logs)
    if order.trust:
        guarded = [state.bucket, guardrails.bucket_name("audit"), logs.bucket]
        Identities(order, provider, order.trust, state=state.bucket, guarded=guarded)
    _ask(limits, InvokeOptions(provider=provider))
    return {"key": state.key.arn}


#: What the registry names.
ACCOUNT: Final = Preparation(
    program=_program,
    excuses=(
        Excuse(
            "privilege-aws-wildcard",
            "*aws:iam/policy:Policy::boundary",
            "A boundary gives nothing: it is the most that any role can be given",
        ),
    ),
)


def _ask(limits: Limits, options: InvokeOptions) -> None:
    for need in limits.needs:
        try:
            found = aws.servicequotas.get_service_quota(
                service_code=need.quota.service,
                quota_code=need.quota.code,
                region=need.region,
                opts=options,
            )
        except Exception:  # noqa: BLE001, S112 - no right, no such quota there: it stays unknown
            continue
        limits.found[need.key] = found.value


class _AwsPart(Part):
    """Keys and buckets, as all parts make them."""

    def __init__(self, kind: str, order: Order, provider: aws.Provider) -> None:
        super().__init__(kind, order, [provider])

    def named(self, name: str, region: str) -> str:
        """Logical name of what each region has one of."""
        return name if region == self.order.region else f"{name}-{region}"

    def elsewhere(self, region: str) -> str | None:
        """A region, where it is not the provider's own."""
        return None if region == self.order.region else region

    def make_key(
        self,
        name: str,
        title: str,
        statements: Sequence[Mapping[str, Any]] = (),
        *,
        region: str | None = None,
    ) -> Any:
        """A key with its alias; who may use it is said by IAM policies and by ``statements``."""
        where = region or self.order.region
        logical, elsewhere = self.named(name, where), self.elsewhere(where)
        root = {"AWS": f"arn:aws:iam::{self.order.account}:root"}
        key = aws.kms.Key(
            logical,
            region=elsewhere,
            description=title,
            enable_key_rotation=True,
            rotation_period_in_days=365,
            deletion_window_in_days=30,
            policy=document(
                key_statement("Administer", root, ADMINISTER),
                key_statement("UseByPolicy", root, USE),
                *statements,
            ),
            tags={"Name": title},
            opts=self.child(keep=True),
        )
        aws.kms.Alias(
            logical,
            region=elsewhere,
            name=f"alias/{_physical(name)}",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key

    def make_bucket(
        self,
        name: str,
        *,
        key: Input[str] | None,
        logs: str | None,
        days: Mapping[str, Any],
        statements: Sequence[Mapping[str, Any]] = (),
    ) -> Resource:
        """A private bucket that keeps every version and that nobody deletes; its policy.

        Args:
            name: Logical name.
            key: Key of its objects; S3's own without one.
            logs: Bucket that takes the access logs.
            days: Rule of its life cycle.
            statements: What its policy allows to services.
        """
        bucket = self.bucket_name(name)
        return furnish(
            name,
            aws.s3.Bucket(
                name,
                bucket=bucket,
                force_destroy=False,
                tags={"Name": bucket},
                opts=self.child(keep=True),
            ),
            self.child,
            key=key,
            log_bucket=logs,
            rules=[
                {
                    "id": "tidy",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
                    **days,
                }
            ],
            statements=[
                {
                    "Sid": "DenyDeletion",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:DeleteBucket",
                    "Resource": f"arn:aws:s3:::{bucket}",
                },
                *statements,
            ],
        )

    def bucket_name(self, name: str) -> str:
        """Its physical name; bucket names are one space for all accounts of the world."""
        return f"{_physical(name)}-{self.order.account}-{self.order.region}"


def _physical(name: str) -> str:
    return f"plinth-{name}"


def _days(days: int) -> dict[str, Any]:
    """The rule of what is only worth keeping for a while."""
    return {
        "expiration": {"days": days},
        "noncurrent_version_expiration": {"noncurrent_days": 30},
    }


class Logs(_AwsPart):
    """The bucket that takes the access logs of all others."""

    def __init__(self, order: Order, provider: aws.Provider) -> None:
        super().__init__("Logs", order, provider)
        self.bucket = self.bucket_name("access-logs")
        self.make_bucket(
            "access-logs",
            # S3 delivers access logs to no bucket whose default encryption is KMS.
            key=None,
            logs=None,
            days=_days(_LOGS),
            statements=[accept_logs(f"arn:aws:s3:::{self.bucket}", order.account)],
        )
        self.register_outputs({})


class State(_AwsPart):
    """Where the state of all stacks is kept, and the key of their secrets."""

    def __init__(self, order: Order, provider: aws.Provider, logs: Logs) -> None:
        super().__init__("State", order, provider)
        self.key = self.make_key("state", "Plinth: state and its secrets")
        self.bucket = self.bucket_name("state")
        self.make_bucket(
            "state",
            key=self.key.arn,
            logs=logs.bucket,
            # Only what was overwritten goes: the present state has no age.
            days={"noncurrent_version_expiration": {"noncurrent_days": _OLD_STATES}},
        )
        self.register_outputs({})


class Identities(_AwsPart):
    """What CI comes as: a role that looks and a role that deploys, both within a boundary.

    Everything here is known beforehand, so that somebody with more rights can make it by hand.
    """

    def __init__(
        self,
        order: Order,
        provider: aws.Provider,
        trust: Trust,
        *,
        state: str,
        guarded: Sequence[str],
    ) -> None:
        """Makes them.

        Args:
            order: Whose account.
            provider: AWS.
            trust: Who may take the roles.
            state: Bucket that they need.
            guarded: Buckets that nobody loosens.
        """
        super().__init__("Identities", order, provider)
        self._trust = trust
        account = order.account
        issuer = f"arn:aws:iam::{account}:oidc-provider/{trust.host}"
        # No thumbprint: AWS checks the certificates of GitHub, GitLab and others by itself.
        aws.iam.OpenIdConnectProvider(
            "ci", url=trust.issuer, client_id_lists=[_audience(trust)], opts=self._known(issuer)
        )
        boundary = self._policy(
            "boundary",
            documents.BOUNDARY,
            "The most that anything Plinth makes can do.",
            documents.boundary(account, guarded),
        )
        deploy = self._role("deploy", documents.DEPLOY, trust.deploy, boundary)
        rights = self._policy(
            "deploy",
            documents.DEPLOY,
            "What a deployment of Plinth makes.",
            documents.deploy(account, order.regions),
        )
        self._attach("deploy", deploy, self._arn(documents.DEPLOY), rights)
        self._inline("deploy", deploy, documents.state_access(account, state, write=True))
        preview = self._role("preview", documents.PREVIEW, trust.preview, boundary)
        self._attach("preview", preview, _READ_ONLY)
        self._inline(
            "preview",
            preview,
            [*documents.state_access(account, state, write=False), *documents.no_data(state)],
        )
        self.register_outputs({})

    def _arn(self, policy: str) -> str:
        return f"arn:aws:iam::{self.order.account}:policy/{policy}"

    def _known(self, identifier: str, *depends_on: Resource) -> ResourceOptions:
        """Options of what is made here, or was made by hand and is taken over."""
        made = self.child(depends_on=depends_on)
        made.import_ = identifier if self.order.adopt else None
        return made

    def _policy(self, name: str, physical: str, title: str, policy: Mapping[str, Any]) -> Any:
        return aws.iam.Policy(
            name,
            name=physical,
            description=title,
            policy=json.dumps(policy),
            opts=self._known(self._arn(physical)),
        )

    def _role(self, name: str, physical: str, subjects: Sequence[str], boundary: Any) -> Any:
        trust, account = self._trust, self.order.account
        return aws.iam.Role(
            name,
            name=physical,
            description=f"{trust.repository} on {trust.ci}: {name}",
            assume_role_policy=json.dumps(
                documents.trust(
                    f"arn:aws:iam::{account}:oidc-provider/{trust.host}",
                    trust.host,
                    _audience(trust),
                    subjects,
                )
            ),
            permissions_boundary=self._arn(documents.BOUNDARY),
            max_session_duration=3600 if name == "preview" else 4 * 3600,
            opts=self._known(physical, boundary),
        )

    def _attach(self, name: str, role: Any, arn: str, *depends_on: Resource) -> None:
        aws.iam.RolePolicyAttachment(
            name,
            role=role.name,
            policy_arn=arn,
            opts=self._known(f"plinth-{name}/{arn}", *depends_on),
        )

    def _inline(self, name: str, role: Any, statements: Sequence[Mapping[str, Any]]) -> None:
        aws.iam.RolePolicy(
            f"{name}-state",
            name="state",
            role=role.name,
            policy=json.dumps(documents.document(*statements)),
            opts=self._known(f"plinth-{name}:state"),
        )


def _audience(trust: Trust) -> str:
    """Who the token is for: what each system's own login action asks for."""
    return "api://AzureADTokenExchange" if trust.ci == AZURE_DEVOPS else "sts.amazonaws.com"


@dataclass(frozen=True, slots=True)
class _Store:
    """The bucket that trail and recorder deliver to, its key, and what says that it is ready."""

    bucket: str
    key: Output[str]
    ready: Resource


class Guardrails(_AwsPart):
    """What holds for the whole account, whoever works in it.

    What AWS keeps for each region is set in every one that environments are in.
    """

    def __init__(self, order: Order, provider: aws.Provider, logs: Logs) -> None:
        super().__init__("Guardrails", order, provider)
        store = None
        if order.makes("trail") or order.makes("config-recorder"):
            store = self._store(logs)
        if store and order.makes("trail"):
            self._trail(store)
        self._all_public_access()
        for region in order.regions:
            self._disks(region)
            self._public_access(region)
        self._tags(store if order.makes("config-recorder") else None)
        if order.makes("budget"):
            self._budget()
        self.register_outputs({})

    def _store(self, logs: Logs) -> _Store:
        """Where trail and recorder deliver."""
        order = self.order
        trail = f"arn:aws:cloudtrail:{order.region}:{order.account}:trail/{_TRAIL}"
        key = self.make_key("audit", "Plinth: audit trail", [*_trail_key(order, trail)])
        bucket = self.bucket_name("audit")
        ready = self.make_bucket(
            "audit",
            key=key.arn,
            logs=logs.bucket,
            days=_days(_LOGS),
            statements=_deliveries(order, bucket, trail),
        )
        return _Store(bucket, key.arn, ready)

    def _trail(self, store: _Store) -> None:
        aws.cloudtrail.Trail(
            "audit",
            name=_TRAIL,
            s3_bucket_name=store.bucket,
            kms_key_id=store.key,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            opts=self.child(depends_on=[store.ready]),
        )

    def _disks(self, region: str) -> None:
        logical, elsewhere = self.named("disks", region), self.elsewhere(region)
        key = self.make_key(
            "disks",
            "Plinth: disks of machines",
            [
                key_statement(
                    "GrantToServices",
                    {"AWS": f"arn:aws:iam::{self.order.account}:root"},
                    ["kms:CreateGrant"],
                    {"Bool": {"kms:GrantIsForAWSResource": "true"}},
                ),
                *autoscaling(self.order.account),
            ],
            region=region,
        )
        aws.ebs.EncryptionByDefault(logical, region=elsewhere, enabled=True, opts=self.child())
        aws.ebs.DefaultKmsKey(logical, region=elsewhere, key_arn=key.arn, opts=self.child())

    def _all_public_access(self) -> None:
        aws.s3.AccountPublicAccessBlock(
            "public-access",
            account_id=self.order.account,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )

    def _public_access(self, region: str) -> None:
        logical, elsewhere = self.named("public-access", region), self.elsewhere(region)
        aws.ebs.SnapshotBlockPublicAccess(
            logical, region=elsewhere, state="block-all-sharing", opts=self.child()
        )
        aws.ec2.ImageBlockPublicAccess(
            logical, region=elsewhere, state="block-new-sharing", opts=self.child()
        )
        aws.ec2.InstanceMetadataDefaults(
            self.named("metadata", region),
            region=elsewhere,
            http_tokens="required",
            http_put_response_hop_limit=1,
            opts=self.child(),
        )

    def _tags(self, store: _Store | None) -> None:
        """AWS Config asks what a platform is made of for its tags; an account has no other way.

        Without a store, the recorder that is there has to record these types.
        """
        role, ready = self._recorder_role(store) if store else (None, ())
        for region in self.order.regions:
            recording: Sequence[Resource] = ()
            if store:
                recording = [self._recorder(region, store, role, ready)]
            aws.cfg.Rule(
                self.named("tags", region),
                region=self.elsewhere(region),
                name="plinth-required-tags",
                description="What a platform is made of says whose it is and who pays.",
                source={"owner": "AWS", "source_identifier": "REQUIRED_TAGS"},
                scope={"compliance_resource_types": list(_TAGGED)},
                input_parameters=json.dumps(
                    {f"tag{number}Key": tag for number, tag in enumerate(_REQUIRED, 1)}
                ),
                opts=self.child(depends_on=recording),
            )

    def _recorder_role(self, store: _Store) -> tuple[Any, Sequence[Resource]]:
        """What AWS Config works as; and what has to be there before it can deliver."""
        role = aws.iam.Role(
            "config",
            name="plinth-config",
            assume_role_policy=assume(
                "config.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": self.order.account}},
            ),
            opts=self.child(),
        )
        aws.iam.RolePolicyAttachment(
            "config",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/service-role/AWS_ConfigRole",
            opts=self.child(),
        )
        arn = f"arn:aws:s3:::{store.bucket}"
        rights = aws.iam.RolePolicy(
            "config",
            name="deliver",
            role=role.id,
            policy=document(
                allow(["s3:GetBucketAcl", "s3:ListBucket"], arn),
                allow(["s3:PutObject"], f"{arn}/AWSLogs/{self.order.account}/Config/*"),
                allow(["kms:GenerateDataKey", "kms:Decrypt"], store.key),
            ),
            opts=self.child(),
        )
        return role, [rights, store.ready]

    def _recorder(
        self, region: str, store: _Store, role: Any, ready: Sequence[Resource]
    ) -> Resource:
        logical, elsewhere = self.named("tags", region), self.elsewhere(region)
        recorder = aws.cfg.Recorder(
            logical,
            region=elsewhere,
            name=_TRAIL,
            role_arn=role.arn,
            recording_group={
                "all_supported": False,
                "include_global_resource_types": False,
                "resource_types": list(_TAGGED),
            },
            opts=self.child(),
        )
        channel = aws.cfg.DeliveryChannel(
            logical,
            region=elsewhere,
            name=_TRAIL,
            s3_bucket_name=store.bucket,
            s3_kms_key_arn=store.key,
            opts=self.child(depends_on=[recorder, *ready]),
        )
        # A recorder without a channel cannot be started.
        running: Resource = aws.cfg.RecorderStatus(
            logical,
            region=elsewhere,
            name=recorder.name,
            is_enabled=True,
            opts=self.child(depends_on=[channel]),
        )
        return running

    def _budget(self) -> None:
        order = self.order
        alerts = [("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
        aws.budgets.Budget(
            "budget",
            name=f"plinth-{order.account}",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{order.budget:.2f}",
            limit_unit=order.currency,
            notifications=[
                {
                    "notification_type": kind,
                    "comparison_operator": "GREATER_THAN",
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": order.people,
                }
                for kind, percent in alerts
            ],
            opts=self.child(),
        )


def _trail_key(order: Order, trail: str) -> list[dict[str, Any]]:
    """Lets CloudTrail encrypt (User Guide, "Configure AWS KMS key policies for CloudTrail")."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    return [
        key_statement(
            "EncryptTrail",
            service,
            ["kms:GenerateDataKey*"],
            {
                "StringEquals": {"aws:SourceArn": trail},
                "StringLike": {
                    "kms:EncryptionContext:aws:cloudtrail:arn": (
                        f"arn:aws:cloudtrail:*:{order.account}:trail/*"
                    )
                },
            },
        ),
        key_statement(
            "DescribeForTrail",
            service,
            ["kms:DescribeKey"],
            {"StringEquals": {"aws:SourceArn": trail}},
        ),
    ]


def _deliveries(order: Order, bucket: str, trail: str) -> list[dict[str, Any]]:
    """Lets CloudTrail deliver (User Guide, "Amazon S3 bucket policy for CloudTrail")."""
    base = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    source = {"aws:SourceArn": trail}
    return [
        {
            **base,
            "Sid": "LookForTrail",
            "Action": "s3:GetBucketAcl",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringEquals": source},
        },
        {
            **base,
            "Sid": "DeliverTrail",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{order.account}/*",
            "Condition": {"StringEquals": {**source, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ]
