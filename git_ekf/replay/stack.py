"""What a stack of commits changes, and what its new base changes: paths with the entries they go from and to."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import TreeChanges


class Commit(NamedTuple):
    """A commit of a stack. `tree_of` has its tree: the commit itself, but for one that a migration has rewritten.

    `emptied`: the migration has left nothing of it. `text_of` has its author and message, "" for the commit itself.
    """

    oid: str
    tree_of: str
    changes: TreeChanges
    emptied: bool = False
    text_of: str = ""


class Stack(NamedTuple):
    """Commits, oldest first, each on the one before; the first stands on `base`."""

    base: str
    commits: list[Commit]


def read_stack(git: Git, base: str, tip: str) -> tuple[Stack, dict[str, str]]:
    """The commits from `base` to `tip` along first parents (of a merge, what it brings to its branch), and commit -> subject."""
    found = git.commits_with_changes(base, tip, first_parent=True)
    return Stack(base, [Commit(oid, oid, changes) for oid, _, changes in found]), {
        oid: subject for oid, subject, _ in found
    }


def read_channel(git: Git, base: str, onto: str) -> list[tuple[str, TreeChanges]]:
    """What the vendor's commits from `base` to `onto` change, merges left out."""
    return [
        (oid, changes) for oid, _, changes in git.commits_with_changes(base, onto, merges=False)
    ]


def already_upstream(
    git: Git, stack: Stack, channel: list[tuple[str, TreeChanges]], tip: str, onto: str
) -> dict[str, str]:
    """Commits of the stack whose patch is in `channel`, up to `onto`, already -> a commit there that changes the same paths.

    Only commits that change the same paths can have the same patch (git-patch-id(1)), so git is rarely asked.
    """
    ours: dict[frozenset[str], list[Commit]] = {}
    for commit in stack.commits:
        if commit.changes:
            ours.setdefault(frozenset(commit.changes), []).append(commit)
    if not ours:
        return {}
    alike = {
        paths: (oid, changes) for oid, changes in channel if (paths := frozenset(changes)) in ours
    }
    doubtful = any(
        commit.changes != changes for paths, (_, changes) in alike.items() for commit in ours[paths]
    )
    if not doubtful:
        return {commit.oid: oid for paths, (oid, _) in alike.items() for commit in ours[paths]}
    same = git.cherry(onto, tip, stack.base)
    return {
        commit.oid: oid
        for paths, (oid, _) in alike.items()
        for commit in ours[paths]
        if commit.oid in same
    }
