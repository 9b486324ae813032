"""sync --flatten: a history with merges as one line, with the same files at its tip."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Run, run
from reach import rare
from upgrading import (
    DASHBOARD,
    ISTIO,
    SETTINGS,
    World,
    assert_clean,
    assert_refused,
    copy,
    make,
    script,
    snapshot,
    vendor_commit,
)

from git_ekf.demo.sample import deployment

CHANNEL = "origin/release-1.8"
NO_HOOKS = {"EKF_HOOKS": "0"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one-line")
    make(folder / "template")
    return folder / "template"


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    return copy(template, tmp_path / "world")


def subjects(world: World, upstream: str = CHANNEL) -> list[str]:
    return world.out("log", "--reverse", "--format=%s", f"{upstream}..HEAD").splitlines()


def merge(world: World, *what: str, files: dict[str, str] | None = None) -> str:
    """A merge commit, its conflicts resolved as in `files`."""
    world.git("merge", "-q", "--no-ff", "--no-edit", *what, env=NO_HOOKS, ok=False)
    for path, content in (files or {}).items():
        world.write(path, content)
    if files:
        world.git("add", "-A")
        if (world.path / ".git/MERGE_HEAD").exists():
            world.git("commit", "-q", "--no-edit", env=NO_HOOKS)
        else:
            world.git("commit", "-q", "--amend", "--no-edit", env=NO_HOOKS)
    assert world.out("rev-list", "--count", "--merges", "-1", "HEAD") == "1"
    return world.out("rev-parse", "HEAD")


def side(world: World) -> str:
    """A merge of a side branch that conflicts in the settings: resolved to what neither side has."""
    world.git("switch", "-q", "-c", "side", "HEAD~1")
    world.commit(SETTINGS, "theirs\n", "Their settings")
    world.commit("own/side", "side\n", "Side")
    world.git("switch", "-q", "release-1.8")
    world.commit(SETTINGS, "ours\n", "Our settings")
    return merge(world, "side", files={SETTINGS: "of both\n", "own/evil": "in the merge alone\n"})


def flatten(world: World, *options: str) -> Run:
    done = world.ekf("sync", "--flatten", *options)
    assert done.code == 0, done
    assert world.out("rev-list", "--merges", f"{CHANNEL}..HEAD") == ""
    assert world.rules() == []
    assert_clean(world)
    return done


def test_attributes_that_the_new_release_has_not(world: World) -> None:
    """What the old release is merged by does not bear on how the commits go onto the new one."""
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Mine")
    vendor_commit(world, "release-1.8", {".gitattributes": "*.yaml merge=union\n"})
    world.git("fetch", "-q", "origin")
    merge(world, CHANNEL)
    planned = world.ekf("upgrade", "--flatten", "--plan", "1.9")
    assert planned.code == 1
    assert [line.split()[0] for line in planned.out.splitlines()].count("CONFLICT") == 1


@rare
def test_a_side_branch(world: World) -> None:
    old = world.stack()
    tip = side(world)
    chain = world.stack()
    before = snapshot(world)
    brought = world.out("rev-list", "side", "^HEAD^1").split()
    plan = world.ekf("sync", "--flatten", "--plan")
    assert (plan.code, plan.err) == (0, "")
    assert plan.out.splitlines() == [
        f"release-1.8 as one line above {chain[-2][:7]}, with the same files: 1 configuration commit",
        f"  clean     {tip[:7]} Merge branch 'side' into release-1.8",
        f"            one commit in place of the merge and {brought[0][:7]}, {brought[1][:7]}",
        "1 clean",
        "It would go through: git ekf sync --flatten",
    ]
    assert snapshot(world) == before
    document = json.loads(world.ekf("sync", "--flatten", "--json").out)
    assert document["commits"][0]["brought"] == brought
    done = flatten(world)
    new = world.out("rev-parse", "HEAD")
    assert done.out.splitlines() == [
        f"One line: release-1.8 is at {new[:7]}, with the same files as before.",
        "Next: git ekf save. To take it back: git ekf undo",
    ]
    assert world.tree() == world.tree(tip)
    assert world.stack()[:-1] == chain[:-1]  # what is below stays the same commit
    assert world.stack()[:3] == old
    assert world.out("for-each-ref", "--format=%(objectname)", "refs/ekf/backup") == tip
    assert world.ekf("save").code == 0
    assert world.internal.out("rev-parse", "release-1.8") == new
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == tip
    assert world.out("for-each-ref", "refs/ekf/backup") == ""
    assert_clean(world)


def test_the_next_upgrade_goes_through(world: World) -> None:
    tip = side(world)
    flatten(world)
    world.save()
    assert world.ekf("upgrade").code == 0
    assert world.tree("HEAD:own") == world.tree(f"{tip}:own")


def vendor_moves(world: World, image: str = "1.8.1", replicas: int = 1) -> str:
    files = {
        ISTIO: deployment("istio", image, replicas),
        DASHBOARD: "theirs\n",
        "new/file": "new\n",
    }
    new = vendor_commit(world, "release-1.8", files, "Release 1.8.1")
    world.git("fetch", "-q", "origin")
    return new


@rare
def test_the_vendor_merged(world: World) -> None:
    """No commit takes back what the vendor has changed, and the merge has nothing of its own."""
    new = vendor_moves(world)
    tip = merge(world, CHANNEL)
    plan = world.ekf("sync", "--flatten", "--plan").out
    assert f"  empty     {tip[:7]} Merge remote-tracking branch 'origin/release-1.8'" in plan
    assert "the vendor has all of it" in plan
    flatten(world)
    assert world.tree() == world.tree(tip)
    assert subjects(world) == ["Settings", "Three replicas", "More"]
    for commit in world.stack():
        assert world.out("rev-parse", f"{commit}:new/file") == world.out(
            "rev-parse", f"{new}:new/file"
        )
        assert world.out("show", f"{commit}:{DASHBOARD}") == "theirs"
    assert world.out("diff", "--name-only", f"{new}", world.stack()[0]) == SETTINGS


@rare
def test_the_vendor_merged_with_a_conflict(world: World) -> None:
    """The resolution goes where the conflict is: into the commit that met it."""
    vendor_moves(world, replicas=5)
    resolved = deployment("istio", "1.8.1", 4)
    tip = merge(world, CHANNEL, files={ISTIO: resolved})
    world.commit("own/after", "after\n", "After")
    flatten(world)
    assert world.tree("HEAD~1") == world.tree(tip)
    assert subjects(world) == ["Settings", "Three replicas", "More", "After"]
    assert world.out("show", f"{world.stack()[1]}:{ISTIO}") == resolved.rstrip()
    world.save()
    # The vendor goes on in a file that only the vendor has touched.
    vendor_commit(world, "release-1.8", {DASHBOARD: "theirs again\n"})
    done = world.ekf("sync")
    assert done.code == 0, done


def test_merged_the_other_way_round(world: World) -> None:
    """`git merge release-1.8` on the vendor's branch: what was one line is in one commit, and named so."""
    stack = world.stack()
    vendor_moves(world)
    world.git("switch", "-q", "--detach", CHANNEL)
    merge(world, "release-1.8")
    world.git("branch", "-q", "-f", "release-1.8", "HEAD")
    world.git("switch", "-q", "release-1.8")
    tip = world.out("rev-parse", "HEAD")
    plan = world.ekf("sync", "--flatten", "--plan").out
    assert f"in place of the merge and {', '.join(one[:7] for one in stack[::-1])}" in plan
    flatten(world)
    assert world.tree() == world.tree(tip)


