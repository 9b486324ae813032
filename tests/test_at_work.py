"""What another terminal is told while a command is at work."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from conftest import run
from reach import rare
from upgrading import World, script, vendor_commit

from git_ekf.transaction import at_work


def looking(world: World, hook: str, folder: Path) -> None:
    """A hook that looks from another terminal, as it were."""
    (world.path / ".git/hooks" / hook).unlink(missing_ok=True)
    where = f"cd {world.path} && unset GIT_DIR GIT_INDEX_FILE GIT_PREFIX"
    script(
        world.path / ".git/hooks" / hook,
        f"#!/bin/sh\n{where}\ngit ekf status >{folder}/status\n"
        f"git ekf status --json >{folder}/json\ngit-ekf status --prompt >{folder}/prompt\n"
        f"git ekf undo 2>{folder}/undo\nexit 0\n",
    )


@pytest.mark.parametrize(
    ("hook", "command"), [("pre-rebase", "upgrade"), ("pre-rebase", "sync"), ("pre-push", "save")]
)
def test_status_says_which_command_is_at_work(
    world: World, tmp_path: Path, hook: str, command: str
) -> None:
    if command == "sync":
        vendor_commit(world, "release-1.8", {"VERSION": "1.8.1\n"})
    looking(world, hook, tmp_path)
    world.commit("own/new", "new\n")
    options = [] if command == "save" else ["--no-save-check"]
    done = world.ekf(command, *options)
    assert done.code == 0, done
    status = (tmp_path / "status").read_text()
    assert f"  in progress    git ekf {command} is at work now\n" in status
    assert "cut off" not in status
    assert "--continue" not in status
    found = json.loads((tmp_path / "json").read_text())
    assert (found["at_work"], found["cut_off"], found["under_way"]) == (command, None, None)
    assert (tmp_path / "prompt").read_text().startswith(f"release-1.8|{command.upper()}")
    assert "another git-ekf command is at work" in (tmp_path / "undo").read_text()
    after = world.ekf("status", "--json").out
    assert json.loads(after)["at_work"] is None
    assert "|" not in world.ekf("status", "--prompt").out


@rare
def test_during_the_rebase_of_an_upgrade(world: World, tmp_path: Path) -> None:
    """It is no rebase of somebody's, and nothing to go on with, while git ekf itself is at it."""
    looking(world, "post-commit", tmp_path)
    assert world.ekf("upgrade").code == 0
    status = (tmp_path / "status").read_text()
    assert status.count("in progress") == 1
    assert "git ekf upgrade is at work now" in status
    assert (tmp_path / "prompt").read_text() == "release-1.8|UPGRADE\n"


def test_in_another_work_tree(world: World, tmp_path: Path) -> None:
    world.git("worktree", "add", "-q", str(tmp_path / "tree"), "release-1.8", "--force")
    tree = tmp_path / "tree"
    descriptor = at_work.take(str(world.path / ".git/ekf"))
    try:
        assert "a git-ekf command is at work now" in run("git-ekf", "status", cwd=tree).out
        assert "|" in run("git-ekf", "status", "--prompt", cwd=tree).out
    finally:
        at_work.give_back(descriptor)
    assert "at work" not in run("git-ekf", "status", cwd=tree).out


def test_to_look_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["git-ekf", "up\x1bgrade"])
    assert at_work.at_work(str(tmp_path)) == ""
    looking_pid = os.fork()
    if not looking_pid:
        while True:
            at_work.at_work(str(tmp_path))
    try:
        descriptor = at_work.take(str(tmp_path))
        assert at_work.at_work(str(tmp_path)) == "command"
        with pytest.raises(BlockingIOError):
            at_work.take(str(tmp_path))
        at_work.give_back(descriptor)
        for _ in range(300):
            at_work.give_back(at_work.take(str(tmp_path)))
    finally:
        os.kill(looking_pid, 9)
        os.waitpid(looking_pid, 0)
    assert at_work.at_work(str(tmp_path)) == ""
