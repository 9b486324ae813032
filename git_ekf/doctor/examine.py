"""What keeps git-ekf from working as it should on this machine and in this repository, each finding with its fix.

A check is a function that is given a Case and yields a Finding, or several; its name is the check's, the first line
of its docstring what it makes sure of. It reads and asks, and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

from git_ekf.doctor import clone, machine, remotes, tools
from git_ekf.doctor.finding import ERROR, OK, SKIPPED, WARNING, Case, Diagnosis, reason
from git_ekf.errors import EkfError, SystemFailed
from git_ekf.git.calls import Paths
from git_ekf.repository import Repository
from git_ekf.terminal.text import scrub

__all__ = ["ERROR", "OK", "SKIPPED", "WARNING", "Examination", "Examined", "examine"]

Check = Callable[[Case], Iterator[Diagnosis]]

MACHINE: tuple[Check, ...] = machine.CHECKS
ANYWHERE: tuple[Check, ...] = clone.ANYWHERE
IN_A_WORK_TREE: tuple[Check, ...] = (
    *clone.IN_A_WORK_TREE,
    remotes.remotes,
    remotes.credentials,
    tools.tools,
    tools.trust,
    tools.signing,
)


class Examined(NamedTuple):
    """A finding with the check that it is of, and the part (machine or repository) that the check belongs to."""

    check: str
    part: str
    state: str
    message: str
    fix: str


class Examination(NamedTuple):
    """`repository` is the top of the work tree, or the git directory where there is none; None outside of a repository."""

    repository: str | None
    examined: list[Examined]


def examine(repo: Repository, *, offline: bool) -> Examination:
    """Applies all checks that make sense here. Nothing that is wrong makes it raise."""
    place = _place(repo)
    with ExitStack() as stack:
        asked = (
            stack.enter_context(remotes.asked(repo)) if place and place.top and not offline else {}
        )
        case = Case(repo, asked, time.monotonic() + remotes.PATIENCE)
        return Examination(
            (place.top or place.git_dir) if place else None, list(_apply(_checks(place), case))
        )


def _place(repo: Repository) -> Paths | None:
    try:
        return repo.place
    except EkfError:
        return None


def _checks(place: Paths | None) -> Iterator[tuple[str, Check]]:
    """The checks that make sense here, each with its part."""
    yield from (("machine", check) for check in MACHINE)
    yield "repository", clone.repository
    if place:
        yield from (
            ("repository", check) for check in (*ANYWHERE, *(IN_A_WORK_TREE if place.top else ()))
        )


def _apply(checks: Iterable[tuple[str, Check]], case: Case) -> Iterator[Examined]:
    """Where a check cannot be made for a reason that another one has given before, that is not said again."""
    given: dict[str, str] = {}
    for part, check in checks:
        name = check.__name__
        try:
            yield from (_examined(name, part, finding) for finding in check(case))
        except (EkfError, OSError) as raised:
            error = raised if isinstance(raised, EkfError) else SystemFailed(raised)
            why = reason(error)
            if why in given:
                yield _examined(name, part, Diagnosis(SKIPPED, f"not checked: see {given[why]}"))
            else:
                given[why] = name
                yield _examined(name, part, Diagnosis(ERROR, why, error.hint or "git status"))


def _examined(name: str, part: str, finding: Diagnosis) -> Examined:
    return Examined(name, part, finding.state, scrub(finding.message), scrub(finding.fix))
