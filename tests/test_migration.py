"""Migrations: a release moves the vendor's directories, and its tool brings each configuration commit along, or nothing happens."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, Run, run
from reach import rare
from test_upgrade_places import OLD, untold
from upgrading import (
    BUILDS,
    DASHBOARD,
    ISTIO,
    NEXT,
    OTHERS,
    SETTINGS,
    World,
    assert_clean,
    assert_refused,
    copy,
    left_in,
    make,
    private,
    script,
    snapshot,
    vendor_commit,
    wrapper,
)

from git_ekf.demo.sample import deployment

MOVED = ISTIO.replace("apps/", "applications/")
MOVED_DASHBOARD = DASHBOARD.replace("apps/", "applications/")
LATEST = ISTIO.replace("apps/", "platform/")
COMMAND = ("migrate", "{from}", "{to}")
MOVE = "mv apps applications"
BUILD = BUILDS
CORRECT = "correct the command in [[upgrade.migrations]] of .ekf.toml"
SQUASH = "git ekf upgrade 1.9 --migrate-squash, where it only works on the final state"
STOPPED = (
    "git-ekf: the upgrade has stopped half-way: 1 file in conflict\n"
    "hint: edit the files, git add them, then: git ekf upgrade --continue (or --skip this commit, or --abort)\n"
)
SUBJECTS = ["Migrate", "More", "Three replicas", "Settings"]


def istio(version: str, replicas: int, image: str = "") -> str:
    """The vendor's file as the new structure has it."""
    return new_lines(version) + deployment("istio", image or version, replicas)


def new_lines(version: str) -> str:
    """So much that git sees no rename."""
    return "".join(
        f"# {version}: line {number} of what is new in the new structure\n" for number in range(40)
    )


def restructure(world: World, branch: str, version: str, folder: str) -> None:
    """The vendor moves apps/ to another directory, and edits two files there."""
    paths = world.vendor.out("ls-tree", "-r", "--name-only", branch, "apps").splitlines()
    files: dict[str, str | bytes | None] = dict.fromkeys(paths)
    files |= {
        f"{folder}{path.removeprefix('apps')}": world.vendor.git("show", f"{branch}:{path}").out
        for path in paths
    }
    for path in (ISTIO, DASHBOARD):
        files[path.replace("apps/", f"{folder}/")] = (
            new_lines(version) + world.vendor.git("show", f"{branch}:{path}").out
        )
    vendor_commit(world, branch, files, f"Move apps to {folder}")


