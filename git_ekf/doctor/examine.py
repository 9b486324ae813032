"""All that keeps git-ekf from working as it should here, each thing with its fix.

A check is a function that is given a Case and yields a Diagnosis, or several; its name is the
check's, the first line of its docstring what it makes sure of. It reads and asks, and changes
nothing, but for `server`, which is applied on request only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from git_ekf.doctor import clone, machine, names, remotes, server, tools
from git_ekf.doctor.finding import ERROR, OK, SKIPPED, WARNING, Case, Diagnosis, fail, reason, skip
from git_ekf.errors import EkfError, SystemFailed
from git_ekf.git.questions.about import Paths
from git_ekf.repository import Repository
from git_ekf.shown import scrub

__all__ = ["ERROR", "OK", "SKIPPED", "WARNING", "Examination", "Examined", "examine"]

Check = Callable[[Case], Iterator[Diagnosis]]

MACHINE: tuple[Check, ...] = machine.CHECKS
ANYWHERE: tuple[Check, ...] = clone.ANYWHERE
IN_A_WORK_TREE: tuple[Check, ...] = (
    *clone.IN_A_WORK_TREE,
    names.names,
    remotes.remotes,
    remotes.credentials,
    tools.tools,
    tools.trust,
    tools.signing,
)


class Examined(NamedTuple):
    """A diagnosis with its check, and the part (machine or repository) that this belongs to."""

    check: str
    part: str
    state: str
    message: str
    fix: str


class Examination(NamedTuple):
    """All that was found.

    `repository` is the top of the work tree, or the git directory where there is none; None
    outside of a repository.
    """

    repository: str | None
    examined: list[Examined]


def examine(repo: Repository, *, offline: bool, pushes: bool = False) -> Examination:
    """Applies all checks that make sense here. Nothing that is wrong makes it raise.

    `pushes`: also the one that pushes a ref to the internal repository and deletes it again.
    """
    place = _place(repo)
    top = place.top or place.git_dir if place else None
    asks = place is not None and bool(place.top) and not offline
    with remotes.asked(repo, asks) as asked:
        case = Case(repo, asked, time.monotonic() + remotes.PATIENCE)
        return Examination(top, list(_apply(_checks(place, pushes=pushes), case)))


def _place(repo: Repository) -> Paths | None:
    try:
        return repo.place
    except EkfError:
        return None


def _checks(place: Paths | None, *, pushes: bool) -> Iterator[tuple[str, Check]]:
    """The checks that make sense here, each with its part."""
    checks: list[Check] = [clone.repository]
    if place:
        checks += ANYWHERE
    if place and place.top:
        checks += IN_A_WORK_TREE
        if pushes:
            checks.append(server.server)
    yield from (("machine", check) for check in MACHINE)
    yield from (("repository", check) for check in checks)


def _apply(checks: Iterable[tuple[str, Check]], case: Case) -> Iterator[Examined]:
    """A reason why a check cannot be made is given once."""
    given: dict[str, str] = {}
    for part, check in checks:
        name = check.__name__
        try:
            yield from (_examined(name, part, diagnosis) for diagnosis in check(case))
        except (EkfError, OSError) as raised:
            error = raised if isinstance(raised, EkfError) else SystemFailed(raised)
            why = reason(error)
            if why in given:
                yield _examined(name, part, skip(f"not checked: see {given[why]}"))
            else:
                given[why] = name
                yield _examined(name, part, fail(why, error.hint or "git status"))


def _examined(name: str, part: str, diagnosis: Diagnosis) -> Examined:
    state, message, fix = diagnosis
    return Examined(name, part, state, scrub(message), scrub(fix))
