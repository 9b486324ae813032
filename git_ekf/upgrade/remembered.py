"""Conflicts that git remembers the resolution of (git-rerere(1)), as a rebase would meet them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

from git_ekf.git.trees import Entry
from git_ekf.replay.merging import merge
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import At, Settled, Settlement

HOW = "as it was resolved before"


class Remembered:
    """Settles conflicts as rerere would, by a copy of what it remembers: it notes what it meets."""

    def __init__(self, scratch: Scratch, memory: str) -> None:
        self._scratch = scratch
        self._memory = memory

    def settle(self, path: str, stages: dict[int, Entry], at: At) -> Settled | None:
        """See `Settle`. Raises GitFailed."""
        base, ours, theirs = (stages.get(number) for number in (1, 2, 3))
        if not (ours and theirs and ours.is_file and theirs.is_file):
            return None
        marked = self._marked(path, base, ours, theirs)
        resolved = self._resolved(path, stages, marked) if marked else marked
        if resolved == marked:
            return None
        objects = self._scratch.objects
        mode = ours.mode if base and theirs.mode == base.mode else theirs.mode
        entry = Entry(mode, objects.blob(resolved))
        objects.write()
        return Settled({path: entry}, Settlement(path, HOW))

    def _marked(self, path: str, base: Entry | None, ours: Entry, theirs: Entry) -> bytes:
        """The file as git's merge leaves it; b"" where it is not in conflict by itself."""
        objects = self._scratch.objects
        below = objects.commit(objects.tree({path: base} if base else {}))
        sides = [objects.commit(objects.tree({path: one}), below) for one in (ours, theirs)]
        objects.write()
        merged = merge(self._scratch.merging, *sides)
        return b"" if merged.clean else self._scratch.writing.blob(f"{merged.tree}:{path}")

    def _resolved(self, path: str, stages: dict[int, Entry], marked: bytes) -> bytes:
        """The same as rerere leaves it."""
        with self._scratch.work_tree() as (git, git_dir, top):
            copy = os.path.join(git_dir, "rr-cache")
            if not os.path.exists(copy):
                with suppress(OSError):  # what cannot be read nobody remembers
                    shutil.copytree(self._memory, copy, symlinks=True)
            whole = os.path.join(top, path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "wb") as file:
                file.write(marked)
            git.put_stages({path: stages})
            git.take_resolutions()
            with open(whole, "rb") as file:
                resolved = file.read()
            os.unlink(whole)
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(git_dir, "MERGE_RR"))
            return resolved
