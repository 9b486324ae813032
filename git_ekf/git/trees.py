"""Entries of trees, and what is different between two of them."""

from __future__ import annotations

from typing import NamedTuple


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


def parse_raw(field: str) -> tuple[Entry | None, Entry | None]:
    """ ":100644 100755 OID OID M", from git-diff-tree(1), RAW OUTPUT FORMAT."""
    old_mode, new_mode, old, new, _ = field[1:].split(" ")
    before = Entry(old_mode, old) if old_mode != "000000" else None
    after = Entry(new_mode, new) if new_mode != "000000" else None
    return before, after


def add_stage(stages: Stages, field: str) -> None:
    """Adds "MODE OID STAGE<tab>PATH", from git-ls-files(1) and git-merge-tree(1)."""
    words, path = field.split("\t", 1)
    mode, oid, stage = words.split(" ")
    stages.setdefault(path, {})[int(stage)] = Entry(mode, oid)
