"""A project on Google Cloud: state and its key, CI's accounts, guardrails.

What a project allows less than an account on AWS: there is no boundary around service accounts, so
roles of our own name each permission, and a condition names the roles that may be given on; labels
cannot be required; and organisation policies need an organisation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Input, InvokeOptions, InvokeOutputOptions, Output, Resource

from plinth.bootstrap import gcp_rights as rights
from plinth.bootstrap.base import Part, Preparation
from plinth.bootstrap.order import Order
from plinth.bootstrap.quotas import Limits
from plinth.bootstrap.trust import AZURE_DEVOPS, GITLAB, Trust
from plinth.naming import gcp_label, physical

_DAY: Final = 24 * 60 * 60
_OLD_STATES: Final = 365
_LOGS: Final = 400
_RING: Final = "plinth"
_POOL: Final = "plinth"
_PROVIDER: Final = "ci"
_REFUSED: Final = {"restriction_mode": "FullyRestricted"}
_USE_KEY: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"

#: Services that the project turns on, and leaves on.
_SERVICES: Final = (
    "billingbudgets", "cloudbilling", "cloudkms", "cloudquotas", "cloudresourcemanager", "iam",
    "iamcredentials", "logging", "monitoring", "orgpolicy", "serviceusage", "storage", "sts",
)  # fmt: skip

#: Organisation policies that are set on the project (Resource Manager documentation,
#: "Organization policy constraints").
_CONSTRAINTS: Final = (
    "iam.automaticIamGrantsForDefaultServiceAccounts",
    "iam.disableServiceAccountKeyCreation",
    "iam.disableServiceAccountKeyUpload",
    "sql.restrictPublicIp",
    "storage.publicAccessPrevention",
    "storage.uniformBucketLevelAccess",
)


def _program(order: Order, limits: Limits) -> dict[str, Output[Any]]:
    provider = gcp.Provider(
        "gcp",
        project=order.account,
        region=order.region,
        default_labels={gcp_label(key): gcp_label(value) for key, value in order.tags.items()},
    )
    services = Services(order, provider)
    keys = Keys(order, provider, services)
    logs = Logs(order, provider, services, keys)
    state = State(order, provider, keys, logs)
    if order.trust:
        Identities(order, provider, services, order.trust, state=state)
    Guardrails(order, provider, services, keys)
    _ask(order, limits, InvokeOptions(provider=provider))
    return {"key": state.key, "project_number": services.number}


#: What the registry names.
ACCOUNT: Final = Preparation(program=_program)


def _ask(order: Order, limits: Limits, options: InvokeOptions) -> None:
    for need in limits.needs:
        try:
            found = gcp.cloudquota.get_s_quota_info(
                parent=f"projects/{order.account}/locations/global",
                service=need.quota.service,
                quota_id=need.quota.code,
                opts=options,
            )
        except Exception:  # noqa: BLE001, S112 - no right, API off, no such quota: it stays unknown
            continue
        limits.found[need.key] = _limit(found.dimensions_infos, need.region)


def _limit(infos: Sequence[Any], region: str) -> float:
    """The value for a region, else for all; one without a value is zero, -1 is no limit."""
    here = [each for each in infos if (each.dimensions or {}).get("region") == region]
    anywhere = [each for each in infos if not each.dimensions]
    values = [
        float(detail.value)
        for each in (here or anywhere)
        for detail in each.details
        if detail.value
    ]
    return max(values, default=0.0)


class Services(Part):
    """The project's services that everything else needs."""

    def __init__(self, order: Order, provider: gcp.Provider) -> None:
        super().__init__("Apis", order, [provider])
        self.on: dict[str, Resource] = {
            name: gcp.projects.Service(
                name,
                service=f"{name}.googleapis.com",
                project=order.account,
                # Others in the project may use it by then.
                disable_on_destroy=False,
                opts=self.child(),
            )
            for name in _SERVICES
        }
        self.lookup = InvokeOutputOptions(
            provider=provider, depends_on=[self.on["cloudresourcemanager"], self.on["storage"]]
        )
        found = gcp.organizations.get_project_output(project_id=order.account, opts=self.lookup)
        self.number: Output[str] = found.number
        self.billing_account: Output[str] = found.billing_account
        self.register_outputs({})


