"""Directories that look like a repository to git and have a program run by whoever looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Clone


@pytest.fixture
def trap(clone: Clone, tmp_path: Path) -> Clone:
    """A directory of a commit with all that git wants of a git directory."""
    inner = Clone(clone.path / "docs/tool")
    inner.path.mkdir(parents=True)
    inner.git("init", "-q")
    inner.commit("file", "x")
    for name in ("HEAD", "objects", "refs", "index", "config"):
        (inner.path / ".git" / name).rename(inner.path / name)
    for left in (inner.path / ".git").rglob("*"):
        if left.is_file():
            left.unlink()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    hooks = inner.path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "pre-commit"):
        (hooks / name).symlink_to(program)
    config = inner.path / "config"
    config.write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        f"\tfsmonitor = {program}\n\thooksPath = {hooks}\n"
    )
    (inner.path / ".git").rename(tmp_path / "left")
    return inner


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["status", "--prompt"],
        ["complete", "paths", ""],
        ["complete", "channels", ""],
        ["complete", "revisions", ""],
        ["releases"],
        ["log"],
        ["check"],
        ["doctor", "--offline"],
    ],
    ids=" ".join,
)
def test_a_look_runs_no_program(trap: Clone, command: list[str], tmp_path: Path) -> None:
    done = trap.ekf(*command)
    assert "Traceback" not in done.err
    assert not (tmp_path / "ran").exists(), done
    trap.git("status")
    assert (tmp_path / "ran").exists()  # and so this test can fail
