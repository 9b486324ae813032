"""Brings a mirror up to date with the vendor's repository.

One is on this machine, or elsewhere and brought up to date by a push. Nothing of the mirror changes
before everything is fetched and judged; then all of its refs move together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from git_ekf.airgap.bare import opened, tidy
from git_ekf.airgap.changes import (
    KEPT,
    RefChange,
    accepting,
    compare,
    in_order,
    move,
    other_vendor,
    point_head,
    refs_of,
    require_accepted,
)
from git_ekf.airgap.elsewhere import copy_of, is_url, push, refresh
from git_ekf.errors import CallFailed, GitFailed, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import HEADS, RECORDS, TAGS
from git_ekf.names import Scheme, normalise_url, without_credentials
from git_ekf.shown import shell
from git_ekf.vendor import MirrorState, ask_remote, choose_release, read_mirror_state, unreadable


class MirrorOrder(NamedTuple):
    """The mirror to bring up to date, and what from.

    `target` is a directory or a URL, `releases` are those to mirror (none: all of the vendor's).
    `accepted` are branches and tags that the vendor may have rewritten or withdrawn, or the URL
    that the vendor had before. `follows`: the vendor may do as he likes, and what he had stays
    under refs/ekf/backup/.
    """

    primary: str
    target: str
    releases: Sequence[str]
    accepted: Sequence[str]
    follows: bool = False

    @property
    def command(self) -> str:
        """The command for it, without what is accepted, and without credentials."""
        words = ["git", "ekf", "mirror"]
        words += map(without_credentials, (self.primary, self.target))
        for release in self.releases:
            words += ["--release", release]
        return shell(*words)


class Mirrored(NamedTuple):
    """The channels of a mirror that is up to date, lowest version first, and its tags.

    `head` is the branch that a plain clone checks out, "" where there is none; `newest` the newest
    channel; `left_out` how many tags of the vendor's have names of deploy records.
    """

    changes: list[RefChange]
    backups: dict[str, str]
    head: str
    newest: str
    left_out: int


def mirror(git: Git, scheme: Scheme, order: MirrorOrder) -> Mirrored:
    """Raises UsageError, Refused (and nothing has changed), CallFailed."""
    primary, target = order.primary, order.target
    if normalise_url(primary, os.path.realpath) == normalise_url(target, os.path.realpath):
        raise UsageError(
            "PRIMARY and the mirror are the same repository", "git ekf mirror PRIMARY DIR"
        )
    offered = ask_remote(git, "primary", primary, "refs/heads/*", "refs/tags/*")
    state = MirrorState(without_credentials(primary), time.time())
    channels = scheme.releases(offered, HEADS)
    if not channels:
        setting = "git -c ekf.branches.release='v{version}-branch'"
        raise Refused(
            f"the primary repository has no release branch ({scheme.pattern})",
            f"other names: {setting} {order.command.removeprefix('git ')}",
        )
    object_format = "sha256" if len(offered[HEADS + channels[0]]) == 64 else "sha1"
    elsewhere = is_url(target)
    path = copy_of(target, object_format) if elsewhere else target
    with (
        opened(git, path, object_format, channels[-1]) as own,
        Quarantine(own, own.objects_dir()) as quarantine,
    ):
        if elsewhere:
            refresh(own, target)
        have = refs_of(own)
        _require_same_vendor(own, order, have)
        asked = [_asked(scheme, release, channels, have) for release in order.releases]
        if asked:
            channels = [name for name in channels if name in asked]
        quarantined = quarantine.git(own)
        wanted = _fetch(quarantined, order, offered, channels, have)
        compared, kept = _compared(scheme, have, offered, wanted, asked)
        changes = compare(quarantined, wanted, compared)
        if not order.follows:
            require_accepted(changes, order)
        if elsewhere:
            backups = push(own, quarantine, target, changes, state)
        else:
            backups = move(own, quarantine, changes, state)
        newest = point_head(own, scheme)
        tidy(own, changes)
        changes += [RefChange(KEPT, ref, have[ref], have[ref]) for ref in kept]
        head = own.remote_head(target) if elsewhere else newest
        left_out = sum(ref.startswith(RECORDS) and not _is_peeled(ref) for ref in offered)
        return Mirrored(in_order(changes, scheme), backups, head, newest, left_out)


def _require_same_vendor(git: Git, order: MirrorOrder, have: dict[str, str]) -> None:
    """Raises Refused where the target has refs and is no mirror, or one of another repository."""
    target = without_credentials(order.target)
    other = other_vendor(order, target, have, order.primary, read_mirror_state(git))
    if other:
        again = shell("git", "ekf", "mirror", other, target)
        raise Refused(
            f"{target} is a mirror of {other}; nothing was changed",
            f"{again}; if the vendor has moved: {accepting(order, other)}",
        )


def _asked(scheme: Scheme, release: str, channels: list[str], have: dict[str, str]) -> str:
    """The release branch that is asked for.

    One that the vendor has no longer is a matter of what the mirror has.
    """
    branch = scheme.parse(release)
    if branch and HEADS + branch in have:
        return branch
    return choose_release(scheme, release, channels)


def _compared(
    scheme: Scheme,
    have: dict[str, str],
    offered: dict[str, str],
    wanted: dict[str, str],
    asked: list[str],
) -> tuple[dict[str, str], list[str]]:
    """The refs of the mirror to be compared with those wanted, and the channels not asked for.

    Whatever else it has is not the vendor's, and stays.
    """
    compared = {}
    kept = []
    for ref, oid in have.items():
        name = ref.removeprefix(HEADS)
        is_channel = scheme.is_release(name)
        is_withdrawn = ref.startswith(TAGS) and ref not in offered
        if is_channel and asked and name not in asked:
            kept.append(ref)
        elif is_channel or is_withdrawn or ref in wanted or ref.startswith(RECORDS):
            compared[ref] = oid
    return compared, kept


# --- fetched from the vendor ---


def _fetch(
    git: Git,
    order: MirrorOrder,
    offered: dict[str, str],
    channels: list[str],
    have: dict[str, str],
) -> dict[str, str]:
    """ref -> object id of what is wanted.

    That is these channels, and all tags, or where only some releases are asked for the tags on
    them. All of it is where `git` writes then, whole, and no ref names it yet. What the vendor has
    where deploy records are is never wanted: in a clone of the mirror it would be taken for the
    site's own, to be judged and saved.
    """
    wanted = {HEADS + name: offered[HEADS + name] for name in channels}
    tags = {}
    for ref, oid in offered.items():
        if ref.startswith(TAGS) and not ref.startswith(RECORDS) and not _is_peeled(ref):
            tags[ref] = oid
    if not order.releases:
        wanted |= tags
    _fetch_missing(git, order.primary, wanted, have)
    if order.releases and tags:
        commits = set(git.commits(wanted.values()))
        on_them = {
            ref: oid for ref, oid in tags.items() if offered.get(f"{ref}^{{}}", oid) in commits
        }
        _fetch_missing(git, order.primary, on_them, have)
        wanted |= on_them
    return wanted


def _is_peeled(ref: str) -> bool:
    """Whether it stands for the object that a tag is of (git-ls-remote(1))."""
    return ref.endswith("^{}")


def _fetch_missing(git: Git, primary: str, wanted: dict[str, str], have: dict[str, str]) -> None:
    """Fetches without moving a ref.

    git makes sure that whatever it fetches is what its name says, and complete.
    """
    missing = {ref: oid for ref, oid in wanted.items() if have.get(ref) != oid}
    if not missing:
        return
    try:
        messages = git.fetch_objects(primary, missing)
    except GitFailed as error:
        if "promisor" in error.stderr or "lazy fetch" in error.stderr:
            raise _partial(primary, "a partial clone") from None
        raise unreadable("primary", primary, error) from None
    if "shallow" in messages:  # of which git has left out what it cannot complete
        raise _partial(primary, "shallow")
    with open(os.path.join(git.place().git_dir, "FETCH_HEAD"), "rb") as file:
        fetched = {line.split(b"\t", 1)[0].decode() for line in file}
    for ref, oid in missing.items():
        if oid not in fetched:
            raise CallFailed(
                f"the vendor has moved {ref} in this very moment; nothing was changed", "try again"
            )


def _partial(primary: str, kind: str) -> Refused:
    return Refused(
        f"{without_credentials(primary)} is {kind}: it does not have everything",
        "mirror a repository that has",
    )
