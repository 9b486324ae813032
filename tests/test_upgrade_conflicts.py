"""An upgrade that stops at a conflict: in an ordinary rebase, recognised however that goes on and ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import run
from reach import rare
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
    copy,
    private,
    script,
    snapshot,
    twin,
    vendor_commit,
)

from git_ekf.demo.sample import deployment

OURS = deployment("istio", "1.8.0-mine", 3)
RESOLVED = deployment("istio", "1.9.0-mine", 3)
STOPPED = (
    "git-ekf: the upgrade has stopped half-way: 1 file in conflict\n"
    "hint: edit the files, git add them, then: git ekf upgrade --continue (or --skip this commit, or --abort)\n"
)
NONE = (
    "no upgrade or sync is in progress",
    "git ekf status; git ekf undo takes back a finished one",
)
FINISHED = (
    "note: the upgrade of release-1.8 was finished with git rebase; git ekf is up to date with it\n"
)
TAKEN_BACK = FINISHED.replace("finished", "taken back")


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five commits, the fourth in conflict with 1.9."""
    world = copy(template, tmp_path_factory.mktemp("template"))
    world.commit(ISTIO, OURS, "Our image")
    world.commit("own/last", "last\n", "Last")
    assert world.ekf("save").code == 0
    return world.path.parent


def stop(world: World, *args: str) -> None:
    done = world.ekf("upgrade", *args)
    assert done.code == 3, done


def resolve(world: World, path: str = ISTIO, text: str = RESOLVED) -> None:
    world.write(path, text)
    world.git("add", "--", path)


def assert_upgraded(
    world: World,
    subjects: tuple[str, ...] = ("Last", "Our image", "More", "Three replicas", "Settings"),
) -> None:
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert world.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    assert tuple(world.out("log", "--format=%s", "origin/release-1.9..").splitlines()) == subjects
    assert_clean(world)
    assert set(world.rules()) <= {"vendor-path"}
    assert "in progress" not in world.ekf("status").out


def assert_undone(world: World, before: dict[str, object]) -> None:
    done = world.ekf("undo")
    assert (done.code, done.out) == (
        0,
        "Undone: the upgrade of release-1.9\nOn release-1.8 again\n",
    ), done
    assert_as_before(world, before)


def assert_as_before(world: World, before: dict[str, object]) -> None:
    """All but what is told of it: the reflog and the journal."""
    after = snapshot(world)
    told = ("ekf/journal", "ekf/rebase", "logs/HEAD")
    assert {key: value for key, value in after.items() if key not in told} == {
        key: value for key, value in before.items() if key not in told
    }
    assert_clean(world)


# --- where it stops ---


def test_the_stop(world: World) -> None:
    old = world.stack()
    before = world.out("for-each-ref")
    done = world.ekf("upgrade")
    last = world.out("log", "-1", "--format=%h %s", "origin/release-1.9", "--", ISTIO)
    assert (done.code, done.err) == (3, STOPPED)
    assert done.out.splitlines() == [
        f"Stopped at commit 4 of 5: {old[3][:7]} Our image",
        f"  {ISTIO}",
        f"    both changed it; the vendor's last commit there is {last}",
    ]
    assert world.out("for-each-ref") == before
    # What was before it is done: in memory, as one can see by what git has yet to do.
    assert world.out("log", "--format=%s", "origin/release-1.9..HEAD").splitlines() == [
        "More",
        "Three replicas",
        "Settings",
    ]
    said = world.out("status")
    assert "You are currently rebasing branch 'release-1.8' on" in said
    assert f"both modified:   {ISTIO}" in said
    assert world.out("rev-parse", "REBASE_HEAD") == old[3]
    assert "<<<<<<< " in (world.path / ISTIO).read_text()
    assert world.out("ls-files", "--unmerged", "--", ISTIO).count("\n") == 2
    lines = world.ekf("status").out.splitlines()
    assert lines[2] == "  in progress    an upgrade   git ekf upgrade --continue"
    assert lines[3] == "  not committed  1 changed file"