def toml(*migrations: tuple[str, tuple[str, ...]]) -> str:
    return "".join(
        f'[[upgrade.migrations]]\nto = "{to}"\ncommand = {json.dumps(command)}\n\n'
        for to, command in migrations
    )


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four commits on 1.8; 1.9 has applications/ in place of apps/, 1.10 has platform/. The tool is trusted, and yet to be written."""
    world = copy(template, tmp_path_factory.mktemp("template"))
    restructure(world, "release-1.9", "1.9.0", "applications")
    restructure(world, "release-1.10", "1.10.0", "platform")
    world.commit(".ekf.toml", toml(("1.9", COMMAND)), "Migrate")
    assert world.ekf("trust", "--yes").code == 0
    assert world.ekf("save").code == 0
    return world.path.parent


@pytest.fixture
def world(world: World, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    tools = world.path.with_name("bin")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    tool(world)
    return world


def tool(world: World, text: str = MOVE, name: str = "migrate") -> Path:
    """Writes the tool; a line is noted of each of its runs."""
    path = world.path.with_name("bin") / name
    noted = f'echo "$# $1 $2 $EKF_FROM $EKF_TO $EKF_COMMIT" >>{shlex.quote(str(log(world)))}'
    script(path, f"#!/bin/sh\n{noted}\n{text}\n")
    return path


def log(world: World) -> Path:
    return world.path.with_name("log")


def runs(world: World) -> list[str]:
    """The commits that the tool was run on."""
    return (
        [line.split()[-1] for line in log(world).read_text().splitlines()]
        if log(world).exists()
        else []
    )


def configure(world: World, *migrations: tuple[str, tuple[str, ...]]) -> None:
    world.commit(".ekf.toml", toml(*migrations), "Other migrations")
    assert world.ekf("trust", "--yes").code == 0


def upgrade(world: World, *args: str, code: int = 0) -> Run:
    done = world.ekf("upgrade", *args, "--no-save-check")
    assert done.code == code, done
    assert not left_in(world.path.parent.with_name("scratch"))
    return done


def kept(world: World, commit: str) -> str:
    return world.out("log", "-1", "--format=%an <%ae> %ad%n%B", commit)


def subjects(world: World, goal: str = "release-1.9") -> list[str]:
    return world.out("log", "--format=%s", f"origin/{goal}..{goal}").splitlines()


def assert_back(world: World, before: dict[str, object]) -> None:
    assert untold(snapshot(world)) == untold(before)
    assert_clean(world)


# --- what comes of it ---


def test_without_it_there_is_a_conflict(world: World) -> None:
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.save()
    plan = world.ekf("upgrade", "--plan")
    commit = world.stack()[1]
    assert plan.code == 1
    assert (
        f"  CONFLICT  {commit[:7]} Three replicas\n            modify/delete: {ISTIO}\n" in plan.out
    )
    assert upgrade(world, code=3).out.startswith(
        f"Stopped at commit 2 of 3: {commit[:7]} Three replicas\n"
    )


def test_each_commit_survives(world: World) -> None:
    before, old = snapshot(world), world.stack()
    plan = world.ekf("upgrade", "--plan")
    onto = world.short("origin/release-1.9")
    assert (plan.code, plan.err) == (0, "")
    assert plan.out == (
        f"Upgrade of release-1.8 to release-1.9, from {world.short('origin/release-1.8')} to {onto}: 4 configuration commits\n"
        f"  clean     {old[0][:7]} Settings\n"
        f"  merged    {old[1][:7]} Three replicas\n"
        f"  clean     {old[2][:7]} More\n"
        f"  clean     {old[3][:7]} Migrate\n"
        "4 clean\nIt would go through: git ekf upgrade 1.9\n"
    )
    done = world.ekf("upgrade")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"  merged    {old[1][:7]} Three replicas\n"
        f"Upgraded: release-1.9 is at {world.short('HEAD')}, 4 configuration commits on origin/release-1.9 ({onto}).\n{BUILD}{NEXT}"
    )
    new = world.stack()
    assert [kept(world, commit) for commit in new] == [kept(world, commit) for commit in old]
    assert kept(world, new[0]).startswith(
        "Ada Löf <ada@example.org> Thu Jan 2 03:04:05 2025 +0530\nSettings\n\nWith a körper."
    )
    changed = [
        world.out("diff-tree", "-r", "--no-commit-id", "--name-only", commit) for commit in new
    ]
    assert changed == [SETTINGS, MOVED, "own/more", ".ekf.toml"]
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)
    assert not (world.path / "apps").exists()
    assert_clean(world)
    world.git("fsck", "--strict")
    assert world.ekf("undo").code == 0
    untouched = {
        key: value for key, value in before.items() if key != "refs"
    }  # the channels were fetched
    assert {
        key: value for key, value in untold(snapshot(world)).items() if key != "refs"
    } == untold(untouched)


def test_each_commit_stands_on_the_one_before(world: World) -> None:
    """Several commits on one moved file, and files that are added, removed and renamed where the vendor moved the directory."""
    world.commit("apps/istio/overlays/deploy/patch.yaml", "a: 1\n", "Add")
    world.git("mv", "apps/istio/overlays/deploy/patch.yaml", "apps/istio/overlays/deploy/own.yaml")
    world.git("commit", "-q", "-m", "Rename")
    world.commit(ISTIO, deployment("istio", "1.8.0", 5), "Five replicas")
    world.git("rm", "-q", "apps/istio/overlays/deploy/own.yaml")
    world.git("commit", "-q", "-m", "Remove")
    world.commit(
        DASHBOARD,
        deployment("dashboard", "1.8.0", 1).replace("spec:\n  rep", "spec:\n  paused: true\n  rep"),
        "Pause",
        verify=False,
    )
    upgrade(world)
    changes = [
        world.out("log", "-1", "--format=%s", "--name-status", "-M", commit)
        for commit in world.stack()[4:]
    ]
    assert changes == [
        "Add\n\nA\tapplications/istio/overlays/deploy/patch.yaml",
        "Rename\n\nR100\tapplications/istio/overlays/deploy/patch.yaml\tapplications/istio/overlays/deploy/own.yaml",
        f"Five replicas\n\nM\t{MOVED}",
        "Remove\n\nD\tapplications/istio/overlays/deploy/own.yaml",
        f"Pause\n\nM\t{MOVED_DASHBOARD}",
    ]
    assert (world.path / MOVED).read_text() == istio("1.9.0", 5)
    assert "paused: true\n  replicas: 1" in (world.path / MOVED_DASHBOARD).read_text()


def test_a_commit_that_becomes_empty_is_named(world: World) -> None:
    tool(world, f"{MOVE}; rm -f own/legacy")
    commit = world.commit("own/legacy", "legacy\n", "For the old format")
    named = f"  empty     {commit[:7]} For the old format\n            the migration leaves nothing of it\n"
    plan = world.ekf("upgrade", "--plan")
    assert (plan.code, named in plan.out, "4 clean, 1 nothing left of\n" in plan.out) == (
        0,
        True,
        True,
    )
    assert named in upgrade(world).out
    assert subjects(world) == SUBJECTS


def test_an_empty_commit_stays(world: World) -> None:
    world.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    upgrade(world)
    assert subjects(world) == ["Nothing", *SUBJECTS]


def test_a_commit_that_the_vendor_has(world: World) -> None:
    """Known by its patch as it is, or by what the migration makes of it."""
    taken = vendor_commit(world, "release-1.9", {"own/more": "more\n"}, "Take their more")
    commit = world.commit(DASHBOARD, deployment("dashboard", "1.9.0", 1), "The dashboard of 1.9")
    done = upgrade(world)
    assert (
        f"  upstream  {world.stack('release-1.8')[2][:7]} More\n            the channel has the same change: {taken[:7]}\n"
        in done.out
    )
    assert (
        f"  empty     {commit[:7]} The dashboard of 1.9\n            nothing of it is left\n"
        in done.out
    )
    assert subjects(world) == ["Migrate", "Three replicas", "Settings"]
    assert_clean(world)


def test_no_configuration_commits(world: World) -> None:
    """Nothing to migrate: the new branch is the channel."""
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    upgrade(world)
    assert world.out("rev-parse", "HEAD") == world.out("rev-parse", "origin/release-1.9")


def test_sync_does_not_migrate(world: World) -> None:
    vendor_commit(world, "release-1.8", {"VERSION": "1.8.1\n"})
    assert world.ekf("sync").code == 0
    assert runs(world) == []


# --- how the tool is run ---


def test_identical_trees_are_migrated_once(world: World) -> None:
    world.commit(SETTINGS, "two\n", "Two")
    world.git("revert", "--no-edit", "HEAD")
    world.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    stack = world.stack()
    upgrade(world)
    base = world.out("rev-parse", "origin/release-1.8")
    # The revert gives the tree of the fourth commit again; the last tree is asked about twice, whichever commit has it.
    assert runs(world) == [base, *stack[:5], stack[-1]]


def test_environment(world: World) -> None:
    found = world.path.with_name("found")
    tool(
        world,
        f'(echo "pwd $PWD"; echo top $(ls -A); env; cat; echo "input: $?"; [ -t 0 ] || echo no terminal) >>{found}; {MOVE}',
    )
    upgrade(world)
    base = world.out("rev-parse", "origin/release-1.8")
    stack = world.stack("release-1.8")
    assert log(world).read_text().splitlines() == [
        f"2 1.8 1.9 1.8 1.9 {commit}" for commit in (base, *stack, stack[-1])
    ]
    lines = found.read_text().splitlines()
    folders = {line for line in lines if line.startswith("pwd ")}
    assert len(folders) == 1
    assert not Path(folders.pop().removeprefix("pwd ")).exists()
    own = [line for line in lines if line.startswith("top ")]
    assert own == [
        "top README.md VERSION apps",
        *["top README.md VERSION apps own"] * 3,
        *[own[-1]] * 2,
    ]
    assert own[-1] == "top .ekf.toml README.md VERSION apps own"  # and no .git
    assert not [
        line
        for line in lines
        if line.startswith(
            ("GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_OBJECT_DIRECTORY=")
        )
    ]
    assert lines.count("input: 0") == lines.count("no terminal") == 6


def test_words_are_not_read_by_a_shell(world: World) -> None:
    configure(world, ("1.9", ("migrate", "$(touch here); {from}->{to}", "{commit} *")))
    tool(world, f'printf "%s|" "$@" >>{world.path.with_name("words")}; {MOVE}')
    upgrade(world)
    assert world.path.with_name("words").read_text() == "$(touch here); 1.8->1.9|{commit} *|" * 7


@pytest.mark.parametrize("place", ["top", "below"])
def test_a_tool_in_the_tree_of_the_channel(world: World, place: str) -> None:
    """With a helper file beside it, and the customer's own file of that name passed over."""
    text = f'#!/bin/sh\n. "$(dirname "$0")/names.sh"\necho $0 >>{log(world)}\nmv "$old" "$new"\n'
    vendor_commit(world, "release-1.9", {"tools/migrate": text}, mode="755")
    vendor_commit(world, "release-1.9", {"tools/names.sh": "old=apps new=applications\n"})
    configure(world, ("1.9", ("./tools/migrate" if place == "below" else "tools/migrate",)))
    script(world.path / "tools/migrate", "#!/bin/sh\nexit 1\n")
    world.write(".git/info/exclude", "tools\n")
    (world.path / "tools").rename(
        world.path / "own/tools"
    )  # it would be in the way of the vendor's
    here = world if place == "top" else World(world.path / "own")
    world.git("fetch", "-q", "origin")
    for act in (["upgrade", "--plan"], ["upgrade", "--no-save-check"]):
        done = here.ekf(*act)
        assert done.code == 4, done
        assert "tools/migrate" in done.err
        assert "is not trusted here in this version" in done.err
        assert not log(world).exists()
    assert world.ekf("trust", "--yes").code == 0
    done = here.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert subjects(world)[1:] == SUBJECTS
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)
    assert not [line for line in log(world).read_text().splitlines() if str(world.path) in line]


