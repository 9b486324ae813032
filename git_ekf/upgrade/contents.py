"""The content of files, all read by one git."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry

# Bytes: a manifest is smaller, and a larger file is not looked at.
_LARGEST = 1 << 24


@contextmanager
def reading(git: Git) -> Iterator[Callable[[Entry], bytes | None]]:
    """Reads blobs; None for one that is too large. The reader raises CallFailed."""
    reader = git.object_reader(_LARGEST)
    try:
        yield lambda entry: next(reader.read("blob", [entry.oid]))
    finally:
        reader.close()