class Keys(Part):
    """The key ring; rings can never be deleted, so its name is for good."""

    def __init__(self, order: Order, provider: gcp.Provider, services: Services) -> None:
        super().__init__("Keys", order, [provider])
        self._services = services
        self._ring = gcp.kms.KeyRing(
            _RING,
            name=_RING,
            location=order.region,
            project=order.account,
            opts=self.child(keep=True, depends_on=[services.on["cloudkms"]]),
        )
        self.register_outputs({})

    def make(self, name: str, members: Mapping[str, Input[str]]) -> Output[str]:
        """A key, whose name is known once its services may use it."""
        key = gcp.kms.CryptoKey(
            name,
            name=name,
            key_ring=self._ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=f"{90 * _DAY}s",
            destroy_scheduled_duration=f"{30 * _DAY}s",
            opts=self.child(keep=True),
        )
        users = [
            gcp.kms.CryptoKeyIAMMember(
                f"{name}-{who}",
                crypto_key_id=key.id,
                role=_USE_KEY,
                member=member,
                opts=self.child(),
            )
            for who, member in members.items()
        ]
        known = Output.all(key.id, *(user.id for user in users))
        return known.apply(lambda values: str(values[0]))

    @property
    def storage(self) -> Output[str]:
        """Cloud Storage's own account in the project; asking is what makes it."""
        found = gcp.storage.get_project_service_account_output(
            project=self.order.account, opts=self._services.lookup
        )
        return Output.concat("serviceAccount:", found.email_address)

    @property
    def logging(self) -> Output[str]:
        """Cloud Logging's."""
        found = gcp.logging.get_project_cmek_settings_output(
            project=self.order.account, opts=self._services.lookup
        )
        return Output.concat("serviceAccount:", found.service_account_id)


class _Buckets(Part):
    """Buckets, as all parts make them."""

    def make_bucket(
        self, name: str, *, key: Output[str], logs: str | None, rule: Mapping[str, Any]
    ) -> Any:
        """A private bucket that keeps every version; ``rule`` says how long."""
        bucket = self.bucket_name(name)
        return gcp.storage.Bucket(
            name,
            name=bucket,
            project=self.order.account,
            location=self.order.region.upper(),
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": True},
            soft_delete_policy={"retention_duration_seconds": 30 * _DAY},
            encryption={
                "default_kms_key_name": key,
                "google_managed_encryption_enforcement_config": _REFUSED,
                "customer_supplied_encryption_enforcement_config": _REFUSED,
            },
            lifecycle_rules=[
                {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}},
                {"action": {"type": "Delete"}, "condition": dict(rule)},
            ],
            logging={"log_bucket": logs or bucket, "log_object_prefix": name},
            force_destroy=False,
            opts=self.child(keep=True),
        )

    def bucket_name(self, name: str) -> str:
        """Its physical name; bucket names are one space for all projects of the world."""
        return f"plinth-{name}-{physical(self.order.account, limit=45)}"


class Logs(_Buckets):
    """The bucket that takes the access logs of all others."""

    def __init__(
        self, order: Order, provider: gcp.Provider, services: Services, keys: Keys
    ) -> None:
        super().__init__("Logs", order, [provider])
        made = self.make_bucket(
            "access-logs",
            key=keys.make("access-logs", {"storage": keys.storage}),
            logs=None,
            rule={"age": _LOGS},
        )
        self.bucket = self.bucket_name("access-logs")
        gcp.storage.BucketIAMMember(
            "access-logs",
            bucket=made.name,
            role="roles/storage.objectCreator",
            # Google's group that writes them.
            member="group:cloud-storage-analytics@google.com",
            opts=self.child(depends_on=[services.on["storage"]]),
        )
        self.register_outputs({})


class State(_Buckets):
    """Where the state of all stacks is kept, and the key of their secrets."""

    def __init__(self, order: Order, provider: gcp.Provider, keys: Keys, logs: Logs) -> None:
        super().__init__("State", order, [provider])
        self.key = keys.make("state", {"storage": keys.storage})
        made = self.make_bucket(
            "state",
            key=self.key,
            logs=logs.bucket,
            # Only what was overwritten goes: the present state has no age.
            rule={"days_since_noncurrent_time": _OLD_STATES},
        )
        self.bucket: Output[str] = made.name
        self.register_outputs({})


