"""Commits that the vendor has already, in another form: whether they are left out, and asked so."""

from __future__ import annotations

import sys
from collections.abc import Collection
from enum import StrEnum

from git_ekf.commands.consent import confirmed
from git_ekf.commands.records_kept import note
from git_ekf.replay.evidence import Drop, Superseded, always, never
from git_ekf.replay.stack import Commit
from git_ekf.replay.step import ReplayStep
from git_ekf.terminal.text import nullable, say, shortened


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


def superseded_as_json(superseded: Superseded | None) -> dict[str, object] | None:
    """The same for a document; None where nothing speaks for it."""
    if superseded is None:
        return None
    return {
        "certain": superseded.certain,
        "files": [nullable(file) for file in superseded.files],
        "subject": superseded.subject or None,
    }
