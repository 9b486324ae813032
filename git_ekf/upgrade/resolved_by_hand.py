"""The conflicts in files that somebody has resolved by hand in a rebase, with the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.upgrade.rebase_end import rewritten
from git_ekf.upgrade.rebase_state import in_progress, read

if TYPE_CHECKING:
    from git_ekf.resolutions.question import Question


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
