"""Lines for `git fast-import` (git-fast-import(1)), which writes many commits as one pack."""

from __future__ import annotations

import os
from collections.abc import Iterable
from subprocess import Popen

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry

_REF = b"refs/heads/scratch"

# One pack however small, for a disk is slow at many files; packed quickly, for git gc packs it
# again. fast-import compares each file with the one before, mostly another one: for nothing, and
# for long where they are large.
_QUICK = ("fastimport.unpackLimit=0", "pack.compression=1", "core.bigFileThreshold=16k")

# For each object it writes, fast-import takes memory and gives it back; glibc is not to hand that
# to the system each time (mallopt(3)).
_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 25)}


class Stream:
    """Files and commits to write; each commit has a number of its own."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._number = 0

    def commit(
        self,
        parent: int | str,
        header: bytes,
        message: bytes,
        changes: Iterable[tuple[str, Entry | None]],
    ) -> int:
        """Adds a commit on `parent`, which is a number, or an object id. Its number.

        `header` are the author's and committer's lines.
        """
        self._number += 1
        origin = (
            b"from :%d\n" % parent if isinstance(parent, int) else b"from %s\n" % parent.encode()
        )
        self._parts.append(
            b"commit %s\nmark :%d\n%sdata %d\n%s\n%s"
            % (_REF, self._number, header, len(message), message, origin)
        )
        added = []
        for path, entry in changes:  # what goes away makes room for what comes
            if entry is None:
                self._parts.append(b"D %s\n" % _path(path))
            else:
                added.append(
                    b"M %s %s %s\n" % (entry.mode.encode(), entry.oid.encode(), _path(path))
                )
        self._parts += added
        return self._number

    def take(self) -> bytes:
        """The lines since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def blobs(self, contents: Iterable[bytes]) -> None:
        """Files' contents, for commits to name by their object ids."""
        for content in contents:
            self._parts.append(b"blob\ndata %d\n%s\n" % (len(content), content))

    def write(self, git: Git, marks: str) -> dict[int, str]:
        """Number -> object id. `marks` is a file for git to write to. Raises GitFailed."""
        return finish(git, start(git, marks), marks, self.take())


def start(git: Git, marks: str) -> Popen[bytes]:
    """A `git fast-import` that waits for lines."""
    options = (
        "--quiet",
        "--force",
        "--done",
        "--date-format=raw-permissive",
        f"--export-marks={marks}",
    )
    return git.variant(env=_MEMORY, settings=_QUICK)._start("fast-import", *options, stdin=True)


def finish(git: Git, process: Popen[bytes], marks: str, lines: bytes = b"") -> dict[int, str]:
    """Number -> object id, once the last lines are written. Raises GitFailed."""
    git._finish(process, stdin=lines + b"done\n")
    with open(marks, encoding="ascii") as file:
        pairs = [line.split() for line in file]
    return {int(mark[1:]): oid for mark, oid in pairs}


def _path(path: str) -> bytes:
    raw = os.fsencode(path)
    if raw.startswith(b'"') or b"\n" in raw:
        return (
            b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
        )
    return raw
