"""pull, and what is asked of internal first: two operators on one cluster, each in a clone of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Clone, Run, run
from reach import rare
from upgrading import World, snapshot, vendor_commit

TODAY = "2026-11-20"


class Pair(NamedTuple):
    """Two clones of one cluster that begin at the same commit."""

    a: World
    b: World


@pytest.fixture
def pair(world: World) -> Pair:
    other = world.path.with_name("b")
    shutil.copytree(world.path, other, symlinks=True)
    b = World(other)
    b.git("update-index", "-q", "--refresh")
    b.git("config", "user.name", "Bob")
    return Pair(world, b)


def at(minute: int) -> dict[str, str]:
    """The environment of a command at so many minutes past ten."""
    return {"GIT_COMMITTER_DATE": f"{TODAY}T10:{minute:02}:00+00:00"}


def deploy(clone: Clone, context: str, minute: int = 0) -> str:
    """Records and saves; the record's name."""
    done = clone.ekf("tag", "-m", context, env=at(minute))
    assert done.code == 0, done
    saved = clone.ekf("save")
    assert saved.code == 0, saved
    return done.out.splitlines()[0].removeprefix("Recorded ")


def fix(clone: Clone, text: str = "fix\n", minute: int = 1) -> str:
    """A commit of one's own; its id."""
    clone.write("own/fix", text)
    clone.git("add", "-A")
    env = {**at(minute), "GIT_AUTHOR_DATE": at(minute)["GIT_COMMITTER_DATE"]}
    clone.git("commit", "-q", "--no-verify", "-m", f"Fix {text.strip()}", env=env)
    return clone.out("rev-parse", "HEAD")


