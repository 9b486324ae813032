"""Brings what a bundle carries into a mirror: all of it, or nothing.

The objects are unpacked beside those of the mirror, as git does with what is pushed, and moved there once everything is found right.
Then the refs move in one transaction, and with them the receipt by which a later bundle is known to follow this one.
"""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.airgap.changes import (
    NEW,
    UPDATED,
    RefChange,
    accepting,
    compare,
    in_order,
    move,
    point_head,
    require_accepted,
)
from git_ekf.airgap.create import now
from git_ekf.airgap.manifest import TOOL, Manifest, Receipt, as_time, parse_receipt
from git_ekf.airgap.mirror import opened as opened_mirror
from git_ekf.airgap.mirror import tidy
from git_ekf.airgap.read import Contents, opened, require_commits, require_tips, unpack
from git_ekf.airgap.signature import Signature
from git_ekf.errors import GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import APPLIED, HEADS, MIRROR, TAGS
from git_ekf.vendor import MirrorState, read_mirror_state


class ApplyOrder(NamedTuple):
    """What is asked for: `accepted` are branches and tags that the vendor may have rewritten or withdrawn, or the URL that the vendor
    had before; `allowed` a file of allowed signers, `receipt` the file to write.
    """

    path: str
    directory: str
    accepted: Sequence[str]
    allowed: str
    receipt: str

    @property
    def command(self) -> str:
        given = (("--allowed-signers", self.allowed), ("--receipt", self.receipt))
        options = [word for option, value in given if value for word in (option, value)]
        return shlex.join(["git", "ekf", "bundle", "apply", self.path, self.directory, *options])


class Applied(NamedTuple):
    """What has become of branches and tags. `again`: it had been applied before. `receipt` is the file written, "" where it could
    not be written beside the bundle.
    """

    manifest: Manifest
    signature: Signature | None
    changes: list[RefChange]
    backups: dict[str, str]
    again: bool
    receipt: str


def apply(order: ApplyOrder) -> Applied:
    """Raises UsageError, Refused (and nothing has changed), CallFailed."""
    here = _asked(order.directory)
    pairs = here.config_pairs()
    allowed = order.allowed or _demanded(pairs)
    with opened(here, order.path, allowed) as contents:
        manifest = contents.manifest
        scheme = configuration.load(None, pairs).scheme
        newest = max(
            (ref.removeprefix(HEADS) for ref in manifest.refs if ref.startswith(HEADS)),
            key=scheme.key,
            default="main",
        )
        with opened_mirror(Git(), order.directory, manifest.object_format, newest) as git:
            git.env["GIT_NO_REPLACE_OBJECTS"] = "1"
            if not here.env:
                contents = _signed(git, order, contents, allowed)
            there = _refs(git)
            have = {ref: oid for ref, (oid, _) in there.items() if ref.startswith((HEADS, TAGS))}
            state = read_mirror_state(git) if MIRROR in there else None
            _require_same_vendor(order, manifest, have, state)
            last = last_applied(git) if APPLIED in there else None
            if last and last.digest == contents.digest:
                return Applied(
                    manifest, contents.signature, [], {}, True, _write_receipt(order, last.text())
                )
            _require_next(order, contents, last, state)
            _require_prerequisites(git, order, manifest)
            _require_room(there)
            bearing = (
                have
                if manifest.complete
                else {ref: oid for ref, oid in have.items() if ref in manifest.refs}
            )
            with _unpacked(git, contents) as (quarantined, quarantine):
                changes = compare(quarantined, manifest.refs, bearing)
                require_accepted(changes, order.accepted, order.command)
                quarantine.migrate()
            refs = {**have, **{change.ref: change.new for change in changes}}
            receipt = _receipt(contents, {ref: oid for ref, oid in refs.items() if oid}).text()
            backups = move(
                git,
                [*changes, _noted(git, receipt, there)],
                MirrorState(manifest.primary, manifest.updated),
            )
            point_head(git, scheme)
            tidy(git, changes)
            return Applied(
                manifest,
                contents.signature,
                in_order(changes, scheme),
                backups,
                False,
                _write_receipt(order, receipt),
            )


