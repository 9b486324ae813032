"""Temporary directories. What a killed git-ekf leaves of them the next one clears away."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PREFIX = "git-ekf-"
_LOCK = ".lock"


@contextmanager
def temporary(parent: str | None = None) -> Iterator[str]:
    """The real path of a new directory in `parent` (the system's place for them), which is gone when the context ends.

    It is locked for as long, in a file of its own in it. For the main thread, whose signals it holds off at the end.
    """
    parent = parent or tempfile.gettempdir()
    _clear(parent)
    folder = os.path.realpath(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = os.path.join(folder, _LOCK)
    descriptor = os.open(lock + ".new", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(
            OSError
        ):  # there are file systems that cannot lock: then nobody clears it away
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.rename(lock + ".new", lock)  # nobody sees it without its lock
        yield folder
    finally:
        with undisturbed():
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _clear(parent: str) -> None:
    """Removes those of ours in which nobody is at work."""
    entries: list[os.DirEntry[str]] = []
    with suppress(OSError):  # one may write there, and not read
        entries += os.scandir(parent)
    for entry in entries:
        with suppress(OSError):  # another user's, not a directory, without a lock (yet), or in use
            if (
                entry.name.startswith(_PREFIX)
                and entry.stat(follow_symlinks=False).st_uid == os.getuid()
            ):
                descriptor = os.open(os.path.join(entry.path, _LOCK), os.O_RDWR | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(entry.path, ignore_errors=True)
                finally:
                    os.close(descriptor)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets ^C and termination pass by. Blocking them would not do: beside threads another one takes the signal."""
    before = {
        number: signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
