"""A forecast of one cluster among many: what it wants, and what it has on its new side."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from git_ekf.errors import GitFailed
from git_ekf.fleet.planning.trees import Reducer
from git_ekf.git.trees import Entry, Stages
from git_ekf.replay.divergence import folders_above
from git_ekf.replay.forecast import Wanted
from git_ekf.replay.merging import Conflict
from git_ekf.replay.new_side import ATTRIBUTES, NewSide, has_attributes
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.resolutions.question import ATTRIBUTES as OF_QUESTIONS

# The files that merges go by, each with its blob.
Attributes = frozenset[tuple[str, str]]


class SharedScratch(Scratch):
    """A scratch that answers the same question once, and has the attributes that it is told."""

    def __init__(self, repo: Repository, folder: str) -> None:
        super().__init__(repo, folder)
        self._ids: dict[str, str] = {}
        self._put: dict[str, str] = {}
        self._set: dict[tuple[str, Attributes], dict[str, str]] = {}

    def object_ids(self, names: list[str]) -> list[str]:
        """As Scratch has it. All that is asked for begins with an object's id."""
        new = [name for name in dict.fromkeys(names) if name not in self._ids]
        if new:
            self._ids.update(zip(new, super().object_ids(new), strict=True))
        return [self._ids[name] for name in names]

    def put_attributes(self, attributes: Attributes) -> None:
        """Puts these files where merges look for them, and takes away all others."""
        wanted = dict(attributes)
        for path in self._put.keys() - wanted.keys():
            self.write_attributes(path, None)
        for path, oid in wanted.items():
            if self._put.get(path) != oid:
                self.write_attributes(path, self.writing.blob(oid))
        self._put = wanted

    def attributes_of(self, path: str, attributes: Attributes) -> dict[str, str]:
        """Those of a path that bear on its merge, as far as these files say."""
        if (path, attributes) not in self._set:
            self.put_attributes(attributes)
            self._set[path, attributes] = self.merging.set_attributes(path, OF_QUESTIONS)
        return self._set[path, attributes]


class SharedSide(NewSide):
    """The new side of one cluster, of which nothing is written."""

    def __init__(self, scratch: SharedScratch, onto: str, attributes: Mapping[str, str]) -> None:
        """`attributes` are the .gitattributes files of `onto`: path -> blob."""
        super().__init__(scratch, onto)
        self._shared = scratch
        self.changes: dict[str, Entry | None] = {}
        self.attributes: Attributes = frozenset()
        self._there = dict(attributes)
        self._changed: dict[str, Entry | None] = {}  # attributes: they apply to what comes behind
        self._folders: set[str] = set()

    def put(self, path: str, entry: Entry | None) -> None:
        """Notes what the new side has at a path from now on."""
        self.changes[path] = entry
        if has_attributes([path]):
            self._changed[path] = entry

    def read_attributes(self, paths: Iterable[str]) -> None:
        """Has the files above some paths bear on merges from now on."""
        if not self._there:  # nearly always
            return
        above = {folder for path in paths for folder in folders_above(path)}
        folders = {"", *above} - self._folders
        self._folders |= folders
        files = self._there.keys() & _files_in(folders)
        self.attributes |= frozenset((file, self._there[file]) for file in files)

    def forget_attributes(self) -> None:
        """Has none bear on merges: a commit has changed some."""
        for file, entry in self._changed.items():
            self._there.pop(file, None)
            if entry:
                self._there[file] = entry.oid
        self._changed = {}
        self.attributes = frozenset()
        self._folders = set()

    def attributes_above(self, path: str) -> Attributes:
        """Those that bear on a path."""
        if not self.attributes:
            return self.attributes
        above = _files_in({"", *folders_above(path)})
        return frozenset(pair for pair in self.attributes if pair[0] in above)

    def attributes_of(self, path: str) -> dict[str, str]:
        """The attributes of a path that bear on its merge."""
        return self._shared.attributes_of(path, self.attributes_above(path))


def _files_in(folders: Iterable[str]) -> set[str]:
    """The files of attributes that there may be in directories."""
    return {f"{folder}/{ATTRIBUTES}" if folder else ATTRIBUTES for folder in folders}


class Left(NamedTuple):
    """A conflict as git has left it: its paths' entries, and the blob with markers, "" for none."""

    entries: tuple[Entry | None, ...]
    marked: str


class Run:
    """The forecast of a cluster under way. `wanted` is what it waits for, None at its end."""

    def __init__(
        self,
        name: str,
        base: str,
        onto: str,
        side: SharedSide,
        reducer: Reducer,
        asking: Generator[Wanted, Any, list[ReplayStep]],
    ) -> None:
        self.name = name
        self.base = base
        self.onto = onto
        self.side = side
        self.reducer = reducer
        self.wanted: Wanted | None = None
        self.answer: Any = None
        self.steps: list[ReplayStep] = []
        self.left: dict[tuple[str, tuple[str, ...]], Left] = {}  # by commit, and paths
        self._asking = asking

    def go_on(self) -> None:
        """Goes on with the answer as far as it can. Raises GitFailed where that is none."""
        answer, self.answer = self.answer, None
        if isinstance(answer, GitFailed):
            self.wanted = None
            raise answer
        try:
            self.wanted = self._asking.send(answer)
        except StopIteration as end:
            self.wanted = None
            self.steps = end.value

    def note(
        self,
        commit: str,
        conflicts: Sequence[Conflict],
        stages: Stages,
        marked: Mapping[str, str],
    ) -> None:
        """Notes how conflicts of a commit were left."""
        for conflict in conflicts:
            entries: list[Entry | None] = []
            for path in conflict.paths:
                of_path = stages.get(path, {})
                entries += [of_path.get(stage) for stage in (1, 2, 3)]
            blob = marked.get(conflict.paths[0], "")
            self.left[commit, conflict.paths] = Left(tuple(entries), blob)
