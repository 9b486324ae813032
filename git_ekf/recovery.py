"""What became of work that git-ekf did not see the end of.

A command was killed, or a rebase has ended in other hands. Commands that move something ask this
first.
"""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.quarantine import clear_left
from git_ekf.records import restore_records
from git_ekf.repository import Repository
from git_ekf.transaction.interrupted import finish_interrupted
from git_ekf.transaction.journal import Operation, locked
from git_ekf.upgrade.rebase_end import recognise


class Recovered(NamedTuple):
    """Operations in the state that they are in now; None where there was none.

    `interrupted` was cut off and is finished or taken back; `rebased` was handed over to a rebase,
    which has ended. `records` are the names of deploy records that were put back.
    """

    interrupted: Operation | None
    rebased: Operation | None
    records: list[str]


def recover(repo: Repository) -> Recovered:
    """Ends what was left half-way.

    Raises Refused where another command is at work, or where only a person can end it.
    """
    with locked(repo) as journal:
        interrupted, rebased = finish_interrupted(repo, journal), recognise(repo, journal)
        clear_left(repo.git, repo.place.objects)
        return Recovered(interrupted, rebased, restore_records(repo))