def test_continue(world: World) -> None:
    git = twin(world)
    assert (
        git.git("rebase", "-q", "--onto", "origin/release-1.9", "origin/release-1.8", ok=False).code
        == 1
    )
    resolve(git)
    git.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    before = snapshot(world)
    stop(world)
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    tip, onto = world.short("HEAD"), world.short("origin/release-1.9")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == f"Upgraded: release-1.9 is at {tip}, 5 configuration commits on origin/release-1.9 ({onto}).\n{BUILDS}{NEXT}"
    )
    assert_as_rebased(world, git)
    assert_upgraded(world)
    assert world.out("rev-parse", "release-1.8") == world.out("rev-parse", "internal/release-1.8")
    assert world.ekf("save").code == 0
    assert world.out("for-each-ref", "refs/ekf/backup") == ""
    for ref in ("refs/remotes/internal/release-1.9", "refs/ekf/upstream/release-1.9"):
        world.git("update-ref", "-d", ref)
    assert_undone(world, before)


def test_skip(world: World) -> None:
    before = snapshot(world)
    stop(world)
    done = world.ekf("upgrade", "--skip")
    assert (done.code, done.err) == (0, "")
    assert "Our image\n            skipped, or nothing of it was left\nUpgraded: " in done.out
    assert ", 4 configuration commits on " in done.out
    assert_upgraded(world, ("Last", "More", "Three replicas", "Settings"))
    assert_undone(world, before)


def test_resolved_to_the_vendors_side(world: World) -> None:
    """Nothing is left of the commit then, and that is said."""
    stop(world)
    world.git("checkout", "--ours", "--", ISTIO)  # in a rebase, that is the new base
    world.git("add", "--", ISTIO)
    done = world.ekf("upgrade", "--continue")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        f"  dropped   {world.short('release-1.8~1')} Our image",
    ), done
    assert_upgraded(world, ("Last", "More", "Three replicas", "Settings"))


@rare
def test_skipping_the_only_one(world: World) -> None:
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    world.commit(ISTIO, OURS, "Our image")
    stop(world, "--no-save-check")
    done = world.ekf("upgrade", "--skip")
    onto = world.short("origin/release-1.9")
    assert (
        done.out.splitlines()[2]
        == f"Upgraded: release-1.9 is at {onto}, 0 configuration commits on origin/release-1.9 ({onto})."
    )
    assert_upgraded(world, ())


def test_abort(world: World) -> None:
    before = snapshot(world)
    kept = private(world)
    tip = world.short("HEAD")
    stop(world)
    resolve(world)
    done = world.ekf("upgrade", "--abort")
    assert (done.code, done.out, done.err) == (
        0,
        f"Back on release-1.8 at {tip}; nothing was changed. Resolutions are remembered.\n",
        "",
    )
    assert_as_before(world, before)
    assert private(world) == kept
    assert_refused(
        world.ekf("undo"), "there is nothing to undo", "git reflog shows what git itself did"
    )


def test_what_is_done_by_hand_survives_until_the_end(world: World) -> None:
    """A commit made by hand in between, and an amended one, as git allows."""
    stop(world)
    resolve(world)
    world.git("commit", "-q", "-m", "Our image, for 1.9")
    world.commit("own/between", "between\n", "Between")
    assert world.ekf("upgrade", "--continue").code == 0
    assert_upgraded(
        world, ("Last", "Between", "Our image, for 1.9", "More", "Three replicas", "Settings")
    )


# --- plain git in between ---


def test_finished_with_git(world: World) -> None:
    before = snapshot(world)
    stop(world)
    resolve(world)
    world.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    assert_clean(world)
    assert world.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    noted = world.ekf("tag", "-m", "Upgraded.")
    assert (noted.code, noted.err) == (0, FINISHED)
    assert world.ekf("undo").out.startswith("Undone: the tag of ")
    assert_upgraded(world)
    assert_undone(world, before)


