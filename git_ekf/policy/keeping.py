"""What is sure to keep commits, once a push has been carried out as far as git will: without --atomic that may be a part of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from git_ekf.git.refs import BACKUP, HEADS, RECORDS, UPSTREAM, RefUpdate
from git_ekf.repository import Repository

Parents = dict[str, list[str]]


def lost(
    repo: Repository, updates: list[RefUpdate], kinds: Mapping[str, str], vain: Collection[str]
) -> Iterator[tuple[RefUpdate, int]]:
    """Each update of a branch that takes commits away, and how many. Commits that several take away count for the first.

    `kinds` are the types of the objects that the updates name, `vain` the refs that git will not touch.
    """
    moved = [
        update
        for update in updates
        if update.ref.startswith(HEADS) and not update.creates and update.old != update.new
    ]
    if not moved or (
        len(moved) == 1
        and kinds.get(moved[0].new) == "commit"
        and repo.git.is_ancestor(moved[0].old, moved[0].new)
    ):
        return
    after = [update.new for update in moved if kinds.get(update.new) == "commit"]
    keepers = [*_standing(repo, updates), *_arriving(repo, updates, vain)]
    lines = repo.git.rev_list(
        "--parents", include=[*(update.old for update in moved), *after], exclude=keepers
    )
    unkept = {words[0]: words[1:] for words in (line.split(" ") for line in lines)}
    forward = [
        update
        for update in moved
        if update.old in unkept and update.old in _below(unkept, update.new)
    ]
    # Whether git moves it or not, a release branch that goes forward has what it had.
    kept = {
        commit
        for update in forward
        if _keeps(repo, update.ref)
        for commit in _below(unkept, update.old)
    }
    for update in moved:
        gone = set() if update in forward else set(_below(unkept, update.old, kept))
        kept |= gone
        if gone:
            yield update, len(gone)


def _keeps(repo: Repository, ref: str) -> bool:
    """Of branches only those of a release: any other may be deleted by the next push, while this one is still under way."""
    if ref.startswith(HEADS):
        return repo.config.scheme.is_release(ref.removeprefix(HEADS))
    return ref.startswith((RECORDS, BACKUP, UPSTREAM))


def _standing(repo: Repository, updates: list[RefUpdate]) -> Iterator[str]:
    """Object ids of the refs that keep commits and are not touched. What is the vendor's only grows."""
    touched = {update.ref for update in updates if not update.ref.startswith(UPSTREAM)}
    releases = f"{HEADS}{repo.config.scheme.prefix}*{repo.config.scheme.suffix}"
    for line in repo.git.lines(
        "for-each-ref",
        "--format=%(objectname) %(refname) %(symref)",
        releases,
        RECORDS,
        BACKUP,
        UPSTREAM,
    ):
        oid, ref, symref = line.split(" ")
        if not symref and ref not in touched and _keeps(repo, ref):
            yield oid


def _arriving(repo: Repository, updates: list[RefUpdate], vain: Collection[str]) -> list[str]:
    """The commits that refs of the push will keep for sure: those that are here already.

    One that arrives may lack objects below it, or be the edge of a shallow clone. git then refuses that ref alone, and no hook can tell.
    """
    named = {
        update.new
        for update in updates
        if not update.deletes and update.ref not in vain and _keeps(repo, update.ref)
    }
    if not named:
        return []
    asked = "".join(f"{oid}^{{commit}}\n" for oid in named).encode()
    answers = repo.git.lines("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked)
    commits = {answer.partition(" ")[0] for answer in answers if answer.endswith(" commit")}
    return list(commits.difference(repo.git.rev_list("--not", "--all", "--not", include=commits)))


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
