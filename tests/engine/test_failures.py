from __future__ import annotations

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent

from plinth.engine.changes import Collector
from plinth.engine.failures import classify, failure
from plinth.errors import EngineError, PolicyError

URN = "urn:pulumi:dev::plinth::aws:s3/bucket:Bucket::store"


def error(stderr: str = "", stdout: str = "") -> CommandError:
    return CommandError(CommandResult(stdout=stdout, stderr=stderr, code=255))


def diagnostic(message: str, urn: str | None = None, severity: str = "error") -> EngineEvent:
    said = {"message": message, "color": "never", "severity": severity, "urn": urn}
    return EngineEvent.from_json({"diagnosticEvent": said})


def collector(*events: EngineEvent) -> Collector:
    collected = Collector(lambda _: False)
    for event in events:
        collected(event)
    return collected


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("getting secrets manager: incorrect passphrase", "passphrase-wrong"),
        ("could not automatically download and install resource plugin 'x'", "plugin-missing"),
        ("failed to save snapshot: write x.tmp: no space left on device", "disk-full"),
        ('resource "urn:x" cannot be deleted because it is protected. To un', "resource-protected"),
        ("passphrase must be set with PULUMI_CONFIG_PASSPHRASE", "passphrase-missing"),
        ("the stack is currently locked by 1 lock(s).", "stack-locked"),
        ("[409] Conflict: Another update is currently in progress.", "stack-locked"),
        ("PULUMI_ACCESS_TOKEN must be set for login during non-interactive", "backend-login"),
        ('unable to open state directory "file:///x": no such file', "backend-unreachable"),
        (
            'performing HTTP request: Get "https://x/api/user": dial tcp: lookup x: no such host',
            "backend-unreachable",
        ),
        (
            'read ".pulumi/meta.yaml": get credentials: failed to refresh cached credentials',
            "credentials-missing",
        ),
        ("No valid credential sources found.", "credentials-missing"),
        ("no resource plugin 'pulumi-resource-aws' found in the workspace", "plugin-missing"),
        ("no stack named 'dev' found", "stack-missing"),
        (
            'Pulumi CLI version 3.1.0 does not satisfy the version requirement ">=3.210.0"',
            "engine-too-old",
        ),
        ('policy pack "x" failed to start: exit status 1', "policy-pack-broken"),
        ("resource cannot be deleted, as it is currently protected", "resource-protected"),
        ("something else entirely", "engine-failed"),
    ],
)
def test_known_sentences(message: str, code: str) -> None:
    problem = classify(message)
    assert problem.code == code
    assert problem.message
    assert "\n" not in problem.message


def test_each_failed_resource_keeps_its_provider_s_words() -> None:
    events = collector(
        diagnostic("BucketAlreadyExists: the name is taken\n", URN),
        diagnostic("NoSuchThing: no", URN.replace("store", "logs")),
        diagnostic("update failed", "urn:pulumi:dev::plinth::pulumi:pulumi:Stack::plinth-dev"),
        diagnostic("careful", URN, severity="warning"),
    )
    raised = failure(error("error: update failed"), events)
    assert isinstance(raised, EngineError)
    assert [(each.code, each.message, each.path) for each in raised.problems] == [
        ("resource-failed", "BucketAlreadyExists: the name is taken", URN),
        ("resource-failed", "NoSuchThing: no", URN.replace("store", "logs")),
    ]


def test_violations_come_before_everything_else() -> None:
    violation = {
        "resourceUrn": URN, "message": "Buckets are private.\nstore is public\n", "color": "never",
        "policyName": "private", "policyPackName": "base", "policyPackVersion": "1",
        "policyPackVersionTag": "1", "enforcementLevel": "mandatory",
    }  # fmt: skip
    advice = {**violation, "enforcementLevel": "advisory", "policyName": "tags"}
    events = collector(
        EngineEvent.from_json({"policyEvent": violation}),
        EngineEvent.from_json({"policyEvent": advice}),
        diagnostic("preview failed"),
    )
    raised = failure(error(), events)
    assert isinstance(raised, PolicyError)
    (problem,) = raised.problems
    assert problem.message == "base/private: Buckets are private. store is public"
    assert problem.path == URN


