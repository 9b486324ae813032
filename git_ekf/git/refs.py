"""A change to a ref, and the lines in which git tells its push hooks about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

HEADS = "refs/heads/"
TAGS = "refs/tags/"
RECORDS = "refs/tags/deploy/"
REPLACED = "refs/replace/"  # git-replace(1)
UPSTREAM = "refs/ekf/upstream/"
SAVED = "refs/ekf/saved/"  # what internal had under refs/tags/ when last fetched
KEPT = "refs/ekf/records/"  # every record here, where no fetch prunes it
DISPLACED = "refs/ekf/replaced/"  # a record whose name somebody else took, by its object id
BACKUP = "refs/ekf/backup/"
MIRROR = "refs/ekf/mirror/state"  # what a mirror says of itself
APPLIED = "refs/ekf/bundle/receipt"  # the receipt for the last bundle applied
HOLD = "refs/ekf/hold/"  # new objects, until the refs that are to name them do
RESOLUTIONS = "refs/ekf/resolutions"  # a team's answers to conflicts, here as last fetched
PICKS = "refs/ekf/picks/"  # what a rebase in progress still has to pick, where no branch has it

# What begins the refs that `Repository.refs` has, and those of `Repository.record_refs`.
REPOSITORY_REFS = (HEADS, "refs/remotes/", UPSTREAM, MIRROR, REPLACED)
RECORD_REFS = (RECORDS, SAVED, KEPT)


class RefNamespace(NamedTuple):
    """Where `internal` keeps the vendor's commits and backups: below one name.

    Mostly that is refs/ekf/; on a server that takes branches and tags only, another one. Here they
    are below UPSTREAM and BACKUP all the same.
    """

    root: str = "refs/ekf/"

    @property
    def upstream(self) -> str:
        """Begins the refs of the vendor's commits."""
        return f"{self.root}upstream/"

    @property
    def backup(self) -> str:
        """Begins the refs of backups."""
        return f"{self.root}backup/"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Begin all of them, those from before another namespace was chosen too."""
        return tuple(dict.fromkeys((self.upstream, self.backup, UPSTREAM, BACKUP)))

    def is_upstream(self, ref: str) -> bool:
        """Whether a ref there is a commit of the vendor's."""
        return ref.startswith((self.upstream, UPSTREAM))

    def channel(self, ref: str) -> str:
        """The channel whose vendor commit a ref there names."""
        return ref.removeprefix(self.upstream).removeprefix(UPSTREAM)

    def is_backup(self, ref: str) -> bool:
        """Whether a ref there is a backup."""
        return ref.startswith((self.backup, BACKUP))


def replaced_below() -> str:
    """The beginning of the refs by which git knows what it shows for others (git-replace(1))."""
    return os.environ.get("GIT_REPLACE_REF_BASE", REPLACED)


def is_zero(oid: str) -> bool:
    """Whether it is git's "no object": 40 zeros, or 64 in a SHA-256 repository."""
    return not oid.strip("0")


def names_above(ref: str) -> Iterator[str]:
    """The names that a ref would be below, as far as another ref may be called so."""
    while ref.count("/") > (1 if ref.startswith("refs/ekf/") else 2):
        ref = ref.rpartition("/")[0]
        yield ref


def backup_ref(name: str, prefix: str = BACKUP) -> str:
    """A ref below refs/ekf/backup/, or another prefix, that is not there yet.

    It is for what a branch (or tag) was.

    It ends with the time: UTC, to the microsecond.
    """
    from datetime import UTC, datetime

    return f"{prefix}{name}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


class RefUpdate(NamedTuple):
    """`ref` goes from `old` to `new`; an all-zero object id stands for "does not exist"."""

    ref: str
    old: str
    new: str

    @property
    def creates(self) -> bool:
        """Whether there is no such ref before."""
        return is_zero(self.old)

    @property
    def deletes(self) -> bool:
        """Whether there is no such ref afterwards."""
        return is_zero(self.new)

    def inverse(self) -> RefUpdate:
        """The way back."""
        return RefUpdate(self.ref, self.new, self.old)


def parse_push(stdin: str) -> list[RefUpdate]:
    """The updates of pre-push's stdin, named by the remote's refs (githooks(5)).

    Raises ValueError on a line that does not have four words.
    """
    updates = []
    for line in _lines(stdin):
        _local, new, ref, old = line.rsplit(
            " ", 3
        )  # the local name may be any revision, with spaces
        updates.append(RefUpdate(ref, old, new))
    return updates


def parse_receive(stdin: str) -> list[RefUpdate]:
    """The updates of pre-receive's stdin (githooks(5)).

    Raises ValueError on a line that does not have three words.
    """
    updates = []
    for line in _lines(stdin):
        old, new, ref = line.split(" ", 2)
        updates.append(RefUpdate(ref, old, new))
    return updates


def _lines(stdin: str) -> list[str]:
    # Not splitlines(): a ref's name may have a U+2028 in it.
    return stdin.removesuffix("\n").split("\n") if stdin else []
