"""sync: the configuration commits onto newer vendor commits of the same channel, also where the vendor has rewritten it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import run
from reach import rare
from upgrading import (
    BUILDS,
    ISTIO,
    NEXT,
    World,
    assert_as_rebased,
    assert_clean,
    assert_refused,
    private,
    rebased,
    script,
    snapshot,
    vendor_commit,
)

from git_ekf.demo.sample import deployment

CHANNEL = "origin/release-1.8"


def vendor_moves(world: World, version: str = "1.8.1", parent: str = "") -> str:
    return vendor_commit(
        world,
        "release-1.8",
        {"VERSION": f"{version}\n", ISTIO: deployment("istio", version, 1)},
        version,
        parent,
    )


def backups(world: World) -> list[str]:
    return world.out(
        "for-each-ref", "--format=%(objectname)", "refs/ekf/backup/release-1.8/"
    ).split()


def assert_undone(world: World, before: dict[str, object]) -> None:
    """As before, but for what was heard of the vendor."""
    done = world.ekf("undo")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "Undone: the sync of release-1.8, " + done.out.splitlines()[0].partition(", ")[2],
    )
    after = snapshot(world)
    told = ("ekf/journal", "ekf/rebase", "logs/HEAD", "refs", "status")
    assert {key: value for key, value in after.items() if key not in told} == {
        key: value for key, value in before.items() if key not in told
    }
    for refs in ("refs/heads", "refs/tags", "refs/ekf", "refs/remotes/internal"):
        lines = [line for line in str(before["refs"]).splitlines() if line.startswith(refs)]
        assert (
            world.out("for-each-ref", "--format=%(refname) %(objectname)", refs).splitlines()
            == lines
        )
    assert_clean(world)


def test_nothing_new(world: World) -> None:
    before = snapshot(world)
    onto = world.short(CHANNEL)
    done = world.ekf("sync")
    assert (done.code, done.out, done.err) == (
        0,
        f"release-1.8 already stands on {CHANNEL} at {onto}; nothing to do\n",
        "",
    )
    plan = world.ekf("sync", "--plan")
    assert (plan.code, plan.err) == (0, "")
    assert snapshot(world) == before


def test_newer_vendor_commits(world: World) -> None:
    old = world.stack()
    base = world.out("rev-parse", CHANNEL)
    before = snapshot(world)
    tip = vendor_moves(world)
    git = rebased(world, CHANNEL, base)
    plan = world.ekf("sync", "--plan")
    assert (plan.code, plan.err) == (0, "")
    assert plan.out == (
        f"Sync of release-1.8, from {base[:7]} to {tip[:7]}: 3 configuration commits\n"
        f"  clean     {old[0][:7]} Settings\n  merged    {old[1][:7]} Three replicas\n  clean     {old[2][:7]} More\n"
        "3 clean\nIt would go through: git ekf sync\n"
    )
    assert "git ekf sync" in world.ekf("status").out
    done = world.ekf("sync")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"  merged    {old[1][:7]} Three replicas\n"
        f"Synced: release-1.8 is at {world.short('HEAD')}, 3 configuration commits on {CHANNEL} ({tip[:7]}).\n{BUILDS}{NEXT}"
    )
    assert_as_rebased(world, git, CHANNEL)
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    assert backups(world) == [old[-1]]
    assert world.rules() == []
    assert world.ekf("sync").out.endswith("nothing to do\n")
    assert_undone(world, before)


def test_saved_with_a_backup(world: World) -> None:
    """The old tip is kept on internal before it is replaced; what follows can still be undone, and said where it stands."""
    old = world.out("rev-parse", "HEAD")
    vendor_moves(world)
    assert world.ekf("sync").code == 0
    pushes = world.path.with_name("pushes")
    script(
        world.internal.path / "hooks/pre-receive",
        f"#!/bin/sh\necho push >>'{pushes}'\ncut -d' ' -f3 >>'{pushes}'\n",
    )
    done = world.ekf("save")
    assert (done.code, done.err) == (0, ""), done
    new = world.out("rev-parse", "HEAD")
    assert world.internal.out(
        "for-each-ref", "--format=%(objectname)", "refs/heads/release-1.8", "refs/ekf/backup"
    ).split() == [old, new]
    lines = pushes.read_text().splitlines()
    assert [line.rpartition("/")[0] or line for line in lines] == [
        "push",
        "refs/ekf/backup/release-1.8",
        "push",
        "refs/ekf/upstream",
        "refs/heads",
    ]
    undone = world.ekf("undo")
    assert undone.code == 0, undone
    assert undone.out.splitlines()[-1] == (
        "internal/release-1.8 already has it; git ekf save puts the old state there and keeps this one as a backup"
    )
    assert world.out("rev-parse", "HEAD") == old
    assert world.ekf("save").code == 0
    assert world.internal.out("rev-parse", "release-1.8") == old


def test_a_conflict(world: World) -> None:
    """Aborted: nothing is left, no backup either. Resolved: one branch, one backup."""
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.save()
    before, kept = snapshot(world), private(world)
    old = world.out("rev-parse", "HEAD")
    vendor_moves(world)
    stopped = world.ekf("sync")
    assert stopped.code == 3
    assert stopped.err.splitlines()[1].endswith(
        "git ekf sync --continue (or --skip this commit, or --abort)"
    )
    assert "  in progress    a sync" in world.ekf("status").out
    done = world.ekf("sync", "--abort")
    assert done.out.startswith(f"Back on release-1.8 at {old[:7]}; nothing was changed.")
    assert backups(world) == []
    assert private(world) == kept
    assert_clean(world)
    assert world.ekf("sync").code == 3
    world.write(ISTIO, deployment("istio", "1.8.1-mine", 3))
    world.git("add", "-A")
    done = world.ekf("sync", "--continue")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        f"Synced: release-1.8 is at {world.short('HEAD')}, 4 configuration commits on {CHANNEL} ("
    )
    assert backups(world) == [old]
    assert len(world.stack()) == 4
    assert_clean(world)
    assert_undone(world, before)


@pytest.mark.parametrize("how", ["--continue", "--abort"])
def test_a_conflict_in_the_hands_of_git(world: World, how: str) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.save()
    old = world.out("rev-parse", "HEAD")
    vendor_moves(world)
    assert world.ekf("sync").code == 3
    world.write(ISTIO, deployment("istio", "1.8.1-mine", 3))
    world.git("add", "-A")
    world.git("rebase", how, env={"GIT_EDITOR": ":"})
    went = "finished" if how == "--continue" else "taken back"
    done = world.ekf("sync", "--abort")
    assert done.err.startswith(
        f"note: the sync of release-1.8 was {went} with git rebase; git ekf is up to date with it\n"
    )
    assert backups(world) == ([old] if how == "--continue" else [])
    if how == "--continue":
        assert len(world.stack()) == 4
        assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == old
    assert_clean(world)


def test_no_commits_of_their_own(world: World) -> None:
    world.git("reset", "-q", "--hard", CHANNEL)
    world.save()
    tip = vendor_moves(world)
    done = world.ekf("sync")
    assert (done.code, done.err) == (0, "")
    assert world.out("rev-parse", "HEAD") == tip
    assert_clean(world)


# --- a channel that the vendor has rewritten ---


def rewritten(world: World) -> tuple[str, str]:
    """The vendor amends the tip that the stack stands on: (what it was, what it is)."""
    old = world.out("rev-parse", CHANNEL)
    new = vendor_commit(
        world,
        "release-1.8",
        {"VERSION": "1.8.0-1\n"},
        "Release 1.8, again",
        parent="refs/heads/release-1.8~1",
    )
    return old, new


def forget(world: World, *, keep: str = "") -> None:
    """Leaves no memory of what the channel was, but one."""
    if keep != "reflog":
        world.git("fetch", "-q", "origin")
        (world.path / ".git/logs/refs/remotes/origin/release-1.8").unlink(missing_ok=True)
    if keep != "upstream":
        world.git("update-ref", "-d", "refs/ekf/upstream/release-1.8")


@pytest.mark.parametrize("keep", ["reflog", "upstream", "record"])
def test_a_rewritten_channel(world: World, keep: str) -> None:
    """Only the customer's commits are carried, whichever of the three remembers what they stand on."""
    if keep == "record":
        assert world.ekf("tag", "-m", "Deployed.").code == 0
        assert world.ekf("save").code == 0
    if keep == "upstream":  # as `git ekf clone` brings it from internal
        world.git("fetch", "-q", "internal", "refs/ekf/upstream/*:refs/ekf/upstream/*")
    world.git("fetch", "-q", "origin")
    world.git("update-ref", "--create-reflog", "-m", "fetch", f"refs/remotes/{CHANNEL}", CHANNEL)
    old, new = rewritten(world)
    forget(world, keep=keep)
    git = rebased(world, CHANNEL, old)
    plan = world.ekf("sync", "--plan")
    assert plan.code == 0, plan
    assert plan.out.splitlines()[:2] == [
        f"Sync of release-1.8, from {old[:7]} to {new[:7]}: 3 configuration commits",
        f"  the vendor has rewritten release-1.8 since; your commits stand on {old[:7]}, which it no longer has",
    ]
    done = world.ekf("sync")
    assert (done.code, done.err) == (0, ""), done
    assert len(world.stack()) == 3
    assert_as_rebased(world, git, CHANNEL)
    saved = world.ekf("save")
    assert (saved.code, saved.err) == (0, ""), saved
    assert world.ekf("undo").code == 0


