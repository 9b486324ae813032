"""Takes back the last thing git-ekf did to refs, when they still are where it put them."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, KEPT, SAVED, TAGS, RefUpdate
from git_ekf.recovery import recover
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.journal import Operation
from git_ekf.transaction.perform import exclusive, take_back
from git_ekf.transaction.preconditions import require_clean, require_nothing_in_progress
from git_ekf.upgrade.rebase_state import under_way
from git_ekf.upgrade.target import PULL


class Undone(NamedTuple):
    """The operation that was taken back.

    `how` says what had begun to take it back before, as the end of a sentence, or is "".
    `published` are sentences on what `internal` already has of it, `records` the names of deploy
    records that were put back.
    """

    operation: Operation
    how: str
    published: list[str]
    records: list[str]


def undo_last(repo: Repository) -> Undone:
    """Takes back the last operation. Raises Refused."""
    interrupted, rebased, records = recover(repo)
    # Nothing of it is left now, and it was the last one.
    if interrupted and interrupted.state != "done":
        return Undone(interrupted, "which was cut off", [], records)
    if rebased and rebased.state != "done":
        return Undone(rebased, "which git rebase had taken back already", [], records)
    with exclusive(repo) as journal:
        command = under_way(repo)
        if command:
            raise Refused(f"the {command} is still in progress", f"git ekf {command} --abort")
        operation = journal.last()
        if operation is None:
            raise Refused("there is nothing to undo", "git reflog shows what git itself did")
        if operation.state == "unknown":
            raise Refused(
                f"another version of git-ekf made the last {operation.command}",
                "git reflog shows its branches",
            )
        first = journal.before(operation)
        if first:
            _require_refs_unmoved(repo, first)
        _require_unmoved(repo, operation)
        published = _published(repo, first or operation)
        if operation.moves_head:
            require_nothing_in_progress(repo)
            # A rollback asks for more; otherwise untracked files only count where they are in
            # the way.
            require_clean(repo, untracked=not operation.replays)
        take_back(repo, journal, _with_kept_records(repo, operation))
        if first:
            repo = repo.fresh()
            require_clean(repo, untracked=not first.replays)
            take_back(repo, journal, first)
            operation = first._replace(head_after=operation.head_after)
        return Undone(operation, "", published, records)


def _with_kept_records(repo: Repository, operation: Operation) -> Operation:
    """The operation, and with the records that it made also the refs that keep them."""
    updates = [update for update in operation.updates if not update.ref.startswith(KEPT)]
    for update in list(updates):
        kept = update.ref.replace(TAGS, KEPT, 1)
        if update.creates and kept != update.ref and repo.git.ref_value(kept) == update.new:
            updates.append(update._replace(ref=kept))
    return operation._replace(updates=tuple(updates))


def _require_refs_unmoved(repo: Repository, operation: Operation) -> None:
    for update in operation.updates:
        if repo.git.ref_value(update.ref) != update.new:
            name = _short(update)
            is_branch = update.ref.startswith(HEADS)
            raise Refused(
                f"{name} has moved since the {operation.command}",
                f"git reflog {shell(name)} shows where it was" if is_branch else "git ekf log",
            )


def _require_unmoved(repo: Repository, operation: Operation) -> None:
    _require_refs_unmoved(repo, operation)
    if not operation.moves_head:
        return
    if operation.is_elsewhere(repo):
        raise Refused(
            f"the {operation.command} was made in the work tree {operation.worktree}",
            f"git -C {shell(operation.worktree)} ekf undo",
        )
    if repo.git.head_branch() != operation.head_after:
        raise Refused(
            f"{operation.head_after} is no longer checked out",
            f"git switch {shell(operation.head_after)}, then: git ekf undo",
        )
    if not repo.git.ref_value(HEADS + operation.head):
        raise Refused(
            f"{operation.head}, where HEAD was, exists no longer",
            f"git branch {shell(operation.head)} COMMIT (git reflog)",
        )


def _published(repo: Repository, operation: Operation) -> list[str]:
    """Sentences on what `internal` has of it.

    Raises Refused for a record: a published one stays.
    """
    internal = repo.config.internal
    sentences = []
    for update in operation.updates:
        name = _short(update)
        # Under the same name `internal` may have somebody else's.
        if update.ref.startswith(TAGS) and repo.git.ref_value(SAVED + name) == update.new:
            raise Refused(
                f"{name} is already on {internal}, and a published record stays",
                "git ekf tag records what is deployed now",
            )
        there = repo.saved_branches.get(name) if update.ref.startswith(HEADS) else None
        if not there or not repo.git.is_ancestor(update.new, there):
            continue
        if update.creates and operation.replays:
            sentences.append(
                f"{internal}/{name} is there already, and stays; another upgrade goes on from it"
            )
        elif operation.command == PULL or (
            not update.creates and repo.git.is_ancestor(update.old, update.new)
        ):
            sentences.append(
                f"{internal}/{name} has it, and keeps it: git ekf pull takes it here again"
            )
        elif operation.replays:
            sentences.append(
                f"{internal}/{name} already has it;"
                " git ekf save puts the old state there and keeps this one as a backup"
            )
    return sentences


def _short(update: RefUpdate) -> str:
    return update.ref.removeprefix(HEADS).removeprefix(TAGS)
