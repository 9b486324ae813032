"""What keeps a commit in the internal repository for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from git_ekf.git.refs import BACKUP, HEADS, RECORDS, UPSTREAM, RefUpdate
from git_ekf.policy.receiver import Receiver

# Nothing may move or delete these, and the vendor's only grow. No branch is among them: two pushes
# at the same time could rewrite two branches, each relying on the one that the other moves.
KEEPING = (RECORDS, BACKUP, UPSTREAM)


def keepers(refs: Mapping[str, str]) -> list[str]:
    """The object ids of refs that keep commits for good, of refs that stand already.

    One that arrives in the same push may be refused by git for reasons that no hook is told.
    """
    return [oid for ref, oid in refs.items() if ref.startswith(KEEPING)]


def lost(repo: Receiver) -> Iterator[tuple[RefUpdate, int]]:
    """Each update of a branch that takes commits away, and how many.

    Commits that several take away count for the first.
    """
    standing: list[str] | None = None
    counted: set[str] = set()
    for update in repo.updates:
        if not update.ref.startswith(HEADS) or update.creates or update.old == update.new:
            continue
        stays = [update.new] if repo.types.get(update.new) == "commit" else []
        if stays and repo.git.is_ancestor(update.old, update.new):
            continue
        if standing is None:
            standing = keepers(repo.git.ref_values(*KEEPING))
        gone = set(repo.git.commits([update.old], [*standing, *stays])) - counted
        counted |= gone
        if gone:
            yield update, len(gone)
