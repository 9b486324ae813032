"""Rules about what a push does to the repository it goes to."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from git_ekf.git.refs import BACKUP, HEADS, RECORDS, TAGS, UPSTREAM, RefUpdate
from git_ekf.policy.finding import Found
from git_ekf.repository import Repository


class Push(NamedTuple):
    """`updates` go to `remote` (its name, or the URL again where it has none) at `url`.

    `there` asks which refs the receiver has: ref -> object id.
    """

    remote: str
    url: str
    updates: list[RefUpdate]
    there: Callable[[], dict[str, str]]


def push_primary(repo: Repository, push: Push) -> Iterator[Found]:
    """Nothing is pushed to the primary repository, whatever it is called."""
    primary = repo.remotes.get(repo.config.primary)
    if not push.updates:
        return
    urls = (
        {repo.normalise(url) for url in (*primary.urls, *primary.push_urls)} if primary else set()
    )
    if push.remote == repo.config.primary or repo.normalise(push.url) in urls:
        names = (
            update.ref.removeprefix(HEADS).removeprefix(TAGS)
            for update in push.updates[:3]
            if not update.deletes
        )
        yield Found(
            f"{push.remote} is the vendor's repository: nothing is pushed there",
            f"git push {shlex.join([repo.config.internal, *names])}",
        )


def delete_protected(repo: Repository, update: RefUpdate) -> Iterator[Found]:
    """Release branches and deploy records are not deleted from the internal repository."""
    branch = update.ref.removeprefix(HEADS)
    release = update.ref.startswith(HEADS) and repo.config.scheme.is_release(branch)
    if update.deletes and (release or update.ref.startswith(RECORDS)):
        what = (
            f"release branch {branch}"
            if release
            else f"deploy record {update.ref.removeprefix(TAGS)}"
        )
        yield Found(
            f"the push deletes the {what}, part of the record of what runs in the cluster",
            "leave it there; a branch that is no longer used does no harm",
            ref=update.ref,
            commit=update.old,
        )


def rewrite_unsaved(repo: Repository, update: RefUpdate, push: Push) -> Iterator[Found]:
    """No commit vanishes from the internal repository unless a deploy record or a backup ref keeps it."""
    if update.creates or not update.ref.startswith(HEADS):
        return
    branch = update.ref.removeprefix(HEADS)
    if repo.git.commit(update.old) is None:
        yield Found(
            f"{branch} there has commits that this clone does not have ({update.old[:12]}); the push would drop them",
            f"git fetch {repo.config.internal}, then look: git log {shlex.quote(f'{branch}..{repo.config.internal}/{branch}')}",
            ref=update.ref,
            commit=update.old,
        )
        return
    if not update.deletes and repo.git.is_ancestor(update.old, update.new):
        return
    after = {**push.there(), **{other.ref: other.new for other in push.updates}}
    kept = [
        oid
        for ref, oid in after.items()
        if oid.strip("0") and ref.startswith((HEADS, RECORDS, BACKUP, UPSTREAM))
    ]
    lost = repo.git.rev_list(
        "--ignore-missing", include=[update.old], exclude=kept, globs=repo.vendor_globs()
    )
    if lost:
        yield dropped(repo, update, lost[0], len(lost))


def dropped(repo: Repository, update: RefUpdate, first: str, count: int, before: str = "") -> Found:
    """The finding about `count` commits, `first` among them, that an update of a branch loses; `before` is what its fix begins with."""
    branch = update.ref.removeprefix(HEADS)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return Found(
        f"the push takes {count} commit{'' if count == 1 else 's'} of {branch} away from"
        f" {repo.config.internal} that no deploy record or backup keeps ({first[:12]})",
        f"{before}git push {repo.config.internal} {shlex.quote(f'{update.old}:{BACKUP}{branch}/{stamp}')}, then push again",
        ref=update.ref,
        commit=first,
    )


def tag_moved(repo: Repository, update: RefUpdate) -> Iterator[Found]:
    """A published deploy record stays as it is."""
    if (
        update.ref.startswith(RECORDS)
        and not update.creates
        and not update.deletes
        and update.old != update.new
    ):
        name = update.ref.removeprefix(TAGS)
        yield Found(
            f"{name} is already published and the push would move it",
            f"git fetch {repo.config.internal} 'refs/tags/deploy/*:refs/tags/deploy/*' --force brings the published one back;"
            " record the new deployment under the next free name",
            ref=update.ref,
            commit=update.new,
        )