@pytest.mark.parametrize("place", ["top", "below"])
def test_a_tool_in_the_work_tree(world: World, place: str) -> None:
    script(
        world.path / "own/tools/migrate",
        '#!/bin/sh\n. "$(dirname "$0")/names.sh"\nmv "$old" "$new"\n',
    )
    world.commit("own/tools/names.sh", "old=apps new=applications\n")
    world.git("add", "own/tools/migrate")
    configure(world, ("1.9", ("own/tools/migrate",)))
    here = world if place == "top" else World(world.path / "own")
    done = here.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)


def test_an_absolute_tool(world: World) -> None:
    configure(world, ("1.9", (str(tool(world)), "a", "b")))
    upgrade(world)
    assert len(runs(world)) == 7


# --- trust ---


def test_not_trusted(world: World) -> None:
    assert world.ekf("trust", "--revoke").code == 0
    for args in ([], ["--plan"], ["--json"], ["--migrate-squash"]):
        world.git("fetch", "-q", "origin")
        before, there = snapshot(world), private(world)
        assert_refused(
            world.ekf("upgrade", *args),
            ".ekf.toml names a command that is not trusted here: migrate '{from}' '{to}'",
            "git ekf trust",
        )
        assert (snapshot(world), private(world)) == (before, there)
    assert runs(world) == []
    assert world.ekf("trust", "--yes").code == 0
    upgrade(world)
    assert runs(world)


def test_another_word_is_not_trusted(world: World) -> None:
    world.commit(".ekf.toml", toml(("1.9", (*COMMAND, "--force"))), "Force")
    done = upgrade(world, code=4)
    assert (
        done.err.splitlines()[0]
        == "git-ekf: .ekf.toml names a command that is not trusted here: migrate '{from}' '{to}' --force"
    )


def test_only_what_is_on_the_way_needs_trust(world: World) -> None:
    world.commit(
        ".ekf.toml",
        toml(("1.8", ("old",)), ("1.9", COMMAND), ("1.10", ("new",))),
        "More migrations",
    )
    upgrade(world)


def ship(world: World, text: str, branch: str = "release-1.9", mode: str = "755") -> str:
    vendor_commit(
        world,
        branch,
        {".ekf/migrate": f"#!/bin/sh\necho $EKF_COMMIT >>{log(world)}\n{text}\n"},
        "Ship a migration",
        mode=mode,
    )
    world.git("fetch", "-q", "origin")
    return world.out("rev-parse", f"origin/{branch}:.ekf/migrate")


@pytest.fixture
def unconfigured(world: World) -> World:
    """No migration in .ekf.toml, and nothing trusted."""
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.save()
    assert world.ekf("trust", "--revoke").code == 0
    return world


def test_shipped_is_trusted_by_its_content(unconfigured: World) -> None:
    world = unconfigured
    oid = ship(world, "exit 1")
    refused = (
        f"origin/release-1.9 ships a migration that is not trusted here: .ekf/migrate ({oid[:12]})"
    )
    before = snapshot(world)
    assert_refused(world.ekf("upgrade", "--no-save-check"), refused, "git ekf trust")
    assert snapshot(world) == before
    listed = [
        ".ekf.toml and the channels name:",
        f"  not trusted  upgrade.migrations  origin/release-1.9:.ekf/migrate {oid}",
    ]
    assert world.ekf("trust", "--list").out.splitlines() == listed
    done = world.ekf("trust", "--yes")
    assert done.out.splitlines() == [*listed, "Trusted in this clone: 1 command."]
    assert upgrade(world, code=5).err.startswith(
        "git-ekf: the migration to 1.9 failed with code 1 at "
    )
    other = ship(world, f"{MOVE}")
    assert other != oid
    done = upgrade(world, code=4)
    assert done.err.startswith(
        f"git-ekf: origin/release-1.9 ships a migration that is not trusted here: .ekf/migrate ({other[:12]})\n"
    )
    assert world.ekf("trust", "--list").out.splitlines() == [
        ".ekf.toml and the channels name:",
        f"  not trusted  upgrade.migrations  origin/release-1.9:.ekf/migrate {other}",
        "Trusted, and no longer named there:",
        f"  trusted      upgrade.migrations  origin/release-1.9:.ekf/migrate {oid}",
    ]
    assert world.ekf("trust", "--yes").code == 0
    log(world).unlink()
    upgrade(world)
    assert len(runs(world)) == 5
    assert subjects(world) == SUBJECTS[1:]
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)


