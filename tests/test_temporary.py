"""Temporary directories: gone in the end, and in the end also those of a process that was killed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from conftest import run

from git_ekf.temporary import temporary

_KILLED = """
import os, signal, sys
from git_ekf.temporary import temporary
with temporary(sys.argv[1]) as folder:
    open(os.path.join(folder, "file"), "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_gone_in_the_end(tmp_path: Path) -> None:
    with temporary(str(tmp_path)) as folder:
        Path(folder, "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_of_a_killed_process(tmp_path: Path) -> None:
    assert run(sys.executable, "-c", _KILLED, tmp_path).code == -signal.SIGKILL
    left = list(tmp_path.glob("git-ekf-*/file"))
    assert len(left) == 1
    with temporary(str(tmp_path)) as folder:
        assert [str(path) for path in tmp_path.iterdir()] == [folder]


def test_others_stay(tmp_path: Path) -> None:
    """What is in use, what has another name, what is without a lock, and what is no directory."""
    (tmp_path / "git-ekf-without").mkdir()
    (tmp_path / "git-ekf-file").touch()
    (tmp_path / "another").mkdir()
    (tmp_path / "another/.lock").touch()
    (tmp_path / "git-ekf-link").symlink_to(tmp_path / "another")
    with temporary(str(tmp_path)) as used, temporary(str(tmp_path)):
        assert Path(used).is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "another",
        "git-ekf-file",
        "git-ekf-link",
        "git-ekf-without",
    ]
    assert (tmp_path / "another/.lock").exists()
