"""A git that dies under us: an error with its words, never silence or another answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import Popen

import pytest
from conftest import Clone
from upgrading import World, wrapper

from git_ekf.errors import CallFailed, EkfError, GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.complaints import failure
from git_ekf.git.transfer import stop

# A git that dies at once, or once it was asked something, when it is to do $1.
_AT_ONCE = '[ "$1" = cat-file ] && { echo "fatal: gone wrong" >&2; kill -%s $$; }\nexec $real "$@"'
_ASKED = '[ "$1" = cat-file ] && { read -r line; kill -%s $$; }\nexec $real "$@"'
_CLOSED = '[ "$1" = cat-file ] && exit 3\nexec $real "$@"'


@pytest.mark.parametrize("script", [_AT_ONCE % "KILL", _ASKED % "SEGV", _CLOSED])
@pytest.mark.parametrize("question", ["beginnings", "reader", "ids", "trees"])
def test_dead_reader(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, question: str
) -> None:
    """Each long talk with git ends in GitFailed, with the name of the signal."""
    head = clone.git("rev-parse", "HEAD").out.strip()
    for name, value in wrapper(tmp_path / "bin", script).items():
        monkeypatch.setenv(name, value)
    git = Git(str(clone.path))
    with pytest.raises(GitFailed) as caught:
        _ask(git, question, head)
    if script is _CLOSED:
        assert caught.value.returncode == 3
    else:
        assert "was ended by SIG" in caught.value.message


def _ask(git: Git, question: str, head: str) -> None:
    if question == "beginnings":
        git.read_beginnings([head] * 2000, 100)
    elif question == "reader":
        list(git.object_reader(1 << 20).read("commit", [head] * 2000))
    elif question == "ids":
        git.id_reader().ids([head] * 2000)
    else:
        list(git.object_reader(1 << 20).each_new_tree([head], globs=()))


def test_dead_fast_import(world: World, tmp_path: Path) -> None:
    """The command ends in 5, and says what has become of git."""
    env = wrapper(
        tmp_path / "bin",
        'case " $* " in *" fast-import "*) kill -KILL $$;; esac\nexec $real "$@"',
    )
    done = world.ekf("upgrade", env=env)
    assert done.code == 5, done
    assert "fast-import" in done.err
    assert "SIGKILL" in done.err


def _failed(said: str, objects: str = "") -> EkfError:
    process = Popen(["false"], stdout=subprocess.PIPE)
    process.communicate()
    process.args = ["git", "fast-import"]
    return failure(process, said, objects)


def test_not_a_repository(tmp_path: Path) -> None:
    """Only git's own complaint says so; and not where a prune took the objects' directory away."""
    said = "fatal: not a git repository (or any of the parent directories): .git\n"
    assert isinstance(_failed(said), Refused)
    assert isinstance(_failed(said, str(tmp_path)), Refused)
    assert isinstance(_failed("warning: x\nremote: not a git repository\n"), GitFailed)
    gone = _failed(said, str(tmp_path / "gone"))
    assert isinstance(gone, CallFailed)
    assert "taken away" in gone.message


@pytest.mark.parametrize("words", ["['save']", "['save', '--']"])
def test_broken_pipe_of_a_child(clone: Clone, words: str) -> None:
    """Only the reader of our own output may go in silence, whether typer reads the words or not."""
    program = (
        "import sys\nfrom git_ekf import cli\nfrom git_ekf.commands import save\n"
        "def broken(**values): raise BrokenPipeError(32, 'Broken pipe')\n"
        f"broken.parameters = []\nsave.save = broken\nsys.exit(cli.main({words}))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Broken pipe" in done.stderr) == (5, True)
    read, write = os.pipe()
    os.close(read)
    gone = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (gone.returncode, gone.stderr) == (-signal.SIGPIPE, "")


def test_what_was_waited_for_is_not_told_to_end(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be another program's by then."""
    told: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append(pid))
    git = Git(str(clone.path))
    tree = clone.git("mktree", stdin="").out.strip()
    head = clone.out("commit-tree", "-p", "HEAD", "-m", "x", "HEAD^{tree}")
    reader = git.object_reader(1 << 20)
    assert list(reader.each_new_tree([head])) == []
    new = clone.git("mktree", stdin=f"040000 tree {tree}\tnew\n").out.strip()
    head = clone.out("commit-tree", "-p", "HEAD", "-m", "x", new)
    assert [oid for oid, _ in reader.each_new_tree([head])] == [new, tree]
    process = Popen(["true"], stdout=subprocess.PIPE)
    process.wait()
    stop(process)
    assert told == []
