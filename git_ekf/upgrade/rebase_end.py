"""How a rebase of an upgrade or sync has ended, in whoever's hands."""

from __future__ import annotations

import os

from git_ekf.git.refs import HEADS, PICKS, RefUpdate
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Journal, Operation
from git_ekf.transaction.moves import set_setting
from git_ekf.upgrade.rebase_state import in_progress, read, remove
from git_ekf.upgrade.target import UPGRADE

# --- where it stands ---


def recognise(repo: Repository, journal: Journal) -> Operation | None:
    """Notes how a rebase has ended, in whosever hands; None where there is none, or it goes on. Raises GitFailed."""
    operation, state = journal.handed_over(), read(repo)
    if operation is None or (
        operation.worktree not in ("", repo.place.top) and os.path.isdir(operation.worktree)
    ):
        return None
    if state is not None and in_progress(repo, state):
        return None
    first, *others = operation.updates
    _restore_old_branch(repo, operation)
    now = repo.git.ref_value(first.ref)
    tip = state.target.tip if state else first.old
    if now and now not in (tip, first.old):
        picks = [update for update in others if update.ref.startswith(PICKS)]
        repo.git.update_refs(RefUpdate(update.ref, "", "") for update in picks)
        kept = [update for update in others if update not in picks]
        remove(repo, "originals")
        return journal.mark(
            operation, "done", [first._replace(new=_left_at(repo, first.ref) or now), *kept]
        )
    # Aborted. Where the last line had made the new branch already, it is at the old tip, and HEAD on it.
    back = [update.inverse() for update in others if repo.git.ref_value(update.ref)]
    if first.creates and now:
        if repo.git.head_branch() == operation.head_after:
            reason = f"checkout: moving from {operation.head_after} to {operation.head}"
            repo.git.point_head(HEADS + operation.head, reason)
        back.append(RefUpdate(first.ref, now, first.old))
    repo.git.update_refs(back)
    for setting in operation.inverse().settings:
        set_setting(repo, setting)
    remove(repo, "originals", "rewritten", "rebase")
    return journal.mark(operation, "dropped")


def _restore_old_branch(repo: Repository, operation: Operation) -> None:
    """Where git went on by itself without the last line of ours, it has moved the old branch: that is the new one."""
    state, goal = read(repo), HEADS + operation.head_after
    if (
        state is None
        or operation.command != UPGRADE
        or repo.git.ref_value(goal) not in ("", state.target.tip)
    ):
        return
    old, new = HEADS + operation.head, _left_at(repo, HEADS + operation.head)
    if (
        new
        and new != state.target.tip
        and repo.git.ref_value(old) == new
        and repo.git.is_ancestor(state.onto, new)
    ):
        repo.git.update_refs([RefUpdate(old, new, state.target.tip), RefUpdate(goal, "", new)])
        repo.git.point_head(goal, f"rebase (finish): returning to {goal}")
        for setting in operation.settings:
            set_setting(repo, setting)


def _left_at(repo: Repository, ref: str) -> str:
    """Where the rebase left a branch, as its reflog says; "" where that does not. Somebody may have gone on from there."""
    for oid, reason in repo.git.reflog(ref):
        if reason.startswith("rebase"):
            return oid
    return ""