def test_configured_goes_before_shipped(world: World) -> None:
    ship(world, "exit 1")
    upgrade(world)
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)


def test_shipped_and_not_executable(unconfigured: World) -> None:
    world = unconfigured
    ship(world, MOVE, mode="644")
    assert world.ekf("trust", "--yes").code == 0
    before = snapshot(world)
    done = upgrade(world, code=5)
    assert (
        done.err.splitlines()[0]
        == "git-ekf: the migration to 1.9 cannot be started (.ekf/migrate): Permission denied; nothing was changed"
    )
    assert snapshot(world) == before
    assert CORRECT not in done.err


# --- releases that are skipped ---


def test_skipping_a_release_runs_each_in_order(world: World) -> None:
    configure(world, ("1.10", ("second", "{from}", "{to}")), ("1.9", COMMAND))
    tool(world, "mv applications platform", "second")
    upgrade(world, "1.10")
    stack = world.stack("release-1.8")
    base = world.out("rev-parse", "origin/release-1.8")
    assert log(world).read_text().splitlines() == [
        line
        for commit in (base, *stack, stack[-1])
        for line in (f"2 1.8 1.9 1.8 1.9 {commit}", f"2 1.9 1.10 1.9 1.10 {commit}")
    ]
    assert (world.path / LATEST).read_text() == istio("1.10.0", 3)
    assert subjects(world, "release-1.10") == ["Other migrations", *SUBJECTS]


def test_skipping_a_release_without_a_migration(world: World) -> None:
    """Only 1.10 has one: it is told that it migrates from 1.9, whose form it is to expect."""
    configure(world, ("1.10", COMMAND))
    tool(world, "mv apps platform")
    upgrade(world, "1.10")
    assert {
        line.split(" ", 1)[1].rsplit(" ", 1)[0] for line in log(world).read_text().splitlines()
    } == {"1.9 1.10 1.9 1.10"}
    assert (world.path / LATEST).read_text() == istio("1.10.0", 3)


def test_the_second_of_two_fails(world: World) -> None:
    configure(world, ("1.9", COMMAND), ("1.10", ("second",)))
    tool(world, "[ -d applications ] && echo no such form; exit 7", "second")
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    done = upgrade(world, "1.10", code=5)
    base = world.short("origin/release-1.8")
    assert done.err.splitlines()[:2] == [
        f"git-ekf: the migration to 1.10 failed with code 7 at {base} (second); nothing was changed",
        "  no such form",
    ]
    assert snapshot(world) == before


def test_shipped_in_each_channel(unconfigured: World) -> None:
    """A shipped tool is that of its own channel, with what lies beside it there."""
    world = unconfigured
    for branch, old, new in (
        ("release-1.9", "apps", "applications"),
        ("release-1.10", "applications", "platform"),
    ):
        vendor_commit(world, branch, {".ekf/names": f"old={old} new={new}\n"})
        ship(world, '. "${0%/*}/names"; mv "$old" "$new"', branch)
    assert world.ekf("trust", "--yes").out.splitlines()[-1] == "Trusted in this clone: 2 commands."
    upgrade(world, "1.10")
    assert (world.path / LATEST).read_text() == istio("1.10.0", 3)


# --- a tool that fails ---

FAILING = {
    "fails": (
        "echo one; echo two >&2; exit 3",
        "failed with code 3 at {base} (migrate '{{from}}' '{{to}}'); nothing was changed",
        "  one\n  two\n",
    ),
    "silent": (
        "exit 1",
        "failed with code 1 at {base} (migrate '{{from}}' '{{to}}'); nothing was changed",
        "",
    ),
    "killed": (
        "echo so far; kill -9 $$",
        "was ended by signal 9 at {base} (migrate '{{from}}' '{{to}}'); nothing was changed",
        "  so far\n",
    ),
    "only then": (
        '[ ! -f own/more ] || { echo "cannot do more"; exit 1; }',
        "failed with code 1 at {more} (migrate '{{from}}' '{{to}}'); nothing was changed",
        "  cannot do more\n",
    ),
    "talks": (
        "i=0; while [ $i -lt 20000 ]; do echo line $i of what it says, which is much; i=$((i+1)); done; exit 1",
        "failed with code 1 at {base} (migrate '{{from}}' '{{to}}'); nothing was changed",
        "".join(
            f"  line {number} of what it says, which is much\n" for number in range(19995, 20000)
        ),
    ),
    "strange": (
        "printf 'a\\033[31mred\\n\\377\\n\\n  \\nend'; exit 1",
        "failed with code 1 at {base} (migrate '{{from}}' '{{to}}'); nothing was changed",
        "  a\\x1b[31mred\n  \\xff\n  end\n",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_tool_that_fails(world: World, name: str) -> None:
    text, message, said = FAILING[name]
    tool(world, text)
    world.git("fetch", "-q", "origin")
    before, there = snapshot(world), private(world)
    message = message.format(base=world.short("origin/release-1.8"), more=world.stack()[2][:7])
    done = upgrade(world, code=5)
    assert (done.out, done.err) == (
        "",
        f"git-ekf: the migration to 1.9 {message}\n{said}hint: {SQUASH}\n",
    )
    assert (snapshot(world), private(world)) == (before, there)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("no-such-tool", "No such file or directory"),
        ("./no/such/tool", "No such file or directory"),
        ("own/settings", "Permission denied"),
        ("./own", "Permission denied"),
    ],
)
def test_a_tool_that_cannot_be_started(world: World, command: str, why: str) -> None:
    configure(world, ("1.9", (command, "{to}")))
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    assert_refused(
        upgrade(world, code=5),
        f"the migration to 1.9 cannot be started ({command} '{{to}}'): {why}; nothing was changed",
        CORRECT,
        5,
    )
    assert snapshot(world) == before


