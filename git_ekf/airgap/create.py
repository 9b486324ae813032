"""Writes a bundle: what a repository knows of the vendor, less what the other side has."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

from git_ekf.airgap import archive
from git_ekf.airgap.archive import BLOCK, BUNDLE, MANIFEST, SIGNATURE, SUMS
from git_ekf.airgap.manifest import TOOL, Manifest, Receipt, now, parse_receipt
from git_ekf.airgap.pack import write_bundle
from git_ekf.airgap.source import Source, opened_source
from git_ekf.errors import Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS
from git_ekf.names import Scheme
from git_ekf.shown import shell
from git_ekf.vendor import MirrorState

_MOST_RECEIPT = 1 << 26  # bytes
_NO_RECEIPT = Receipt(TOOL, 0, "", "", 0, "", {})


class Created(NamedTuple):
    """The bundle that was written; `scheme` is that of the channels.

    `manifest` is None where nothing is new since the bundle `sequence`, and then no file was
    written.
    """

    manifest: Manifest | None
    digest: str
    sequence: int
    scheme: Scheme


def create(
    git: Git, path: str, origin: str, releases: Sequence[str], receipt_file: str, key: str
) -> Created:
    """Makes the bundle at a path, of what `origin` has: a directory or URL, "" for what is here.

    `releases` are those to take (none: all), `receipt_file` is "" for none, `key` as for
    signature.sign, "" for no signature. Raises UsageError, Refused, CallFailed. Then no file was
    written, and one that was there is as it was.
    """
    _require_file(path)
    receipt = _read_receipt(receipt_file) if receipt_file else _NO_RECEIPT
    created = now()
    folder = os.path.dirname(os.path.abspath(path))
    with opened_source(git, origin, releases, folder) as source:
        # It is shown to whoever takes the bundle.
        if not source.primary.isprintable():
            raise Refused(
                f"the vendor's address cannot be printed: {source.primary}",
                "have it under another name, and mirror it anew: git ekf mirror PRIMARY DIR",
            )
        if receipt_file:
            _require_same_vendor(receipt_file, receipt, source)
        previous = {ref: oid for ref, oid in receipt.refs.items() if ref in source.refs}
        if source.refs == (receipt.refs if source.complete else previous):
            return Created(None, receipt.digest, receipt.sequence, source.scheme)
        # What is here too: the vendor may have rewritten a channel, and what it was be gone.
        oids = sorted(set(receipt.refs.values()))
        infos = source.git.object_infos(oids)
        known = [oid for oid, info in zip(oids, infos, strict=True) if info]
        manifest = Manifest(
            tool=TOOL,
            created=created,
            updated=int(source.updated or created),
            primary=source.primary,
            object_format=source.object_format,
            sequence=receipt.sequence + 1,
            after=receipt.digest,
            complete=source.complete,
            refs=source.refs,
            previous=previous,
            prerequisites=_prerequisites(source.git, receipt, known),
        )
        with _replacing(path) as file:
            manifest, digest = _write(file, source.git, manifest, known, key)
    return Created(manifest, digest, manifest.sequence, source.scheme)


def _read_receipt(path: str) -> Receipt:
    try:
        with open(path, "rb") as file:
            raw = file.read(_MOST_RECEIPT)
    except OSError as error:
        raise UsageError(
            f"cannot read the receipt {path}: {error.strerror}",
            "without --receipt the bundle has everything",
        ) from None
    return parse_receipt(raw, path)


def _require_same_vendor(path: str, receipt: Receipt, source: Source) -> None:
    is_same = MirrorState(receipt.primary, 0).is_of(source.primary)
    if not is_same or receipt.object_format != source.object_format:
        raise Refused(
            f"{path} is the receipt of a mirror of {receipt.primary}, and this is {source.primary}",
            "name the repository it is for with --from, or leave the receipt out",
        )


def _prerequisites(git: Git, receipt: Receipt, known: list[str]) -> tuple[str, ...]:
    """The commits that the other side has for sure.

    Its channels, and the commits of tags that are on none of them.
    """
    channels = {oid for ref, oid in receipt.refs.items() if ref.startswith(HEADS)}
    tips = [oid for oid in known if oid in channels]
    others = [oid for oid in known if oid not in channels]
    if not others:
        return tuple(tips)
    infos = git.object_infos(f"{oid}^{{commit}}" for oid in others)
    tagged = {info.oid for info in infos if info}
    beside = tagged.intersection(git.commits(others, tips))
    return tuple(sorted({*tips, *beside}))


# --- the file ---


def _require_file(path: str) -> None:
    if os.path.isdir(path) or not os.path.basename(path):
        inside = os.path.join(path, "channels.tar")
        raise UsageError(
            f"{path} is a directory", f"name a file: git ekf bundle create {shell(inside)}"
        )
    if os.path.lexists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise UsageError(f"{path} is not a regular file", "name another one")


@contextmanager
def _replacing(path: str) -> Iterator[IO[bytes]]:
    """A file that takes the place of another once it is whole.

    Before that it is PATH.part, which whoever comes next may begin anew. Raises Refused where
    another one writes it.
    """
    part = f"{path}.part"
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with open(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"another git-ekf command writes {path}", "wait for it, then try again"
            ) from None
        # Between the two calls whoever had the lock may have put it in place.
        if not os.path.exists(part) or not os.path.samestat(os.stat(part), os.fstat(descriptor)):
            raise Refused(f"another git-ekf command has just written {path}", "try again")
        try:
            file.truncate()
            yield file
            file.flush()
            os.fsync(descriptor)
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(
    file: IO[bytes], git: Git, manifest: Manifest, known: list[str], key: str
) -> tuple[Manifest, str]:
    """The manifest, with what is only known now, and its digest.

    The bundle is written as git makes it, and the block before it, which has its size, afterwards.
    """
    counting = git.counting(dict.fromkeys(manifest.refs.values()), manifest.prerequisites)
    reproducible = "SOURCE_DATE_EPOCH" in os.environ
    file.seek(BLOCK)
    try:
        manifest = write_bundle(file, git, manifest, known, reproducible=reproducible)
    except BaseException:
        counting.close()
        raise
    file.write(archive.padding(manifest.size))
    manifest = manifest._replace(commits=counting.result())
    text = manifest.text()
    digest = hashlib.sha256(text).hexdigest()
    contents = {MANIFEST: text, SUMS: archive.sums(manifest.sha256, digest)}
    if key:
        from git_ekf.airgap.signature import sign

        contents[SIGNATURE] = sign(git, key, text)
    for name, content in contents.items():
        file.write(archive.packed(name, content, manifest.created))
    file.write(archive.END)
    file.seek(0)
    file.write(archive.header(BUNDLE, manifest.size, manifest.created))
    return manifest, digest