@rare
def test_with_newer_commits_of_the_vendor(world: World) -> None:
    tip = side(world)
    new = vendor_moves(world)
    plan = world.ekf("sync", "--flatten", "--plan")
    assert plan.out.splitlines()[-1] == "It would go through: git ekf sync --flatten"
    done = flatten(world)
    assert f"configuration commits on {CHANNEL} ({new[:7]})." in done.out
    assert world.tree("HEAD:own") == world.tree(f"{tip}:own")
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == tip


def test_many_kinds_of_entries(world: World) -> None:
    world.git("switch", "-q", "-c", "side", "HEAD~1")
    world.write("own/d/e", "e\n")
    world.write("own/run", "#!/bin/sh\n")
    (world.path / "own/run").chmod(0o755)
    (world.path / "own/link").symlink_to("run")
    world.git("add", "-A")
    world.commit("own/umläut \t\"'", "x\n")
    world.git("switch", "-q", "release-1.8")
    world.git("mv", "own/more", "own/moved")
    world.commit("own/d.d", "a file\n")
    tip = merge(world, "side")
    world.git("rm", "-q", "-r", "own/d")
    world.commit("own/d", "a file now\n")
    world.git("switch", "-q", "-c", "other", "HEAD~1")
    world.commit("own/other", "x\n")
    world.git("switch", "-q", "release-1.8")
    tip = merge(world, "other")
    flatten(world)
    assert world.tree() == world.tree(tip)


