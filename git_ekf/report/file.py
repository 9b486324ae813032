"""Where a report is written: a whole file or none, and never in the place of something else."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from contextlib import suppress
from itertools import count

from git_ekf.errors import Refused, UsageError
from git_ekf.report.page import BEGINNING
from git_ekf.repository import Repository
from git_ekf.shown import shell

_COMMAND = "git ekf report"


def usual_place(repo: Repository) -> str:
    """The file of a report that was given no name.

    It is in the git directory, so that the work tree stays clean, as `git ekf apply` wants it.
    """
    return os.path.join(repo.place.common_dir, "ekf", "report.html")


def require_place(path: str, command: str = _COMMAND) -> None:
    """Raises UsageError for a directory, Refused for a file that is no report of ours, or a link.

    OSError where it cannot be read. `command` is what the hint begins with.
    """
    if os.path.isdir(path) or not os.path.basename(path):
        inside = os.path.join(path, "ekf-report.html")
        raise UsageError(f"{path} is a directory", f"{command} -o {shell(_free(inside))}")
    if not os.path.lexists(path) or _is_device(path):
        return
    other = f"{command} -o {shell(_free(path))}"
    if os.path.islink(path):
        raise Refused(f"{path} is a symbolic link", other)
    if not _is_report(path):
        raise Refused(f"{path} is there already, and is not a report of git-ekf", other)


def write_report(path: str, text: str, command: str = _COMMAND) -> None:
    """Writes the file, in the place of an older report too; into a device it is just written.

    Raises as `require_place`, and then nothing was changed.
    """
    require_place(path, command)
    content = text.encode()
    if _is_device(path):
        with open(path, "wb") as device:
            device.write(content)
        return
    _clear_left(os.path.dirname(path) or ".")
    new, descriptor = _begin(os.path.dirname(path))
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        require_place(path, command)
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise


_PREFIX = ".ekf-report-"


def _begin(folder: str) -> tuple[str, int]:
    """A new file, locked for as long as it is open: its path and its descriptor."""
    while True:
        new = os.path.join(folder, f"{_PREFIX}{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(new, flags, 0o666)
        with suppress(OSError):  # there are file systems that cannot lock: see _clear_left
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.exists(new):
            return new, descriptor
        os.close(descriptor)  # another one took it for left, before it was locked


def _clear_left(folder: str) -> None:
    """Removes what was left by those that were killed while they wrote."""
    for entry in os.scandir(folder):
        if not entry.name.startswith(_PREFIX) or not entry.is_file(follow_symlinks=False):
            continue
        # In use, or cannot be locked at all, so that nobody can tell whether it is.
        with suppress(OSError):
            descriptor = os.open(entry.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if BEGINNING.encode().startswith(os.read(descriptor, len(BEGINNING.encode()))):
                    os.unlink(entry.path)
            finally:
                os.close(descriptor)


def _is_device(path: str) -> bool:
    """Whether something is there that is neither a file nor a link to one: /dev/null, a pipe."""
    return os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)


def _is_report(path: str) -> bool:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING.encode()


def _free(path: str) -> str:
    """The path, or one like it, that nothing has yet."""
    stem, ending = os.path.splitext(path)
    if not os.path.lexists(path):
        return path
    return next(one for at in count(2) if not os.path.lexists(one := f"{stem}-{at}{ending}"))
