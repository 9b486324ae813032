"""Bundles as git has them, gitformat-bundle(5): a header of prerequisites and refs, then a pack; written, and read without trust.

`git bundle create` leaves out refs that have nothing new and refuses where all are such. Here every ref is in the header, so that
the bundle alone says all that there is, also for a plain `git fetch`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import IO, NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.terminal.screen import counting

_CHUNK = 1 << 20

_SIGNATURES = {b"# v2 git bundle\n": "sha1", b"# v3 git bundle\n": ""}
_MOST_HEADER = 1 << 26  # bytes; as for the manifest


class Header(NamedTuple):
    """`length` in bytes; `refs` is ref -> object id."""

    object_format: str
    prerequisites: tuple[str, ...]
    refs: dict[str, str]
    length: int


class WrittenBundle(NamedTuple):
    size: int
    sha256: str
    objects: int


def write_bundle(
    file: IO[bytes],
    git: Git,
    object_format: str,
    refs: dict[str, str],
    prerequisites: Iterable[str],
    known: Iterable[str],
    *,
    reproducible: bool,
) -> WrittenBundle:
    """Writes the bundle to `file` as git makes it, without `known` objects and what they lead to. Raises GitFailed.

    `reproducible`: the same repository gives the same bytes, at the price of one processor's speed. Several share the search for deltas
    between them as it comes.
    """
    lines = (
        ["# v2 git bundle"]
        if object_format == "sha1"
        else ["# v3 git bundle", f"@object-format={object_format}"]
    )
    lines += [f"-{oid} " for oid in prerequisites]
    lines += [f"{oid} {ref}" for ref, oid in sorted(refs.items())]
    digest = hashlib.sha256()
    size = 0
    begin = b""
    include = dict.fromkeys(refs.values())
    with git.pack_objects(include, known, reproducible=reproducible) as pipe:
        chunk = os.fsencode("".join(f"{line}\n" for line in lines)) + b"\n"
        head = len(chunk)
        while chunk:
            if size < head + 12:
                begin += chunk[: head + 12]
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            chunk = pipe.read(_CHUNK)
    return WrittenBundle(
        size, digest.hexdigest(), int.from_bytes(begin[head + 8 : head + 12], "big")
    )  # gitformat-pack(5)


def read_header(file: IO[bytes], size: int, path: str) -> Header:
    """The header of the bundle that begins where `file` stands and has `size` bytes. Raises Refused."""
    most = min(size, _MOST_HEADER)
    line = file.readline(64)
    length = len(line)
    if line not in _SIGNATURES:
        raise _wrong(path, "does not begin as a bundle of git's does")
    object_format = _SIGNATURES[line]
    prerequisites: list[str] = []
    refs: dict[str, str] = {}
    while length < most:
        line = file.readline(most - length)
        length += len(line)
        if line == b"\n":
            return Header(object_format or "sha1", tuple(prerequisites), refs, length)
        text = os.fsdecode(line.removesuffix(b"\n"))
        if text.startswith("@object-format=") and not object_format:
            object_format = text.partition("=")[2]
        elif text.startswith("-"):
            prerequisites.append(text[1:].partition(" ")[0])
        elif text.startswith("@"):
            raise _wrong(path, "asks for something that a mirror cannot do")
        else:
            oid, _, ref = text.partition(" ")
            if ref in refs:
                raise _wrong(path, f"names {ref} twice")
            refs[ref] = oid
    raise _wrong(path, "has no end of its header")


def pour(file: IO[bytes], left: int, sink: IO[bytes] | None, digest: hashlib._Hash) -> None:
    """The next `left` bytes go to a digest and a process; when that ends early, to the digest alone."""
    for _ in counting("Reading the bundle", range(-(-left // _CHUNK))):
        chunk = file.read(min(left, _CHUNK))
        left -= len(chunk)
        digest.update(chunk)
        if sink:
            try:
                sink.write(chunk)
            except BrokenPipeError:
                sink = None


def _wrong(path: str, what: str) -> Refused:
    return Refused(f"the bundle in {path} {what}", f"git ekf bundle verify {path}")