def test_git_shows_one_readable_line_of_ours(world: World) -> None:
    """It was a program of the shell, of 700 characters."""
    stop(world)
    line = 'sh "$(git rev-parse --git-path ekf/last-step)" # the upgrade ends on release-1.9'
    assert world.out("status").count(f"   exec {line}\n") == 1
    resolve(world)
    done = world.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    said = done.out + done.err.replace("\r", "\n")
    shown = [one.removeprefix("\x1b[K") for one in said.splitlines() if "Executing" in one]
    assert shown == [f"Executing: {line}"]
    assert "show-ref" not in said
    assert_refused_after(world, FINISHED)
    assert_upgraded(world)
    assert not (world.path / ".git/ekf/last-step").exists()


def test_what_the_rebase_runs_at_its_end_is_made_again(world: World) -> None:
    stop(world)
    (world.path / ".git/ekf/last-step").unlink()
    resolve(world)
    assert world.git("rebase", "--continue", ok=False, env={"GIT_EDITOR": ":"}).code != 0
    assert world.ekf("upgrade", "--continue").code == 0
    assert_upgraded(world)


@rare
def test_undo_right_after_git_has_finished_it(world: World) -> None:
    before = snapshot(world)
    stop(world)
    resolve(world)
    world.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    assert_undone(world, before)


def test_skipped_with_git(world: World) -> None:
    stop(world)
    world.git("rebase", "--skip")
    assert_upgraded(world, ("Last", "More", "Three replicas", "Settings"))
    assert_refused_after(world, FINISHED)


def assert_refused_after(world: World, note: str, how: str = "--continue") -> None:
    done = world.ekf("upgrade", how)
    assert (done.code, done.out, done.err) == (
        4,
        "",
        f"{note}git-ekf: {NONE[0]}\nhint: {NONE[1]}\n",
    )


@pytest.mark.parametrize("how", ["--continue", "--abort"])
def test_aborted_with_git(world: World, how: str) -> None:
    before = snapshot(world)
    stop(world)
    world.git("rebase", "--abort")
    assert "in progress" not in world.ekf("status").out
    assert_refused_after(world, TAKEN_BACK, how)
    assert_as_before(world, before)
    assert_refused(world.ekf("upgrade", "--abort"), *NONE)
    stop(world)
    assert world.ekf("upgrade", "--abort").code == 0
    assert_as_before(world, before)


def test_undo_after_it_was_aborted_with_git(world: World) -> None:
    """What came before the upgrade is not what is to be undone; a second undo takes it back."""
    assert world.ekf("tag", "-m", "Deployed.", "--no-fetch").code == 0
    [record] = world.out("tag", "--list", "deploy/*").splitlines()
    before = snapshot(world)
    stop(world, "--no-save-check")
    world.git("rebase", "--abort")
    done = world.ekf("undo")
    said = "Undone: the upgrade of release-1.9, which git rebase had taken back already\n"
    assert (done.code, done.out, done.err) == (0, said + "On release-1.8 again\n", "")
    assert_as_before(world, before)
    assert world.ekf("undo").out == f"Undone: the tag of {record}\n"


def test_quit_with_git(world: World) -> None:
    """HEAD stays where it was then, with whatever is there; the branch is found untouched."""
    before = snapshot(world)
    stop(world)
    world.git("rebase", "--quit")
    assert "in progress" not in world.ekf("status").out
    done = world.ekf("upgrade")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(TAKEN_BACK)
    world.git("reset", "-q", "--hard")
    world.git("switch", "-q", "release-1.8")
    world.git("update-ref", "-d", "REBASE_HEAD")  # git leaves that behind
    assert_as_before(world, before)
    stop(world)


