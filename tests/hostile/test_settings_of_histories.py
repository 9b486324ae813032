"""Generated histories under settings and variables of git's: an upgrade and a sync come to what `git rebase` does."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import DATA, Run
from histories import UNCONVERTED, Built, History, histories, upstream
from hypothesis import assume, given
from hypothesis import strategies as st
from reach import EVERYTHING, generated, rare
from test_settings import CHOICES
from upgrading import World, assert_clean, script, twin


def test_the_list_is_whole() -> None:
    """Where the list that it was taken from is at hand."""
    shared = DATA.parent / "cases" / "settings.txt"
    if not shared.exists():
        pytest.skip("the shared list is not on this machine")
    listed = [line for line in shared.read_text().splitlines() if not line.startswith("#")]
    assert listed == CHOICES


CHOSEN = st.lists(st.sampled_from(CHOICES), min_size=1, max_size=5, unique=True)


@rare
@pytest.mark.parametrize("part", range(2 if EVERYTHING else 1))
@pytest.mark.parametrize("rebases", [False, True], ids=["in memory", "in a rebase"])
@pytest.mark.parametrize("command", ["upgrade", "sync"])
@generated(2)
@given(history=histories(), chosen=CHOSEN)
def test_generated_histories(
    command: str, rebases: bool, part: int, history: History, chosen: list[str]
) -> None:
    parted = [choice.partition("=")[::2] for choice in chosen]
    settings = [(name, value) for name, value in parted if "." in name]
    whole = replace(history, settings=(*history.settings, *settings))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        built = whole.build(Path(folder) / "work", bare=False)
        world = arrange(built, command)
        if rebases:  # a hook of commits makes git itself do all of it
            script(built.path / ".git/hooks/post-commit", "#!/bin/sh\n")
        git = twin(world)
        todo = Path(folder) / "todo"
        kept = kept_commits(world, built)
        todo.write_text("".join(f"pick {oid}\n" for oid in kept) or "noop\n")
        for name, value in parted:
            if "." not in name:
                patch.setenv(name, value)
        done = world.ekf(command, "--no-fetch", "--no-save-check")
        rebased = rebase(git, built, todo)
        assume(lives(rebased))
        assert rebased.code == 0 or in_progress(git), rebased
        while in_progress(git):
            assert done.code == 3, done
            assert state(world) == state(git)
            assert picked(world) == picked(git)
            assume(lives(git.git("rebase", "--skip", ok=False)))
            done = world.ekf(command, "--skip")
        assert done.code == 0, done
        assert state(world) == state(git)
        assert_clean(world)


def arrange(built: Built, command: str) -> World:
    """A clone on release-1.8 that has the vendor's commits already."""
    world = World(built.path)
    info = built.path / ".git/info"
    info.mkdir()
    (info / "attributes").write_text(UNCONVERTED)
    world.git("config", "ekf.render.command", "true")
    for name in ("origin", "internal"):
        world.git("remote", "add", name, str(built.path.with_name(name)))
    goal = "release-1.9" if command == "upgrade" else "release-1.8"
    world.git("update-ref", "refs/remotes/origin/release-1.8", built.base)
    world.git("update-ref", f"refs/remotes/origin/{goal}", built.onto)
    world.git("branch", "-q", "-M", "tip", "release-1.8")
    world.git("branch", "-q", "-u", "origin/release-1.8")
    world.git("branch", "-q", "-D", "onto")
    world.git("reset", "-q", "--hard")
    return world


def kept_commits(world: World, built: Built) -> list[str]:
    """The commits to carry over, oldest first: those that the vendor has not taken."""
    commits = world.out("rev-list", "--reverse", f"{built.base}..{built.tip}").split()
    taken = upstream(*built)
    # Those that always were empty stay, whatever the vendor has (sequencer.c).
    return [oid for oid in commits if oid not in taken or is_empty(world, oid)]


def is_empty(world: World, oid: str) -> bool:
    return world.git("diff-tree", "--quiet", f"{oid}^", oid, ok=False).code == 0


def rebase(git: World, built: Built, todo: Path) -> Run:
    """What of a rebase is said here is what git-ekf says on purpose; all else is for git to know."""
    return git.git(
        *("-c", "rebase.missingCommitsCheck=ignore", "-c", "rebase.updateRefs=false"),
        *("rebase", "-q", "--interactive", "--no-autosquash", "--empty=drop"),
        *("--onto", built.onto, built.base),
        env={"GIT_SEQUENCE_EDITOR": f"cp {todo}", "GIT_EDITOR": ":"},
        ok=False,
    )


def lives(done: Run) -> bool:
    """Whether git did not die of an assertion of its own, as 2.39 does in merge-ort.c: it is no oracle then."""
    return done.code >= 0


def in_progress(git: World) -> bool:
    return (git.path / ".git/rebase-merge").exists()


def picked(world: World) -> str:
    """The commit at which it stopped; "" where git names none, as for a directory that was split."""
    return world.git("rev-parse", "--quiet", "--verify", "REBASE_HEAD", ok=False).out


def state(world: World) -> tuple[str, ...]:
    """The commits made, the index with all sides of what is in conflict, and which files differ."""
    return (
        world.out("rev-parse", "HEAD"),
        world.out("ls-files", "--stage"),
        world.out("status", "--porcelain", "--untracked-files=all"),
    )
