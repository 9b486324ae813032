"""The content of files and directories, all read by one git."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from git_ekf.git.calls import Git
from git_ekf.git.questions.contents import ObjectReader
from git_ekf.git.trees import Entry
from git_ekf.upgrade.tree import Tree

# Bytes: a manifest is smaller, and a larger file is not looked at.
_LARGEST = 1 << 24


class Contents:
    """Reads blobs; None for one that is too large. Raises CallFailed.

    Its git starts with the first question.
    """

    def __init__(self, git: Git) -> None:
        self._git = git

    @cached_property
    def _reader(self) -> ObjectReader:
        return self._git.object_reader(_LARGEST)

    def __call__(self, entry: Entry) -> bytes | None:
        return next(self._reader.read("blob", [entry.oid]))

    def tree(self, commit: str) -> Tree:
        """The files of a commit."""
        return Tree(self._git, lambda name: next(self._reader.read("tree", [name])), commit)

    def close(self) -> None:
        """Ends its git."""
        if "_reader" in vars(self):
            self._reader.close()


@contextmanager
def reading(git: Git) -> Iterator[Contents]:
    """Reads contents until the context ends."""
    contents = Contents(git)
    try:
        yield contents
    finally:
        contents.close()
