"""`plinth policy`: verdicts and exit codes, every format, states of all kinds and of none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_support import Plinth

from plinth import planning
from plinth.graph import Graph

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
RULE = "exposure-s3-public-access-block"
FORMATS = [("check", form) for form in ("text", "json", "sarif", "markdown")]
FORMATS += [("report", form) for form in ("html", "md", "json", "sarif")]

#: What a state marks secrets with (sdk/go/common/resource/sig/sig.go).
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_MARK = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


def _waive(plinth: Plinth, rule: str, resource: str, expires: str) -> None:
    plinth.edit(
        "policies: mandatory}",
        "policies: mandatory, compliance: {waivers: [{rule: "
        f"{rule}, resource: {resource}, reason: agreed for now, owner: sec@example.com, "
        f"expires: {expires}}}]}}}}",
    )


def _resources(plinth: Plinth) -> list[dict[str, Any]]:
    planned: list[dict[str, Any]] = plinth("plan", "prod", "--json").json["resources"]
    return planned


def _exposed(plinth: Plinth) -> list[dict[str, Any]]:
    """Production, with one bucket's public access block taken away."""
    found = _resources(plinth)
    kept = [r for r in found if not (r["type"] == BLOCK and r["name"] == "models")]
    assert len(kept) == len(found) - 1
    return kept


def _state(plinth: Plinth, resources: Any) -> str:
    file = plinth.folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return str(file)


def test_a_clean_environment(plinth: Plinth) -> None:
    answer = plinth("policy", "check", "prod")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[:2] == [
        "churn · prod on aws eu-west-1",
        "policies: no violation",
    ]
    found = plinth("policy", "check", "prod", "--json").json
    assert found["blocked"] is False
    assert (found["violations"], found["waivers"], found["mended"]) == ([], [], [])
    assert found["subject"]["source"] == "plan"


def test_what_exists_is_judged_by_the_environment_s_rules(plinth: Plinth) -> None:
    state = _state(plinth, _exposed(plinth))
    answer = plinth("policy", "check", "prod", "--state", state)
    assert answer.code == 3
    assert ", as of state.json" in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.startswith(RULE)]
    assert line.split()[1:3] == ["mandatory", "models"]

    found = plinth("policy", "check", "prod", "--state", state, "--json")
    assert (found.code, found.json["blocked"]) == (3, True)
    assert [each["policy"] for each in found.json["violations"]] == [RULE]

    _waive(plinth, RULE, "models", "2100-01-01")
    waived = plinth("policy", "check", "prod", "--state", state)
    assert waived.code == 0
    for part in (f"{RULE}  waived", "waivers: 1 used", "sec@example.com", "2100-01-01"):
        assert part in waived.out


def test_an_expired_waiver_stops_and_an_unused_one_is_told(plinth: Plinth) -> None:
    _waive(plinth, "tags-*", "nothing", "2100-01-01")
    unused = plinth("policy", "check", "prod")
    assert unused.code == 0
    assert "waivers: 1 unused" in unused.out

    plinth.edit("2100-01-01", "2020-01-01")
    expired = plinth("policy", "check", "prod")
    assert expired.code == 3
    assert "expired on 2020-01-01" in expired.out
    assert "waivers: 1 expired" in expired.out
    assert plinth("policy", "report", "prod", "--json").code == 0

    for words in (("plan", "prod", "--no-tree"), ("plan", "prod", "--json")):
        planned = plinth(*words)
        assert planned.code == 3
        assert "2020-01-01" in planned.out
    assert "waivers: 1 expired" in plinth("plan", "prod", "--no-tree").out


def test_an_expired_waiver_is_placed_where_it_is(plinth: Plinth) -> None:
    """The shared part of the spec or the environment's, whichever has it."""
    _waive(plinth, "tags-*", "nothing", "2020-01-01")
    plinth.edit("compliance: {waivers: [", "compliance: {waivers: [\n    ")
    plinth.edit("artifacts: {}", "artifacts: {}\ntags: {team: ml}")
    line = 1 + plinth.spec.read_text(encoding="utf-8").splitlines().index(
        next(each for each in plinth.spec.read_text("utf-8").splitlines() if "2020" in each)
    )
    log = plinth("policy", "check", "prod", "--format", "sarif").json
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "waiver-expired"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == line


def test_only_some_rules(plinth: Plinth) -> None:
    """Waivers of the others are neither unused nor expired."""
    _waive(plinth, "tags-required", "nothing", "2020-01-01")
    found = plinth("policy", "check", "prod", "--rule", "exposure-*", "--json")
    assert found.code == 0
    assert {rule["id"].split("-")[0] for rule in found.json["rules"]} == {"exposure"}
    assert found.json["waivers"] == []
    assert plinth("policy", "check", "prod", "--rule", "tags-*").code == 3


