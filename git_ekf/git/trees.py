"""Entries of trees, what is different between two of them, and what a merge makes of them.

The questions load this file when they are asked: each kind of record costs a quarter of a
millisecond, and most commands want none of these.
"""

from __future__ import annotations

import os
from typing import NamedTuple

# The mode of a directory in a tree, as git writes it.
FOLDER = "040000"


class Entry(NamedTuple):
    """An entry of a tree: its mode, as git writes it, and the object's id."""

    mode: str
    oid: str

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file: no link, submodule or directory."""
        return self.mode in ("100644", "100755")


# path -> the entries it goes from and to; None is "does not exist"
TreeChanges = dict[str, tuple[Entry | None, Entry | None]]

# path -> stage -> entry, of the index or of a merge: 1 the base, 2 ours, 3 theirs
Stages = dict[str, dict[int, Entry]]


class CommitChanges(NamedTuple):
    """A commit, its subject, and what it changes against its first parent."""

    oid: str
    subject: str
    changes: TreeChanges


class ChangedFile(NamedTuple):
    """A file that two commits have differently.

    `status` is git's letter (A, C, D, M, R or T); `added` and `deleted` count lines, and are None
    for a binary file.
    """

    status: str
    old_path: str
    path: str
    added: int | None
    deleted: int | None


class MergeMessage(NamedTuple):
    """git's word on some paths of a merge: its short type, and the message for people."""

    paths: tuple[str, ...]
    type: str
    message: str


class TreeMerge(NamedTuple):
    """A merge without a work tree: `tree` has conflict markers where it is not clean."""

    tree: str
    clean: bool
    stages: Stages
    messages: list[MergeMessage]


def parse_raw(field: str) -> tuple[Entry | None, Entry | None]:
    """ ":100644 100755 OID OID M", from git-diff-tree(1), RAW OUTPUT FORMAT."""
    old_mode, new_mode, old, new, _ = field[1:].split(" ")
    before = Entry(old_mode, old) if old_mode != "000000" else None
    after = Entry(new_mode, new) if new_mode != "000000" else None
    return before, after


def parse_tree(raw: bytes, id_length: int) -> dict[str, Entry]:
    """Name -> entry of a tree object; `id_length` is in bytes."""
    entries = {}
    at = 0
    while at < len(raw):
        space = raw.index(b" ", at)
        end = raw.index(b"\0", space)
        name = os.fsdecode(raw[space + 1 : end])
        mode = _mode(int(raw[at:space], 8))
        at = end + 1 + id_length
        entries[name] = Entry(mode, raw[end + 1 : at].hex())
    return entries


def _mode(number: int) -> str:
    """The mode as git prints it: old trees have others (canon_mode in cache.h)."""
    kind = number >> 12
    if kind == 0o10:
        return "100755" if number & 0o100 else "100644"
    return {0o12: "120000", 0o4: FOLDER}.get(kind, "160000")


def add_stage(stages: Stages, field: str) -> None:
    """Adds "MODE OID STAGE<tab>PATH", from git-ls-files(1) and git-merge-tree(1)."""
    words, path = field.split("\t", 1)
    mode, oid, stage = words.split(" ")
    stages.setdefault(path, {})[int(stage)] = Entry(mode, oid)
