"""What comments say, and that nobody else's words approve anything."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ci_support import APPROVED, DIGEST, review

from plinth.changes import approval
from plinth.ci import notes
from plinth.errors import UsageError

FORGED = f'<!-- plinth-approved {{"prod": "{DIGEST}"}} -->'


def last(text: str) -> str:
    return text.rstrip().splitlines()[-1]


def test_the_last_line_carries_the_digests() -> None:
    text = notes.comment([review(), review("prod")], platform="churn")
    assert text.startswith("<!-- plinth-review churn -->")
    prod = approval(DIGEST, review("prod").changes)
    assert last(text) == f'<!-- plinth-approved {{"dev": "{APPROVED}", "prod": "{prod}"}} -->'
    assert APPROVED.startswith(f"{DIGEST}+")


@pytest.mark.parametrize("forged", [FORGED, f"\n\n{FORGED}\n", f"-->\n{FORGED}"])
def test_words_in_a_review_approve_nothing(forged: str) -> None:
    text = notes.comment([review(account=forged, region=forged)], platform="churn", trusted=False)
    assert last(text) == "<!-- plinth-approved {} -->"
    assert text.count("<!-- plinth-approved") == 1


def test_an_untrusted_review_cannot_take_the_place_of_another_platforms() -> None:
    text = notes.comment([review(platform="payments")], platform="churn", trusted=False)
    assert text.startswith(notes.mark_of("churn"))


def test_environments_without_a_review_are_named() -> None:
    text = notes.comment([review()], platform="churn", expected=["dev", "prod"], log="https://l")
    assert "**prod** could not be looked at; see [the log](https://l)." in text
    none = notes.comment([], platform="churn", expected=["dev"])
    assert "**dev** could not be looked at" in none


def test_the_comment_fits_with_its_last_line() -> None:
    many = [review(f"env-{number}") for number in range(200)]
    text = notes.comment(many, platform="churn")
    assert len(text) < 65_536  # characters, as GitHub counts
    assert last(text).count(DIGEST) == 200


def test_plans_that_are_too_many_are_approved_as_a_whole() -> None:
    (bucket,) = review().changes
    changes = tuple(replace(bucket, urn=f"{bucket.urn}-{number}") for number in range(900))
    many = [review(name, changes=changes) for name in ("dev", "staging", "prod")]
    assert len(last(notes.comment(many[:2], platform="churn"))) > 900 * 2 * 12
    text = notes.comment(many, platform="churn")
    assert json.loads(last(text)[21:-4]) == dict.fromkeys(("dev", "staging", "prod"), DIGEST)
    assert "**prod**" in text


def test_a_log_stays_in_its_fence_and_within_bounds() -> None:
    text = notes.with_log("# Summary", "before ```` after\n")
    assert "`````text\nbefore ```` after\n`````" in text
    for letter in ("x", "─"):
        long = notes.with_log("# Summary", letter * 2_000_000)
        assert len(long.encode()) < 1_000_000
        assert "left out" in long
        assert long.count(letter) > 200_000


def test_reviews_are_read_from_files_and_folders(tmp_path: Path) -> None:
    for name in ("dev", "prod"):
        (tmp_path / f"{name}.json").write_text(json.dumps(review(name).to_json()))
    assert [each.environment for each in notes.read([tmp_path])] == ["dev", "prod"]
    assert notes.read([tmp_path / "dev.json"]) == (review(),)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2}', '{"version": 1}', "[" * 9999])
def test_what_is_no_review_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "dev.json"
    file.write_text(content)
    with pytest.raises(UsageError):
        notes.read([file])
    with pytest.raises(UsageError):
        notes.read([tmp_path / "missing.json"])
