"""Reads a bundle and believes nothing.

That is the archive, the signature, the manifest, and that the bundle inside is what the manifest
says: as far as can be told without what the other side has, or with it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from git_ekf.airgap.archive import (
    BUNDLE,
    MANIFEST,
    SIGNATURE,
    SUMS,
    ArchiveMember,
    read_members,
    sums,
)
from git_ekf.airgap.manifest import HASHES, Manifest, parse_manifest
from git_ekf.airgap.pack import (
    PACK_HEADER,
    Header,
    Progress,
    empty_pack,
    object_count,
    pack_size,
    pour,
    read_header,
)
from git_ekf.airgap.refusals import contradicts, damaged, incomplete, unsound
from git_ekf.airgap.signature import Signature, check
from git_ekf.errors import GitFailed, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
from git_ekf.git.refs import HEADS
from git_ekf.temporary import temporary
from git_ekf.terminal.text import counted

# Where index-pack says one of these, it is not the pack's fault.
_ERRORS = (errno.EACCES, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EFBIG)
_TROUBLES = [*map(os.strerror, _ERRORS), "Out of memory"]


class OpenBundle(NamedTuple):
    """A bundle that is open.

    `raw` is the text of the manifest, `digest` its digest, by which bundles are told apart, and
    `signed` the signature as it stands in the file (b"" for none); `header` is how many bytes of
    the bundle stand before its pack.
    """

    file: IO[bytes]
    path: str
    manifest: Manifest
    raw: bytes
    digest: str
    signed: bytes
    signature: Signature | None
    bundle: ArchiveMember
    header: int = 0

    @property
    def pack(self) -> ArchiveMember:
        """Where the pack begins, and how long it is."""
        return ArchiveMember(self.bundle.offset + self.header, self.bundle.size - self.header)


class Unpacked(NamedTuple):
    """How unpacking the objects went.

    `deltas`: some are only the difference to one that the other side has, and could not be made.
    `self_contained`: all objects to which those of the pack lead are in it.
    """

    deltas: bool
    self_contained: bool


class VerifiedBundle(NamedTuple):
    """The manifest of a bundle, and how much of it could be checked.

    `objects`: every object was unpacked; `history`: all that the channels lead to is there.
    """

    manifest: Manifest
    digest: str
    signature: Signature | None
    objects: bool
    history: bool


@contextmanager
def opened(git: Git, path: str, allowed: str) -> Iterator[OpenBundle]:
    """Everything that can be told without unpacking it. Raises UsageError, Refused, CallFailed.

    `allowed` is as for signature.check.
    """
    with _open(path) as file:
        members = read_members(file, path)
        raw = _read(file, members[MANIFEST])
        listed = _read(file, members[SUMS])
        digest = hashlib.sha256(raw).hexdigest()
        if digest.encode() not in listed.split():
            raise damaged(path, f"is damaged: its manifest is not what {SUMS} says")
        signed = _read(file, members[SIGNATURE]) if SIGNATURE in members else b""
        signature = check(git, path, raw, signed, allowed)
        manifest = parse_manifest(raw, path)
        if listed != sums(manifest.sha256, digest):
            raise contradicts(path, f"{SUMS} has another digest of the bundle")
        bundle = members[BUNDLE]
        contents = OpenBundle(file, path, manifest, raw, digest, signed, signature, bundle)
        yield contents._replace(header=_header_length(contents))


def _open(path: str) -> IO[bytes]:
    hint = "git ekf bundle verify FILE"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe could keep us waiting for ever
            raise UsageError(f"{path} is not a regular file", hint)
        return open(path, "rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint) from None


def _read(file: IO[bytes], member: ArchiveMember) -> bytes:
    file.seek(member.offset)
    return file.read(member.size)


def _header_length(contents: OpenBundle) -> int:
    """The bytes before the pack. Raises Refused where they are not as the manifest says."""
    file, bundle = contents.file, contents.bundle
    file.seek(bundle.offset)
    try:
        header = read_header(file, bundle.size, contents.path)
        _require_agreement(header, contents)
    except Refused:
        # Some byte may have been damaged on the way, which is another matter.
        file.seek(bundle.offset)
        digest = hashlib.sha256()
        pour(file, bundle.size, None, digest)
        _require_digest(digest, contents)
        raise
    return header.length


def _require_agreement(header: Header, contents: OpenBundle) -> None:
    bundle, manifest, path = contents.bundle, contents.manifest, contents.path
    if bundle.size != manifest.size:
        raise contradicts(path, f"the bundle has {bundle.size} bytes and not {manifest.size}")
    if header.object_format != manifest.object_format:
        names = f"{header.object_format}, not by {manifest.object_format}"
        raise contradicts(path, f"the bundle names objects by {names}")
    if sorted(header.prerequisites) != sorted(manifest.prerequisites):
        raise contradicts(path, "the bundle builds on other commits")
    for ref in sorted(header.refs.keys() | manifest.refs.keys()):
        there = header.refs.get(ref, "not there")[:9]
        listed = manifest.refs.get(ref, "not there")[:9]
        if header.refs.get(ref) != manifest.refs.get(ref):
            raise contradicts(path, f"{ref} is {there} in the bundle, and {listed} by the manifest")


def _require_digest(digest: hashlib._Hash, contents: OpenBundle) -> None:
    if digest.hexdigest() != contents.manifest.sha256:
        why = "is damaged: its bundle is not what its manifest says"
        raise damaged(contents.path, why) from None


# --- the objects ---


def unpack(git: Git, contents: OpenBundle, *, linked: bool, progress: Progress) -> Unpacked:
    """Unpacks the objects where `git` writes them.

    Raises Refused where they are not what the manifest says, GitFailed where git could not.
    `linked`: each object that one of them names has to be there.
    """
    file, manifest, path, pack = contents.file, contents.manifest, contents.path, contents.pack
    file.seek(contents.bundle.offset)
    digest = hashlib.sha256(file.read(contents.header))
    objects = object_count(file.read(PACK_HEADER))
    file.seek(pack.offset)
    self_contained = True
    failure = None
    try:
        if objects:
            with git.index_pack(linked=linked) as (pipe, transfer):
                pour(file, pack.size, pipe, digest, progress)
            self_contained = transfer.code == 0
        else:
            pour(file, pack.size, None, digest, progress)
    except GitFailed as error:
        failure = error
    _require_digest(digest, contents)
    if failure:
        if "unresolved delta" in failure.stderr and manifest.prerequisites:
            self_contained = False
        elif failure.returncode < 0 or any(trouble in failure.stderr for trouble in _TROUBLES):
            raise failure
        else:
            reason = complaints(failure.stderr)[-1]
            raise unsound(f"the pack in {path} is not sound: {reason}")
    if objects != manifest.objects:
        found = counted(objects, "object")
        raise contradicts(path, f"the bundle has {found} and not {manifest.objects}")
    _require_pack_alone(contents)
    return Unpacked(failure is not None, self_contained)


def _require_pack_alone(contents: OpenBundle) -> None:
    """Raises Refused where there is more than the pack, which git has found sound."""
    file, manifest, pack = contents.file, contents.manifest, contents.pack
    file.seek(pack.offset)
    size = pack_size(file, manifest.objects, HASHES[manifest.object_format] // 2)
    if not manifest.objects:  # of which git has seen nothing
        file.seek(pack.offset)
        if file.read(size) != empty_pack(manifest.object_format):
            raise unsound(f"the pack in {contents.path} is not sound")
    if pack.size != size:
        raise unsound(f"the pack in {contents.path} is not sound: there is something behind it")


def require_history(git: Git, contents: OpenBundle, unpacked: Unpacked) -> None:
    """Raises Refused unless the refs name what they may, and all that they lead to is there.

    Also where there are more or fewer commits than the manifest says.
    """
    manifest, path = contents.manifest, contents.path
    if unpacked.deltas:
        raise incomplete(path)
    infos = git.object_infos(manifest.refs.values())
    for (ref, oid), info in zip(manifest.refs.items(), infos, strict=True):
        if info is None:
            raise unsound(f"{path} lacks {oid[:7]}, which {ref} names")
        if ref.startswith(HEADS) and info.type != "commit":
            raise unsound(f"in {path}, {ref} names a {info.type}, and a channel has commits")
    tips = dict.fromkeys(manifest.refs.values())
    if not unpacked.self_contained or manifest.prerequisites:
        try:
            git.require_connected(tips)
        except GitFailed:
            raise incomplete(path) from None
    found = git.count(tips, manifest.prerequisites)
    if found != manifest.commits:
        commits = counted(found, "commit")
        raise contradicts(path, f"the bundle has {commits} and not {manifest.commits}")


def verify(path: str, allowed: str, progress: Progress = iter) -> VerifiedBundle:
    """Checks a bundle; `allowed` is a file of allowed signers, "" for no demand.

    Raises UsageError, Refused where it is not whole, CallFailed.
    """
    git = Git()
    with opened(git, path, allowed) as contents, temporary() as folder:
        manifest = contents.manifest
        git.init(folder, bare=True, object_format=manifest.object_format, template=False)
        # No setting of the user's has a say in what is sound.
        env = {"GIT_DIR": folder, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        scratch = Git(folder, env)
        whole = not manifest.prerequisites
        unpacked = unpack(scratch, contents, linked=whole, progress=progress)
        if whole:
            require_history(scratch, contents, unpacked)
        objects = not unpacked.deltas
        return VerifiedBundle(manifest, contents.digest, contents.signature, objects, whole)
