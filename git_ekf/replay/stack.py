"""A stack of commits, and which of them the vendor has already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.questions.history import Author, MadeBy
from git_ekf.git.trees import CommitChanges, TreeChanges

# So many pairs of commits are asked about one by one.
_FEW = 5


class Commit(NamedTuple):
    """A commit of a stack, and what it changes.

    `tree_of` has its tree: the commit itself, but for one that a migration has rewritten.
    `emptied` says why a migration, or making one line of it, has left nothing of it; "" where it
    has not. `text_of` has its author and message. `merge`: it is a
    merge that becomes an ordinary commit; `brought` are the commits that it has brought, newest
    first.
    """

    oid: str
    subject: str
    changes: TreeChanges
    tree_of: str
    text_of: str
    emptied: str = ""
    merge: bool = False
    brought: tuple[str, ...] = ()


class Stack(NamedTuple):
    """Commits, oldest first, each on the one before; the first stands on `base`."""

    base: str
    commits: list[Commit]


def read_stack(git: Git, base: str, tip: str, own: Sequence[tuple[str, list[str]]] = ()) -> Stack:
    """The commits from `base` to `tip` along first parents; a merge is what it brings.

    `own` are commits with their parents, newest first: where they lead from `tip` down to `base`,
    git has not to list them again.
    """
    line = []
    below = tip
    for commit, parents in own:
        if commit != below or len(parents) != 1:
            break
        line.append(commit)
        below = parents[0]
    if line and below == base:
        found = git.changes_of(line[::-1])
    else:
        found = git.commits_with_changes(base, tip, first_parent=True)
    commits = [Commit(oid, subject, changes, oid, oid) for oid, subject, changes in found]
    return Stack(base, commits)


def already_upstream(
    git: Git, stack: Stack, channel: list[CommitChanges], tip: str, onto: str
) -> dict[str, str]:
    """Commits whose patch the vendor has -> the vendor's commit that changes the same paths.

    `channel` are the vendor's commits from the stack's base to `onto`, merges left out.
    Only commits that change the same paths can have the same patch (git-patch-id(1)), so git is
    rarely asked, and of a few only: to look at all of the vendor's again takes long.
    """
    known = alike(stack, channel)
    pairs = known.doubtful
    if len(pairs) > _FEW:
        # What git takes for the same is the same by this, which it tells of many at once.
        ids = git.patch_ids({oid for pair in pairs for oid in pair})
        pairs = [(one, other) for one, other in pairs if ids.get(one) == ids.get(other)]
    if len(pairs) > _FEW:
        return known.there(git.cherry(onto, tip, stack.base))
    return known.there({one for one, other in pairs if git.same_patch(one, other)})


class Alike(NamedTuple):
    """Commits that may have the patch of one of the vendor's: commit -> that one.

    Of the pairs that are `doubtful`, of a commit and one of the vendor's, only git can tell
    (git-patch-id(1)).
    """

    found: dict[str, str]
    doubtful: list[tuple[str, str]]

    def there(self, same: Collection[str]) -> dict[str, str]:
        """Those that the vendor has, where `same` of the doubtful commits have the patch."""
        others = {oid for oid, _ in self.doubtful}.difference(same)
        return {oid: vendor for oid, vendor in self.found.items() if oid not in others}


def alike(stack: Stack, channel: list[CommitChanges]) -> Alike:
    """The commits that change the same paths as one of the vendor's."""
    vendors: dict[frozenset[str], list[CommitChanges]] = {}
    for vendor in channel:
        vendors.setdefault(frozenset(vendor.changes), []).append(vendor)
    found = {}
    doubtful: list[tuple[str, str]] = []
    for commit in stack.commits:
        candidates = vendors.get(frozenset(commit.changes), []) if commit.changes else []
        same = [vendor for vendor in candidates if vendor.changes == commit.changes]
        for vendor in (same or candidates)[:1]:
            found[commit.oid] = vendor.oid
        if not same:
            doubtful += [(commit.oid, vendor.oid) for vendor in candidates]
    return Alike(found, doubtful)


def carried_before(stack: Stack, made: list[MadeBy], there: list[MadeBy]) -> dict[str, str]:
    """Commits that somebody has carried over before -> what became of them `there`.

    A rebase keeps author and subject, also where a conflict was resolved, and what it makes is not
    older than what it was made of: one that was amended since is another. `made` are the stack's
    commits. Where two have the same author, second and subject, none is taken for the other.
    """
    originals = _by_origin(made)
    found = {}
    for origin, copy in _by_origin(there).items():
        original = originals.get(origin)
        if original and original.oid != copy.oid and original.committed <= copy.committed:
            found[original.oid] = copy.oid
    return {commit.oid: found[commit.oid] for commit in stack.commits if commit.oid in found}


def _by_origin(commits: list[MadeBy]) -> dict[tuple[Author, str], MadeBy]:
    """Commits by author and subject, those left out that share them."""
    found: dict[tuple[Author, str], list[MadeBy]] = {}
    for commit in commits:
        found.setdefault((commit.author, commit.subject), []).append(commit)
    return {origin: same[0] for origin, same in found.items() if len(same) == 1}
