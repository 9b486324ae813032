"""The tree of the new side as it grows, and the attributes in it that merges go by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import add_above
from git_ekf.replay.scratch import Scratch

ATTRIBUTES = ".gitattributes"


class NewSide:
    """The tree of the new side. It is written only where somebody asks for it."""

    def __init__(self, scratch: Scratch, onto: str) -> None:
        self._scratch = scratch
        self._onto = onto
        self._unwritten: dict[str, Entry | None] = {}  # since the tree was last written
        self._tree = ""
        self._in_index = False  # of the scratch: it is read where something is changed
        self._attributes: list[str] = []  # files that are where merges look for them
        self._read: set[str] = set()  # the directories whose attributes are

    def put(self, path: str, entry: Entry | None) -> None:
        """Notes what the new side has at a path from now on."""
        self._unwritten[path] = entry

    def tree(self) -> str:
        """The tree as it now is, written."""
        git = self._scratch.writing
        if self._unwritten:
            if not self._in_index:
                git.read_tree(self._onto)
                self._in_index = True
            git.update_index(self._unwritten.items(), null="0" * len(self._onto))
            self._tree = git.write_tree()
            self._unwritten = {}
        elif not self._tree:
            [self._tree] = self._scratch.object_ids([f"{self._onto}^{{tree}}"])
        return self._tree

    def read_attributes(self, paths: Iterable[str]) -> None:
        """Puts the `.gitattributes` files above some paths where merges look for them."""
        above: set[str] = set()
        for path in paths:
            add_above(path, above)
        folders = {"", *above} - self._read
        if not folders:
            return
        self._read |= folders
        files = [os.path.join(folder, ATTRIBUTES) for folder in folders if "\n" not in folder]
        as_at_first = not self._in_index and not has_attributes(self._unwritten)
        tree = self._onto if as_at_first else self.tree()
        for file, oid in self._scratch.ids_at(tree, files).items():
            self._scratch.write_attributes(file, self._scratch.writing.blob(oid))
            self._attributes.append(file)

    def forget_attributes(self) -> None:
        """Takes them away again, for a commit has changed some, or another release has its own."""
        for file in self._attributes:
            self._scratch.write_attributes(file, None)
        self._attributes = []
        self._read = set()


def tree_with(scratch: Scratch, onto: str, changes: Mapping[str, Entry | None]) -> str:
    """The tree of a commit with changes to it, written. Raises GitFailed."""
    side = NewSide(scratch, onto)
    for path, entry in changes.items():
        side.put(path, entry)
    return side.tree()


def has_attributes(paths: Iterable[str]) -> bool:
    """Whether one of the paths is a `.gitattributes` file."""
    for path in paths:
        if path.endswith(ATTRIBUTES) and path.rpartition("/")[2] == ATTRIBUTES:
            return True
    return False