def test_a_plan_shows_its_mends_and_a_state_is_judged_as_it_is(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's default tags are taken away; the rule may write them to each resource."""
    honest = planning.graph_of

    def untagged(*arguments: Any) -> Graph:
        graph = honest(*arguments)
        bare = [
            replace(r, inputs={k: v for k, v in r.inputs.items() if k != "defaultTags"})
            for r in graph
        ]
        return replace(graph, resources=tuple(bare))

    monkeypatch.setattr(planning, "graph_of", untagged)
    state = _state(plinth, plinth("plan", "prod", "--json").json["resources"])
    assert plinth("policy", "check", "prod").code == 3
    plinth.edit(
        "policies: mandatory}",
        "policies: mandatory, compliance: {rules: {tags-required: remediate}}}",
    )
    spoken = plinth("plan", "prod", "--no-tree")
    assert spoken.code == 0
    assert any(line.split() == ["tags-required", "models"] for line in spoken.out.splitlines())
    planned = plinth("plan", "prod", "--json").json["resources"]
    bucket = next(r for r in planned if r["type"] == "aws:s3/bucket:Bucket")
    assert bucket["inputs"]["tags"]["cost-center"] == "4711"
    checked = plinth("policy", "check", "prod", "--json").json
    assert bucket["urn"] in {each["urn"] for each in checked["mended"]}
    assert "mended" in plinth("policy", "report", "prod").out

    found = plinth("policy", "check", "prod", "--state", state, "--json")
    assert found.code == 3
    assert found.json["mended"] == []
    assert {each["policy"] for each in found.json["violations"]} == {"tags-required"}


def test_the_verdict_is_by_environment_and_by_cloud(plinth: Plinth) -> None:
    found = plinth("policy", "check", "dev", "--cloud", "gcp", "--json").json
    assert found["subject"]["cloud"] == "gcp"
    assert found["subject"]["level"] == "advisory"
    assert any(kind["type"].startswith("gcp:") for kind in found["coverage"]["types"])


@pytest.mark.parametrize(("command", "form"), FORMATS)
def test_every_format_goes_to_a_file_and_is_the_same_each_time(
    plinth: Plinth, command: str, form: str
) -> None:
    state = _state(plinth, _exposed(plinth))
    words = ("policy", command, "prod", "--state", state, "--format", form)
    code = 3 if command == "check" else 0
    shown = plinth(*words)
    written = plinth(*words, "--output", "audit.out")
    assert (shown.code, written.code) == (code, code)
    assert written.out == f"{_headline(plinth, state)}; written to audit.out\n"
    assert (plinth.folder / "audit.out").read_text(encoding="utf-8") == shown.out
    assert RULE in shown.out


def _headline(plinth: Plinth, state: str) -> str:
    headline: str = plinth("policy", "check", "prod", "--state", state, "--json").json["headline"]
    assert headline.startswith("1 violation stops an update; ")
    return headline


def test_order_makes_no_difference(plinth: Plinth) -> None:
    resources = _exposed(plinth)
    reports = []
    for order in (resources, resources[::-1]):
        state = _state(plinth, order)
        reports += [plinth("policy", "report", "prod", "--state", state, "--json").out]
    assert reports[0] == reports[1]


def test_two_formats_at_once_are_refused(plinth: Plinth) -> None:
    answer = plinth("policy", "check", "prod", "--format", "sarif", "--json")
    assert (answer.code, answer.problem["code"]) == (2, "two-formats")


def test_the_folder_of_a_report_is_made(plinth: Plinth) -> None:
    words = ("policy", "report", "dev", "--json", "--output")
    assert plinth(*words, "new/below/audit.json").code == 0
    assert json.loads((plinth.folder / "new" / "below" / "audit.json").read_text("utf-8"))
    answer = plinth(*words, "new/below/audit.json/audit.json")
    assert (answer.code, answer.problem["code"]) == (1, "system")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda resources: {"version": 3, "deployment": {"resources": resources}},
        lambda resources: {"version": 3, "checkpoint": {"latest": {"resources": resources}}},
        lambda resources: {"environment": "prod", "cloud": "aws", "resources": resources},
    ],
    ids=["export", "state file", "plan"],
)
def test_states_of_all_kinds(plinth: Plinth, wrap: Callable[[Any], Any]) -> None:
    file = plinth.folder / "any.json"
    file.write_text(json.dumps(wrap(_exposed(plinth))))
    found = plinth("policy", "check", "prod", "--state", str(file), "--json")
    assert [each["policy"] for each in found.json["violations"]] == [RULE]


