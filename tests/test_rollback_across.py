"""rollback where the vendor's commit below has changed since the record: the record's own changes on the vendor's files of today, or exactly its files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import Run, run
from reach import EVERYTHING, rare
from upgrading import (
    DASHBOARD,
    ISTIO,
    SETTINGS,
    World,
    assert_clean,
    assert_refused,
    copy,
    make,
    private,
    script,
    snapshot,
    vendor_commit,
    wrapper,
)

from git_ekf.demo.sample import deployment

CHANNEL = "origin/release-1.8"
RECORD = "deploy/2026-11-19/release-1.8"
RESOLVED = deployment("istio", "1.8.2", 3)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record, then a sync over files of the vendor's that nobody else touched, then another configuration."""
    world = make(tmp_path_factory.mktemp("across") / "template")
    assert world.ekf("tag", "-m", "Deployed it.", "--date", "2026-11-19").code == 0
    files = {f"vendor/{number}": "new\n" for number in range(12)}
    files |= {DASHBOARD: "theirs\n", "VERSION": "1.8.1\n"}
    vendor_commit(world, "release-1.8", files, "Release 1.8.1")
    world.save()
    assert world.ekf("sync").code == 0
    world.commit(SETTINGS, "another\n", "Another setting")
    world.git("rm", "-q", "own/more")
    world.commit("own/new", "new\n", "New")
    world.save()
    return world.path.parent


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    return copy(template, tmp_path / "world")


def conflicting(world: World) -> None:
    """The vendor changes what the record changes, and the branch goes along."""
    vendor_commit(world, "release-1.8", {ISTIO: deployment("istio", "1.8.2", 9)}, "Release 1.8.2")
    assert world.ekf("sync", "--prefer", "vendor").code == 0
    world.save()


def own(world: World, revision: str, base: str) -> list[str]:
    """What a commit changes of the vendor's."""
    return world.out("diff", "--no-renames", "--name-status", base, revision).splitlines()


def roll_back(world: World, *options: str, code: int = 0) -> Run:
    done = world.ekf("rollback", *options, "2026-11-19")
    assert done.code == code, done
    return done


def test_the_configuration_comes_back(world: World) -> None:
    tip = world.out("rev-parse", "HEAD")
    base, old = world.out("rev-parse", CHANNEL), world.out("merge-base", RECORD, CHANNEL)
    before = snapshot(world)
    plan = roll_back(world, "-n")
    assert snapshot(world) == before
    assert plan.err == ""
    assert plan.out.splitlines()[:2] == [
        f"A new commit on release-1.8 with the configuration of {RECORD}, on the vendor's {base[:7]}",
        "  what the vendor has changed since stays: 1 vendor commit (14 files);"
        " --exact would take that back",
    ]
    assert "vendor/" not in plan.out
    assert "VERSION" not in plan.out
    done = roll_back(world)
    assert done.out.startswith(plan.out)
    assert world.out("log", "-1", "--format=%P|%s|%b").strip() == (
        f"{tip}|Roll back to {RECORD}|Deployed it."
    )
    assert own(world, "HEAD", CHANNEL) == own(world, RECORD, old)
    assert world.out("diff", RECORD, "HEAD", "--", "own") == ""
    assert world.rules() == []
    assert_clean(world)
    again = roll_back(world)
    assert again.out == (f"release-1.8 already has the configuration of {RECORD}; nothing to do\n")
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == tip
    assert_clean(world)


@pytest.mark.parametrize("command", ["upgrade", "sync"])
def test_afterwards_nothing_conflicts_that_nobody_touched(world: World, command: str) -> None:
    """With exactly the record's files it would: the vendor's own reversal was configuration then."""
    branch = "release-1.9" if command == "upgrade" else "release-1.8"
    files = {f"vendor/{number}": "newer\n" for number in range(12)}
    vendor_commit(world, branch, files | {DASHBOARD: "theirs again\n"})
    roll_back(world)
    world.save()
    plan = world.ekf(command, "--plan")
    assert plan.code == 0, plan
    done = world.ekf(command)
    assert done.code == 0, done
    for path in files:
        assert world.out("show", f"HEAD:{path}") == "newer"
    assert world.out("show", f"HEAD:{DASHBOARD}") == "theirs again"
    assert world.out("show", f"HEAD:{SETTINGS}") == "one"


