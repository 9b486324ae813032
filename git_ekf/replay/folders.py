"""Whether a commit could be more to git's merge (merge-ort.c) than a change of its own paths.

It could where either side may have renamed a directory, or where one has a file and the other a
directory of that name.
"""

from __future__ import annotations

from git_ekf.replay.divergence import Divergence, folders_above
from git_ekf.replay.new_side import has_attributes
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack


class Folders:
    """The directories of a replay: asked for once, and then kept up to date."""

    def __init__(self, scratch: Scratch, stack: Stack, onto: str, divergence: Divergence) -> None:
        self._divergence = divergence
        self._shrunk: set[str] = set()  # in which the stack deletes something
        added: set[str] = set()
        deleted_tops: set[str] = set()
        thinned_by: set[tuple[str, str]] = set()
        for commit in stack.commits:
            for path, (old, new) in commit.changes.items():
                if old is None:
                    added.update(folders_above(path))
                elif new is None:
                    deleted_tops.add(path.partition("/")[0])
                    for folder in folders_above(path):
                        if folder in divergence.grown:
                            thinned_by.add((commit.tree_of, folder))
        kept = added & divergence.thinned
        # Of a file that both sides have, both have what it is in at the top.
        both = any(old and new for old, new in divergence.entries.values())
        tops = divergence.tops if deleted_tops or not both else []
        asked = [*((onto, name) for name in (*kept, *tops)), *thinned_by]
        found = scratch.object_ids([f"{commit}:{name}" for commit, name in asked])
        there = {name for name, oid in zip(asked, found, strict=True) if oid}
        self._kept = {folder for folder in kept if (onto, folder) in there}
        self._left_by = thinned_by & there
        # git also knows renames of the top directory into one below it.
        tops_stay = any((onto, name) in there for name in tops)
        self._top_may_move = bool(tops) and (not tops_stay or deleted_tops.issuperset(tops))

    def deleted(self, path: str) -> None:
        """Notes that a commit of the stack deletes a path."""
        self._shrunk.update(folders_above(path))

    def only_edited(self, commit: Commit) -> bool:
        """Whether the commit edits files in which the sides do not differ, and does nothing else.

        So most do. Nothing can be made of it but what it is.
        """
        changes = commit.changes
        if self._top_may_move or not self._divergence.entries.keys().isdisjoint(changes):
            return False
        return not has_attributes(changes) and all(old and new for old, new in changes.values())

    def may_matter(self, commit: Commit) -> bool:
        """Whether git's merge could make more of the commit than its own paths say."""
        if self._top_may_move:
            return True
        for path, (old, new) in commit.changes.items():
            if old is None and self._arrival_may_matter(path):
                return True
            if new is None and self._deletion_may_matter(commit, path):
                return True
        return False

    def _arrival_may_matter(self, path: str) -> bool:
        divergence = self._divergence
        if path in divergence.grown:  # a file where the new side has a directory
            return True
        for folder in folders_above(path):
            if divergence.entries.get(folder, (None, None))[1] is not None:
                return True  # a directory where the new side has a file
            if folder in divergence.thinned and (
                folder in self._shrunk or folder not in self._kept
            ):
                return True  # the new side may have renamed the directory
        return False

    def _deletion_may_matter(self, commit: Commit, path: str) -> bool:
        # The commit may have renamed a directory that the new side has more files in.
        return any(
            folder in self._divergence.grown and (commit.tree_of, folder) not in self._left_by
            for folder in folders_above(path)
        )
