"""Merges of whole trees: what a commit does to the new side, where its own paths do not tell."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.replay.merging import Merge, merge
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit


class WholeMerge(NamedTuple):
    """A commit that git is to merge, which stands on `parent`, into the new side as it now is."""

    commit: Commit
    parent: str


class MergedTree(NamedTuple):
    """The merge, with no commit's id in its messages; `changed` is what it does to the new side."""

    result: Merge
    changed: TreeChanges

    @property
    def after(self) -> dict[str, Entry | None]:
        """Path -> what it becomes, of those that change."""
        return {path: entry for path, (_, entry) in self.changed.items()}


def merge_whole(scratch: Scratch, new_side: NewSide, wanted: WholeMerge) -> MergedTree:
    """Merges the whole trees. Raises GitFailed."""
    commit = wanted.commit
    before = new_side.tree()
    ours = scratch.objects.commit(before, wanted.parent)
    scratch.objects.write()
    result = merge(scratch.merging, ours, commit.tree_of)
    changed = scratch.writing.diff_trees(before, result.tree)
    return MergedTree(result, changed)
