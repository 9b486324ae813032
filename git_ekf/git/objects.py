"""Objects for a merge, written and read without starting git.

Trees and commits made for a merge live for one question only, and there are many of them: they are
written as a pack (gitformat-pack(5)); a single one as a file of its own (gitformat-loose(5)), for
many packs make git slow. What git makes of them it keeps in such files.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from git_ekf.git.digest import digest
from git_ekf.git.trees import Entry

_AUTHOR = b"author x <x> 0 +0000\ncommitter x <x> 0 +0000\n\n"

# The types of objects in a pack.
_COMMIT, _TREE, _BLOB = 1, 2, 3
_NAMES = {_COMMIT: b"commit", _TREE: b"tree", _BLOB: b"blob"}


class Objects:
    """A directory of objects; `object_format` is sha1 or sha256."""

    def __init__(self, folder: str, object_format: str) -> None:
        self._folder = folder
        self._format = object_format
        # Object id -> type and content, to be written.
        self._made: dict[bytes, tuple[int, bytes]] = {}
        self._known: set[str] = set()
        os.makedirs(folder)

    def commit(self, tree: str, *parents: str) -> str:
        """Makes a commit without a message. Its object id."""
        heads = "".join([f"tree {tree}\n", *(f"parent {parent}\n" for parent in parents)])
        return self._make(_COMMIT, heads.encode() + _AUTHOR)

    def blob(self, content: bytes) -> str:
        """Makes a file's content. Its object id."""
        return self._make(_BLOB, content)

    def tree(self, entries: Mapping[str, Entry]) -> str:
        """Makes a tree with these paths and nothing else, and the trees below it. Its object id."""
        below: dict[str, dict[str, Entry]] = {}
        top = {}
        for path, entry in entries.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = entry
            else:
                top[os.fsencode(name)] = entry.mode.encode(), bytes.fromhex(entry.oid)
        for name, inner in below.items():
            top[os.fsencode(name)] = b"40000", bytes.fromhex(self.tree(inner))
        return self.folder(top)

    def folder(self, entries: Mapping[bytes, tuple[bytes, bytes]]) -> str:
        """Makes one tree: name -> mode and object id, as a tree has them. Its object id."""
        listed = []
        for name, (mode, oid) in entries.items():
            # git sorts a directory as if its name ended in a slash.
            order = name + b"/" if mode == b"40000" else name
            listed.append((order, b"%s %s\0%s" % (mode, name, oid)))
        return self._make(_TREE, b"".join(content for _, content in sorted(listed)))

    def _make(self, kind: int, content: bytes) -> str:
        oid = self._digest(_loose(kind, content))
        if oid.hex() not in self._known:
            self._known.add(oid.hex())
            self._made[oid] = kind, content
        return oid.hex()

    def write(self) -> None:
        """Writes what was made since the last time, for git to see."""
        made, self._made = sorted(self._made.items()), {}
        if len(made) == 1:
            oid, (kind, content) = made[0]
            name = os.path.join(oid.hex()[:2], oid.hex()[2:])
            self._write(name, zlib.compress(_loose(kind, content), 1))
        elif made:
            entries = []
            for _, (kind, content) in made:
                entries.append(_head(kind, len(content)) + zlib.compress(content, 1))
            self._write_pack([oid for oid, _ in made], entries)

    def _write_pack(self, oids: list[bytes], entries: list[bytes]) -> None:
        """Writes entries, in the order of their ids, and the index of them."""
        pack = b"PACK" + _numbers([2, len(entries)]) + b"".join(entries)
        checksum = self._digest(pack)
        starts = accumulate(map(len, entries[:-1]), initial=12)
        firsts = [oid[0] for oid in oids]
        counts = accumulate(firsts.count(byte) for byte in range(256))
        index = b"\377tOc" + _numbers([2, *counts]) + b"".join(oids)
        index += _numbers([*map(zlib.crc32, entries), *starts]) + checksum
        name = os.path.join("pack", f"pack-{checksum.hex()}")
        self._write(f"{name}.pack", pack + checksum)
        self._write(f"{name}.idx", index + self._digest(index))  # with it git sees the pack

    def _write(self, name: str, content: bytes) -> None:
        path = os.path.join(self._folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def new_files(self) -> Iterator[bytes]:
        """The content of blobs that git has written since the last time."""
        for oid in loose_ids(self._folder):
            if oid in self._known:
                continue
            self._known.add(oid)
            with open(os.path.join(self._folder, oid[:2], oid[2:]), "rb") as file:
                raw = file.read()
            if zlib.decompressobj().decompress(raw, 64).startswith(b"blob "):
                yield zlib.decompress(raw).partition(b"\0")[2]

    def _digest(self, content: bytes) -> bytes:
        return digest(self._format, content)


def loose_ids(folder: str) -> Iterator[str]:
    """The ids of the objects in a directory that are files of their own (gitformat-loose(5))."""
    for begin in os.listdir(folder):
        for name in os.listdir(os.path.join(folder, begin)) if len(begin) == 2 else ():
            if name.isalnum():  # one that is still being written has another name
                yield begin + name


def _loose(kind: int, content: bytes) -> bytes:
    """An object in full, as its id is made from it."""
    return b"%s %d\0%s" % (_NAMES[kind], len(content), content)


def _head(kind: int, size: int) -> bytes:
    """How an object in a pack begins: type and size, seven bits a byte, but four in the first."""
    head = bytearray([kind << 4 | size & 15])
    size >>= 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head)


def _numbers(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)
