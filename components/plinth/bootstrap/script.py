"""What an administrator runs by hand where rights are missing: the identities, as CLI commands.

Made from the recorded graph's inputs, so the commands and the program never differ.  Afterwards
``plinth bootstrap CLOUD --adopt`` takes over what was made.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.bootstrap.order import Order
from plinth.bootstrap.planning import graph_of
from plinth.bootstrap.variables import variables
from plinth.errors import Problem, UsageError
from plinth.graph import Resource

Command = list[str]


def script(order: Order) -> str:
    """The script. Shell, without any credential: it uses those of whoever runs it.

    Raises:
        UsageError: There is nobody to trust yet.
    """
    if order.trust is None:
        raise UsageError(
            Problem(
                code="trust-incomplete",
                message="only CI's identities need higher rights, and no CI is named",
                fix="Add --ci and --repository.",
            )
        )
    lines = [
        "#!/bin/sh",
        f"# The identities of CI in {order.account}, for {order.trust.repository}.",
        f"# Afterwards: plinth bootstrap {order.cloud} --account {order.account} --adopt",
        "set -eu",
        *_FIRST.get(order.cloud, "").format(account=order.account).splitlines(),
        "",
    ]
    for resource in graph_of(order):
        if words := command(resource, order):
            text = _NUMBER.sub('projects/"$NUMBER"/', shlex.join(words))
            lines += [_PRINCIPAL.sub(_principal(order), text), ""]
    return "\n".join([*lines, *_told(order)])


def _told(order: Order) -> list[str]:
    """What is left to do in the CI, as comments."""
    wanted = variables(order)
    if not wanted:
        return []
    said = [f"#   {each.name}: {each.command}" for each in wanted]
    return ["# Then set in the CI, to what these commands print:", *said, ""]


#: What a script looks up before it starts.
_FIRST: Final = {
    "gcp": "NUMBER=$(gcloud projects describe {account} --format='value(projectNumber)')",
}
#: A project's number, which nobody knows before: the recorded one is made up.
_NUMBER: Final = re.compile(r"projects/\d+/")
#: Stands for the principal of an identity, which Azure makes up.
_PRINCIPAL: Final = re.compile(r"@principal:(\w+)@")


def _principal(order: Order) -> str:
    show = f"az identity show --subscription {order.account} --resource-group plinth"
    return rf'"$({show} --name plinth-\1 --query principalId --output tsv)"'


def command(resource: Resource, order: Order) -> Command:
    """The command that makes one resource; empty for what needs no higher rights."""
    make = _MAKERS.get(resource.type)
    if make is None or "plinth:index:Identities$" not in resource.urn:
        return []
    return make({**resource.inputs, "principalId": _holder(resource)}, order)


def _holder(resource: Resource) -> str:
    return f"@principal:{resource.name.partition('-')[0]}@"


def _aws_tags(order: Order) -> Command:
    tags = [{"Key": key, "Value": value} for key, value in order.tags.items()]
    return ["--tags", json.dumps(tags)]


def _aws_provider(inputs: Mapping[str, Any], order: Order) -> Command:
    audiences = ["--client-id-list", *inputs["clientIdLists"]]
    first = ["aws", "iam", "create-open-id-connect-provider", "--url", inputs["url"]]
    return [*first, *audiences, *_aws_tags(order)]


def _aws_policy(inputs: Mapping[str, Any], order: Order) -> Command:
    named = ["--policy-name", inputs["name"], "--description", inputs["description"]]
    document = ["--policy-document", inputs["policy"]]
    return ["aws", "iam", "create-policy", *named, *document, *_aws_tags(order)]


def _aws_role(inputs: Mapping[str, Any], order: Order) -> Command:
    options = {
        "--role-name": inputs["name"],
        "--description": inputs["description"],
        "--assume-role-policy-document": inputs["assumeRolePolicy"],
        "--permissions-boundary": inputs["permissionsBoundary"],
        "--max-session-duration": str(inputs["maxSessionDuration"]),
    }
    words = [word for pair in options.items() for word in pair]
    return ["aws", "iam", "create-role", *words, *_aws_tags(order)]


def _aws_inline(inputs: Mapping[str, Any], _order: Order) -> Command:
    named = ["--role-name", inputs["role"], "--policy-name", inputs["name"]]
    return ["aws", "iam", "put-role-policy", *named, "--policy-document", inputs["policy"]]


def _aws_attachment(inputs: Mapping[str, Any], _order: Order) -> Command:
    named = ["--role-name", inputs["role"], "--policy-arn", inputs["policyArn"]]
    return ["aws", "iam", "attach-role-policy", *named]


def _gcp_pool(inputs: Mapping[str, Any], order: Order) -> Command:
    return [
        *("gcloud", "iam", "workload-identity-pools", "create", inputs["workloadIdentityPoolId"]),
        *(f"--project={order.account}", "--location=global"),
        f"--display-name={inputs['displayName']}",
    ]


def _gcp_provider(inputs: Mapping[str, Any], order: Order) -> Command:
    # Conditions have commas in them, so the pairs are parted by something else: `gcloud topic
    # escaping`.
    pairs = ";".join(f"{key}={value}" for key, value in inputs["attributeMapping"].items())
    audiences = inputs["oidc"].get("allowedAudiences")
    return [
        *("gcloud", "iam", "workload-identity-pools", "providers", "create-oidc"),
        *(inputs["workloadIdentityPoolProviderId"], f"--project={order.account}"),
        *("--location=global", f"--workload-identity-pool={inputs['workloadIdentityPoolId']}"),
        f"--display-name={inputs['displayName']}",
        f"--issuer-uri={inputs['oidc']['issuerUri']}",
        f"--attribute-mapping=^;^{pairs}",
        f"--attribute-condition={inputs['attributeCondition']}",
        *([f"--allowed-audiences={','.join(audiences)}"] if audiences else []),
    ]


def _gcp_account(inputs: Mapping[str, Any], order: Order) -> Command:
    return [
        *("gcloud", "iam", "service-accounts", "create", inputs["accountId"]),
        *(f"--project={order.account}", f"--display-name={inputs['displayName']}"),
    ]


def _gcp_account_member(inputs: Mapping[str, Any], order: Order) -> Command:
    email = str(inputs["serviceAccountId"]).rsplit("/", 1)[-1]
    return [
        *("gcloud", "iam", "service-accounts", "add-iam-policy-binding", email),
        *(f"--project={order.account}", f"--role={inputs['role']}"),
        f"--member={inputs['member']}",
    ]


def _gcp_role(inputs: Mapping[str, Any], order: Order) -> Command:
    return [
        *("gcloud", "iam", "roles", "create", inputs["roleId"], f"--project={order.account}"),
        *(f"--title={inputs['title']}", f"--stage={inputs['stage']}"),
        f"--permissions={','.join(inputs['permissions'])}",
    ]


def _gcp_member(inputs: Mapping[str, Any], order: Order) -> Command:
    condition = inputs.get("condition")
    narrowed = (
        f"^;^expression={condition['expression']};title={condition['title']}"
        if condition
        else "None"
    )
    return [
        *("gcloud", "projects", "add-iam-policy-binding", order.account),
        *(f"--member={inputs['member']}", f"--role={inputs['role']}"),
        f"--condition={narrowed}",
    ]


def _azure_place(inputs: Mapping[str, Any], order: Order) -> Command:
    group = ["--resource-group", inputs["resourceGroupName"]]
    return ["--subscription", order.account, *group]


def _azure_identity(inputs: Mapping[str, Any], order: Order) -> Command:
    tags = [f"{key}={value}" for key, value in order.tags.items()]
    return [
        *("az", "identity", "create", "--name", inputs["resourceName"]),
        *_azure_place(inputs, order),
        *("--location", inputs["location"], "--tags", *tags),
    ]


def _azure_credential(inputs: Mapping[str, Any], order: Order) -> Command:
    return [
        *("az", "identity", "federated-credential", "create"),
        *("--name", inputs["federatedIdentityCredentialResourceName"]),
        *("--identity-name", inputs["resourceName"], *_azure_place(inputs, order)),
        *("--issuer", inputs["issuer"], "--subject", inputs["subject"]),
        *("--audiences", *inputs["audiences"]),
    ]


def _azure_role(inputs: Mapping[str, Any], _order: Order) -> Command:
    """By the API itself: `az role definition create` gives the role a number of its own."""
    path = f"{inputs['scope']}/providers/Microsoft.Authorization/roleDefinitions"
    properties = {
        "roleName": inputs["roleName"],
        "description": inputs["description"],
        "type": inputs["roleType"],
        "permissions": inputs["permissions"],
        "assignableScopes": inputs["assignableScopes"],
    }
    url = f"https://management.azure.com{path}/{inputs['roleDefinitionId']}?api-version=2022-04-01"
    body = json.dumps({"properties": properties})
    return ["az", "rest", "--method", "put", "--url", url, "--body", body]


def _azure_assignment(inputs: Mapping[str, Any], order: Order) -> Command:
    words = [
        *("az", "role", "assignment", "create", "--subscription", order.account),
        *("--name", inputs["roleAssignmentName"], "--assignee-object-id", inputs["principalId"]),
        *("--assignee-principal-type", "ServicePrincipal"),
        *("--role", inputs["roleDefinitionId"], "--scope", inputs["scope"]),
    ]
    if inputs.get("condition"):
        words += ["--condition", inputs["condition"], "--condition-version", "2.0"]
    return words


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], Order], Command]]] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _aws_provider,
    "aws:iam/policy:Policy": _aws_policy,
    "aws:iam/role:Role": _aws_role,
    "aws:iam/rolePolicy:RolePolicy": _aws_inline,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _aws_attachment,
    "azure-native:authorization:RoleAssignment": _azure_assignment,
    "azure-native:authorization:RoleDefinition": _azure_role,
    "azure-native:managedidentity:FederatedIdentityCredential": _azure_credential,
    "azure-native:managedidentity:UserAssignedIdentity": _azure_identity,
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": _gcp_pool,
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": _gcp_provider,
    "gcp:projects/iAMCustomRole:IAMCustomRole": _gcp_role,
    "gcp:projects/iAMMember:IAMMember": _gcp_member,
    "gcp:serviceaccount/account:Account": _gcp_account,
    "gcp:serviceaccount/iAMMember:IAMMember": _gcp_account_member,
}
