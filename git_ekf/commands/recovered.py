"""How a command that changes refs begins: what a killed one left is out of the way first."""

from __future__ import annotations

from git_ekf.commands.at_once import ask_at_once
from git_ekf.commands.records_kept import note, note_restored, with_tracking
from git_ekf.git.calls import Git
from git_ekf.recovery import recover
from git_ekf.repository import Repository
from git_ekf.terminal.screen import transfer_progress
from git_ekf.terminal.text import with_article
from git_ekf.transaction.interrupted import outcome


def recovered() -> Repository:
    """The work tree to act on. Raises Refused outside of one.

    Says so where a command was cut off before, or has ended in git's hands.
    """
    repo = ask_at_once(Git(progress=transfer_progress()))
    repo.require_work_tree()
    interrupted, rebased, records = recover(repo)
    if interrupted:
        note(f"{with_article(interrupted.command)} was cut off; {outcome(interrupted)}")
    if rebased:
        end = "finished" if rebased.state == "done" else "taken back"
        note(
            f"the {rebased.command} of {rebased.head} was {end} with git rebase;"
            " git ekf is up to date with it"
        )
    note_restored(records)
    return with_tracking(repo.fresh() if interrupted or rebased or records else repo)
