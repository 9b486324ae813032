"""What a tree breaks of what the tree before it had, as far as it can be read without a builder.

No repository, no processes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.manifests.matching import FieldTarget
from git_ekf.manifests.resources import Unreadable, documents, import_yaml
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.manifests.sources import Files
from git_ekf.manifests.twice import Twice, keys_twice
from git_ekf.manifests.walk import Missing, Walk


class Unmatched(NamedTuple):
    """A target that matched something before and matches nothing now."""

    folder: str
    target: FieldTarget


class Spoilt(NamedTuple):
    """A file that a merge has left so: with a key twice, or (`key` is "") as no YAML at all."""

    path: str
    key: str
    line: int


class Effects(NamedTuple):
    """The things that are broken, and those that were not looked at.

    `looked_at` counts kustomizations; `unfollowed` has (directory, why) of those of which some
    could not be followed; `note` says why nothing was looked at, "" where it was.
    """

    looked_at: int
    missing: list[Missing]
    unmatched: list[Unmatched]
    spoilt: list[Spoilt]
    unfollowed: list[tuple[str, list[str]]]
    note: str = ""

    @property
    def fine(self) -> bool:
        """Whether nothing is lost or gone. (A key that stands twice most tools let pass.)"""
        return not (self.missing or self.unmatched)

    def without(self, folders: Collection[str]) -> Effects:
        """The same but for kustomizations of which more is known: they do not build."""
        return self._replace(
            missing=[one for one in self.missing if one.folder not in folders],
            unmatched=list(filter(lambda one: one.folder not in folders, self.unmatched)),
        )


def none_looked_at(why: str) -> Effects:
    """The effects where nothing can be looked at."""
    return Effects(0, [], [], [], [], why)


class Sides(NamedTuple):
    """The trees that are compared; those that most upgrades do not need are read when asked."""

    before: Callable[[], Files]
    vendor: Callable[[], Files]
    after: Files


def read_effects(sides: Sides, changed: Iterable[str], merged: Iterable[str] | None) -> Effects:
    """Compares what the stack touches.

    `changed` are the paths in which `after` differs from the vendor's new tree, `merged` those of
    them that neither side has so; None: that is to be found out. Raises Refused without PyYAML.
    """
    after = Walk(sides.after)
    changed = list(changed)
    folders = sorted({f for f in map(sides.after.nearest, changed) if f is not None})
    if folders:
        import_yaml()
    for folder in folders:
        after.follow(folder)
    suspects = [one for one in after.targets if one[0] in folders and not after.targets[one]]
    missing = [one for one in after.missing if one.folder in folders]
    asked: set[str] = set()
    if suspects or missing:
        before = _Before(sides.before(), sides.after)
        missing = [one for one in missing if before.had_named(one)]
        asked = {folder for folder, _ in suspects}
        # What a component matches only those tell that have it.
        asked |= {one for one in folders if asked and after.has_components(one)}
        for folder in sorted(asked):
            before.follow(folder)
        suspects = [one for one in suspects if before.matched(*one)]
    if missing:
        missing = [one for one in missing if not _missing_there(sides.vendor(), one)]
    unmatched = [Unmatched(*one) for one in suspects if after.targets[one] is False]
    if unmatched:
        vendor = Walk(sides.vendor())
        for folder in sorted(asked):
            vendor.follow(folder)
        unmatched = [one for one in unmatched if not _unmatched_there(vendor, after, one)]
    lacking = {one.folder for one in missing}
    unfollowed = [(one, after.gaps[one]) for one in folders if one in after.gaps]
    spoilt = _spoilt(sides, changed if merged is None else merged)
    return Effects(
        len(folders),
        missing,
        unmatched,
        spoilt,
        [one for one in unfollowed if one[0] not in lacking],
    )


class _Before:
    """The tree before, in which a directory may have had another place."""

    def __init__(self, files: Files, after: Files) -> None:
        self._walk = Walk(files)
        self._files = files
        self._after = after
        self._places: dict[str, str | None] = {}

    def follow(self, folder: str) -> None:
        """Looks at what the directory was."""
        place = self._place(folder)
        if place is not None:
            self._walk.follow(place)

    def _place(self, folder: str) -> str | None:
        """Where it was; None where it was not there."""
        if folder not in self._places:
            self._places[folder] = folder
            if not self._files.kustomization_in(folder):
                self._places[folder] = moved_from(self._files, self._after, folder)
        return self._places[folder]

    def had_named(self, missing: Missing) -> bool:
        """Whether the directory named the same before, and it was there."""
        place = self._place(missing.folder)
        if place is None:
            return False
        return all(one[1:] != missing[1:] for one in self._walk.missing_in(place))

    def matched(self, folder: str, target: FieldTarget) -> bool:
        """Whether a target of the directory matched something."""
        place = self._place(folder)
        return place is not None and self._walk.targets.get((place, target)) is True


def moved_from(before: Files, after: Files, folder: str) -> str | None:
    """Where a kustomization was before: the one that ends alike and is gone, None for none.

    At least the last two parts of its path are the same.
    """
    parts = folder.split("/")
    best = (1, "")
    for path in before.entries:
        one = posixpath.dirname(path)
        if posixpath.basename(path)[:1] in "kK" and before.kustomization_in(one) == path:
            alike = _alike(parts, one.split("/"))
            if alike > 1 and not after.kustomization_in(one):
                best = max(best, (alike, one))
    return best[1] or None


def _alike(one: list[str], other: list[str]) -> int:
    """How many parts of two paths are the same at their end."""
    pairs = list(zip(reversed(one), reversed(other), strict=False))
    return next((at for at, (a, b) in enumerate(pairs) if a != b), len(pairs))


def _missing_there(vendor: Files, missing: Missing) -> bool:
    """Whether the vendor's own state names it in the same place and lacks it as well."""
    there = vendor.kustomization_in(missing.folder)
    return bool(there) and missing in Walk(vendor).missing_in(missing.folder)


def _unmatched_there(vendor: Walk, after: Walk, one: Unmatched) -> bool:
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
        olds = [files.entries.get(path) for files in (sides.before(), sides.vendor())]
        if entry in olds or not any(olds):
            continue
        found += _spoilt_file(sides, path)
    return found


def _spoilt_file(sides: Sides, path: str) -> list[Spoilt]:
    olds = [side for side in (sides.before(), sides.vendor()) if path in side.entries]
    try:
        text = sides.after.read(path)
        parts: set[str] = set()
        for side in olds:
            parts.update(documents(side.read(path)))
    except (Unfollowed, Unreadable):
        return []
    now = _twice(text, parts)
    if now == []:
        return []
    before = [_twice(side.read(path)) for side in olds]
    if now is None:
        # Markers are somebody's own decision, and a rule of the policy.
        marked = b"\n<<<<<<< " in b"\n" + text
        return [] if marked or None in before else [Spoilt(path, "", 0)]
    known = {one.path for twice in before for one in twice or ()}
    return [Spoilt(path, key, line) for key, line in now if key not in known]


def _twice(text: bytes, known: Collection[str] = ()) -> list[Twice] | None:
    """None where it is not YAML."""
    try:
        return keys_twice(text, known)
    except Unreadable:
        return None


def overlaid(entries: Mapping[str, Entry], changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """The files of a tree with changes to it; None takes a path out."""
    whole = dict(entries)
    for path, entry in changes.items():
        if entry is None:
            whole.pop(path, None)
        else:
            whole[path] = entry
    return whole
