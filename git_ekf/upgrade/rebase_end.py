"""How a rebase of ours has ended, in whoever's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from git_ekf.git.refs import HEADS, PICKS, RefUpdate
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Journal, Operation
from git_ekf.transaction.moves import bring_settings, point_head
from git_ekf.upgrade.rebase_state import LAST_STEP, RebaseState, in_progress, path_of, read, remove

if TYPE_CHECKING:
    from git_ekf.git.trees import Entry
    from git_ekf.resolutions.question import Question


def recognise(repo: Repository, journal: Journal) -> Operation | None:
    """Brings refs, HEAD and journal to what a rebase that has ended comes to.

    Returns the operation, done or dropped; None where there is no rebase, or it goes on. Raises
    GitFailed.
    """
    operation = journal.handed_over()
    if operation is None or operation.is_elsewhere(repo):
        return None
    state = read(repo)
    if state is not None:
        if in_progress(repo, state):
            return None
        _restore_old_branch(repo, operation, state)
    first, *others = operation.updates
    now = repo.git.ref_value(first.ref)
    is_new = now and now not in (state.target.tip if state else "", first.old)
    # Where nothing was put on top of a branch that was there already.
    is_same = now and now == first.old and operation.head != operation.head_after
    if is_new or (is_same and repo.git.head_branch() == operation.head_after):
        picks = [update for update in others if update.ref.startswith(PICKS)]
        repo.git.update_refs(RefUpdate(update.ref, "", "") for update in picks)
        remove(repo, LAST_STEP, "originals")
        moved = first._replace(new=_left_at(repo, first.ref) or now)
        kept = [update for update in others if update not in picks]
        if state is not None:
            operation = operation._replace(dropped=state.superseded)
        return journal.mark(operation, "done", [moved, *kept])
    # Aborted. Where the last line had made the new branch already, it is at the old tip, and HEAD
    # on it.
    back = [update.inverse() for update in others if repo.git.ref_value(update.ref)]
    if now and now != first.old:
        if repo.git.head_branch() == operation.head_after:
            point_head(repo, operation.inverse())
        back.append(RefUpdate(first.ref, now, first.old))
    repo.git.update_refs(back)
    bring_settings(repo, operation.inverse())
    remove(repo, LAST_STEP, "originals", "rewritten", "rebase")
    return journal.mark(operation, "dropped")


def rewritten(repo: Repository, state: RebaseState) -> list[tuple[str, str]]:
    """(original, new) of the commits that are kept, oldest first, once the rebase is over."""
    try:
        with open(path_of(repo, "rewritten"), encoding="ascii") as file:
            found = dict(line.split() for line in file)
    except (OSError, ValueError):
        found = {}
    pairs = list(state.written)
    # Of a commit that was skipped git notes the one before, as if it had become that.
    taken = {state.onto, *(new for _, new in pairs)}
    for old, pick in state.rest:
        new = found.get(old) or found.get(pick)
        if new and new not in taken:
            taken.add(new)
            pairs.append((old, new))
    return pairs


def _restore_old_branch(repo: Repository, operation: Operation, state: RebaseState) -> None:
    """Where git went on without our last line, it has moved the old branch: that is the new one."""
    tip = state.target.tip
    old = HEADS + operation.head
    goal = HEADS + operation.head_after
    if operation.head == operation.head_after or repo.git.ref_value(goal) not in ("", tip):
        return
    new = _left_at(repo, old)
    if new in ("", tip) or repo.git.ref_value(old) != new:
        return
    if not repo.git.is_ancestor(state.onto, new):
        return
    repo.git.update_refs([RefUpdate(old, new, tip), RefUpdate(goal, "", new)])
    repo.git.point_head(goal, f"rebase (finish): returning to {goal}")
    bring_settings(repo, operation)


def _left_at(repo: Repository, ref: str) -> str:
    """Where the rebase left a branch, as its reflog says; "" where that does not.

    Somebody may have gone on from there.
    """
    for oid, reason in repo.git.reflog(ref):
        if reason.startswith("rebase"):
            return oid
    return ""


# --- what somebody has resolved in it ---


class ResolvedByHand(NamedTuple):
    """A question, and what a commit has there now: None where it has no such file.

    `commit` is the commit as it became.
    """

    question: Question
    result: Entry | None
    commit: str


def answers(repo: Repository) -> list[ResolvedByHand] | None:
    """The answers that the last rebase of ours was resolved to by hand; None while it goes on.

    [] where there was none, or it was given up. Raises GitFailed.
    """
    state = read(repo)
    if state is None or not state.asked:
        return []
    if in_progress(repo, state):
        return None
    new = dict(rewritten(repo, state))
    found = []
    for oid, question in state.asked:
        # Else it was left out, or what it became was undone, and is pruned by now.
        if oid in new and repo.git.commit(new[oid]):
            result = repo.git.entry(new[oid], question.path)
            found.append(ResolvedByHand(question, result, new[oid]))
    return found
