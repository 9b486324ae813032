"""The lock around whatever moves branches or HEAD, and in it the command that holds it.

The lock is the system's, on an open file, so it goes with the process however that ends. The
prompt asks for it, so this file imports next to nothing.
"""

import errno
import fcntl
import os
import stat
import sys
import time

_TRIES, _PAUSE = 10, 0.01  # seconds between them
_LONGEST = 20  # characters of the name
# No link is followed, and no pipe waited for.
_AS_IT_IS = os.O_NOFOLLOW | os.O_NONBLOCK


def take(folder: str) -> int:
    """Takes the lock in a directory, to be given back by `give_back`.

    Raises BlockingIOError where another process holds it; one that only looks (`at_work`) is
    waited for. Raises another OSError where it is no regular file.
    """
    path = os.path.join(folder, "lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _AS_IT_IS, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not left:
                os.close(descriptor)
                raise
            time.sleep(_PAUSE)
    _name(descriptor, b"".join(os.fsencode(word) for word in sys.argv[1:2] if word.isalpha()))
    return descriptor


def give_back(descriptor: int) -> None:
    """Lets others have the lock."""
    _name(descriptor, b"")
    os.close(descriptor)


def _name(descriptor: int, name: bytes) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, name[:_LONGEST], 0)
    except OSError:
        pass  # a full disk: then it has no name


def at_work(folder: str) -> str:
    """The command that holds the lock in a directory now, or "command"; "" where none does."""
    try:
        descriptor = os.open(os.path.join(folder, "lock"), os.O_RDONLY | _AS_IT_IS)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        name = os.read(descriptor, _LONGEST).decode("ascii", "replace")
        return name if name.isalpha() else "command"
    except OSError:  # no locks on this file system
        return ""
    finally:
        os.close(descriptor)
    return ""
