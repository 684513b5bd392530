"""What the CLI, providers and clouds say when something fails, and what it means.

The sentences were read in issues about the providers and in their sources; the tests quote them.
"""

from __future__ import annotations

from typing import Final

_MORE_QUOTA: Final = (
    "Ask the cloud for a larger quota, or ask for less in the spec (`cluster.node_pools`, sizes)"
)

#: Quotas, each in the words of the service that counts.
_QUOTAS: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        r"Quota '(?P<name>[^']+)' exceeded\.\s+Limit: (?P<limit>[\d.]+)"
        r"(?P<where> in region [\w-]+)?",
        "quota-exceeded",
        "The quota {name}{where} is too small: its limit is {limit}",
        _MORE_QUOTA,
    ),
    (
        r"nsufficient (?:\w+ )?quota to satisfy request[^:]*: (?:resource:? )?\"(?P<name>\w+)\"\W+"
        r"(?:The )?request requires '(?P<asked>[\d.]+)' and is short '(?P<short>[\d.]+)'",
        "quota-exceeded",
        "The quota {name} is too small: {asked} are asked for, {short} too many",
        _MORE_QUOTA,
    ),
    (
        r"exceeding approved (?P<name>.+?) [Qq]uota.*Location: (?P<where>[^,]+), Current Limit: "
        r"(?P<limit>\d+), Current Usage: (?P<used>\d+), Additional Required: (?P<asked>\d+)",
        "quota-exceeded",
        "The quota {name} of {where} is too small: its limit is {limit}, {used} are in use and "
        "{asked} more are asked for",
        _MORE_QUOTA,
    ),
    (
        r"Insufficient vcpu quota requested (?P<asked>\d+), remaining (?P<left>\d+) for "
        r"(?P<name>.+?) for region (?P<where>\w+)",
        "quota-exceeded",
        "The vCPU quota {name} of {where} is too small: {asked} are asked for, {left} are left",
        _MORE_QUOTA,
    ),
    (
        r"VcpuLimitExceeded.*current vCPU limit of (?P<limit>\d+)",
        "quota-exceeded",
        "The vCPU quota of this account and region is too small: its limit is {limit}",
        _MORE_QUOTA,
    ),
    (
        # Limits of the rate of requests are another matter.
        r"\b(?!\w*([Rr]ate|Request)Limit)\w*LimitExceeded(Exception)?\b|ServiceQuotaExceeded"
        r"|QuotaExceeded|QUOTA_EXCEEDED|InsufficientVCPUQuota",
        "quota-exceeded",
        "A quota is too small: {said}",
        _MORE_QUOTA,
    ),
)

_MORE_RIGHTS: Final = (
    "Give the identity that deploys this right (`plinth bootstrap` makes one that has all that is "
    "needed), or use another identity"
)

#: Missing permissions: who may not do what, and on what, as far as the cloud says.
_PERMISSIONS: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        r"User: (?P<who>\S+) is not authorized to perform: (?P<action>[\w:-]+)"
        r"(?: on resource: (?P<what>\S+))?",
        "permission-missing",
        "{who} lacks the permission {action}{on}",
        _MORE_RIGHTS,
    ),
    (
        r"The client '(?P<who>[^']+)' .*?does not have authorization to perform action "
        r"'(?P<action>[^']+)' over scope '(?P<what>[^']+)'",
        "permission-missing",
        "Client {who} lacks the permission {action}{on}",
        _MORE_RIGHTS,
    ),
    (
        r"(?P<who>\S+@\S+) does not have (?P<action>[\w.]+) access to (?P<what>[^.]+)\.",
        "permission-missing",
        "{who} lacks the permission {action}{on}",
        _MORE_RIGHTS,
    ),
    (
        r"(?:[Pp]ermission ['\"](?P<action>[\w.]+)['\"] denied on (?:resource )?|Required ['\"]"
        r"(?P<action2>[\w.]+)['\"] permission(?:\(s\))? for )['\"]?(?P<what>[^\s'\"(,]+)?",
        "permission-missing",
        "The identity in hand lacks the permission {action}{on}",
        _MORE_RIGHTS,
    ),
    (
        r"is forbidden: User \"(?P<who>[^\"]+)\" cannot (?P<action>\w+ resource \"[^\"]+\")"
        r" in API group \"[^\"]*\" (?:at|in) (?P<what>the (?:cluster scope|namespace \"[^\"]+\"))",
        "permission-missing",
        "{who} lacks the permission {action}{on}",
        _MORE_RIGHTS,
    ),
    (
        r"\bAccess ?Denied|UnauthorizedOperation|AuthorizationFailed|PERMISSION_DENIED"
        r"|code = PermissionDenied|[Ee]rror 403\b.*forbidden",
        "permission-missing",
        "The identity in hand lacks a permission: {said}",
        _MORE_RIGHTS,
    ),
)

