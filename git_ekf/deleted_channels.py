"""The vendor's channels that a fetch did not find any more, whatever refs remember them.

A fetch moves what is there, and says nothing of what is not. The refs are the user's to prune.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from git_ekf.smallfile import STATE, read_small, write_small


def note_deleted(git_dir: str, common_dir: str, known: Mapping[str, str]) -> None:
    """Notes which of the channels that are known (name -> commit) the last fetch has not seen.

    To be called after a fetch that asked for all of them. Raises nothing: what cannot be written
    stays as it was known.
    """
    path = _path(common_dir)
    with suppress(OSError):
        seen = _fetched(git_dir)
        lines = [f"{oid} {name}\n" for name, oid in known.items() if name not in seen]
        if lines or os.path.exists(path):
            write_small(path, os.fsencode("".join(lines)))


def deleted(git_dir: str, common_dir: str) -> dict[str, str]:
    """Name -> commit of the channels that were gone at the last fetch, as they were then.

    Without those that a later fetch by hand has seen again.
    """
    path = _path(common_dir)
    found = {}
    with suppress(OSError):
        for line in os.fsdecode(read_small(path, STATE) or b"").split("\n"):
            oid, _, name = line.partition(" ")
            if name:
                found[name] = oid
        if found and os.stat(_fetch_head(git_dir)).st_mtime_ns > os.stat(path).st_mtime_ns:
            seen = _fetched(git_dir)
            found = {name: oid for name, oid in found.items() if name not in seen}
    return found


def asks_for_all(refspecs: Iterable[str], prefix: str) -> bool:
    """Whether a fetch by these refspecs brings every branch, to below a prefix (git-fetch(1))."""
    specs = [spec.removeprefix("+") for spec in refspecs]
    whole = f"refs/heads/*:{prefix}*" in specs
    return whole and not any(spec.startswith("^") for spec in specs)


def _path(common_dir: str) -> str:
    return os.path.join(common_dir, "ekf", "deleted-channels")


def _fetch_head(git_dir: str) -> str:
    return os.path.join(git_dir, "FETCH_HEAD")


def _fetched(git_dir: str) -> set[str]:
    """The branches that FETCH_HEAD lists, which every fetch writes anew. Raises OSError."""
    text = os.fsdecode(read_small(_fetch_head(git_dir), STATE) or b"")
    # "oid TAB not-for-merge TAB branch 'NAME' of URL"; no name has a space.
    notes = (line.rpartition("\tbranch '")[2] for line in text.split("\n"))
    return {note.partition("' of ")[0] for note in notes}
