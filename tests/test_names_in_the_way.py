"""Names in the way of what a command is to make are found before it begins, and its hint moves them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Clone, Run, run
from upgrading import ISTIO, World, snapshot, vendor_commit

from git_ekf.demo.sample import deployment

RECORD = "deploy/2026-11-20/release-1.8"


def refused(done: Run) -> tuple[str, str]:
    """What was said, and the hint, of a command that refused."""
    assert (done.code, done.out) == (4, ""), done
    message, hint = done.err.removesuffix("\n").split("\nhint: ")
    return message.removeprefix("git-ekf: "), hint


def take(clone: Clone, hint: str) -> None:
    """Runs a hint as a person would."""
    done = run("sh", "-c", hint, cwd=clone.path)
    assert done.code == 0, done


def conflict(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.save()


def resolve(world: World) -> Run:
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "--", ISTIO)
    return world.ekf("upgrade", "--continue")


# (what is in the way, what is to be done, what is said, the command)
CASES = {
    "branch-below": (
        "refs/heads/release-1.9/fix",
        ["upgrade"],
        "the branch release-1.9/fix is in the way of the branch release-1.9",
        "git branch -m release-1.9/fix release-1.9-fix",
    ),
    "picks": (
        "refs/ekf/picks",
        ["upgrade"],
        "refs/ekf/picks is in the way of refs/ekf/picks/release-1.9",
        "git update-ref refs/old/ekf-picks-old refs/ekf/picks && git update-ref -d refs/ekf/picks",
    ),
    "backup": (
        "refs/ekf/backup/release-1.8",
        ["sync"],
        "refs/ekf/backup/release-1.8 is in the way of refs/ekf/backup/release-1.8/",
        "git update-ref refs/old/ekf-backup-release-1.8-old refs/ekf/backup/release-1.8"
        " && git update-ref -d refs/ekf/backup/release-1.8",
    ),
}


@pytest.mark.parametrize("plan", [["--plan"], ["--json"], []])
@pytest.mark.parametrize("case", CASES)
def test_an_upgrade_or_sync(world: World, case: str, plan: list[str]) -> None:
    ref, command, message, hint = CASES[case]
    vendor_commit(world, "release-1.8", {"new": "vendor's"})
    world.git("fetch", "-q", "origin")
    world.git("update-ref", ref, "HEAD")
    before = snapshot(world)
    said, command_that_helps = refused(world.ekf(*command, *plan))
    assert said.startswith(message)
    assert command_that_helps == hint
    assert snapshot(world) == before
    take(world, hint)
    assert world.ekf(*command, *plan).code == 0


def test_several_and_a_name_that_is_taken(world: World) -> None:
    for branch in ("release-1.9/a/b", "release-1.9/a-b", "release-1.9-a-b"):
        world.git("branch", branch)
    said, hint = refused(world.ekf("upgrade", "--plan"))
    assert "release-1.9/a-b and 1 more are in the way" in said
    take(world, hint)
    assert world.ekf("upgrade").code == 0
    assert len(world.out("branch", "--list", "release-1.9-a*").splitlines()) == 3


def test_other_things_of_that_name(world: World) -> None:
    """A branch and a tag origin/release-1.9 are no channel, and take part in nothing."""
    conflict(world)
    world.git("fetch", "-q", "origin")
    for name in ("origin/release-1.9", "origin/release-1.8", "release-1.9", "release-1.8"):
        world.git("tag", name, "release-1.8~2")
    for name in ("origin/release-1.9", "origin/release-1.8"):
        world.git("branch", name, "release-1.8~1")
    assert world.ekf("upgrade").code == 3
    done = resolve(world)
    assert done.code == 0, done
    assert world.out("config", "branch.release-1.9.remote") == "origin"
    assert world.out("config", "branch.release-1.9.merge") == "refs/heads/release-1.9"
    assert len(world.stack("refs/heads/release-1.9", "refs/remotes/origin/release-1.9")) == 4


def test_other_things_of_a_channels_full_name(world: World) -> None:
    """To git branch -u it would be ambiguous, however it is named."""
    conflict(world)
    for ref in ("refs/heads/refs/remotes/origin/release-1.9", "refs/tags/refs/heads/release-1.9"):
        world.git("update-ref", ref, "release-1.8~2")
    assert world.ekf("upgrade").code == 3
    done = resolve(world)
    assert done.code == 0, done
    assert world.out("config", "branch.release-1.9.merge") == "refs/heads/release-1.9"


def test_a_command_names_a_channel_in_full_where_it_must(world: World) -> None:
    world.git("branch", "origin/release-1.8", "release-1.8~2")
    world.git("branch", "--unset-upstream")
    found = world.ekf("check").out
    fix = "git branch --set-upstream-to=refs/remotes/origin/release-1.8 release-1.8"
    assert f"fix: {fix}\n" in found
    take(world, fix)
    assert world.ekf("check").code == 0


def test_one_that_comes_while_it_stands(world: World) -> None:
    conflict(world)
    assert world.ekf("upgrade").code == 3
    world.git("branch", "release-1.9/fix")
    said, hint = refused(resolve(world))
    assert "release-1.9/fix" in said
    take(world, hint)
    assert world.ekf("upgrade", "--continue").code == 0


@pytest.mark.parametrize("tag", ["deploy", "deploy/2026-11-20", f"{RECORD}/x"])
def test_a_record(world: World, tag: str) -> None:
    world.git("tag", "-a", "-m", "x", tag)
    world.git("config", "ekf.apply.command", "false")  # which must not come to run
    for command in (["apply", "own"], ["tag", "-m", "x"]):
        said, hint = refused(world.ekf(*command))
        assert f"the tag {tag} is in the way of the tag {RECORD}" in said
    [found] = [line for line in world.ekf("doctor").out.splitlines() if "  names  " in line]
    assert "error" in found
    assert tag in found
    take(world, hint)
    assert world.ekf("tag", "-m", "x").out.startswith("Recorded ")
    assert world.ekf("status").err == ""  # and nothing is put back


def test_a_tag_of_the_vendor_stays_away(world: World) -> None:
    world.vendor.git("tag", "deploy", "release-1.8")
    world.git("fetch", "-q", "origin")
    take(world, refused(world.ekf("tag", "-m", "x"))[1])
    assert world.ekf("tag", "-m", "x").code == 0
    world.save()
    assert world.ekf("save").code == 0
    assert world.ekf("upgrade").code == 0


def test_a_tag_of_the_vendor_that_comes_later(world: World) -> None:
    assert world.ekf("tag", "-m", "x").code == 0
    assert world.ekf("save").code == 0
    world.vendor.git("tag", "deploy", "release-1.8")
    said, hint = refused(world.ekf("upgrade", "--plan"))
    assert f"the tag {RECORD} is in the way of the tag deploy" in said
    assert hint == "git config remote.origin.tagOpt --no-tags"
    take(world, hint)
    assert world.ekf("upgrade").code == 0


def test_a_vendor_with_such_a_tag_is_cloned_without_tags(world: World) -> None:
    assert world.ekf("tag", "-m", "x").code == 0
    assert world.ekf("save").code == 0
    world.vendor.git("tag", "deploy", "release-1.8")
    other = Clone(world.path.with_name("other"))
    done = run("git-ekf", "clone", world.vendor.path, other.path, "--internal", world.internal.path)
    assert done.code == 0, done
    assert (
        "  fetching from origin brings no tags: deploy would be in the way of deploy records\n"
        in (done.out)
    )
    assert other.out("tag") == RECORD


def test_a_vendor_that_made_a_directory_of_a_branch(world: World) -> None:
    world.vendor.git("branch", "topic", "release-1.8")
    world.git("fetch", "-q", "origin")
    world.vendor.git("branch", "-D", "topic")
    world.vendor.git("branch", "topic/x", "release-1.9")
    for command in (["upgrade", "--plan"], ["upgrade"], ["sync"]):
        said, hint = refused(world.ekf(*command))
        assert said.startswith("origin/topic is in the way of origin/topic/x")
        assert hint == "git remote prune origin"
    take(world, hint)
    assert world.ekf("upgrade").code == 0


def test_a_colleague_who_made_a_directory_of_a_branch(world: World) -> None:
    world.internal.git("branch", "topic", "release-1.8")
    assert world.ekf("save").code == 0
    world.internal.git("branch", "-D", "topic")
    world.internal.git("branch", "topic/x", "release-1.8")
    done = world.ekf("save")
    assert (done.code, done.err) == (0, ""), done
    assert world.out("rev-parse", "internal/topic/x") == world.out("rev-parse", "release-1.8")


@pytest.mark.parametrize("name", ["heads/release-1.8/fix", "tags/deploy", "ekf/upstream"])
def test_on_internal(clone: Clone, internal: Path, name: str) -> None:
    clone.commit("own/settings", "one\n")
    assert clone.ekf("tag", "-m", "x").code == 0
    clone.git("push", "-q", "--no-verify", "--no-follow-tags", "internal", f"HEAD:refs/{name}")
    said, hint = refused(clone.ekf("save"))
    assert said.startswith("on internal ")
    assert said.endswith("; nothing was saved")
    take(clone, hint)
    assert clone.ekf("save").code == 0
    kept = Clone(internal).out("rev-list", "--glob=refs/old", "--glob=refs/ekf/backup")
    assert clone.out("rev-parse", "HEAD") in kept


def test_a_rollback_to_a_branch_that_is_gone(world: World) -> None:
    assert world.ekf("tag", "-m", "x").code == 0
    world.git("switch", "-q", "-c", "elsewhere")
    world.git("branch", "-q", "-D", "release-1.8")
    world.git("branch", "release-1.8/fix")
    for options in (["--dry-run"], []):
        said, hint = refused(world.ekf("rollback", RECORD, *options))
        assert "release-1.8/fix is in the way of the branch release-1.8" in said
    take(world, hint)
    assert world.ekf("rollback", RECORD).code == 0


def test_an_init_that_is_to_make_a_branch(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "master", "origin/release-1.8")
    clone.git("branch", "-q", "-D", "release-1.8")
    clone.git("branch", "release-1.8/fix")
    said, hint = refused(clone.ekf("init", "--yes"))
    assert "release-1.8/fix is in the way" in said
    take(clone, hint)
    assert clone.ekf("init", "--yes").code == 0


def test_a_bare_clone_with_work_trees(world: World, tmp_path: Path) -> None:
    """All of the vendor's branches are local ones there."""
    bare = Clone(tmp_path / "bare.git")
    assert run("git", "clone", "-q", "--bare", world.vendor.path, bare.path).code == 0
    bare.git("worktree", "add", "-q", str(tmp_path / "one"), "release-1.8")
    bare.git("worktree", "add", "-q", str(tmp_path / "other"), "release-1.9")
    one = Clone(tmp_path / "one")
    done = one.ekf("init", "--internal", str(world.internal.path))
    assert done.code == 0, done
    assert one.ekf("pull").code == 0
    elsewhere = tmp_path / "other"
    for options in (["--plan"], ["--no-save-check"]):
        said, hint = refused(one.ekf("upgrade", *options))
        assert said == f"release-1.9 is checked out in {elsewhere}"
        assert hint == f"git -C {elsewhere} switch --detach && git branch -D release-1.9"
    take(one, hint)
    assert one.ekf("upgrade", "--no-save-check").code == 0
    one.git("switch", "-q", "release-1.8")
    assert refused(one.ekf("upgrade", "1.10", "--plan"))[1] == "git branch -D release-1.10"