def test_exactly_the_files(world: World) -> None:
    tip = world.out("rev-parse", "HEAD")
    plan = roll_back(world, "--exact", "-n")
    assert plan.out.splitlines()[:2] == [
        f"A new commit on release-1.8 with the files of {RECORD}",
        "  this also takes back what the vendor has changed since: 1 vendor commit (14 files)",
    ]
    done = roll_back(world, "--exact")
    assert done.out.startswith(plan.out)
    assert world.tree() == world.tree(RECORD)
    # And from there the configuration alone brings the vendor's files again.
    roll_back(world)
    assert world.out("show", "HEAD:VERSION") == "1.8.1"
    assert world.out("rev-parse", "HEAD~2") == tip


def test_a_record_on_newer_commits_of_the_vendor(world: World) -> None:
    """The sync was taken back, or somebody else's record is of a branch that went further."""
    assert world.ekf("tag", "-m", "Newer.", "--date", "2026-11-20").code == 0
    newer = "deploy/2026-11-20/release-1.8"
    base = world.out("merge-base", RECORD, CHANNEL)
    world.git("reset", "-q", "--hard", RECORD)
    world.commit("own/x", "x\n", "X")
    plan = world.ekf("rollback", "-n", "2026-11-20")
    assert plan.out.splitlines()[:2] == [
        f"A new commit on release-1.8 with the configuration of {newer}, on the vendor's {base[:7]}",
        "  what the record has of the vendor's beyond that stays away: 1 vendor commit (14 files);"
        " --exact would bring that",
    ]
    assert world.ekf("rollback", "2026-11-20").code == 0
    assert own(world, "HEAD", base) == own(world, newer, CHANNEL)
    exact = world.ekf("rollback", "--exact", "2026-11-20")
    assert (
        "  this also brings what release-1.8 does not have of the vendor's: 1 vendor commit (14 files)\n"
        in exact.out
    )
    assert world.tree() == world.tree(newer)


def test_where_the_base_is_the_same(world: World) -> None:
    assert world.ekf("tag", "-m", "x", "--date", "2026-11-20").code == 0
    world.commit(SETTINGS, "more\n", "More")
    done = world.ekf("rollback", "2026-11-20")
    assert done.out.splitlines()[0] == (
        "A new commit on release-1.8 with the files of deploy/2026-11-20/release-1.8"
    )
    assert "vendor" not in done.out


def test_from_another_branch(world: World) -> None:
    world.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
    done = roll_back(world)
    assert "; HEAD goes from release-1.9 to it\n" in done.out
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    assert world.out("show", "HEAD:VERSION") == "1.8.1"
    assert world.ekf("undo").code == 0
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert_clean(world)


def test_where_nobody_knows_what_it_stands_on(world: World) -> None:
    """The vendor has deleted the channel, and nothing was saved: the record's files, and a word about it."""
    for ref in ("refs/remotes/origin/release-1.8", "refs/ekf/upstream/release-1.8"):
        world.git("update-ref", "-d", ref)
    world.git("reflog", "expire", "--expire=all", "--all")
    done = roll_back(world)
    assert done.out.splitlines()[0] == (
        f"A new commit on release-1.8 with the files of {RECORD};"
        " what release-1.8 and the record stand on is not known here"
    )
    assert world.tree() == world.tree(RECORD)


def test_a_record_that_claims_a_commit_of_ours(world: World) -> None:
    """`Upstream SHA` of a record made by hand is believed where it is the vendor's."""
    old = world.out("merge-base", RECORD, CHANNEL)
    lie = world.out("rev-parse", f"{RECORD}~1")
    text = world.out("cat-file", "tag", RECORD).replace(
        f"Upstream SHA: {old}", f"Upstream SHA: {lie}"
    )
    assert lie in text
    name = "deploy/2026-11-18/release-1.8"
    message = text.partition("\n\n")[2]
    world.git("tag", "-a", "-F", "-", name, f"{RECORD}^{{}}", stdin=message)
    assert world.ekf("rollback", name).code == 0
    assert own(world, "HEAD", CHANNEL) == own(world, RECORD, old)