def test_a_tool_that_is_not_deterministic(world: World) -> None:
    tool(world, f"{MOVE}; wc -l <{log(world)} >own-count")
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    tip = world.short("HEAD")
    assert_refused(
        upgrade(world, code=5),
        f"the migration is not deterministic: run twice on {tip}, it wrote two versions of own-count; nothing was changed",
        "a tool that writes the same files every time",
        5,
    )
    assert snapshot(world) == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(world: World, number: signal.Signals, code: int) -> None:
    tool(world, "sleep 60")
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    process = subprocess.Popen(
        [GIT_EKF, "upgrade", "--no-fetch"],
        cwd=world.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(200):
        if runs(world):
            break
        time.sleep(0.05)
    assert runs(world)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, ""), err
    assert err.strip().splitlines()[0] == (
        "git-ekf: interrupted" if number == signal.SIGINT else "git-ekf: terminated"
    )
    assert untold(snapshot(world)) == untold(before)
    assert not left_in(world.path.parent.with_name("scratch"))
    tool(world)
    upgrade(world)


def test_ctrl_c_at_a_terminal(world: World) -> None:
    tool(world, "sleep 60")
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    child = world.in_terminal("upgrade", "--plan", "--no-fetch")
    for _ in range(200):
        if runs(world):
            break
        time.sleep(0.05)
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in (child.before or "")
    assert snapshot(world) == before
    assert not left_in(world.path.parent.with_name("scratch"))


# --- files of every kind ---


def test_what_a_tool_may_do(world: World) -> None:
    """Modes, links, files that go, files that git is told to ignore, and directories that become files."""
    world.commit(".gitignore", "*.log\nbuild/\n", "Ignore")
    world.commit("own/drop", "drop\n", "Drop")
    work = (
        "cd own; chmod +x settings; ln -s settings link; mkdir -p ../build empty/empty; echo 1 >../build/a.log; echo 2 >b.log; rm -f drop;"
        " [ ! -f more ] || { rm more; mkdir more; echo more >more/file; chmod 600 more/file; }"
    )
    tool(world, f"{MOVE}; rm README.md; [ ! -d own ] || ({work})")
    done = upgrade(world)
    assert " Drop\n            the migration leaves nothing of it\n" in done.out
    assert subjects(world) == ["Ignore", *SUBJECTS]
    commits = world.stack()
    assert [
        world.out("diff-tree", "-r", "--no-commit-id", "--name-status", commit).splitlines()
        for commit in commits
    ] == [
        ["A\tbuild/a.log", "A\town/b.log", "A\town/link", f"A\t{SETTINGS}"],
        [f"M\t{MOVED}"],
        ["A\town/more/file"],
        ["A\t.ekf.toml"],
        ["A\t.gitignore"],
    ]
    modes = [
        line.split()[0]
        for line in world.out("ls-files", "--stage", "--", "own", "build").splitlines()
    ]
    assert modes == ["100644", "100644", "120000", "100644", "100755"]
    assert os.readlink(world.path / "own/link") == "settings"
    assert (world.path / "README.md").exists()  # it is the vendor's, and nobody's commit removes it
    assert_clean(world)


def test_names_and_line_ends_are_unchanged(world: World) -> None:
    """Neither attributes nor settings come between a file in git and the tool's."""
    world.git("config", "core.autocrlf", "true")
    world.git("config", "filter.loud.clean", "tr a-z A-Z")
    world.git("config", "filter.loud.smudge", "tr A-Z a-z")
    raw = os.fsencode(world.path / "own") + b"/caf\xe9 \n\"'\\"
    contents = {raw: b"latin\r\n", os.fsencode(world.path / "own/crlf.bin"): b"a\r\nb\n"}
    for odd, content in contents.items():
        Path(os.fsdecode(odd)).write_bytes(content)
    world.git("-c", "core.autocrlf=false", "add", "own")
    world.git("commit", "-q", "-m", "Odd files")
    attributes = (
        "*.txt text eol=crlf\n*.up filter=loud\n*.id ident\n*.u16 working-tree-encoding=UTF-16LE\n"
    )
    world.write(".gitattributes", attributes)
    world.write("own/a.txt", "a\r\nb\r\n")
    world.write("own/a.up", "loud\n")
    world.write("own/a.id", "$Id$\n")
    (world.path / "own/a.u16").write_bytes("wide\n".encode("utf-16-le"))
    world.git("add", "-A", env={"PATH": os.environ["PATH"]})
    world.git("commit", "-q", "-m", "Attributes")
    seen = world.path.with_name("seen")
    tool(
        world,
        f"{MOVE}; [ ! -f own/a.up ] || (cd own && cat a.txt a.up a.id a.u16 crlf.bin caf*) >{seen}",
    )
    upgrade(world)
    assert seen.read_bytes() == b"a\nb\nLOUD\n$Id$\nwide\na\r\nb\nlatin\r\n"
    for path in ("own", ".gitattributes"):
        assert world.out("rev-parse", f"HEAD:{path}") == world.out(
            "rev-parse", f"release-1.8:{path}"
        )
    assert (
        b"own/caf\xe9 \n\"'\\\0"
        in subprocess.run(
            ["git", "ls-files", "-z"], cwd=world.path, capture_output=True, check=True
        ).stdout
    )
    assert world.out("diff", "--stat", "HEAD") == ""


def test_a_submodule_stays(world: World) -> None:
    commit = world.out("rev-parse", "HEAD")
    world.git("update-index", "--add", "--cacheinfo", f"160000,{commit},own/library")
    world.git("commit", "-q", "-m", "A library")
    (world.path / "own/library").mkdir()
    upgrade(world)
    assert world.out("ls-tree", "HEAD", "own/library") == f"160000 commit {commit}\town/library"
    assert subjects(world) == ["A library", *SUBJECTS]


