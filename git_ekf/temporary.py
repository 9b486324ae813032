"""Temporary directories. What a killed git-ekf leaves of them the next one clears away.

They lie in a directory that only this user can write to, each with a lock file beside it that says
whose it is, and is held for as long as the directory is in use. Nothing else is ever removed: a
clone may be called as ours are, and have a yarn.lock beside a directory yarn.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NAME = "git-ekf-"
_LOCK = ".lock"
_CONTENT = b"git-ekf is at work in the directory beside this file, and removes both\n"


@contextmanager
def temporary(parent: str | None = None) -> Iterator[str]:
    """The real path of a new directory, which is gone when the context ends.

    It is below `parent`, by default the system's place for such. In the main thread it holds off
    signals at the end. Raises OSError.
    """
    if parent is None:
        import tempfile  # 3 ms, which what is kept in memory does without

        parent = tempfile.gettempdir()
    held = _hold(os.path.realpath(parent))
    if held is None:
        import tempfile

        with tempfile.TemporaryDirectory(prefix=_NAME, dir=parent) as folder:
            yield os.path.realpath(folder)
        return
    descriptor, lock = held
    folder = lock.removesuffix(_LOCK)
    try:
        os.mkdir(folder, 0o700)
        yield folder
    finally:
        with undisturbed():
            remove_tree(folder)
            os.unlink(lock)
            os.close(descriptor)
            with suppress(OSError):  # in use by another git-ekf
                os.rmdir(os.path.dirname(lock))


def new_name() -> str:
    """A name that nothing has yet."""
    return os.urandom(8).hex()


def remove_tree(folder: str) -> None:
    """Removes a directory with all that is in it, as far as that can be; links are not followed."""
    # Not shutil: with the archives that it reads it takes 3 ms to load.
    with suppress(OSError):
        for _, folders, files, descriptor in os.fwalk(folder, topdown=False):
            for name in files:
                with suppress(OSError):
                    os.unlink(name, dir_fd=descriptor)
            for name in folders:
                with suppress(OSError):
                    _remove_folder(name, descriptor)
        os.rmdir(folder)


def _remove_folder(name: str, parent: int) -> None:
    try:
        os.rmdir(name, dir_fd=parent)
    except NotADirectoryError:  # a link to one
        os.unlink(name, dir_fd=parent)


def _private(parent: str) -> str | None:
    """The directory for ours, made where it is missing; None where somebody else has its name."""
    path = os.path.join(parent, f"{_NAME}{os.getuid()}")
    status = None
    while status is None:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        with suppress(FileNotFoundError):  # another git-ekf was its last user, a moment ago
            status = os.lstat(path)
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return path if is_ours and not status.st_mode & 0o077 else None


def _hold(parent: str) -> tuple[int, str] | None:
    """A new lock file that is held, its descriptor and path; what is left of others is removed.

    None where somebody else has the name of our directory.
    """
    while True:
        private = _private(parent)
        if private is None:
            return None
        try:
            _clear(private)
            lock = os.path.join(private, new_name() + _LOCK)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            continue  # another git-ekf was its last user, a moment ago
        with suppress(OSError):  # there are file systems that cannot lock: see _clear
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            os.write(descriptor, _CONTENT)
        except OSError:  # a full disk
            os.unlink(lock)
            os.close(descriptor)
            raise
        return descriptor, lock


def _clear(private: str) -> None:
    """Removes the directories that nobody uses any more."""
    for name in os.listdir(private):
        if not name.endswith(_LOCK):
            continue
        lock = os.path.join(private, name)
        # In use, or cannot be locked at all, so that nobody can tell whether it is.
        with suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.read(descriptor, len(_CONTENT) + 1) == _CONTENT:
                    remove_tree(lock.removesuffix(_LOCK))
                    os.unlink(lock)
            finally:
                os.close(descriptor)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets ^C and termination pass by.

    Blocking them would not do: beside threads another one takes the signal. Only the main thread is
    disturbed by any, and only it may hold them off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
