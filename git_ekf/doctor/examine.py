"""All that keeps git-ekf from working as it should here, each thing with its fix.

A check is a function that is given a Case and yields a Diagnosis, or several; its name is the
check's, the first line of its docstring what it makes sure of. It reads and asks, and changes
nothing, but for `server`, which is applied on request only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from git_ekf.doctor import clone, machine, names, remotes, tools
from git_ekf.doctor.finding import Case, Diagnosis, fail, reason, skip
from git_ekf.errors import EkfError, SystemFailed
from git_ekf.repository import Repository
from git_ekf.shown import scrub

Check = Callable[[Case], Iterator[Diagnosis]]

MACHINE: Sequence[Check] = machine.CHECKS
ANYWHERE: Sequence[Check] = clone.ANYWHERE
IN_A_WORK_TREE: Sequence[Check] = (
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
    place = None
    with suppress(EkfError):  # which the check `repository` says
        place = repo.place
    checks: list[Check] = [clone.repository]
    if place:
        checks += ANYWHERE
    if place and place.top:
        checks += IN_A_WORK_TREE
        if pushes:
            checks.append(remotes.server)
    top = place.top or place.git_dir if place else None
    with remotes.asked(repo, bool(place and place.top) and not offline) as asked:
        case = Case(repo, asked, time.monotonic() + remotes.PATIENCE)
        given: dict[str, str] = {}
        examined = []
        for part, applied in (("machine", MACHINE), ("repository", checks)):
            for check in applied:
                for state, message, fix in _diagnoses(check, case, given):
                    one = Examined(check.__name__, part, state, scrub(message), scrub(fix))
                    examined.append(one)
        return Examination(top, examined)


def _diagnoses(check: Check, case: Case, given: dict[str, str]) -> Iterator[Diagnosis]:
    """A reason why a check cannot be made is given once; in `given` is the check that gave it."""
    try:
        yield from check(case)
    except (EkfError, OSError) as raised:
        error = raised if isinstance(raised, EkfError) else SystemFailed(raised)
        why = reason(error)
        if why in given:
            yield skip(f"not checked: see {given[why]}")
        else:
            given[why] = check.__name__
            yield fail(why, error.hint or "git status")
