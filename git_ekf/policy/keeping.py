"""What is sure to keep commits, once a push has been carried out as far as git will.

Without --atomic that may be a part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from git_ekf.git.refs import BACKUP, HEADS, RECORDS, UPSTREAM, RefUpdate
from git_ekf.policy.receiver import Receiver

Parents = dict[str, list[str]]


def lost(repo: Receiver) -> Iterator[tuple[RefUpdate, int]]:
    """Each update of a branch that takes commits away, and how many.

    Commits that several take away count for the first.
    """
    moved = [
        update
        for update in repo.updates
        if update.ref.startswith(HEADS) and not update.creates and update.old != update.new
    ]
    after = [update.new for update in moved if repo.types.get(update.new) == "commit"]
    if not moved or (len(moved) == len(after) == 1 and _is_forward(repo, moved[0])):
        return
    before = [update.old for update in moved]
    unkept = repo.git.parents([*before, *after], [*_standing(repo), *_arriving(repo)])
    forward = []
    kept: set[str] = set()
    for update in moved:
        if update.old in unkept and update.old in _below(unkept, update.new):
            forward.append(update)
            # Whether git moves it or not, a release branch that goes forward has what it had.
            if _keeps(repo, update.ref):
                kept.update(_below(unkept, update.old))
    for update in moved:
        if update not in forward:
            gone = set(_below(unkept, update.old, kept))
            kept |= gone
            if gone:
                yield update, len(gone)


def _is_forward(repo: Receiver, update: RefUpdate) -> bool:
    return repo.git.is_ancestor(update.old, update.new)


def _keeps(repo: Receiver, ref: str) -> bool:
    """Whether a ref keeps commits for good.

    Of branches only those of a release: any other may be deleted by the next push, while this one
    is still under way.
    """
    if ref.startswith(HEADS):
        return repo.config.scheme.is_release(ref.removeprefix(HEADS))
    return ref.startswith((RECORDS, BACKUP, UPSTREAM))


def _standing(repo: Receiver) -> Iterator[str]:
    """Object ids of the refs that keep commits and are not touched; the vendor's only grow."""
    touched = {update.ref for update in repo.updates if not update.ref.startswith(UPSTREAM)}
    releases = f"{HEADS}{repo.config.scheme.prefix}*{repo.config.scheme.suffix}"
    for ref, oid in repo.git.ref_values(releases, RECORDS, BACKUP, UPSTREAM).items():
        if ref not in touched and _keeps(repo, ref):
            yield oid


def _arriving(repo: Receiver) -> Iterable[str]:
    """The commits that refs of the push will keep for sure: those that are here already.

    One that arrives may lack objects below it, or be the edge of a shallow clone. git then refuses
    that ref alone, and no hook can tell.
    """
    named = {
        update.new
        for update in repo.updates
        if not update.deletes and update.ref not in repo.blocked and _keeps(repo, update.ref)
    }
    if not named:
        return ()
    infos = repo.git.object_infos(f"{oid}^{{commit}}" for oid in named)
    commits = {info.oid for info in infos if info}
    return commits - repo.git.unreachable(commits)


def _below(parents: Parents, commit: str, without: Collection[str] = ()) -> Iterator[str]:
    """A commit and those below it, as far as `parents` and none of `without` go."""
    seen = set()
    waiting = [commit]
    while waiting:
        at = waiting.pop()
        if at in parents and at not in seen and at not in without:
            seen.add(at)
            yield at
            waiting += parents[at]
