"""Where files of the vendor's are some releases later: the moves of each release in turn.

git looks for renames between two trees. Over several releases a file has often changed too much to
be known again, though from each release to the next it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

from git_ekf.git.objects import Objects
from git_ekf.git.trees import Entry
from git_ekf.replay.merging import Conflict, merge
from git_ekf.replay.scratch import Scratch


class Followed:
    """The moves of some files through `releases`: the vendor's commits, oldest first.

    Nothing is looked at before the first question.
    """

    def __init__(self, scratch: Scratch, releases: Sequence[str], paths: Iterable[str]) -> None:
        self._scratch = scratch
        self._releases = releases
        # One release on, git's own merge knows, and nothing is to be followed.
        self._paths = paths if len(releases) > 2 else ()

    @cached_property
    def _places(self) -> dict[str, str]:
        return follow(self._scratch, self._releases, self._paths)

    def place(self, path: str) -> str:
        """Where the last release has a file of the first; "" where it is there, or is gone.

        Raises GitFailed.
        """
        found = self._places.get(path, "")
        return "" if found == path else found

    def named(self, conflict: Conflict) -> Conflict:
        """A conflict with the place of the file that git finds deleted, where it has one."""
        if conflict.kind != "modify/delete":
            return conflict
        return conflict._replace(moved_to=self.place(conflict.paths[0]))


def follow(scratch: Scratch, releases: Sequence[str], paths: Iterable[str]) -> dict[str, str]:
    """Files of the first release -> where the last one has them, as far as it does."""
    places = {path: path for path in paths if "\n" not in path}
    for old, new in pairwise(releases):
        kept = {path: path for path in scratch.ids_at(new, places.values())}
        gone = [path for path in places.values() if path not in kept]
        kept |= _moves(scratch, old, new, gone) if gone else {}
        places = {path: kept[place] for path, place in places.items() if place in kept}
    return places


def _moves(scratch: Scratch, old: str, new: str, paths: list[str]) -> dict[str, str]:
    """Files of one release -> where the next has them, for those that git takes for moved.

    git's merge is asked where it puts a change: each file is changed to something of its own.
    """
    from tempfile import mkdtemp  # 2 ms, which few upgrades need

    folder = mkdtemp(dir=scratch.folder)
    store = os.path.join(folder, "objects")
    objects = Objects(store, scratch.object_format)
    env = {"GIT_OBJECT_DIRECTORY": store, "GIT_INDEX_FILE": os.path.join(folder, "index")}
    git = scratch.writing.variant(env=env)
    marks = {}
    for path in scratch.ids_at(old, paths):
        marks[path] = objects.blob(b"moved: " + os.fsencode(path))
    objects.write()
    git.read_tree(old)
    git.update_index([(path, Entry("100644", mark)) for path, mark in marks.items()])
    theirs = objects.commit(git.write_tree(), old)
    ours = objects.commit(git.tree_of(new), old)
    objects.write()
    result = merge(git, ours, theirs)
    changed = git.diff_trees(new, result.tree)
    places = {entry.oid: path for path, (_, entry) in changed.items() if entry}
    for path, stages in result.stages.items():
        if 3 in stages:
            places[stages[3].oid] = path if 2 in stages else ""
    return {path: places[mark] for path, mark in marks.items() if places.get(mark)}
