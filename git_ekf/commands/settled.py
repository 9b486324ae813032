"""How a command that changes refs begins: with whatever a killed one left begun out of the way."""

from __future__ import annotations

import sys

from git_ekf.journal import locked
from git_ekf.output import escape
from git_ekf.repository import Repository
from git_ekf.transaction import outcome, settle


def settled() -> Repository:
    """The work tree to act on. Says so when a command was cut off before. Raises Refused."""
    repo = Repository()
    repo.require_work_tree()
    with locked(repo) as journal:
        operation = settle(repo, journal)
    if operation is None:
        return repo
    print(escape(f"note: a {operation.command} was cut off; {outcome(operation)}"), file=sys.stderr)
    return Repository()