@rare
def test_a_rewritten_channel_in_a_fresh_clone(world: World, tmp_path: Path) -> None:
    """All that is remembered is what internal keeps."""
    old, _ = rewritten(world)
    path = tmp_path / "world/fresh"
    assert (
        run("git-ekf", "clone", world.vendor.path, path, "--internal", world.internal.path).code
        == 0
    )
    fresh = World(path)
    git = rebased(fresh, CHANNEL, old)
    done = fresh.ekf("sync")
    assert done.code == 0, done
    assert_as_rebased(fresh, git, CHANNEL)
    saved = fresh.ekf("save")
    assert (saved.code, saved.err) == (0, ""), saved
    there = world.internal.out(
        "for-each-ref", "--format=%(objectname)", "refs/ekf/backup/release-1.8"
    ).split()
    assert there == [world.out("rev-parse", "HEAD")]


def test_an_upgrade_from_a_rewritten_channel(world: World) -> None:
    world.git("fetch", "-q", "origin")
    world.git("update-ref", "--create-reflog", "-m", "fetch", f"refs/remotes/{CHANNEL}", CHANNEL)
    old, _ = rewritten(world)
    git = rebased(world, base=old)
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert len(world.stack()) == 3
    assert_as_rebased(world, git)


def test_nothing_remembers(world: World) -> None:
    """Then what the vendor has dropped looks like the customer's own: it is carried, as in git, and listed in the plan."""
    rewritten(world)
    forget(world)
    plan = world.ekf("sync", "--plan")
    assert "4 configuration commits" in plan.out
    assert "Release 1.8" in plan.out