def refused(done: Run, code: int = 4) -> tuple[str, str]:
    """Message and hint."""
    assert (done.code, done.out) == (code, ""), done
    lines = [line for line in done.err.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 2, done
    return lines[0].removeprefix("git-ekf: "), lines[1].removeprefix("hint: ")


def same(pair: Pair) -> bool:
    return pair.a.out("rev-parse", "HEAD") == pair.b.out("rev-parse", "HEAD")


# --- what a clone lacks is found before anything is decided ---


@rare
@pytest.mark.parametrize(
    ("command", "consequence"),
    [
        (["upgrade", "1.9"], "nothing was changed"),
        (["sync"], "nothing was changed"),
        (["tag", "-m", "Again"], "nothing was recorded"),
        (["save"], "nothing was saved"),
        (["rollback", "2026-11-20"], "nothing was changed"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
@pytest.mark.parametrize("fetched", [False, True], ids=["unknown", "fetched"])
def test_a_stale_clone_decides_nothing(
    pair: Pair, command: list[str], consequence: str, fetched: bool
) -> None:
    vendor_commit(pair.a, "release-1.8", {"VERSION": "1.8.1\n"})
    new = fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    if fetched:
        pair.b.git("fetch", "-q", "internal")
    head = pair.b.out("rev-parse", "HEAD")
    said, hint = refused(pair.b.ekf(*command))
    assert said.startswith(
        f'internal has 1 commit on release-1.8 that this clone lacks: {new[:7]} "Fix fix" by'
    )
    assert said.endswith(f" days ago; {consequence}")
    assert hint == "git ekf pull"
    assert pair.b.out("rev-parse", "HEAD") == head
    assert pair.b.ekf("pull").code == 0
    assert same(pair)
    assert pair.b.ekf(*command).code == 0


def test_a_sync_without_news_of_the_vendor_has_asked_too(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    for command in (["sync"], ["sync", "--plan"], ["sync", "--no-fetch"]):
        said, hint = refused(pair.b.ekf(*command))
        assert said.startswith("internal has 1 commit on release-1.8 that this clone lacks: ")
        assert hint == "git ekf pull"
    assert pair.b.ekf("pull").code == 0
    tip = pair.b.short("origin/release-1.8")
    nothing = f"release-1.8 already stands on origin/release-1.8 at {tip}; nothing to do\n"
    for command in (["sync"], ["sync", "--plan"], ["sync", "--flatten", "--plan"]):
        done = pair.b.ekf(*command)
        assert (done.code, done.out) == (0, nothing)


@rare
def test_an_upgrade_after_the_pull_has_the_colleagues_fix(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    assert pair.b.ekf("upgrade", "1.9").code == 4
    plan = pair.b.ekf("upgrade", "1.9", "--plan").out.splitlines()
    assert plan[-2] == "Before it: git ekf pull"
    assert plan[-1].startswith("  internal has 1 commit on release-1.8 that this clone lacks: ")
    assert plan[-1].endswith(" days ago; until then the upgrade is refused")
    assert pair.b.ekf("pull").code == 0
    assert "Before it" not in pair.b.ekf("upgrade", "1.9", "--plan").out
    assert pair.b.ekf("upgrade", "1.9").code == 0
    assert (pair.b.path / "own/fix").read_text() == "fix\n"


@rare
def test_a_clone_without_the_release_that_runs(pair: Pair) -> None:
    assert pair.a.ekf("upgrade").code == 0
    name = deploy(pair.a, "To 1.9", 2)
    for command in (["tag", "-m", "x"], ["upgrade", "1.10"]):
        said, hint = refused(pair.b.ekf(*command))
        assert said.startswith(f"internal runs release-1.9, by {name} of ")
        assert " days ago, and this clone lacks it; nothing was " in said
        assert hint == "git ekf pull"
    done = pair.b.ekf("pull")
    assert done.code == 0, done
    short = pair.a.short("HEAD")
    assert done.out.splitlines() == [
        f"branch release-1.9 made at {short}, as internal has it",
        "release-1.8 has all that internal has of it.",
        f"internal runs release-1.9 at {short} since {TODAY}; this is release-1.8."
        " To go there: git ekf pull --switch",
    ]
    there = pair.b.ekf("pull", "--switch")
    assert there.out.splitlines()[-1] == (
        f"internal runs release-1.9 at {short} since {TODAY}; you are on it now."
    )
    assert same(pair)
    assert pair.b.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    assert pair.b.ekf("undo").code == 0
    assert pair.b.out("branch", "--show-current") == "release-1.8"


@rare
def test_an_upgrade_does_not_pass_by_what_runs(pair: Pair) -> None:
    """On 1.8, while the cluster runs 1.9 with a fix that 1.8 does not have."""
    assert pair.a.ekf("upgrade").code == 0
    fix(pair.a)
    deploy(pair.a, "To 1.9", 2)
    assert pair.b.ekf("pull").code == 0
    said, hint = refused(pair.b.ekf("upgrade", "1.10"))
    assert said == (
        "internal runs release-1.9, and an upgrade from release-1.8 to release-1.10 would leave out"
        " what that has; nothing was changed"
    )
    assert hint == "git switch release-1.9 && git ekf upgrade 1.10"
    pair.b.git("switch", "-q", "release-1.9")
    assert pair.b.ekf("upgrade", "1.10").code == 0
    assert (pair.b.path / "own/fix").exists()


def test_internal_does_not_answer(pair: Pair) -> None:
    pair.b.git("remote", "set-url", "internal", "http://127.0.0.1:1/gone.git")
    done = pair.b.ekf("upgrade")
    assert done.code == 0, done
    [note] = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert note.startswith("note: internal cannot be asked (")
    assert note.endswith("); going by what was known just now")
    said, hint = refused(pair.b.ekf("pull"), 5)
    assert said.startswith("internal cannot be asked: ")
    assert said.endswith("; nothing was changed")
    assert hint == "git ls-remote internal"


@pytest.mark.parametrize("moved", [True, False])
def test_one_undo_takes_back_a_pull_that_switched(pair: Pair, moved: bool) -> None:
    if moved:
        fix(pair.a)
        assert pair.a.ekf("save").code == 0
    assert pair.a.ekf("upgrade", "1.9").code == 0
    deploy(pair.a, "On 1.9", 2)
    fix(pair.b, "mine\n")
    pair.b.git("mv", "own/fix", "own/mine")
    pair.b.git("commit", "-q", "--no-verify", "--amend", "-m", "Mine")
    before = pair.b.out("rev-parse", "HEAD")
    done = pair.b.ekf("pull", "--switch")
    assert done.code == 0, done
    assert pair.b.out("branch", "--show-current") == "release-1.9"
    assert (pair.b.out("rev-parse", "release-1.8") == before) is not moved
    undone = pair.b.ekf("undo")
    assert undone.code == 0, undone
    assert "On release-1.8 again" in undone.out
    assert pair.b.out("branch", "--show-current") == "release-1.8"
    assert pair.b.out("rev-parse", "HEAD") == before
    assert pair.b.out("status", "--porcelain") == ""
    assert refused(pair.b.ekf("undo"), 4)[0] != ""


@pytest.mark.parametrize("dirty", [False, True])
def test_nothing_is_pulled_where_one_cannot_go_to_what_runs(pair: Pair, dirty: bool) -> None:
    fix(pair.a)
    assert pair.a.ekf("save").code == 0
    assert pair.a.ekf("upgrade", "1.9").code == 0
    deploy(pair.a, "On 1.9", 2)
    if dirty:
        pair.b.write("own/configuration", "not committed\n")
        pair.b.git("add", "-A")
        pair.b.git("commit", "-q", "--no-verify", "-m", "Configuration")
        pair.b.write("own/configuration", "changed\n")
    else:
        pair.a.git("push", "-q", "--no-verify", "internal", ":release-1.9")
    before = pair.b.out("for-each-ref", "refs/heads")
    said, hint = refused(pair.b.ekf("pull", "--switch"))
    if dirty:
        assert said == "there is uncommitted work: own/configuration"
    else:
        assert said.endswith("no branch release-1.9 is known here or on internal")
        assert hint.startswith("git ekf rollback deploy/")
    assert pair.b.out("for-each-ref", "refs/heads") == before


@rare
def test_a_pull_that_switched_and_was_gone_on_from_stays_whole(pair: Pair) -> None:
    fix(pair.a)
    assert pair.a.ekf("save").code == 0
    assert pair.a.ekf("upgrade", "1.9").code == 0
    deploy(pair.a, "On 1.9", 2)
    assert pair.b.ekf("pull", "--switch").code == 0
    pair.b.git("update-ref", "refs/heads/release-1.8", "release-1.8~1")
    said, _ = refused(pair.b.ekf("undo"), 4)
    assert said == "release-1.8 has moved since the pull"
    assert pair.b.out("branch", "--show-current") == "release-1.9"


def test_a_pull_says_what_a_colleague_has_taken_away(pair: Pair) -> None:
    there = fix(pair.a)
    assert pair.a.ekf("save").code == 0
    assert "somebody has rewritten" not in pair.b.ekf("pull").out
    pair.a.git("commit", "-q", "--no-verify", "--amend", "-m", "Another fix")
    pair.a.git("push", "-q", "--no-verify", "--force", "internal", "release-1.8")
    said = [
        "    somebody has rewritten release-1.8 on internal; left out is what that has no longer,"
        " 1 commit:",
        f"      {there[:7]} Fix fix (Operator)",
    ]
    assert pair.b.ekf("status", "--fetch").code == 0
    for words in (["--plan"], []):
        lines = pair.b.ekf("pull", *words).out.splitlines()
        at = lines.index(said[0])
        assert lines[at : at + 2] == said
    assert same(pair)
    assert "somebody has rewritten" not in pair.b.ekf("pull").out


def test_asking_costs_one_connection(pair: Pair, tmp_path: Path) -> None:
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    log = tmp_path / "log"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    path = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    for command in (["upgrade", "--plan"], ["sync"], ["tag", "-m", "x"], ["pull"]):
        log.write_text("")
        assert pair.b.ekf(*command, env=path).code == 0
        asked = [line for line in log.read_text().splitlines() if " internal" in line]
        assert [line.split()[0] for line in asked] == ["ls-remote"], command


def test_a_channel_that_the_vendor_has_deleted(pair: Pair) -> None:
    vendor_commit(pair.a, "release-1.8", {"VERSION": "1.8.1\n"})
    assert pair.a.ekf("sync").code == 0
    assert pair.a.ekf("save").code == 0
    pair.a.vendor.git("update-ref", "-d", "refs/heads/release-1.8")
    pair.a.git("fetch", "-q", "--prune", "origin")
    row = next(
        line for line in pair.a.ekf("status").out.splitlines() if line.startswith("  channel")
    )
    assert "origin has no release-1.8 any more (fetched just now)" in row
    assert row.endswith("git ekf upgrade --plan")
    assert pair.a.ekf("upgrade", "--plan").code == 0


def _channel(clone: World) -> str:
    return next(
        line for line in clone.ekf("status").out.splitlines() if line.startswith("  channel")
    )


def test_a_deleted_channel_is_gone_without_pruning(pair: Pair) -> None:
    a = pair.a
    a.git("fetch", "-q", "origin")
    refs = a.out("for-each-ref", "refs/remotes/origin")
    tip = a.vendor.out("rev-parse", "release-1.8")
    a.vendor.git("update-ref", "-d", "refs/heads/release-1.8")
    assert a.ekf("status", "--fetch").code == 0
    gone = "  channel        origin has no release-1.8 any more (fetched just now)"
    assert _channel(a).startswith(gone)
    assert _channel(a).endswith("git ekf upgrade --plan")
    assert json.loads(a.ekf("status", "--json").out)["channel_deleted"]
    assert a.rules() == []
    for words in (["--plan"], []):
        said, hint = refused(a.ekf("sync", *words), 4)
        assert said == "origin has no release-1.8 any more; nothing was changed"
        assert hint == "git ekf upgrade"
    assert refused(a.ekf("upgrade", "1.8"), 4)[1] == "git ekf releases lists what the vendor has"
    assert "release-1.8" not in a.ekf("releases").out
    assert a.ekf("save").code == 0
    assert a.out("for-each-ref", "refs/remotes/origin") == refs
    # Merges can be made one line all the same, as the finding's command says.
    a.git("switch", "-q", "-c", "side", "HEAD~1")
    a.commit("own/side", "x", "Side")
    a.git("switch", "-q", "release-1.8")
    a.git("merge", "-q", "--no-ff", "--no-edit", "--no-verify", "side", env={"EKF_HOOKS": "0"})
    assert a.ekf("sync", "--flatten").code == 0
    assert a.rules() == []
    # It is back, as it was, and a fetch by hand has seen it.
    a.vendor.git("update-ref", "refs/heads/release-1.8", tip)
    a.git("fetch", "-q", "origin")
    assert "up to date" in _channel(a)
    assert a.ekf("status", "--fetch").code == 0
    assert "up to date" in _channel(a)


def test_a_fetch_of_some_branches_says_nothing_of_the_others(pair: Pair) -> None:
    pair.a.git(
        "config", "remote.origin.fetch", "+refs/heads/release-1.9:refs/remotes/origin/release-1.9"
    )
    assert pair.a.ekf("status", "--fetch").code == 0
    assert "up to date" in _channel(pair.a)


def test_two_who_save_at_once(pair: Pair) -> None:
    """One of them is told to pull, and no lock shows through."""
    for name, clone in zip("ab", pair, strict=True):
        clone.commit(f"own/{name}", "1\n", name)
    both = [
        subprocess.Popen(
            ["git-ekf", "save"], cwd=clone.path, stdout=-1, stderr=-1, encoding="utf-8"
        )
        for clone in pair
    ]
    said = [(process.communicate()[1], process.returncode) for process in both]
    assert sorted(code for _, code in said) == [0, 4], said
    [message] = [err for err, code in said if code == 4]
    assert message.splitlines()[-1].startswith("hint: git ekf pull")
    assert "lock" not in message
    for clone in pair:
        assert clone.ekf("pull").code == 0
        assert clone.ekf("save").code == 0
    assert pair.a.ekf("pull").code == 0
    assert same(pair)


def test_a_branch_that_is_locked_on_internal(pair: Pair) -> None:
    """As for a moment while somebody else saves: one sentence, and not the lock."""
    fix(pair.a)
    lock = Path(pair.a.out("remote", "get-url", "internal"), "refs/heads/release-1.8.lock")
    lock.touch()
    assert refused(pair.a.ekf("save")) == (
        "somebody else saves to internal at this moment, or was cut off there; nothing was saved",
        "git ekf pull, then: git ekf save",
    )
    lock.unlink()
    assert pair.a.ekf("save").code == 0


def test_not_asked_where_it_is_not_to_be(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    assert pair.b.ekf("upgrade", "--no-fetch").code == 0


# --- pull ---


def test_nothing_to_pull(pair: Pair) -> None:
    before = snapshot(pair.b)
    done = pair.b.ekf("pull")
    assert (done.code, done.out) == (0, "release-1.8 has all that internal has of it.\n")
    assert snapshot(pair.b) == before


def test_unsaved_commits_go_on_top(pair: Pair) -> None:
    theirs = fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    pair.b.commit("own/mine", "1\n", "Mine")
    old = pair.b.out("rev-parse", "HEAD")
    plan = pair.b.ekf("pull", "--plan")
    base = pair.b.short("HEAD~1")
    assert (plan.code, plan.out.splitlines()) == (
        0,
        [
            f"Pull of release-1.8, from {base} to {theirs[:7]}: 1 commit of yours on top",
            "    internal has 1 commit that this branch lacks:",
            f"      {theirs[:7]} Fix fix (Operator)",
            f"  clean     {old[:7]} Mine",
            "1 clean",
            "It would go through: git ekf pull",
        ],
    )
    assert pair.b.out("rev-parse", "HEAD") == old
    assert pair.b.ekf("pull").code == 0
    assert pair.b.out("rev-parse", "HEAD~1") == theirs
    assert pair.b.out("log", "-1", "--format=%s %an") == "Mine Operator"
    kept = pair.b.out("for-each-ref", "--format=%(objectname)", "refs/ekf/backup/release-1.8")
    assert kept == old
    assert pair.b.ekf("save").code == 0
    assert pair.a.ekf("pull").code == 0
    assert same(pair)


def test_a_pull_is_undone(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    pair.b.commit("own/mine", "1\n", "Mine")
    old = pair.b.out("rev-parse", "HEAD")
    assert pair.b.ekf("pull").code == 0
    assert pair.b.ekf("undo").code == 0
    assert pair.b.out("rev-parse", "HEAD") == old
    assert not (pair.b.path / "own/fix").exists()
    assert pair.b.ekf("pull").code == 0


@rare
@pytest.mark.parametrize("back", ["undo", "reset", "saved"])
def test_what_a_pull_brought_is_not_dropped_by_taking_it_back(pair: Pair, back: str) -> None:
    """Neither at once, nor with commits on top of what there was."""
    mine = pair.b.commit("own/mine", "1\n", "Mine")
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    assert pair.b.ekf("pull").code == 0
    if back == "reset":
        pair.b.git("reset", "-q", "--hard", mine)
    else:
        if back == "saved":
            assert pair.b.ekf("save").code == 0
        undone = pair.b.ekf("undo")
        keeps = "internal/release-1.8 has it, and keeps it: git ekf pull takes it here again\n"
        assert (undone.code, undone.out.endswith(keeps)) == (0, back == "saved"), undone
    there = pair.b.internal.out("rev-parse", "release-1.8")
    for text in ("1\n", "2\n"):
        [row] = [line for line in pair.b.ekf("status").out.splitlines() if "  saved  " in line]
        assert row.endswith("git ekf pull")
        for command in (["save"], ["tag", "-m", "No"]):
            said, hint = refused(pair.b.ekf(*command))
            assert said.startswith("internal has ")
            assert hint == "git ekf pull"
        pair.b.commit("own/more", text, "More")
    assert pair.b.internal.out("rev-parse", "release-1.8") == there
    assert pair.b.ekf("pull").code == 0
    assert (pair.b.path / "own/fix").exists()
    assert pair.b.ekf("save").code == 0


def test_what_came_with_the_clone_is_not_dropped_by_a_reset(pair: Pair, tmp_path: Path) -> None:
    new = fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    repositories = (pair.a.vendor.path, tmp_path / "c", "--internal", pair.a.internal.path)
    assert run("git-ekf", "clone", *repositories).code == 0
    clone = Clone(tmp_path / "c")
    clone.git("reset", "-q", "--hard", "HEAD~1")
    clone.commit("own/mine", "1\n", "Mine")
    assert refused(clone.ekf("save"))[1] == "git ekf pull"
    assert clone.ekf("pull").code == 0
    assert clone.out("rev-parse", "HEAD~1") == new
    assert clone.ekf("save").code == 0


def conflict(pair: Pair) -> str:
    """The same file, changed by both; what b had."""
    fix(pair.a, "theirs\n")
    deploy(pair.a, "Fix it", 2)
    fix(pair.b, "mine\n", 3)
    pair.b.commit("own/last", "1\n", "Last")
    return pair.b.out("rev-parse", "HEAD")


def test_a_conflict_is_resolved(pair: Pair) -> None:
    conflict(pair)
    assert pair.b.ekf("pull", "--plan").code == 1
    done = pair.b.ekf("pull")
    assert done.code == 3, done
    assert "  own/fix\n    both added it; internal's last commit there is " in done.out
    assert done.err.splitlines() == [
        "git-ekf: the pull has stopped half-way: 1 file in conflict",
        "hint: edit the files, git add them, then: git ekf pull --continue"
        " (or --skip this commit, or --abort)",
    ]
    assert "in progress    a pull   git ekf pull --continue" in pair.b.ekf("status").out
    pair.b.write("own/fix", "both\n")
    pair.b.git("add", "own/fix")
    ended = pair.b.ekf("pull", "--continue")
    assert ended.code == 0, ended
    assert pair.b.out("log", "--format=%s", "-3").splitlines() == [
        "Last",
        "Fix mine",
        "Fix theirs",
    ]
    assert pair.b.ekf("save").code == 0


@rare
@pytest.mark.parametrize("by", ["ekf", "git"])
def test_a_conflict_is_aborted(pair: Pair, by: str) -> None:
    old = conflict(pair)
    assert pair.b.ekf("pull").code == 3
    assert pair.b.git(*(["ekf", "pull"] if by == "ekf" else ["rebase"]), "--abort").code == 0
    assert pair.b.out("rev-parse", "HEAD") == old
    assert pair.b.out("status", "--porcelain") == ""
    assert "in progress" not in pair.b.ekf("status").out


@rare
def test_git_itself_ends_the_rebase(pair: Pair) -> None:
    conflict(pair)
    assert pair.b.ekf("pull").code == 3
    pair.b.write("own/fix", "both\n")
    pair.b.git("add", "own/fix")
    pair.b.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    done = pair.b.ekf("save")
    assert done.code == 0, done
    assert "the pull of release-1.8 was finished with git rebase" in done.err


def test_a_colleague_amends_what_both_had(pair: Pair) -> None:
    """Only what was never on internal is replayed: the old form of their commit does not come back."""
    pair.a.git("commit", "-q", "--amend", "-m", "More, in better words")
    assert pair.a.ekf("save").code == 0
    pair.b.commit("own/mine", "1\n", "Mine")
    assert pair.b.ekf("pull").code == 0
    assert pair.b.out("log", "--format=%s", "-3").splitlines() == [
        "Mine",
        "More, in better words",
        "Three replicas",
    ]


def test_a_colleague_syncs(pair: Pair) -> None:
    vendor_commit(pair.a, "release-1.8", {"VERSION": "1.8.1\n"})
    assert pair.a.ekf("sync").code == 0
    assert pair.a.ekf("save").code == 0
    pair.b.commit("own/mine", "1\n", "Mine")
    assert pair.b.ekf("pull").code == 0
    assert pair.b.out("rev-parse", "HEAD~1") == pair.a.out("rev-parse", "HEAD")
    assert (pair.b.path / "VERSION").read_text() == "1.8.1\n"
    assert pair.b.rules() == []


@rare
def test_newer_vendor_commits_of_ones_own_are_not_replayed(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    vendor_commit(pair.b, "release-1.8", {"VERSION": "1.8.1\n"})
    pair.b.git("fetch", "-q", "origin")
    pair.b.git("rebase", "-q", "origin/release-1.8", env={"EKF_HOOKS": "0"})
    pair.b.commit("own/mine", "1\n", "Mine")
    assert pair.b.ekf("pull").code == 0
    assert pair.b.out("log", "--format=%s", "-2").splitlines() == ["Mine", "Fix fix"]
    assert pair.b.rules() == []
    assert pair.b.ekf("save").code == 0
    assert pair.b.ekf("sync").code == 0
    assert pair.b.out("log", "--format=%s", "-2").splitlines() == ["Mine", "Fix fix"]


def test_other_branches_come_along(pair: Pair) -> None:
    for clone in pair:
        clone.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
        clone.git("switch", "-q", "release-1.8")
    pair.a.git("switch", "-q", "release-1.9")
    new = fix(pair.a)
    assert pair.a.ekf("save").code == 0
    done = pair.b.ekf("pull")
    assert f"branch release-1.9 moved on to {new[:7]}, as internal has it" in done.out
    assert pair.b.out("rev-parse", "release-1.9") == new


def test_a_branch_that_could_not_be_made_to_track_is_made_later(pair: Pair) -> None:
    assert pair.a.ekf("upgrade", "1.9").code == 0
    assert pair.a.ekf("save").code == 0
    lock = pair.b.path / ".git/config.lock"
    lock.touch()
    assert pair.b.ekf("pull").code == 5
    lock.unlink()
    assert pair.b.ekf("pull").code == 0
    assert pair.b.out("rev-parse", "--symbolic-full-name", "release-1.9@{upstream}").endswith(
        "/origin/release-1.9"
    )


def test_a_plain_switch_leads_to_the_configuration(pair: Pair, tmp_path: Path) -> None:
    assert pair.a.ekf("upgrade").code == 0
    deploy(pair.a, "To 1.9", 2)
    from conftest import run

    restored = tmp_path / "restored"
    done = run("git-ekf", "clone", pair.a.vendor.path, restored, "--internal", pair.a.internal.path)
    assert done.code == 0, done
    clone = Clone(restored)
    assert clone.out("branch", "--show-current") == "release-1.9"
    clone.git("switch", "-q", "release-1.8")
    assert clone.out("rev-parse", "HEAD") == pair.a.out("rev-parse", "release-1.8")
    assert clone.rules() == []


# --- wrong input ---


def test_a_branch_without_the_configuration_gets_it(pair: Pair) -> None:
    """As git makes it where it is told to take the vendor's."""
    pair.a.git("reset", "-q", "--hard", "origin/release-1.8")
    assert pair.a.ekf("check").code == 1
    assert pair.a.ekf("pull").code == 0
    assert same(pair)
    assert pair.a.ekf("check").code == 0


def test_uncommitted_work_stays(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    pair.b.write("own/settings", "in the middle\n")
    said, hint = refused(pair.b.ekf("pull"))
    assert said == "there is uncommitted work: own/settings"
    assert hint == "git commit -a, or git stash"
    assert (pair.b.path / "own/settings").read_text() == "in the middle\n"


def test_an_untracked_file_in_the_way_stays(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    pair.b.write("own/fix", "not theirs\n")
    said, hint = refused(pair.b.ekf("pull"))
    assert said.startswith("own/fix is in the way: ")
    assert hint == "mv own/fix own/fix.mine"
    assert pair.b.git(*["status"]).code == 0
    shutil.move(pair.b.path / "own/fix", pair.b.path / "own/fix.mine")
    assert pair.b.ekf("pull").code == 0


def test_in_the_middle_of_a_rebase(pair: Pair) -> None:
    conflict(pair)
    assert pair.b.ekf("pull").code == 3
    assert refused(pair.b.ekf("pull"))[0] == "a rebase of an upgrade or sync is in progress"


def test_in_a_linked_work_tree(pair: Pair, tmp_path: Path) -> None:
    new = fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    pair.b.git("switch", "-q", "--detach")
    tree = Clone(tmp_path / "tree")
    pair.b.git("worktree", "add", "-q", str(tree.path), "release-1.8")
    assert tree.ekf("pull").code == 0
    assert tree.out("rev-parse", "HEAD") == new


def test_another_clusters_history(pair: Pair, tmp_path: Path) -> None:
    from conftest import run

    run("git", "init", "-q", "-b", "release-1.8", tmp_path / "x")
    other = Clone(tmp_path / "x")
    other.commit("README", "x")
    other.git("push", "-q", "--force", str(pair.a.internal.path), "release-1.8")
    said, _ = refused(pair.b.ekf("pull"))
    assert said == (
        "internal has an unrelated history of release-1.8, as of another cluster;"
        " nothing was changed"
    )


def test_an_empty_internal(clone: Clone) -> None:
    done = clone.ekf("pull")
    assert (done.code, done.out) == (
        0,
        "internal has no release-1.8 yet: git ekf save puts it there.\n",
    )


def test_wrong_options(pair: Pair) -> None:
    assert refused(pair.b.ekf("pull", "--abort"))[0] == "no pull is in progress"
    assert pair.b.ekf("pull", "--abort", "--continue").code == 2
    assert pair.b.ekf("pull", "--abort", "--switch").code == 2
    pair.b.git("switch", "-q", "--detach")
    assert refused(pair.b.ekf("pull"))[0] == "no release branch is checked out"


def test_plan_as_json(pair: Pair) -> None:
    fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    mine = pair.b.commit("own/mine", "1\n", "Mine")
    document = json.loads(pair.b.ekf("pull", "--json").out)
    assert (document["command"], document["from"], document["clean"]) == (
        "pull",
        "release-1.8",
        True,
    )
    assert [step["commit"] for step in document["commits"]] == [mine]


# --- again ---


@rare
def test_a_prepared_branch_is_taken_as_it_is(pair: Pair) -> None:
    """Somebody, or a fleet, has put release-1.9 on internal; nothing was recorded there."""
    assert pair.a.ekf("upgrade").code == 0
    assert pair.a.ekf("save").code == 0
    prepared = pair.a.out("rev-parse", "HEAD")
    plan = pair.b.ekf("upgrade", "--plan").out.splitlines()
    assert plan[1:3] == [
        f"  release-1.9 is there already on internal at {prepared[:7]}:",
        "    it is gone on from, with what it lacks of this branch on top",
    ]
    assert "3 already upstream" in plan
    done = pair.b.ekf("upgrade")
    assert done.code == 0, done
    assert pair.b.out("rev-parse", "HEAD") == prepared
    assert pair.b.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    assert pair.b.ekf("save").code == 0


@rare
def test_a_second_attempt_after_an_undo(pair: Pair) -> None:
    assert pair.a.ekf("upgrade").code == 0
    assert pair.a.ekf("save").code == 0
    first = pair.a.out("rev-parse", "HEAD")
    assert pair.a.ekf("undo").code == 0
    later = fix(pair.a, "on 1.8\n", 5)
    assert pair.a.ekf("save").code == 0
    done = pair.a.ekf("upgrade")
    assert done.code == 0, done
    assert pair.a.out("rev-parse", "HEAD~1") == first
    assert pair.a.out("log", "-1", "--format=%s") == "Fix on 1.8"
    assert later != pair.a.out("rev-parse", "HEAD")
    assert pair.a.ekf("save").code == 0


def test_what_the_other_side_has_is_said(pair: Pair) -> None:
    assert pair.a.ekf("upgrade").code == 0
    only_there = fix(pair.a, "on 1.9\n", 3)
    record = deploy(pair.a, "To 1.9", 4)
    assert pair.a.git("switch", "-q", "release-1.8").code == 0
    fresh = fix(pair.a, "on 1.8\n", 5)
    deploy(pair.a, "Back to 1.8", 6)
    plan = pair.a.ekf("upgrade", "--plan")
    # Both have written the same file.
    assert plan.code == 1, plan
    lines = plan.out.splitlines()
    assert lines[1] == (
        f"  release-1.9 is there already here at {only_there[:7]}, deployed by {record}:"
    )
    assert lines[3:5] == [
        "    beside that it has 1 commit that this branch lacks:",
        f"      {only_there[:7]} Fix on 1.9 (Operator)",
    ]
    assert f"  CONFLICT  {fresh[:7]} Fix on 1.8" in lines
    old = pair.a.out("rev-parse", "release-1.9")
    assert pair.a.ekf("upgrade").code == 3
    assert pair.a.ekf("upgrade", "--abort").code == 0
    assert pair.a.out("rev-parse", "release-1.9") == old
    assert pair.a.out("branch", "--show-current") == "release-1.8"
    assert pair.a.ekf("upgrade").code == 3
    pair.a.write("own/fix", "both\n")
    pair.a.git("add", "-A")
    assert pair.a.ekf("upgrade", "--continue").code == 0
    assert pair.a.out("rev-parse", "HEAD~1") == only_there
    assert pair.a.ekf("save").code == 0
    assert pair.a.ekf("undo").code == 0
    assert pair.a.out("rev-parse", "release-1.9") == old


@rare
def test_every_commit_is_skipped(pair: Pair) -> None:
    """The branch that is gone on from is then as it was, and checked out."""
    assert pair.a.ekf("upgrade").code == 0
    there = fix(pair.a, "on 1.9\n", 3)
    assert pair.a.ekf("save").code == 0
    pair.a.git("switch", "-q", "release-1.8")
    fix(pair.a, "on 1.8\n", 5)
    assert pair.a.ekf("save").code == 0
    assert pair.a.ekf("upgrade").code == 3
    done = pair.a.ekf("upgrade", "--skip")
    assert done.code == 0, done
    assert pair.a.out("rev-parse", "release-1.9", "HEAD").split() == [there, there]
    assert pair.a.out("branch", "--show-current") == "release-1.9"


@rare
def test_a_commit_amended_since_is_not_taken_for_its_old_form(pair: Pair) -> None:
    assert pair.a.ekf("upgrade").code == 0
    assert pair.a.ekf("save").code == 0
    assert pair.a.ekf("undo").code == 0
    pair.a.write("own/more", "otherwise\n")
    pair.a.git("commit", "-q", "-a", "--amend", "--no-edit", "--no-verify", env=at(9))
    assert pair.a.ekf("save").code == 0
    plan = pair.a.ekf("upgrade", "--plan").out
    assert "2 already upstream" in plan
    assert f"CONFLICT  {pair.a.short('HEAD')} More" in plan


@rare
def test_what_cannot_be_gone_on_from_is_kept(pair: Pair) -> None:
    pair.a.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    pair.a.git("merge", "-q", "--no-ff", "--no-verify", "-m", "No", "release-1.8")
    old = pair.a.out("rev-parse", "HEAD")
    pair.a.git("push", "-q", "--no-verify", "internal", "release-1.9")
    pair.a.git("switch", "-q", "release-1.8")
    pair.a.git("branch", "-q", "-D", "release-1.9")
    plan = pair.a.ekf("upgrade", "--plan").out
    assert f"  release-1.9 is there already at {old[:7]}, and cannot be gone on from: " in plan
    assert pair.a.ekf("upgrade").code == 0
    done = pair.a.ekf("save")
    assert done.code == 0, done
    backups = pair.a.internal.out(
        "for-each-ref", "--format=%(objectname)", "refs/ekf/backup/release-1.9"
    )
    assert backups == old


# --- the cluster by its records ---


@rare
def test_time_zones_and_names(pair: Pair) -> None:
    """The tag's own time decides, whatever day it has in its name."""
    first = fix(pair.a, "west\n")
    west = {"GIT_COMMITTER_DATE": "2026-11-20T23:30:00-1200"}
    assert pair.a.ekf("tag", "-m", "Later, in the west", env=west).code == 0
    pair.a.commit("own/b", "1\n")
    east = {"GIT_COMMITTER_DATE": "2026-11-21T00:30:00+1400"}
    assert pair.a.ekf("tag", "-m", "Earlier, in the east", env=east).code == 0
    status = pair.a.ekf("status").out.splitlines()[0]
    assert status.startswith(f"internal runs release-1.8 at {first[:7]} since ")
    assert ': "Later, in the west"' in status


@rare
def test_a_clock_a_year_ahead(pair: Pair) -> None:
    deploy(pair.a, "True", 1)
    ahead = {"GIT_COMMITTER_DATE": "2037-01-01T00:00:00+00:00"}
    done = pair.a.ekf("tag", "-m", "Of the future", env=ahead)
    assert done.code == 0, done
    lines = pair.a.ekf("status").out.splitlines()
    assert ': "True"' in lines[0]
    [row] = [line for line in lines if line.startswith("  records")]
    assert "deploy/2037-01-01/release-1.8: of a clock in the future, does not count" in row
    document = json.loads(pair.a.ekf("status", "--json").out)
    assert document["ahead"] == ["deploy/2037-01-01/release-1.8"]


def test_the_name_of_the_cluster(pair: Pair) -> None:
    def name() -> str:
        return pair.a.ekf("status").out.split(" ")[0]

    assert name() == "internal"
    pair.a.write(".ekf.toml", 'name = "staging"\n')
    assert name() == "staging"
    pair.a.git("config", "ekf.name", "prod")
    assert name() == "prod"
    pair.a.write(".ekf.toml", "name = 3\n")
    done = pair.a.ekf("status")
    assert done.code == 2
    assert done.err.startswith("git-ekf: .ekf.toml:1: name ")


def test_a_name_from_outside_is_one_line_without_escapes(pair: Pair) -> None:
    pair.a.git("config", "ekf.name", "a\x1b[31m\nb")
    deploy(pair.a, "Name it")
    for command in ("status", "releases", "pull"):
        shown = pair.a.ekf(command).out
        assert "a\\x1b[31m\\nb runs " in shown
        assert "\x1b" not in shown


def test_after_a_rollback_the_old_release_is_what_runs(pair: Pair, tmp_path: Path) -> None:
    old = deploy(pair.a, "On 1.8", 1)
    assert pair.a.ekf("upgrade").code == 0
    deploy(pair.a, "To 1.9", 2)
    assert pair.a.ekf("rollback", old).code == 0
    new = fix(pair.a, "hot\n", 3)
    deploy(pair.a, "Back on 1.8", 4)
    from conftest import run

    restored = Clone(tmp_path / "restored")
    done = run(
        "git-ekf", "clone", pair.a.vendor.path, restored.path, "--internal", pair.a.internal.path
    )
    assert "branch release-1.8 restored from internal" in done.out
    assert restored.out("rev-parse", "HEAD") == new
    lines = restored.ekf("status").out.splitlines()
    assert lines[0] == (
        f'internal runs release-1.8 at {new[:7]} since {TODAY}: "Back on 1.8" (asked just now)'
    )
    assert "last deploy    deploy/2026-11-20.2/release-1.8, this commit" in "\n".join(lines)
    prompt = restored.ekf("status", "--prompt").out
    assert "!" not in prompt
    restored.git("switch", "-q", "release-1.9")
    assert restored.ekf("status", "--prompt").out.split()[-1] == "!1.8"


@rare
def test_the_way_back_to_a_release_leads_to_what_runs(pair: Pair) -> None:
    old = deploy(pair.a, "On 1.8", 1)
    assert pair.a.ekf("upgrade").code == 0
    deploy(pair.a, "To 1.9", 2)
    assert pair.a.ekf("rollback", old).code == 0
    pair.a.commit("own/back", "1\n", "Back")
    deploy(pair.a, "Back on 1.8", 3)
    pair.a.git("switch", "-q", "--detach", "release-1.9")
    assert "none is checked out   git switch release-1.8" in pair.a.ekf("status").out
    assert refused(pair.a.ekf("pull"))[1] == "git switch release-1.8"


def test_after_an_upgrade_the_last_deploy_is_known(pair: Pair) -> None:
    deploy(pair.a, "On 1.8", 1)
    assert pair.a.ekf("upgrade").code == 0
    out = pair.a.ekf("status").out
    assert "last deploy    deploy/2026-11-20/release-1.8, of another release than this" in out


def test_a_clone_without_records_says_why(pair: Pair, tmp_path: Path) -> None:
    from conftest import run

    restored = tmp_path / "restored"
    done = run("git-ekf", "clone", pair.a.vendor.path, restored, "--internal", pair.a.internal.path)
    assert "internal has no deploy record, and this one has the newest commit" in done.out


# --- killed and interrupted ---


@rare
def test_killed_at_any_time(pair: Pair, tmp_path: Path) -> None:
    """Whatever is left, the branch is where it was or where it goes, and the next pull ends well."""
    theirs = fix(pair.a)
    deploy(pair.a, "Fix it", 2)
    pair.b.commit("own/mine", "1\n", "Mine")
    old = pair.b.out("rev-parse", "HEAD")
    for number, delay in enumerate((0.02, 0.1, 0.2, 0.3, 0.4, 0.5)):
        path = tmp_path / str(number)
        shutil.copytree(pair.b.path, path, symlinks=True)
        clone = Clone(path)
        with subprocess.Popen(
            ["git-ekf", "pull"], cwd=path, stdout=-1, stderr=-1, start_new_session=True
        ) as process:
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        tip = clone.out("rev-parse", "refs/heads/release-1.8")
        assert tip == old or clone.out("rev-parse", f"{tip}~1") == theirs
        (path / ".git/index.lock").unlink(missing_ok=True)
        assert clone.ekf("pull").code == 0
        assert clone.out("rev-parse", "HEAD~1") == theirs
        assert clone.out("status", "--porcelain") == ""
