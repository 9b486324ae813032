"""Reads a bundle and believes nothing: the archive, the signature, the manifest, and that the bundle inside is what the manifest says."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from git_ekf.airgap.archive import BUNDLE, MANIFEST, SIGNATURE, SUMS, Member, read_members, sums
from git_ekf.airgap.manifest import Manifest, parse_manifest
from git_ekf.airgap.pack import Header, pour, read_header
from git_ekf.airgap.signature import Signature, check
from git_ekf.errors import GitFailed, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS
from git_ekf.terminal.text import counted

# Where index-pack says one of these, it is not the pack's fault.
_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EROFS,
    errno.EIO,
    errno.ENOMEM,
    errno.EFBIG,
)
_TROUBLES = [*map(os.strerror, _ERRORS), "Out of memory"]


class Contents(NamedTuple):
    """A bundle that is open. `digest` is the manifest's, by which bundles are told apart; `pack` is where the pack begins and ends."""

    file: IO[bytes]
    path: str
    manifest: Manifest
    digest: str
    signature: Signature | None
    bundle: Member
    pack: Member


class Unpacked(NamedTuple):
    """`deltas`: some objects are only the difference to one that the other side has, and could not be made.
    `self_contained`: all objects to which those of the pack lead are in it.
    """

    deltas: bool
    self_contained: bool


@contextmanager
def opened(git: Git, path: str, allowed: str) -> Iterator[Contents]:
    """Everything that can be told without unpacking it. Raises UsageError, Refused.

    `allowed` is a file of allowed signers, of whom one has to have signed it; "" for no such demand. Then a signature has to be one of
    those whom git knows (gpg.ssh.allowedSignersFile), where it knows any.
    """
    with _open(path) as file:
        members = read_members(file, path)
        raw = _read(file, members[MANIFEST])
        digest = hashlib.sha256(raw).hexdigest()
        if digest.encode() not in _read(file, members[SUMS]).split():
            raise _damaged(path, f"its manifest is not what {SUMS} says")
        signature = _signature(
            git,
            _read(file, members[SIGNATURE]) if SIGNATURE in members else b"",
            raw,
            allowed,
            path,
        )
        manifest = parse_manifest(raw, path)
        if _read(file, members[SUMS]) != sums(manifest.sha256, digest):
            raise _contradicts(path, f"{SUMS} has another digest of the bundle")
        bundle = members[BUNDLE]
        pack = _find_pack(file, bundle, manifest, path)
        yield Contents(file, path, manifest, digest, signature, bundle, pack)


def _find_pack(file: IO[bytes], bundle: Member, manifest: Manifest, path: str) -> Member:
    """Where the pack is. Raises Refused where the header before it is not as the manifest says."""
    file.seek(bundle.offset)
    try:
        header = read_header(file, bundle.size, path)
        _require_agreement(header, bundle, manifest, path)
    except Refused:
        file.seek(bundle.offset)
        digest = hashlib.sha256()
        pour(file, bundle.size, None, digest)
        if digest.hexdigest() != manifest.sha256:
            raise _bundle_damaged(path) from None
        raise
    return Member(bundle.offset + header.length, bundle.size - header.length)


def _require_agreement(header: Header, bundle: Member, manifest: Manifest, path: str) -> None:
    if bundle.size != manifest.size:
        raise _contradicts(path, f"the bundle has {bundle.size} bytes and not {manifest.size}")
    if header.object_format != manifest.object_format:
        raise _contradicts(
            path,
            f"the bundle names objects by {header.object_format}, not by {manifest.object_format}",
        )
    if sorted(header.prerequisites) != sorted(manifest.prerequisites):
        raise _contradicts(path, "the bundle builds on other commits")
    for ref in sorted(header.refs.keys() | manifest.refs.keys()):
        there, said = header.refs.get(ref, "not there"), manifest.refs.get(ref, "not there")
        if there != said:
            raise _contradicts(
                path, f"{ref} is {there[:9]} in the bundle, and {said[:9]} by the manifest"
            )