@rare
def test_a_conflict_of_more_than_one_path(world: World) -> None:
    """A file where the vendor has a directory: the commit goes into the merge's, and is named."""
    world.git("rm", "-q", DASHBOARD)
    clash = world.commit("apps/dashboard/new", "a file\n", "A file", verify=False)
    vendor_commit(world, "release-1.8", {"apps/dashboard/new/file": "new\n", DASHBOARD: "theirs\n"})
    world.git("fetch", "-q", "origin")
    world.git("merge", "-q", "--no-ff", "--no-edit", CHANNEL, env=NO_HOOKS, ok=False)
    world.git("rm", "-q", "-r", "-f", "--cached", "apps/dashboard", ok=False)
    world.git("clean", "-q", "-f", "-d", "apps/dashboard")
    world.git("checkout", "-q", CHANNEL, "--", "apps/dashboard")
    world.git("add", "-A")
    world.git("commit", "-q", "--no-edit", env=NO_HOOKS)
    tip = world.commit("own/after", "after\n")
    plan = world.ekf("sync", "--flatten", "--plan").out
    assert f"{clash[:7]} A file" in plan
    assert "a merge after it has its changes" in plan
    flatten(world)
    assert world.tree() == world.tree(tip)


def test_unrelated_histories(world: World) -> None:
    """Below a merge with the vendor without a common commit nothing can be put on the vendor's files."""
    world.git("checkout", "-q", "--orphan", "mine")
    world.git("rm", "-q", "-r", "-f", ".")
    world.commit("own/first", "first\n", "First", verify=False)
    world.commit("own/second", "second\n", "Second", verify=False)
    tip = merge(world, "--allow-unrelated-histories", CHANNEL)
    world.git("branch", "-q", "-M", "mine", "release-1.8")
    world.git("branch", "-q", f"--set-upstream-to={CHANNEL}")
    world.save()
    flatten(world)
    assert world.tree() == world.tree(tip)
    assert world.out("diff", "--name-only", CHANNEL, "HEAD").split() == ["own/first", "own/second"]


def fix_of(said: str, rule: str) -> str:
    """The command printed as the fix of a rule."""
    lines = said.splitlines()
    at = next(number for number, line in enumerate(lines) if rule in line)
    return lines[at + 1].strip().removeprefix("fix: ")


def follow(world: World, command: str) -> None:
    done = run("bash", "-c", command, cwd=world.path, env={"GIT_EDITOR": "true"})
    assert done.code == 0, (command, done)


def test_the_fix_of_the_rule_loses_nothing(world: World) -> None:
    """In a check, at a push, and from another branch."""
    tip = side(world)
    assert fix_of(world.ekf("check").out, "linear-history") == "git ekf sync --flatten"
    pushed = world.git("push", "internal", "release-1.8", ok=False)
    fix = fix_of(pushed.err, "linear-history")
    follow(world, fix)
    assert world.tree() == world.tree(tip)
    assert world.rules() == []
    assert world.ekf("undo").code == 0
    world.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
    elsewhere = fix_of(world.ekf("check", "--all").out, "linear-history")
    assert elsewhere == "git switch release-1.8 && git ekf sync --flatten"
    follow(world, elsewhere)
    assert world.tree() == world.tree(tip)
    assert world.ekf("save").code == 0


def test_the_fix_on_a_server(world: World) -> None:
    tip = side(world)
    assert run("git-ekf", "hooks", "install", "--server", cwd=world.internal.path).code == 0
    refused = world.git("push", "--no-verify", "internal", "release-1.8", ok=False)
    lines = [line.removeprefix("remote:").strip() for line in refused.err.splitlines()]
    fix = fix_of("\n".join(lines), "linear-history").partition(";")[0]
    follow(world, fix)
    assert world.tree() == world.tree(tip)
    assert world.ekf("save").code == 0


@rare
def test_another_release_merged(world: World) -> None:
    """What somebody has resolved in a merge of the next release is an upgrade to it."""
    old = world.stack()
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.git("fetch", "-q", "origin")
    files = {ISTIO: deployment("istio", "1.9.0-mine", 3)}
    tip = merge(world, "origin/release-1.9", files=files)
    world.commit("own/after", "after\n", "After")
    before = world.out("rev-parse", f"{tip}^1")
    found = world.ekf("check").out
    fix = fix_of(found, "linear-history")
    assert fix_of(found, "branch-base") == fix
    assert fix == (
        f"git switch -c release-1.9 release-1.8 && git branch -f release-1.8 {tip[:12]}^"
        " && git branch --set-upstream-to=origin/release-1.9 && git ekf sync --flatten"
    )
    follow(world, fix)
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert world.tree("HEAD~1") == world.tree(tip)
    assert subjects(world, "origin/release-1.9") == [
        "Settings",
        "Three replicas",
        "More",
        "Our image",
        "After",
    ]
    assert world.out("rev-parse", "release-1.8") == before
    assert world.stack("release-1.8")[:3] == old
    assert world.rules("--all") == []
    assert world.ekf("save").code == 0


