"""The conflicts in files that somebody has resolved by hand in a rebase, with the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.upgrade.rebase_end import rewritten
from git_ekf.upgrade.rebase_state import RebaseState, in_progress, read

if TYPE_CHECKING:
    from git_ekf.resolutions.answers import Resolutions
    from git_ekf.resolutions.question import Question


class ResolvedByHand(NamedTuple):
    """A question, and what a commit has there now: None where it has no such file.

    `commit` is the commit as it became.
    """

    question: Question
    result: Entry | None
    commit: str


def with_questions(repo: Repository, state: RebaseState, resolutions: Resolutions) -> RebaseState:
    """The state with what the rebase has stopped at: what no resolution has settled."""
    picked = repo.git.ref_value("REBASE_HEAD")
    commit = next((oid for oid, pick in state.rest if pick == picked), picked)
    asked = dict.fromkeys((oid, tuple(words)) for oid, words in state.asked)
    asked.update(dict.fromkeys((commit, tuple(_packed(one))) for one in resolutions.open))
    resolutions.open.clear()
    return state._replace(asked=tuple((oid, list(words)) for oid, words in asked))


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
    for oid, words in state.asked:
        question = _unpacked(words)
        # Else it was left out, or what it became was undone, and is pruned by now.
        if question and oid in new and repo.git.commit(new[oid]):
            found.append(
                ResolvedByHand(question, repo.git.entry(new[oid], question.path), new[oid])
            )
    return found


def _packed(question: Question) -> list[str]:
    words = [question.path]
    for entry in (question.base, question.ours, question.theirs):
        words += entry
    return words + [word for pair in question.attributes for word in pair]


def _unpacked(words: list[str]) -> Question | None:
    from git_ekf.resolutions.question import Question  # where there are any

    if len(words) < 7 or len(words) % 2 == 0:
        return None
    path, *rest = words
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    base, ours, theirs = (Entry(*pair) for pair in pairs[:3])
    return Question(path, base, ours, theirs, tuple(pairs[3:]))
