"""Moves files, refs, HEAD and settings together, wholly or not at all.

The order is: files and index, refs (in one transaction), HEAD, settings. Killed anywhere in
between, the refs say whether it happened: where they have moved the rest follows them, where they
have not it goes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from git_ekf.errors import EkfError, Refused
from git_ekf.git.refs import HEADS, RefUpdate
from git_ekf.git.trees import TreeChanges
from git_ekf.repository import Repository
from git_ekf.terminal.text import with_article
from git_ekf.transaction.interrupted import finish_interrupted
from git_ekf.transaction.journal import Journal, Operation, Setting, locked, uninterrupted
from git_ekf.transaction.moves import ENDS, direction, move_refs, moved
from git_ekf.transaction.room import require_room


@contextmanager
def exclusive(repo: Repository) -> Iterator[Journal]:
    """The journal, for a command that changes refs: no other one does at the same time.

    The command has asked `recovery.recover` before it looked at anything. Raises Refused where
    another one is at work, or was killed since.
    """
    with locked(repo) as journal:
        unfinished = journal.unfinished()
        if unfinished:  # what the caller found out before holds no longer
            raise Refused(
                f"{with_article(unfinished.command)} was cut off meanwhile",
                "git ekf status, then try again",
            )
        yield journal


def perform(
    repo: Repository,
    journal: Journal,
    command: str,
    updates: list[RefUpdate],
    head_after: str,
    settings: tuple[Setting, ...] = (),
    changes: TreeChanges | None = None,
    *,
    replays: bool = False,
    dropped: tuple[str, ...] = (),
    goes_on: bool = False,
) -> None:
    """Does all of it, or nothing. `changes` is the difference in files, where that is known.

    For `replays`, `dropped` and `goes_on` see `Operation`.

    Raises Refused where something is in the way, GitFailed.
    """
    head = repo.head_branch or ""
    operation = Operation(
        number=0,
        command=command,
        updates=tuple(updates),
        head=head,
        head_after=head_after,
        worktree=repo.place.top,
        settings=settings,
        replays=replays,
        dropped=dropped,
        goes_on=goes_on,
    )
    tips = require_room(repo, operation, changes)
    if tips[0] and tips[0] != repo.head:
        raise moved(HEADS + head)
    with uninterrupted():
        _carry_out(repo, journal, journal.begin(operation), tips)


def take_back(repo: Repository, journal: Journal, operation: Operation) -> None:
    """Undoes all of an operation, or nothing.

    Raises Refused where something is in the way, GitFailed.
    """
    tips = require_room(repo, operation.inverse())
    with uninterrupted():
        _carry_out(repo, journal, journal.mark(operation, "undoing"), tips)


def _carry_out(
    repo: Repository, journal: Journal, operation: Operation, tips: tuple[str, str]
) -> None:
    before, after = tips
    done = ENDS[operation.state][0]
    try:
        if before != after:
            repo.git.check_out_difference(before, after)
        move_refs(repo, direction(operation))
    except EkfError:
        finished = None
        with suppress(EkfError):  # else the next command does it, or says why it cannot
            finished = finish_interrupted(repo, journal)
        if finished is None or finished.state != done:
            raise
        return
    journal.mark(operation, done)