@pytest.mark.parametrize("conflict", [False, True])
def test_the_fix_before_the_merge_is_made(world: World, conflict: bool) -> None:
    """Nothing that was merged, or resolved by hand, is lost."""
    world.git("switch", "-q", "-c", "side", "HEAD~1")
    world.commit(SETTINGS if conflict else "own/side", "theirs\n", "Theirs", verify=False)
    world.git("switch", "-q", "release-1.8")
    world.commit(SETTINGS if conflict else "own/last", "ours\n", "Ours")
    said = world.git("merge", "--no-ff", "--no-edit", "side", ok=False).err
    if conflict:
        world.write(SETTINGS, "of both\n")
        world.git("add", "-A")
        said = world.git("commit", "--no-edit", ok=False).err
    wanted = world.out("write-tree")
    fix = fix_of(said, "linear-history")
    command = fix.partition(" makes")[0]
    assert command == "git merge --quit && git commit"
    follow(world, f"{command} -m Side")
    assert world.tree() == wanted
    assert world.rules() == []


@pytest.mark.parametrize("conflict", [False, True])
def test_the_fix_before_the_vendor_is_merged(world: World, conflict: bool) -> None:
    vendor_moves(world, replicas=5 if conflict else 1)
    said = world.git("merge", "--no-ff", "--no-edit", CHANNEL, ok=False).err
    plain = "git merge --abort, then: git ekf sync, or git ekf upgrade"
    if not conflict:
        assert fix_of(said, "linear-history") == plain
        return
    resolved = deployment("istio", "1.8.1", 4)
    world.write(ISTIO, resolved)
    world.git("add", "-A")
    fix = fix_of(world.git("commit", "--no-edit", ok=False).err, "linear-history")
    keep = "; to keep what is resolved: git commit --no-verify, then: git ekf check"
    assert fix == plain + keep
    follow(world, "git commit -q --no-verify")
    follow(world, fix_of(world.ekf("check").out, "linear-history"))
    assert world.out("show", f"HEAD:{ISTIO}") == resolved.rstrip()
    assert world.rules() == []


def test_nothing_to_flatten(world: World) -> None:
    before = snapshot(world)
    done = world.ekf("sync", "--flatten")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("nothing to do\n")
    assert snapshot(world) == before


@rare
@pytest.mark.parametrize("how", ["post-commit", "cleanup"])
def test_where_git_rebases(world: World, how: str) -> None:
    tip = side(world)
    if how == "post-commit":
        script(world.path / ".git/hooks/post-commit", "#!/bin/sh\n:\n")
    else:
        world.git("config", "commit.cleanup", "whitespace")
    flatten(world)
    assert world.tree() == world.tree(tip)
    assert world.ekf("undo").code == 0
    assert world.out("rev-parse", "HEAD") == tip


def test_uncommitted_work_and_a_foreign_merge(world: World) -> None:
    tip = side(world)
    world.write(SETTINGS, "changed\n")
    before = snapshot(world)
    assert_refused(
        world.ekf("sync", "--flatten"),
        f"there is uncommitted work: {SETTINGS}",
        "git commit -a, or git stash",
    )
    assert snapshot(world) == before
    assert world.out("rev-parse", "HEAD") == tip


@pytest.mark.parametrize("given", [["--prefer", "local"], ["--no-save-check"]])
def test_the_flags_are_repeated(world: World, given: list[str]) -> None:
    side(world)
    vendor_moves(world)
    plan = world.ekf("sync", "--plan", "--verify", "test -d own", *given, "--flatten")
    words = " ".join(["--flatten", *given, "--verify", "'test -d own'"])
    assert plan.out.splitlines()[-1] == f"It would go through: git ekf sync {words}"
    refused = world.ekf("upgrade", "1.10", *given)
    assert refused.err.splitlines()[1] == (
        f"hint: git ekf upgrade 1.10 {' '.join(given)} --flatten --plan shows them as one line"
    )


def test_the_flags_of_what_comes_then_are_repeated_at_a_stop(world: World) -> None:
    vendor_moves(world, replicas=5)
    stopped = world.ekf("sync", "--verify", "test -d own", "--no-build")
    assert stopped.code == 3
    assert re.search(
        r"then: git ekf sync --continue --verify 'test -d own' --no-build \(or", stopped.err
    )
