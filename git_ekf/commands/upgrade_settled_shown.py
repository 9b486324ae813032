"""Conflicts that an upgrade, a sync or a pull decides without asking, as they are shown."""

from __future__ import annotations

from git_ekf.replay.step import Settlement
from git_ekf.terminal.text import counted, shortened

# Of the lines that one costs so many are shown, each of so many characters.
_LINES, _WIDTH = 10, 80


def settled_lines(one: Settlement) -> list[str]:
    """How it is decided, then the lines that are given up for it."""
    if " " in one.side:
        return [f"{one.path}: {one.side}"]
    lines = [f"{one.path}: the {one.side} side is taken"]
    if one.number:
        whose = "the vendor's" if one.side == "local" else "yours"
        lines.append(f"  without {counted(one.number, 'line')} of {whose}:")
        lines += [f"    {shortened(line, _WIDTH)}" for line in one.lost[:_LINES]]
    if one.number > _LINES:
        lines.append(f"    and {one.number - _LINES} more")
    return lines


def settled_as_json(settled: list[Settlement]) -> dict[str, object]:
    """The keys of a commit that are about them."""
    sides = [{"path": one.path, "side": one.side} for one in settled]
    lost = [{"path": one.path, "lines": one.lost} for one in settled if one.lost]
    return {"settled": sides, "lost": lost}