class Identities(Part):
    """What CI comes as: an account that looks and one that deploys, without keys."""

    def __init__(
        self,
        order: Order,
        provider: gcp.Provider,
        services: Services,
        trust: Trust,
        *,
        state: State,
    ) -> None:
        super().__init__("Identities", order, [provider])
        self._state = state
        project = order.account
        pool = gcp.iam.WorkloadIdentityPool(
            "ci",
            workload_identity_pool_id=_POOL,
            project=project,
            display_name="Plinth: CI",
            opts=self._known(
                f"projects/{project}/locations/global/workloadIdentityPools/{_POOL}",
                services.on["iam"],
            ),
        )
        issuer = gcp.iam.WorkloadIdentityPoolProvider(
            "ci",
            workload_identity_pool_id=_POOL,
            workload_identity_pool_provider_id=_PROVIDER,
            project=project,
            display_name=trust.ci,
            attribute_mapping={
                "google.subject": _called(trust),
                # One attribute an account, so that a token is for those that it is meant for.
                "attribute.preview": _mapped(_among(trust.preview)),
                "attribute.deploy": _mapped(_deploys(trust)),
            },
            attribute_condition=f"{_among(trust.preview)} || {_deploys(trust)}",
            oidc={"issuer_uri": trust.issuer, "allowed_audiences": _audiences(trust) or None},
            opts=self._known(
                f"projects/{project}/locations/global/workloadIdentityPools/{_POOL}"
                f"/providers/{_PROVIDER}",
                pool,
            ),
        )
        before = (issuer, services.on["iam"])
        deploy = self._account("deploy", services.number, before)
        preview = self._account("preview", services.number, before)
        self._role("deploy", "plinthDeploy", deploy, rights.deploy())
        self._role("preview", "plinthPreview", preview, rights.preview())
        self._role(
            "grant",
            "plinthGrant",
            deploy,
            ["resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"],
            {
                "title": "only-roles-of-workloads",
                "expression": "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', [])"
                f".hasOnly({_listed(rights.GRANTABLE)})",
            },
        )
        self._open("deploy", deploy, "roles/storage.objectUser", _USE_KEY)
        self._open(
            "preview", preview, "roles/storage.objectViewer", "roles/cloudkms.cryptoKeyDecrypter"
        )
        self.register_outputs({})

    def _known(self, identifier: str, *depends_on: Resource) -> Any:
        made = self.child(depends_on=depends_on)
        made.import_ = identifier if self.order.adopt else None
        return made

    def _account(self, name: str, number: Output[str], before: Sequence[Resource]) -> str:
        """An account that tokens with one attribute may act as; the IAM member."""
        project = self.order.account
        email = f"{getattr(self.order.names, f'{name}_identity')}"
        identifier = f"projects/{project}/serviceAccounts/{email}"
        account = gcp.serviceaccount.Account(
            name,
            account_id=f"plinth-{name}",
            project=project,
            display_name=f"Plinth: {name} from CI",
            opts=self._known(identifier, *before),
        )
        gcp.serviceaccount.IAMMember(
            name,
            service_account_id=account.name,
            role="roles/iam.workloadIdentityUser",
            member=Output.concat(
                "principalSet://iam.googleapis.com/projects/",
                number,
                f"/locations/global/workloadIdentityPools/{_POOL}/attribute.{name}/yes",
            ),
            opts=self.child(),
        )
        self._made = account
        return f"serviceAccount:{email}"

    def _role(
        self,
        name: str,
        role_id: str,
        member: str,
        permissions: Sequence[str],
        condition: Mapping[str, str] | None = None,
    ) -> None:
        project = self.order.account
        identifier = f"projects/{project}/roles/{role_id}"
        role = gcp.projects.IAMCustomRole(
            name,
            role_id=role_id,
            project=project,
            title=f"Plinth: {name}",
            permissions=list(permissions),
            stage="GA",
            opts=self._known(identifier),
        )
        gcp.projects.IAMMember(
            name,
            project=project,
            role=identifier,
            member=member,
            condition=dict(condition) if condition else None,
            opts=self.child(depends_on=[role, self._made]),
        )

    def _open(self, name: str, member: str, objects: str, key: str) -> None:
        """Opens the state and the key of its secrets."""
        ready = [self._made]
        for short, role in (("state", objects), ("bucket", "roles/storage.legacyBucketReader")):
            gcp.storage.BucketIAMMember(
                f"{name}-{short}",
                bucket=self._state.bucket,
                role=role,
                member=member,
                opts=self.child(depends_on=ready),
            )
        gcp.kms.CryptoKeyIAMMember(
            f"{name}-key",
            crypto_key_id=self._state.key,
            role=key,
            member=member,
            opts=self.child(depends_on=ready),
        )


def _listed(words: Sequence[str]) -> str:
    return json.dumps(list(words)).replace('"', "'")


def _among(subjects: Sequence[str]) -> str:
    """A condition in CEL: the token's subject is one of these, or starts like one with ``*``."""
    exact = [each for each in subjects if not each.endswith("*")]
    starts = [f"assertion.sub.startsWith({_quoted(s[:-1])})" for s in subjects if s.endswith("*")]
    return " || ".join([*([f"assertion.sub in {_listed(exact)}"] if exact else []), *starts])


def _quoted(word: str) -> str:
    return _listed([word])[1:-1]


def _deploys(trust: Trust) -> str:
    """... and on GitLab comes from a protected branch, which its tokens say."""
    found = _among(trust.deploy)
    return f"({found}) && assertion.ref_protected == 'true'" if trust.ci == GITLAB else found


