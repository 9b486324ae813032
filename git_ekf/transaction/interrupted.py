"""Ends what a killed command left begun."""

from __future__ import annotations

import os
from contextlib import suppress

from git_ekf.errors import Refused
from git_ekf.repository import Repository
from git_ekf.terminal.text import with_article
from git_ekf.transaction.journal import Journal, Operation, uninterrupted
from git_ekf.transaction.moves import (
    ENDS,
    branches_of,
    direction,
    head_tips,
    move_refs,
    value_of,
)


def outcome(operation: Operation) -> str:
    """What became of an operation that was cut off, as the end of a sentence."""
    return {
        "done": "it is finished now",
        "undone": "it is taken back now",
        "dropped": "nothing of it is left",
    }[operation.state]


# --- after a crash ---


def finish_interrupted(repo: Repository, journal: Journal) -> Operation | None:
    """Ends what a killed command left begun; the operation, in the state it ended in. Raises Refused where only a person can."""
    operation = journal.unfinished()
    if operation is None:
        return None
    if operation.worktree not in ("", repo.place.top) and os.path.isdir(operation.worktree):
        raise Refused(
            f"{with_article(operation.command)} was cut off in the work tree {operation.worktree}",
            f"git -C {operation.worktree} ekf undo",
        )
    way = direction(operation)
    done, not_done = ENDS[operation.state]
    if operation.state == "begun" and not all(update.new for update in operation.updates):
        # Only git knew what the new object would be.
        made = [
            update._replace(new=value)
            for update in operation.updates
            if (value := repo.git.ref_value(update.ref))
        ]
        return journal.mark(operation, done if made else not_done, made or None)
    here = repo.git.head_branch()
    now = [value_of(repo, update.ref, update.new) for update in way.updates]
    happened = (
        all(value == update.new for value, update in zip(now, way.updates, strict=True))
        if now
        else here == way.head_after
    )
    target = way if happened else way.inverse()
    ours = all(
        value in (update.old, update.new) for value, update in zip(now, way.updates, strict=True)
    )
    # Where somebody has gone on from the half-way state, it is theirs.
    if ours and here in (way.head, way.head_after):
        before, after = head_tips(target, branches_of(repo, target))
        left = tuple(
            update for update, value in zip(target.updates, now, strict=True) if value != update.new
        )
        with uninterrupted():
            if before != after:
                _write_files(repo, operation.command, before, after)
            move_refs(repo, target._replace(updates=left, head=here))
    return journal.mark(operation, done if happened else not_done)


def _write_files(repo: Repository, command: str, before: str, after: str) -> None:
    """Index and files as in `after`, where they are somewhere between the two commits. Raises Refused where one holds something else."""
    trees = [repo.git.ls_tree(commit, recursive=True) for commit in (before, after)]
    touched = {
        path
        for path in trees[0].keys() | trees[1].keys()
        if trees[0].get(path) != trees[1].get(path)
    }
    status = repo.git.status(untracked=False, submodules=False)
    known = {change.path for change in status if change.path in trees[1]}
    for path in sorted(touched | known):
        if not _is_ours(repo, path, {tree[path].oid for tree in trees if path in tree}):
            raise Refused(
                f"{with_article(command)} was cut off, and {path} was changed since",
                "git stash -u, then: git ekf undo, then: git stash pop",
            )
    repo.git.check_out_tree(after)
    for path in touched - trees[1].keys():  # those that were written, but not yet in the index
        with suppress(OSError):
            os.unlink(os.path.join(repo.place.top, path))
            os.removedirs(os.path.dirname(os.path.join(repo.place.top, path)))


def _is_ours(repo: Repository, path: str, blobs: set[str]) -> bool:
    """Whether a file holds one of these blobs, or the beginning of one: git was killed while it wrote."""
    whole = os.path.join(repo.place.top, path)
    if os.path.islink(whole):
        content = os.fsencode(os.readlink(whole))
    elif os.path.isfile(whole):
        with open(whole, "rb") as file:
            content = file.read()
    else:  # nothing there that could be lost; git minds directories itself
        return True
    import hashlib  # 4 ms of every command that moves something

    digest = hashlib.new(
        repo.place.object_format, b"blob %d\0" % len(content) + content, usedforsecurity=False
    ).hexdigest()
    if digest in blobs or (
        not os.path.islink(whole)
        and repo.git.variant(repo.place.top).blob_id_of_file(path) in blobs
    ):
        return True
    return any(repo.git.blob(blob).startswith(content) for blob in blobs)
