"""Bundles as git has them, gitformat-bundle(5): written, and read without trust.

There is a header of prerequisites and refs, then a pack. `git bundle create` leaves out refs that
have nothing new and refuses where all are such. Here every ref is in the header, so that the bundle
alone says all that there is, also for a plain `git fetch`.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import IO, NamedTuple

from git_ekf.airgap.manifest import Manifest
from git_ekf.airgap.refusals import unsound
from git_ekf.git.calls import Git
from git_ekf.git.digest import digest

# Hands on what it is given, and may show meanwhile how far that is.
Progress = Callable[[Sequence[int]], Iterable[int]]

_CHUNK = 1 << 20  # bytes

_SIGNATURES = {b"# v2 git bundle\n": "sha1", b"# v3 git bundle\n": ""}
_MOST_HEADER = 1 << 26  # bytes; as for the manifest
_FORMAT = "@object-format="

PACK_HEADER = 12  # bytes, of which the last four are the number of objects (gitformat-pack(5))


class Header(NamedTuple):
    """The header of a bundle; `length` in bytes, `refs` is ref -> object id."""

    object_format: str
    prerequisites: tuple[str, ...]
    refs: dict[str, str]
    length: int


def write_bundle(
    file: IO[bytes], git: Git, manifest: Manifest, known: Iterable[str], *, reproducible: bool
) -> Manifest:
    """Writes the bundle to `file`, without `known` objects and what they lead to.

    The manifest, with size, digest and the number of objects. `reproducible`: the same repository
    gives the same bytes, at the price of one processor's speed; several share the search for deltas
    between them as it comes. Raises GitFailed.
    """
    lines = ["# v2 git bundle"]
    if manifest.object_format != "sha1":
        lines = ["# v3 git bundle", f"{_FORMAT}{manifest.object_format}"]
    lines += [f"-{oid} " for oid in manifest.prerequisites]
    lines += [f"{oid} {ref}" for ref, oid in sorted(manifest.refs.items())]
    digest = hashlib.sha256()
    size = 0
    include = dict.fromkeys(manifest.refs.values())
    with git.pack_objects(include, known, reproducible=reproducible) as pipe:
        chunk = os.fsencode("\n".join([*lines, "", ""])) + pipe.read(PACK_HEADER)
        objects = object_count(chunk)
        while chunk:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            chunk = pipe.read(_CHUNK)
    return manifest._replace(objects=objects, size=size, sha256=digest.hexdigest())


def object_count(head: bytes) -> int:
    """How many objects are in the pack at whose header these bytes end."""
    return int.from_bytes(head[-4:], "big")


def empty_pack(object_format: str) -> bytes:
    """The pack without an object."""
    head = b"PACK\0\0\0\2\0\0\0\0"
    return head + digest(object_format, head)


def read_header(file: IO[bytes], size: int, path: str) -> Header:
    """The header of the bundle that begins where `file` stands and has `size` bytes.

    Raises Refused.
    """
    bundle = f"the bundle in {path}"
    most = min(size, _MOST_HEADER)
    line = file.readline(64)
    length = len(line)
    if line not in _SIGNATURES:
        raise unsound(f"{bundle} does not begin as a bundle of git's does")
    object_format = _SIGNATURES[line]
    prerequisites: list[str] = []
    refs: dict[str, str] = {}
    while length < most:
        line = file.readline(most - length)
        length += len(line)
        if line == b"\n":
            return Header(object_format or "sha1", tuple(prerequisites), refs, length)
        text = os.fsdecode(line.removesuffix(b"\n"))
        if text.startswith(_FORMAT) and not object_format:
            object_format = text.removeprefix(_FORMAT)
        elif text.startswith("-"):
            prerequisites.append(text[1:].partition(" ")[0])
        elif text.startswith("@"):
            raise unsound(f"{bundle} asks for something that a mirror cannot do")
        else:
            oid, _, ref = text.partition(" ")
            if ref in refs:
                raise unsound(f"{bundle} names {ref} twice")
            refs[ref] = oid
    raise unsound(f"{bundle} has no end of its header")


# From gitformat-pack(5): kinds of entries that are the difference to another one.
_TO_OFFSET, _TO_OBJECT = 6, 7
_PIECE = 1 << 12  # bytes


def pack_size(file: IO[bytes], objects: int, id_size: int) -> int:
    """How many bytes the pack has that begins where `file` stands; git has found it sound.

    `git index-pack` does not say whether there is more behind it. `id_size` are the bytes of an
    object id.
    """
    begin = file.tell()
    at = begin + PACK_HEADER
    for _ in range(objects):
        file.seek(at)
        piece = file.read(_PIECE)
        content = _number_end(piece, 0)
        kind = piece[0] >> 4 & 7
        if kind == _TO_OFFSET:
            content = _number_end(piece, content)
        elif kind == _TO_OBJECT:
            content += id_size
        at += content
        piece = piece[content:]
        inflating = zlib.decompressobj()
        while piece and not inflating.eof:
            inflating.decompress(piece)
            at += len(piece) - len(inflating.unused_data)
            piece = file.read(_PIECE)
    return at - begin + id_size


def _number_end(piece: bytes, at: int) -> int:
    """Where the number ends that begins there, of which each byte but the last has the high bit."""
    while piece[at] & 0x80:
        at += 1
    return at + 1


def pour(
    file: IO[bytes],
    size: int,
    sink: IO[bytes] | None,
    digest: hashlib._Hash,
    progress: Progress = iter,
) -> None:
    """The next `size` bytes go to a digest and a process; when that ends, to the digest alone."""
    for start in progress(range(0, size, _CHUNK)):
        chunk = file.read(min(size - start, _CHUNK))
        digest.update(chunk)
        if sink:
            try:
                sink.write(chunk)
            except BrokenPipeError:
                sink = None
