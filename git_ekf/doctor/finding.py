"""A check: the case it is given, and the diagnosis it comes to."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.errors import EkfError, GitFailed
from git_ekf.git.process import Ahead
from git_ekf.repository import Repository

OK, WARNING, ERROR, SKIPPED = "ok", "warning", "error", "skipped"


class Diagnosis(NamedTuple):
    """One thing that a check found.

    `state` is ok, warning, error (something does not work, or does not do what it promises) or
    skipped.

    `fix` is the command (or the act) that mends it, "" where nothing is to be mended.
    """

    state: str
    message: str
    fix: str = ""


def ok(message: str) -> Diagnosis:
    """All is well."""
    return Diagnosis(OK, message)


def warn(message: str, fix: str) -> Diagnosis:
    """Something could be better."""
    return Diagnosis(WARNING, message, fix)


def fail(message: str, fix: str) -> Diagnosis:
    """Something does not work, or does not do what it promises."""
    return Diagnosis(ERROR, message, fix)


def skip(message: str) -> Diagnosis:
    """Nothing could be found out, or there is nothing to."""
    return Diagnosis(SKIPPED, message)


class Case(NamedTuple):
    """The repository to examine, and what its remotes are being asked.

    `asked` are the questions under way, by the remote's name; `until` when they are given up, in
    seconds of time.monotonic().
    """

    repo: Repository
    asked: dict[str, Ahead[dict[str, str]]]
    until: float


def reason(error: EkfError) -> str:
    """Why something went wrong, on one line.

    Of what git says it is the first complaint, which the others only follow.
    """
    if isinstance(error, GitFailed):
        for line in error.stderr.split("\n"):
            if line.strip() and not line.lower().startswith(("warning:", "hint:")):
                return line.removeprefix("fatal: ").removeprefix("error: ")
    return error.message