def test_edited_todo(world: World) -> None:
    """Who drops the last line finishes the rebase on the old branch, which is theirs to do; git-ekf says what it sees."""
    stop(world)
    resolve(world)
    world.git("rebase", "--edit-todo", env={"GIT_SEQUENCE_EDITOR": "sed -i '/^exec/d'"})
    world.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    done = world.ekf("status")
    assert done.code == 0
    assert "in progress" not in done.out
    assert "Traceback" not in world.ekf("undo").err
    assert world.git("rev-parse", "--verify", "-q", "release-1.9", ok=False).code == 1


# --- wrong uses ---


def test_nothing_in_progress(world: World) -> None:
    before = snapshot(world)
    for how in ("--continue", "--skip", "--abort"):
        assert_refused(world.ekf("upgrade", how), *NONE)
    assert_refused(
        world.ekf("upgrade", "--continue", "--abort"),
        "--continue and --abort exclude each other",
        "git ekf upgrade -h",
        2,
    )
    assert_refused(
        world.ekf("upgrade", "--skip", "--abort"),
        "--skip and --abort exclude each other",
        "git ekf upgrade -h",
        2,
    )
    assert snapshot(world) == before


def test_not_resolved(world: World) -> None:
    stop(world)
    before = snapshot(world)
    assert_refused(
        world.ekf("upgrade", "--continue"),
        f"{ISTIO} is still in conflict",
        f"edit, then: git add {ISTIO}",
    )
    assert snapshot(world) == before


def test_refused_meanwhile(world: World) -> None:
    """And what cannot be done now says so, without touching anything."""
    stop(world)
    before = snapshot(world)
    for args in (["upgrade"], ["upgrade", "--plan"], ["sync"], ["upgrade", "1.10"]):
        assert_refused(
            world.ekf(*args),
            "a rebase of an upgrade or sync is in progress",
            "git ekf status shows how to go on",
        )
    assert_refused(world.ekf("undo"), "the upgrade is still in progress", "git ekf upgrade --abort")
    assert world.ekf("tag", "-m", "x").code == 4
    assert world.ekf("status").code == 0
    assert world.ekf("releases", "--forecast").code == 0
    assert snapshot(world) == before


def test_sync_does_not_go_on_with_an_upgrade(world: World) -> None:
    """Whichever name it is called by, it is the same thing in progress: it is either done or refused, and said as what it is."""
    stop(world)
    done = world.ekf("sync", "--abort")
    assert done.code in (0, 4)
    assert (done.code == 0) == ("in progress" not in world.ekf("status").out)


