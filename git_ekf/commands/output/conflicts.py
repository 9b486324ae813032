"""Conflicts of an upgrade, sync or pull: commits left out, files settled, and what is left."""

from __future__ import annotations

import sys
from collections.abc import Collection
from enum import StrEnum

from git_ekf.commands.consent import confirmed
from git_ekf.commands.records_kept import note
from git_ekf.replay.evidence import Drop, Superseded, always, never
from git_ekf.replay.stack import Commit
from git_ekf.replay.step import LOCAL, VENDOR, ReplayStep, Settlement
from git_ekf.terminal.text import counted, nullable, say, shortened

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


# --- superseded: the vendor has it already, in another form ---


class Droppable(StrEnum):
    """The commits that --drop leaves out."""

    SUPERSEDED = "superseded"


def who_decides(given: Droppable | None, *, only_plans: bool = False) -> Drop:
    """Says of superseded commits whether they are left out: an option, a person, or nobody."""
    if given:
        return always
    if only_plans or not sys.stdin.isatty():
        return never
    answers: dict[str, bool] = {}

    def ask(commit: Commit, superseded: Superseded) -> bool:
        """Asks whoever sits at the terminal, and nobody twice of one commit. Raises Abort."""
        if commit.oid not in answers:
            say(f"{commit.oid[:7]} {shortened(commit.subject, 60)} would conflict.")
            for line in superseded.lines():
                say(f"  {line}")
            answers[commit.oid] = confirmed("Leave it out?")
        return answers[commit.oid]

    return ask


def note_nothing_dropped(asked: bool, dropped: Collection[object]) -> None:
    """Says where --drop was `asked` for, and has had nothing to leave out."""
    if asked and not dropped:
        note("--drop superseded: no commit that would conflict is superseded; none is left out")


def print_droppable(conflicts: list[ReplayStep]) -> None:
    """Prints how many commits in conflict would be left out, if that was said."""
    certain = [step for step in conflicts if step.superseded and step.superseded.certain]
    if certain:
        are = "is" if len(certain) == 1 else "are"
        say(f"{len(certain)} of them {are} superseded, and left out with --drop superseded")


# --- settled without asking ---


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


# --- the document ---


def conflicts_as_json(step: ReplayStep) -> dict[str, object]:
    """The keys of a commit that are about its conflicts, settled or left to the user."""
    settled: list[dict[str, object]] = []
    lost = []
    for one in step.settled:
        side = one.side if one.side in (LOCAL, VENDOR) else "remembered"
        settled.append({"path": one.path, "side": side})
        if one.resolution:
            settled[-1] |= {"side": "resolution", "resolution": one.resolution}
            settled[-1] |= {"builds": one.builds, "not_built": one.unbuilt or None}
        lost.append(
            {
                "path": one.path,
                "lines": one.lost,
                "deleted_by": one.deleted_by or None,
                "moved_to": one.moved_to or None,
                "source": one.source or None,
            }
        )
    conflicts = []
    elsewhere = []
    for left in step.conflicts:
        conflicts.append({"kind": left.kind, "paths": left.paths, "message": left.message})
        if left.moved_to:
            elsewhere.append({"from": left.paths[0], "to": left.moved_to})
    superseded = None
    if step.superseded:
        superseded = {
            "certain": step.superseded.certain,
            "files": list(map(nullable, step.superseded.files)),
            "subject": step.superseded.subject or None,
        }
    return {
        "settled": settled,
        "lost": lost,
        "conflicts": conflicts,
        "elsewhere": elsewhere,
        "superseded": superseded,
    }