def test_without_events_the_cli_s_own_error_is_used() -> None:
    raised = failure(
        error("warning: beware\nerror: project 'x' is odd: mend it\n  then come back\n"),
        collector(),
    )
    assert raised.problems[0].message == "project 'x' is odd: mend it then come back"


def test_a_silent_death_is_said() -> None:
    assert failure(error(), collector()).problems[0].message


def test_an_exception_of_the_program_is_its_last_line() -> None:
    trace = "Program failed:\nTraceback (most recent call last):\n  File x\nKeyError: 'region'\n"
    raised = failure(error(), collector(diagnostic(trace)))
    assert raised.problems[0].message == "KeyError: 'region'"


def test_an_exception_in_several_lines_is_told_whole() -> None:
    trace = (
        "Program failed:\nTraceback (most recent call last):\n"
        '  File "x", line 1, in y\n    raise error\n    ^^^^^^^^^^^\n'
        "Exception: invoke failed: 1 error occurred:\n\t* the region\n  is closed\nSee elsewhere\n"
    )
    raised = failure(error(), collector(diagnostic(trace)))
    assert raised.problems[0].message == (
        "Exception: invoke failed: 1 error occurred: * the region is closed See elsewhere"
    )


def test_what_is_only_cancelled_is_no_cause() -> None:
    events = collector(
        diagnostic("ServiceUnavailable: later", URN),
        diagnostic("failed to run remediation: context canceled", f"{URN}2"),
    )
    (problem,) = failure(error(), events).problems
    assert problem.path == URN


def test_a_preview_that_refreshes_tells_what_each_resource_says() -> None:
    events = collector(
        diagnostic("Preview failed: ServiceUnavailable: later", URN), diagnostic("preview failed")
    )
    (problem,) = failure(error(), events).problems
    assert (problem.message, problem.path) == ("ServiceUnavailable: later", URN)


def test_the_same_problem_is_said_once() -> None:
    events = collector(diagnostic("No valid credential sources found", URN), *[
        diagnostic("No valid credential sources found", URN)
    ])  # fmt: skip
    assert len(failure(error(), events).problems) == 1


