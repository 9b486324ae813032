"""Entries of trees, and what is different between two of them."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.calls import Git


class Entry(NamedTuple):
    """An entry of a tree: its mode, as git writes it, and the object's id."""

    mode: str
    oid: str

    @property
    def is_file(self) -> bool:
        return self.mode in ("100644", "100755")


# path -> the entries it goes from and to; None is "does not exist"
TreeChanges = dict[str, tuple[Entry | None, Entry | None]]


def read_difference(git: Git, old: str, new: str) -> TreeChanges:
    """What changes from one tree (or commit) to another."""
    fields = iter(
        git.fields(
            "diff-tree",
            "-r",
            "-z",
            "--no-renames",
            "--no-abbrev",
            "--ignore-submodules=none",
            old,
            new,
            "--",
        )
    )
    return {path: parse_raw(field) for field, path in zip(fields, fields, strict=True)}


def parse_raw(field: str) -> tuple[Entry | None, Entry | None]:
    """ ":100644 100755 OID OID M", from git-diff-tree(1), RAW OUTPUT FORMAT."""
    old_mode, new_mode, old, new, _ = field[1:].split(" ")
    return (
        Entry(old_mode, old) if old_mode != "000000" else None,
        Entry(new_mode, new) if new_mode != "000000" else None,
    )