@pytest.mark.parametrize("claimed", [0, 1, 2])
def test_a_record_that_calls_an_own_commit_the_vendors(world: World, claimed: int) -> None:
    """By what another record, or itself, is on: no configuration commit is left behind for it."""
    first, _, last = stack = world.stack()
    base = world.out("rev-parse", CHANNEL)
    for day, on, said in ((19, first, base), (20, last, stack[claimed])):
        world.git(
            *("tag", "-a", f"deploy/2026-11-{day}/release-1.8", on),
            *("-m", f"Local SHA: {on}\nUpstream SHA: {said}\nContext: By hand.\n"),
        )
    vendor_moves(world)
    forget(world)
    assert ": 3 configuration commits" in world.ekf("sync", "--plan").out.partition("\n")[0]
    done = world.ekf("sync", "--no-save-check")
    assert (done.code, len(world.stack())) == (0, 3), done


# --- what stands in the way ---


def test_refused(world: World) -> None:
    vendor_moves(world)
    world.git("fetch", "-q", "origin")

    def refused(message: str, hint: str, *args: str, code: int = 4) -> None:
        before = snapshot(world)
        assert_refused(world.ekf("sync", *args), message, hint, code)
        assert snapshot(world) == before

    refused(
        "no upgrade or sync is in progress",
        "git ekf status; git ekf undo takes back a finished one",
        "--continue",
    )
    refused(
        "--continue and --skip exclude each other",
        "git ekf sync -h",
        "--continue",
        "--skip",
        code=2,
    )
    world.write(ISTIO, "changed\n")
    refused(f"there is uncommitted work: {ISTIO}", "git commit -a, or git stash")
    world.git("reset", "-q", "--hard")
    world.commit("own/unsaved", "x")
    refused("release-1.8 is not saved to internal", "git ekf save, or --no-save-check")
    world.git("switch", "-q", "--detach")
    refused("no release branch is checked out", "git switch release-1.8")
    world.git("switch", "-q", "release-1.8")
    assert world.ekf("sync", "--no-save-check").code == 0


def test_a_channel_that_is_gone(world: World) -> None:
    world.vendor.git("update-ref", "-d", "refs/heads/release-1.8")
    world.git("fetch", "-q", "--prune", "origin")
    before = snapshot(world)
    assert_refused(
        world.ekf("sync"),
        "origin has no release-1.8: the channel is gone, or was never fetched",
        "git fetch origin, or git ekf upgrade",
    )
    assert snapshot(world) == before


def test_a_plan_touches_nothing(world: World) -> None:
    vendor_moves(world)
    world.git("fetch", "-q", "origin")
    before = snapshot(world, exact=True)
    for args in (["--plan"], ["--json"]):
        assert world.ekf("sync", "--no-fetch", *args).code == 0
    assert snapshot(world, exact=True) == before
