"""What an upgrade would break, or has broken, of what the configuration touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from git_ekf.errors import Refused
from git_ekf.git.trees import Entry
from git_ekf.manifests.effects import Effects, Sides, none_looked_at, read_effects
from git_ekf.manifests.sources import Files
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.upgrade.contents import Contents, reading
from git_ekf.upgrade.target import Target
from git_ekf.upgrade.tree import Changed, Tree

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
    with reading(scratch.writing) as content:
        vendor = content.tree(target.onto)
        changed = [path for path, entry in changes.items() if entry != vendor.get(path)]
        after = _with_changes(content, vendor, changes)
        return _effects(content, target, vendor, after, changed, merged)


def _with_changes(content: Contents, vendor: Tree, changes: Mapping[str, Entry | None]) -> Files:
    new = {path: entry for path, entry in changes.items() if entry}
    if len(new) < len(changes):  # which may have taken directories away
        kept = {path: entry for path, entry in vendor.listed().items() if path not in changes}
        return Files(kept | new, content)
    after = Changed(vendor, new)
    return Files(after, content, after.has_folder)


def effects_of(
    repo: Repository, target: Target, tip: str, carried: Mapping[str, Entry | None] | None = None
) -> Effects:
    """The effects of an upgrade that is done: `tip` is the branch as it is now.

    `carried` is what the commits have left of each path that they change, where that is known.
    """
    with reading(repo.git) as content:
        vendor = content.tree(target.onto)
        if carried is None:
            changed = sorted(repo.git.diff_trees(target.onto, tip))
        else:
            changed = sorted(path for path, now in carried.items() if now != vendor.get(path))
        after = _files(content, content.tree(tip))
        return _effects(content, target, vendor, after, changed, None)


def _effects(
    content: Contents,
    target: Target,
    vendor: Tree,
    after: Files,
    changed: list[str],
    merged: dict[str, None] | None,
) -> Effects:
    before = _files(content, content.tree(target.tip))
    try:
        return read_effects(Sides(before, _files(content, vendor), after), changed, merged)
    except Refused:
        return none_looked_at("PyYAML is not installed (pip install 'git-ekf[render]')")


def _files(content: Contents, tree: Tree) -> Files:
    return Files(tree, content, tree.has_folder)