def test_many_files_do_not_flood_the_screen(world: World) -> None:
    for number in range(60):
        world.write(f"own/many/{number:03}", "x\n")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Many")
    assert world.ekf("tag", "-m", "Many.", "--date", "2026-11-20").code == 0
    for options in (["-n"], ["--exact", "-n"], ["--exact"]):
        done = roll_back(world, *options)
        assert len(done.out.splitlines()) < 30
        assert any(line.startswith(" … and ") for line in done.out.splitlines())
        assert any("files changed" in line for line in done.out.splitlines())
    world.write("own/untracked", "x\n")
    assert len(roll_back(world, code=4).err.splitlines()) == 2


# --- conflicts ---


def stop(world: World) -> Run:
    conflicting(world)
    stopped = roll_back(world, code=3)
    assert (world.path / ".git/rebase-merge").exists()
    return stopped


def resolve(world: World) -> None:
    world.write(ISTIO, RESOLVED)
    world.git("add", ISTIO)


def assert_resolved(world: World, tip: str) -> None:
    assert world.out("rev-list", "--parents", "-1", "HEAD").split()[1:] == [tip]
    assert world.out("log", "-1", "--format=%s|%b").strip() == f"Roll back to {RECORD}|Deployed it."
    assert world.out("show", f"HEAD:{ISTIO}") == RESOLVED.rstrip()
    assert world.out("diff", RECORD, "HEAD", "--", "own") == ""
    assert world.out("show", "HEAD:VERSION") == "1.8.1"
    assert world.rules() == []
    assert_clean(world)


def test_a_conflict(world: World) -> None:
    conflicting(world)
    tip = world.out("rev-parse", "HEAD")
    before = snapshot(world, exact=True)
    plan = roll_back(world, "-n", code=1)
    assert snapshot(world, exact=True) == before
    assert plan.out.splitlines()[2:] == [
        "  it would stop for you to resolve 1 file, in an ordinary rebase:",
        f"    {ISTIO}",
    ]
    stopped = roll_back(world, code=3)
    last = world.short(CHANNEL)
    assert stopped.out == plan.out + (
        "Stopped: the configuration of the record and the vendor's files of today conflict\n"
        f"  {ISTIO}\n"
        f"    both changed it; the vendor's last commit there is {last} Release 1.8.2\n"
    )
    assert stopped.err.splitlines()[-2:] == [
        "git-ekf: the rollback has stopped half-way: 1 file in conflict",
        "hint: edit the files, git add them, then: git ekf rollback --continue (or --abort)",
    ]
    status = world.ekf("status").out
    assert "git ekf rollback --continue" in status
    refused = world.ekf("rollback", "--continue")
    assert refused.code == 4
    assert f"{ISTIO} is still in conflict" in refused.err
    assert world.ekf("undo").code == 4
    assert "a rebase of a rollback is in progress" in roll_back(world, code=4).err
    resolve(world)
    done = world.ekf("rollback", "--continue")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"On release-1.8 at {world.short('HEAD')}. To take it back: git ekf undo\n"
        "Next: deploy it, then git ekf tag and git ekf save\n"
    )
    assert_resolved(world, tip)
    assert world.out("for-each-ref", "refs/ekf/picks") == ""
    assert private(world) == {"rebase", "settings"}
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == tip
    assert_clean(world)


@rare
def test_aborted(world: World) -> None:
    stop(world)
    tip = world.out("rev-parse", "release-1.8")
    assert world.ekf("rollback", "--abort").code == 0
    assert world.out("rev-parse", "HEAD", "release-1.8").split() == [tip, tip]
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    assert private(world) == {"settings"}
    assert_clean(world)
    resolve_again = roll_back(world, code=3)
    assert "Stopped" in resolve_again.out


