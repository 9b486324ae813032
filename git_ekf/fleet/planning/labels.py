"""The names that git gives to the sides of a merge, made the same for all merges.

They are ids of commits, which were made for the merge alone. git writes them behind conflict
markers, and into the names of files that cannot both be there. So the same conflict of two clusters
would not be the same, and what comes behind it would not be either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from git_ekf.git.trees import Entry
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.whole_merges import MergedTree

_OURS, _THEIRS = "release", "commit"
# What both stand on, as merge.conflictStyle has it.
_BASE = re.compile(rb"(?m)^(\|{7,}) [0-9a-f]{7,64}")


class Labels:
    """The files that git has left in merges with conflicts, read at once."""

    def __init__(self, scratch: Scratch, merges: Sequence[MergedTree]) -> None:
        """Raises GitFailed."""
        self._objects = scratch.objects
        oids: set[str] = set()
        for merged in merges:
            oids.update(entry.oid for entry in _left(merged))
        asked = sorted(oids)
        self._contents: dict[str, bytes] = {}
        for oid, found in zip(asked, scratch.writing.read_objects(asked), strict=True):
            if found and b"<<<<<<< " in found.content:
                self._contents[oid] = found.content

    def fixed(self, merged: MergedTree, ours: str, theirs: str) -> MergedTree:
        """The merge with fixed names in place of two ids. Its blobs are written."""
        if merged.result.clean:
            return merged

        def path_of(path: str) -> str:
            return path.replace(f"~{ours}", f"~{_OURS}").replace(f"~{theirs}", f"~{_THEIRS}")

        def of_entry(entry: Entry | None) -> Entry | None:
            if entry is None or entry.oid not in self._contents:
                return entry
            content = self._contents[entry.oid].replace(ours.encode(), _OURS.encode())
            content = content.replace(theirs.encode(), _THEIRS.encode())
            return Entry(entry.mode, self._objects.blob(_BASE.sub(rb"\1 base", content)))

        result = merged.result
        conflicts = []
        for conflict in result.conflicts:
            conflicts.append(conflict._replace(paths=tuple(map(path_of, conflict.paths))))
        stages = {}
        for path, of_path in result.stages.items():
            stages[path_of(path)] = {
                stage: of_entry(entry) or entry for stage, entry in of_path.items()
            }
        changed = {}
        for path, (before, after) in merged.changed.items():
            changed[path_of(path)] = before, of_entry(after)
        self._objects.write()
        return MergedTree(result._replace(stages=stages, conflicts=conflicts), changed)


def _left(merged: MergedTree) -> Iterator[Entry]:
    """The files that may have conflict markers."""
    entries: Iterable[Entry | None] = merged.after.values()
    for of_path in merged.result.stages.values():
        entries = [*entries, *of_path.values()]
    return (entry for entry in entries if entry and entry.is_file)