def last_applied(git: Git) -> Receipt | None:
    """The receipt for the bundle that was applied last; None where none was. Raises Refused where it cannot be read."""
    content = git.find_blob(APPLIED)
    return None if content is None else parse_receipt(content, APPLIED)


def _asked(directory: str) -> Git:
    """The git that is asked for the configuration of a mirror, which may still have to be made.

    The mirror is named, and not found from its directory: where it is another user's, or safe.bareRepository is "explicit", git finds
    none there, and says nothing of what that demands.
    """
    there = os.path.isdir(directory) and os.listdir(directory)
    return Git(directory, {"GIT_DIR": os.path.abspath(directory)}) if there else Git()


def _signed(git: Git, order: ApplyOrder, contents: Contents, allowed: str) -> Contents:
    """The contents, held against what a mirror that was made just now demands, where that is something else than `allowed`.

    It has its configuration from a template perhaps, or by a condition on its place (includeIf). Raises Refused.
    """
    demanded = order.allowed or _demanded(git.config_pairs())
    if demanded == allowed:
        return contents
    with opened(git, order.path, demanded) as again:
        if again.digest != contents.digest:
            raise Refused(
                f"{order.path} was replaced in this very moment; nothing was changed", "try again"
            )
        return contents._replace(signature=again.signature)


def _demanded(pairs: list[tuple[str, str]]) -> str:
    """The file of allowed signers that the mirror's administrator has set; never what a vendor's tree says."""
    return configuration.load(
        None, [pair for pair in pairs if pair[0] == "ekf.bundle.allowed-signers"]
    ).bundle_signers


def _refs(git: Git) -> dict[str, tuple[str, str]]:
    """ref -> object id, and the ref that it only names ("" for none), of all that a bundle may move."""
    return {ref.name: (ref.oid, ref.symref) for ref in git.refs(HEADS, TAGS, MIRROR, APPLIED)}


# --- whether it belongs here, and now ---


def _require_same_vendor(
    order: ApplyOrder, manifest: Manifest, have: dict[str, str], state: MirrorState | None
) -> None:
    if state is None:
        if have:
            raise Refused(
                f"{order.directory} has branches or tags, and is no mirror that git ekf has made",
                "name an empty or a new directory",
            )
    elif not state.is_of(manifest.primary) and state.primary not in order.accepted:
        raise Refused(
            f"{order.path} is from {manifest.primary}, and {order.directory} is a mirror of {state.primary}; nothing was changed",
            f"name another directory; if the vendor has moved: {accepting(order.command, order.accepted, state.primary)}",
        )


def _require_next(
    order: ApplyOrder, contents: Contents, last: Receipt | None, state: MirrorState | None
) -> None:
    """Raises Refused where it is older than what is there, or does not follow it."""
    path, manifest, clock = order.path, contents.manifest, now()
    if manifest.is_ahead(
        clock
    ):  # applied, it would make all that comes later seem older than what is there
        raise Refused(
            f"{path} is of {as_time(max(manifest.created, manifest.updated))}, and the clock here says {as_time(clock)}; "
            "nothing was changed",
            "see which of the two clocks is wrong: date; then, where it is that of the sender: git ekf bundle create FILE",
        )
    if manifest.after and last is None:
        raise Refused(
            f"{path} is bundle {manifest.sequence}, and no bundle was ever applied to {order.directory}",
            "apply those before it first; or, where the vendor is reached, have one with everything: git ekf bundle create FILE",
        )
    if last and manifest.after and manifest.after != last.digest:
        if manifest.sequence <= last.sequence:
            raise Refused(
                f"{path} is bundle {manifest.sequence}, and bundle {last.sequence} was applied already; nothing was changed",
                _newer(order),
            )
        between = (
            f"bundle {last.sequence + 1} has to come first"
            if manifest.sequence > last.sequence + 1
            else "it follows another one"
        )
        raise Refused(
            f"{path} is bundle {manifest.sequence}, and bundle {last.sequence} is the last that was applied: {between}",
            _newer(order),
        )
    follows = (
        last is not None and manifest.after == last.digest
    )  # so it is the next one, whatever the clocks say
    if (
        state
        and manifest.updated < int(state.updated)
        and not follows
        and not state.is_ahead(clock)
    ):
        raise Refused(
            f"{path} is older than what is there: it has what the vendor had on {as_time(manifest.updated)}, "
            f"and the mirror that of {as_time(state.updated)}; nothing was changed",
            _newer(order),
        )


