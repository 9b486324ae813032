"""The tar archive around a bundle: its blocks written, and read strictly, with no trust in them.

Python's tarfile understands links, devices, sparse files and several dialects. None of that belongs
here, and whatever a reader takes for something else than `tar` does would be a way to hide things.
The layout is ustar, POSIX.1-1988; pax(1).
"""

from __future__ import annotations

import os
from typing import IO, NamedTuple

from git_ekf.airgap.refusals import damaged
from git_ekf.errors import Refused
from git_ekf.shown import shell

BUNDLE = "channels.bundle"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SIGNATURE = "manifest.json.sig"

BLOCK = 512
END = bytes(2 * BLOCK)

# Bytes that are read into memory at most; a manifest of 100,000 tags has 20 MB.
_MOST = {MANIFEST: 1 << 26, SUMS: 1 << 10, SIGNATURE: 1 << 16}
_MOST_PADDING = 1 << 20  # tar's largest usual blocking factor is 20, 10 KiB

_FILE = "0"
_KINDS = {
    "1": "a hard link",
    "2": "a symbolic link",
    "3": "a device",
    "4": "a device",
    "5": "a directory",
    "6": "a named pipe",
}


class ArchiveMember(NamedTuple):
    """Where a file begins in the archive, and how long it is, in bytes."""

    offset: int
    size: int


def header(name: str, size: int, time: int) -> bytes:
    """The block before a file; `time` is in seconds since the epoch."""
    length = b"%011o\0" % size
    if size >= 1 << 33:  # 8 GiB, for which the octal digits do not do; this is how GNU tar has it
        length = b"\x80" + size.to_bytes(11, "big")
    fields = [name.encode().ljust(100, b"\0"), b"0000644\0", b"0000000\0" * 2, length]
    fields += [b"%011o\0" % time, b" " * 8, _FILE.encode(), bytes(100), b"ustar\x0000"]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size: int) -> bytes:
    """The bytes that fill the last block of a file."""
    return bytes(-size % BLOCK)


def packed(name: str, content: bytes, time: int) -> bytes:
    """The blocks of a small file; `time` is in seconds since the epoch."""
    return header(name, len(content), time) + content + padding(len(content))


def sums(bundle: str, manifest: str) -> bytes:
    """The digests of bundle and manifest as sha256sum(1) prints them."""
    return f"{bundle}  {BUNDLE}\n{manifest}  {MANIFEST}\n".encode()


def read_members(file: IO[bytes], path: str) -> dict[str, ArchiveMember]:
    """The files in an archive, by name.

    Raises Refused where it is anything but complete, of these files alone, and without a surprise.
    """
    length = os.fstat(file.fileno()).st_size
    members: dict[str, ArchiveMember] = {}
    at = 0
    while True:
        file.seek(at)
        block = file.read(BLOCK)
        if at == 0:
            _require_archive(block, path)
        if len(block) < BLOCK:
            raise _cut_off(path, length, "the archive goes on")
        if not any(block):
            break
        name, size = _read_header(block, path, at)
        if name in members:
            raise damaged(path, f"has {name} twice")
        at += BLOCK
        members[name] = ArchiveMember(at, size)
        at += size
        if at > length:
            raise _cut_off(path, length, f"{name} goes on to byte {at}")
        file.seek(at)
        filling = file.read(len(padding(size)))
        if any(filling):
            raise damaged(path, f"is damaged at byte {at}: there is something behind {name}")
        at += len(filling)
    _require_end(file, path, length, length - at)
    for name in (BUNDLE, MANIFEST, SUMS):
        if name not in members:
            raise damaged(path, f"has no {name}")
    return members


def _require_archive(block: bytes, path: str) -> None:
    if block.startswith(b"# v") and b" git bundle" in block[:20]:
        raise Refused(
            f"{path} is a bundle of git's own, without a manifest",
            f"git -C MIRROR fetch {shell(path)} 'refs/heads/*:refs/heads/*'",
        )
    if not block:
        raise _cut_off(path, 0, "it is empty")
    if len(block) == BLOCK and not _is_ustar(block):
        raise Refused(f"{path} is not a git-ekf bundle", "git ekf bundle create makes one")


def _is_ustar(block: bytes) -> bool:
    return block[257:262] == b"ustar"


def _read_header(block: bytes, path: str, at: int) -> tuple[str, int]:
    """Name and size of a file.

    Whatever else a header may say is of no consequence, or refused.
    """
    summed = block[:148] + b" " * 8 + block[156:]  # the checksum counts as blanks
    if not _is_ustar(block) or _octal(block[148:156]) != sum(summed):
        raise damaged(path, f"is damaged at byte {at}: there is no header of a file")
    name = os.fsdecode(block[:100].rstrip(b"\0"))
    kind = chr(block[156]) if block[156] else _FILE
    if kind != _FILE:
        described = _KINDS.get(kind, "something else than a file")
        raise damaged(path, f'has in it, by the name "{name}", {described}')
    if name not in (BUNDLE, *_MOST) or any(block[157:257]) or any(block[345:500]):
        raise damaged(path, f'has in it "{name}", which does not belong there')
    size = _octal(block[124:136])
    if block[124] == 0x80:
        size = int.from_bytes(block[125:136], "big")
    if size is None:
        raise damaged(path, f"is damaged at byte {at}: {name} has no size")
    if name in _MOST and size > _MOST[name]:
        raise damaged(path, f"has a {name} of {size} bytes, which is more than is ever read")
    return name, size


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    # int() would take a sign, blanks and underscores as well.
    return int(digits, 8) if digits and not digits.strip(b"01234567") else None


def _require_end(file: IO[bytes], path: str, length: int, left: int) -> None:
    """At the end there are two empty blocks, and perhaps more of the kind."""
    if left < len(END):
        raise _cut_off(path, length, "its last block is missing")
    file.seek(length - left)
    if left > _MOST_PADDING or any(file.read(left)):
        raise damaged(path, f"has something behind its end, at byte {length - left}")


def _cut_off(path: str, length: int, but: str) -> Refused:
    return damaged(path, f"is cut off: it ends at byte {length}, but {but}")
