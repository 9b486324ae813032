"""Objects as git keeps them one a file (gitformat-loose(5)), read and written without starting git.

Trees and commits made for a merge live for one question only, and there are many of them.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping

from git_ekf.replay.stack import Entry

_AUTHOR = b"author x <x> 0 +0000\ncommitter x <x> 0 +0000\n\n"


class Loose:
    """The loose objects in a directory of objects; `object_format` is sha1 or sha256."""

    def __init__(self, folder: str, object_format: str) -> None:
        self._folder = folder
        self._format = object_format
        self._seen: set[str] = set()

    def commit(self, tree: str, *parents: str) -> str:
        """Writes a commit without a message. Its object id."""
        heads = "".join([f"tree {tree}\n", *(f"parent {parent}\n" for parent in parents)])
        return self._write(b"commit", heads.encode() + _AUTHOR)

    def tree(self, entries: Mapping[str, Entry]) -> str:
        """Writes a tree with these paths and nothing else, and the trees below it. Its object id."""
        below: dict[str, dict[str, Entry]] = {}
        listed = []
        for path, entry in entries.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = entry
            else:
                listed.append((os.fsencode(name), os.fsencode(name), entry))
        for name, inner in below.items():  # git sorts a directory as if its name ended in a slash
            listed.append((os.fsencode(name) + b"/", os.fsencode(name), Entry("40000", self.tree(inner))))
        return self._write(b"tree", b"".join(b"%s %s\0%s" % (e.mode.encode(), name, bytes.fromhex(e.oid)) for _, name, e in sorted(listed)))

    def new_files(self) -> Iterator[bytes]:
        """The content of blobs that have come since the last time."""
        for folder in os.listdir(self._folder):
            for name in os.listdir(os.path.join(self._folder, folder)) if len(folder) == 2 else ():
                if folder + name in self._seen or not name.isalnum():  # one that is still being written has another name
                    continue
                self._seen.add(folder + name)
                with open(os.path.join(self._folder, folder, name), "rb") as file:
                    raw = file.read()
                if zlib.decompressobj().decompress(raw, 64).startswith(b"blob "):
                    yield zlib.decompress(raw).partition(b"\0")[2]

    def _write(self, kind: bytes, content: bytes) -> str:
        import hashlib  # 4 ms, which only merges need

        raw = b"%s %d\0%s" % (kind, len(content), content)
        oid = hashlib.new(self._format, raw, usedforsecurity=False).hexdigest()
        folder = os.path.join(self._folder, oid[:2])
        path = os.path.join(folder, oid[2:])
        if oid not in self._seen and not os.path.exists(path):
            os.makedirs(folder, exist_ok=True)
            with open(path + ".new", "wb") as file:
                file.write(zlib.compress(raw, 1))
            os.replace(path + ".new", path)
        self._seen.add(oid)
        return oid
