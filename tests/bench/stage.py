"""A clone that begins every measurement in the same state."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.generate import Clone, World, settle

TRASH = "trash"
_SPARSE = "site/cluster-00"


class Stage(Clone):
    """A clone that can be put back to the state in which it was kept, down to the packs."""

    def __init__(self, world: World, path: Path) -> None:
        super().__init__(world, path, path.with_name(path.name + "-internal.git"))
        self._git_dir = path / ".git"
        self._start = path.with_name(path.name + "-start")

    @property
    def kept(self) -> bool:
        return self._start.exists()

    def keep(self) -> None:
        """Packs all objects and remembers everything else in the git directory as the start."""
        self.git("repack", "-adq")
        self.git("pack-refs", "--all")
        (self._git_dir / "bench-packs").write_text("\n".join(path.name for path in self._packs()))
        new = self._start.with_name(self._start.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(
            self._git_dir,
            new,
            ignore=lambda folder, names: (
                {"objects", "index"} if folder == str(self._git_dir) else set()
            ),
        )
        new.rename(self._start)

    def restore(self, branch: str = "", commit: str = "") -> None:
        """Back to the start, whatever a command has left. With `branch`, that branch is then at `commit` and checked out.

        What has to go is only set aside: ext4 is slow to make files for minutes after many were deleted, and
        that would be measured with the next run.
        """
        aside = self._aside()
        for number, path in enumerate(self._left_behind()):
            path.rename(aside / f"left-{number}")
        shutil.copytree(self._start, self._git_dir, dirs_exist_ok=True)
        if branch:
            self.git("update-ref", f"refs/heads/{branch}", commit)
            self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        for number, path in enumerate(self._changed()):
            (aside / f"changed-{number}").hardlink_to(path)
        self.git("reset", "-q", "--hard")
        settle(self._git_dir / "index")
        os.sync()

    def remove(self) -> None:
        for path in (self.path, self.internal, self._start):
            shutil.rmtree(path, ignore_errors=True)

    def tree(self, revision: str = "HEAD") -> str:
        return self.git("rev-parse", f"{revision}^{{tree}}")

    def _packs(self) -> list[Path]:
        return sorted((self._git_dir / "objects" / "pack").iterdir())

    def _aside(self) -> Path:
        trash = self.path.with_name(TRASH)
        trash.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=trash))

    def _left_behind(self) -> Iterator[Path]:
        """All of the git directory but the index and the objects that are there at the start: no run is to find those of another."""
        packs = set((self._start / "bench-packs").read_text().split("\n"))
        yield from (path for path in self._packs() if path.name not in packs)
        yield from (self._git_dir / "objects").glob("[0-9a-f][0-9a-f]")
        yield from (
            path for path in self._git_dir.iterdir() if path.name not in ("objects", "index")
        )

    def _changed(self) -> Iterator[Path]:
        """The files that will be written anew or removed."""
        for name in self.git(
            "diff-index", "--cached", "--no-renames", "--name-only", "-z", "HEAD"
        ).split("\0"):
            path = self.path / name
            if path.is_file() and not path.is_symlink():
                yield path


def sparse(stage: Stage) -> Stage:
    """The same clone in a work tree with next to nothing in it."""
    twin = Stage(stage.world, stage.path.with_name(stage.path.name + "-sparse"))
    if not twin.kept:
        twin.remove()
        stage.restore()
        shutil.copytree(
            stage.path / ".git", twin.path / ".git", ignore=shutil.ignore_patterns("index")
        )
        twin.git("sparse-checkout", "set", "--cone", _SPARSE)
        twin.git("reset", "-q", "--hard")
        twin.keep()
    return twin
