"""Which kustomizations two commits have in common, and which of them are to be built."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from git_ekf.errors import UsageError
from git_ekf.manifests.builder import takes_path
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.replay.divergence import add_above, folders_above
from git_ekf.repository import Repository

OVERLAY = "overlays/deploy"


def is_overlay(folder: str) -> bool:
    """Whether it is one of those that are built where nothing says what is."""
    return f"/{folder}".endswith(f"/{OVERLAY}")


class Kustomization(NamedTuple):
    """A directory to build, from the top ("." is the top itself), and in which commit it is."""

    path: str
    in_old: bool
    in_new: bool


class BuildChoice(NamedTuple):
    """The kustomizations to build, and why these.

    `reason` is arguments, apply.paths, overlays, configuration, or command: it takes no path.
    """

    reason: str
    kustomizations: list[Kustomization]


class Asking(NamedTuple):
    """The command that asks, for sentences about it.

    What it does, and with all of them; where a path is that it does not find.
    """

    command: str
    act: str
    whole: str
    nowhere: str = "in neither commit"


DIFF = Asking("git ekf diff --rendered", "compare", "compares all kustomizations")


def choose(
    repo: Repository, old: str, new: str, paths: Sequence[str], asking: Asking = DIFF
) -> BuildChoice:
    """Which kustomizations of two commits to build; `paths` are relative to the top.

    Raises UsageError.
    """
    trees = _BuildTrees(repo, old, new, asking)
    reason, chosen = _chosen(repo, trees, old, new, paths)
    if not chosen:
        raise UsageError(f"there is no kustomization to {asking.act}", f"{asking.command} PATH")
    return BuildChoice(reason, [trees.kustomization(path) for path in dict.fromkeys(chosen)])


def _chosen(
    repo: Repository, trees: _BuildTrees, old: str, new: str, paths: Sequence[str]
) -> tuple[str, list[str]]:
    """The reason, and the directories. Raises UsageError."""
    if not takes_path(repo):
        if paths:
            raise UsageError(
                "render.command has no {path}, so it builds everything at once",
                trees.asking.command,
            )
        return "command", ["."]
    if paths:
        chosen = []
        for path in paths:
            chosen += trees.below(path)
        return "arguments", chosen
    if repo.config.apply_paths:
        return "apply.paths", [_inside(path, trees.asking) for path in repo.config.apply_paths]
    if trees.overlays:
        return "overlays", trees.overlays
    return "configuration", _touched(repo, old, new, trees.all)


class _Kustomizations:
    """The files, directories and kustomizations of a commit."""

    def __init__(self, repo: Repository, commit: str) -> None:
        files = list(repo.git.ls_tree(commit, recursive=True))
        self.paths = {".", *files}
        self.kustomizations = set()
        for file in files:
            directory, _, name = file.rpartition("/")
            if name in KUSTOMIZATIONS:
                self.kustomizations.add(directory or ".")
            add_above(file, self.paths)


class _BuildTrees:
    """The trees of two commits."""

    def __init__(self, repo: Repository, old: str, new: str, asking: Asking) -> None:
        self.asking = asking
        self._old = _Kustomizations(repo, old)
        self._new = _Kustomizations(repo, new) if new != old else self._old
        self.all = self._old.kustomizations | self._new.kustomizations
        self.overlays = sorted(filter(is_overlay, self.all))

    def below(self, path: str) -> list[str]:
        """The path itself; for a directory without a kustomization, the deploy overlays below it.

        Raises UsageError.
        """
        if path not in self._old.paths | self._new.paths:
            raise UsageError(
                f"{path} is {self.asking.nowhere}", f"{self.asking.command} {self.asking.whole}"
            )
        if path in self.all:
            return [path]
        inside = "" if path == "." else f"{path}/"
        return [overlay for overlay in self.overlays if overlay.startswith(inside)] or [path]

    def kustomization(self, path: str) -> Kustomization:
        """In which of the commits a directory is to be built."""
        if path in self.all:
            # One that is a kustomization on one side only is not there on the other, whatever
            # else is in it.
            return Kustomization(
                path, path in self._old.kustomizations, path in self._new.kustomizations
            )
        # For a builder other than kustomize.
        return Kustomization(path, path in self._old.paths, path in self._new.paths)


def _inside(path: str, asking: Asking) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith(("/", "../")) or normal == "..":
        raise UsageError(f"apply.paths: {path} is outside the repository", f"{asking.command} PATH")
    return normal


def _touched(repo: Repository, old: str, new: str, kustomizations: set[str]) -> list[str]:
    """The outermost kustomizations in directories of the customer that were touched."""
    files = repo.git.paths_touched([old, new], repo.vendor_globs())
    theirs = vendor_directories(repo, old, new) - set(repo.config.customer_paths)
    tops = {file.partition("/")[0] for file in files if "/" in file} - theirs
    ours = {path for path in kustomizations if path.partition("/")[0] in tops}
    return sorted(path for path in ours if ours.isdisjoint(folders_above(path)))


def vendor_directories(repo: Repository, *commits: str) -> set[str]:
    """Top-level directories of the vendor's commits that the commits stand on.

    Those that the configuration gives to the customer are among them.
    """
    return set[str]().union(*map(repo.git.top_directories, vendor_bases(repo, *commits)))


def vendor_bases(repo: Repository, *commits: str) -> set[str]:
    """The vendor's commits that the commits stand on."""
    bases: set[str | None] = set()
    for commit in commits:
        bases.update(repo.git.merge_base(commit, channel) for channel in repo.channels.values())
    return set(filter(None, bases))
