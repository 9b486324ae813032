"""Where the old side and the new side of a replay differ. See `forecast`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry, TreeChanges

# The ids of the empty file, SHA-1 and SHA-256.
_EMPTY = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)


def is_edit(old: Entry, new: Entry) -> bool:
    """Whether a file has other content and is otherwise the same.

    Not where one is empty: git does not take an empty file for another one's new place.
    """
    filled = old.oid not in _EMPTY and new.oid not in _EMPTY
    return new.is_file and new.mode == old.mode and filled


def folders_above(path: str) -> Iterator[str]:
    """The directories above a path, the nearest first, without the top."""
    end = path.rfind("/")
    while end > 0:
        path = path[:end]
        yield path
        end = path.rfind("/")


def add_above(path: str, folders: set[str]) -> None:
    """Adds the directories above a path to a set that has, of each directory, those above it."""
    end = path.rfind("/")
    while end > 0 and (path := path[:end]) not in folders:
        folders.add(path)
        end = path.rfind("/")


class Divergence:
    """Where the old side and the new side differ, and what renames git could find in that.

    `entries` has, for each path, the entry of the old side and that of the new side. In the
    directories `thinned` the new side lacks something, in those `grown` it has something more.
    """

    def __init__(self, changes: TreeChanges, ask_tops: Callable[[], list[str]]) -> None:
        self._ask_tops = ask_tops
        self.entries: TreeChanges = {}
        self.thinned: set[str] = set()
        self.grown: set[str] = set()
        self._only_old: dict[Entry, set[str]] = {}
        self._only_new: dict[Entry, set[str]] = {}
        for path, (old, new) in changes.items():
            self._add(path, old, new)

    @cached_property
    def tops(self) -> list[str]:
        """The names at the top of the old side, to begin with. Raises GitFailed."""
        return self._ask_tops()

    def copy(self) -> Divergence:
        """Another one to go on with, while this one stays."""
        copied = Divergence({}, lambda: self.tops)
        copied.entries = dict(self.entries)
        copied.thinned, copied.grown = set(self.thinned), set(self.grown)
        copied._only_old = {entry: set(paths) for entry, paths in self._only_old.items()}
        copied._only_new = {entry: set(paths) for entry, paths in self._only_new.items()}
        return copied

    def put(self, path: str, old: Entry | None, new: Entry | None) -> None:
        """Notes what the two sides have at a path from now on."""
        old_before, new_before = self.entries.pop(path, (None, None))
        if old_before and not new_before:
            self._only_old[old_before].discard(path)
        if new_before and not old_before:
            self._only_new[new_before].discard(path)
        if old != new:
            self._add(path, old, new)

    def _add(self, path: str, old: Entry | None, new: Entry | None) -> None:
        self.entries[path] = (old, new)
        if new is None and old:
            self._only_old.setdefault(old, set()).add(path)
            add_above(path, self.thinned)
        elif old is None and new:
            self._only_new.setdefault(new, set()).add(path)
            add_above(path, self.grown)

    def moved_to(self, path: str) -> str | None:
        """Where the new side has a file of the old side, unchanged; None where that is in doubt.

        Beyond doubt it is where nothing else has the same content.
        """
        old, new = self.entries[path]
        if old is None or new is not None or not old.is_file:
            return None
        # With another mode it would be another Entry, but a rename to git all the same.
        other = Entry("100755" if old.mode == "100644" else "100644", old.oid)
        if self._only_old.get(other) or self._only_new.get(other) or len(self._only_old[old]) != 1:
            return None
        targets = self._only_new.get(old, set())
        return next(iter(targets)) if len(targets) == 1 else None

    def moves(self, changes: TreeChanges) -> dict[str, str] | None:
        """Files of a commit -> where the new side has them, for those that it has elsewhere.

        None where it takes the whole trees to tell what becomes of one.
        """
        moves = {}
        for path, (old, theirs) in changes.items():
            if path not in self.entries:
                continue
            if not (old and theirs):
                return None
            target = self.moved_to(path)
            if target is not None and target not in changes and is_edit(old, theirs):
                moves[path] = target
                continue
            ours = self.entries[path][1]
            if not ours:
                return None
            files = old.is_file and theirs.is_file and ours.is_file
            if theirs != ours and not (files and "\n" not in path):
                return None
        return moves


def read_divergence(git: Git, old: str, new: str) -> Divergence:
    """Where two commits differ. Raises GitFailed."""
    return Divergence(git.diff_trees(old, new), lambda: list(git.ls_tree(old)))
