"""How a command that only looks begins: with all deploy records that this clone had."""

from __future__ import annotations

import sys

from git_ekf.records import restore_records
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted, say


def with_records() -> Repository:
    """The repository, records that refs/tags has lost put back. Says so where that was needed."""
    repo = Repository()
    restored = restore_records(repo)
    note_restored(restored)
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
