"""Brings what a bundle carries into a mirror: all of it, or nothing.

The objects are unpacked beside those of the mirror, as git does with what is pushed, and moved
there once everything is found right. Then the refs move in one transaction, and with them the
receipt by which a later bundle is known to follow this one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.airgap.bare import opened as opened_mirror
from git_ekf.airgap.bare import tidy
from git_ekf.airgap.changes import (
    NEW,
    UPDATED,
    RefChange,
    accepting,
    compare,
    in_order,
    move,
    other_vendor,
    point_head,
    require_accepted,
)
from git_ekf.airgap.manifest import TOOL, Manifest, Receipt, as_time, now, parse_receipt
from git_ekf.airgap.pack import Progress
from git_ekf.airgap.read import OpenBundle, opened, require_history, unpack
from git_ekf.airgap.signature import Signature, check
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.questions.refs import Ref
from git_ekf.git.refs import APPLIED, HEADS, MIRROR, TAGS
from git_ekf.names import Scheme
from git_ekf.shown import shell
from git_ekf.vendor import MirrorState, read_mirror_state


class ApplyOrder(NamedTuple):
    """The bundle to apply, and where to.

    `accepted` are branches and tags that the vendor may have rewritten or withdrawn, or the URL
    that the vendor had before; `allowed` a file of allowed signers, `receipt` the file to write.
    """

    path: str
    directory: str
    accepted: Sequence[str]
    allowed: str
    receipt: str

    @property
    def command(self) -> str:
        """The command for it, without what is accepted."""
        words = ["git", "ekf", "bundle", "apply", self.path, self.directory]
        if self.allowed:
            words += ["--allowed-signers", self.allowed]
        if self.receipt:
            words += ["--receipt", self.receipt]
        return shell(*words)


class Applied(NamedTuple):
    """The branches and tags of a mirror to which a bundle was applied.

    `again`: it had been applied before. `receipt` is the file written, "" where it could not be
    written beside the bundle.
    """

    manifest: Manifest
    signature: Signature | None
    changes: list[RefChange]
    backups: dict[str, str]
    again: bool
    receipt: str


def apply(order: ApplyOrder, progress: Progress = iter) -> Applied:
    """Raises UsageError, Refused (and nothing has changed), CallFailed."""
    git = _mirror_git(order.directory)
    config = configuration.load(None, git.config_pairs())
    allowed = order.allowed or config.bundle_signers
    with opened(git, order.path, allowed) as contents:
        manifest = contents.manifest
        channels = [ref.removeprefix(HEADS) for ref in manifest.refs if ref.startswith(HEADS)]
        newest = max(channels, key=config.scheme.key, default="main")
        with opened_mirror(Git(), order.directory, manifest.object_format, newest) as mirror:
            mirror.env["GIT_NO_REPLACE_OBJECTS"] = "1"
            # One that was made just now has its configuration from a template perhaps, or by a
            # condition on its path (includeIf), and may demand something else.
            signers = configuration.load(None, mirror.config_pairs()).bundle_signers
            if not order.allowed and signers != allowed:
                signature = check(mirror, order.path, contents.raw, contents.signed, signers)
                contents = contents._replace(signature=signature)
            return _bring(mirror, order, contents, config.scheme, progress)


def _mirror_git(directory: str) -> Git:
    """The git that is asked for the configuration of a mirror, which may still have to be made.

    The mirror is named, and not found from its directory: where it is another user's, or
    safe.bareRepository is "explicit", git finds none there, and says nothing of what that demands.
    """
    if os.path.isdir(directory) and os.listdir(directory):
        return Git(directory, {"GIT_DIR": os.path.abspath(directory)})
    return Git()


def _bring(
    git: Git, order: ApplyOrder, contents: OpenBundle, scheme: Scheme, progress: Progress
) -> Applied:
    manifest = contents.manifest
    there = git.refs(HEADS, TAGS, MIRROR, APPLIED)
    have = {ref.name: ref.oid for ref in there}
    applied_before = have.pop(APPLIED, "")
    have.pop(MIRROR, "")
    state = read_mirror_state(git)
    _require_same_vendor(order, manifest, have, state)
    content = git.find_blob(APPLIED)
    last = None if content is None else parse_receipt(content, APPLIED)
    if last and last.digest == contents.digest:
        written = _write_receipt(order, last.text())
        return Applied(manifest, contents.signature, [], {}, True, written)
    _require_next(order, contents, last, state)
    _require_prerequisites(git, order, manifest)
    _require_plain(order.directory, there)
    compared = have
    if not manifest.complete:
        compared = {ref: oid for ref, oid in have.items() if ref in manifest.refs}
    # Beside the mirror's own objects, until all is found right.
    with Quarantine(git, git.objects_dir()) as quarantine:
        quarantined = quarantine.git(git)
        unpacked = unpack(quarantined, contents, linked=True, progress=progress)
        require_history(quarantined, contents, unpacked)
        changes = compare(quarantined, manifest.refs, compared)
        require_accepted(changes, order)
        have.update((change.ref, change.new) for change in changes)
        receipt = Receipt(
            tool=TOOL,
            applied=now(),
            primary=manifest.primary,
            object_format=manifest.object_format,
            sequence=manifest.sequence,
            digest=contents.digest,
            refs={ref: oid for ref, oid in have.items() if oid},
        ).text()
        kind = UPDATED if applied_before else NEW
        noted = RefChange(kind, APPLIED, applied_before, quarantined.write_blob(receipt))
        state = MirrorState(manifest.primary, manifest.updated)
        backups = move(git, quarantine, [*changes, noted], state)
    point_head(git, scheme)
    tidy(git, changes)
    written = _write_receipt(order, receipt)
    changes = in_order(changes, scheme)
    return Applied(manifest, contents.signature, changes, backups, False, written)


# --- whether it belongs here, and now ---


def _require_same_vendor(
    order: ApplyOrder, manifest: Manifest, have: dict[str, str], state: MirrorState | None
) -> None:
    other = other_vendor(order, order.directory, have, manifest.primary, state)
    if other:
        raise Refused(
            f"{order.path} is from {manifest.primary}, "
            f"and {order.directory} is a mirror of {other}; nothing was changed",
            f"name another directory; if the vendor has moved: {accepting(order, other)}",
        )


def _require_next(
    order: ApplyOrder, contents: OpenBundle, last: Receipt | None, state: MirrorState | None
) -> None:
    """Raises Refused where it is older than what is there, or does not follow it."""
    path, manifest, clock = order.path, contents.manifest, now()
    # Applied, it would make all that comes later seem older than what is there.
    if manifest.is_ahead(clock):
        latest = as_time(max(manifest.created, manifest.updated))
        raise Refused(
            f"{path} is of {latest}, and the clock here says {as_time(clock)}; nothing was changed",
            "see which of the two clocks is wrong: date; "
            "then, where it is that of the sender: git ekf bundle create FILE",
        )
    if last and manifest.after == last.digest:
        return  # it is the next one, whatever the clocks say
    if manifest.after:
        raise _out_of_order(order, manifest, last)
    if state and manifest.updated < int(state.updated) and not state.is_ahead(clock):
        create = "git ekf bundle create FILE --from"
        raise Refused(
            f"{path} is older than what is there: it has what the vendor had on "
            f"{as_time(manifest.updated)}, and the mirror that of {as_time(state.updated)}; "
            "nothing was changed",
            f"where the vendor is reached: {create} {shell(state.primary)}",
        )


def _out_of_order(order: ApplyOrder, manifest: Manifest, last: Receipt | None) -> Refused:
    bundle = f"{order.path} is bundle {manifest.sequence}"
    if last is None:
        return Refused(
            f"{bundle}, and no bundle was ever applied to {order.directory}",
            f"apply those before it first; or {_WITH_EVERYTHING}",
        )
    before = f"bundle {last.sequence}"
    if manifest.sequence <= last.sequence:
        message = f"{bundle}, and {before} was applied already; nothing was changed"
    elif manifest.sequence == last.sequence + 1:
        message = f"{bundle}, and {before} is the last that was applied: it follows another one"
    else:
        first = f"bundle {last.sequence + 1} has to come first"
        message = f"{bundle}, and {before} is the last that was applied: {first}"
    show = f"git -C {shell(order.directory)} cat-file blob {APPLIED}"
    create = "git ekf bundle create FILE --receipt receipt"
    return Refused(message, f"{show} >receipt, and where the vendor is reached: {create}")


_WITH_EVERYTHING = (
    "where the vendor is reached, have one with everything: git ekf bundle create FILE"
)


def _require_prerequisites(git: Git, order: ApplyOrder, manifest: Manifest) -> None:
    infos = git.object_infos(manifest.prerequisites)
    for oid, info in zip(manifest.prerequisites, infos, strict=True):
        if info is None or info.type != "commit":
            raise Refused(
                f"{order.path} builds on {oid[:7]}, which {order.directory} does not have; "
                "nothing was changed",
                _WITH_EVERYTHING,  # by its receipt, the next one would build on the same
            )


def _require_plain(directory: str, refs: list[Ref]) -> None:
    """Raises Refused where a ref only names another one: to move it would move that."""
    for ref in refs:
        if ref.symref:
            raise Refused(
                f"{ref.name} is a symbolic ref here, to {ref.symref}; nothing was changed",
                f"git -C {shell(directory)} symbolic-ref --delete {shell(ref.name)}",
            )


# --- the receipt ---


def _write_receipt(order: ApplyOrder, text: bytes) -> str:
    """The file written.

    Beside the bundle there may be no room, as on a disc; the mirror has the receipt anyway.
    """
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
