"""What becomes of one commit in a replay, and how a conflict is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.replay.evidence import Superseded
from git_ekf.replay.merging import Conflict
from git_ekf.replay.stack import Commit

# The sides that a conflict is decided for.
LOCAL = "local"
VENDOR = "vendor"

# Of the lines that a settled conflict costs so many are kept, of so many characters.
_LINES, _WIDTH = 40, 200


class Settlement(NamedTuple):
    """A conflict that was decided without asking.

    `side` is the one it was decided for, local or vendor; else the words for how. `lost` are the
    lines of the other side that are given up for it, without line ends: the first of `number`.
    `deleted_by` is the side that deleted the file, "" for a conflict in its content; `moved_to` is
    where the vendor has it. `source` is the file that names the side, "" for the command line.
    `resolution` is the key of the one that it was settled by, "" for none: `builds` are the
    kustomizations that were built with it, `unbuilt` says why others, or any, were not.
    """

    path: str
    side: str
    lost: tuple[str, ...] = ()
    number: int = 0
    deleted_by: str = ""
    moved_to: str = ""
    source: str = ""
    resolution: str = ""
    unbuilt: str = ""
    builds: tuple[str, ...] = ()

    def shortened(self) -> Settlement:
        """With no more of the lines than somebody reads, each of them cut."""
        return self._replace(lost=tuple(line[:_WIDTH] for line in self.lost[:_LINES]))


class Settled(NamedTuple):
    """A conflict, decided: the entries of some paths then (None: there is no file), and how."""

    entries: dict[str, Entry | None]
    how: Settlement


# The entry that the new side has at a path that a commit leaves alone.
At = Callable[[str], Entry | None]

# Settles the conflict in a path, by its stages; None leaves it.
Settle = Callable[[str, dict[int, Entry], At], Settled | None]


class ReplayStep:
    """A commit, and what becomes of it.

    `verdict` is clean, upstream (the vendor's commit `upstream` has the same patch), empty (nothing
    of it is left), conflict, or dropped (it would conflict, and is left out). `superseded` is
    what speaks for a commit in conflict being there in another form, None where nothing does or
    nobody has looked. `changes` is what it does on the new side, path by path. `merged`
    are the files that git merged, `moved` the files that it now changes elsewhere (old path, new
    path). `depends` are the commits behind whose conflicts it stands, `settled` the conflicts that
    were decided without asking.
    """

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        self.verdict = "clean"
        self.upstream = ""
        self.changes: dict[str, Entry | None] = {}
        self.merged: list[str] = []
        self.moved: list[tuple[str, str]] = []
        self.conflicts: list[Conflict] = []
        self.depends: list[str] = []
        self.settled: list[Settlement] = []
        self.superseded: Superseded | None = None

    @property
    def outcome(self) -> str:
        """The verdict; depends, where it holds only if a conflict before it is resolved so."""
        supposed = self.depends and self.verdict in ("clean", "empty")
        return "depends" if supposed else self.verdict

    def mark_if_empty(self) -> None:
        """Makes the verdict empty for a commit that has changed something, and now does not."""
        if self.verdict == "clean" and self.commit.changes and not self.changes:
            self.verdict = "empty"

    def leave_out(self) -> None:
        """Makes the verdict dropped for a commit in conflict: it changes nothing any more."""
        self.verdict = "dropped"
        self.changes = {}
        self.merged = []
        self.moved = []
        self.conflicts = []
        self.settled = []


def results(steps: Iterable[ReplayStep]) -> dict[str, Entry | None]:
    """Path -> what some steps leave there; a conflict as if resolved to the commit's own side."""
    changes: dict[str, Entry | None] = {}
    for step in steps:
        changes.update(step.changes)
    return changes


# Takes steps to be written.
Write = Callable[[list[ReplayStep]], None]

# Goes through the commits, and shows how far it is.
Progress = Callable[[Sequence[Commit]], Iterable[Commit]]
