"""What may be in the way of a move: files that git does not track, branches checked out elsewhere."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from itertools import takewhile

from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS
from git_ekf.git.trees import TreeChanges
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Operation
from git_ekf.transaction.moves import NO_BRANCH, branches_of, head_tips, moved

# --- what may be in the way ---


def require_room(
    repo: Repository, way: Operation, changes: TreeChanges | None = None
) -> tuple[str, str]:
    """The commit of HEAD before and after; `changes` is what is between them, where that is known.

    Raises Refused where a branch is not where it was, or is checked out elsewhere, or a file that git does not know would
    be written over.
    """
    branches = branches_of(repo, way)
    for ref, old, new in way.updates:
        if ref.startswith(HEADS) and (
            branches.get(ref, NO_BRANCH).commit or "0" * len(new)
        ) not in (old, new):
            raise moved(ref)
    for ref, branch in branches.items():
        path = branch.worktree
        if (
            path
            and ref != HEADS + way.head
            and os.path.realpath(path) != os.path.realpath(repo.place.top)
        ):
            raise Refused(
                f"{ref.removeprefix(HEADS)} is checked out in {path}",
                f"git -C {shlex.quote(path)} switch --detach, then try again",
            )
    before, after = head_tips(way, branches)
    if before == after:
        return before, after
    if not branches.get(HEADS + way.head, NO_BRANCH).is_here:
        raise moved("HEAD")
    _require_distinct(repo, before, after)
    if changes is None:
        changes = repo.git.diff_trees(before, after)
    gone = {path for path, (_, new) in changes.items() if new is None}
    free: set[str] = set()
    for path in (path for path, (old, _) in changes.items() if old is None):
        # Ignored files are in the way too: git takes them for worthless, and would write over them.
        other = _in_the_way(repo, path, gone, free)
        if other:
            raise Refused(
                f"{other} is in the way: git does not track it here, and would write over it",
                f"mv {shlex.quote(other)} {shlex.quote(other + '.mine')}",
            )
    return before, after


def _require_distinct(repo: Repository, before: str, after: str) -> None:
    """Raises Refused where the work tree does not tell upper from lower case, and files of the new commit would share a place."""
    if repo.git_setting("core.ignorecase") != "true":
        return
    known = repo.git.ls_tree(before, recursive=True)
    folded: dict[str, str] = {}
    for path in repo.git.ls_tree(after, recursive=True):
        other = folded.setdefault(path.casefold(), path)
        if other != path and not (
            path in known and other in known
        ):  # those that are there already somebody lives with
            raise Refused(
                f"{other} and {path} differ in case only, and this file system takes them for one",
                "a case-sensitive file system",
            )


def _in_the_way(repo: Repository, path: str, gone: set[str], free: set[str]) -> str:
    """The untracked file or directory that a new file would meet, "" for none.

    `gone` are the files that git removes, `free` the directories that are known to be there, or to have room.
    """
    for folder in reversed(list(takewhile(lambda folder: folder not in free, _folders(path)))):
        whole = os.path.join(repo.place.top, folder)
        if (
            folder not in gone
            and os.path.lexists(whole)
            and (os.path.islink(whole) or not os.path.isdir(whole))
        ):
            return folder
        free.add(folder)
    whole = os.path.join(repo.place.top, path)
    if not os.path.lexists(whole):
        return ""
    if os.path.isdir(whole) and not os.path.islink(whole):
        inside = repo.git.variant(repo.place.top).untracked_files(path)
        return inside[0].removesuffix("/") if inside else ""
    return path


def _folders(path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield path
