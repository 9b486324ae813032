"""Commits that the vendor has already, in another form than a patch that is the same.

A commit is superseded when the vendor's new state has, in every file of it, all lines that the
commit adds there and none that it removes. A file is followed to where the vendor has moved it. The
rule is from what people left behind when they upgraded real forks by hand: docs/upgrades.md has the
table, and what each part of it keeps from being taken for superseded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.replay.evidence import Evidence, Superseded
from git_ekf.replay.merging import is_binary
from git_ekf.replay.stack import Commit

# Without this many characters, white space at the ends aside, a line says too little: `spec:`.
_TELLING = 8

# Larger files (bytes) are not looked at, and no commit that changes one is superseded.
_MOST = 10 << 20

# Files whose content is held at once.
_AT_ONCE = 50

# Files whose vendor's commits are asked for: each takes a git of its own.
_TRACED = 10

# What a host adds to the subject of a commit that it merges.
_PULL_REQUEST = re.compile(r"\s*\(#\d+\)$")


class Supersession:
    """Tells which commits the vendor has made his own between an old state of his and a new one.

    `git` goes by no settings (`Scratch.writing`). `place` says of a file that is not there any more
    where the releases in between have moved it, "" where they have not (`Followed.place`). Each
    fact is asked once, and only when wanted.
    """

    def __init__(
        self, git: Git, old: str, new: str, place: Callable[[str], str] = lambda path: ""
    ) -> None:
        self._git = git
        self._old = old
        self._new = new
        self._place = place

    def look_at(
        self, commit: Commit, parent: str, carried: Mapping[str, Entry | None]
    ) -> Superseded | None:
        """All that speaks for a commit being there already; None where nothing does.

        `carried` has what the commits carried over so far have made of paths on top of the vendor's
        new state: where they have put back what this one removes, it is not superseded. Raises
        GitFailed.
        """
        files = self._evidence(commit.changes, carried)
        subject = self._subjects.get(_plain(commit.subject), "")
        if not (files or subject):
            return None
        several = bool(files) and self._git.has_several_hunks(parent, commit.tree_of)
        return Superseded(tuple(self._traced(files)), several, subject)

    @cached_property
    def _renames(self) -> dict[str, str]:
        return dict(self._git.renamed_files(self._old, self._new))

    @cached_property
    def _subjects(self) -> dict[str, str]:
        """Subject -> the vendor's newest commit of it; those of one word say too little."""
        listed = reversed(self._git.subjects([self._new], [self._old]))
        plain = ((_plain(subject), oid) for oid, subject in listed)
        return {subject: oid for subject, oid in plain if " " in subject}

    def _traced(self, files: list[Evidence]) -> Iterator[Evidence]:
        traced = [file for file in files if file.lines][:_TRACED]
        for file in files:
            if file in traced:
                vendor = self._git.brought_line(file.there, file.lines[0], self._old, self._new)
                yield file._replace(vendor=vendor)
            else:
                yield file

    # --- by content ---

    def _evidence(
        self, changes: TreeChanges, carried: Mapping[str, Entry | None]
    ) -> list[Evidence]:
        """A piece for each file that has lines; none where one file speaks against it."""
        old = self._git.entries(self._old, changes)
        new = self._git.entries(self._new, changes)
        missing = [path for path in changes if path not in new]
        places = {path: self._place(path) or self._renames.get(path) for path in missing}
        moved = {path: place for path, place in places.items() if place}
        new.update(self._git.entries(self._new, moved.values()))
        files = []
        for path, (before, after) in changes.items():
            there = moved.get(path, path)
            states = [new.get(there)]
            if there in carried:
                states.append(carried[there])
            file = _File(path, there, old.get(path), before, after, states)
            if not file.may_be_there():
                return []
            if file.has_lines:
                files.append(file)
        found: list[Evidence] = []
        for first in range(0, len(files), _AT_ONCE):
            some = files[first : first + _AT_ONCE]
            compared = self._compared(some)
            if not compared:
                return []
            found += compared
        return found if any(file.lines for file in found) else []

    def _compared(self, files: list[_File]) -> list[Evidence]:
        oids = {entry.oid for file in files for entry in file.entries() if entry}
        try:
            read = self._git.read_beginnings(sorted(oids), _MOST + 1)
        except ValueError:  # what cannot be read says nothing
            return []
        contents = {oid: _counted(content) for oid, content in read.items()}
        found = []
        for file in files:
            there = file.lines_there(contents)
            state = file.states[0]
            if there is None or state is None:
                return []
            lines = enumerate(read[state.oid].split(b"\n"), 1)
            numbers = tuple(number for number, line in lines if line in there)
            found.append(Evidence(file.path, file.there, numbers, ""))
        return found


class _File(NamedTuple):
    """A file that a commit changes from `before` to `after`; None is "does not exist".

    The old vendor has `old` there. `states` are the vendor's new one and, where commits before this
    one have changed the file, what they have made of it: all have to have the change.
    """

    path: str
    there: str
    old: Entry | None
    before: Entry | None
    after: Entry | None
    states: list[Entry | None]

    def may_be_there(self) -> bool:
        """Whether all but the lines speaks for the change being there."""
        before, after = self.before, self.after
        if after is None:  # it is gone when the vendor had it, and has not moved it
            return bool(self.old) and self.there == self.path and not any(self.states)
        if not self.has_lines:
            return all(state == after for state in self.states)
        for state in self.states:
            if state is None or not state.is_file:
                return False
            if (before is None or before.mode != after.mode) and state.mode != after.mode:
                return False
        return True

    @property
    def has_lines(self) -> bool:
        """Whether it is a plain file before and after: links and submodules have no lines."""
        plain_before = self.before is None or self.before.is_file
        return plain_before and self.after is not None and self.after.is_file

    def entries(self) -> Iterator[Entry | None]:
        """All whose content is to be compared."""
        old = self.old if self.old and self.old.is_file else None
        yield from (old, self.before, self.after, *self.states)

    def lines_there(self, contents: Mapping[str, Counter[bytes] | None]) -> set[bytes] | None:
        """The telling lines that the commit adds; None where one of the states lacks its change.

        Lines are counted: to have one of two that are alike is not to have both. Of a file without
        lines, a binary one, the content has to be the same.
        """
        compared = [contents[entry.oid] if entry else Counter() for entry in self.entries()]
        texts = [lines for lines in compared if lines is not None]
        if len(texts) < len(compared):
            oids = {state.oid for state in (self.after, *self.states) if state}
            return set() if len(oids) == 1 else None
        old, before, after, *states = texts
        added = after - before
        for state in states:
            if any(state[line] < after[line] for line in added):
                return None
            if any(state[line] > after[line] for line in before - after):
                return None
        brought = [line for line in added if not old[line]]
        return {one for one in brought if len(one.decode(errors="replace").strip()) >= _TELLING}


def _counted(content: bytes) -> Counter[bytes] | None:
    """How often it has each line; None for one without lines: binary, or too large."""
    if len(content) > _MOST or is_binary(content):
        return None
    return Counter(content.removesuffix(b"\n").split(b"\n")) if content else Counter()


def _plain(subject: str) -> str:
    return _PULL_REQUEST.sub("", subject)
