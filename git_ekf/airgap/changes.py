"""How a mirror differs from what is wanted, who has to agree to that, and how its refs move.

A mirror says what it is in one blob, to which `refs/ekf/mirror/state` points. A fetch can bring
that, so a clone of the mirror knows as much; and it moves together with branches and tags.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import BACKUP, HEADS, MIRROR, RECORDS, TAGS, RefUpdate, backup_ref
from git_ekf.names import Scheme, without_credentials
from git_ekf.shown import shell
from git_ekf.transaction.journal import uninterrupted
from git_ekf.vendor import MirrorState

NEW = "new"
UPDATED = "updated"
UNCHANGED = "unchanged"
REWRITTEN = "rewritten"
WITHDRAWN = "withdrawn"
KEPT = "kept"


class RefChange(NamedTuple):
    """A branch or tag of the mirror, before and after.

    `kind` is new, updated, unchanged, rewritten (a branch that would not be fast-forwarded, a tag
    that moves), withdrawn or kept (nobody asked for it); `old` and `new` are object ids, "" where
    there is none.
    """

    kind: str
    ref: str
    old: str
    new: str

    @property
    def name(self) -> str:
        """The branch or tag in short."""
        return self.ref.removeprefix(HEADS).removeprefix(TAGS)

    @property
    def is_branch(self) -> bool:
        """Whether it is of a branch, and not of a tag."""
        return self.ref.startswith(HEADS)

    @property
    def moves(self) -> bool:
        """Whether the ref will be another one."""
        return self.old != self.new

    @property
    def loses(self) -> bool:
        """Whether it would take something away, so that somebody has to agree to it."""
        return self.kind in (REWRITTEN, WITHDRAWN)


class Order(Protocol):
    """An order that changes a mirror.

    `accepted` are the names that may be lost; `command` is the one to run again.
    """

    @property
    def accepted(self) -> Sequence[str]:
        """Branches, tags, and the URL that the vendor had before."""

    @property
    def command(self) -> str:
        """Without what is accepted."""


def refs_of(git: Git, *patterns: str) -> dict[str, str]:
    """ref -> object id, of a mirror's branches and tags, or of those that patterns match."""
    return {ref.name: ref.oid for ref in git.refs(*(patterns or (HEADS, TAGS)))}


# --- what becomes of each ref ---


def compare(git: Git, wanted: dict[str, str], have: dict[str, str]) -> list[RefChange]:
    """The changes from the refs in `have` to those `wanted` (ref -> object id), by their names.

    The repository has their objects.
    """
    changes = []
    for ref in sorted(wanted.keys() | have.keys()):
        old, new = have.get(ref, ""), wanted.get(ref, "")
        changes.append(RefChange(_kind(git, ref, old, new), ref, old, new))
    return changes


def _kind(git: Git, ref: str, old: str, new: str) -> str:
    if old == new:
        return UNCHANGED
    if not old:
        return NEW
    if not new:
        return WITHDRAWN
    is_forward = ref.startswith(HEADS) and git.is_ancestor(old, new)
    return UPDATED if is_forward else REWRITTEN


def in_order(changes: Iterable[RefChange], scheme: Scheme) -> list[RefChange]:
    """Channels by their version, then tags."""
    return sorted(changes, key=lambda one: (not one.is_branch, scheme.key(one.name), one.name))


# --- who has to agree ---


def other_vendor(
    order: Order, target: str, have: dict[str, str], primary: str, state: MirrorState | None
) -> str:
    """The URL of which the target is a mirror, where that is another vendor than `primary`.

    "" where it is not, or is accepted. Raises Refused where it has refs and is not a mirror.
    """
    if state is None:
        if have:
            raise Refused(
                f"{target} has branches or tags, and is not a mirror that git ekf has made",
                "name an empty or a new repository",
            )
        return ""
    if state.is_of(primary) or state.primary in order.accepted:
        return ""
    return state.primary


def require_accepted(changes: Iterable[RefChange], order: Order) -> None:
    """Raises Refused for what the vendor has rewritten or withdrawn, unless it is accepted."""
    losing = [change for change in changes if change.loses and change.name not in order.accepted]
    if losing:
        names = [change.name for change in losing]
        raise Refused(
            f"{'; '.join(map(_loss, losing))}; nothing was changed",
            f"if that is meant: {accepting(order, *names)}",
        )


