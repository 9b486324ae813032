"""Options that have no part in what is asked for: they are named, and not passed over."""

from __future__ import annotations

from collections.abc import Iterable

from git_ekf.commands.records_kept import note
from git_ekf.errors import UsageError
from git_ekf.repository import Repository
from git_ekf.upgrade.prefer import Preference, without_a_file
from git_ekf.upgrade.target import Target

# Of upgrade and sync: what bears on the work itself, and what on the time after it.
BEGINNING = (
    "--plan",
    "--build",
    "--json",
    "--prefer",
    "--drop",
    "--flatten",
    "--no-fetch",
    "--no-save-check",
    "--migrate-squash",
    "X.Y",
)
AFTERWARDS = ("--verify", "--no-build", "--range-diff")


def refuse_without_part(command: str, how: str, given: Iterable[str]) -> None:
    """Raises UsageError where an option is given that `how` (continue, skip, abort) leaves out.

    Above all a preference that comes too late: whoever gives one counts on it.
    """
    late = BEGINNING if how != "abort" else (*BEGINNING, *AFTERWARDS)
    without = [option for option in given if option in late]
    if without:
        raise UsageError(
            f"{', '.join(without)} would have no effect with --{how}:"
            f" the {command} goes by what it began with",
            f"git ekf {command} --{how}",
        )


def note_without_part(given: Iterable[str]) -> None:
    """Says which options have no effect on a plan."""
    without = [option for option in given if option in AFTERWARDS]
    if without:
        note(f"{', '.join(without)}: without effect on a plan, for nothing is carried over")


def note_without_a_file(
    repo: Repository, target: Target, preferences: tuple[Preference, ...]
) -> None:
    """Says which preferences are for no file that the commits change."""
    for one in without_a_file(repo, target, preferences):
        note(f"--prefer {one}: your commits change no file that it matches")
