"""How a command that only looks begins: with what other programs took away put back.

That is deploy records, and what a release branch tracks.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from git_ekf.errors import CallFailed
from git_ekf.records import restore_records
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted, say
from git_ekf.transaction.tracking import restore_tracking


def with_records(*, fetch: bool = False) -> Repository:
    """The repository, records that refs/tags has lost put back, and what branches track.

    `fetch`: with what both remotes have now, as far as they answer. Says so where that was needed.
    Raises Refused, CallFailed for a fetch.
    """
    repo = Repository()
    restored = restore_records(repo)
    note_restored(restored)
    repo = repo.fresh() if restored else repo
    with suppress(CallFailed):  # the policy says it, where nothing can be written
        repo = with_tracking(repo, only_new=True)
    if fetch:
        # Most often nothing is asked.
        from git_ekf.commands.internal_asked import fetch_remotes

        repo = fetch_remotes(repo, tolerant=True)
    return repo


def with_tracking(repo: Repository, *, only_new: bool = False) -> Repository:
    """The repository, release branches (`only_new`: new ones) tracking their channels again.

    Says so. Raises GitFailed.
    """
    restored = restore_tracking(repo, only_new=only_new)
    for sentence in restored:
        note(sentence)
    return repo.fresh() if restored else repo


def note_restored(names: list[str]) -> None:
    """Says which records were put back."""
    if names:
        count = counted(len(names), "deploy record")
        shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        note(f"put back {count} that a fetch or git tag -d took away: {shown}")


def note(text: str) -> None:
    """Something that was done beside what was asked for."""
    say(f"note: {text}", stream=sys.stderr)
