"""All refs of a bare repository that only git-ekf writes, in one file: replaced whole, or not.

git keeps many refs in the file packed-refs, and takes the lock that is taken here for each change
to it (packed-backend.c). A transaction of thousands of new refs by git-update-ref(1) writes, syncs
and packs a file for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from git_ekf.git.complaints import lock_in_the_way

_FILE = "packed-refs"
# Sorted by the bytes of the names. Without "peeled", git looks tags up itself.
_HEADER = b"# pack-refs with: sorted \n"
_NAME = 41  # where the name begins in a line, behind the object id


def read_packed(git_dir: str) -> dict[str, str]:
    """Ref -> object id; {} where there are no refs yet."""
    return _parsed(_content(git_dir))


def read_packed_below(git_dir: str, directories: Iterable[str]) -> dict[str, str]:
    """Ref -> object id of those in some directories (refs/heads/), which are few of very many."""
    content = _content(git_dir)
    is_ours = content.startswith(_HEADER) and content.endswith(b"\n")
    if not is_ours or b"\n^" in content:  # git has written it
        below = tuple(directories)
        return {ref: oid for ref, oid in _parsed(content).items() if ref.startswith(below)}
    refs: dict[str, str] = {}
    for directory in directories:
        first = os.fsencode(directory)
        after = first[:-1] + b"0"  # which comes behind the slash
        refs |= _parsed(content[_place(content, first) : _place(content, after)])
    return refs


def _content(git_dir: str) -> bytes:
    try:
        with open(os.path.join(git_dir, _FILE), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _parsed(content: bytes) -> dict[str, str]:
    refs = {}
    for line in os.fsdecode(content).split("\n"):  # not splitlines(): a name may have a U+2028
        if line and line[0] not in "#^":
            oid, _, ref = line.partition(" ")
            refs[ref] = oid
    return refs


def _place(content: bytes, name: bytes) -> int:
    """Where in the sorted lines the first one begins whose ref is not before a name."""
    low, high = len(_HEADER), len(content)
    while low < high:
        middle = (low + high) // 2
        begin = max(low, content.rfind(b"\n", 0, middle) + 1)
        end = content.index(b"\n", middle) + 1
        if content[begin + _NAME : end - 1] < name:
            low = end
        else:
            high = begin
    return low


def break_lock(git_dir: str) -> None:
    """Removes the lock that a write which was killed has left. Nobody may be writing now."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(git_dir, f"{_FILE}.lock"))


def write_packed(git_dir: str, refs: Mapping[str, str]) -> None:
    """Makes these all refs that there are. Raises OSError, Refused where git is at work."""
    path = os.path.join(git_dir, _FILE)
    lock = f"{path}.lock"
    by_name = sorted((os.fsencode(ref), oid.encode()) for ref, oid in refs.items())
    content = _HEADER + b"".join(b"%s %s\n" % (oid, ref) for ref, oid in by_name)
    try:
        descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise lock_in_the_way(lock) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(lock, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(lock)
        raise
