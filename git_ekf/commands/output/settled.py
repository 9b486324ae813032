"""Conflicts of an upgrade, a sync or a pull: those decided without asking, and for JSON all."""

from __future__ import annotations

from git_ekf.replay.merging import Conflict
from git_ekf.replay.step import LOCAL, VENDOR, Settlement
from git_ekf.terminal.text import counted, shortened

# Of the lines that one costs so many are shown, each of so many characters.
_LINES, _WIDTH = 10, 80

# Behind the path: by who deleted the file, and the side that is taken.
_HOW = {
    ("", LOCAL): ": the local side is taken",
    ("", VENDOR): ": the vendor side is taken",
    (VENDOR, LOCAL): " stays as it is here, though the vendor deleted it",
    (VENDOR, VENDOR): " goes, as the vendor deleted it",
    (LOCAL, LOCAL): " stays deleted, though the vendor changed it",
    (LOCAL, VENDOR): " stays as the vendor has it, though it is deleted here",
}


def settled_lines(one: Settlement) -> list[str]:
    """How it is decided, then the lines that are given up for it."""
    if " " in one.side:
        return [f"{one.path}: {one.side}", *(f"  {line}" for line in build_lines(one))]
    lines = [f"{one.path}{_HOW[one.deleted_by, one.side]}"]
    if one.moved_to:
        lines = [f"{one.path}, which is {one.moved_to} there: the {one.side} side is taken"]
    if one.source:
        lines.append(f"  by upgrade.prefer in {one.source}")
    if one.number:
        whose = "the vendor's" if one.side == LOCAL else "yours"
        lines.append(f"  without {counted(one.number, 'line')} of {whose}:")
        lines += [f"    {shortened(line, _WIDTH)}" for line in one.lost[:_LINES]]
    if one.number > _LINES:
        lines.append(f"    and {one.number - _LINES} more")
    return lines


def build_lines(one: Settlement) -> list[str]:
    """Lines about what was built with a resolution, and why nothing, or not all."""
    lines = []
    if one.builds:
        more = len(one.builds) - 1
        others = f" and {more} more build" if more else " builds"
        lines.append(f"{one.builds[0]}{others} with it")
    if one.unbuilt:
        lines.append(one.unbuilt if one.builds else f"not built: {one.unbuilt}")
    return lines


def settled_as_json(settled: list[Settlement]) -> dict[str, object]:
    """The keys of a commit that are about them."""
    sides: list[dict[str, object]] = []
    for one in settled:
        side = one.side if one.side in (LOCAL, VENDOR) else "remembered"
        sides.append({"path": one.path, "side": side})
        if one.resolution:
            sides[-1] |= {"side": "resolution", "resolution": one.resolution}
            sides[-1] |= {"builds": one.builds, "not_built": one.unbuilt or None}
    return {"settled": sides, "lost": list(map(_as_json, settled))}


def _as_json(one: Settlement) -> dict[str, object]:
    return {
        "path": one.path,
        "lines": one.lost,
        "deleted_by": one.deleted_by or None,
        "moved_to": one.moved_to or None,
        "source": one.source or None,
    }


def conflicts_as_json(conflicts: list[Conflict]) -> dict[str, object]:
    """The keys of a commit that are about those left to the user."""
    listed = [{"kind": one.kind, "paths": one.paths, "message": one.message} for one in conflicts]
    places = [(one.paths[0], one.moved_to) for one in conflicts if one.moved_to]
    elsewhere = [{"from": old, "to": new} for old, new in places]
    return {"conflicts": listed, "elsewhere": elsewhere}