def test_a_tool_that_removes_everything(world: World) -> None:
    """Nothing is left of the configuration, and that is said."""
    tool(world, "rm -rf ./* .ekf.toml")
    done = upgrade(world)
    assert done.out.count("            the migration leaves nothing of it\n") == 4
    assert world.out("rev-parse", "HEAD") == world.out("rev-parse", "origin/release-1.9")


# --- squash ---


def test_squash(world: World) -> None:
    """For a tool that works on the final state only."""
    tool(world, f"{MOVE}; [ ! -d own ] || [ -f own/more ] || {{ echo half; exit 1; }}")
    assert upgrade(world, code=5).err.splitlines()[1:] == ["  half", f"hint: {SQUASH}"]
    log(world).unlink()
    plan = world.ekf("upgrade", "--plan", "--migrate-squash")
    assert plan.code == 0
    assert " Configuration of release-1.8, migrated to release-1.9\n1 clean\n" in plan.out
    log(world).unlink()
    done = upgrade(world, "--migrate-squash")
    assert ", 1 configuration commit on origin/release-1.9" in done.out
    assert len(runs(world)) == 3  # base, final state, and that again
    assert world.out("log", "--format=%an %cn%n%B", "origin/release-1.9..").rstrip() == (
        "Operator Operator\nConfiguration of release-1.8, migrated to release-1.9\n\n- Settings\n- Three replicas\n- More\n- Migrate"
    )
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)
    assert world.path.joinpath("own/more").exists()
    assert_clean(world)
    assert world.ekf("undo").code == 0


def conflict(world: World) -> str:
    """A commit that conflicts with the vendor's in its new place too."""
    return world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")


def resolve(world: World) -> None:
    world.write(MOVED, istio("1.9.0", 3, "1.9.0-mine"))
    world.git("add", "--", MOVED)


@rare
def test_squash_with_a_conflict(world: World) -> None:
    conflict(world)
    before = snapshot(world)
    plan = world.ekf("upgrade", "--plan", "--migrate-squash")
    assert plan.code == 1
    assert f"            content: {MOVED}\n" in plan.out
    done = upgrade(world, "--migrate-squash", code=3)
    assert done.err == STOPPED
    assert (
        "Configuration of release-1.8, migrated to release-1.9\n"
        in done.out.splitlines(keepends=True)[0]
    )
    assert world.ekf("upgrade", "--abort").code == 0
    assert untold(snapshot(world))["index"] == before["index"]
    upgrade(world, "--migrate-squash", code=3)
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert subjects(world) == ["Configuration of release-1.8, migrated to release-1.9"]
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3, "1.9.0-mine")
    assert_clean(world)


def test_squash_without_a_migration(unconfigured: World) -> None:
    """There is nothing to squash for."""
    unconfigured.git("reset", "-q", "--hard", "HEAD~2")
    unconfigured.save()
    upgrade(unconfigured, "--migrate-squash")
    assert subjects(unconfigured) == ["Settings"]


def test_squash_with_a_tool_that_fails(world: World) -> None:
    tool(world, "[ ! -d own ]")
    done = upgrade(world, "--migrate-squash", code=5)
    assert "--migrate-squash" not in done.err
    named = done.err.split(" at ")[1].split(" ")[0]
    assert world.git("cat-file", "-e", named, ok=False).code == 0


# --- a plan ---


def undated(found: dict[str, object]) -> dict[str, object]:
    """git gives an object that it is to write once more the time of day, wherever it finds it."""
    return {
        key: value[1] if key.startswith(".git/objects/") and isinstance(value, tuple) else value
        for key, value in found.items()
    }


def test_a_plan_touches_nothing(world: World) -> None:
    conflict(world)
    world.git("fetch", "-q", "origin")
    before = undated(snapshot(world, exact=True))
    plan = world.ekf("upgrade", "--plan", "--no-fetch")
    assert plan.code == 1
    assert f"            content: {MOVED}\n" in plan.out
    found = json.loads(world.ekf("upgrade", "--json", "--no-fetch").out)
    assert [commit["verdict"] for commit in found["commits"]] == ["clean"] * 4 + ["conflict"]
    assert [commit["commit"] for commit in found["commits"]] == world.stack()
    assert world.ekf("upgrade", "--json", "--no-fetch", "--migrate-squash").code == 1
    assert undated(snapshot(world, exact=True)) == before
    assert not left_in(world.path.parent.with_name("scratch"))


def test_forecasts_of_all_releases(world: World) -> None:
    world.git("fetch", "-q", "origin")
    done = world.ekf("releases", "--forecast")
    assert done.code == 0
    assert "an upgrade would go through: 4 clean\n" in done.out
    assert world.ekf("trust", "--revoke").code == 0
    done = world.ekf("releases", "--forecast")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out.count(
            "no forecast: .ekf.toml names a command that is not trusted here: migrate '{from}' '{to}'\n"
        )
        == 2
    )


def test_forecasts_with_a_tool_that_fails(world: World) -> None:
    configure(world, ("1.9", COMMAND), ("1.10", ("no-such-tool",)))
    world.git("fetch", "-q", "origin")
    done = world.ekf("releases", "--forecast")
    assert (done.code, done.err) == (0, "")
    assert "an upgrade would go through: 5 clean\n" in done.out
    assert "no forecast: the migration to 1.10 cannot be started (no-such-tool)" in done.out


# --- a conflict ---


def test_a_conflict_is_an_ordinary_rebase(world: World) -> None:
    commit = conflict(world)
    last = world.commit("own/last", "last\n", "Last")
    old = world.stack()
    done = upgrade(world, code=3)
    there = world.out("log", "-1", "--format=%h %s", "origin/release-1.9", "--", MOVED)
    assert (done.out, done.err) == (
        f"Stopped at commit 5 of 6: {commit[:7]} Our image\n  {MOVED}\n    both changed it; the vendor's last commit there is {there}\n",
        STOPPED,
    )
    assert "You are currently rebasing branch 'release-1.8'" in world.out("status")
    assert "<<<<<<<" in (world.path / MOVED).read_text()
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert (done.code, done.err) == (0, ""), done
    assert subjects(world) == ["Last", "Our image", *SUBJECTS]
    assert [kept(world, one) for one in world.stack()] == [kept(world, one) for one in old]
    assert world.out("rev-parse", "release-1.8") == last
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3, "1.9.0-mine")
    assert not (world.path / "apps").exists()
    assert_clean(world)


