"""Two operators do anything at all to one cluster; after each thing every sentence of status is compared with the facts."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, run
from facts import assert_true
from reach import EVERYTHING, SEED, long
from upgrading import World, vendor_commit

SEEDS = range(SEED, SEED + (100 if EVERYTHING else 1))
STEPS = 50 if EVERYTHING else 8
# The codes that are answers: done, no, refused, stopped at a conflict.
ANSWERS = (0, 1, 3, 4)


class Players:
    """Two clones, the vendor they follow, and a clock that each thing moves on."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = world
        self.clones = [world, copied(world)]
        self.minutes = 0
        self.done: list[str] = []

    def at(self) -> dict[str, str]:
        self.minutes += 1
        time = f"2026-11-20T{10 + self.minutes // 60:02}:{self.minutes % 60:02}:00+00:00"
        return {"GIT_COMMITTER_DATE": time, "GIT_AUTHOR_DATE": time}

    def step(self) -> World:
        """One of them does something; whose clone it was."""
        number = self.random.randrange(2)
        act = self.random.choice(ACTS)
        self.done.append(f"{'ab'[number]}: {act.__name__}")
        clone = act(self, self.clones[number])
        self.clones[number] = clone
        finish(clone)
        return clone


def copied(world: World) -> World:
    path = world.path.with_name("b")
    shutil.copytree(world.path, path, symlinks=True)
    other = World(path)
    other.git("update-index", "-q", "--refresh")
    return other


def finish(clone: World) -> None:
    """Whatever stopped is resolved, or given up where that does not help."""
    if not (clone.path / ".git/rebase-merge").exists():
        return
    clone.git("checkout", "--theirs", ".", ok=False)
    clone.git("add", "-A")
    for _ in range(30):
        command = clone.ekf("status", "--json").out.partition('"under_way": "')[2].partition('"')[0]
        if not command:
            return
        if clone.ekf(command, "--continue").code != 3:
            break
        clone.git("checkout", "--theirs", ".", ok=False)
        clone.git("add", "-A")
    if (clone.path / ".git/rebase-merge").exists():
        clone.git("rebase", "--abort")


def answered(done: Run) -> None:
    assert done.code in ANSWERS, done
    assert "Traceback" not in done.err, done


# --- what they do ---


def commit(players: Players, clone: World) -> World:
    path = clone.path / "own" / players.random.choice("xyz")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{players.minutes}\n")
    clone.git("add", "-A")
    clone.git("commit", "-q", "--no-verify", "-m", f"At {players.minutes}", env=players.at())
    return clone


def amend(players: Players, clone: World) -> World:
    clone.git("commit", "-q", "--amend", "--no-verify", "-m", "Amended", env=players.at())
    return clone


def set_back(players: Players, clone: World) -> World:
    clone.git("reset", "-q", "--hard", "HEAD~1")
    return clone


def ekf(*args: str) -> Callable[[Players, World], World]:
    def act(players: Players, clone: World) -> World:
        answered(clone.ekf(*args, env=players.at()))
        return clone

    act.__name__ = " ".join(args)
    return act


def roll_back(players: Players, clone: World) -> World:
    names = clone.out("for-each-ref", "--format=%(refname:short)", "refs/tags/deploy").split()
    if names:
        name = players.random.choice(names)
        players.done.append(name)
        answered(clone.ekf("rollback", name, env=players.at()))
    return clone


def lose(players: Players, clone: World) -> World:
    """The container is gone, and the next one is built of what internal has."""
    vendor, internal = clone.vendor.path, clone.internal.path
    shutil.rmtree(clone.path)
    done = run("git-ekf", "clone", vendor, clone.path, "--internal", internal)
    assert done.code == 0, done
    restored = World(clone.path)
    restored.git("config", "ekf.render.command", "true")
    return restored


def vendor_moves(players: Players, clone: World) -> World:
    branch = players.random.choice(["release-1.8", "release-1.9"])
    vendor_commit(clone, branch, {"VERSION": f"{players.minutes}\n"})
    return clone


def switch(players: Players, clone: World) -> World:
    branches = clone.out("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    clone.git("switch", "-q", players.random.choice(branches))
    return clone


def git(*args: str) -> Callable[[Players, World], World]:
    """A colleague without git-ekf; what git refuses is refused."""

    def act(_: Players, clone: World) -> World:
        clone.git(*args, ok=False)
        return clone

    act.__name__ = "git " + " ".join(args)
    return act


ACTS: list[Callable[[Players, World], World]] = [
    *[commit] * 4,
    *[ekf("tag", "-m", "Deployed")] * 3,
    *[ekf("save")] * 5,
    *[ekf("pull")] * 4,
    ekf("pull", "--switch"),
    *[ekf("upgrade")] * 2,
    ekf("sync"),
    ekf("undo"),
    roll_back,
    amend,
    set_back,
    lose,
    vendor_moves,
    switch,
    git("push", "-q", "internal"),
    git("fetch", "-q", "--prune", "internal"),
    git("pull", "-q", "--rebase", "internal"),
]


@long
@pytest.mark.parametrize("seed", SEEDS)
def test_every_sentence_is_true(world: World, seed: int, tmp_path: Path) -> None:
    players = Players(world, seed)
    for _ in range(STEPS):
        clone = players.step()
        try:
            assert_true(clone, world.internal.path)
        except AssertionError:
            print(f"seed {seed}:", *players.done, sep="\n  ")
            raise
