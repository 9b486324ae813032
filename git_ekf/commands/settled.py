"""How a command that changes refs begins: with whatever a killed one left begun, or a rebase has ended, out of the way."""

from __future__ import annotations

import sys

from git_ekf.handoff import recognise
from git_ekf.journal import locked
from git_ekf.output import escape, with_article
from git_ekf.repository import Repository, asked_ahead
from git_ekf.transaction import outcome, settle


def settled() -> Repository:
    """The work tree to act on. Says so when a command was cut off before, or has ended in git's hands. Raises Refused."""
    repo = asked_ahead()
    repo.require_work_tree()
    with locked(repo) as journal:
        operation = settle(repo, journal)
        ended = recognise(repo, journal)
    if operation:
        _note(f"{with_article(operation.command)} was cut off; {outcome(operation)}")
    if ended:
        went = "finished" if ended.state == "done" else "taken back"
        _note(f"the {ended.command} of {ended.head} was {went} with git rebase; git ekf is up to date with it")
    return Repository() if operation or ended else repo


def _note(text: str) -> None:
    print(escape(f"note: {text}"), file=sys.stderr)