def _called(trust: Trust) -> str:
    """What audit logs call a run: Google takes 127 bytes, which others' subjects exceed.

    GitLab's have a branch in them, those of Azure DevOps' connections four identifiers.  Source:
    Google Cloud documentation, "Troubleshoot Workload Identity Federation".
    """
    if trust.ci == GITLAB:
        return "'project:' + assertion.project_id + ':job:' + assertion.job_id"
    if trust.ci == AZURE_DEVOPS:
        return f"({_deploys(trust)}) ? 'deploy' : 'preview'"
    return "assertion.sub"


def _audiences(trust: Trust) -> list[str]:
    """Who tokens are for; none means Google's default, the provider itself.

    Tokens of Azure DevOps are for Microsoft's own exchange, whoever is to read them.
    """
    return ["api://AzureADTokenExchange"] if trust.ci == AZURE_DEVOPS else []


def _mapped(condition: str) -> str:
    return f"({condition}) ? 'yes' : 'no'"


class Guardrails(Part):
    """What holds for the whole project, whoever works in it."""

    def __init__(
        self, order: Order, provider: gcp.Provider, services: Services, keys: Keys
    ) -> None:
        super().__init__("Guardrails", order, [provider])
        self._services = services
        self._keep()
        if order.makes("trail"):
            self._audit(keys.make("audit", {"logging": keys.logging}))
        if order.makes("organization"):
            self._constraints()
        if order.makes("budget"):
            self._budget()
        self.register_outputs({})

    def _keep(self) -> None:
        """Nobody deletes the project, with its state and keys, who does not lift this first."""
        gcp.resourcemanager.Lien(
            "keep",
            parent=Output.concat("projects/", self._services.number),
            origin="plinth",
            reason="Plinth: holds the state of all stacks, its keys, and who did what.",
            restrictions=["resourcemanager.projects.delete"],
            opts=self.child(depends_on=[self._services.on["cloudresourcemanager"]]),
        )

    def _audit(self, key: Output[str]) -> None:
        project = self.order.account
        gcp.projects.IAMAuditConfig(
            "audit",
            project=project,
            service="allServices",
            audit_log_configs=[
                {"log_type": kind} for kind in ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
            ],
            opts=self.child(),
        )
        bucket = gcp.logging.ProjectBucketConfig(
            "audit",
            project=project,
            location=self.order.region,
            bucket_id="plinth-audit",
            description="Plinth: audit trail",
            retention_days=_LOGS,
            cmek_settings={"kms_key_name": key},
            opts=self.child(keep=True, depends_on=[self._services.on["logging"]]),
        )
        gcp.logging.ProjectSink(
            "audit",
            name="plinth-audit",
            project=project,
            description="Plinth: audit trail",
            destination=Output.concat("logging.googleapis.com/", bucket.id),
            filter='log_id("cloudaudit.googleapis.com/activity") OR '
            'log_id("cloudaudit.googleapis.com/data_access") OR '
            'log_id("cloudaudit.googleapis.com/policy")',
            unique_writer_identity=True,
            opts=self.child(),
        )

    def _constraints(self) -> None:
        parent = f"projects/{self.order.account}"
        for constraint in _CONSTRAINTS:
            gcp.orgpolicy.Policy(
                constraint.replace(".", "-").lower(),
                name=f"{parent}/policies/{constraint}",
                parent=parent,
                spec={"rules": [{"enforce": "TRUE"}]},
                opts=self.child(depends_on=[self._services.on["orgpolicy"]]),
            )

    def _budget(self) -> None:
        order = self.order
        whole, cents = divmod(round(order.budget * 100), 100)
        people = [
            gcp.monitoring.NotificationChannel(
                physical("budget", email, unique=email),
                project=order.account,
                type="email",
                display_name=f"Plinth: {email}",
                labels={"email_address": email},
                user_labels={gcp_label(key): gcp_label(tag) for key, tag in order.tags.items()},
                opts=self.child(depends_on=[self._services.on["monitoring"]]),
            )
            for email in order.people
        ]
        gcp.billing.Budget(
            "budget",
            billing_account=self._services.billing_account,
            display_name=f"plinth-{order.account}",
            amount={
                "specified_amount": {
                    "currency_code": order.currency,
                    "units": str(whole),
                    "nanos": cents * 10_000_000,
                }
            },
            budget_filter={
                "projects": [Output.concat("projects/", self._services.number)],
                "calendar_period": "MONTH",
            },
            threshold_rules=[
                {"spend_basis": basis, "threshold_percent": percent}
                for basis, percent in (
                    ("CURRENT_SPEND", 0.5),
                    ("CURRENT_SPEND", 0.8),
                    ("CURRENT_SPEND", 1.0),
                    ("FORECASTED_SPEND", 1.0),
                )
            ],
            all_updates_rule={
                "monitoring_notification_channels": [person.name for person in people],
                "disable_default_iam_recipients": True,
            },
            opts=self.child(depends_on=[self._services.on["billingbudgets"]]),
        )
