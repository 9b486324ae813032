"""git ekf undo: takes back the last thing git-ekf did."""

from __future__ import annotations

from git_ekf.commands.records_kept import note_restored
from git_ekf.git.refs import HEADS, PICKS, TAGS
from git_ekf.repository import Repository
from git_ekf.terminal.text import say
from git_ekf.undo import undo_last


def undo() -> None:
    """Take back the last sync, upgrade, pull, rollback or tag.

    Only while its refs are where it put them.
    """
    repo = Repository()
    repo.require_work_tree()
    operation, how, published, records = undo_last(repo)
    note_restored(records)
    shown = [update.ref for update in operation.updates if not update.ref.startswith(PICKS)]
    refs = [ref.removeprefix(HEADS).removeprefix(TAGS) for ref in shown]
    names = ", ".join(refs) or operation.head_after
    say(f"Undone: the {operation.command} of {', '.join([names, how] if how else [names])}")
    if operation.head_after != operation.head:
        say(f"On {operation.head} again")
    if operation.dropped:
        names = ", ".join(oid[:7] for oid in operation.dropped)
        say(f"{operation.head} has again what the {operation.command} had dropped: {names}")
    for sentence in published:
        say(sentence)
