"""upgrade: what comes of it when nothing stands in the way, everything that can, and the plan that touches nothing."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Clone, run
from upgrading import (
    BUILDS,
    DASHBOARD,
    ISTIO,
    NEXT,
    SETTINGS,
    World,
    assert_as_rebased,
    assert_clean,
    assert_refused,
    private,
    rebased,
    script,
    snapshot,
    twin,
    vendor_commit,
)

from git_ekf.demo.sample import deployment

# --- what comes of it ---


def test_clean(world: World) -> None:
    git = rebased(world)
    old = world.stack()
    before = world.out("for-each-ref").splitlines()
    done = world.ekf("upgrade")
    tip, onto = world.short("HEAD"), world.short("origin/release-1.9")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"  merged    {old[1][:7]} Three replicas\n"
        f"Upgraded: release-1.9 is at {tip}, 3 configuration commits on origin/release-1.9 ({onto}).\n{BUILDS}{NEXT}"
    )
    assert_as_rebased(world, git)
    assert world.out("symbolic-ref", "HEAD") == "refs/heads/release-1.9"
    assert world.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    # The old branch and all else is where it was.
    assert [
        line
        for line in world.out("for-each-ref").splitlines()
        if not line.endswith("\trefs/heads/release-1.9")
    ] == before
    assert (world.path / ISTIO).read_text() == deployment("istio", "1.9.0", 3)
    assert (world.path / "VERSION").read_text() == "1.9.0\n"
    new = world.stack()
    for one, other in zip(old, new, strict=True):
        kept = "--format=%an %ae %ad %B"
        assert world.out("log", "-1", kept, one) == world.out("log", "-1", kept, other)
    assert (
        world.out("log", "--format=%cn <%ce> %ct", "-3", "HEAD").splitlines()
        == ["Operator <operator@example.com> 1795168800"] * 3
    )
    assert world.out("log", "-1", "--format=%an", new[0]) == "Ada Löf"
    assert world.rules("--all") == []
    world.git("fsck", "--strict")
    world.git("switch", "-q", "-")
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"


def test_undo_gives_everything_back(world: World) -> None:
    world.write("own/untracked", "mine")
    before = snapshot(world)
    assert world.ekf("upgrade").code == 0
    assert snapshot(world) != before
    world.write("VERSION", "mine\n")
    done = world.ekf("undo")
    assert (done.code, done.out, done.err.splitlines()[0]) == (
        4,
        "",
        "git-ekf: there is uncommitted work: VERSION",
    )
    world.git("checkout", "-q", "--", "VERSION")
    done = world.ekf("undo")
    assert (done.code, done.out, done.err) == (
        0,
        "Undone: the upgrade of release-1.9\nOn release-1.8 again\n",
        "",
    )
    after = snapshot(world)
    for name in ("ekf/journal", "logs/HEAD"):
        del before[name], after[name]
    assert after == before
    assert world.ekf("undo").err.startswith("git-ekf: there is nothing to undo")
    again = world.ekf("upgrade")
    assert again.code == 0, again


def test_saved_as_a_new_branch(world: World) -> None:
    world.internal.git("config", "receive.denyNonFastForwards", "true")
    there = world.internal.out("for-each-ref").splitlines()
    assert world.ekf("upgrade").code == 0
    done = world.ekf("save")
    assert (done.code, done.out, done.err) == (
        0,
        f"Saved: internal has release-1.9 at {world.short('HEAD')}, read back and verified.\n",
        "",
    )
    assert set(world.internal.out("for-each-ref").splitlines()) - set(there) == {
        f"{world.out('rev-parse', 'HEAD')} commit\trefs/heads/release-1.9",
        f"{world.out('rev-parse', 'origin/release-1.9')} commit\trefs/ekf/upstream/release-1.9",
    }
    undone = world.ekf("undo")
    assert undone.out.splitlines() == [
        "Undone: the upgrade of release-1.9",
        "On release-1.8 again",
        "internal/release-1.9 is there already, and stays; another upgrade goes on from it",
    ]
    assert_clean(world)


def test_what_status_says(world: World) -> None:
    def lines() -> list[str]:
        return world.ekf("status").out.splitlines()

    assert lines()[:2] == [
        "internal has no deploy record (asked just now)",
        "On release-1.8, following origin/release-1.8",
    ]
    row = "newer release-1.9, release-1.10 (fetched just now) git ekf upgrade --plan"
    assert row.split() in [line.split() for line in lines()]
    assert world.ekf("upgrade").code == 0
    after = lines()
    assert after[1:3] == [
        "On release-1.9, following origin/release-1.9",
        f"  configuration  3 commits on {world.short('origin/release-1.9')}",
    ]
    row = "newer release-1.10 (fetched just now) git ekf upgrade --plan"
    assert after[4].split() == row.split()
    assert after[5].split() == [
        "saved",
        "never:",
        "internal",
        "has",
        "no",
        "release-1.9",
        "(asked",
        "just",
        "now)",
        "git",
        "ekf",
        "save",
    ]
    assert after[-1] == "  policy         ok"


@pytest.mark.parametrize("name", ["1.10", "release-1.10"])
def test_skipping_a_release(world: World, name: str) -> None:
    git = rebased(world, "origin/release-1.10")
    done = world.ekf("upgrade", name)
    assert done.code == 0, done
    assert_as_rebased(world, git, "origin/release-1.10")


def test_from_release_to_release(world: World) -> None:
    """Only the customer's commits go on to 1.10, and not those that only release-1.9 has."""
    assert world.ekf("upgrade").code == 0
    git = rebased(world, "origin/release-1.10", "origin/release-1.9")
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert len(world.stack()) == 3
    assert_as_rebased(world, git, "origin/release-1.10")
    assert world.ekf("undo").code == 0
    assert world.ekf("undo").code == 0
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"


