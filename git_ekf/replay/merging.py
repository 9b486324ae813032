"""git's own three-way merges (git-merge-tree(1)), and their conflicts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry

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
    stages: dict[str, dict[int, Entry]]
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
    options = ("--write-tree", "-z", "--allow-unrelated-histories", "--stdin")
    _, out = git.run("merge-tree", *options, stdin=f"{ours} {theirs}\n".encode(), ok=(0, 1))
    fields = iter(os.fsdecode(out).split("\0"))
    clean = next(fields) == "1"
    tree = next(fields)
    stages: dict[str, dict[int, Entry]] = {}
    for field in iter(fields.__next__, ""):
        mode, oid, rest = field.split(" ", 2)
        stage, path = rest.split("\t", 1)
        stages.setdefault(path, {})[int(stage)] = Entry(mode, oid)
    conflicts = [] if clean else list(_conflicts(fields, stages))
    return Merge(tree, clean, stages, conflicts)


def _conflicts(fields: Iterator[str], stages: dict[str, dict[int, Entry]]) -> Iterator[Conflict]:
    for field in fields:
        if (
            not field.isdigit()
        ):  # the end, or advice on submodules, which git prints here without regard to -z
            continue
        paths = tuple(next(fields) for _ in range(int(field)))
        sort, message = next(fields), next(fields)
        if sort.startswith("CONFLICT") or message.startswith("CONFLICT"):
            yield Conflict(_kind(sort, message, paths, stages), paths, message.rstrip("\n"))


def _kind(
    sort: str, message: str, paths: tuple[str, ...], stages: dict[str, dict[int, Entry]]
) -> str:
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
