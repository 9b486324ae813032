"""What a mirror of the vendor's repository is: what it says of itself, how it differs from what is wanted, and how its refs move.

A mirror says what it is in one blob, to which `refs/ekf/mirror/state` points. A fetch can bring that, so a clone of the mirror knows as
much; and it moves together with branches and tags.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.refs import BACKUP, HEADS, MIRROR, RECORDS, TAGS, RefUpdate
from git_ekf.names import Scheme, without_credentials
from git_ekf.transaction.journal import uninterrupted
from git_ekf.vendor import MirrorState

NEW, UPDATED, UNCHANGED, REWRITTEN, WITHDRAWN, KEPT = (
    "new",
    "updated",
    "unchanged",
    "rewritten",
    "withdrawn",
    "kept",
)


class RefChange(NamedTuple):
    """What becomes of a branch or tag of the mirror. `kind` is new, updated, unchanged, rewritten (a branch that would not be
    fast-forwarded, a tag that moves), withdrawn or kept (nobody asked for it); `old` and `new` are object ids, "" where there is none.
    """

    kind: str
    ref: str
    old: str
    new: str

    @property
    def name(self) -> str:
        return self.ref.removeprefix(HEADS).removeprefix(TAGS)

    @property
    def loses(self) -> bool:
        """Whether it would take something away, so that somebody has to agree to it."""
        return self.kind in (REWRITTEN, WITHDRAWN)


def refs_of(git: Git) -> dict[str, str]:
    """ref -> object id of a mirror's branches and tags."""
    return _refs(git, HEADS, TAGS)


def _refs(git: Git, *prefixes: str) -> dict[str, str]:
    return {ref.name: ref.oid for ref in git.refs(*prefixes)}


def compare(git: Git, wanted: dict[str, str], have: dict[str, str]) -> list[RefChange]:
    """What it takes from the refs in `have` to those `wanted` (ref -> object id), in order of refs. The repository has their objects."""
    return [
        _change(git, ref, have.get(ref, ""), wanted.get(ref, ""))
        for ref in sorted(wanted.keys() | have.keys())
    ]


def in_order(changes: Iterable[RefChange], scheme: Scheme) -> list[RefChange]:
    """Channels by their version, then tags."""
    return sorted(
        changes,
        key=lambda change: (change.ref.startswith(TAGS), scheme.key(change.name), change.name),
    )


def _change(git: Git, ref: str, old: str, new: str) -> RefChange:
    if old == new:
        return RefChange(UNCHANGED, ref, old, new)
    if not old or not new:
        return RefChange(NEW if new else WITHDRAWN, ref, old, new)
    return RefChange(
        UPDATED if ref.startswith(HEADS) and git.is_ancestor(old, new) else REWRITTEN, ref, old, new
    )


def require_accepted(changes: Iterable[RefChange], accepted: Sequence[str], command: str) -> None:
    """Raises Refused for what the vendor has rewritten or withdrawn, unless it is accepted by name.

    `command` is the one to run again, to which the hint adds an --accept for each.
    """
    open_ones = [change for change in changes if change.loses and change.name not in accepted]
    if open_ones:
        said = "; ".join(map(_loss, open_ones))
        raise Refused(
            f"{said}; nothing was changed",
            f"if that is meant: {accepting(command, accepted, *(change.name for change in open_ones))}",
        )


def accepting(command: str, accepted: Sequence[str], *more: str) -> str:
    """The command with all that was accepted before, and with more: to leave one out would have it refused for that."""
    names = dict.fromkeys(map(without_credentials, (*accepted, *more)))
    return " ".join([command, *(f"--accept {shlex.quote(name)}" for name in names)])


def _loss(change: RefChange) -> str:
    what = change.name if change.ref.startswith(HEADS) else f"the tag {change.name}"
    if change.ref.startswith(RECORDS):
        return f"the tag {change.name}, which is {change.old[:7]}, has the name of a deploy record, and a mirror has none"
    if change.kind == WITHDRAWN:
        return f"the vendor has withdrawn {what}, which was {change.old[:7]}"
    return f"the vendor has {'rewritten' if change.ref.startswith(HEADS) else 'moved'} {what}, from {change.old[:7]} to {change.new[:7]}"


def plan_backups(git: Git, changes: Iterable[RefChange]) -> dict[str, str]:
    """ref under refs/ekf/backup/ -> object id, for whatever a change would lose and no backup keeps yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    losing = {f"{_backup_of(change.ref)}/{stamp}": change.old for change in changes if change.loses}
    if not losing:
        return {}
    kept = {(ref.rpartition("/")[0], oid) for ref, oid in _refs(git, BACKUP).items()}
    return {ref: oid for ref, oid in losing.items() if (ref.rpartition("/")[0], oid) not in kept}


def _backup_of(ref: str) -> str:
    return BACKUP + (
        ref.removeprefix(HEADS) if ref.startswith(HEADS) else ref.removeprefix("refs/")
    )


def write_state(git: Git, state: MirrorState) -> str:
    """The object id of the blob; no ref names it yet."""
    return git.write_blob(os.fsencode(state.text()))


def move(git: Git, changes: Iterable[RefChange], state: MirrorState) -> dict[str, str]:
    """Moves the mirror's refs in one transaction; returns the backups made (ref -> object id).

    The mirror has to be locked (journal.locked). Raises GitFailed or Refused when a ref is not what it was, and then no ref has moved;
    CallFailed when what is there afterwards is not what was written.
    """
    moving = [change for change in changes if change.old != change.new]
    backups = plan_backups(git, moving)
    blob = write_state(git, state)
    none = "0" * len(blob)
    with uninterrupted():
        # Ahead, because a git that is killed in the middle of a transaction may have moved some of its refs.
        git.update_refs(RefUpdate(ref, none, oid) for ref, oid in backups.items())
        updates = [RefUpdate(ref, old or none, new or none) for _, ref, old, new in moving]
        git.update_refs([*updates, RefUpdate(MIRROR, "", blob)])
    _verify(git, moving, blob)
    return backups


def _verify(git: Git, moved: list[RefChange], blob: str) -> None:
    there = _refs(git)
    for ref, oid in [*((change.ref, change.new) for change in moved), (MIRROR, blob)]:
        if there.get(ref, "") != oid:
            raise CallFailed(
                f"the refs were moved, but {ref} is {there.get(ref, 'gone')[:12]} and not {oid[:12]}",
                "git fsck",
            )


def point_head(git: Git, scheme: Scheme) -> str:
    """Lets HEAD name the newest channel, so that a plain `git clone` checks it out. The branch; "" where there is none."""
    channels = [name for ref in refs_of(git) if scheme.is_release(name := ref.removeprefix(HEADS))]
    newest = max(channels, key=scheme.key, default="")
    if newest and git.head_branch() != newest:
        git.point_head(HEADS + newest)
    return newest
