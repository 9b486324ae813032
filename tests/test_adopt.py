"""adopt: older records made by hand, completed by new ones that stand for them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from conftest import Clone, run

from git_ekf.git.tagobject import parse_tag

OLD = "deploy/2026-11-01/release-1.8"
NEW = "deploy/2026-11-01.2/release-1.8"
EARLIER = {"GIT_COMMITTER_DATE": "1793516400 +0300"}


@pytest.fixture
def saved(clone: Clone) -> Clone:
    """A clone with one commit on `internal`."""
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    return clone


def three_fields(clone: Clone, name: str = OLD, revision: str = "HEAD", more: str = "") -> str:
    """A tag as people made it before: three fields, and some words; published."""
    text = (
        f"We added Istio.\n\nDate: 2026-11-01\nLocal SHA: {clone.out('rev-parse', revision)}\n"
        f"Upstream SHA: {clone.out('rev-parse', '--short', 'origin/release-1.8')}\n{more}"
    )
    clone.git("tag", "-a", "-F", "-", name, revision, stdin=text, env=EARLIER)
    publish(clone)
    return name


def publish(clone: Clone) -> None:
    clone.git("push", "-q", "--no-verify", "internal", "--tags")
    clone.git("fetch", "-q", "internal")


def raw(clone: Clone, name: str) -> bytes:
    return os.fsencode(clone.git("cat-file", "tag", f"refs/tags/{name}").out)


def refused(clone: Clone, *args: str, code: int = 4) -> str:
    """The sentence of a refusal, which has recorded nothing."""
    before = clone.out("for-each-ref", "refs/tags/")
    done = clone.ekf("adopt", *args)
    assert (done.code, done.out) == (code, ""), done
    assert clone.out("for-each-ref", "refs/tags/") == before
    sentence, hint = done.err.splitlines()
    assert hint.startswith("hint: ")
    return sentence.removeprefix("git-ekf: ")


def test_a_record_with_three_fields(saved: Clone) -> None:
    three_fields(saved, more="Ticket: OPS-1\n")
    found = saved.ekf("check", "--all")
    assert found.code == 1
    assert f"fix: git ekf adopt {OLD}\n" in found.out
    before = saved.out("rev-parse", f"refs/tags/{OLD}")
    done = saved.ekf("adopt", OLD)
    assert done.out == f"Recorded {NEW}, which stands for {OLD}\nNext: git ekf save\n", done
    tag = parse_tag(raw(saved, NEW))
    assert tag.tagger == "Operator <operator@example.com> 1793516400 +0300"
    assert tag.object == saved.out("rev-parse", "HEAD")
    assert tag.message == (
        "Date: 2026-11-01\n"
        "Local branch: release-1.8\n"
        f"Local SHA: {saved.out('rev-parse', 'HEAD')}\n"
        "Upstream branch: origin/release-1.8\n"
        f"Upstream SHA: {saved.out('rev-parse', 'origin/release-1.8')}\n"
        "Backup branch: internal/release-1.8\n"
        "Ticket: OPS-1\n"
        f"Adopts: {OLD}\n"
        "Context: We added Istio.\n"
    )
    assert saved.out("rev-parse", f"refs/tags/{OLD}") == before
    assert saved.rules("--all") == []
    assert saved.ekf("save").code == 0
    assert saved.rules("--all") == []
    shown = saved.ekf("show", OLD)
    assert shown.code == 0
    assert f"\n  adopted by {NEW}, which stands for it\n" in shown.out
    assert "adopted by" not in saved.ekf("show", NEW).out
    head, indent = saved.out("rev-parse", "--short", "HEAD"), " " * len(NEW)
    for option in ([], ["--release", "1.8"], ["--since", "2026-11-01"]):
        assert saved.ekf("log", *option).out.splitlines() == [
            f"{NEW} * {head}  We added Istio.",
            f"{indent}            stands for {OLD}",
            f"{OLD}     {head}",
            f"{indent}            adopted by {NEW}",
        ]
    again = saved.ekf("adopt", OLD)
    assert (again.code, again.out) == (0, f"{OLD} needs no other record\nNothing was recorded.\n")


def test_in_a_clone_of_internal_alone(saved: Clone, internal: os.PathLike[str]) -> None:
    """As in CI: what it has is published, and is not told to be tagged again."""
    three_fields(saved)
    saved.git("remote", "remove", "internal")
    assert f"fix: git ekf adopt {OLD}\n" in saved.ekf("check", "--all").out


def test_an_unpublished_one_is_still_amended(saved: Clone) -> None:
    saved.git("tag", OLD)
    assert f"fix: git tag -a -f {OLD} {OLD}\n" in saved.ekf("check", "--all").out


def test_lightweight_badly_named_and_many_at_once(saved: Clone) -> None:
    names = ["deploy/first", "deploy/2026-11-02/release-1.8", "deploy/2026-11-31/release-1.8"]
    for name in names:
        saved.git("tag", name)
    three_fields(saved)
    publish(saved)
    said = refused(saved, OLD, *names)
    assert said == "deploy/first does not say its Context; nothing was recorded"
    done = saved.ekf("adopt", OLD, *names, "-m", "Before git-ekf.", "-m", "By hand.")
    assert done.out.splitlines() == [
        f"Recorded {NEW}, which stands for {OLD}",
        "Recorded deploy/2026-11-20/release-1.8, which stands for deploy/first",
        "Recorded deploy/2026-11-02.2/release-1.8, which stands for deploy/2026-11-02/release-1.8",
        "Recorded deploy/2026-11-20.2/release-1.8, which stands for deploy/2026-11-31/release-1.8",
        "Next: git ekf save",
    ], done
    assert (
        "Context: Before git-ekf.\n\nBy hand.\n"
        in parse_tag(raw(saved, "deploy/2026-11-20/release-1.8")).message
    )
    assert saved.rules("--all") == []
    undone = saved.ekf("undo")
    assert undone.out.startswith("Undone: the adopt of "), undone
    assert saved.out("tag", "-l", "deploy/*").split() == sorted([OLD, *names])
    assert saved.out("for-each-ref", "refs/ekf/records/").count(NEW) == 0


def test_it_never_counts_as_newer(saved: Clone) -> None:
    three_fields(saved)
    assert saved.ekf("tag", "-m", "Newest").code == 0
    assert saved.ekf("adopt", OLD).code == 0
    times = {name: parse_tag(raw(saved, name)).time for name in saved.out("tag", "-l").split()}
    assert max(times, key=times.__getitem__) == "deploy/2026-11-20/release-1.8"
    assert times[NEW] == times[OLD]


def test_a_tagger_in_the_future_is_not_carried(saved: Clone) -> None:
    later = {"GIT_COMMITTER_DATE": f"{int(time.time()) + 400 * 86400} +0000"}
    saved.git("tag", "-a", "-m", "Context: x", OLD, env=later)
    publish(saved)
    assert saved.ekf("adopt", OLD).code == 0
    assert parse_tag(raw(saved, NEW)).tagger.endswith(" 1795168800 +0000")
    assert saved.ekf("save").code == 0


def test_the_branch_of_a_badly_named_one(saved: Clone) -> None:
    saved.git("branch", "-q", "release-1.9", "release-1.8")
    saved.git("tag", "-a", "-m", "Context: x", "deploy/first")
    publish(saved)
    said = refused(saved, "deploy/first")
    assert said == (
        "the release of deploy/first cannot be told: it could be release-1.8, release-1.9;"
        " nothing was recorded"
    )
    done = saved.ekf("adopt", "deploy/first", "--field", "local branch=release-1.8")
    assert done.code == 0, done
    assert saved.ekf("check").code == 0


def test_what_cannot_be_completed(saved: Clone) -> None:
    three_fields(saved)
    tree = saved.out("rev-parse", "HEAD^{tree}")
    saved.git("tag", "-a", "-m", "Context: x", "deploy/2026-11-02/release-1.8", tree)
    saved.git("tag", "-a", "-m", "Context: x", "deploy/2026-11-03/release-1.8", "origin/main")
    stray = saved.out("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Stray")
    saved.git("tag", "-a", "-m", "Context: x", "deploy/2026-11-04/release-1.8", stray)
    lost = "1" * 40
    text = f"object {lost}\ntype commit\ntag deploy/2026-11-05/release-1.8\ntagger A <a@a> 1 +0000\n\nContext: x\n"
    oid = saved.git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=text).out
    saved.git("update-ref", "refs/tags/deploy/2026-11-05/release-1.8", oid.strip())
    expected = {
        "2026-11-02": "deploy/2026-11-02/release-1.8 is on a tree, not on a commit; nothing can be deployed from it",
        "2026-11-03": "deploy/2026-11-03/release-1.8 is on "
        f"{saved.out('rev-parse', 'origin/main')[:12]}, which was never on release-1.8;"
        " nothing was recorded",
        "2026-11-04": f"deploy/2026-11-04/release-1.8 is on {stray[:12]}, which was never on"
        " release-1.8; nothing was recorded",
        "2026-11-05": f"deploy/2026-11-05/release-1.8 is on {lost[:12]}, which is in no repository"
        " known here; there is nothing to complete",
    }
    assert saved.rules("--all").count("tag-mismatch") == 2
    for day, sentence in expected.items():
        assert refused(saved, OLD, f"deploy/{day}/release-1.8") == sentence


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["deploy/none"], 2, "there is no deploy record deploy/none"),
        (["v1"], 2, "there is no deploy record v1"),
        ([OLD, "--field", "x"], 2, "x is not a field"),
        ([OLD, "--field", "Date=2026-02-30"], 2, "2026-02-30 is not a valid date (YYYY-MM-DD)"),
        ([OLD, "--field", "Date=2027-02-03"], 2, "2027-02-03 has not come yet"),
        ([OLD, "--field", "Local SHA=1234567"], 4, f"{OLD} cannot be completed ({NEW}: Local SHA"),
    ],
)
def test_bad_input(saved: Clone, args: list[str], code: int, said: str) -> None:
    three_fields(saved)
    assert said in refused(saved, *args, code=code)


def test_a_further_required_field(saved: Clone) -> None:
    three_fields(saved)
    for name in ("Date", "Ticket", "Context"):
        saved.git("config", "--add", "ekf.tags.required", name)
    assert refused(saved, OLD) == f"{OLD} does not say its Ticket; nothing was recorded"
    assert saved.ekf("adopt", OLD, "--field", "Ticket=OPS-1").code == 0
    assert saved.rules("--all") == []


# --- what an adoption does not make true ---


@pytest.mark.parametrize(
    "more",
    [
        "Context: x\nUpstream SHA: {other}\n",
        "Context: x\nLocal SHA: {other}\n",
        "Context: \x1b[8mhidden\n",
    ],
)
def test_an_untrue_record_is_not_adopted(saved: Clone, more: str) -> None:
    text = more.format(other=saved.out("rev-parse", "origin/release-1.9"))
    saved.git("tag", "-a", "--cleanup=verbatim", "-F", "-", OLD, stdin=text)
    publish(saved)
    assert "cannot be completed (" in refused(saved, OLD)


def test_tags_that_are_called_as_the_day_alone(saved: Clone) -> None:
    """No record can be called after them, so it has the next number, here and on the server."""
    by_day = ["deploy/2026-11-20", "deploy/2026-11-20.2"]
    for name in by_day:
        three_fields(saved, name)
    assert saved.ekf("check").code == 1
    done = saved.ekf("adopt", *by_day, "-m", "x")
    assert done.out.splitlines() == [
        "Recorded deploy/2026-11-01/release-1.8, which stands for deploy/2026-11-20",
        "Recorded deploy/2026-11-01.2/release-1.8, which stands for deploy/2026-11-20.2",
        "Next: git ekf save",
    ]
    assert saved.ekf("tag", "-m", "now").out.startswith("Recorded deploy/2026-11-20.3/release-1.8")
    assert saved.ekf("save").code == 0
    assert saved.rules("--all") == []


def test_a_tag_that_is_called_as_its_own_day(saved: Clone, internal: Path) -> None:
    three_fields(saved, "deploy/2026-11-01")
    done = run("git-ekf", "hooks", "install", "--server", cwd=internal)
    assert done.code == 0, done
    done = saved.ekf("adopt", "deploy/2026-11-01")
    assert done.out.startswith(f"Recorded {NEW}, which stands for deploy/2026-11-01\n")
    assert saved.ekf("save").code == 0
    assert saved.rules("--all") == []
    assert saved.ekf("show", NEW).code == 0


def by_hand(clone: Clone, name: str, revision: str = "HEAD", **changes: str) -> None:
    """A record that says that it adopts OLD."""
    fields = {
        "Date": "2026-11-01",
        "Local branch": "release-1.8",
        "Local SHA": clone.out("rev-parse", revision),
        "Upstream branch": "origin/release-1.8",
        "Upstream SHA": clone.out("rev-parse", "origin/release-1.8"),
        "Backup branch": "internal/release-1.8",
        "Adopts": OLD,
        "Context": "x",
    }
    fields |= {key.replace("_", " "): value for key, value in changes.items()}
    text = "".join(f"{key}: {value}\n" for key, value in fields.items())
    clone.git("tag", "-a", "-F", "-", name, revision, stdin=text, env=EARLIER)


def test_an_adopter_has_to_be_true_itself(saved: Clone) -> None:
    three_fields(saved)
    by_hand(saved, NEW, Date="2026-11-02")
    assert saved.rules("--all") == ["tag-mismatch", "tag-fields"]


def test_an_adopter_has_to_be_on_the_same_commit(saved: Clone) -> None:
    three_fields(saved)
    saved.commit("own/b", "2")
    by_hand(saved, NEW)
    found = saved.ekf("check", "--all")
    assert saved.rules("--all") == ["tag-mismatch", "tag-fields"]
    assert f"Adopts names {OLD}, which is on " in found.out


def test_an_adopter_has_to_carry_the_time(saved: Clone) -> None:
    three_fields(saved)
    by_hand(saved, NEW)
    assert saved.rules("--all") == []
    text = parse_tag(raw(saved, NEW)).message
    saved.git("tag", "-a", "-f", "-F", "-", NEW, stdin=text)
    assert saved.rules("--all") == ["tag-mismatch", "tag-fields"]


@pytest.mark.parametrize("named", ["deploy/2026-10-10/release-1.8", NEW, "", "deploy/*", "-x"])
def test_nothing_stands_for_what_is_not_here_or_for_itself(saved: Clone, named: str) -> None:
    saved.ekf("tag", "-m", "The first of its day", "--date", "2026-11-01")
    by_hand(saved, NEW, Adopts=named)
    assert saved.rules("--all") == ["tag-mismatch"]


def test_two_that_adopt_each_other_are_both_found(saved: Clone) -> None:
    by_hand(saved, OLD, Adopts=NEW, Context="")
    by_hand(saved, NEW, Context="")
    assert saved.rules("--all") == ["tag-fields", "tag-fields"]
