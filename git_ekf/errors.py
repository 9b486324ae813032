"""Every error that reaches a user, and the exit code that it ends in.

EkfError
 ├── UsageError     2  wrong usage: an option, an argument, a line of the configuration
 ├── Refused        4  a precondition does not hold; nothing was changed
 ├── Interrupted  130  somebody has ended the program, and something is half done
 └── CallFailed     5  something git-ekf called failed
      ├── GitFailed    …and it was git
      ├── NoSpace      …because a disk is full, whatever it was that wrote
      │    └── TooLarge  …or a file larger than the shell allows
      └── SystemFailed …and it was the operating system
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from git_ekf.shown import folder, shell

# What a system says where a disk, or the part of it that a user may have, is full.
FULL = (errno.ENOSPC, errno.EDQUOT)

DONE = 0
FINDINGS = 1
USAGE = 2
STOPPED = 3
REFUSED = 4
FAILED = 5
INTERRUPTED = 130


class EkfError(Exception):
    """One clear sentence, and in `hint` the exact command that helps ("" where there is none).

    `details` are lines of another program that say more.
    """

    code = FAILED

    def __init__(self, message: str, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class UsageError(EkfError):
    """An option, an argument or a line of the configuration is wrong."""

    code = USAGE


class Refused(EkfError):
    """A precondition does not hold. Nothing was changed."""

    code = REFUSED


class Interrupted(EkfError):
    """Somebody has ended the program at the terminal, and something is half done."""

    code = INTERRUPTED


class CallFailed(EkfError):
    """Something that git-ekf called failed, or stopped half-way."""


class GitFailed(CallFailed):
    """A git process ended with another code than the caller knows what to do with."""

    def __init__(self, args: list[str], returncode: int, stderr: str) -> None:
        lines = [line for line in stderr.split("\n") if line.strip()]
        reason = lines[0] if lines else "(it said nothing)"
        how = f"failed with code {returncode}"
        if returncode < 0:
            how = f"was ended by {signal_name(-returncode)}"
        super().__init__(f"git {shell(*args)} {how}: {reason}", details=lines[1:])
        self.first = lines[0] if lines else ""  # of what it said
        self.returncode = returncode
        self.stderr = stderr


class NoSpace(CallFailed):
    """A disk or a quota is full. It is no GitFailed: what git could not write says nothing else."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(
            "there is no space left on the disk" + (f": {reason}" if reason else ""),
            "df -h shows which one is full; once there is room: the same command again",
        )


class TooLarge(NoSpace):
    """A file would be larger than a limit of the shell's (setrlimit(2), RLIMIT_FSIZE)."""

    def __init__(self) -> None:
        CallFailed.__init__(
            self,
            "a file would be larger than this shell lets files be",
            "ulimit -f unlimited, then the same command again",
        )


def signal_name(number: int) -> str:
    """SIGTERM and the like; a real-time signal has no name."""
    import signal  # for few errors only

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class SystemFailed(CallFailed):
    """An OSError, with the command that shows more: of the disk, or of file and directory."""

    def __init__(self, error: OSError) -> None:
        hint = ""
        if isinstance(error.filename, str):
            above = folder(os.path.dirname(error.filename) or ".")
            hint = f"ls -ld {above} {folder(error.filename)}"
        same = CallFailed(f"{error.filename or 'the system'}: {error.strerror}", hint)
        if error.errno in FULL:
            same = NoSpace(error.filename or "")
        if error.errno == errno.EFBIG and error.strerror == os.strerror(errno.EFBIG):
            same = TooLarge()
        super().__init__(same.message, same.hint)
