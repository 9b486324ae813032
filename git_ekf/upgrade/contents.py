"""The files of commits and what is in them, of which only that is read that somebody asks about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

from git_ekf.git.calls import Git
from git_ekf.git.questions.contents import ObjectReader
from git_ekf.git.trees import FOLDER, Entry, parse_tree
from git_ekf.manifests.sources import Files
from git_ekf.replay.divergence import add_above

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
        """The entries of a commit."""
        return Tree(self._git, lambda name: next(self._reader.read("tree", [name])), commit)

    def files(self, commit: str) -> Files:
        """The files of a commit."""
        return self.files_of(self.tree(commit))

    def files_of(self, tree: Tree | Changed) -> Files:
        """The same of its entries."""
        return Files(tree, self, tree.has_folder)

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


class Tree(Mapping[str, Entry]):
    """Path -> entry, as `git ls-tree -r` lists them; to go through them all lists them all.

    Raises GitFailed, CallFailed where git cannot read what is asked for.
    """

    def __init__(self, git: Git, read: Callable[[str], bytes | None], commit: str) -> None:
        """`read` reads a tree object; None for one that is too large."""
        self._git = git
        self._read_object = read
        self._commit = commit
        self._read: dict[str, dict[str, Entry]] = {}
        self._all: dict[str, Entry] | None = None

    def __getitem__(self, path: str) -> Entry:
        if self._all is not None:
            return self._all[path]
        entry = self._entry(path)
        if entry is None or entry.mode == FOLDER:
            raise KeyError(path)
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self.listed())

    def __len__(self) -> int:
        return len(self.listed())

    def has_folder(self, path: str) -> bool:
        """Whether there is a directory at a path; "" is the top."""
        entry = self._entry(path)
        return path == "" or (entry is not None and entry.mode == FOLDER)

    def _entry(self, path: str) -> Entry | None:
        folder, slash, name = path.rpartition("/")
        if slash and not folder:  # from the top of the file system
            return None
        return self._folder(folder).get(name)

    def _folder(self, path: str) -> dict[str, Entry]:
        """What is in a directory, nothing where there is none."""
        if path not in self._read:
            name = f"{self._commit}^{{tree}}"
            if path:
                entry = self._entry(path)
                name = entry.oid if entry and entry.mode == FOLDER else ""
            found = {}
            if name:
                raw = self._read_object(name)
                if raw is None:
                    found = self._git.ls_tree(name)
                else:
                    found = parse_tree(raw, len(self._commit) // 2)
            self._read[path] = found
        return self._read[path]

    def listed(self) -> dict[str, Entry]:
        """All of them."""
        if self._all is None:
            self._all = self._git.ls_tree(self._commit, recursive=True)
        return self._all


class Changed(Mapping[str, Entry]):
    """The files of a tree, with others in their place or beside them, and none taken away."""

    def __init__(self, tree: Tree, entries: Mapping[str, Entry]) -> None:
        self._tree = tree
        self._entries = entries
        self._folders: set[str] = set()
        for path in entries:
            add_above(path, self._folders)

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path] if path in self._entries else self._tree[path]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._tree, *self._entries]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def has_folder(self, path: str) -> bool:
        """Whether there is a directory at a path; "" is the top."""
        return path in self._folders or self._tree.has_folder(path)