AWS = "operation error {}, https response error StatusCode: 403, RequestID: {}, api error {}"
DENIED = (
    "User: arn:aws:sts::111111111111:assumed-role/ci/run is not authorized to perform: {} on "
    "resource: {} because no identity-based policy allows the action"
)
REGIONAL = (
    "resource \"CPUS\": request requires '36.0' and is short '12.0'. project has a quota of "
    "'24.0' with '24.0' available., forbidden"
)
CLIENT = (
    '{"error":{"code":"AuthorizationFailed","message":"The client \'c1\' with object id \'o1\' '
    "does not have authorization to perform action 'Microsoft.Resources/subscriptions/"
    "resourcegroups/read' over scope '/subscriptions/s1/resourcegroups/rg' or the scope is "
    'invalid. If access was recently granted, please refresh your credentials."}}'
)
CORES = (
    "Operation could not be completed as it results in exceeding approved standardBSFamily Cores "
    "quota. Additional details - Deployment Model: Resource Manager, Location: eastus2, Current "
    "Limit: 50, Current Usage: 48, Additional Required: 4, (Minimum) New Limit Required: 52."
)


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        (
            AWS.format("EC2: CreateVpc", "1", "UnauthorizedOperation: You are not authorized to "
            "perform this operation. " + DENIED.format("ec2:CreateVpc", "arn:aws:ec2:x:1:vpc/*")
            + ". Encoded authorization failure message: x8Qk"),
            "permission-missing",
            "arn:aws:sts::111111111111:assumed-role/ci/run lacks the permission ec2:CreateVpc on "
            "arn:aws:ec2:x:1:vpc/*",
        ),
        (
            AWS.format("S3: CreateBucket", "1", "AccessDenied: "
            + DENIED.format("s3:CreateBucket", '"arn:aws:s3:::models"')),
            "permission-missing",
            "arn:aws:sts::111111111111:assumed-role/ci/run lacks the permission s3:CreateBucket on "
            "arn:aws:s3:::models",
        ),
        (
            f"cannot check existence of resource: status code 403, {CLIENT}",
            "permission-missing",
            "Client c1 lacks the permission Microsoft.Resources/subscriptions/resourcegroups/read "
            "on /subscriptions/s1/resourcegroups/rg",
        ),
        (
            "googleapi: Error 403: Required 'compute.networks.create' permission for "
            "'projects/p1/global/networks/n1', forbidden",
            "permission-missing",
            "The identity in hand lacks the permission compute.networks.create on "
            "projects/p1/global/networks/n1",
        ),
        (
            "googleapi: Error 403: Permission 'iam.serviceAccounts.create' denied on resource (or "
            "it may not exist)., forbidden",
            "permission-missing",
            "The identity in hand lacks the permission iam.serviceAccounts.create",
        ),
        (
            "googleapi: Error 403: ci@p1.iam.gserviceaccount.com does not have "
            "storage.buckets.create access to the Google Cloud project. Permission "
            "'storage.buckets.create' denied on resource (or it may not exist)., forbidden",
            "permission-missing",
            "ci@p1.iam.gserviceaccount.com lacks the permission storage.buckets.create on the "
            "Google Cloud project",
        ),
        (
            "googleapi: Error 403: Cloud Resource Manager API has not been used in project 123 "
            "before or it is disabled. Enable it by visiting https://x then retry., forbidden",
            "api-off",
            "The Cloud Resource Manager API of project 123 is off",
        ),
        (
            "configured Kubernetes cluster is unreachable: unable to load Kubernetes client "
            'configuration from kubeconfig file: context "ml" does not exist',
            "cluster-unreachable",
            "The Kubernetes cluster cannot be reached: configured Kubernetes cluster is "
            "unreachable: unable to load Kubernetes client configuration from kubeconfig file: "
            'context "ml" does not exist',
        ),
        (
            "googleapi: Error 403: The caller does not have permission, forbidden",
            "permission-missing",
            "The identity in hand lacks a permission: googleapi: Error 403: The caller does not "
            "have permission, forbidden",
        ),
        (
            'namespaces is forbidden: User "ci" cannot create resource "namespaces" in API group '
            '"" at the cluster scope',
            "permission-missing",
            'ci lacks the permission create resource "namespaces" on the cluster scope',
        ),
        (
            "googleapi: Error 403: Quota 'CPUS' exceeded.  Limit: 24.0 in region europe-west1.",
            "quota-exceeded",
            "The quota CPUS in region europe-west1 is too small: its limit is 24.0",
        ),
        (
            f"googleapi: Error 403: Insufficient regional quota to satisfy request: {REGIONAL}",
            "quota-exceeded",
            "The quota CPUS is too small: 36.0 are asked for, 12.0 too many",
        ),
        (
            f"googleapi: Error 403: (1) insufficient regional quota to satisfy request: {REGIONAL}",
            "quota-exceeded",
            "The quota CPUS is too small: 36.0 are asked for, 12.0 too many",
        ),
        (
            "VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit "
            "of 32 allows for the instance bucket that the instance type belongs to.",
            "quota-exceeded",
            "The vCPU quota of this account and region is too small: its limit is 32",
        ),
        (
            AWS.format("EC2: CreateVpc", "1", "VpcLimitExceeded: The maximum number of VPCs has "
            "been reached."),
            "quota-exceeded",
            "A quota is too small: VpcLimitExceeded: The maximum number of VPCs has been reached",
        ),
        (
            f'Code="QuotaExceeded" Message="Message: {CORES}"',
            "quota-exceeded",
            "The quota standardBSFamily Cores of eastus2 is too small: its limit is 50, 48 are in "
            "use and 4 more are asked for",
        ),
        (
            'Code="ErrCode_InsufficientVCPUQuota" Message="Insufficient vcpu quota requested 8, '
            'remaining 2 for family standardDSv5Family for region westeurope."',
            "quota-exceeded",
            "The vCPU quota family standardDSv5Family of westeurope is too small: 8 are asked for, "
            "2 are left",
        ),
        (
            AWS.format("STS: GetCallerIdentity", "8", "ExpiredToken: The security token included "
            "in the request is expired"),
            "credentials-expired",
            "The credentials in hand have expired or are wrong: ExpiredToken: The security token "
            "included in the request is expired",
        ),
        (
            "'aws' has a problem: Invalid credentials configured.\nPlease see https://example.com "
            "for more.\nNEW: You can use ESC",
            "credentials-expired",
            "The credentials in hand have expired or are wrong: 'aws' has a problem: Invalid "
            "credentials configured",
        ),
        (
            "AzureCLICredential: ERROR: AADSTS700082: The refresh token has expired due to "
            "inactivity.\nTrace ID: d580-1\nCorrelation ID: 37ed",
            "credentials-expired",
            "The credentials in hand have expired or are wrong: AzureCLICredential: ERROR: "
            "AADSTS700082: The refresh token has expired due to inactivity",
        ),
        (
            'oauth2: cannot fetch token: 400 Bad Request\nResponse: {\n'
            '  "error": "invalid_grant"\n}',
            "credentials-expired",
            "The credentials in hand have expired or are wrong: oauth2: cannot fetch token: 400 "
            'Bad Request Response: { "error": "invalid_grant" }',
        ),
    ],
)  # fmt: skip
def test_what_clouds_say(message: str, code: str, told: str) -> None:
    problem = classify(message, urn=URN)
    assert (problem.code, problem.message) == (code, told)
    assert problem.fix


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (
            'read ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=Unknown): '
            "AccessDenied: Access Denied\n status code: 403",
            "backend-refused",
        ),
        (
            'problem logging in: read ".pulumi\\\\meta.yaml": blob (code=Unknown): GET https://x/\n'
            "RESPONSE 403: 403 not authorized\nERROR CODE: AuthorizationPermissionMismatch",
            "backend-refused",
        ),
        ("problem logging in: bucket s3://state is not accessible", "backend-unreachable"),
        (
            'read ".pulumi/meta.yaml": blob (code=Unknown): operation error S3: GetObject, request '
            'send failed, Get "https://x/": dial tcp: lookup x: no such host',
            "backend-unreachable",
        ),
    ],
)
def test_what_backends_say(message: str, code: str) -> None:
    assert classify(message).code == code
    assert not classify(message, urn=URN).code.startswith("backend-"), "a resource is no backend"


