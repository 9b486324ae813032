"""What a mirror of the vendor's repository is: what it says of itself, how it differs from what is wanted, and how its refs move.

A mirror says what it is in one blob, to which `refs/ekf/mirror/state` points. A fetch can bring that, so a clone of the mirror knows as
much; and it moves together with branches and tags.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused
from git_ekf.git import Git
from git_ekf.journal import uninterrupted
from git_ekf.names import Scheme, normalise_url, without_credentials
from git_ekf.refs import BACKUP, HEADS, MIRROR, RECORDS, TAGS
from git_ekf.repository import Repository

# Seconds after which a mirror is stale, or a clone that has fetched nothing.
STALE = 28 * 24 * 60 * 60
# Seconds by which a time may be ahead of the clock here: more than zones and clocks that drift make of it.
AHEAD = 24 * 60 * 60

NEW, UPDATED, UNCHANGED, REWRITTEN, WITHDRAWN, KEPT = "new", "updated", "unchanged", "rewritten", "withdrawn", "kept"


class State(NamedTuple):
    """`primary` is the vendor's URL, without credentials; `updated` when that was last heard, in seconds since the epoch."""

    primary: str
    updated: float

    def text(self) -> str:
        # To the microsecond, so that two updates are never taken for one: a push goes by what it says.
        return f"primary {self.primary}\nupdated {datetime.fromtimestamp(self.updated, UTC).isoformat(timespec='microseconds')}\n"

    def age(self) -> float:
        """Seconds since it was updated; 0 where the clocks of two machines differ."""
        return max(0.0, time.time() - self.updated)

    def is_ahead(self, now: float) -> bool:
        """Whether it was updated by a clock that was wrong, or that of `now` is: it says nothing of what is older then."""
        return self.updated > now + AHEAD

    def is_of(self, url: str) -> bool:
        """Whether it is a mirror of the repository at a URL, in whatever spelling."""
        return normalise_url(self.primary, os.path.realpath) == normalise_url(url, os.path.realpath)


def parse_state(text: str) -> State | None:
    """None where the text is of something else. Lines of a later version are passed over."""
    fields = dict(line.partition(" ")[::2] for line in text.split("\n"))
    with suppress(KeyError, ValueError, OverflowError):
        updated = datetime.fromisoformat(fields["updated"])
        return State(fields["primary"], (updated if updated.tzinfo else updated.replace(tzinfo=UTC)).timestamp())
    return None


def read_state(git: Git) -> State | None:
    """What a mirror says of itself, or in a clone what was last fetched of that; None where there is no such thing."""
    code, out = git.run("cat-file", "blob", MIRROR, ok=(0, 128))
    return parse_state(os.fsdecode(out)) if code == 0 else None


def state_for(repo: Repository) -> State | None:
    """What the repository says of itself where it is a mirror; in a clone, what was last heard of the mirror that is its primary one."""
    state = read_state(repo.git) if MIRROR in repo.refs else None
    primary = repo.remotes.get(repo.config.primary) if state else None
    # A clone whose primary repository is the vendor's again may have kept what it heard.
    return None if state and primary and any(map(state.is_of, primary.urls)) else state


