"""Whether a push only adds commits of a branch's own line, which both its fast paths ask."""

import posix

from git_ekf.hooks import spawn
from git_ekf.hooks.listing import COMMITS
from git_ekf.policy.limits import BOUNDED, TooMuch, may_have_markers
from git_ekf.policy.trees import Comparison, TreeEntries, is_blob, parse_tree, wrong_entry

# More than this is for the full rules: bytes of trees or of files, and changed paths.
_BYTES = 1 << 20
_PATHS = 5000

# Names that a pipe has room for, whatever is in the other one.
_AT_ONCE = 200


def are_plain(objects: "BoundedObjects", commits: int, old: str, new: str) -> bool:
    """Whether a process lists a chain of commits, with sound trees and without markers.

    `commits` is its id; see `listing`. The chain leads from `new` down to `old`, parent by parent.
    Raises ValueError where objects cannot be read, are not sound, or are too much.
    """
    chain = _chain(spawn.finish(commits), old, new)
    if not chain:
        return False
    id_length = len(new) // 2

    def read(names: list[str]) -> list[TreeEntries]:
        trees = [parse_tree(content, id_length) for content in objects.read(b"tree", names)]
        if any(map(wrong_entry, trees)):
            raise ValueError("a tree is not sound")
        return trees

    comparison = Comparison(read, _PATHS)
    trees = [f"{commit}^{{tree}}" for commit in chain]
    comparison.compare(zip(trees[1:], trees, strict=False))
    blobs = {entry[1]: None for _, _, entry in comparison.paths if is_blob(entry)}
    return not any(may_have_markers(content) for content in objects.read(b"blob", [*blobs]))


def _chain(listed: bytes | None, old: str, new: str) -> list[str]:
    """The commits from `new` down to `old`; none where they are no chain, or too many."""
    chain = [new]
    for line in (listed or b"").decode().splitlines():
        commit, *parents = line.split(" ")
        if commit != ">" + chain[-1] or len(parents) != 1:
            return []
        chain += parents
    return chain if chain[-1] == old and 1 < len(chain) <= COMMITS + 1 else []


class BoundedObjects:
    """A git that is asked for objects, of which it reads a limited number of bytes.

    `spawn.end_all` ends it.
    """

    def __init__(self, env: dict[bytes, bytes] | None = None) -> None:
        self._into, self._out = spawn.start_talk([*BOUNDED, "cat-file", "--batch"], env)
        self._left = _BYTES
        self._unread = b""

    def read(self, type_: bytes, names: list[str]) -> list[bytes]:
        """The content of each, all of one type. Raises TooMuch and ValueError."""
        found = []
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            posix.write(self._into, "".join(f"{name}\n" for name in some).encode())
            found += [self._one(type_) for _ in some]
        return found

    def _one(self, type_: bytes) -> bytes:
        while b"\n" not in self._unread:
            self._read_on()
        header, _, self._unread = self._unread.partition(b"\n")
        _, is_type, length = header.split(b" ")
        if is_type != type_:
            raise ValueError(header)
        size = int(length)
        self._left -= size
        if self._left < 0:
            raise TooMuch
        while len(self._unread) <= size:  # a line end comes behind it
            self._read_on()
        content = self._unread[:size]
        self._unread = self._unread[size + 1 :]
        return content

    def _read_on(self) -> None:
        part = posix.read(self._out, 1 << 16)
        if not part:
            raise ValueError("git has ended")
        self._unread += part
