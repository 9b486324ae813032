"""Merges of single files, many in one of git's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.replay.merging import Conflict, Merge, merge, merged_mode
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import ReplayStep


class FileMerge(NamedTuple):
    """A file that git is to merge, for a step."""

    step: ReplayStep
    path: str
    base: Entry
    ours: Entry
    theirs: Entry


# What a file becomes, or None and its conflicts.
MergedFile = tuple[Entry | None, list[Conflict]]


def merge_files(scratch: Scratch, files: list[FileMerge]) -> list[MergedFile]:
    """The files as they become, in their order. Raises GitFailed.

    No two may have the same path: they are merged on trees with nothing else in them. What was
    merged in the same scratch before, for another release, is not merged again.
    """
    known = scratch.merged_files
    # All that git's merge of a file goes by.
    keys = [(file[1:], scratch.attributes_above(file.path)) for file in files]
    new = {key: file for key, file in zip(keys, files, strict=True) if key not in known}
    if new:
        known.update(zip(new, _merge(scratch, list(new.values())), strict=True))
    return [known[key] for key in keys]


def _merge(scratch: Scratch, files: list[FileMerge]) -> Iterator[MergedFile]:
    objects = scratch.objects
    base_files = {file.path: file.base for file in files}
    base = objects.commit(objects.tree(base_files))
    ours = objects.commit(objects.tree({file.path: file.ours for file in files}), base)
    theirs = objects.commit(objects.tree({file.path: file.theirs for file in files}), base)
    objects.write()
    result = merge(scratch.merging, ours, theirs)
    found = scratch.ids_at(result.tree, base_files)
    for file in files:
        yield merged_file(result, file.path, file[2:], found.get(file.path, ""))


def merged_file(
    result: Merge, path: str, sides: tuple[Entry, Entry, Entry], oid: str
) -> MergedFile:
    """A file as a merge leaves it; `sides` are base, ours and theirs.

    `oid` is the content that git has left.
    """
    if path in result.stages:
        return None, [one for one in result.conflicts if path in one.paths]
    return Entry(merged_mode(*sides), oid), []