@rare
def test_finished_with_git(world: World) -> None:
    conflict(world)
    before = snapshot(world)
    upgrade(world, code=3)
    resolve(world)
    world.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    assert subjects(world) == ["Our image", *SUBJECTS]
    assert world.ekf("undo").code == 0
    assert untold(snapshot(world))["index"] == before["index"]
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.8"


@pytest.mark.parametrize("how", ["ekf", "git"])
def test_aborted(world: World, how: str) -> None:
    conflict(world)
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    upgrade(world, code=3)
    if how == "ekf":
        assert world.ekf("upgrade", "--abort").out.endswith(
            "; nothing was changed. Resolutions are remembered.\n"
        )
    else:
        world.git("rebase", "--abort")
        # It is recognised by the next command that changes something.
        assert world.ekf("undo").out.startswith(
            "Undone: the upgrade of release-1.9, which git rebase had taken back already\n"
        )
    assert_back(world, before)


@rare
def test_a_resolution_is_remembered(world: World) -> None:
    conflict(world)
    upgrade(world, code=3)
    resolve(world)
    assert world.ekf("upgrade", "--abort").code == 0
    done = upgrade(world)
    assert f"  settled   {MOVED}: as it was resolved before\n" in done.out
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3, "1.9.0-mine")


@pytest.mark.parametrize("side", ["local", "vendor"])
def test_prefer(world: World, side: str) -> None:
    """The pattern is one of the new structure."""
    conflict(world)
    done = upgrade(world, "--prefer", f"{side}:applications")
    assert (
        f"            {MOVED}: the {side} side is taken\n" in done.out
        or f"  empty     {world.short('release-1.8')} Our image" in done.out
    )
    assert (world.path / MOVED).read_text() == istio(
        "1.9.0", 3, "1.8.0-mine" if side == "local" else ""
    )


def told(world: World) -> Path:
    """A post-rewrite hook that notes what it is told."""
    path = world.path.with_name("told")
    script(world.path / ".git/hooks/post-rewrite", f"#!/bin/sh\ncat >>{path}\n")
    return path


def annotate(world: World) -> list[str]:
    world.git("config", "notes.rewriteRef", "refs/notes/*")
    old = world.stack()
    for number, commit in enumerate(old):
        world.git("notes", "add", "-m", f"Note {number}", commit)
    return old


def test_notes_and_hooks(world: World) -> None:
    old, pairs = annotate(world), told(world)
    upgrade(world)
    new = world.stack()
    assert [world.out("notes", "show", commit) for commit in new] == [
        f"Note {number}" for number in range(4)
    ]
    assert pairs.read_text().splitlines() == [
        f"{one} {other}" for one, other in zip(old, new, strict=True)
    ]


@pytest.mark.parametrize("how", ["ekf", "git"])
def test_notes_and_hooks_with_a_conflict(world: World, how: str) -> None:
    """What git picks are the migrated commits; notes hang on the original ones, which hooks are told of too."""
    conflict(world)
    world.commit("own/last", "last\n", "Last")
    old, pairs = annotate(world), told(world)
    upgrade(world, code=3)
    resolve(world)
    if how == "ekf":
        assert world.ekf("upgrade", "--continue").code == 0
    else:
        world.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    new = world.stack()
    assert len(new) == 6
    assert pairs.read_text().splitlines() == [
        f"{one} {other}" for one, other in zip(old, new, strict=True)
    ]
    assert [world.git("notes", "show", commit, ok=False).out for commit in new] == [
        f"Note {number}\n" for number in range(6)
    ]


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
def test_another_encoding_behind_a_conflict(world: World, encoding: str) -> None:
    conflict(world)
    world.write("own/last", "last\n")
    world.git("add", "-A")
    author = {"GIT_AUTHOR_NAME": "J\udcfcrgen"}
    world.git(
        "-c",
        "i18n.commitEncoding=ISO-8859-1",
        "commit",
        "-q",
        "-F",
        "-",
        stdin="K\udcf6rper\n",
        env=author,
    )
    world.git("config", "i18n.commitEncoding", encoding)
    upgrade(world, code=3)
    resolve(world)
    assert world.ekf("upgrade", "--continue").code == 0
    assert world.out("log", "-1", "--format=%an %s", "--encoding=UTF-8") == "Jürgen Körper"
    assert ("encoding ISO-8859-1" in world.git("cat-file", "commit", "HEAD").out) == (
        encoding != "UTF-8"
    )


def test_a_commit_that_becomes_empty_behind_a_conflict(world: World) -> None:
    tool(world, f"{MOVE}; rm -f own/legacy")
    conflict(world)
    commit = world.commit("own/legacy", "legacy\n", "For the old format")
    world.commit("own/last", "last\n", "Last")
    done = upgrade(world, code=3)
    named = f"  dropped   {commit[:7]} For the old format\n            the migration leaves nothing of it\n"
    assert named in done.out
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0
    assert named in done.out
    assert subjects(world) == ["Last", "Our image", *SUBJECTS]


@rare
def test_gc_meanwhile(world: World) -> None:
    """What git picks has to survive a `git gc` while the user takes their time."""
    conflict(world)
    world.commit("own/last", "last\n", "Last")
    upgrade(world, code=3)
    world.git("gc", "-q", "--prune=now")
    resolve(world)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert subjects(world) == ["Last", "Our image", *SUBJECTS]


# --- together with the rest ---


def merge_side(world: World) -> None:
    world.git("switch", "-q", "-c", "side", "HEAD~1")
    world.commit("apps/istio/overlays/deploy/side.yaml", "a: 1\n", "Side", verify=False)
    world.git("switch", "-q", "release-1.8")
    world.git("merge", "-q", "--no-ff", "--no-edit", "side", env={"EKF_HOOKS": "0"})
    world.git("branch", "-q", "-D", "side")


