"""Files of configuration and state that are something else: devices, loops, pipes, giants, riddles.

Each is a clear error, at once, wherever it is read: by hooks, the prompt, completion and commands.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Clone
from reach import long, rare, some

# Seconds. A device that never ends, or a pipe that nobody writes to, would take for ever.
AT_ONCE = 20.0

Make = Callable[[Path], object]

NOT_A_FILE: dict[str, Make] = {
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a file": lambda path: path.symlink_to("VERSION"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a directory": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a giant": lambda path: path.write_bytes(b"#" * (1 << 27)),
}
RIDDLES: dict[str, bytes] = {
    "nested arrays": b"[rules]\nx = " + b"[" * 20_000 + b"]" * 20_000,
    "nested tables": b"[rules]\nx = " + b"{a = " * 20_000,
    "a long key": b"a." * 20_000 + b"a = 1",
    "many tables": b"[[rules]]\n" * 26_000,
    "many digits": b"[rules]\nx = " + b"1" * 5_000,
    "no text": b"[rules]\n\xff",
    "NUL": b"[rules]\0",
}
TOML = NOT_A_FILE | {
    name: lambda path, content=content: path.write_bytes(content)
    for name, content in RIDDLES.items()
}


@long
@pytest.mark.parametrize("name", some(list(TOML), 3))
def test_the_configuration(clone: Clone, name: str) -> None:
    TOML[name](clone.path / ".ekf.toml")
    begin = time.monotonic()
    for command in (["status"], ["check"], ["releases"], ["log"]):
        done = clone.ekf(*command)
        assert (done.code, done.out) == (2, ""), done
        assert done.err.startswith("git-ekf: .ekf.toml"), done
        assert len(done.err.splitlines()) == 2, done
        assert done.err.splitlines()[1].startswith("hint: "), done
    commit = clone.git("commit", "--allow-empty", "-m", "x", ok=False)
    assert (commit.code, commit.err.splitlines()[0].partition(":")[0]) == (1, "git-ekf"), commit
    assert clone.ekf("status", "--prompt").err == ""
    assert clone.ekf("complete", "channels", "").err == ""
    assert time.monotonic() - begin < AT_ONCE


def test_a_byte_order_mark_is_read(clone: Clone) -> None:
    clone.path.joinpath(".ekf.toml").write_bytes(b'\xef\xbb\xbf[branches]\nallow = ["main"]\n')
    assert clone.ekf("status").code == 0
    clone.git("switch", "-q", "-c", "main")
    clone.git("commit", "-q", "--allow-empty", "-m", "x")


# What git keeps beside it.
GITS = list(itertools.product(["FETCH_HEAD", "rebase-merge/head-name"], NOT_A_FILE))
# `git status` itself does not end; the prompt does.
GIT_WAITS = [("rebase-merge/head-name", what) for what in ("a pipe", "a link to a device")]
KEPT = list(itertools.product(["journal", "trusted", "rebase", "settings", "lock"], NOT_A_FILE))


@long
@pytest.mark.parametrize(("name", "what"), some(KEPT, 6))
def test_what_is_kept_in_the_git_directory(clone: Clone, name: str, what: str) -> None:
    clone.commit("own/file", "x")
    folder = clone.path / ".git/ekf"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.unlink(missing_ok=True)
    NOT_A_FILE[what](path)
    begin = time.monotonic()
    before = clone.out("for-each-ref")
    for command in (
        ["status"],
        ["trust", "--yes"],
        ["undo"],
        ["tag", "-m", "x"],
        ["doctor", "--offline"],
    ):
        done = clone.ekf(*command)
        assert done.code in (0, 1, 4), done
        assert "Traceback" not in done.err, done
        if done.code == 4:
            assert len(done.err.splitlines()) == 2, done
    if name == "journal":
        assert clone.ekf("tag", "-m", "y").code == 4
        assert clone.out("for-each-ref") == before
    clone.git("commit", "-q", "--allow-empty", "-m", "x")
    assert clone.ekf("status", "--prompt").err == ""
    assert time.monotonic() - begin < AT_ONCE


@long
@pytest.mark.parametrize(("name", "what"), some(GITS, 4))
def test_what_git_keeps(clone: Clone, name: str, what: str) -> None:
    path = clone.path / ".git" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    NOT_A_FILE[what](path)
    begin = time.monotonic()
    commands = [["status", "--prompt"], ["status"], ["check"], ["doctor", "--offline"]]
    if (name, what) in GIT_WAITS:
        del commands[1:]
    for command in commands:
        done = clone.ekf(*command)
        assert done.code in (0, 1, 4, 5), done
        assert "Traceback" not in done.err, done
    assert time.monotonic() - begin < AT_ONCE


@pytest.mark.parametrize("what", ["a pipe", pytest.param("a link to a device", marks=rare)])
def test_what_stands_where_something_is_written(clone: Clone, what: str) -> None:
    """Beside the files that are replaced, and in the place of a hook; nothing waits for it."""
    for name in ("ekf/asked.new", "ekf/journal.new", "ekf/trusted.new", "hooks/pre-commit"):
        path = clone.path / ".git" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        NOT_A_FILE[what](path)
    for words in (["tag", "-m", "x"], ["trust", "--yes"], ["doctor", "--offline"], ["undo"]):
        command = ["git-ekf", *words]
        done = subprocess.run(
            command, cwd=clone.path, capture_output=True, text=True, timeout=AT_ONCE
        )
        assert done.returncode in (0, 1), (words, done)
        assert "Traceback" not in done.stderr, done
    assert clone.out("tag", "-l") == ""


@pytest.mark.parametrize("what", ["a pipe", "a link to a file", "a directory"])
def test_the_lock(clone: Clone, what: str) -> None:
    path = clone.path / ".git/ekf/lock"
    path.unlink(missing_ok=True)
    target = path.with_name("VERSION")
    target.write_text("mine")
    NOT_A_FILE[what](path)
    done = clone.ekf("tag", "-m", "x")
    assert (done.code, done.err.splitlines()[1].partition(";")[0]) == (
        4,
        f"hint: mv {path} {path}.unreadable",
    )
    assert clone.ekf("status", "--prompt").out != ""
    assert target.read_text() == "mine"