#: Sentences of the CLI and of cloud SDKs, and what they mean: pattern, code, message, fix.  The
#: message says ``{said}`` where the original sentence tells more, and may name groups of the
#: pattern.  The first pattern that is found decides.
KNOWN: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        r"incorrect passphrase",
        "passphrase-wrong",
        "The passphrase does not open this stack's secrets",
        "Set PULUMI_CONFIG_PASSPHRASE_FILE (or PULUMI_CONFIG_PASSPHRASE) to the right one",
    ),
    (
        r"passphrase must be set",
        "passphrase-missing",
        "This stack's secrets need a passphrase and none is set",
        "Set PULUMI_CONFIG_PASSPHRASE_FILE to the file that holds it",
    ),
    (
        r"the stack is currently locked by|Another update is currently in progress",
        "stack-locked",
        "{said}",
        "Wait until the other run has ended",
    ),
    (
        r"AWS account ID not allowed: \d{12}",
        "wrong-account",
        "The credentials in hand are not of the account that this environment is pinned to: {said}",
        "Take credentials of the pinned account",
    ),
    (
        # AWS STS and EC2; Microsoft Entra (AADSTS…) and Resource Manager; Google's token endpoint.
        r"ExpiredToken|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch"
        r"|InvalidAccessKeyId|AuthFailure:|Invalid credentials configured"
        r"|unable to validate AWS (AccessKeyID|credentials)|SSO session .*(expired|invalid)"
        r"|AADSTS(50173|700082|70043|70008|7000215|7000222|700016|700024|70021|50076|50079)"
        r"|ExpiredAuthenticationToken|InvalidAuthenticationToken\b"
        r"|invalid_grant|invalid_rapt|oauth2: cannot fetch token|Invalid Credentials"
        r"|invalid authentication credentials|code = Unauthenticated"
        r"|server has asked for the client to provide credentials",
        "credentials-expired",
        "The credentials in hand have expired or are wrong: {said}",
        "Log in again in this shell, or renew the secret that it uses; `plinth doctor` shows what "
        "is missing",
    ),
    (
        r"configured Kubernetes cluster is unreachable|with unreachable cluster"
        r"|context \"[^\"]+\" does not exist|context was not found for specified context",
        "cluster-unreachable",
        "The Kubernetes cluster cannot be reached: {said}",
        "Check the kubeconfig, the context that the spec names, and the network",
    ),
    (
        r"No valid credential sources|failed to refresh cached credentials|no EC2 IMDS role found"
        r"|unable to locate credentials|could not find default credentials|NoCredentialProviders"
        r"|Please run 'az login'|DefaultAzureCredential",
        "credentials-missing",
        "There are no usable credentials: {said}",
        "Log in to the cloud in this shell; `plinth doctor` shows what is missing",
    ),
    (
        # The state's bucket answers, and does not let the credentials in, or is not there.
        r"(\.pulumi\b|logging in|access bucket|snapshot).*(AccessDenied|Access Denied"
        r"|AuthorizationPermissionMismatch|does not have storage\.objects|PermissionDenied)",
        "backend-refused",
        "The backend that keeps the state does not let the credentials in hand in: {said}",
        "Use an identity that may read and write the state's bucket and use its key",
    ),
    (
        r"unable to open (bucket|state directory)|could not list bucket|error listing stacks"
        r"|performing HTTP request: .*(dial tcp|timeout|EOF|no such host|certificate)"
        r"|read \"\.pulumi[/\\]+meta\.yaml\"|failed to load checkpoint"
        r"|bucket \S+ is not accessible|NoSuchBucket|ContainerNotFound|bucket does ?n[o']t exist",
        "backend-unreachable",
        "The backend that keeps the state cannot be reached: {said}",
        "Check PULUMI_BACKEND_URL and the access to it",
    ),
    (
        r"could not create secrets manager|(get|load)\w* (stack )?secrets (manager|provider)"
        r"|unable to decrypt|failed to decrypt",
        "secrets-key-unusable",
        "The key that keeps the stack's secrets cannot be used: {said}",
        "Check that it exists and that you may use it; `plinth bootstrap` makes an account's key",
    ),
    (
        r"problem logging in|PULUMI_ACCESS_TOKEN must be set|invalid access token"
        r"|not logged in|Unauthorized: No credentials",
        "backend-login",
        "The state's backend asks for a login",
        "Run `pulumi login`, or set PULUMI_ACCESS_TOKEN",
    ),
    (
        r"(?P<name>\w[\w ]*?) API has not been used in project (?P<what>\S+) before or it is",
        "api-off",
        "The {name} API of project {what} is off",
        "Turn it on with `gcloud services enable`; `serviceusage` and `cloudresourcemanager` have "
        "to be on before anything else",
    ),
    *_QUOTAS,
    *_PERMISSIONS,
    (
        r"no resource plugin '|no language plugin '|failed to load plugin"
        r"|could not (find|download) plugin|automatically download and install \w+ plugin",
        "plugin-missing",
        "A provider plugin is missing: {said}",
        "Check the network, or install it with `pulumi plugin install`",
    ),
    (
        r"error reading from server|transport is closing|Error while dialing.*connection refused",
        "provider-died",
        "The provider ended in the middle of the run: {said}",
        "Run `plinth up` again; what was being made is looked up first",
    ),
    (
        r"(?i:no space left on device)",
        "disk-full",
        "A disk is full: {said}",
        "Make room, then run the same command again",
    ),
    (
        r"no stack named",
        "stack-missing",
        "{said}",
        "Create it with `plinth up`",
    ),
    (
        r"does not satisfy the version requirement|requires Pulumi",
        "engine-too-old",
        "{said}",
        "Run `plinth engine install`",
    ),
    (
        r"policy pack .*(did not start|failed to start)|failed to load policy|failed to run policy|"
        r"policy pack not found",
        "policy-pack-broken",
        "{said}",
        "See what it says; `plinth plan` runs the same rules without the engine",
    ),
    (
        r"marked for protection|as it is currently protected|because it is protected",
        "resource-protected",
        "{said}",
        "Turn its `durable` setting off first, with an `up`, if it really has to go",
    ),
)
