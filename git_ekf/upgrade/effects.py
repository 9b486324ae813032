"""What an upgrade would break, or has broken, of what the configuration touches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry
from git_ekf.manifests.effects import Effects, Sides, none_looked_at, overlaid, read_effects
from git_ekf.manifests.sources import Files
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.upgrade.contents import reading
from git_ekf.upgrade.target import Target

if TYPE_CHECKING:
    from git_ekf.replay.scratch import Scratch


def planned_effects(scratch: Scratch, target: Target, steps: Sequence[ReplayStep]) -> Effects:
    """The effects of the plan's commits, conflicts resolved to their own side."""
    changes: dict[str, Entry | None] = {}
    merged: dict[str, None] = {}
    for step in steps:
        changes.update(step.changes)
        merged |= dict.fromkeys([*step.merged, *(one.path for one in step.settled)])
    for step in steps:
        for conflict in step.conflicts:  # what will be there nobody knows
            merged = {path: None for path in merged if path not in conflict.paths}
    if not changes:
        return none_looked_at("")
    git = scratch.writing
    vendor = git.ls_tree(target.onto, recursive=True)
    after = overlaid(vendor, changes)
    changed = [path for path in changes if after.get(path) != vendor.get(path)]
    return _effects(git, target, vendor, after, changed, merged)


def effects_of(repo: Repository, target: Target, tip: str) -> Effects:
    """The effects of an upgrade that is done: `tip` is the branch as it is now."""
    vendor = repo.git.ls_tree(target.onto, recursive=True)
    after = repo.git.ls_tree(tip, recursive=True)
    changed = [path for path in {*vendor, *after} if after.get(path) != vendor.get(path)]
    return _effects(repo.git, target, vendor, after, sorted(changed), None)


def _effects(
    git: Git,
    target: Target,
    vendor: dict[str, Entry],
    after: dict[str, Entry],
    changed: list[str],
    merged: dict[str, None] | None,
) -> Effects:
    with reading(git) as content:
        before = cache(lambda: Files(git.ls_tree(target.tip, recursive=True), content))
        news = cache(lambda: Files(vendor, content))
        sides = Sides(before, news, Files(after, content))
        try:
            return read_effects(sides, changed, merged)
        except Refused:
            return none_looked_at("PyYAML is not installed (pip install 'git-ekf[render]')")