def test_a_rebase_of_their_own(world: World) -> None:
    world.git("rebase", "-q", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i 1s/pick/edit/"})
    before = snapshot(world)
    for how in ("--continue", "--skip", "--abort"):
        assert_refused(world.ekf("upgrade", how), *NONE)
    assert "an upgrade" not in world.ekf("status").out
    assert "a rebase" in world.ekf("status").out
    assert snapshot(world) == before


@rare
def test_a_rebase_of_their_own_after_ours(world: World) -> None:
    """Ours was aborted with git, and git-ekf has not heard of it when they begin theirs."""
    stop(world)
    world.git("rebase", "--abort")
    tip = world.out("rev-parse", "HEAD")
    world.git("rebase", "-q", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i 1s/pick/edit/"})
    for how in ("--continue", "--skip", "--abort"):
        done = world.ekf("upgrade", how)
        assert done.code == 4
        assert NONE[0] in done.err
    world.git("rebase", "--abort")
    assert world.out("rev-parse", "release-1.8") == tip
    assert_clean(world)


def test_two_conflicts(world: World) -> None:
    """One after the other, and the second in several files."""
    vendor_commit(
        world, "release-1.9", {"own/last": "vendor's\n", "own/late": "vendor's\n"}, "Their own"
    )
    world.write("own/late", "ours\n")
    world.git("add", "-A")
    world.git("commit", "-q", "--amend", "--no-edit")
    stop(world, "--no-save-check")
    resolve(world)
    second = world.ekf("upgrade", "--continue")
    vendor = world.out("log", "-1", "--format=%h %s", "origin/release-1.9")
    assert second.code == 3
    assert second.out.splitlines() == [
        f"Stopped at commit 5 of 5: {world.short('release-1.8')} Last",
        "  own/last",
        f"    both added it; the vendor's last commit there is {vendor}",
        "  own/late",
        f"    both added it; the vendor's last commit there is {vendor}",
    ]
    assert second.err.startswith("git-ekf: the upgrade has stopped half-way: 2 files in conflict\n")
    assert_refused(
        world.ekf("upgrade", "--continue"),
        "own/last and 1 more is still in conflict",
        "edit, then: git add own/last",
    )
    resolve(world, "own/last", "both\n")
    resolve(world, "own/late", "both\n")
    assert world.ekf("upgrade", "--continue").code == 0
    assert_upgraded(world)


SIDES = [
    ("theirs deleted", {SETTINGS: None}, "you changed it, the vendor deleted it", "modify/delete"),
    (
        "ours deleted",
        {SETTINGS: "vendor's\n"},
        "you deleted it, the vendor changed it",
        "modify/delete",
    ),
    ("added", {"own/new": "vendor's\n"}, "both added it", "add/add"),
]


@pytest.mark.parametrize(("case", "files", "what", "kind"), SIDES, ids=[row[0] for row in SIDES])
def test_what_each_side_did(
    world: World, case: str, files: dict[str, str | None], what: str, kind: str
) -> None:
    """In a file that the vendor's 1.8 has as well."""
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    base = vendor_commit(world, "release-1.8", {SETTINGS: "base\n"}, "Settings of the vendor's")
    vendor_commit(world, "release-1.9", {SETTINGS: "base\n"}, "The same")
    world.git("pull", "-q")
    assert world.out("rev-parse", "HEAD") == base
    vendor = vendor_commit(world, "release-1.9", files, "Theirs")
    if case == "ours deleted":
        world.git("rm", "-q", SETTINGS)
        world.git("commit", "-q", "-m", "Ours")
    else:
        world.commit(SETTINGS if case == "theirs deleted" else "own/new", "ours\n", "Ours")
    plan = world.ekf("upgrade", "--plan")
    assert f"            {kind}: {next(iter(files))}\n" in plan.out
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 3
    assert done.out.splitlines()[1:] == [
        f"  {next(iter(files))}",
        f"    {what}; the vendor's last commit there is {vendor[:7]} Theirs",
    ]
    assert world.ekf("upgrade", "--abort").code == 0
    assert_clean(world)


# --- what is remembered ---


def test_a_resolution_is_remembered_over_abort(world: World) -> None:
    stop(world)
    resolve(world)
    world.git("rerere")
    assert world.ekf("upgrade", "--abort").code == 0
    done = world.ekf("upgrade")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == f"  settled   {ISTIO}: as it was resolved before"
    assert (world.path / ISTIO).read_text() == RESOLVED
    assert_upgraded(world)


@pytest.mark.parametrize("by_git", [False, True])
@pytest.mark.parametrize("updated", ["true", "false"])
def test_a_resolution_is_taken_the_same_way(world: World, updated: str, by_git: bool) -> None:
    """Whether git would add it or not, and all is done in a rebase or not; a side that is preferred comes first."""
    world.git("config", "rerere.autoUpdate", updated)
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    stop(world)
    resolve(world)
    assert world.ekf("upgrade", "--abort").code == 0
    remembered = f"{ISTIO}: as it was resolved before\n"
    preferred = f"{ISTIO}: the local side is taken\n"
    for options, said, text in (
        ([], remembered, RESOLVED),
        (["--prefer", "local"], preferred, OURS),
        ([], remembered, RESOLVED),
    ):
        done = world.ekf("upgrade", *options)
        assert (done.code, done.err) == (0, "")
        assert said in done.out
        assert (world.path / ISTIO).read_text() == text
        assert world.ekf("undo").code == 0


def test_a_resolution_that_was_only_added(world: World) -> None:
    """--abort remembers what is resolved by then, as it says."""
    stop(world)
    resolve(world)
    assert "Resolutions are remembered." in world.ekf("upgrade", "--abort").out
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert_upgraded(world)


@rare
def test_a_resolution_in_a_second_clone(world: World, tmp_path: Path) -> None:
    stop(world)
    resolve(world)
    assert world.ekf("upgrade", "--continue").code == 0
    tip = world.out("rev-parse", "HEAD")
    other = World(tmp_path / "world/other")
    assert (
        run(
            "git-ekf", "clone", world.vendor.path, other.path, "--internal", world.internal.path
        ).code
        == 0
    )
    shutil.copytree(world.path / ".git/rr-cache", other.path / ".git/rr-cache", dirs_exist_ok=True)
    done = other.ekf("upgrade")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        f"  settled   {ISTIO}: as it was resolved before",
    )
    assert other.out("rev-parse", "HEAD") == tip
    assert_upgraded(other)


# --- decided for one side ---


@pytest.mark.parametrize("side", ["local", "vendor"])
def test_prefer(world: World, side: str) -> None:
    """Where the sides conflict; the rest of the file has both."""
    world.git("reset", "-q", "--hard", "HEAD~2")
    world.save()
    image = world.commit(
        ISTIO,
        deployment("istio", "1.8.0-mine", 3).replace("kind: Dep", "# ours\nkind: Dep"),
        "Our image",
    )
    plan = world.ekf("upgrade", "--plan", "--prefer", side)
    said = f"  settled   {image[:7]} Our image\n            {ISTIO}: the {side} side is taken\n"
    assert plan.code == 0
    assert said in plan.out
    done = world.ekf("upgrade", "--no-save-check", "--prefer", side)
    assert (done.code, done.err) == (0, "")
    assert said in done.out
    version = "1.8.0-mine" if side == "local" else "1.9.0"
    assert (world.path / ISTIO).read_text() == deployment("istio", version, 3).replace(
        "kind: Dep", "# ours\nkind: Dep"
    )
    assert_upgraded(world, ("Our image", "More", "Three replicas", "Settings"))


def test_prefer_by_pattern(world: World) -> None:
    """The last pattern that fits decides; a file that none fits is left to the user."""
    world.commit(DASHBOARD, "# ours\n" + deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    world.save()
    done = world.ekf(
        "upgrade", "--prefer", "vendor", "--prefer", "local:apps/istio", "--prefer", "local:no/*"
    )
    assert done.code == 0, done
    assert f"{ISTIO}: the local side is taken" in done.out
    assert f"{DASHBOARD}: the vendor side is taken" in done.out
    assert (world.path / ISTIO).read_text() == OURS
    assert (world.path / DASHBOARD).read_text() == "# ours\n" + deployment("dashboard", "1.9.0", 1)
    assert world.ekf("undo").code == 0
    done = world.ekf("upgrade", "--prefer", "local:apps/istio/*")
    assert done.code == 3
    assert done.out.splitlines()[0].startswith("Stopped at commit 6 of 6: ")
    assert f"  {DASHBOARD}\n" in done.out


def test_prefer_is_never_silent(world: World) -> None:
    """What was settled in memory, before the commit at which it stops, is said too."""
    world.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    world.save()
    stopped = world.ekf("upgrade", "--prefer", "local:apps/istio")
    assert stopped.code == 3
    resolve(world, DASHBOARD, deployment("dashboard", "1.9.0-mine", 2))
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0
    assert f"{ISTIO}: the local side is taken" in stopped.out + done.out


def test_prefer_is_not_silent_about_what_is_gone(world: World) -> None:
    """With the vendor's side nothing is left of the commit, which is not because the channel had all of it."""
    image = world.stack()[3]
    for args in (["--plan"], []):
        done = world.ekf("upgrade", "--prefer", "vendor", *args)
        assert done.code == 0
        assert f"  empty     {image[:7]} Our image\n" in done.out
        assert f"{ISTIO}: the vendor side is taken" in done.out
        assert "the channel has all of it" not in done.out


@rare
@pytest.mark.parametrize("side", ["local", "vendor"])
@pytest.mark.parametrize("behind", [False, True], ids=["in memory", "in the rebase"])
def test_prefer_for_binary_files_and_added_ones(world: World, side: str, behind: bool) -> None:
    """Decided in memory, or in the rebase that another conflict has begun."""
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    zero, ours, theirs = (bytes([0, number]) * 50 for number in range(3))
    vendor_commit(world, "release-1.8", {"own/logo": zero})
    world.git("pull", "-q")
    vendor_commit(world, "release-1.9", {"own/logo": theirs, "own/new": "a\nvendor's\nc\n"})
    if behind:
        world.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    world.write("own/new", "a\nours\nc\n")
    (world.path / "own/logo").write_bytes(ours)
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Binary and added")
    world.commit("own/rest", "rest\n", "Rest")
    done = world.ekf("upgrade", "--no-save-check", "--prefer", f"{side}:own")
    if behind:
        assert done.code == 3
        resolve(world, DASHBOARD, deployment("dashboard", "1.9.0-mine", 2))
        done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    for path in ("own/logo", "own/new"):
        assert f"{path}: the {side} side is taken" in done.out
    assert (world.path / "own/logo").read_bytes() == (ours if side == "local" else theirs)
    assert (world.path / "own/new").read_text() == (
        "a\nours\nc\n" if side == "local" else "a\nvendor's\nc\n"
    )
    assert_clean(world)


def test_prefer_leaves_deletions_to_the_user(world: World) -> None:
    vendor_commit(world, "release-1.9", {ISTIO: None}, "Remove it")
    for side in ("local", "vendor"):
        done = world.ekf("upgrade", "--prefer", side)
        assert done.code == 3
        assert "you changed it, the vendor deleted it" in done.out
        assert world.ekf("upgrade", "--abort").code == 0


# --- what git does around a rebase, also for what was done before it ---


def test_notes_and_hooks_hear_of_all(world: World) -> None:
    log = '#!/bin/sh\n{ echo "$(basename "$0") $*"; cat; } >>"$(git rev-parse --git-dir)/told"\n'
    script(world.path / ".git/hooks/post-rewrite", log)
    world.git("config", "notes.rewriteRef", "refs/notes/*")
    old = world.stack()
    for number, commit in enumerate(old):
        world.git("notes", "add", "-m", f"Note {number}", commit)
    stop(world)
    resolve(world)
    assert world.ekf("upgrade", "--continue").code == 0
    new = world.stack()
    told = (world.path / ".git/told").read_text().splitlines()
    assert told[0] == "post-rewrite rebase"
    assert set(told[1:]) == {f"{one} {other}" for one, other in zip(old, new, strict=True)}
    assert [world.out("notes", "show", commit) for commit in new] == [
        f"Note {number}" for number in range(5)
    ]


def test_dropped_ones_are_named(world: World) -> None:
    """A commit that the vendor took, beside a conflict: it is not lost sight of."""
    taken = vendor_commit(world, "release-1.9", {"own/more": "more\n"}, "Take their more")
    more = world.stack()[2]
    stopped = world.ekf("upgrade")
    assert stopped.code == 3
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert ", 4 configuration commits on " in done.out
    assert_upgraded(world, ("Last", "Our image", "Three replicas", "Settings"))
    assert f"{more[:7]} More" in stopped.out + done.out
    assert taken[:7] in stopped.out + done.out


SETTINGS_OF_THEIRS = {
    "rebase.autoSquash": "true",
    "rebase.updateRefs": "true",
    "rebase.autoStash": "true",
    "rebase.abbreviateCommands": "true",
    "rebase.missingCommitsCheck": "error",
    "rebase.instructionFormat": "%an %s",
    "rebase.rescheduleFailedExec": "false",
    "rebase.forkPoint": "true",
    "rebase.rebaseMerges": "true",
    "rebase.backend": "apply",
    "rebase.stat": "true",
    "core.commentChar": ";",
    "sequence.editor": "false",
    "core.editor": "false",
    "merge.conflictStyle": "diff3",
    "advice.mergeConflict": "false",
    "branch.autoSetupRebase": "always",
    "branch.autoSetupMerge": "simple",
    "commit.status": "false",
    "commit.verbose": "true",
    "rerere.autoUpdate": "true",
    "status.short": "true",
}


def test_settings_of_the_user(world: World) -> None:
    """None of them changes what comes of it: no squashing, no other branch moved, no editor."""
    world.git("commit", "-q", "--allow-empty", "-m", "fixup! Settings")
    world.git("branch", "-q", "wip", "HEAD~1")
    wip = world.out("rev-parse", "wip")
    world.save()
    for name, value in SETTINGS_OF_THEIRS.items():
        world.git("config", name, value)
    stop(world)
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert_upgraded(
        world, ("fixup! Settings", "Last", "Our image", "More", "Three replicas", "Settings")
    )
    assert world.out("rev-parse", "wip") == wip
    assert world.git("config", "branch.release-1.9.rebase", ok=False).out in ("", "true\n")


def test_subjects_that_look_like_something_else(world: World) -> None:
    """In the list that git is given, and in what is printed."""
    world.git("commit", "-q", "--allow-empty", "-m", "exec touch /tmp/pwned; $(id) `id` # \x1b[31m")
    world.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    world.commit("own/hash", "hash\n", "# a comment")
    assert world.out("log", "-1", "--format=%s") == "# a comment"
    world.save()
    stop(world)
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert_upgraded(
        world,
        (
            "# a comment",
            "",
            "exec touch /tmp/pwned; $(id) `id` # \x1b[31m",
            "Last",
            "Our image",
            "More",
            "Three replicas",
            "Settings",
        ),
    )


@rare
def test_becomes_empty_behind_the_conflict(world: World) -> None:
    vendor_commit(world, "release-1.9", {"own/last": "last\n", "VERSION": "1.9.1\n"}, "Take last")
    stop(world)
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert (done.code, done.err) == (0, "")
    assert ", 4 configuration commits on " in done.out
    assert_upgraded(world, ("Our image", "More", "Three replicas", "Settings"))


@rare
def test_resolved_to_nothing(world: World) -> None:
    """The user takes the vendor's file as it is: git drops the commit, and so it is counted."""
    stop(world)
    world.git("checkout", "-q", "--ours", "--", ISTIO)
    world.git("checkout", "-q", "HEAD", "--", ISTIO)
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert ", 4 configuration commits on " in done.out
    assert_upgraded(world, ("Last", "More", "Three replicas", "Settings"))


def test_a_commit_after_a_plain_finish_is_not_undone(world: World) -> None:
    """Where the user has gone on from what the rebase left, undo refuses."""
    stop(world)
    resolve(world)
    assert world.git("rebase", "--continue", env={"GIT_EDITOR": ":"}).code == 0
    tip = world.commit("site/later", "later\n")
    assert_refused(
        world.ekf("undo"),
        "release-1.9 has moved since the upgrade",
        "git reflog release-1.9 shows where it was",
    )
    assert world.out("rev-parse", "HEAD") == tip


def test_the_configuration_itself_is_in_conflict(world: World) -> None:
    """Until it is resolved, what it lands on counts; and there is a way back."""
    world.write(".ekf.toml", 'name = "mine"\n')
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Name it")
    world.save()
    vendor_commit(world, "release-1.9", {".ekf.toml": 'name = "theirs"\n'})
    assert world.ekf("upgrade", "--no-build").code == 3
    status = world.ekf("status")
    assert (status.code, status.err) == (0, "")
    assert status.out.startswith("theirs has no deploy record")
    assert "an upgrade" in status.out
    assert world.ekf("upgrade", "--abort").code == 0
    assert world.ekf("status").out.startswith("mine has no deploy record")
