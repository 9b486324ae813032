"""Files that one side deleted, or that the vendor moved, decided by --prefer: against git, each conflict resolved by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from bench.settled import STRATEGY, replay
from histories import UNCONVERTED, Built, History, histories
from hypothesis import given
from hypothesis import strategies as st
from reach import generated, rare
from upgrading import DASHBOARD, World, assert_clean, copy, vendor_commit

from git_ekf.demo.sample import deployment

# --- generated histories ---


def git(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {"GIT_EDITOR": "true", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "-c", "core.quotePath=false", *args],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def picked(built: Built, side: str, dropped: set[str]) -> tuple[list[str], str]:
    """The trees of a rebase with -X in which somebody keeps or removes each file that one side deleted, and where it stops all the same."""
    folder = built.path
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/attributes").write_text(UNCONVERTED)
    listed = git(folder, "rev-list", "--reverse", f"{built.base}..{built.tip}").stdout.split()
    head = built.onto
    trees: list[str] = []
    for commit in [oid for oid in listed if oid not in dropped]:
        assert git(folder, "reset", "-q", "--hard", head).returncode == 0
        git(folder, "clean", "-ffdqx")
        done = git(folder, "cherry-pick", "-n", "-X", STRATEGY[side], commit)
        if done.returncode and not resolved(folder, side, done.stdout):
            return trees, commit
        tree = git(folder, "write-tree").stdout.strip()
        was_empty = git(folder, "diff", "--quiet", f"{commit}^", commit).returncode == 0
        if tree != git(folder, "rev-parse", f"{head}^{{tree}}").stdout.strip() or was_empty:
            trees.append(tree)
            head = git(folder, "commit-tree", "-p", head, "-m", "x", tree).stdout.strip()
    return trees, ""


def resolved(folder: Path, side: str, said: str) -> bool:
    """Whether nothing else was in conflict."""
    kinds = set(re.findall(r"^CONFLICT \(([^)]*)\)", said, re.MULTILINE))
    if not kinds or not kinds <= {"modify/delete", "rename/delete"}:
        return False
    listed = git(folder, "ls-files", "--unmerged", "-z").stdout.split("\0")[:-1]
    stages: dict[str, dict[str, str]] = {}
    for line in listed:
        words, _, path = line.partition("\t")
        mode, oid, stage = words.split()
        if mode == "160000":
            return False
        stages.setdefault(path, {})[stage] = f"{mode},{oid}"
    for path, of_path in stages.items():
        kept = of_path.get("3" if side == "local" else "2")
        git(folder, "update-index", "--force-remove", "--", path)
        if kept:
            git(folder, "update-index", "--add", "--cacheinfo", f"{kept},{path}")
    return True


@rare
@generated(12)
@given(histories(), st.sampled_from(sorted(STRATEGY)))
def test_generated_histories(history: History, side: str) -> None:
    with tempfile.TemporaryDirectory() as top:
        built = history.build(Path(top) / "r", bare=False)
        ours = replay(built, side, "*")
        trees, stopped = picked(built, side, ours.dropped)
        stops = bool(ours.steps) and ours.steps[-1].verdict == "conflict"
        assert stopped == (ours.steps[-1].commit.oid if stops else "")
        assert ours.trees == trees


# --- what is said, and what is left, in memory and in a rebase ---

GONE, DROPPED, MOVED, PLACE = (
    "apps/old/gone",
    "apps/old/dropped",
    "apps/old/moved",
    "platform/moved",
)
LINES = [f"line {number}\n" for number in range(20)]
BASE = "".join(LINES)
OURS = BASE.replace("line 3\n", "line 3 is ours\n")
# So little alike that git does not take one file for another.
GONE_BASE, DROPPED_BASE = BASE.replace("line", "gone"), BASE.replace("line", "dropped")
GONE_OURS = GONE_BASE + "ours\n"
DROPPED_THEIRS = DROPPED_BASE + "the vendor's\n"


def changed(text: str, *numbers: int) -> str:
    lines = text.splitlines()
    for number in numbers:
        lines[number] = f"new {number}"
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commits in conflict with 1.10: the first in the dashboard, the others in files that one side deleted or moved.

    1.9 moves a file and changes half of it, 1.10 changes the other half.
    """
    world = copy(template, tmp_path_factory.mktemp("template"))
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    vendor_commit(world, "release-1.8", {GONE: GONE_BASE, DROPPED: DROPPED_BASE, MOVED: BASE})
    world.git("pull", "-q")
    half = changed(BASE, *range(10, 15))
    whole = changed(half, 3, 6, 7, 8, *range(15, 19))
    others = {GONE: None, DROPPED: DROPPED_THEIRS, MOVED: None}
    vendor_commit(world, "release-1.9", {**others, PLACE: half})
    vendor_commit(world, "release-1.10", {**others, PLACE: whole})
    world.git("fetch", "-q")
    world.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    world.commit(GONE, GONE_OURS, "Ours, and gone there")
    world.git("rm", "-q", DROPPED)
    world.git("commit", "-q", "-m", "Gone here")
    world.commit(MOVED, OURS, "Ours, and moved there")
    world.save()
    return world.path.parent


