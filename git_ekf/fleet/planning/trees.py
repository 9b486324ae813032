"""Trees for merges that many clusters share: what bears on a merge, and nothing else of theirs.

A merge of whole trees asks for the old side (what a commit stands on), the new side (what it is to
stand on) and the commit. What a cluster has beside that differs from the next one's, so that no two
would ask the same thing. Left out is what is alike on all three: git looks for renames only among
what one side lacks or has more, and such a path can bear on the rename of a directory only by being
in it. So a path that the cluster adds or deletes stays where a directory above it may be in
question. It is argued, not proved: EKF_VERIFY=1 has each merge made of the full trees too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from git_ekf.fleet.reading import StoreObjects
from git_ekf.git.objects import Objects
from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import Divergence, folders_above
from git_ekf.replay.stack import Commit, Stack

_FOLDER = b"40000"

# What is changed of a tree: path -> entry, None is "is not there".
Changed = dict[str, Entry | None]


class Reduced(NamedTuple):
    """Changes of the vendor's old tree, of his new one, and then of the old for a commit.

    Each is pairs of a path and an entry.
    """

    old: frozenset[tuple[str, Entry | None]]
    new: frozenset[tuple[str, Entry | None]]
    theirs: frozenset[tuple[str, Entry | None]]


class Reducer:
    """The reduced trees of one cluster, commit after commit."""

    def __init__(self, stack: Stack, first: Divergence, divergence: Divergence) -> None:
        """`first` is between the vendor's two trees; `divergence` goes on with the forecast."""
        self._commits = iter(stack.commits)
        self._first = first.entries
        self._divergence = divergence
        self._origin: Changed = {}  # what the commits so far have changed, as the vendor has it
        self._state: Changed = {}  # the same, as they have left it
        self._next: Commit | None = next(self._commits, None)

    def reduced(self, commit: Commit) -> Reduced:
        """The trees to merge a commit with; they are asked for in the order of the commits."""
        while self._next is not None and self._next.oid != commit.oid:
            for path, (was, now) in self._next.changes.items():
                self._origin.setdefault(path, was)
                self._state[path] = now
            self._next = next(self._commits, None)
        entries = self._divergence.entries
        old: Changed = {}
        new: Changed = {}
        for path, pair in entries.items():
            if self._first.get(path) != pair:
                old[path], new[path] = pair
        for path in self._first.keys() - entries.keys():  # by now they are alike
            old[path] = new[path] = self._state.get(path, self._first[path][0])
        in_the_way = self._in_the_way({*old, *commit.changes})
        for path, now in self._state.items():
            if path in old:
                continue
            came_or_went = (now is None) != (self._origin[path] is None)
            if came_or_went and (path in in_the_way or self._is_in_question(path)):
                old[path] = new[path] = now
        for path, (was, _) in commit.changes.items():
            if path not in old and path not in entries:
                old[path] = new[path] = was
        theirs = frozenset((path, now) for path, (_, now) in commit.changes.items())
        return Reduced(frozenset(old.items()), frozenset(new.items()), theirs)

    def _in_the_way(self, others: set[str]) -> set[str]:
        """The paths so far that were files where there now are directories, or the other way."""
        touched = others | self._state.keys()
        folders: set[str] = set()
        for path in touched:
            folders.update(folders_above(path))
        found = self._state.keys() & folders
        files_above = touched & folders
        if files_above:
            for path in self._state:
                if not files_above.isdisjoint(folders_above(path)):
                    found.add(path)
        return found

    def _is_in_question(self, path: str) -> bool:
        """Whether a directory above the path may have been renamed."""
        thinned, grown = self._divergence.thinned, self._divergence.grown
        return any(folder in thinned or folder in grown for folder in folders_above(path))


class Trees:
    """Trees with some entries changed, made in this process."""

    def __init__(self, stored: StoreObjects, made: Objects) -> None:
        self._stored = stored
        self._made = made
        self._known: dict[str, dict[bytes, tuple[bytes, bytes]]] = {}

    def changed(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """The id of a tree with other entries at some paths. Raises CallFailed."""
        parts = {tuple(os.fsencode(path).split(b"/")): entry for path, entry in changes.items()}
        return self._changed(tree, parts) or self._made.folder({})

    def _changed(self, tree: str, changes: Mapping[tuple[bytes, ...], Entry | None]) -> str:
        """The same for paths taken apart; "" for a tree without entries, "" is one of these."""
        entries = dict(self._read(tree)) if tree else {}
        below: dict[bytes, dict[tuple[bytes, ...], Entry | None]] = {}
        come: dict[bytes, tuple[bytes, bytes]] = {}
        for (name, *inner), entry in changes.items():
            if inner:
                below.setdefault(name, {})[tuple(inner)] = entry
            elif entry:
                come[name] = entry.mode.encode(), bytes.fromhex(entry.oid)
            elif entries.get(name, (_FOLDER,))[0] != _FOLDER:
                del entries[name]
        for name, paths in below.items():
            mode, oid = entries.get(name, (b"", b""))
            changed = self._changed(oid.hex() if mode == _FOLDER else "", paths)
            if changed:
                entries[name] = _FOLDER, bytes.fromhex(changed)
            elif mode == _FOLDER:
                del entries[name]
        entries.update(come)  # what goes away has made room for it
        if not entries:
            return ""
        made = self._made.folder(entries)
        self._known[made] = entries
        return made

    def _read(self, tree: str) -> dict[bytes, tuple[bytes, bytes]]:
        """Name -> mode and object id, of a tree."""
        if tree not in self._known:
            self._known[tree] = self._stored.entries(tree)
        return self._known[tree]