def test_the_vendor_is_heard_first(world: World) -> None:
    tip = vendor_commit(world, "release-1.9", {"VERSION": "1.9.1\n"})
    assert world.ekf("upgrade").code == 0
    assert world.out("rev-parse", "HEAD~3") == tip


def test_no_configuration_commits(world: World) -> None:
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    plan = world.ekf("upgrade", "--plan")
    base, onto = world.short("HEAD"), world.short("origin/release-1.9")
    assert (plan.code, plan.out) == (
        0,
        f"Upgrade of release-1.8 to release-1.9, from {base} to {onto}: 0 configuration commits\n"
        "nothing to carry over\nIt would go through: git ekf upgrade 1.9\n",
    )
    done = world.ekf("upgrade")
    assert (done.code, done.out, done.err) == (
        0,
        f"Upgraded: release-1.9 is at {onto}, 0 configuration commits on origin/release-1.9 ({onto}).\n{NEXT}",
        "",
    )
    assert world.out("rev-parse", "HEAD") == world.out("rev-parse", "origin/release-1.9")
    assert_clean(world)


def test_settings_of_the_new_branch_that_were_there(world: World) -> None:
    world.git("config", "branch.release-1.9.remote", "elsewhere")
    world.git("config", "branch.release-1.9.description", "mine")
    settings = sorted(world.out("config", "--local", "--list").splitlines())
    assert world.ekf("upgrade").code == 0
    assert world.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    assert world.ekf("undo").code == 0
    assert sorted(world.out("config", "--local", "--list").splitlines()) == settings


# --- preconditions ---

Arrange = Callable[[World], None]


def detached(world: World) -> None:
    world.git("switch", "-q", "--detach")


def other_branch(world: World) -> None:
    world.git("switch", "-q", "-c", "wip")


def unborn(world: World) -> None:
    world.git("switch", "-q", "--orphan", "release-1.11")


def changed(world: World) -> None:
    world.write(ISTIO, "changed\n")


def changed_two(world: World) -> None:
    world.write(ISTIO, "changed\n")
    world.write(SETTINGS, "changed\n")


def staged(world: World) -> None:
    world.write("own/new", "new\n")
    world.git("add", "-A")


def in_the_way(world: World) -> None:
    vendor_commit(world, "release-1.9", {"own/it is": "vendor's\n"})
    world.write("own/it is", "mine\n")


def ignored_in_the_way(world: World) -> None:
    vendor_commit(world, "release-1.9", {"own/cache/a": "vendor's\n"})
    world.write(".git/info/exclude", "cache\n")
    world.write("own/cache", "mine\n")


