"""Directories that look like a repository to git and have a program run by whoever looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Clone

# All that git runs for one question or another (git-config(1)).
_PROGRAMS = """[core]
	pager = PROGRAM
	editor = PROGRAM
	sshCommand = PROGRAM
	gitProxy = PROGRAM
	askPass = PROGRAM
	alternateRefsCommand = PROGRAM
[pager]
	status = PROGRAM
	log = PROGRAM
	config = PROGRAM
[filter "x"]
	clean = PROGRAM
	smudge = PROGRAM
	process = PROGRAM
[diff]
	external = PROGRAM
[diff "x"]
	command = PROGRAM
	textconv = PROGRAM
[merge "x"]
	driver = PROGRAM
[alias]
	status = !PROGRAM
	ls-files = !PROGRAM
	rev-parse = !PROGRAM
[gpg]
	program = PROGRAM
[credential]
	helper = !PROGRAM
[trailer "x"]
	command = PROGRAM
[log]
	showSignature = true
[remote "origin"]
	url = ext::PROGRAM
[remote "internal"]
	url = ext::PROGRAM
[protocol "ext"]
	allow = always
[ekf "apply"]
	command = PROGRAM
	command = {path}
[ekf "drift"]
	command = PROGRAM
"""


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
    more = tmp_path / "more"
    more.write_text(_PROGRAMS.replace("PROGRAM", str(program)))
    inner.write(".gitattributes", "* filter=x diff=x merge=x\n")
    os.utime(inner.path / "file", (1, 1))  # to be looked at, through the filter
    config.write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        f"\tfsmonitor = {program}\n\thooksPath = {hooks}\n"
        f"[include]\n\tpath = {more}\n"
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
        ["doctor"],
        ["doctor", "--offline"],
        ["status", "--fetch"],
        ["show"],
        ["diff", "HEAD~1"],
        ["drift"],
        ["apply", "file"],
        ["tag", "-m", "x"],
        ["save"],
        ["pull"],
        ["upgrade", "--plan"],
        ["sync"],
        ["undo"],
        ["bundle", "create", "b"],
        ["hooks", "install"],
    ],
    ids=" ".join,
)
def test_a_look_runs_no_program(trap: Clone, command: list[str], tmp_path: Path) -> None:
    done = trap.ekf(*command)
    assert "Traceback" not in done.err
    assert not (tmp_path / "ran").exists(), done
    trap.git("status", ok=False)
    assert (tmp_path / "ran").exists()  # and so this test can fail


def test_its_owner_can_name_it(trap: Clone, tmp_path: Path) -> None:
    done = trap.ekf("status")
    hint = "hint: where it is yours: git --git-dir=. --work-tree=. ekf"
    assert (done.code, done.err.splitlines()[1:]) == (4, [hint])
    (trap.path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    named = trap.git("--git-dir=.", "--work-tree=.", "ekf", "status", ok=False)
    assert named.code == 0, named
    assert named.out.splitlines()[1].startswith("On "), named
