"""Refs, HEAD and settings, moved."""

from __future__ import annotations

from git_ekf.errors import Refused
from git_ekf.git.questions.refs import Branch
from git_ekf.git.refs import HEADS
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Operation, Setting
from git_ekf.transaction.tracking import tracking

# What a state becomes when the operation went through, and when it did not.
ENDS = {"begun": ("done", "dropped"), "undoing": ("undone", "done")}

NO_BRANCH = Branch("", False, "")


def to_track(repo: Repository, branch: str) -> tuple[Setting, ...]:
    """The settings that are to change so that a branch tracks its channel."""
    settings = []
    for key, value in tracking(repo.config.primary, branch).items():
        old = tuple(repo.git_settings(key))
        if old != (value,):
            settings.append(Setting(key, old, (value,)))
    return tuple(settings)


def direction(operation: Operation) -> Operation:
    """The operation as it moves things: one that is taken back goes the other way."""
    return operation.inverse() if operation.state == "undoing" else operation


def branches_of(move: Operation) -> set[str]:
    """The refs of those that have a part in it."""
    refs = {update.ref for update in move.updates if update.ref.startswith(HEADS)}
    refs.update(HEADS + branch for branch in (move.head, move.head_after) if branch)
    return refs


def head_tips(move: Operation, branches: dict[str, Branch]) -> tuple[str, str]:
    """The commit of HEAD before and after; "" both when HEAD has no part in it."""
    if not move.moves_head:
        return "", ""
    before, after = HEADS + move.head, HEADS + move.head_after
    olds = {update.ref: update.old for update in move.updates}
    news = {update.ref: update.new for update in move.updates}
    return (
        olds.get(before) or branches.get(before, NO_BRANCH).commit,
        news.get(after) or branches.get(after, NO_BRANCH).commit,
    )


def move_refs(repo: Repository, move: Operation) -> None:
    """Moves refs, HEAD and settings. Raises GitFailed, Refused."""
    # HEAD leaves a branch before that is deleted, and is on one only once that is made.
    deleted = [update.ref for update in move.updates if update.deletes]
    leaves_first = HEADS + move.head in deleted
    if leaves_first:
        point_head(repo, move)
    repo.git.update_refs(move.updates, f"git-ekf {move.command}")
    if not leaves_first:
        point_head(repo, move)
    bring_settings(repo, move)


def point_head(repo: Repository, move: Operation) -> None:
    """Moves HEAD to the branch that it is on afterwards. Raises GitFailed."""
    if move.head != move.head_after:
        # In git's own words, which `git switch -` looks for.
        reason = f"checkout: moving from {move.head} to {move.head_after}"
        repo.git.point_head(HEADS + move.head_after, reason)


def bring_settings(repo: Repository, move: Operation) -> None:
    """Brings settings of the clone to their new values, from whatever they have."""
    for key, _, new in move.settings:
        repo.git.set_setting(key, *new)


def moved(ref: str) -> Refused:
    """The error for a branch, or HEAD, that is not where it was when the command began."""
    return Refused(
        f"{ref.removeprefix(HEADS)} has moved meanwhile", "git ekf status, then try again"
    )
