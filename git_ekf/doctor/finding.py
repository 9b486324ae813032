"""What a check is given, and what it finds."""

from __future__ import annotations

from subprocess import Popen
from typing import NamedTuple

from git_ekf.errors import EkfError, GitFailed
from git_ekf.repository import Repository

OK, WARNING, ERROR, SKIPPED = "ok", "warning", "error", "skipped"


class Diagnosis(NamedTuple):
    """`state` is ok, warning, error (something does not work, or does not do what it promises) or skipped.

    `fix` is the command (or the act) that mends it, "" where nothing is to be mended.
    """

    state: str
    message: str
    fix: str = ""


class Case(NamedTuple):
    """What is examined. `asked` are the questions to remotes that are under way, by name; `until` when they are given up.

    `until` is in seconds of time.monotonic().
    """

    repo: Repository
    asked: dict[str, Popen[bytes]]
    until: float


def reason(error: EkfError) -> str:
    """What went wrong, on one line: of what git says its first complaint, which the others only follow."""
    if not isinstance(error, GitFailed):
        return error.message
    lines = [
        line
        for line in error.stderr.splitlines()
        if line.strip() and not line.lower().startswith(("warning:", "hint:"))
    ]
    return lines[0].removeprefix("fatal: ").removeprefix("error: ") if lines else error.message