def upgrade(world: World, *args: str, behind: bool) -> str:
    """The output of an upgrade to 1.10 in memory, or behind a conflict."""
    preferences = [word for one in args for word in ("--prefer", one)]
    if not behind:
        done = world.ekf("upgrade", "1.10", *preferences, "--prefer", f"local:{DASHBOARD}")
        assert done.code == 0, done
        return done.out
    done = world.ekf("upgrade", "1.10", *preferences)
    assert done.code == 3
    world.write(DASHBOARD, deployment("dashboard", "1.10.0-mine", 1))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    return done.out


BEHIND = pytest.mark.parametrize("behind", [False, True], ids=["in memory", "in a rebase"])


@BEHIND
def test_local(world: World, behind: bool) -> None:
    said = upgrade(world, "local:apps/old", behind=behind)
    assert f"{GONE} stays as it is here, though the vendor deleted it\n" in said
    assert f"{DROPPED} stays deleted, though the vendor changed it\n" in said
    assert "without 1 line of the vendor's:\n                the vendor's\n" in said
    assert f"{MOVED}, which is {PLACE} there: the local side is taken\n" in said
    assert "without 1 line of the vendor's:\n                new 3\n" in said
    assert (world.path / GONE).read_text() == GONE_OURS
    assert not (world.path / DROPPED).exists()
    assert not (world.path / MOVED).exists()
    whole = changed(BASE, 6, 7, 8, *range(10, 19)).replace("line 3\n", "line 3 is ours\n")
    assert (world.path / PLACE).read_text() == whole
    assert_clean(world)


@BEHIND
def test_vendor(world: World, behind: bool) -> None:
    said = upgrade(world, "vendor:apps/old/*", behind=behind)
    assert f"{GONE} goes, as the vendor deleted it\n" in said
    assert "without 1 line of yours:\n                ours\n" in said
    assert f"{DROPPED} stays as the vendor has it, though it is deleted here\n" in said
    assert f"{MOVED}, which is {PLACE} there: the vendor side is taken\n" in said
    assert not (world.path / GONE).exists()
    assert (world.path / DROPPED).read_text() == DROPPED_THEIRS
    assert (world.path / PLACE).read_text().splitlines()[3] == "new 3"
    assert_clean(world)


@rare
def test_one_go_finds_the_moves_that_two_steps_find(world: World) -> None:
    """The plan names the new place, and so does the stop; with one release in between git finds nothing."""
    plan = world.ekf("upgrade", "1.10", "--plan")
    assert f"            modify/delete: {MOVED}, which is {PLACE} there\n" in plan.out
    assert f"            modify/delete: {GONE}\n" in plan.out
    commits = json.loads(world.ekf("upgrade", "1.10", "--json").out)["commits"]
    assert [commit["elsewhere"] for commit in commits] == [
        [],
        [],
        [],
        [{"from": MOVED, "to": PLACE}],
    ]
    taken = ["--prefer", f"local:{DASHBOARD}", "--prefer", "vendor:apps/old/[gd]*"]
    stopped = world.ekf("upgrade", "1.10", *taken)
    assert stopped.code == 3
    assert (
        f"  {MOVED}\n    you changed it, the vendor moved it to {PLACE}; the vendor's last"
        in stopped.out
    )
    assert world.ekf("upgrade", "--abort").code == 0
    assert f"  merged    {world.short('HEAD')}" in world.ekf("upgrade", "1.9", "--plan").out


def test_without_a_pattern_a_file_is_given_up_by_nobody(world: World) -> None:
    """--prefer alone is for lines, also of a file that has moved."""
    plan = world.ekf("upgrade", "1.10", "--plan", "--prefer", "vendor")
    assert f"            modify/delete: {GONE}\n" in plan.out
    assert f"            modify/delete: {DROPPED}\n" in plan.out
    assert f"{MOVED}, which is {PLACE} there: the vendor side is taken\n" in plan.out
    assert plan.code == 1


def test_a_preference_for_the_new_place_is_one_for_a_file_of_the_commits(world: World) -> None:
    """Over several releases too; it decides what has moved there."""
    plan = world.ekf("upgrade", "1.10", "--plan", "--prefer", "local:platform/*")
    assert f"{MOVED}, which is {PLACE} there: the local side is taken\n" in plan.out
    assert plan.err == ""
    other = world.ekf("upgrade", "1.10", "--plan", "--prefer", "local:platforms")
    assert "note: --prefer local:platforms: your commits change no file" in other.err