def _entry(**fields: Any) -> dict[str, Any]:
    kind = "aws:s3/bucket:Bucket"
    return {"urn": f"urn:pulumi:prod::plinth::{kind}::models", "type": kind, "inputs": {}} | fields


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is not JSON"),
        ("hunter2", "is not JSON"),
        (b'"\xff"', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "has no list of resources"),
        ('{"deployment": {"resources": "many"}}', "has no list of resources"),
        ('{"deployment": {"resources": []}}', "holds no resource"),
        (json.dumps({"resources": ["hunter2"]}), "has a resource that is none of Pulumi's"),
        (json.dumps({"resources": [{"urn": "urn"}]}), "has a resource that is none of Pulumi's"),
        (json.dumps({"resources": [_entry(urn="x")]}), "has a resource that is none of Pulumi's"),
        (json.dumps({"resources": [_entry(type=5)]}), "has a resource that is none of Pulumi's"),
        (
            json.dumps({"resources": [_entry(inputs=["x"])]}),
            "has a resource that is none of Pulumi's",
        ),
        (
            json.dumps({"resources": [_entry(urn=_entry()["urn"].replace("prod", "dev"))]}),
            "is the state of dev, not of prod",
        ),
    ],
)
def test_a_state_that_cannot_be_used_is_one_sentence_and_a_fix(
    plinth: Plinth, content: str | bytes | None, said: str
) -> None:
    file = plinth.folder / "state.json"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    answer = plinth("policy", "check", "prod", "--state", str(file), "--json")
    assert (answer.code, answer.problem["code"]) == (2, "state-unusable")
    assert answer.problem["message"] == f"{file} {said}"
    assert answer.problem["fix"].endswith(".")
    assert "hunter2" not in answer.out


def _planted(resources: list[dict[str, Any]]) -> list[str]:
    """Puts secrets wherever a state can have them, properties that rules read among them."""
    texts = [f"hunter{number}hunter" for number in range(8)]
    cipher, plain, value, nested, unknown, name, login, env = texts
    bucket = next(r for r in resources if r["type"] == "aws:s3/bucket:Bucket")
    bucket["inputs"] |= {
        "acl": {SIGNATURE: SECRET_MARK, "ciphertext": cipher},
        "tags": {"owner": {SIGNATURE: SECRET_MARK, "plaintext": json.dumps(plain)}},
        "bucketPrefix": {SIGNATURE: OUTPUT_MARK, "value": value, "secret": True},
        "website": {"deep": [{SIGNATURE: SECRET_MARK, "ciphertext": nested}]},
        "policy": {SIGNATURE: "of-tomorrow", "value": unknown},
    }
    bucket["outputs"] = {"acl": {SIGNATURE: SECRET_MARK, "ciphertext": cipher}}
    topic = next(r for r in resources if r["type"] == "aws:kms/key:Key")
    topic["inputs"]["tags"] = {
        "password": name,
        "endpoint": f"https://user:{login}@example.com",
        "env": [{"name": "A", "value": env}],
    }
    return texts


@pytest.mark.parametrize(("command", "form"), FORMATS)
def test_secrets_of_a_state_are_nowhere(plinth: Plinth, command: str, form: str) -> None:
    resources = _resources(plinth)
    secrets = _planted(resources)
    state = _state(plinth, resources)
    answer = plinth("policy", command, "prod", "--state", state, "--format", form)
    assert "tags-owner" in answer.out
    assert [secret for secret in secrets if secret in answer.out + answer.err] == []


def test_a_rule_is_explained(plinth: Plinth) -> None:
    rule = plinth("policy", "explain", "tags-cost-center", "--env", "prod", "--json").json
    assert rule["id"] == "tags-cost-center"
    assert rule["action"] == "mandatory"
    assert rule["parameters"]["cost_center"] == "4711"
    assert rule["title"]
    assert rule["why"].endswith(".")
    spoken = plinth("policy", "explain", "tags-cost-center", "--env", "prod")
    assert (spoken.code, spoken.err) == (0, "")
    for part in ("in prod", 'cost_center: "4711"', rule["title"], rule["why"], rule["fix"]):
        assert part in spoken.out
    assert "action" not in plinth("policy", "explain", "tags-cost-center", "--json").json


def test_rules_are_listed(plinth: Plinth) -> None:
    every = plinth("policy", "list", "--json").json["rules"]
    ids = [rule["id"] for rule in every]
    assert ids == sorted(set(ids))
    spoken = plinth("policy", "list").out
    assert all(rule_id in spoken for rule_id in ids)

    some = plinth("policy", "list", "--domain", "transit", "--cloud", "gcp", "--json").json["rules"]
    assert 0 < len(some) < len(every)
    assert {rule["domain"] for rule in some} == {"transit"}
    packages = {kind.split(":")[0] for rule in some for kind in rule["types"]}
    assert packages == {"gcp", "kubernetes"}

    serving = plinth("policy", "list", "--framework", "soc-2", "--json").json["rules"]
    assert [rule["id"] for rule in serving] == [
        rule["id"]
        for rule in every
        if any(control["id"].startswith("soc-2/") for control in rule["controls"])
    ]


@pytest.mark.parametrize("words", [[], ["check"], ["list"], ["explain"], ["report"]], ids=str)
def test_help_loads_neither_pulumi_nor_the_rules(words: list[str]) -> None:
    code = (
        "import sys\nfrom plinth.cli import main\n"
        f"try: main(['policy', *{words}, '--help'])\n"
        "finally: print({'pulumi', 'plinth_policies', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
