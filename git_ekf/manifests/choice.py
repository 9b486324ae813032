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
    before = _listed(repo, old)
    after = before if new == old else _listed(repo, new)
    both = _Listed(before.paths | after.paths, before.kustomizations | after.kustomizations)
    overlays = sorted(filter(is_overlay, both.kustomizations))
    if not takes_path(repo):
        if paths:
            raise UsageError(
                "render.command has no {path}, so it builds everything at once", asking.command
            )
        reason, chosen = "command", ["."]
    elif paths:
        reason, chosen = "arguments", []
        for path in paths:
            chosen += _below(path, both, overlays, asking)
    elif repo.config.apply_paths:
        reason, chosen = "apply.paths", [_inside(one, asking) for one in repo.config.apply_paths]
    elif overlays:
        reason, chosen = "overlays", overlays
    else:
        reason, chosen = "configuration", _touched(repo, old, new, both.kustomizations)
    if not chosen:
        raise UsageError(f"there is no kustomization to {asking.act}", f"{asking.command} PATH")
    kustomizations = []
    for path in dict.fromkeys(chosen):
        # One that is a kustomization on one side only is not there on the other, whatever else is
        # in it. A directory that is none is for a builder other than kustomize.
        is_one = path in both.kustomizations
        there = [
            path in (side.kustomizations if is_one else side.paths) for side in (before, after)
        ]
        kustomizations.append(Kustomization(path, *there))
    return BuildChoice(reason, kustomizations)


class _Listed(NamedTuple):
    """The files and directories of a commit, and those that are kustomizations."""

    paths: set[str]
    kustomizations: set[str]


def _listed(repo: Repository, commit: str) -> _Listed:
    files = repo.git.ls_tree(commit, recursive=True)
    found = _Listed({".", *files}, set())
    for file in files:
        directory, _, name = file.rpartition("/")
        if name in KUSTOMIZATIONS:
            found.kustomizations.add(directory or ".")
        add_above(file, found.paths)
    return found


def _below(path: str, there: _Listed, overlays: list[str], asking: Asking) -> list[str]:
    """The path itself; for a directory without a kustomization, the deploy overlays below it.

    Raises UsageError.
    """
    if path not in there.paths:
        raise UsageError(f"{path} is {asking.nowhere}", f"{asking.command} {asking.whole}")
    if path in there.kustomizations:
        return [path]
    inside = "" if path == "." else f"{path}/"
    return [overlay for overlay in overlays if overlay.startswith(inside)] or [path]


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