def _newer(order: ApplyOrder) -> str:
    show = shlex.join(["git", "-C", order.directory, "cat-file", "blob", APPLIED])
    return f"{show} >receipt, and where the vendor is reached: git ekf bundle create FILE --receipt receipt"


def _require_prerequisites(git: Git, order: ApplyOrder, manifest: Manifest) -> None:
    needed = manifest.prerequisites
    if not needed:
        return
    found = zip(needed, git.object_infos(needed), strict=True)
    missing = [oid for oid, info in found if info is None or info.type != "commit"]
    if missing:
        raise Refused(
            f"{order.path} builds on {missing[0][:7]}, which {order.directory} does not have; nothing was changed",
            _newer(order),
        )


def _require_room(there: dict[str, tuple[str, str]]) -> None:
    """Raises Refused where a name is taken by a ref that only names another one: to move it would move that."""
    for ref, (_, symref) in there.items():
        if symref:
            raise Refused(
                f"{ref} is a symbolic ref here, to {symref}; nothing was changed",
                f"git symbolic-ref --delete {ref}",
            )


# --- the objects ---


@contextmanager
def _unpacked(git: Git, contents: Contents) -> Iterator[tuple[Git, Quarantine]]:
    """A git that sees the objects of the bundle, found complete, beside those of the mirror, and where they are. Raises Refused."""
    with Quarantine(git.objects_dir()) as quarantine:
        quarantined = quarantine.git(git)
        unpacked = unpack(quarantined, contents, linked=True)
        if unpacked.deltas:
            raise _incomplete(contents)
        require_tips(quarantined, contents)
        if not unpacked.self_contained or contents.manifest.prerequisites:
            _require_connected(quarantined, contents)
        require_commits(quarantined, contents)
        yield quarantined, quarantine


def _require_connected(git: Git, contents: Contents) -> None:
    try:
        git.require_connected(dict.fromkeys(contents.manifest.refs.values()))
    except GitFailed:
        raise _incomplete(contents) from None


def _incomplete(contents: Contents) -> Refused:
    return Refused(
        f"{contents.path} lacks objects to which its own lead; nothing was changed",
        "ask its sender; a new one: git ekf bundle create",
    )


# --- the receipt ---


def _receipt(contents: Contents, refs: dict[str, str]) -> Receipt:
    manifest = contents.manifest
    return Receipt(
        TOOL,
        now(),
        manifest.primary,
        manifest.object_format,
        manifest.sequence,
        contents.digest,
        refs,
    )


def _noted(git: Git, receipt: bytes, there: dict[str, tuple[str, str]]) -> RefChange:
    blob = git.write_blob(receipt)
    old, _ = there.get(APPLIED, ("", ""))
    return RefChange(UPDATED if old else NEW, APPLIED, old, blob)


def _write_receipt(order: ApplyOrder, text: bytes) -> str:
    """The file written. Background the bundle there may be no room, as on a disc; the mirror has the receipt anyway."""
    path = order.receipt or f"{order.path}.receipt"
    # Whoever has had the medium may have put links there, by any name that can be guessed.
    part = f"{path}.{secrets.token_hex(8)}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    except OSError:
        return ""
    try:
        with open(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        return ""
    return path