@rare
@pytest.mark.parametrize("how", ["--continue", "--abort", "--skip"])
def test_gits_own_hands(world: World, how: str) -> None:
    stop(world)
    tip = world.out("rev-parse", "release-1.8")
    if how == "--continue":
        resolve(world)
    done = world.git("rebase", how, env={"GIT_EDITOR": "true"})
    assert done.code == 0
    if how == "--continue":
        assert_resolved(world, tip)
        said = world.ekf("undo")
        assert said.code == 0, said
    assert world.out("rev-parse", "HEAD") == tip
    assert world.ekf("rollback", "-n", "2026-11-19").code == 1
    assert_clean(world)
    assert world.ekf("rollback", "2026-11-19", "--exact").code == 0
    assert world.out("for-each-ref", "refs/ekf/picks") == ""


@rare
def test_resolved_before(world: World) -> None:
    """rerere knows it: then it goes through without a stop."""
    stop(world)
    tip = world.out("rev-parse", "release-1.8")
    resolve(world)
    assert world.ekf("rollback", "--continue").code == 0
    assert world.ekf("undo").code == 0
    done = roll_back(world)
    assert "On release-1.8 at" in done.out
    assert_resolved(world, tip)


@rare
def test_resolved_to_what_is_there(world: World) -> None:
    """Where nothing of the record is left, nothing is committed, and it says so."""
    base = world.out("merge-base", "HEAD", CHANNEL)
    world.git("reset", "-q", "--hard", base)
    world.commit(ISTIO, deployment("istio", "1.8.0", 4), "Four")
    assert world.ekf("tag", "-m", "x", "--date", "2026-11-17").code == 0
    assert world.ekf("save").code == 0
    conflicting(world)
    assert world.ekf("rollback", "2026-11-17").code == 3
    tip = world.out("rev-parse", "release-1.8")
    world.git("checkout", "-q", "--ours", ISTIO)
    world.git("add", ISTIO)
    assert_refused(
        world.ekf("rollback", "--continue"),
        "nothing of the record was left to commit, and release-1.8 stays as it was",
        "git ekf rollback deploy/2026-11-17/release-1.8 --exact",
    )
    assert world.out("rev-parse", "HEAD") == tip
    assert_clean(world)


def test_a_conflict_on_another_branch(world: World) -> None:
    conflicting(world)
    world.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
    before = snapshot(world)
    refused = roll_back(world, code=4)
    assert refused.err == (
        "git-ekf: conflicts are resolved on release-1.8, and release-1.9 is checked out\n"
        f"hint: git switch release-1.8 && git ekf rollback {RECORD}\n"
    )
    assert snapshot(world) == before


@rare
def test_signed(world: World, tmp_path: Path) -> None:
    world.sign_with(tmp_path)
    roll_back(world)
    assert world.git("verify-commit", "HEAD").code == 0
    assert world.ekf("undo").code == 0
    stop(world)
    resolve(world)
    assert world.ekf("rollback", "--continue").code == 0
    assert world.git("verify-commit", "HEAD").code == 0


def test_a_git_that_cannot_merge_without_a_work_tree(world: World) -> None:
    world.git("config", "merge.renormalize", "true")
    plan = roll_back(world, "-n")
    assert "whether it would stop at a conflict cannot be told" in plan.out
    tip = world.out("rev-parse", "HEAD")
    done = roll_back(world)
    assert "On release-1.8 at" in done.out
    assert world.out("rev-parse", "HEAD~1") == tip
    assert own(world, "HEAD", CHANNEL) == own(
        world, RECORD, world.out("merge-base", RECORD, CHANNEL)
    )
    assert_clean(world)
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == tip


def test_wrong_usage(world: World) -> None:
    alone = ("--continue and --abort stand alone", "git ekf rollback -h", 2)
    assert_refused(world.ekf("rollback", "--continue", "--abort"), *alone)
    assert_refused(world.ekf("rollback", "--abort", RECORD), *alone)
    assert_refused(world.ekf("rollback", "--continue", "-n"), *alone)
    assert_refused(
        world.ekf("rollback"), "the deploy record has to be named", "git ekf log lists them", 2
    )
    for how in ("--continue", "--abort"):
        assert_refused(
            world.ekf("rollback", how),
            "no rollback is in progress",
            "git ekf status; git ekf undo takes back a finished one",
        )