def rebasing(world: World) -> None:
    world.git("rebase", "-q", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i 1s/pick/edit/"})


def bisecting(world: World) -> None:
    world.git("bisect", "start", "HEAD", "HEAD~1")


def picking(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0", 4))
    assert (
        world.git("cherry-pick", "HEAD~1", ok=False).code == 0
        or world.git("cherry-pick", "HEAD~3", ok=False).code
    )
    world.git("revert", "HEAD~2", ok=False)


def no_upstream(world: World) -> None:
    world.git("branch", "-q", "--unset-upstream")


def same_remote(world: World) -> None:
    world.git("remote", "set-url", "internal", str(world.vendor.path))


def unsaved(world: World) -> None:
    world.commit("own/unsaved", "x")


def newest(world: World) -> None:
    world.git("switch", "-q", "-c", "release-1.10", "--track", "origin/release-1.10")


def nine(world: World) -> None:
    world.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")


def nothing(_: World) -> None:
    pass


def exists_here(world: World) -> None:
    world.git("branch", "-q", "--no-track", "release-1.9", "origin/release-1.9")


def two_ways(world: World) -> None:
    """The branch is there already, here with other commits than on internal."""
    for name in ("theirs", "mine"):
        world.git("switch", "-q", "--detach", "origin/release-1.9")
        commit = world.commit(f"own/{name}", name)
        if name == "theirs":
            world.git("push", "-q", "--no-verify", "internal", f"{commit}:refs/heads/release-1.9")
        else:
            world.git("branch", "-q", "--no-track", "release-1.9", commit)
    world.git("switch", "-q", "release-1.8")


def merged(world: World) -> None:
    world.git("switch", "-q", "-c", "side", "HEAD~1")
    world.commit("own/side", "side\n", "Side", verify=False)
    world.git("switch", "-q", "release-1.8")
    world.git("merge", "-q", "--no-ff", "--no-edit", "side", env={"EKF_HOOKS": "0"})
    world.git("branch", "-q", "-D", "side")


def merged_twice(world: World) -> None:
    merged(world)
    merged(world)


def unrelated(world: World) -> None:
    world.git("checkout", "-q", "--orphan", "x")
    world.git("commit", "-q", "-m", "Unrelated", "--no-verify")
    world.git("branch", "-q", "-M", "x", "release-1.8")
    world.git("branch", "-q", "-u", "origin/release-1.8")


def no_origin(world: World) -> None:
    world.git("remote", "remove", "origin")


def worktree(world: World) -> None:
    world.git("worktree", "add", "-q", "--orphan", "-b", "release-1.9", "../elsewhere", ok=False)


GO_ON = "finish it: git status shows how"
SYNC = "git ekf sync takes newer commits of the same channel"
SHOWN = "git ekf upgrade --flatten --plan shows them as one line"

REFUSALS: list[tuple[Arrange, list[str], int, str, str]] = [
    (detached, [], 4, "no release branch is checked out", "git switch release-1.8"),
    (other_branch, [], 4, "no release branch is checked out", "git switch release-1.8"),
    (unborn, [], 4, "release-1.11 has no commit yet", "git ekf status"),
    (changed, [], 4, f"there is uncommitted work: {ISTIO}", "git commit -a, or git stash"),
    (
        changed_two,
        [],
        4,
        f"there is uncommitted work: {ISTIO} and 1 more",
        "git commit -a, or git stash",
    ),
    (staged, [], 4, "there is uncommitted work: own/new", "git commit -a, or git stash"),
    (
        in_the_way,
        [],
        4,
        "own/it is is in the way: git does not track it here, and would write over it",
        "mv 'own/it is' 'own/it is.mine'",
    ),
    (
        ignored_in_the_way,
        [],
        4,
        "own/cache is in the way: git does not track it here, and would write over it",
        "mv own/cache own/cache.mine",
    ),
    (rebasing, [], 4, "a rebase is in progress", GO_ON),
    (bisecting, [], 4, "a bisect is in progress", GO_ON),
    (
        no_upstream,
        [],
        4,
        "the policy is broken (branch-upstream: release-1.8 tracks nothing instead of origin/release-1.8)",
        "git ekf check",
    ),
    (unsaved, [], 4, "release-1.8 is not saved to internal", "git ekf save, or --no-save-check"),
    (newest, ["--no-save-check"], 4, "there is no channel newer than release-1.10", SYNC),
    (
        newest,
        ["--no-save-check", "--flatten"],
        4,
        "there is no channel newer than release-1.10",
        SYNC.replace("sync", "sync --flatten"),
    ),
    (
        nine,
        ["1.8"],
        4,
        "release-1.8 is older than release-1.9",
        "git ekf rollback TAG goes back to a deploy record",
    ),
    (nothing, ["1.8"], 4, "release-1.8 is checked out already", SYNC),
    (nothing, ["2.0"], 4, "origin has no release-2.0", "git ekf releases lists what it has"),
    (nothing, ["banana"], 2, "banana is not a valid release", "git ekf releases lists them"),
    (nothing, [""], 2, "an empty argument is not a valid release", "git ekf releases lists them"),
    (
        nothing,
        ["--prefer", "ours"],
        2,
        "--prefer ours names no side",
        "--prefer local, --prefer vendor, or --prefer local:PATTERN",
    ),
    (
        two_ways,
        [],
        4,
        "release-1.9 here and on internal have gone different ways",
        "git switch release-1.9 && git ekf pull",
    ),
    (merged, [], 4, "a merge commit is among the configuration commits: {tip}", SHOWN),
    (merged_twice, [], 4, "2 merge commits are among the configuration commits: {tip}", SHOWN),
    (
        unrelated,
        [],
        4,
        "what release-1.8 stands on is not known here: it shares no history with origin/release-1.8",
        "git fetch origin",
    ),
    (no_origin, [], 4, "there is no remote origin", "git ekf init --primary URL"),
]


@pytest.mark.parametrize(
    ("arrange", "args", "code", "message", "hint"),
    REFUSALS,
    ids=[f"{row[0].__name__} {' '.join(row[1])}".strip() for row in REFUSALS],
)
def test_refused(
    world: World, arrange: Arrange, args: list[str], code: int, message: str, hint: str
) -> None:
    arrange(world)
    world.git("fetch", "-q", "origin", ok=False)
    before, kept = snapshot(world), private(world)
    assert_refused(
        world.ekf("upgrade", *args),
        message.format(tip=world.git("rev-parse", "HEAD", ok=False).out[:7]),
        hint,
        code,
    )
    assert snapshot(world) == before
    assert private(world) == kept


def test_the_policy_is_not_asked_about_others(world: World) -> None:
    """What is wrong elsewhere does not hold an upgrade up; what is wrong here is named."""
    world.git(
        "tag", "-a", "-m", "no fields", "deploy/2026-11-21/release-1.10", "origin/release-1.10"
    )
    assert world.ekf("upgrade").code == 0
    assert world.ekf("undo").code == 0
    same_remote(world)
    before = snapshot(world)
    done = world.ekf("upgrade")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("git-ekf: the policy is broken (remote-same: ")
    assert snapshot(world) == before


def test_not_saved_if_asked_for(world: World) -> None:
    unsaved(world)
    git = rebased(world)
    assert world.ekf("upgrade", "--no-save-check").code == 0
    assert_as_rebased(world, git)


def test_untracked_files_that_are_not_in_the_way(world: World) -> None:
    world.write("own/mine", "mine")
    world.write("apps/istio/mine", "mine")
    assert world.ekf("upgrade").code == 0
    assert world.out("status", "--porcelain") == "?? apps/istio/mine\n?? own/mine"
    assert (world.path / "own/mine").read_text() == "mine"


def test_origin_out_of_reach(world: World) -> None:
    git = rebased(world)
    shutil.move(world.vendor.path, world.vendor.path.with_name("elsewhere"))
    before = snapshot(world)
    for args in ([], ["--plan"]):
        done = world.ekf("upgrade", *args)
        assert (done.code, done.out) == (5, "")
        message, hint = done.err.splitlines()
        assert message == (
            f"git-ekf: origin cannot be fetched from: '{world.vendor.path}' does not appear to be a git repository; nothing was changed"
        )
        assert hint == "hint: --no-fetch goes by what is known here"
        assert snapshot(world) == before
    assert world.ekf("upgrade", "--no-fetch").code == 0
    assert_as_rebased(world, git)


def test_two_at_once(world: World) -> None:
    before = snapshot(world)
    with (world.path / ".git/ekf/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for args in ([], ["--continue"], ["--abort"]):
            assert_refused(
                world.ekf("upgrade", *args),
                "another git-ekf command is at work in this repository",
                "wait for it, then try again",
            )
        assert snapshot(world) == before
        assert world.ekf("upgrade", "--plan").code == 0
    assert world.ekf("upgrade").code == 0


def test_a_shallow_clone(world: World, tmp_path: Path) -> None:
    """Deep enough it is right; where the base is cut away it says so."""
    path = tmp_path / "world/shallow"
    assert (
        run(
            "git",
            "clone",
            "-q",
            "--depth=1",
            "--no-single-branch",
            f"file://{world.vendor.path}",
            path,
            "-b",
            "release-1.8",
        ).code
        == 0
    )
    shallow = World(path)
    assert shallow.ekf("init", "--internal", str(tmp_path / "world/internal.git")).code == 0
    shallow.git("fetch", "-q", "internal")
    shallow.git("reset", "-q", "--hard", "internal/release-1.8")
    git = rebased(shallow, base=shallow.stack()[0] + "^")
    done = shallow.ekf("upgrade")
    assert done.code == 0, done
    assert_as_rebased(shallow, git)
    assert shallow.ekf("undo").code == 0
    vendor_commit(world, "release-1.8", {"VERSION": "1.8.1\n"})
    vendor_commit(world, "release-1.8", {"VERSION": "1.8.2\n"})
    shallow.git("fetch", "-q", "--depth=1", "origin")
    shallow.git("update-ref", "-d", "refs/ekf/upstream/release-1.8")
    shallow.git("reflog", "expire", "--expire=now", "--all")
    before = snapshot(shallow)
    assert_refused(
        shallow.ekf("upgrade"),
        "what release-1.8 stands on is not known here: this clone is shallow",
        "git fetch --unshallow origin",
    )
    assert snapshot(shallow) == before


def test_a_channel_with_an_unrelated_history(world: World) -> None:
    vendor_commit(
        world,
        "release-1.9",
        {ISTIO: deployment("istio", "1.9.0", 1), "VERSION": "1.9.0\n"},
        parent="-",
    )
    git = rebased(world)
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert_as_rebased(world, git)


def test_a_vendor_that_removed_all_that_was_changed(world: World) -> None:
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    one = world.commit(ISTIO, deployment("istio", "1.8.0", 3), "Istio")
    world.commit(DASHBOARD, deployment("dashboard", "1.8.0", 3), "Dashboard")
    vendor = vendor_commit(world, "release-1.9", {ISTIO: None, DASHBOARD: None}, "Remove it all")
    plan = world.ekf("upgrade", "--plan")
    assert plan.code == 1
    assert plan.out.splitlines()[1:3] == [
        f"  CONFLICT  {one[:7]} Istio",
        f"            modify/delete: {ISTIO}",
    ]
    assert "2 in conflict" in plan.out
    stopped = world.ekf("upgrade", "--no-save-check")
    assert (stopped.code, stopped.out.splitlines()) == (
        3,
        [
            f"Stopped at commit 1 of 2: {one[:7]} Istio",
            f"  {ISTIO}",
            f"    you changed it, the vendor deleted it; the vendor's last commit there is {vendor[:7]} Remove it all",
        ],
    )
    assert world.ekf("upgrade", "--skip").code == 3
    done = world.ekf("upgrade", "--skip")
    assert done.code == 0, done
    assert world.out("rev-parse", "HEAD") == vendor
    assert_clean(world)
    assert world.ekf("undo").code == 0


# --- a history with merges ---


def test_flattened(world: World) -> None:
    merged(world)
    world.commit("own/after", "after\n", "After")
    old = world.stack()
    wanted = [
        world.out("diff-tree", "-r", f"{one}^1", one, "--", "own").partition("\n")[0] for one in old
    ]
    plan = world.ekf("upgrade", "--flatten", "--plan", "--no-save-check")
    assert (plan.code, plan.err) == (0, "")
    assert f"  clean     {old[3][:7]} Merge branch 'side' into release-1.8\n" in plan.out
    done = world.ekf("upgrade", "--flatten", "--no-save-check")
    assert done.code == 0, done
    new = world.stack()
    assert [
        world.out("diff-tree", "-r", f"{one}^1", one, "--", "own").partition("\n")[0] for one in new
    ] == wanted
    assert world.out("rev-list", "--merges", "origin/release-1.9..HEAD") == ""
    assert [world.tree(f"{one}:own") for one in new if one != new[1]] == [
        world.tree(f"{one}:own") for one in old if one != old[1]
    ]
    assert world.out("log", "-1", "--format=%s", new[3]) == "Merge branch 'side' into release-1.8"
    assert world.rules() == []
    assert_clean(world)


def test_flattened_onto_the_same_files(world: World) -> None:
    """Where the vendor changed nothing, each tree along first parents is as it was."""
    merged(world)
    vendor_commit(world, "release-1.9", {}, "Nothing", parent="refs/heads/release-1.8^0")
    trees = [world.tree(one) for one in world.stack()]
    assert world.ekf("upgrade", "--flatten", "--no-save-check").code == 0
    assert [world.tree(one) for one in world.stack()] == trees


def test_flattened_with_a_conflict(world: World) -> None:
    """A merge cannot be picked by `git rebase` as it is."""
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    merged(world)
    last = world.commit("own/after", "after\n", "After")
    stopped = world.ekf("upgrade", "--flatten", "--no-save-check")
    assert stopped.code == 3, stopped
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert world.tree("HEAD:own") == world.tree(f"{last}:own")
    assert world.out("log", "--format=%s", "-2") == "After\nMerge branch 'side' into release-1.8"
    assert_clean(world)


# --- what the channel has already ---


def test_already_upstream(world: World) -> None:
    """A commit whose patch the vendor took is dropped and named, as git rebase does."""
    taken = vendor_commit(world, "release-1.9", {"own/more": "more\n"}, "Take their more")
    last = world.commit("own/last", "last\n", "Last")
    old = world.stack()
    other = twin(world)
    other.git("fetch", "-q", "origin")
    other.git(
        "rebase", "-q", "--onto", "origin/release-1.9", "origin/release-1.8", env={"EKF_HOOKS": "0"}
    )
    plan = world.ekf("upgrade", "--plan")
    assert plan.out.splitlines()[3:5] == [
        f"  upstream  {old[2][:7]} More",
        f"            the channel has the same change: {taken[:7]}",
    ]
    assert "3 clean, 1 already upstream\n" in plan.out
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert (
        f"  upstream  {old[2][:7]} More\n            the channel has the same change: {taken[:7]}\n"
        in done.out
    )
    assert "3 configuration commits on" in done.out
    assert world.out("log", "--format=%s", "-3") == "Last\nThree replicas\nSettings"
    assert_as_rebased(world, other)
    assert last in world.stack("release-1.8")


def test_becomes_empty(world: World) -> None:
    """The vendor has it all, in a commit with more in it: what is left of ours is nothing."""
    vendor_commit(world, "release-1.9", {"own/more": "more\n", "VERSION": "1.9.1\n"}, "Take more")
    old = world.stack()
    git = rebased(world)
    said = f"  empty     {old[2][:7]} More\n            nothing of it is left\n"
    plan = world.ekf("upgrade", "--plan")
    assert said in plan.out
    assert "2 clean, 1 nothing left of\n" in plan.out
    done = world.ekf("upgrade")
    assert (done.code, done.err) == (0, "")
    assert said in done.out
    assert_as_rebased(world, git)


def test_empty_commits_are_kept(world: World) -> None:
    world.git("commit", "-q", "--allow-empty", "-m", "A milestone")
    world.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert len(world.stack()) == 5
    assert_as_rebased(world, git)


# --- the plan ---


def test_a_plan_touches_nothing(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    (world.path / SETTINGS).touch()  # a git status would note that in the index
    before = snapshot(world, exact=True)
    for args in (["--plan"], ["-n"], ["--json"], ["--plan", "--json", "1.10"]):
        done = world.ekf("upgrade", "--no-fetch", *args)
        assert (done.code, done.err) == (1, "")
    assert world.ekf("releases", "--forecast").code == 0
    assert snapshot(world, exact=True) == before


@pytest.mark.parametrize("command", ["upgrade", "sync", "pull"])
def test_a_plan_says_what_the_command_would_refuse(world: World, command: str) -> None:
    vendor_commit(world, "release-1.8", {"VERSION": "1.8.1\n"})
    there = world.out("commit-tree", "-p", "HEAD", "-m", "Theirs", "HEAD^{tree}")
    world.git("push", "-q", "--no-verify", "internal", f"{there}:refs/heads/release-1.8")
    if command != "pull":
        assert world.ekf("pull").code == 0
    assert "Before it" not in world.ekf(command, "--plan").out
    world.write(SETTINGS, "changed\n")
    plan = world.ekf(command, "--plan").out.splitlines()
    assert plan[-2:] == [
        "Before it: git commit -a, or git stash",
        f"  there is uncommitted work: {SETTINGS}",
    ]
    assert world.ekf(command).code == 4
    world.write("new", "untracked\n")
    world.git("checkout", "-q", SETTINGS)
    assert "Before it" not in world.ekf(command, "--plan").out


def test_a_plan_in_a_read_only_repository(world: World) -> None:
    """Only seen as such in a namespace: to root nothing is read-only."""
    before = snapshot(world, exact=True)
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = 'mount --bind "$W" "$W" && mount -o remount,ro,bind "$W"'
    env = {"W": str(world.path.parent)}
    if not shutil.which("unshare") or run(*namespace, mount, env=env).code:
        pytest.skip("mounting in a namespace of one's own is not allowed here")
    done = run(
        *namespace,
        f'{mount} && cd "$W/work" && ! touch x 2>/dev/null && git-ekf upgrade --plan --no-fetch',
        env=env,
    )
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("It would go through: git ekf upgrade 1.9\n")
    assert snapshot(world, exact=True) == before


def test_a_plan_says_what_comes_before_it(world: World) -> None:
    """What is not saved, a commit or a record, stops the upgrade, so the plan says so."""
    world.commit("own/more", "other\n", "Other")
    first = "Before it: git ekf save, or --no-save-check"
    for what in ("release-1.8", "deploy/2026-11-20/release-1.8"):
        planned = world.ekf("upgrade", "--plan")
        said = f"{what} is not saved to internal"
        assert planned.out.splitlines()[-2:] == [first, f"  {said}"]
        assert world.ekf("upgrade").err.startswith(f"git-ekf: {said}\n")
        assert "Before it" not in world.ekf("upgrade", "--plan", "--no-save-check").out
        world.save()
        if what == "release-1.8":
            assert world.ekf("tag", "-m", "x").code == 0
    assert world.ekf("save").code == 0
    assert "Before it" not in world.ekf("upgrade", "--plan").out


def test_a_plan_with_conflicts(world: World) -> None:
    """It goes on behind a conflict, and marks what stands behind it."""
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.save()
    image = world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    behind = world.commit(
        ISTIO,
        deployment("istio", "1.8.0-mine", 3).replace("name: istio\n", "name: mesh\n", 1),
        "Our name",
    )
    own = world.commit("own/more", "other\n", "Other")
    base, onto = world.short("origin/release-1.8"), world.short("origin/release-1.9")
    one, two = world.stack()[:2]
    world.save()
    done = world.ekf("upgrade", "--plan")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        f"Upgrade of release-1.8 to release-1.9, from {base} to {onto}: 5 configuration commits",
        f"  clean     {one[:7]} Settings",
        f"  merged    {two[:7]} Three replicas",
        f"  CONFLICT  {image[:7]} Our image",
        f"            content: {ISTIO}",
        f"  depends   {behind[:7]} Our name",
        f"            behind the conflict of {image[:7]}",
        f"  clean     {own[:7]} Other",
        "3 clean, 1 in conflict, 1 behind a conflict",
        f"It would stop at {image[:7]} for you to resolve, in an ordinary rebase: git ekf upgrade 1.9",
    ]
    answer = json.loads(world.ekf("upgrade", "--json").out)
    assert {
        key: answer[key]
        for key in ("version", "command", "from", "to", "tip", "rewritten", "clean")
    } == {
        "version": 1,
        "command": "upgrade",
        "from": "release-1.8",
        "to": "release-1.9",
        "tip": own,
        "rewritten": False,
        "clean": False,
    }
    assert [(one["commit"], one["verdict"], one["depends"]) for one in answer["commits"]] == [
        (one, "clean", []),
        (two, "clean", []),
        (image, "conflict", []),
        (behind, "clean", [image]),
        (own, "clean", []),
    ]
    counts = {"clean": 3, "upstream": 0, "empty": 0, "conflict": 1, "depends": 1}
    assert answer["counts"] == counts
    releases = json.loads(world.ekf("releases", "--forecast", "--json").out)["channels"]
    assert [one["forecast"] for one in releases if one["branch"] == "release-1.9"] == [counts]
    assert "stop: 3 clean, 1 in conflict, 1 behind a conflict (1 file)\n" in (
        world.ekf("releases", "--forecast").out
    )
    assert answer["commits"][2]["conflicts"] == [
        {
            "kind": "content",
            "paths": [ISTIO],
            "message": f"CONFLICT (content): Merge conflict in {ISTIO}",
        }
    ]
    # And so it comes.
    stopped = world.ekf("upgrade", "--no-save-check")
    assert (stopped.code, stopped.out.splitlines()[0]) == (
        3,
        f"Stopped at commit 3 of 5: {image[:7]} Our image",
    )


def test_each_channel_is_foretold_by_what_it_has(clone: Clone) -> None:
    """What only the last one has of the stack is already upstream there, and nowhere else."""
    clone.git("switch", "-q", "--detach", "origin/release-1.10")
    clone.commit("apps/more.yaml", "more: 1\n", "More")
    clone.git("update-ref", "refs/remotes/origin/release-1.11", "HEAD")
    clone.git("switch", "-q", "release-1.8")
    clone.commit("apps/more.yaml", "more: 1\n", "Ours")
    clone.commit("site/values.yaml", "1\n")
    lines = clone.ekf("releases", "--forecast").out.splitlines()
    assert [line.strip() for line in lines if "would" in line] == [
        "an upgrade would go through: 2 clean",
        "an upgrade would go through: 2 clean",
        "an upgrade would go through: 1 clean, 1 already upstream",
    ]


def test_a_plan_is_asked_in_any_state(world: World) -> None:
    """To look is allowed where to do is not: with changes, unsaved, on a branch that internal has."""
    unsaved(world)
    changed(world)
    exists_here(world)
    before = snapshot(world)
    assert world.ekf("upgrade", "--plan").code == 0
    assert snapshot(world) == before


# --- what git does around a rebase ---

LOG = '#!/bin/sh\n{ echo "$(basename "$0") $*"; cat; } >>"$(git rev-parse --git-dir)/told"\n'


def told(world: World) -> list[str]:
    path = world.path / ".git/told"
    return path.read_text().splitlines() if path.exists() else []


def test_hooks_are_told(world: World) -> None:
    for name in ("post-rewrite", "post-checkout", "pre-rebase"):
        script(world.path / ".git/hooks" / name, LOG)
    old = world.stack()
    git = rebased(world)
    assert world.ekf("upgrade").code == 0
    pairs = [f"{one} {two}" for one, two in zip(old, world.stack(), strict=True)]
    assert told(world) == [
        "pre-rebase origin/release-1.9 release-1.8",
        "post-rewrite rebase",
        *pairs,
        f"post-checkout {old[-1]} {world.out('rev-parse', 'HEAD')} 1",
    ]
    assert [line for line in told(git) if "post-rewrite" in line or line in pairs] == [
        "post-rewrite rebase",
        *pairs,
    ]


def test_a_hook_without_a_first_line(world: World) -> None:
    """git runs it in a shell; so do we."""
    script(world.path / ".git/hooks/post-rewrite", 'cat >"$(git rev-parse --git-dir)/told"\n')
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert len(told(world)) == 3


def test_hooks_elsewhere(world: World) -> None:
    """core.hooksPath, relative to the top of the work tree, from a directory below it."""
    hooks = world.path / ".githooks"
    shutil.copytree(world.path / ".git/hooks", hooks)
    script(hooks / "post-rewrite", LOG)
    world.write(".git/info/exclude", ".githooks\n")
    world.git("config", "core.hooksPath", ".githooks")
    assert run("git", "-C", world.path / "own", "ekf", "upgrade").code == 0
    assert len(told(world)) == 4


def test_a_pre_rebase_hook_that_refuses(world: World) -> None:
    script(world.path / ".git/hooks/pre-rebase", "#!/bin/sh\necho 'Never on Fridays' >&2\nexit 1\n")
    before = snapshot(world)
    objects = world.path / ".git/objects"
    there = sorted(objects.rglob("*"))
    done = world.ekf("upgrade")
    assert (done.code, done.out) == (4, "")
    assert sorted(objects.rglob("*")) == there  # the commits were being written when it said no
    assert "Never on Fridays" in done.err
    assert "pre-rebase hook" in done.err
    assert done.err.splitlines()[-1].startswith("hint: ")
    assert snapshot(world) == before


def test_hooks_that_fail_afterwards(world: World) -> None:
    """They cannot stop what has happened (githooks(5))."""
    for name in ("post-rewrite", "post-checkout"):
        script(world.path / ".git/hooks" / name, "#!/bin/sh\nexit 1\n")
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert_clean(world)


def test_notes_go_along(world: World) -> None:
    world.git("config", "notes.rewriteRef", "refs/notes/*")
    old = world.stack()
    world.git("notes", "add", "-m", "Why three", old[1])
    world.git("notes", "--ref", "review", "add", "-m", "Fine", old[2])
    git = rebased(world)
    assert world.ekf("upgrade").code == 0
    new = world.stack()
    assert world.out("notes", "show", new[1]) == "Why three"
    assert world.out("notes", "--ref", "review", "show", new[2]) == "Fine"
    for ref in ("commits", "review"):
        assert world.out("notes", "--ref", ref, "list") == git.out("notes", "--ref", ref, "list")


def ssh_settings(folder: Path) -> dict[str, str]:
    """git's settings to sign with a new key."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not on this machine")
    key = folder / "key"
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key).code == 0
    (folder / "allowed").write_text(f"operator@example.com {key.with_suffix('.pub').read_text()}")
    return {
        "gpg.format": "ssh",
        "gpg.ssh.allowedSignersFile": str(folder / "allowed"),
        "user.signingKey": str(key),
    }


def gpg_settings(folder: Path) -> dict[str, str]:
    """The same for a key of gpg's, whose clock stands still: it signs the same twice."""
    if not shutil.which("gpg"):
        pytest.skip("gpg is not on this machine")
    program = folder / "gpg"
    script(
        program,
        f"#!/bin/sh\nexec gpg --quiet --homedir '{folder}' --faked-system-time 20250101T000000! \"$@\"\n",
    )
    made = run(
        program,
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Operator <operator@example.com>",
        "ed25519",
        "sign",
        "never",
    )
    assert made.code == 0, made
    return {"gpg.program": str(program), "user.signingKey": "operator@example.com"}


@pytest.fixture
def keys() -> Iterator[Path]:
    """A directory with a short name: the path of a socket in it must not be long."""
    with tempfile.TemporaryDirectory(prefix="keys-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        run("gpgconf", "--homedir", folder, "--kill", "all")


@pytest.fixture
def signing(world: World, keys: Path) -> World:
    for name, value in {**ssh_settings(keys), "commit.gpgSign": "true"}.items():
        world.git("config", name, value)
    return world


@pytest.mark.parametrize(
    ("settings_of", "signer"),
    [(ssh_settings, "operator@example.com"), (gpg_settings, "Operator <operator@example.com>")],
)
def test_signed(
    world: World, keys: Path, settings_of: Callable[[Path], dict[str, str]], signer: str
) -> None:
    for name, value in {**settings_of(keys), "commit.gpgSign": "true"}.items():
        world.git("config", name, value)
    git = rebased(world)
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert world.out("log", "--format=%G? %GS", "-3").splitlines() == [f"G {signer}"] * 3
    assert_as_rebased(world, git)


def test_signed_with_a_conflict(signing: World) -> None:
    signing.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    assert signing.ekf("upgrade", "--no-save-check").code == 3
    signing.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    signing.git("add", "-A")
    assert signing.ekf("upgrade", "--continue").code == 0
    assert (
        signing.out("log", "--format=%G? %GS", "-4").splitlines() == ["G operator@example.com"] * 4
    )


def test_a_signature_that_fails(signing: World, keys: Path) -> None:
    (keys / "key").unlink()
    before = snapshot(signing)
    done = signing.ekf("upgrade")
    assert (done.code, done.out) == (5, "")
    message, hint = done.err.splitlines()
    assert message.startswith("git-ekf: a commit could not be signed: ")
    assert message.endswith("; nothing was changed")
    assert hint == "hint: git config --get-regexp 'gpg|signing'"
    assert snapshot(signing) == before


def test_nobody(world: World) -> None:
    """Without an identity nothing is done, and it says how to have one."""
    before = snapshot(world)
    env = {"GIT_COMMITTER_NAME": "", "GIT_COMMITTER_EMAIL": ""}
    world.git("config", "user.useConfigOnly", "true")
    before["config"] = (world.path / ".git/config").read_bytes()
    done = world.ekf("upgrade", env=env)
    assert_refused(
        done,
        "git does not know who you are, and every commit names its committer",
        "git config user.name NAME, and user.email ADDRESS",
    )
    assert snapshot(world) == before


def test_outside_a_work_tree(world: World, tmp_path: Path) -> None:
    assert Clone(tmp_path).ekf("upgrade").code == 4
    done = world.internal.ekf("upgrade")
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: this needs a work tree, and this repository has none here",
    )


# --- what changes meanwhile, or looks like something else ---


@pytest.mark.parametrize(
    ("act", "what"),
    [
        ("git branch release-1.9 HEAD~1", "release-1.9"),
        ("git commit -q --no-verify --allow-empty -m Meanwhile", "release-1.8"),
        ("git switch -q -c wip", "HEAD"),
    ],
)
def test_moved_meanwhile(world: World, act: str, what: str) -> None:
    """By a hook of the user's, or another terminal: nothing is done."""
    script(world.path / ".git/hooks/pre-rebase", f"#!/bin/sh\nunset GIT_DIR\n{act}\n")
    tree = world.tree()
    done = world.ekf("upgrade")
    assert (done.code, done.out) == (4, ""), done
    assert done.err.splitlines()[-2:] == [
        f"git-ekf: {what} has moved meanwhile",
        "hint: git ekf status, then try again",
    ]
    assert world.tree() == tree
    assert_clean(world)


@pytest.mark.parametrize("revision", ["release-1.8", "origin/release-1.8", "origin/release-1.9"])
def test_a_file_named_like_a_commit(world: World, revision: str) -> None:
    (world.path / world.out("rev-parse", revision)).touch()
    git = rebased(world)
    assert world.ekf("upgrade", "--plan").code == 0
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert world.stack() == git.stack("HEAD", "origin/release-1.9")


def test_what_is_remembered_is_no_commit(world: World) -> None:
    """The ref comes from `internal`."""
    world.git("update-ref", "refs/ekf/upstream/release-1.8", world.out("rev-parse", "HEAD:VERSION"))
    git = rebased(world)
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert_as_rebased(world, git)


def test_all_upstream_where_only_git_can_tell(world: World) -> None:
    """No commit is left to carry over; a file that git does not track stays."""
    world.git("config", "merge.renormalize", "true")
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    world.git("rm", "-q", "README.md")
    world.git("commit", "-q", "-m", "No README")
    vendor_commit(world, "release-1.9", {"README.md": None}, "No README")
    vendor_commit(world, "release-1.9", {"README.md": "Another one\n"}, "A README")
    world.write(".git/info/exclude", "README.md\n")
    world.write("README.md", "Mine\n")
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 4, done
    assert done.err.startswith("git-ekf: README.md is in the way")
    assert (world.path / "README.md").read_text() == "Mine\n"
    (world.path / "README.md").unlink()
    assert world.ekf("upgrade", "--no-save-check").code == 0
    assert world.out("rev-parse", "HEAD") == world.out("rev-parse", "origin/release-1.9")
    assert_clean(world)


def test_a_work_tree_with_a_line_end_in_its_name(world: World) -> None:
    assert world.ekf("upgrade").code == 0
    world.git("worktree", "add", "-q", "../other\ntree", "release-1.8")
    done = world.ekf("undo")
    assert done.code == 4, done
    assert done.err.startswith("git-ekf: release-1.8 is checked out in ")