def accepting(order: Order, *more: str) -> str:
    """The command that accepts more.

    With all that was accepted before: to leave one out would have it refused for that.
    """
    names = dict.fromkeys(map(without_credentials, (*order.accepted, *more)))
    return " ".join([order.command, *(f"--accept {shell(name)}" for name in names)])


def _loss(change: RefChange) -> str:
    old = change.old[:7]
    if change.ref.startswith(RECORDS):
        name = f"the tag {change.name}, which is {old},"
        return f"{name} has the name of a deploy record, and a mirror has none"
    name = change.name if change.is_branch else f"the tag {change.name}"
    if change.kind == WITHDRAWN:
        return f"the vendor has withdrawn {name}, which was {old}"
    verb = "rewritten" if change.is_branch else "moved"
    return f"the vendor has {verb} {name}, from {old} to {change.new[:7]}"


# --- moved ---


def plan_backups(git: Git, changes: Iterable[RefChange]) -> dict[str, str]:
    """Backup ref -> object id, for whatever a change would lose and no backup keeps yet."""
    losing = [change for change in changes if change.loses]
    if not losing:
        return {}
    kept = {(ref.rpartition("/")[0], oid) for ref, oid in refs_of(git, BACKUP).items()}
    backups = {}
    for change in losing:
        short = change.name if change.is_branch else change.ref.removeprefix("refs/")
        if (BACKUP + short, change.old) not in kept:
            backups[backup_ref(short)] = change.old
    return backups


def write_state(git: Git, state: MirrorState) -> str:
    """The object id of the blob; no ref names it yet."""
    return git.write_blob(os.fsencode(state.text()))


def wanted_refs(git: Git, moving: list[RefChange], state: MirrorState) -> dict[str, str]:
    """ref -> object id ("" for none), after these changes, with that of the mirror's state."""
    wanted = {change.ref: change.new for change in moving}
    wanted[MIRROR] = write_state(git, state)
    return wanted


def require_refs(git: Git, wanted: dict[str, str], message: str, hint: str) -> None:
    """Raises CallFailed where a ref is not as wanted; `message` gets the ref and both ids."""
    have = refs_of(git, "refs/")
    for ref, oid in wanted.items():
        if have.get(ref, "") != oid:
            raise CallFailed(message.format(ref, have.get(ref, "gone")[:12], oid[:12]), hint)


def move(
    git: Git, quarantine: Quarantine, changes: Iterable[RefChange], state: MirrorState
) -> dict[str, str]:
    """Moves the mirror's refs in one transaction; returns the backups made (ref -> object id).

    The objects that they name come from the quarantine. The mirror has to be locked
    (journal.locked). Raises GitFailed or Refused when a ref is not what it was, and then no ref has
    moved; CallFailed when what is there afterwards is not what was written.
    """
    moving = [change for change in changes if change.moves]
    backups = plan_backups(git, moving)
    wanted = wanted_refs(quarantine.git(git), moving, state)
    quarantine.migrate()
    none = "0" * len(wanted[MIRROR])
    updates = [RefUpdate(one.ref, one.old or none, one.new or none) for one in moving]
    updates.append(RefUpdate(MIRROR, "", wanted[MIRROR]))
    with uninterrupted():
        # Ahead, because a git that is killed in the middle of a transaction may have moved some.
        git.update_refs(RefUpdate(ref, none, oid) for ref, oid in backups.items())
        git.update_refs(updates)
    fsck = f"git -C {shell(git.cwd or '.')} fsck"
    require_refs(git, wanted, "the refs were moved, but {} is {} and not {}", fsck)
    return backups


def point_head(git: Git, scheme: Scheme) -> str:
    """Lets HEAD name the newest channel, so that a plain `git clone` checks it out.

    The branch; "" where there is none.
    """
    newest = next(reversed(scheme.releases(refs_of(git, HEADS), HEADS)), "")
    if newest and git.head_branch() != newest:
        git.point_head(HEADS + newest)
    return newest
