"""What a tree breaks of what the tree before it had, as far as it can be read without a builder.

No repository, no processes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable
from typing import NamedTuple

from git_ekf.manifests.fields import common_start
from git_ekf.manifests.matching import FieldTarget
from git_ekf.manifests.resources import Unreadable, documents, import_yaml
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.manifests.sources import Files
from git_ekf.manifests.twice import keys_twice
from git_ekf.manifests.walk import Missing, Walk


class Spoilt(NamedTuple):
    """A file that a merge has left so: with a key twice, or (`key` is "") as no YAML at all."""

    path: str
    key: str
    line: int


class Effects(NamedTuple):
    """The things that are broken, and those that were not looked at.

    `looked_at` counts kustomizations; `unmatched` are targets that matched something before and
    match nothing now; `unfollowed` has (directory, why) of those of which some could not be
    followed; `note` says why nothing was looked at, "" where it was.
    """

    looked_at: int
    missing: list[Missing]
    unmatched: list[FieldTarget]
    spoilt: list[Spoilt]
    unfollowed: list[tuple[str, list[str]]]
    note: str = ""

    @property
    def fine(self) -> bool:
        """Whether nothing is lost or gone. (A key that stands twice most tools let pass.)"""
        return not (self.missing or self.unmatched)

    def without(self, folders: Collection[str]) -> Effects:
        """The same but for kustomizations of which more is known: they do not build."""
        missing = [one for one in self.missing if one.folder not in folders]
        unmatched = [one for one in self.unmatched if one.folder not in folders]
        return self._replace(missing=missing, unmatched=unmatched)


def none_looked_at(why: str) -> Effects:
    """The effects where nothing can be looked at."""
    return Effects(0, [], [], [], [], why)


class Sides(NamedTuple):
    """The trees that are compared."""

    before: Files
    vendor: Files
    after: Files


def read_effects(sides: Sides, changed: Iterable[str], merged: Iterable[str] | None) -> Effects:
    """Compares what the stack touches.

    `changed` are the paths in which `after` differs from the vendor's new tree, `merged` those of
    them that neither side has so; None: that is to be found out. Raises Refused without PyYAML.
    """
    before, vendor, after = map(Walk, sides)
    changed = list(changed)
    folders = sorted({f for f in map(sides.after.nearest, changed) if f is not None})
    if folders:
        import_yaml()
    for folder in folders:
        after.follow(folder)
    suspects = [one for one in after.targets if one.folder in folders and not after.targets[one]]
    missing = [one for one in after.missing if one.folder in folders]
    asked = {one.folder for one in suspects}
    # What a component matches only those tell that have it.
    asked |= {one for one in folders if asked and after.has_components(one)}
    places = {}
    for folder in sorted(asked.union(one.folder for one in missing)):
        place = place_in(sides.before, sides.after, folder)
        if place is not None:
            places[folder] = place
    for folder in sorted(asked & places.keys()):
        before.follow(places[folder])
    missing = [
        one
        for one in missing
        if one.folder in places
        and not before.lacks(one._replace(folder=places[one.folder]))
        and not vendor.lacks(one)
    ]
    unmatched = [
        one
        for one in suspects
        if after.targets[one] is False
        and one.folder in places
        and before.targets.get(one._replace(folder=places[one.folder]))
    ]
    for folder in sorted(asked) if unmatched else ():
        vendor.follow(folder)
    unmatched = [one for one in unmatched if not _unmatched_there(vendor, after, one)]
    spoilt = _spoilt(sides, changed if merged is None else merged)
    unfollowed = after.gaps.keys() - {one.folder for one in missing}
    gaps = [(folder, after.gaps[folder]) for folder in folders if folder in unfollowed]
    return Effects(len(folders), missing, unmatched, spoilt, gaps)


def place_in(there: Files, here: Files, folder: str) -> str | None:
    """Where a kustomization that is here is in another tree: in the same place, or moved.

    Moved it is from where the other tree has one that ends alike and is gone here: at least the
    last two parts of its path are the same. None where it is not there.
    """
    if there.kustomization_in(folder):
        return folder
    parts = folder.split("/")[::-1]
    best = (1, "")
    for path in there.entries:
        one = posixpath.dirname(path)
        if posixpath.basename(path)[:1] in "kK" and there.kustomization_in(one) == path:
            alike = common_start(parts, one.split("/")[::-1])
            if alike > 1 and not here.kustomization_in(one):
                best = max(best, (alike, one))
    return best[1] or None


def _unmatched_there(vendor: Walk, after: Walk, one: FieldTarget) -> bool:
    """Whether the vendor's own state has the same target to the letter, without a match as well."""
    same = vendor.written.get(one) == after.written[one]
    return same and vendor.targets.get(one) is False


def _spoilt(sides: Sides, paths: Iterable[str]) -> list[Spoilt]:
    """What merges have made of YAML files that were well on both sides."""
    found: list[Spoilt] = []
    for path in paths:
        entry = sides.after.entries.get(path)
        if not path.endswith((".yaml", ".yml")) or entry is None:
            continue
        import_yaml()
        olds = [side for side in (sides.before, sides.vendor) if path in side.entries]
        if olds and entry not in [side.entries[path] for side in olds]:
            found += _spoilt_file(sides.after, olds, path)
    return found


def _spoilt_file(after: Files, olds: list[Files], path: str) -> list[Spoilt]:
    try:
        text = after.read(path)
        parts: set[str] = set()
        for side in olds:
            parts.update(documents(side.read(path)))
    except (Unfollowed, Unreadable):
        return []
    now = keys_twice(text, parts)
    if now == []:
        return []
    before = [keys_twice(side.read(path)) for side in olds]
    if now is None:
        # Markers are somebody's own decision, and a rule of the policy.
        marked = b"\n<<<<<<< " in b"\n" + text
        return [] if marked or None in before else [Spoilt(path, "", 0)]
    known = {one.path for twice in before for one in twice or ()}
    return [Spoilt(path, key, line) for key, line in now if key not in known]
