"""The names that git gives to the sides of a merge, made the same for all merges.

They are ids of commits, which were made for the merge alone. git writes them behind conflict
markers, and into the names of files that cannot both be there. So the same conflict of two clusters
would not be the same, and what comes behind it would not be either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from git_ekf.git.objects import Objects
from git_ekf.git.trees import Entry
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.whole_merges import MergedTree

_OURS, _THEIRS = "release", "commit"
# What both stand on, as merge.conflictStyle has it.
_BASE = re.compile(rb"(?m)^(\|{7,}) [0-9a-f]{7,64}")


def with_fixed_names(
    scratch: Scratch, merges: Sequence[MergedTree], pairs: Sequence[tuple[str, str]]
) -> list[MergedTree]:
    """Merges of pairs of commits with fixed names in place of their ids. Raises GitFailed."""
    contents = _with_markers(scratch, merges)
    found = []
    for merged, (ours, theirs) in zip(merges, pairs, strict=True):
        if not merged.result.clean:
            merged = _fixed(scratch.objects, contents, merged, ours, theirs)
        found.append(merged)
    scratch.objects.write()
    return found


def _with_markers(scratch: Scratch, merges: Iterable[MergedTree]) -> dict[str, bytes]:
    """The files with conflict markers that git has left in merges: object id -> content."""
    left: list[Entry | None] = []
    for merged in merges:
        if not merged.result.clean:
            left += merged.after.values()
            for of_path in merged.result.stages.values():
                left += of_path.values()
    asked = sorted({entry.oid for entry in left if entry and entry.is_file})
    contents = {}
    for oid, found in zip(asked, scratch.writing.read_objects(asked), strict=True):
        if found and b"<<<<<<< " in found.content:
            contents[oid] = found.content
    return contents


def _fixed(
    objects: Objects, contents: Mapping[str, bytes], merged: MergedTree, ours: str, theirs: str
) -> MergedTree:
    def path_of(path: str) -> str:
        return path.replace(f"~{ours}", f"~{_OURS}").replace(f"~{theirs}", f"~{_THEIRS}")

    def of_entry(entry: Entry) -> Entry:
        if entry.oid not in contents:
            return entry
        content = contents[entry.oid].replace(ours.encode(), _OURS.encode())
        content = content.replace(theirs.encode(), _THEIRS.encode())
        return Entry(entry.mode, objects.blob(_BASE.sub(rb"\1 base", content)))

    result = merged.result
    conflicts = []
    for conflict in result.conflicts:
        conflicts.append(conflict._replace(paths=tuple(map(path_of, conflict.paths))))
    stages = {}
    for path, of_path in result.stages.items():
        stages[path_of(path)] = {stage: of_entry(entry) for stage, entry in of_path.items()}
    changed = {}
    for path, (before, after) in merged.changed.items():
        changed[path_of(path)] = before, after and of_entry(after)
    return MergedTree(result._replace(stages=stages, conflicts=conflicts), changed)
