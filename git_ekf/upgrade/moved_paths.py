"""Paths in the configuration that the vendor has moved away."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from git_ekf.replay import merging
from git_ekf.replay.divergence import folders_above
from git_ekf.replay.followed import follow
from git_ekf.replay.scratch import Scratch, open_scratch
from git_ekf.replay.step import results
from git_ekf.repository import Repository
from git_ekf.upgrade.plan import UpgradePlan
from git_ekf.upgrade.target import SYNC, UPGRADE, Target, releases_through

# So many files tell where their directory has gone.
_ENOUGH = 200


class MovedPath(NamedTuple):
    """A path that a key of the configuration names, and where that is now."""

    key: str
    path: str
    moved_to: str


def moved_in_plan(repo: Repository, plan: UpgradePlan) -> list[MovedPath]:
    """Those that an upgrade would leave behind. Raises GitFailed."""
    left = [path for path, entry in results(plan.steps).items() if entry]
    return moved_in(repo, plan.target, plan.target.onto, left)


def moved_in(
    repo: Repository, target: Target, after: str, left: Sequence[str] = ()
) -> list[MovedPath]:
    """Those that an upgrade leaves behind, by the commit that it has led to. Raises GitFailed.

    Or by the commit that it goes onto: `left` are the files that it puts there.
    """
    named = _named(repo)
    if not named or target.command not in (UPGRADE, SYNC) or repo.git.version < merging.MINIMUM:
        return []

    def stays(path: str) -> bool:
        return any(one == path or one.startswith(f"{path}/") for one in left)

    with open_scratch(repo) as scratch:
        there = scratch.object_ids([f"{after}:{path}" for _, path in named])
        gone = [one for one, oid in zip(named, there, strict=True) if not (oid or stays(one[1]))]
        if not gone:
            return []
        releases = releases_through(repo, target)
        found = [MovedPath(*one, _place(scratch, releases, one[1])) for one in gone]
    return [one for one in found if one.moved_to]


def _named(repo: Repository) -> list[tuple[str, str]]:
    """(key, path) of all that the configuration names."""
    config = repo.config
    words = [word for one in config.migrations for word in one.command if "/" in word]
    named = [("apply.paths", path) for path in config.apply_paths]
    named += [("paths.customer", path) for path in config.customer_paths]
    named += [("upgrade.migrations", word) for word in words]
    inside = [(key, posixpath.normpath(path)) for key, path in named if path and "\n" not in path]
    return [one for one in inside if one[1] != "." and not one[1].startswith(("/", ".."))]


def _place(scratch: Scratch, releases: Sequence[str], path: str) -> str:
    """Where the last release has what is at a path, or what that is below; "" without one."""
    for folder in (path, *folders_above(path)):
        before, after = scratch.object_ids([f"{releases[0]}:{folder}", f"{releases[-1]}:{folder}"])
        if after:
            return ""
        if before:
            moved = _directory(scratch, releases, folder)
            return moved + path[len(folder) :] if moved else ""
    return ""


def _directory(scratch: Scratch, releases: Sequence[str], folder: str) -> str:
    """Where most files of a directory have gone, each below by the same name; "" where none is."""
    files = scratch.writing.ls_tree(releases[0], recursive=True)
    inside = [path for path in files if path == folder or path.startswith(f"{folder}/")][:_ENOUGH]
    places: Counter[str] = Counter()
    for path, place in follow(scratch, releases, inside).items():
        below = path[len(folder) :]
        if place.endswith(below):
            places[place[: len(place) - len(below)]] += 1
    [(found, number)] = places.most_common(1) or [("", 0)]
    return found if number * 2 > len(inside) else ""
