"""Temporary directories: gone in the end, and in the end also those of a process that was killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from conftest import run

from git_ekf.temporary import temporary

_KILLED = """
import os, signal, sys
from git_ekf.temporary import temporary
with temporary(sys.argv[1]) as folder:
    open(os.path.join(folder, "file"), "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Where ours lie, below `tmp_path`."""
    return tmp_path / f"git-ekf-{os.getuid()}"


def test_gone_in_the_end(tmp_path: Path, private: Path) -> None:
    with temporary(str(tmp_path)) as folder:
        Path(folder, "file").touch()
        assert Path(folder).parent == private
        assert private.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    with temporary(str(tmp_path)) as folder:
        deep = Path(folder, "a", "b")
        deep.mkdir(parents=True)
        (deep / "folder").symlink_to(kept)
        (deep / "file").symlink_to(kept / "file")
        (deep / "nowhere").symlink_to("nowhere")
        (deep / "read-only").touch(0o400)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_of_a_killed_process(tmp_path: Path, private: Path) -> None:
    assert run(sys.executable, "-c", _KILLED, tmp_path).code == -signal.SIGKILL
    assert len(list(private.glob("*/file"))) == 1
    with temporary(str(tmp_path)) as folder:
        assert sorted(map(str, private.iterdir())) == [folder, f"{folder}.lock"]


def test_others_stay(tmp_path: Path, private: Path) -> None:
    """What is in use, what has no lock beside it, and whatever lies elsewhere, with a lock in it."""
    clone = tmp_path / "git-ekf-clone"
    clone.mkdir()
    (clone / ".lock").touch()
    private.mkdir(mode=0o700)
    (private / "without").mkdir()
    (private / "yarn").mkdir()
    (private / "yarn.lock").write_text("yarn lockfile v1\n")
    (private / "empty.lock").touch()
    (private / "link.lock").symlink_to(clone / ".lock")
    (private / "link").symlink_to(clone)
    os.mkfifo(private / "pipe.lock")
    with temporary(str(tmp_path)) as used, temporary(str(tmp_path)):
        assert Path(used).is_dir()
    left = sorted(path.name for path in private.iterdir())
    theirs = ["empty.lock", "link", "link.lock", "pipe.lock", "without", "yarn", "yarn.lock"]
    assert (left, list(clone.iterdir())) == (theirs, [clone / ".lock"])


@pytest.mark.parametrize("kind", ["link", "open", "file"])
def test_a_parent_that_may_be_somebody_elses(tmp_path: Path, private: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if kind == "link":
        private.symlink_to(elsewhere)
    elif kind == "open":
        private.mkdir()
        private.chmod(0o755)
    else:
        private.touch()
    with temporary(str(tmp_path)) as folder:
        assert Path(folder).parent == tmp_path
    assert sorted(tmp_path.iterdir()) == sorted([elsewhere, private])
    assert list(elsewhere.iterdir()) == []


def test_beside_the_main_thread(private: Path) -> None:
    """Where no signal arrives, and none may be held off."""
    seen: list[bool] = []

    def work() -> None:
        with temporary() as folder:
            seen.append(os.path.isdir(folder))
        seen.append(os.path.exists(folder))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True, False]


def test_while_another_removes_the_place(
    tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last user takes it away, while the next one looks whose it is."""
    look = os.lstat
    removed: list[str] = []

    def late(path: str) -> os.stat_result:
        if path == str(private) and not removed:
            removed.append(path)
            os.rmdir(path)
        return look(path)

    monkeypatch.setattr(os, "lstat", late)
    with temporary(str(tmp_path)) as folder:
        assert Path(folder).is_dir()
    assert len(removed) == 1
    with pytest.raises(FileNotFoundError), temporary(str(tmp_path / "missing")):
        pass
