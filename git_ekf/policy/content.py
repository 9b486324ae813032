"""What changes from one commit to another, and the conflict markers in it.

A judgment looks at each object once, and at no more than limits.py says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from operator import itemgetter

from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.questions.contents import ObjectReader
from git_ekf.policy.limits import (
    ATTRIBUTES,
    BOUNDED,
    CONTENT,
    DIRECTORY,
    LARGE_FILE,
    TooMuch,
    may_have_markers,
)
from git_ekf.policy.trees import ChangedPath, Comparison, TreeEntries, is_blob, parse_tree

# gitattributes(5), conflict-marker-size. What is pushed must not switch the rule off.
_DEFAULT_SIZE, _LARGEST_SIZE = 7, 64
# As git takes a file for binary (xdiff-interface.c, buffer_is_binary).
_FIRST_FEW_BYTES = 8000


# What differs, in the order of the paths' bytes, and the .gitattributes that bear on it.
_Differences = tuple[list[ChangedPath], dict[bytes, str]]


class Content:
    """All that has been read for one judgment."""

    def __init__(self, git: Git) -> None:
        self._git = git.variant(settings=BOUNDED[1::2])
        self._left = CONTENT
        self._compared: dict[tuple[str, str], _Differences] = {}
        self._may_have: dict[str, bool] = {}  # blob -> whether it may have markers
        self._counts: dict[tuple[str, int], int] = {}

    @cached_property
    def reader(self) -> ObjectReader:
        """Reads objects; of one that is too large there is no content."""
        return self._git.object_reader(max(LARGE_FILE, DIRECTORY))

    def __del__(self) -> None:
        if "reader" in self.__dict__:
            self.reader.close()

    def added_paths(self, old: str, new: str) -> list[str]:
        """Paths that only `new` has (a commit, or "" for the index), in the order of the bytes."""
        changed, _ = self._compare(old, new)
        return [os.fsdecode(path) for path, was, _ in changed if was is None]

    def paths_with_new_markers(self, old: str, new: str) -> list[str]:
        """Paths that have more conflict markers than before, in the order of their bytes.

        Those of files that are binary or too large are not looked for. How long a marker is, the
        attribute conflict-marker-size in `new` says, as for git diff --check.
        """
        changed, attributes = self._compare(old, new)
        files = [change for change in changed if is_blob(change[2])]
        self._look_into(entry[1] for _, _, entry in files)
        suspects = [change for change in files if self._may_have[change[2][1]]]
        if not suspects:
            return []
        before = {path: was[1] for path, was, _ in suspects if was and is_blob(was)}
        self._look_into(before.values())
        paths = [os.fsdecode(path) for path, _, _ in suspects]
        sizes = self._marker_sizes(paths, attributes, index=not new)
        found = []
        for path, (raw, _, entry), size in zip(paths, suspects, sizes, strict=True):
            there = self._count(before[raw], size) if raw in before else 0
            if self._count(entry[1], size) > there:
                found.append(path)
        return found

    def staged_marker(self, path: str) -> int:
        """The number of the line that is the first marker in a staged file, 0 for none."""
        (size,) = self._marker_sizes([path], {}, index=True)
        content = self._git.find_blob(f":0:{path}") or b""
        lines = enumerate(content.split(b"\n"), 1)
        return next((number for number, line in lines if count_markers(line, size)), 0)

    # --- what changes ---

    def _compare(self, old: str, new: str) -> _Differences:
        if (old, new) not in self._compared:
            comparison = Comparison(partial(self._trees, len(new) // 2))
            if new:
                try:
                    comparison.compare([(f"{old}^{{tree}}", f"{new}^{{tree}}")])
                except TooMuch as error:
                    raise _refused(new, str(error)) from None
            else:
                comparison.paths += self._staged(old)
            # Without the comparison, which holds all trees that it has read.
            changed = sorted(comparison.paths, key=itemgetter(0))
            self._compared[old, new] = changed, comparison.attributes
        return self._compared[old, new]

    def _trees(self, id_length: int, names: list[str]) -> Iterator[TreeEntries]:
        for tree in self.reader.read("tree", names):
            if tree is None:
                raise TooMuch(f"it has a directory of more than {DIRECTORY >> 20} MB")
            yield parse_tree(tree, id_length)

    def _staged(self, old: str) -> Iterator[ChangedPath]:
        for path, (was, entry) in self._git.diff_index(old).items():
            if entry is not None:
                before = (int(was.mode, 8), was.oid) if was else None
                yield os.fsencode(path), before, (int(entry.mode, 8), entry.oid)

    # --- what is in it ---

    def _look_into(self, oids: Iterable[str]) -> None:
        """Reads blobs, to know of each whether it may have markers."""
        asked = [oid for oid in dict.fromkeys(oids) if oid not in self._may_have]
        for oid, content in zip(asked, self.reader.read("blob", asked), strict=True):
            self._may_have[oid] = False
            if content is not None and len(content) <= LARGE_FILE:
                self._left -= len(content)
                self._may_have[oid] = is_suspect(content)
            if self._left < 0:
                raise _refused("", f"it has more than {CONTENT >> 20} MB of files to look into")

    def _count(self, oid: str, size: int) -> int:
        """How many markers of a length a blob has that has been looked into."""
        if not self._may_have[oid]:
            return 0
        if (oid, size) not in self._counts:
            (content,) = self.reader.read("blob", [oid])
            self._counts[oid, size] = count_markers(content or b"", size)
        return self._counts[oid, size]

    def _marker_sizes(
        self, paths: list[str], attributes: dict[bytes, str], *, index: bool
    ) -> list[int]:
        """How long a marker in each file is."""
        decoded = {os.fsdecode(path): oid for path, oid in attributes.items()}
        named = {path: oid for path, oid in decoded.items() if _is_valid(path)}
        if index:
            named = self._git.attribute_files()
        else:
            infos = self._git.object_infos(dict.fromkeys(named.values()))
            lengths = {info.oid: info.size for info in infos if info}
            if sum(lengths.get(oid, 0) for oid in named.values()) > ATTRIBUTES:
                raise _refused("", f"its .gitattributes have more than {ATTRIBUTES >> 20} MB")
        if not named:
            return [_DEFAULT_SIZE] * len(paths)
        asked = list(filter(_is_valid, paths))
        values = self._git.attributes("conflict-marker-size", named, asked)
        sizes = dict(zip(asked, map(marker_size, values), strict=True))
        return [sizes.get(path, _DEFAULT_SIZE) for path in paths]


def _refused(commit: str, why: str) -> Refused:
    return Refused(
        f"{commit[:12] or 'this'} cannot be judged: {why}",
        "make it in several parts, and push one after another: git push internal COMMIT:BRANCH",
    )


def _is_valid(path: str) -> bool:
    """Whether git takes it for the path of a file."""
    return not {"", ".", ".."} & set(path.split("/"))


def marker_size(value: str) -> int:
    """How long a marker is, by the attribute conflict-marker-size."""
    # As atoi(3), by which git goes, has it: what comes behind the digits does not count.
    number = re.match(r"\+?0*([0-9]{1,8})(?![0-9])", value)
    size = int(number[1]) if number else 0
    return size if 1 <= size <= _LARGEST_SIZE else _DEFAULT_SIZE


def is_suspect(content: bytes) -> bool:
    """Whether it may have markers: it is text, and begins a line like one."""
    return may_have_markers(content) and b"\0" not in content[:_FIRST_FEW_BYTES]


def count_markers(content: bytes, size: int) -> int:
    """How many lines are the first or last marker of a conflict, of so many characters.

    As git's is_conflict_marker (diff.c) has it, where the end of the file may end a line as well.
    Lines of = and | are not counted: they also underline a heading.
    """
    # Each line end is needed twice: behind one line, and before the next.
    lines = b"\n" + content.replace(b"\n", b"\n\n") + b"\n"
    markers = [sign * size for sign in (b"<", b">")]
    return sum(lines.count(b"\n" + marker + end) for marker in markers for end in _WHITE_SPACE)


_WHITE_SPACE = (b" ", b"\t", b"\r", b"\n")