# --- killed ---


def killed_at(world: World, folder: Path, number: int, *command: str) -> Run:
    """git-ekf is killed as it calls git for the so-manieth time."""
    folder.mkdir()
    count = folder / "count"
    count.write_text("0")
    environment = wrapper(
        folder / "bin",
        f"n=$(($(cat {count}) + 1)); echo $n >{count}.new; mv {count}.new {count}\n"
        f'[ $n != {number} ] || {{ kill -9 $PPID; exit 1; }}\nexec "$real" "$@"',
    )
    return run("git-ekf", *command, cwd=world.path, env=environment)


@rare
@pytest.mark.parametrize("scene", ["clean", "stops", "continue", "abort"])
def test_killed(template: Path, tmp_path: Path, scene: str) -> None:
    """At a call of git: the next commands lead to the one end or the other."""
    prepared = copy(template, tmp_path / "prepared")
    if scene != "clean":
        conflicting(prepared)
    tip = prepared.out("rev-parse", "HEAD")
    for number in range(1, 400, 3 if EVERYTHING else 15):
        world = copy(prepared.path.parent, tmp_path / f"world-{number}")
        command = ("rollback", "2026-11-19")
        if scene in ("continue", "abort"):
            assert world.ekf(*command).code == 3
            command = ("rollback", f"--{scene}")
        if scene == "continue":
            resolve(world)
        done = killed_at(world, tmp_path / f"bin-{number}", number, *command)
        if done.code in (0, 3):
            break
        if (world.path / ".git/rebase-merge").exists():
            if scene == "abort":
                assert world.ekf("rollback", "--abort").code == 0
            else:
                resolve(world)
                went_on = world.ekf("rollback", "--continue")
                assert went_on.code == 0, (number, went_on)
        else:
            world.ekf("undo")
        if world.out("rev-parse", "HEAD") == tip:
            assert_clean(world)
        elif scene == "clean":
            assert world.out("rev-parse", "HEAD~1") == tip
            assert_clean(world)
        else:
            assert_resolved(world, tip)
        assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    assert number >= 8


@rare
@pytest.mark.parametrize("how", ["continue", "by hand"])
def test_killed_inside_git(template: Path, tmp_path: Path, how: str) -> None:
    """git, the shell of the last line, and git-ekf, at every change of a ref while it goes on."""
    prepared = copy(template, tmp_path / "prepared")
    conflicting(prepared)
    tip = prepared.out("rev-parse", "HEAD")
    for number in range(1, 40, 1 if EVERYTHING else 3):
        world = copy(prepared.path.parent, tmp_path / f"world-{number}")
        assert roll_back(world, code=3)
        resolve(world)
        hook = world.path / ".git/hooks/reference-transaction"
        count = tmp_path / f"count-{number}"
        count.write_text("0")
        script(
            hook,
            f"#!/bin/sh\nn=$(($(cat {count}) + 1)); echo $n >{count}\n"
            f"[ $n != {number} ] || kill -9 0\n",
        )
        command = ["git", "rebase", "--continue"]
        if how == "continue":
            command = ["git-ekf", "rollback", "--continue"]
        done = subprocess.run(
            command,
            cwd=world.path,
            env={**os.environ, "GIT_EDITOR": "true"},
            capture_output=True,
            start_new_session=True,
            check=False,
        )
        hook.unlink()
        for lock in (world.path / ".git").rglob("*.lock"):
            lock.unlink()
        if (world.path / ".git/rebase-merge").exists():
            if world.out("ls-files", "--unmerged"):
                resolve(world)
            went_on = world.ekf("rollback", "--continue")
            if went_on.code == 4:  # git was cut off while it picked, and says so
                assert "git ekf rollback --abort" in went_on.err
                assert world.ekf("rollback", "--abort").code == 0
                assert world.out("rev-parse", "HEAD") == tip
                continue
            assert went_on.code == 0, (number, went_on)
        assert_resolved(world, tip)
        if done.returncode == 0:
            break
    assert number > 5
