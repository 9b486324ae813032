"""A history with merges as one line, whose last commit has the files that it had before.

Along first parents each merge is an ordinary commit that has the merge's files. What stands below a
merge with the vendor stands on an older commit of the vendor's. So that no commit takes back what
the vendor has changed, it is put on the newer one, as git merges the two; a file that is in
conflict there is as the merge has resolved it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.trees import TreeChanges
from git_ekf.replay.merging import merge
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack
from git_ekf.repository import Repository

# Conflicts in one path, for which there is one resolution.
_OF_ONE_PATH = {"content", "add/add", "binary", "modify/delete", "mode", "symlink", "submodule"}


class Chain(NamedTuple):
    """The commits from `base` to a tip along first parents.

    `merges` are those that are a merge, newest first, `merged` what they have merged. `stands` is
    the newest commit that can stay as it is, with all below it; the base where none can.
    """

    merges: list[str]
    merged: list[str]
    stands: str


def read_chain(git: Git, base: str, tip: str) -> Chain:
    """Raises GitFailed."""
    parents = git.parents([tip], [base])
    merges = []
    merged: list[str] = []
    stands = base
    at = tip
    while at in parents:
        below, *others = parents[at] or [""]
        if others:
            merges.append(at)
            merged += others
            stands = below
        at = below
    return Chain(merges, merged, stands if at == base else base)


def merges_other_releases(repo: Repository, base: str, tip: str, channel: str) -> bool:
    """Whether a merge along first parents has brought commits of the vendor's other branches."""
    merged = read_chain(repo.git, base, tip).merged
    beyond = repo.git.commits(merged, [channel])
    return len(beyond) > len(repo.git.commits(merged, [channel], repo.vendor_globs()))


def one_line(repo: Repository, scratch: Scratch, stack: Stack, tip: str) -> Stack:
    """The stack as one line: what each commit changes then.

    `stack` is as `read_stack` has read it from the repository. A commit of which nothing is left is
    `emptied`. Raises GitFailed.
    """
    git = repo.git
    merges = set(read_chain(git, stack.base, tip).merges)
    stack, stood_on = _without_the_vendors(repo, stack, tip)
    commits: list[Commit] = []
    before: TreeChanges = {}
    for commit, found in zip(stack.commits, _from_base(scratch, stack, stood_on), strict=True):
        after = before if found is None else found
        changes: TreeChanges = {}
        for path in sorted(before.keys() | after.keys()):
            base, _ = before.get(path) or after[path]
            _, old = before.get(path, (base, base))
            _, new = after.get(path, (base, base))
            if old != new:
                changes[path] = (old, new)
        if commit.oid in merges:
            brought = git.commits([commit.oid], [f"{commit.oid}^1", stack.base])
            brought.remove(commit.oid)
            commit = commit._replace(merge=True, brought=tuple(brought))
        emptied = ""
        if commit.changes and not changes:
            is_merged = found is None
            emptied = (
                "a merge after it has its changes" if is_merged else "the vendor has all of it"
            )
        commits.append(commit._replace(changes=changes, emptied=emptied))
        before = after
    return Stack(stack.base, commits)


def _without_the_vendors(repo: Repository, stack: Stack, tip: str) -> tuple[Stack, str]:
    """The stack, and the vendor's commit of another channel that it stood on first; "" for none."""
    own = set(repo.git.commits([tip], [stack.base], repo.vendor_globs(), first_parent=True))
    vendors = [commit.oid for commit in stack.commits if commit.oid not in own]
    commits = [commit for commit in stack.commits if commit.oid in own]
    return stack._replace(commits=commits), vendors[-1] if vendors else ""


def _from_base(scratch: Scratch, stack: Stack, stood_on: str) -> list[TreeChanges | None]:
    """Of each commit how its files are to differ from the base's; None where a merge above has it.

    `stood_on`: see `_without_the_vendors`.
    """
    found: list[TreeChanges | None] = []
    resolved: TreeChanges = {}
    side = NewSide(scratch, stack.base)
    # From the tip down, where all stand on the base: below a merge its resolutions are known.
    for commit in reversed(stack.commits):
        open_paths: Iterable[str] = ()
        tree: str | None = commit.oid
        on_base = scratch.merging.is_ancestor(stack.base, commit.oid)
        if not on_base:
            tree, open_paths = _on_base(scratch, side, stack.base, stood_on, commit)
        if tree is None:
            found.append(None)
            continue
        changes = scratch.writing.diff_trees(stack.base, tree)
        for path in open_paths:
            changes.pop(path, None)
            if path in resolved:
                changes[path] = resolved[path]
        if on_base:
            resolved = changes
        found.append(changes)
    side.forget_attributes()
    return found[::-1]


def _on_base(
    scratch: Scratch, side: NewSide, base: str, stood_on: str, commit: Commit
) -> tuple[str | None, Iterable[str]]:
    """The tree of a commit on a newer base, and the paths that are in conflict there.

    None where there is no telling a path's resolution from the merge's.
    """
    stood_on = stood_on or scratch.merging.merge_base(base, commit.oid) or ""
    if not stood_on:
        return None, ()
    side.read_attributes(commit.changes)
    ours = scratch.objects.commit(scratch.writing.tree_of(base), stood_on)
    scratch.objects.write()
    merged = merge(scratch.merging, ours, commit.oid)
    if {conflict.kind for conflict in merged.conflicts} <= _OF_ONE_PATH:
        return merged.tree, merged.stages
    return None, ()
