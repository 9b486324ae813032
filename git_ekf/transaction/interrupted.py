"""Ends what a killed command left begun."""

from __future__ import annotations

import os
from contextlib import suppress

from git_ekf.errors import Refused
from git_ekf.git.digest import digest
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import with_article
from git_ekf.transaction.journal import Journal, Operation, uninterrupted
from git_ekf.transaction.moves import ENDS, branches_of, direction, head_tips, move_refs


def outcome(operation: Operation) -> str:
    """How an operation ended that was cut off, as half a sentence."""
    return {
        "done": "it is finished now",
        "undone": "it is taken back now",
        "dropped": "nothing of it is left",
    }[operation.state]


def finish_interrupted(repo: Repository, journal: Journal) -> Operation | None:
    """Ends what a killed command left begun; the operation, in the state that it ended in.

    None where there is nothing of the kind. Raises Refused where only a person can end it.
    """
    operation = journal.unfinished()
    if operation is None:
        return None
    if operation.is_elsewhere(repo):
        raise Refused(
            f"{with_article(operation.command)} was cut off in the work tree {operation.worktree}",
            f"git -C {shell(operation.worktree)} ekf undo",
        )
    done, not_done = ENDS[operation.state]
    now = {update.ref: repo.git.ref_value(update.ref) for update in operation.updates}
    if operation.state == "begun" and not all(update.new for update in operation.updates):
        # Only git knew what the new object would be.
        made = [update._replace(new=now[update.ref]) for update in operation.updates]
        made = [update for update in made if update.new]
        return journal.mark(operation, done if made else not_done, made)
    happened = _end(repo, operation, now)
    return journal.mark(operation, done if happened else not_done)


def _end(repo: Repository, operation: Operation, now: dict[str, str]) -> bool:
    """Ends a move that is somewhere in the middle, refs being as they are now.

    Whether it has happened: that is told by its refs, and of one without any by HEAD.
    """
    move = direction(operation)
    here = repo.git.head_branch()
    moved = [update for update in move.updates if _is_at(now, update.ref, update.new)]
    untouched = [update for update in move.updates if _is_at(now, update.ref, update.old)]
    happened = here == move.head_after
    if move.updates:
        happened = len(moved) == len(move.updates)
    ours = all(update in moved or update in untouched for update in move.updates)
    # Where somebody has gone on from the half-way state, it is theirs.
    if ours and here in (move.head, move.head_after):
        target = move if happened else move.inverse()
        before, after = head_tips(target, repo.git.branches(branches_of(target)))
        left = [up for up in target.updates if not _is_at(now, up.ref, up.new)]
        with uninterrupted():
            if before != after:
                _write_files(repo, operation.command, before, after)
            move_refs(repo, target._replace(updates=tuple(left), head=here))
    return happened


def _is_at(now: dict[str, str], ref: str, oid: str) -> bool:
    return (now[ref] or "0" * len(oid)) == oid


def _write_files(repo: Repository, command: str, before: str, after: str) -> None:
    """Index and files as in `after`, where they are somewhere between the two commits.

    Raises Refused where one holds something else.
    """
    old = repo.git.ls_tree(before, recursive=True)
    new = repo.git.ls_tree(after, recursive=True)
    touched = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    status = repo.git.asking_status(untracked=False, submodules=False).result()
    known = {change.path for change in status if change.path in new}
    for path in sorted(touched | known):
        blobs = {tree[path].oid for tree in (old, new) if path in tree}
        if not _is_ours(repo, path, blobs):
            raise Refused(
                f"{with_article(command)} was cut off, and {path} was changed since",
                "git stash -u, then: git ekf undo, then: git stash pop",
            )
    repo.git.check_out_tree(after)
    for path in touched - new.keys():  # those that were written, but not yet in the index
        whole = os.path.join(repo.place.top, path)
        with suppress(OSError):
            os.unlink(whole)
            os.removedirs(os.path.dirname(whole))


def _is_ours(repo: Repository, path: str, blobs: set[str]) -> bool:
    """Whether a file holds one of these blobs, or the beginning of one.

    The beginning, because git may have been killed while it wrote.
    """
    whole = os.path.join(repo.place.top, path)
    is_link = os.path.islink(whole)
    if is_link:
        content = os.fsencode(os.readlink(whole))
    elif os.path.isfile(whole):
        with open(whole, "rb") as file:
            content = file.read()
    else:  # nothing there that could be lost; git minds directories itself
        return True
    raw = b"blob %d\0" % len(content) + content
    if digest(repo.place.object_format, raw).hex() in blobs:
        return True
    # Filters and line ends may make another blob of it.
    if not is_link and repo.git.variant(repo.place.top).blob_id_of_file(path) in blobs:
        return True
    return any(repo.git.blob(blob).startswith(content) for blob in blobs)