def test_a_branch_that_is_there_already(world: World) -> None:
    """With nothing of its own it is moved on; what cannot be gone on from is kept as a backup."""
    world.git("fetch", "-q", "origin")
    world.git("branch", "-q", "--no-track", "release-1.9", "origin/release-1.9")
    planned = world.ekf("upgrade", "--plan")
    assert planned.code == 0
    assert planned.out.splitlines()[-1] == "It would go through: git ekf upgrade 1.9"
    assert world.ekf("upgrade").code == 0
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "release-1.9") == world.out("rev-parse", "origin/release-1.9")
    old = world.out("rev-parse", "release-1.8")
    world.git("branch", "-q", "-f", "release-1.9", "release-1.8")
    planned = world.ekf("upgrade", "--plan")
    assert planned.out.splitlines()[1] == (
        f"  release-1.9 is there already at {old[:7]}, and cannot be gone on from: it is replaced,"
        " and kept under refs/ekf/backup/release-1.9/"
    )
    assert world.ekf("upgrade").code == 0
    kept = world.out("for-each-ref", "--format=%(objectname)", "refs/ekf/backup/release-1.9")
    assert kept == old
    assert world.out("log", "--format=%s", "origin/release-1.9..") == (
        "More\nThree replicas\nSettings"
    )