def test_a_limit_of_the_rate_is_no_quota() -> None:
    for said in ("RequestLimitExceeded: slow down", "googleapi: Error 429: rateLimitExceeded"):
        assert classify(said, urn=URN).code == "resource-failed"


def test_what_many_failed_for_is_one_problem() -> None:
    said = [
        AWS.format(
            "S3: CreateBucket",
            number,
            "AccessDenied: " + DENIED.format("s3:CreateBucket", f"arn:aws:s3:::b{number}"),
        )
        for number in range(7)
    ]
    events = collector(*(diagnostic(each, f"{URN}-{n}") for n, each in enumerate(said)))
    (problem,) = failure(error(), events).problems
    assert problem.path is None
    assert problem.message == (
        "arn:aws:sts::111111111111:assumed-role/ci/run lacks the permission s3:CreateBucket "
        "(7 resources: store-0 (Bucket), store-1 (Bucket), store-2 (Bucket), store-3 (Bucket), "
        "store-4 (Bucket) and 2 more), on arn:aws:s3:::b0 among others"
    )


def test_unknown_reasons_are_told_apart() -> None:
    events = collector(
        diagnostic(AWS.format("S3: A", "1", "ServiceUnavailable: later"), f"{URN}-a"),
        diagnostic(AWS.format("S3: B", "2", "ServiceUnavailable: later"), f"{URN}-b"),
        diagnostic(AWS.format("S3: A", "3", "InternalError: odd"), f"{URN}-c"),
    )
    first, second = failure(error(), events).problems
    assert (
        first.message
        == "ServiceUnavailable: later (2 resources: store-a (Bucket), store-b (Bucket))"
    )
    assert second.message.endswith("InternalError: odd")
    assert second.path == f"{URN}-c"