def unpack(git: Git, contents: Contents, *, linked: bool) -> Unpacked:
    """Unpacks the objects where `git` writes them. Raises Refused where they are not what the manifest says.

    `linked`: each object that one of them names has to be there.
    """
    file, manifest, path = contents.file, contents.manifest, contents.path
    digest = hashlib.sha256()
    file.seek(contents.bundle.offset)
    digest.update(file.read(contents.pack.offset - contents.bundle.offset))
    objects = int.from_bytes(file.read(12)[8:], "big")  # gitformat-pack(5)
    file.seek(contents.pack.offset)
    result = Unpacked(False, True)
    failure = None
    try:
        if objects:
            with git.index_pack(linked=linked) as (pipe, transfer):
                pour(file, contents.pack.size, pipe, digest)
            result = Unpacked(False, transfer.code == 0)
        else:
            pour(file, contents.pack.size, None, digest)
    except GitFailed as error:
        failure = error
    if digest.hexdigest() != manifest.sha256:
        raise _bundle_damaged(path)
    if failure and "unresolved delta" in failure.stderr and manifest.prerequisites:
        result = Unpacked(True, False)
    elif failure:
        raise _not_unpacked(path, failure)
    if objects != manifest.objects:
        raise _contradicts(
            path, f"the bundle has {counted(objects, 'object')} and not {manifest.objects}"
        )
    return result


def require_tips(git: Git, contents: Contents) -> None:
    """Raises Refused where a ref names no object, or a channel something else than a commit."""
    refs = contents.manifest.refs
    infos = git.object_infos(refs.values())
    for (ref, oid), info in zip(refs.items(), infos, strict=True):
        if info is None:
            raise Refused(f"{contents.path} lacks {oid[:7]}, which {ref} names", _ASK)
        if ref.startswith(HEADS) and info.type != "commit":
            raise Refused(
                f"in {contents.path}, {ref} names a {info.type}, and a channel has commits", _ASK
            )


def require_commits(git: Git, contents: Contents) -> None:
    """Raises Refused where there are more or fewer commits than the manifest says."""
    manifest = contents.manifest
    found = git.count(dict.fromkeys(manifest.refs.values()), manifest.prerequisites)
    if found != manifest.commits:
        raise _contradicts(
            contents.path, f"the bundle has {counted(found, 'commit')} and not {manifest.commits}"
        )


_ASK = "ask its sender; a new one: git ekf bundle create"


def _open(path: str) -> IO[bytes]:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe could keep us waiting for ever
            raise UsageError(f"{path} is no file", "git ekf bundle verify FILE")
        return open(path, "rb")
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", "git ekf bundle verify FILE"
        ) from None


def _read(file: IO[bytes], member: Member) -> bytes:
    file.seek(member.offset)
    return file.read(member.size)


def _signature(git: Git, signature: bytes, raw: bytes, allowed: str, path: str) -> Signature | None:
    if signature:
        return check(git, signature, raw, allowed or _known_to_git(git), path)
    if allowed:
        raise Refused(
            f"{path} is not signed, and only what one of the allowed signers in {allowed} has signed is taken here",
            "ask its sender: git ekf bundle create FILE --sign KEY",
        )
    return None


def _known_to_git(git: Git) -> str:
    return git.setting("gpg.ssh.allowedSignersFile", "path") or ""


def _not_unpacked(path: str, failure: GitFailed) -> Refused | GitFailed:
    if failure.returncode < 0 or any(trouble in failure.stderr for trouble in _TROUBLES):
        return failure
    said = [
        line for line in failure.stderr.split("\n") if line.startswith(("fatal: ", "error: "))
    ] or [failure.stderr.strip()]
    return Refused(
        f"the pack in {path} is not sound: {said[-1].removeprefix('fatal: ').removeprefix('error: ')}",
        _ASK,
    )


def _bundle_damaged(path: str) -> Refused:
    return _damaged(path, "its bundle is not what its manifest says")


def _damaged(path: str, what: str) -> Refused:
    return Refused(
        f"{path} is damaged: {what}", f"bring it across again, then: git ekf bundle verify {path}"
    )


def _contradicts(path: str, what: str) -> Refused:
    return Refused(f"{path} contradicts its manifest: {what}", _ASK)
