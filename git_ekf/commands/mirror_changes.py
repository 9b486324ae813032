"""What becomes of a mirror's branches and tags, as `mirror` and `bundle` show it."""

from __future__ import annotations

from git_ekf.airgap.changes import KEPT, WITHDRAWN, RefChange
from git_ekf.git.refs import HEADS, TAGS
from git_ekf.terminal.text import counted


def change_lines(changes: list[RefChange]) -> list[str]:
    """A line for each channel, and one for all tags."""
    channels = [
        (change.kind, change.name, _step(change))
        for change in changes
        if change.ref.startswith(HEADS)
    ]
    width = max((len(name) for _, name, _ in channels), default=0)
    lines = [f"{kind:<9}  {name:<{width}}  {step}" for kind, name, step in channels]
    tags = [change.kind for change in changes if change.ref.startswith(TAGS)]
    kinds = ", ".join(f"{tags.count(kind)} {kind}" for kind in dict.fromkeys(tags))
    return [*lines, f"{counted(len(tags), 'tag')}: {kinds}"] if tags else lines


def _step(change: RefChange) -> str:
    if change.old and change.new and change.old != change.new:
        return f"{change.old[:7]}..{change.new[:7]}"
    if change.kind == WITHDRAWN:
        return f"was {change.old[:7]}"
    return change.new[:7] + (", not asked for" if change.kind == KEPT else "")
