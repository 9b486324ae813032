"""Merges of single files, many in one of git's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.replay.merging import Conflict, merge, named
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import ReplayStep


class FileMerge(NamedTuple):
    """A file that git is to merge, for a step."""

    step: ReplayStep
    path: str
    base: Entry
    ours: Entry
    theirs: Entry

    def merged(self, oid: str) -> Entry:
        """Its entry where git merges the contents to that of an id."""
        return Entry(
            self.ours.mode if self.theirs.mode == self.base.mode else self.theirs.mode, oid
        )


class FileMerges(NamedTuple):
    """Files that git is to merge, no two of the same path."""

    files: list[FileMerge]


def merge_files(
    scratch: Scratch, files: list[FileMerge]
) -> Iterator[tuple[FileMerge, Entry | None, list[Conflict]]]:
    """Each file with what it becomes, or None and its conflicts. Raises GitFailed.

    No two may have the same path: they are merged on trees with nothing else in them. What was
    merged in the same scratch before, for another release, is not merged again.
    """
    keys = [_key(scratch, file) for file in files]
    known = scratch.merged_files
    new = [file for file, key in zip(files, keys, strict=True) if key not in known]
    for file, entry, conflicts in _merge(scratch, new) if new else ():
        known[_key(scratch, file)] = entry, conflicts
    for file, key in zip(files, keys, strict=True):
        yield file, *known[key]


def _key(scratch: Scratch, file: FileMerge) -> tuple[object, ...]:
    """All that git's merge of a file goes by."""
    return file[1:], scratch.attributes_above(file.path)


def _merge(
    scratch: Scratch, files: list[FileMerge]
) -> Iterator[tuple[FileMerge, Entry | None, list[Conflict]]]:
    objects = scratch.objects
    base = objects.commit(objects.tree({file.path: file.base for file in files}))
    ours = objects.commit(objects.tree({file.path: file.ours for file in files}), base)
    theirs = objects.commit(objects.tree({file.path: file.theirs for file in files}), base)
    objects.write()
    result = named(merge(scratch.merging, ours, theirs), ours, theirs)
    found = scratch.object_ids([f"{result.tree}:{file.path}" for file in files])
    for file, oid in zip(files, found, strict=True):
        if file.path in result.stages:
            conflicts = [one for one in result.conflicts if file.path in one.paths]
            yield file, None, conflicts
        else:
            yield file, file.merged(oid), []