@rare
def test_flatten(world: World) -> None:
    merge_side(world)
    assert upgrade(world, code=4).err.startswith(
        "git-ekf: a merge commit is among the configuration commits"
    )
    assert runs(world) == []
    world.save()
    plan = world.ekf("upgrade", "--flatten", "--plan")
    assert (plan.code, plan.out.splitlines()[-2]) == (0, "5 clean")
    upgrade(world, "--flatten")
    assert subjects(world) == ["Merge branch 'side' into release-1.8", *SUBJECTS]
    assert (world.path / "applications/istio/overlays/deploy/side.yaml").exists()
    assert world.out("rev-list", "--merges", "origin/release-1.9..") == ""
    assert_clean(world)


@rare
def test_flatten_with_a_conflict(world: World) -> None:
    merge_side(world)
    conflict(world)
    upgrade(world, "--flatten", code=3)
    resolve(world)
    assert world.ekf("upgrade", "--continue").code == 0
    assert subjects(world) == ["Our image", "Merge branch 'side' into release-1.8", *SUBJECTS]
    assert (world.path / "applications/istio/overlays/deploy/side.yaml").exists()


@pytest.mark.parametrize("why", ["old git", "commit.cleanup"])
def test_where_a_rebase_does_it(world: World, tmp_path: Path, why: str) -> None:
    """Without merges in memory, git picks the migrated commits."""
    env = wrapper(tmp_path / "old", OLD) if why == "old git" else {}
    if why == "commit.cleanup":
        world.git("config", "commit.cleanup", "strip")
    tool(world, f"{MOVE}; rm -f own/legacy")
    commit = world.commit("own/legacy", "legacy\n", "For the old format")
    world.git("fetch", "-q", "origin")
    before, old = snapshot(world), world.stack()
    done = world.ekf("upgrade", "--no-save-check", env=env)
    assert (done.code, done.err) == (0, ""), done
    assert (
        f"  dropped   {commit[:7]} For the old format\n            the migration leaves nothing of it\n"
        in done.out
    )
    assert subjects(world) == SUBJECTS
    assert [kept(world, one) for one in world.stack()] == [kept(world, one) for one in old[:-1]]
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3)
    assert_clean(world)
    assert world.ekf("undo", env=env).code == 0
    assert_back(world, before)
    tool(world, "echo sorry; exit 1")
    done = world.ekf("upgrade", "--no-save-check", env=env)
    assert (done.code, done.err.splitlines()[1]) == (5, "  sorry")
    assert_back(world, before)


def test_refused_before_a_tool_runs(world: World) -> None:
    """A tool may take minutes; what stands in the way is said first."""
    world.write(SETTINGS, "changed\n")
    assert_refused(
        world.ekf("upgrade"),
        f"there is uncommitted work: {SETTINGS}",
        "git commit -a, or git stash",
    )
    assert runs(world) == []


@rare
def test_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(tmp_path / "world", "sha256")
    monkeypatch.setenv("PATH", f"{tmp_path / 'world/bin'}{os.pathsep}{os.environ['PATH']}")
    restructure(world, "release-1.9", "1.9.0", "applications")
    configure(world, ("1.9", COMMAND))
    tool(world)
    conflict(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 3, done
    resolve(world)
    assert world.ekf("upgrade", "--continue").code == 0
    assert (world.path / MOVED).read_text() == istio("1.9.0", 3, "1.9.0-mine")


@rare
def test_a_linked_work_tree(world: World) -> None:
    world.git("switch", "-q", "--detach")
    linked = World(world.path.with_name("linked"))
    world.git("worktree", "add", "-q", str(linked.path), "release-1.8")
    conflict(linked)
    upgrade(linked, code=3)
    resolve(linked)
    assert linked.ekf("upgrade", "--continue").code == 0
    assert subjects(linked) == ["Our image", *SUBJECTS]
    assert linked.out("status", "--porcelain") == world.out("status", "--porcelain") == ""


# --- the real restructuring of kubeflow/manifests: 826 files moved from 1.9 to 1.10 ---


@rare
def test_the_real_vendor(kubeflow: Path, internal: Path, tmp_path: Path) -> None:
    """A real change that conflicts without the migration, and of which 1.10 has all; then one of a customer's where files have moved."""
    made = run(
        "git-ekf", "clone", kubeflow, tmp_path / "work", "--internal", internal, "--release", "1.9"
    )
    assert made.code == 0, made
    world = World(tmp_path / "work")
    world.git("fetch", "-q", "origin", "refs/stacks/1.9/2661")
    world.git("reset", "-q", "--hard", "FETCH_HEAD")
    world.save()
    theirs = world.out("rev-parse", "HEAD")
    assert world.ekf("upgrade", "1.10", "--plan", "--no-fetch").code == 1
    own = "apps/centraldashboard/overlays/ours/kustomization.yaml"
    world.write(
        own, "resources:\n- ../../upstream\n- ../../../../common/istio-1-22/istio-install/base\n"
    )
    command = (sys.executable, str(Path(__file__).with_name("migrate_1_10.py")))
    world.write(".ekf.toml", toml(("1.10", command)))
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Ours", env=OTHERS)
    old = world.out("rev-parse", "HEAD")
    assert world.ekf("trust", "--yes").code == 0
    done = world.ekf("upgrade", "1.10", "--no-fetch", "--no-save-check", "--no-build")
    assert (done.code, done.err) == (0, ""), done
    assert f"  empty     {theirs[:7]} " in done.out
    (commit,) = world.stack()
    assert kept(world, commit) == kept(world, old)
    there = own.replace("apps/", "applications/")
    assert world.out("diff-tree", "-r", "--no-commit-id", "--name-only", commit).splitlines() == [
        ".ekf.toml",
        there,
    ]
    assert (
        world.path / there
    ).read_text() == "resources:\n- ../../upstream\n- ../../../../common/istio/istio-install/base\n"
    assert_clean(world)


def test_nobody_squashes(world: World) -> None:
    tool(world, "true")
    world.git("config", "user.useConfigOnly", "true")
    env = {"GIT_COMMITTER_NAME": "", "GIT_COMMITTER_EMAIL": ""}
    done = world.ekf("upgrade", "--migrate-squash", "--no-save-check", env=env)
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: git does not know who you are, and every commit names its committer",
    )
