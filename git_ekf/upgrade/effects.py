"""What an upgrade would break, or has broken, of what the configuration touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from git_ekf.errors import Refused
from git_ekf.git.trees import Entry
from git_ekf.manifests.effects import Effects, Sides, none_looked_at, read_effects
from git_ekf.manifests.sources import Files
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import ReplayStep, results
from git_ekf.repository import Repository
from git_ekf.upgrade.contents import Changed, Contents, Tree, reading
from git_ekf.upgrade.target import Target


def planned_effects(scratch: Scratch, target: Target, steps: Sequence[ReplayStep]) -> Effects:
    """The effects of the plan's commits, conflicts resolved to their own side."""
    changes = results(steps)
    if not changes:
        return none_looked_at("")
    merged: dict[str, None] = {}
    unknown: set[str] = set()  # the paths in conflict: what will be there nobody knows
    for step in steps:
        merged |= dict.fromkeys([*step.merged, *(one.path for one in step.settled)])
        for conflict in step.conflicts:
            unknown.update(conflict.paths)
    with reading(scratch.writing) as content:
        vendor = content.tree(target.onto)
        changed = [path for path, entry in changes.items() if entry != vendor.get(path)]
        new = {path: entry for path, entry in changes.items() if entry}
        after = content.files_of(Changed(vendor, new))
        if len(new) < len(changes):  # which may have taken directories away
            kept = {path: one for path, one in vendor.listed().items() if path not in changes}
            after = Files(kept | new, content)
        known = [path for path in merged if path not in unknown]
        return _effects(content, target, vendor, after, changed, known)


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
        return _effects(content, target, vendor, content.files(tip), changed, None)


def _effects(
    content: Contents,
    target: Target,
    vendor: Tree,
    after: Files,
    changed: list[str],
    merged: Iterable[str] | None,
) -> Effects:
    before, news = content.files(target.tip), content.files_of(vendor)
    try:
        return read_effects(Sides(before, news, after), changed, merged)
    except Refused:
        return none_looked_at("PyYAML is not installed (pip install 'git-ekf[render]')")
