"""Rules about what a push does to the repository it goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from git_ekf.git.refs import HEADS, RECORDS, TAGS, RefUpdate, backup_ref
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import counted

# What helps where a push deletes.
SAVE = "git ekf save, which pushes all that is yours and deletes nothing"


class Push(NamedTuple):
    """`updates` go to `remote` (its name, or the URL again where it has none) at `url`.

    `remote_refs` asks which refs are there: ref -> object id.
    """

    remote: str
    url: str
    updates: list[RefUpdate]
    remote_refs: Callable[[], dict[str, str]]


def push_primary(repo: Repository, push: Push) -> Iterator[Finding]:
    """Nothing is pushed to the primary repository, whatever it is called."""
    primary = repo.config.primary
    if push.updates and goes_to(repo, push, primary):
        refs = [update.ref for update in push.updates[:3] if not update.deletes]
        names = [ref.removeprefix(HEADS).removeprefix(TAGS) for ref in refs]
        yield Finding(
            f"{push.remote} is the vendor's repository: nothing is pushed there",
            f"git push {shell(repo.config.internal, *names)}",
        )


def goes_to(repo: Repository, push: Push, name: str) -> bool:
    """Whether a push goes to the repository that this remote names, by whatever name and URL."""
    if push.remote == name:
        return True
    remote = repo.remotes.get(name)
    if remote is None:
        return False
    return any(repo.same_repository(push.url, url) for url in (*remote.urls, *remote.push_urls))


def delete_protected(repo: Repository, update: RefUpdate) -> Iterator[Finding]:
    """Release branches and deploy records are not deleted from the internal repository."""
    if not update.deletes:
        return
    branch = update.ref.removeprefix(HEADS)
    if update.ref.startswith(RECORDS):
        ref = f"deploy record {update.ref.removeprefix(TAGS)}"
    elif branch != update.ref and repo.config.scheme.is_release(branch):
        ref = f"release branch {branch}"
    else:
        return
    yield Finding(
        f"the push deletes the {ref}, part of the record of what runs in the cluster",
        SAVE,
        ref=update.ref,
        commit=update.old,
    )


def rewrite_unsaved(repo: Repository, update: RefUpdate, push: Push) -> Iterator[Finding]:
    """No commit vanishes from the internal repository unless a record or a backup keeps it."""
    if update.creates:
        return
    branch, internal = update.ref.removeprefix(HEADS), repo.config.internal
    if repo.git.commit(update.old) is None:
        there = repo.tracking(f"{internal}/{branch}")
        missing = f"{shell(branch)}..{shell(there)}"
        yield Finding(
            f"{branch} there has commits that this clone does not have ({update.old[:12]});"
            " the push would drop them",
            f"git fetch {shell(internal)}, then look: git log {missing}",
            ref=update.ref,
            commit=update.old,
        )
        return
    if not update.deletes and repo.git.is_ancestor(update.old, update.new):
        return
    prefixes = keeping(repo)
    kept = [oid for ref, oid in push.remote_refs().items() if ref.startswith(prefixes)]
    if not update.deletes:
        kept.append(update.new)
    lost = repo.git.commits([update.old], kept, repo.vendor_globs(), ignore_missing=True)
    if lost:
        yield dropped(repo, update, lost[0], len(lost))


# Nothing may move or delete these, and the vendor's only grow. No branch is among them: two pushes
# at the same time could rewrite two branches, each relying on the one that the other moves.
def keeping(repo: Repository) -> tuple[str, ...]:
    """The names below which refs on `internal` keep commits for good.

    Only those that stand already count: one that arrives in the same push may be refused by git for
    reasons that no hook is told.
    """
    return (RECORDS, *repo.namespace.prefixes)


def dropped(repo: Repository, update: RefUpdate, first: str, count: int) -> Finding:
    """The finding about `count` commits, `first` among them, that an update of a branch loses."""
    branch, internal = update.ref.removeprefix(HEADS), repo.config.internal
    backup = shell(f"{update.old}:{backup_ref(branch, repo.namespace.backup)}")
    return Finding(
        f"the push takes {counted(count, 'commit')} of {branch} away from"
        f" {internal} that no deploy record or backup keeps ({first[:12]})",
        f"git push {shell(internal)} {backup}, then push again",
        ref=update.ref,
        commit=first,
    )


def backup_moved(repo: Repository, update: RefUpdate) -> Iterator[Finding]:
    """A backup ref is made once and stays as it is."""
    if update.creates or update.old == update.new:
        return
    act, fix = "deletes", SAVE
    if not update.deletes:
        copy = shell(f"{update.new}:{update.ref}.2")
        act = "moves"
        fix = f"leave it; another name is free: git push {shell(repo.config.internal)} {copy}"
    message = f"the push {act} {update.ref}, which keeps commits that a branch no longer has"
    yield Finding(message, fix, ref=update.ref, commit=update.old)


def tag_moved(repo: Repository, update: RefUpdate) -> Iterator[Finding]:
    """A published deploy record stays as it is."""
    if update.creates or update.deletes or update.old == update.new:
        return
    yield Finding(
        f"{update.ref.removeprefix(TAGS)} is already published and the push would move it",
        f"git fetch {shell(repo.config.internal)} 'refs/tags/deploy/*:refs/tags/deploy/*' --force"
        " brings the published one back; record the new deployment under the next free name",
        ref=update.ref,
        commit=update.new,
    )
