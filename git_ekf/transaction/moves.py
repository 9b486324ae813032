"""Refs, HEAD and settings, moved."""

from __future__ import annotations

from git_ekf.errors import Refused
from git_ekf.git.questions.refs import Branch
from git_ekf.git.refs import HEADS
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Operation, Setting

# What a state becomes when the operation went through, and when it did not.
ENDS = {"begun": ("done", "dropped"), "undoing": ("undone", "done")}


def tracking(repo: Repository, branch: str) -> tuple[Setting, ...]:
    """The settings that make a branch track its channel."""
    wanted = {
        f"branch.{branch}.remote": repo.config.primary,
        f"branch.{branch}.merge": HEADS + branch,
    }
    settings = (
        Setting(key, tuple(repo.git_settings(key)), (value,)) for key, value in wanted.items()
    )
    return tuple(setting for setting in settings if setting.old != setting.new)


def direction(operation: Operation) -> Operation:
    return operation.inverse() if operation.state == "undoing" else operation


NO_BRANCH = Branch("", False, "")


def branches_of(repo: Repository, way: Operation) -> dict[str, Branch]:
    """Those that have a part in it, by their refs."""
    asked = {
        HEADS + way.head,
        HEADS + way.head_after,
        *(update.ref for update in way.updates if update.ref.startswith(HEADS)),
    } - {HEADS}
    return repo.git.branches(asked)


def head_tips(way: Operation, branches: dict[str, Branch]) -> tuple[str, str]:
    """The commit of HEAD before and after; "" both when HEAD has no part in it."""
    if not way.moves_head:
        return "", ""
    olds = {update.ref: update.old for update in way.updates}
    news = {update.ref: update.new for update in way.updates}
    head, head_after = HEADS + way.head, HEADS + way.head_after
    return olds.get(head) or branches.get(head, NO_BRANCH).commit, news.get(
        head_after
    ) or branches.get(head_after, NO_BRANCH).commit


def move_refs(repo: Repository, way: Operation) -> None:
    """Refs, HEAD and settings."""
    leaves = any(update.deletes and update.ref == HEADS + way.head for update in way.updates)
    if leaves:
        _point_head(repo, way)
    repo.git.update_refs(way.updates, f"git-ekf {way.command}")
    if not leaves:
        _point_head(repo, way)
    for setting in way.settings:
        set_setting(repo, setting)


def value_of(repo: Repository, ref: str, like: str) -> str:
    return repo.git.ref_value(ref) or "0" * len(like)


def _point_head(repo: Repository, way: Operation) -> None:
    if way.head != way.head_after:
        # In these words, so that `git switch -` knows the way.
        reason = f"checkout: moving from {way.head} to {way.head_after}"
        repo.git.point_head(HEADS + way.head_after, reason)


def set_setting(repo: Repository, setting: Setting) -> None:
    """Brings a setting of the clone to its new values, from whatever it has."""
    if len(setting.new) == 1:
        repo.git.set_setting(setting.key, setting.new[0])
        return
    here = repo.git.local_settings(setting.key)
    if tuple(here) == setting.new:
        return
    if here:
        repo.git.unset_setting(setting.key)
    for value in setting.new:
        repo.git.add_setting(setting.key, value)


def moved(ref: str) -> Refused:
    """The error for a branch, or HEAD, that is not where it was when the command began."""
    return Refused(
        f"{ref.removeprefix(HEADS)} has moved meanwhile", "git ekf status, then try again"
    )
