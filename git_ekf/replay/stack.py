"""A stack of commits, and which of them the vendor has already."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import CommitChanges, TreeChanges


class Commit(NamedTuple):
    """A commit of a stack, and what it changes.

    `tree_of` has its tree: the commit itself, but for one that a migration has rewritten.
    `emptied`: the migration has left nothing of it. `text_of` has its author and message.
    """

    oid: str
    subject: str
    changes: TreeChanges
    tree_of: str
    text_of: str
    emptied: bool = False


class Stack(NamedTuple):
    """Commits, oldest first, each on the one before; the first stands on `base`."""

    base: str
    commits: list[Commit]


def read_stack(git: Git, base: str, tip: str) -> Stack:
    """The commits from `base` to `tip` along first parents; a merge is what it brings."""
    found = git.commits_with_changes(base, tip, first_parent=True)
    commits = [Commit(oid, subject, changes, oid, oid) for oid, subject, changes in found]
    return Stack(base, commits)


def already_upstream(
    git: Git, stack: Stack, channel: list[CommitChanges], tip: str, onto: str
) -> dict[str, str]:
    """Commits whose patch the vendor has -> the vendor's commit that changes the same paths.

    `channel` are the vendor's commits from the stack's base to `onto`, merges left out.
    Only commits that change the same paths can have the same patch (git-patch-id(1)), so git is
    rarely asked.
    """
    vendors = {frozenset(vendor.changes): vendor for vendor in channel}
    found = {}
    doubtful = False
    for commit in stack.commits:
        vendor = vendors.get(frozenset(commit.changes)) if commit.changes else None
        if vendor:
            found[commit.oid] = vendor.oid
            doubtful = doubtful or commit.changes != vendor.changes
    if doubtful:
        same = git.cherry(onto, tip, stack.base)
        found = {oid: vendor for oid, vendor in found.items() if oid in same}
    return found
