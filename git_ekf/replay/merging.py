"""git's own three-way merges (git-merge-tree(1)), and their conflicts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry, Stages, TreeMerge

MINIMUM = (2, 39)  # `git merge-tree --stdin`


class Conflict(NamedTuple):
    """git's conflict in some paths: `kind` is one of KINDS, `message` what git says of it.

    `moved_to` is where the vendor has a file that git finds deleted; "" where it is gone.
    """

    kind: str
    paths: tuple[str, ...]
    message: str
    moved_to: str = ""

    @property
    def can_be_settled(self) -> bool:
        """Whether its stages say all there is to it, so that a side can be taken."""
        of_one_file = ("content", "add/add", "binary", "symlink", "modify/delete")
        return self.kind in of_one_file or self.message.startswith("CONFLICT (rename/delete)")


class Merge(NamedTuple):
    """`tree` has the result, with conflict markers where it is not `clean`.

    `stages` are the sides of each path in conflict: 1 the base, 2 ours (the new base), 3 theirs
    (the commit).
    """

    tree: str
    clean: bool
    stages: Stages
    conflicts: list[Conflict]


KINDS = (
    "content",
    "add/add",
    "binary",
    "modify/delete",
    "rename",
    "directory rename",
    "file/directory",
    "mode",
    "symlink",
    "submodule",
)

# The words in git's "CONFLICT (…)" that are other than the kind, or stay as they are (merge-ort.c,
# type_short_descriptions and its messages).
_KINDS = {
    **{kind: kind for kind in KINDS},
    "contents": "content",
    "directory/file": "file/directory",
    "file location": "directory rename",
    "directory rename split": "directory rename",
    "distinct types": "mode",
    "distinct modes": "mode",
    "submodule merge": "submodule",
}


def merge(git: Git, ours: str, theirs: str) -> Merge:
    """Merges two commits over their merge base. Raises GitFailed."""
    return as_merge(git.merge_trees(ours, theirs), ours, theirs)


def as_merge(found: TreeMerge, ours: str, theirs: str) -> Merge:
    """A merge as git has told of it: conflicts have kinds, and words for the ids of the commits."""
    conflicts = []
    for paths, type_, message in found.messages:
        if type_.startswith("CONFLICT") or message.startswith("CONFLICT"):
            kind = _kind(type_, message, paths, found.stages)
            text = message.replace(ours, "the new release").replace(theirs, "your commit")
            conflicts.append(Conflict(kind, paths, text.rstrip("\n")))
    return Merge(found.tree, found.clean, found.stages, [] if found.clean else conflicts)


def merged_mode(base: Entry | None, ours: Entry, theirs: Entry) -> str:
    """The mode of a file that is merged; "" where the modes conflict.

    See handle_content_merge in merge-ort.c.
    """
    if ours.mode == theirs.mode or (base and base.mode == ours.mode):
        return theirs.mode
    return ours.mode if base and base.mode == theirs.mode else ""


# git looks for a NUL in so many bytes to tell a binary file (buffer_is_binary, xdiff-interface.c).
_FIRST_BYTES = 8000


def is_binary(content: bytes) -> bool:
    """Whether git takes it for the content of a binary file."""
    return b"\0" in content[:_FIRST_BYTES]


def _kind(type_: str, message: str, paths: tuple[str, ...], stages: Stages) -> str:
    pattern = r"CONFLICT \(([^)]*)\)"
    found = re.match(pattern, message) or re.match(pattern, type_)
    word = found[1] if found else type_
    entries = stages.get(paths[0], {}).values() if paths else ()
    modes = {entry.mode for entry in entries}
    if "160000" in modes:
        return "submodule"
    if word in ("content", "contents", "add/add") and "120000" in modes:
        return "symlink"
    if word in _KINDS:
        return _KINDS[word]
    if "binary" in type_.lower():
        return "binary"
    return "rename" if "rename" in word else word


def meets_a_rename(conflicts: Iterable[Conflict], stages: Stages) -> bool:
    """Whether a file is in the way of one that was renamed: git -X leaves that (rename/delete)."""
    renamed = {
        path for conflict in conflicts if conflict.kind == "rename" for path in conflict.paths
    }
    return any({2, 3} <= stages.get(path, {}).keys() for path in renamed)


def one_a_path(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """The conflicts, one for the same paths.

    git says of binary files that they are, and that they conflict: the former is kept.
    """
    found: dict[tuple[str, ...], Conflict] = {}
    for conflict in conflicts:
        known = found.get(conflict.paths)
        if known is None or known.kind == "content":
            found[conflict.paths] = conflict
    return list(found.values())
