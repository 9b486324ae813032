"""git's own three-way merges (git-merge-tree(1)), and their conflicts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import Stages, TreeMerge

MINIMUM = (2, 39)  # `git merge-tree --stdin`


class Conflict(NamedTuple):
    """`kind` is one of KINDS, `message` what git says of it."""

    kind: str
    paths: tuple[str, ...]
    message: str


class Merge(NamedTuple):
    """`tree` has the result, with conflict markers where there are conflicts.

    `stages` are the sides of each path in conflict: 1 the base, 2 ours (the new base), 3 theirs (the commit).
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

# The words in git's "CONFLICT (…)" (merge-ort.c, type_short_descriptions and its messages) -> kind; others are renames.
_KINDS = {
    "content": "content",
    "contents": "content",
    "add/add": "add/add",
    "binary": "binary",
    "modify/delete": "modify/delete",
    "directory/file": "file/directory",
    "file/directory": "file/directory",
    "file location": "directory rename",
    "directory rename split": "directory rename",
    "distinct types": "mode",
    "distinct modes": "mode",
    "submodule": "submodule",
    "submodule merge": "submodule",
}


def merge(git: Git, ours: str, theirs: str) -> Merge:
    """Merges two commits over their merge base. Raises GitFailed."""
    found = git.merge_trees(ours, theirs)
    conflicts = [] if found.clean else list(_conflicts(found))
    return Merge(found.tree, found.clean, found.stages, conflicts)


def _conflicts(found: TreeMerge) -> Iterator[Conflict]:
    for paths, type_, message in found.messages:
        if type_.startswith("CONFLICT") or message.startswith("CONFLICT"):
            kind = _kind(type_, message, paths, found.stages)
            yield Conflict(kind, paths, message.rstrip("\n"))


def _kind(sort: str, message: str, paths: tuple[str, ...], stages: Stages) -> str:
    found = re.match(r"CONFLICT \(([^)]*)\)", message) or re.match(r"CONFLICT \(([^)]*)\)", sort)
    word = found[1] if found else sort
    sides = [entry for path in paths[:1] for entry in stages.get(path, {}).values()]
    if any(entry.mode == "160000" for entry in sides):
        return "submodule"
    if word in ("content", "contents", "add/add") and any(
        entry.mode == "120000" for entry in sides
    ):
        return "symlink"
    return _KINDS.get(
        word, "binary" if "binary" in sort.lower() else "rename" if "rename" in word else word
    )
