"""What keeps a commit in the internal repository for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from git_ekf.git.refs import HEADS, RECORDS, RefUpdate
from git_ekf.repository import Repository

if TYPE_CHECKING:
    from git_ekf.policy.server import ServerRepository


# Nothing may move or delete these, and the vendor's only grow. No branch is among them: two pushes
# at the same time could rewrite two branches, each relying on the one that the other moves.
def keeping(repo: Repository) -> tuple[str, ...]:
    """The names below which refs keep commits for good."""
    return (RECORDS, *repo.namespace.prefixes)


def keepers(repo: Repository, refs: Mapping[str, str]) -> list[str]:
    """The object ids of refs that keep commits for good, of refs that stand already.

    One that arrives in the same push may be refused by git for reasons that no hook is told.
    """
    return [oid for ref, oid in refs.items() if ref.startswith(keeping(repo))]


def lost(repo: ServerRepository) -> Iterator[tuple[RefUpdate, int]]:
    """Each update of a branch that takes commits away, and how many.

    Commits that several take away count for the first.
    """
    moved = [update for update in repo.updates if _may_lose(repo, update)]
    if not moved:
        return
    standing = keepers(repo, repo.git.ref_values(*keeping(repo)))
    # Thousands of branches may go in one push: with those that are kept nothing goes.
    unkept = set(repo.git.commits([update.old for update in moved], standing))
    counted: set[str] = set()
    for update in moved:
        if update.old not in unkept:
            continue
        gone = set(repo.git.commits([update.old], [*standing, *_stays(repo, update)])) - counted
        counted |= gone
        if gone:
            yield update, len(gone)


def _may_lose(repo: ServerRepository, update: RefUpdate) -> bool:
    """Whether a branch goes, or does not only grow."""
    if update.ref.startswith(repo.namespace.prefixes):  # which have rules of their own
        return False
    if not update.ref.startswith(HEADS) or update.creates or update.old == update.new:
        return False
    return not any(
        update.old in repo.own_line(new) or repo.git.is_ancestor(update.old, new)
        for new in _stays(repo, update)
    )


def _stays(repo: ServerRepository, update: RefUpdate) -> list[str]:
    """Where the branch is then, which keeps what is below it."""
    return [update.new] if repo.types.get(update.new) == "commit" else []