class Change(NamedTuple):
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
    lines = git.lines("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
    return {ref: oid for oid, ref in (line.split(" ", 1) for line in lines)}


def compare(git: Git, wanted: dict[str, str], have: dict[str, str]) -> list[Change]:
    """What it takes from the refs in `have` to those `wanted` (ref -> object id), in order of refs. The repository has their objects."""
    return [_change(git, ref, have.get(ref, ""), wanted.get(ref, "")) for ref in sorted(wanted.keys() | have.keys())]


def in_order(changes: Iterable[Change], scheme: Scheme) -> list[Change]:
    """Channels by their version, then tags."""
    return sorted(changes, key=lambda change: (change.ref.startswith(TAGS), scheme.key(change.name), change.name))


def _change(git: Git, ref: str, old: str, new: str) -> Change:
    if old == new:
        return Change(UNCHANGED, ref, old, new)
    if not old or not new:
        return Change(NEW if new else WITHDRAWN, ref, old, new)
    return Change(UPDATED if ref.startswith(HEADS) and git.is_ancestor(old, new) else REWRITTEN, ref, old, new)


def require_accepted(changes: Iterable[Change], accepted: Sequence[str], command: str) -> None:
    """Raises Refused for what the vendor has rewritten or withdrawn, unless it is accepted by name.

    `command` is the one to run again, to which the hint adds an --accept for each.
    """
    open_ones = [change for change in changes if change.loses and change.name not in accepted]
    if open_ones:
        said = "; ".join(map(_loss, open_ones))
        raise Refused(
            f"{said}; nothing was changed", f"if that is meant: {accepting(command, accepted, *(change.name for change in open_ones))}"
        )


def accepting(command: str, accepted: Sequence[str], *more: str) -> str:
    """The command with all that was accepted before, and with more: to leave one out would have it refused for that."""
    names = dict.fromkeys(map(without_credentials, (*accepted, *more)))
    return " ".join([command, *(f"--accept {shlex.quote(name)}" for name in names)])


def _loss(change: Change) -> str:
    what = change.name if change.ref.startswith(HEADS) else f"the tag {change.name}"
    if change.ref.startswith(RECORDS):
        return f"the tag {change.name}, which is {change.old[:7]}, has the name of a deploy record, and a mirror has none"
    if change.kind == WITHDRAWN:
        return f"the vendor has withdrawn {what}, which was {change.old[:7]}"
    return f"the vendor has {'rewritten' if change.ref.startswith(HEADS) else 'moved'} {what}, from {change.old[:7]} to {change.new[:7]}"


def plan_backups(git: Git, changes: Iterable[Change]) -> dict[str, str]:
    """ref under refs/ekf/backup/ -> object id, for whatever a change would lose and no backup keeps yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    losing = {f"{_backup_of(change.ref)}/{stamp}": change.old for change in changes if change.loses}
    if not losing:
        return {}
    kept = {(ref.rpartition("/")[0], oid) for ref, oid in _refs(git, BACKUP).items()}
    return {ref: oid for ref, oid in losing.items() if (ref.rpartition("/")[0], oid) not in kept}


def _backup_of(ref: str) -> str:
    return BACKUP + (ref.removeprefix(HEADS) if ref.startswith(HEADS) else ref.removeprefix("refs/"))


def write_state(git: Git, state: State) -> str:
    """The object id of the blob; no ref names it yet."""
    return git.text("hash-object", "-w", "--stdin", stdin=os.fsencode(state.text()))


def move(git: Git, changes: Iterable[Change], state: State) -> dict[str, str]:
    """Moves the mirror's refs in one transaction; returns the backups made (ref -> object id).

    The mirror has to be locked (journal.locked). Raises GitFailed or Refused when a ref is not what it was, and then no ref has moved;
    CallFailed when what is there afterwards is not what was written.
    """
    moving = [change for change in changes if change.old != change.new]
    backups = plan_backups(git, moving)
    blob = write_state(git, state)
    with uninterrupted():
        # Ahead, because a git that is killed in the middle of a transaction may have moved some of its refs.
        if backups:
            git.update_refs([f"create {ref} {oid}" for ref, oid in backups.items()])
        git.update_refs([*map(_command, moving), f"update {MIRROR} {blob}"])
    _verify(git, moving, blob)
    return backups


def _command(change: Change) -> str:
    if not change.old:
        return f"create {change.ref} {change.new}"
    return f"update {change.ref} {change.new} {change.old}" if change.new else f"delete {change.ref} {change.old}"


def _verify(git: Git, moved: list[Change], blob: str) -> None:
    there = _refs(git)
    for ref, oid in [*((change.ref, change.new) for change in moved), (MIRROR, blob)]:
        if there.get(ref, "") != oid:
            raise CallFailed(f"the refs were moved, but {ref} is {there.get(ref, 'gone')[:12]} and not {oid[:12]}", "git fsck")


def point_head(git: Git, scheme: Scheme) -> str:
    """Lets HEAD name the newest channel, so that a plain `git clone` checks it out. The branch; "" where there is none."""
    channels = [name for ref in refs_of(git) if scheme.is_release(name := ref.removeprefix(HEADS))]
    newest = max(channels, key=scheme.key, default="")
    if newest and git.head_branch() != newest:
        git.run("symbolic-ref", "HEAD", HEADS + newest)
    return newest
