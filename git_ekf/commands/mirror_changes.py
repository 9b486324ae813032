"""What `mirror` and `bundle` have in common: what is accepted, and what became of the refs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from git_ekf.airgap.changes import KEPT, WITHDRAWN, RefChange
from git_ekf.declared import Option
from git_ekf.terminal.text import counted, say

Accept = Annotated[
    list[str] | None,
    Option(
        "--accept",
        metavar="NAME",
        help="Follow where NAME was rewritten or withdrawn; may be repeated.",
    ),
]


def show_changes(changes: list[RefChange]) -> None:
    """Prints a line for each channel, and one for all tags."""
    channels = [change for change in changes if change.is_branch]
    width = max((len(change.name) for change in channels), default=0)
    for change in channels:
        say(f"  {change.kind:<9}  {change.name:<{width}}  {_step(change)}")
    kinds = [change.kind for change in changes if not change.is_branch]
    if kinds:
        counts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
        say(f"  {counted(len(kinds), 'tag')}: {', '.join(counts)}")


def show_backups(backups: Iterable[str]) -> None:
    """Prints the refs that keep what was replaced."""
    for ref in backups:
        say(f"What was replaced is kept as {ref}")


def _step(change: RefChange) -> str:
    old, new = change.old[:7], change.new[:7]
    if change.kind == WITHDRAWN:
        return f"was {old}"
    if change.old and change.moves:
        return f"{old}..{new}"
    return f"{new}, not asked for" if change.kind == KEPT else new
