"""What may be in the way of a move: untracked files, branches checked out elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import takewhile

from git_ekf.errors import Refused
from git_ekf.git.questions.refs import Branch
from git_ekf.git.refs import HEADS
from git_ekf.git.trees import TreeChanges
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.transaction.free_names import require_free
from git_ekf.transaction.journal import Operation
from git_ekf.transaction.moves import NO_BRANCH, branches_of, head_tips, moved


def require_room(
    repo: Repository, move: Operation, changes: TreeChanges | None = None
) -> tuple[str, str]:
    """The commit of HEAD before and after; `changes` is what is between them, where it is known.

    Raises Refused where a branch is not where it was, or is checked out elsewhere, where a ref is
    in the way of a new one, or a file that git does not know would be written over.
    """
    made = [update.ref for update in move.updates if update.creates]
    branches, around = repo.git.branches_and_around(sorted(branches_of(move)), made)
    for ref, old, new in move.updates:
        now = branches.get(ref, NO_BRANCH).commit or "0" * len(new)
        if ref.startswith(HEADS) and now not in (old, new):
            raise moved(ref)
    for ref, branch in branches.items():
        if ref != HEADS + move.head:
            _require_not_elsewhere(repo, ref, branch)
    require_free(repo, around)
    before, after = head_tips(move, branches)
    if before == after:
        return before, after
    if not branches.get(HEADS + move.head, NO_BRANCH).is_here:
        raise moved("HEAD")
    _require_distinct(repo, before, after)
    if changes is None:
        changes = repo.git.diff_trees(before, after)
    _require_free_files(repo, changes)
    return before, after


def _require_not_elsewhere(repo: Repository, ref: str, branch: Branch) -> None:
    path = branch.worktree
    if path and os.path.realpath(path) != os.path.realpath(repo.place.top):
        raise Refused(
            f"{ref.removeprefix(HEADS)} is checked out in {path}",
            f"git -C {shell(path)} switch --detach, then try again",
        )


def _require_distinct(repo: Repository, before: str, after: str) -> None:
    """Raises Refused where two files of the new commit would be one file in the work tree.

    That is where it does not tell upper from lower case.
    """
    if repo.git_setting("core.ignorecase") != "true":
        return
    known = repo.git.ls_tree(before, recursive=True)
    folded: dict[str, str] = {}
    for path in repo.git.ls_tree(after, recursive=True):
        other = folded.setdefault(path.casefold(), path)
        # With those that are there already somebody lives.
        if other != path and not (path in known and other in known):
            raise Refused(
                f"{other} and {path} differ in case only, and this file system takes them for one",
                "a case-sensitive file system",
            )


def _require_free_files(repo: Repository, changes: TreeChanges) -> None:
    """Raises Refused where a new file would be written over one that git does not track.

    Ignored files count: git takes them for worthless.
    """
    removed = {path for path, (_, new) in changes.items() if new is None}
    folders = {"": True}
    for path, (old, _) in changes.items():
        other = _in_the_way(repo, path, removed, folders) if old is None else ""
        if other:
            raise Refused(
                f"{other} is in the way: git does not track it here, and would write over it",
                shell(
                    "mv", *(from_here(path, repo.place.top) for path in (other, other + ".mine"))
                ),
            )


def _in_the_way(repo: Repository, path: str, removed: set[str], folders: dict[str, bool]) -> str:
    """The untracked file or directory that a new file would meet, "" for none.

    `removed` are the files that git removes, `folders` the directories looked at by now, with
    whether anything can be in them.
    """
    top = repo.place.top
    unknown = list(takewhile(lambda folder: folder not in folders, _folders(path)))
    for folder in reversed(unknown):
        mode = _mode(top, folder) if folders[os.path.dirname(folder)] else 0
        if mode and not stat.S_ISDIR(mode) and folder not in removed:
            return folder
        folders[folder] = bool(mode)
    if not folders[path.rpartition("/")[0]]:
        return ""
    mode = _mode(top, path)
    if stat.S_ISDIR(mode):
        inside = repo.git.variant(top).untracked_files(path)
        return inside[0].removesuffix("/") if inside else ""
    return path if mode else ""


def _mode(top: str, path: str) -> int:
    """What is at a path, as lstat(2) says it; 0 for nothing."""
    try:
        return os.lstat(f"{top}/{path}").st_mode
    except (OSError, ValueError):  # as os.path.lexists has it
        return 0


def _folders(path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield path
