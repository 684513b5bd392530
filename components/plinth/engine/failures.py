"""Turns what the CLI, a provider or a policy reports into problems a person can act on."""

from __future__ import annotations

import re
from typing import Final

from pulumi.automation.errors import CommandError

from plinth.engine.changes import Collector, plain
from plinth.errors import EngineError, PlinthError, PolicyError, Problem

#: Sentences of the CLI and of cloud SDKs, and what they mean: pattern, code, message, fix.  The
#: message says ``{said}`` where the original sentence tells more.
_KNOWN: Final[tuple[tuple[str, str, str, str], ...]] = (
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
        r"No valid credential sources|failed to refresh cached credentials|no EC2 IMDS role found"
        r"|unable to locate credentials|could not find default credentials|NoCredentialProviders"
        r"|Please run 'az login'|DefaultAzureCredential",
        "credentials-missing",
        "There are no usable credentials: {said}",
        "Log in to the cloud in this shell; `plinth doctor` shows what is missing",
    ),
    (
        r"unable to open (bucket|state directory)|could not list bucket|error listing stacks"
        r"|performing HTTP request: .*(dial tcp|timeout|EOF|no such host|certificate)"
        r"|read \".pulumi/meta.yaml\"|failed to load checkpoint",
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
        r"no space left on device",
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

#: What the CLI says about the failure as a whole, once the cause is listed on its own.
_ECHO: Final = re.compile(
    r"^(update|preview|refresh|destroy|one or more) (.*(failed|issues|canceled)|failed$)"
    r"|resource (monitor|plugin).*(shut|clos)|^failed to register new resource|an unhandled error",
    re.IGNORECASE,
)


def classify(message: str, *, urn: str | None = None) -> Problem:
    """The problem behind one error message of the CLI or a provider."""
    text = _sentence(message)
    for pattern, code, known, fix in _KNOWN:
        if re.search(pattern, message):
            return Problem(code=code, message=known.format(said=text), path=urn, fix=fix)
    code = "resource-failed" if urn and "pulumi:pulumi:Stack" not in urn else "engine-failed"
    return Problem(code=code, message=text, path=urn)


def failure(error: CommandError, events: Collector) -> PlinthError:
    """The error to raise after a command of the CLI failed.

    Policy violations come first, then each failed resource with its provider's own message and its
    URN (in ``path``), and only without either what the CLI itself says.
    """
    violations = [
        Problem(code="policy-violation", message=f"{rule}: {said.message}", path=said.urn)
        for rule, said in events.violations
        if said.severity == "error"
    ]
    if violations:
        return PolicyError(*violations)
    said = [each for each in events.diagnostics if each.severity == "error"]
    causes = [each for each in said if not _ECHO.search(each.message)] or said
    problems = [classify(each.message, urn=each.urn) for each in causes]
    if not problems:
        problems = [classify(_last_words(error))]
    return EngineError(*dict.fromkeys(problems))


def _sentence(message: str) -> str:
    text = plain(message)
    if "Traceback (most recent call last)" in text:
        # The program's own exception: its last line says what, the lines above only where.
        text = text.rstrip().splitlines()[-1]
    # The engine goes on to advise changes to a program that the user never sees.
    text = text.partition(" To unprotect the resource, ")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines).removeprefix("error: ").rstrip(".")


def _last_words(error: CommandError) -> str:
    """What the CLI printed as its error; :class:`CommandError` keeps it only in its text."""
    text = str(error)
    stderr = text.rpartition("\n stderr: ")[2].strip()
    errors = re.findall(r"^error: (.+(?:\n(?!error:|warning:).+)*)", stderr, re.MULTILINE)
    if errors:
        return str(errors[-1])
    stdout = text.partition("\n stdout: ")[2].partition("\n stderr: ")[0]
    return stderr or stdout.strip() or "The Pulumi CLI failed without saying why"
