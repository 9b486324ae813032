"""Many objects at once: packs written, read, and made from a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from git_ekf.git.process import Process, as_lines, flags
from git_ekf.git.transfer import Transfer


class PackQuestions(Process):
    """About many objects at once."""

    @contextmanager
    def pack_objects(
        self, include: Iterable[str], exclude: Iterable[str], *, reproducible: bool
    ) -> Iterator[IO[bytes]]:
        """A pack to be read, with the objects of `include` and without those of `exclude`.

        It may have differences to objects that it leaves out. `reproducible`: the same objects
        give the same bytes, at the price of one processor's speed. Raises GitFailed.
        """
        options = ("--revs", "--stdout", "--thin", "--delta-base-offset")
        how = flags(threads=int(reproducible))
        with self._transfer("pack-objects", *options, *how, stdin=True) as transfer:
            transfer.write(as_lines([*include, "--not", *exclude]))
            yield transfer.stdout
        transfer.require(0)

    @contextmanager
    def index_pack(self, *, linked: bool) -> Iterator[tuple[IO[bytes], Transfer]]:
        """A pipe that takes a pack, whose objects are then here, and what becomes of it.

        `linked`: each object that one of them names is looked for; the code at the end is 1 where
        some are not in the pack. Raises GitFailed.
        """
        options = flags(stdin=True, fix_thin=True, check_self_contained_and_connected=linked)
        with self._transfer("index-pack", *options, stdin=True, progress=False) as transfer:
            yield transfer.stdin, transfer
        transfer.require(0, 1)

    def pack_objects_as(self, base: str, oids: Iterable[str]) -> None:
        """Writes objects to a pack and its index, whose paths begin with `base`.

        Raises GitFailed.
        """
        self._run("pack-objects", "--quiet", base, stdin=as_lines(oids))

    def gather_packs(self) -> None:
        """Makes few packs of many small ones, and one index of all. Raises GitFailed.

        What no ref leads to stays, for another command may be about to name it.
        """
        # Without looking for better deltas, which takes five times as long for a tenth less.
        git = self.variant(settings=("pack.window=0",))
        git._run("repack", "-d", "-q", "--geometric=2", "--write-midx")

    def fast_import(self, stream: bytes) -> None:
        """Makes what a stream says (git-fast-import(1)). Raises GitFailed."""
        self._run("fast-import", "--quiet", stdin=stream)
