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
        diagnostic("AccessDenied: no", URN.replace("store", "logs")),
        diagnostic("update failed", "urn:pulumi:dev::plinth::pulumi:pulumi:Stack::plinth-dev"),
        diagnostic("careful", URN, severity="warning"),
    )
    raised = failure(error("error: update failed"), events)
    assert isinstance(raised, EngineError)
    assert [(each.code, each.message, each.path) for each in raised.problems] == [
        ("resource-failed", "BucketAlreadyExists: the name is taken", URN),
        ("resource-failed", "AccessDenied: no", URN.replace("store", "logs")),
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


def test_the_same_problem_is_said_once() -> None:
    events = collector(diagnostic("No valid credential sources found", URN), *[
        diagnostic("No valid credential sources found", URN)
    ])  # fmt: skip
    assert len(failure(error(), events).problems) == 1
