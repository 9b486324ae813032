"""The store read in this process, with libgit2: no process is started for any number of clusters.

It may be: the store is ours, so it is never partial, of SHA-256 or with refs of another kind, none
of which libgit2 reads. Only what fleet commands do imports pygit2.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.encodings import decoded
from git_ekf.git.tagobject import tagger_time
from git_ekf.shown import shell

if TYPE_CHECKING:
    import pygit2

_TYPES = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
# "tree ID\n", and behind it "parent ID\n" for each parent (git-commit-tree(1)).
_TREE, _PARENT, _OID = 46, 48, 40
# The bytes of an object's id in a tree.
_ID = 20
_SPACE = b" \t\r"


def require_pygit2() -> None:
    """Raises Refused where pygit2 is not installed."""
    try:
        import pygit2  # noqa: F401
    except ImportError:
        raise Refused(
            "git ekf fleet needs pygit2, which is not installed", "pip install 'git-ekf[fleet]'"
        ) from None


class Damaged(CallFailed):
    """The store lacks what it has to have."""


class NoCommit(CallFailed):
    """Something that has to be a commit is none: whoever names it is wrong."""


class StoreObjects:
    """The objects of a store. What cannot be read is Damaged."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._odb: pygit2.Odb | None = None
        self._parents: dict[str, tuple[str, ...]] = {}
        self._trees: dict[str, str] = {}

    def read(self, oid: str) -> tuple[str, bytes]:
        """Type and content of an object. Raises CallFailed."""
        import pygit2

        for again in (False, True):
            if self._odb is None or again:  # packs were gathered by another command meanwhile
                self._odb = pygit2.Odb(os.path.join(self._store, "objects"))
            try:
                kind, content = self._odb.read(oid)
                return _TYPES.get(kind, ""), content
            except (KeyError, ValueError, pygit2.GitError) as error:
                why = str(error)
        raise Damaged(
            f"the store {self._store} is damaged: {oid} cannot be read ({why})",
            f"it is a cache: rm -rf {shell(self._store)}, then the same command again",
        )

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents of a commit. Raises NoCommit, CallFailed."""
        known = self._parents.get(commit)
        if known is None:
            content = self.commit(commit)
            found = []
            at = _TREE
            while content.startswith(b"parent ", at):
                found.append(content[at + 7 : at + 7 + _OID].decode())
                at += _PARENT
            known = self._parents[commit] = tuple(found)
            self._trees[commit] = content[5 : 5 + _OID].decode()
        return known

    def tree_of(self, commit: str) -> str:
        """The tree of a commit. Raises NoCommit, CallFailed."""
        self.parents(commit)
        return self._trees[commit]

    def commit(self, oid: str) -> bytes:
        """The content of a commit. Raises NoCommit, CallFailed."""
        kind, content = self.read(oid)
        if kind != "commit":
            raise NoCommit(f"its {oid[:12]} is a {kind}, and has to be a commit")
        return content

    def committed(self, commit: str) -> int:
        """When a commit was made (seconds since 1970); 0 where it does not say."""
        head = self.commit(commit).partition(b"\n\n")[0]
        line = head.partition(b"\ncommitter ")[2].partition(b"\n")[0]
        return tagger_time(os.fsdecode(line))

    def subject(self, commit: str) -> str:
        """The subject of a commit, as git shows it: the first paragraph, in one line."""
        head, _, message = self.commit(commit).partition(b"\n\n")
        lines: list[bytes] = []
        for line in message.partition(b"\0")[0].split(b"\n"):
            stripped = line.rstrip(_SPACE)
            if stripped:
                lines.append(stripped)
            elif lines:
                break
        subject = b" ".join(lines)
        encoding = head.partition(b"\nencoding ")[2].partition(b"\n")[0].decode("latin-1")
        if encoding:
            with suppress(LookupError, ValueError):
                return decoded(subject, encoding)
        return os.fsdecode(subject)

    def file_at_top(self, commit: str, name: str) -> tuple[str, bytes] | None:
        """Object id and content of a file at the top of a commit's tree; None without one."""
        mode, oid = self.entries(self.tree_of(commit)).get(name.encode(), (b"", b""))
        return (oid.hex(), self.read(oid.hex())[1]) if mode.startswith(b"100") else None

    def entries(self, tree: str) -> dict[bytes, tuple[bytes, bytes]]:
        """Name -> mode and object id, as a tree has them. Raises CallFailed."""
        raw = self.read(tree)[1]
        entries: dict[bytes, tuple[bytes, bytes]] = {}
        at = 0
        while at < len(raw):
            space = raw.index(b" ", at)
            end = raw.index(b"\0", space) + 1
            # Of two of a name, which somebody may have made, git finds the first.
            entries.setdefault(raw[space + 1 : end - 1], (raw[at:space], raw[end : end + _ID]))
            at = end + _ID
        return entries


class History:
    """The vendor's commits, read once for all clusters."""

    def __init__(self, objects: StoreObjects, branches: Mapping[str, str]) -> None:
        """`branches` are the vendor's: name -> commit. What names no commit is left out."""
        self.objects = objects
        self.branches = {}
        for branch, oid in branches.items():
            if objects.read(oid)[0] == "commit":
                self.branches[branch] = oid
        self._reach: dict[str, frozenset[str]] = {}
        self._behind: dict[tuple[str, str], int] = {}

    @cached_property
    def commits(self) -> frozenset[str]:
        """All of them."""
        return ancestors(self.objects, self.branches.values())

    @cached_property
    def by_id(self) -> list[str]:
        """All of them, sorted."""
        return sorted(self.commits)

    def reach(self, commit: str) -> frozenset[str]:
        """A commit and all below it, remembered: for those that many clusters stand on."""
        if commit not in self._reach:
            self._reach[commit] = ancestors(self.objects, [commit])
        return self._reach[commit]

    def behind(self, channel: str, base: str) -> int:
        """How many commits a channel has beyond one of the vendor's."""
        if (channel, base) not in self._behind:
            self._behind[channel, base] = len(self.reach(channel) - self.reach(base))
        return self._behind[channel, base]


def ancestors(objects: StoreObjects, commits: Iterable[str]) -> frozenset[str]:
    """Commits and all below them. Raises CallFailed."""
    found = set(commits)
    waiting = list(found)
    while waiting:
        for parent in objects.parents(waiting.pop()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return frozenset(found)
