"""Conflicts in the content of files, decided for one side where the user has said which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.config import FILE, load
from git_ekf.config_values import SIDES, Preferred
from git_ekf.errors import UsageError
from git_ekf.git.trees import Entry
from git_ekf.replay.followed import Followed, follow
from git_ekf.replay.merging import MINIMUM, is_binary
from git_ekf.replay.scratch import Scratch, open_scratch
from git_ekf.replay.step import LOCAL, VENDOR, At, Settled, Settlement
from git_ekf.repository import Repository
from git_ekf.upgrade.target import SYNC, UPGRADE, Target, releases_through


class Preference(NamedTuple):
    """`side` is local or vendor; `pattern` a glob of paths, or a directory, "" for all.

    `source` is the file that says so, "" for the command line.
    """

    side: str
    pattern: str
    source: str = ""

    def __str__(self) -> str:
        """As it was given."""
        return f"{self.side}:{self.pattern}" if self.pattern else self.side

    def matches(self, path: str) -> bool:
        """Whether it is for a path."""
        pattern = self.pattern.removesuffix("/")
        return not pattern or fnmatchcase(path, pattern) or path.startswith(pattern + "/")


def parse(text: str) -> Preference:
    """ "local", or "local:apps/*". Raises UsageError."""
    side, _, pattern = text.partition(":")
    if side not in SIDES:
        raise UsageError(
            f"--prefer {text} names no side",
            "--prefer local, --prefer vendor, or --prefer local:PATTERN",
        )
    return Preference(side, pattern)


def in_force(
    repo: Repository, target: Target, given: tuple[Preference, ...]
) -> tuple[Preference, ...]:
    """The preferences for a target: those of `upgrade.prefer`, then those given, which win.

    Of the configuration only what the customer has written: the vendor's file may be a part of it.
    Raises GitFailed.
    """
    if target.command not in (UPGRADE, SYNC) or not repo.config.preferred:
        return given
    scheme = repo.config.scheme
    there = scheme.key(target.goal)
    vendors = _vendors(repo, target)
    configured = [
        Preference(one.side, one.path, FILE)
        for one in repo.config.preferred
        if one not in vendors and scheme.key(scheme.branch(one.since)) <= there
    ]
    return (*configured, *given)


def _vendors(repo: Repository, target: Target) -> tuple[Preferred, ...]:
    content = repo.git.find_blob(f"{target.base}:{FILE}")
    try:
        return load(content, []).preferred
    except UsageError:
        return ()


def _for(preferences: Sequence[Preference], *paths: str) -> Preference | None:
    """The last preference for one of a file's paths."""
    return next((one for one in reversed(preferences) if any(map(one.matches, paths))), None)


def without_a_file(
    repo: Repository, target: Target, preferences: tuple[Preference, ...]
) -> list[Preference]:
    """The preferences with a pattern that matches no file that the configuration commits change.

    None where migrations change the files' names first. Raises Refused, GitFailed.
    """
    left = [one for one in preferences if one.pattern]
    if not left:
        return []
    from git_ekf.upgrade.migration import migrations_between

    if migrations_between(repo, target):
        return []
    commits = repo.git.commits_with_changes(target.base, target.tip, first_parent=True)
    changed: set[str] = set().union(*(commit.changes for commit in commits))
    left = [one for one in left if not any(map(one.matches, changed))]
    if left:  # a file has its name of the new release where it comes to a conflict
        renamed = repo.git.renamed_files(target.base, target.onto)
        there = [new for old, new in renamed if old in changed]
        left = [one for one in left if not any(map(one.matches, there))]
    releases = releases_through(repo, target)
    if left and len(releases) > 2 and repo.git.version >= MINIMUM:
        with open_scratch(repo) as scratch:
            places = follow(scratch, releases, changed).values()
        left = [one for one in left if not any(map(one.matches, places))]
    return left


class Settler:
    """Decides conflicts as the user prefers."""

    def __init__(
        self,
        scratch: Scratch,
        preferences: tuple[Preference, ...],
        followed: Followed | None = None,
    ) -> None:
        from git_ekf.replay.favour import Favour  # which most upgrades do without

        self._git = scratch.writing
        self._favour = Favour(scratch)
        self._preferences = preferences
        self._followed = followed

    def settle(self, path: str, stages: dict[int, Entry], at: At) -> Settled | None:
        """See `Settle`. Raises GitFailed."""
        base, ours, theirs = (stages.get(number) for number in (1, 2, 3))
        if ours and theirs:
            return self._merge(path, path, base, ours, theirs)
        if base and theirs and self._followed and (place := self._followed.place(path)):
            there = at(place)
            return self._merge(path, place, base, there, theirs) if there else None
        if base and (ours or theirs):
            return self._delete(path, base, ours, theirs)
        return None

    def _merge(
        self, path: str, place: str, base: Entry | None, ours: Entry, theirs: Entry
    ) -> Settled | None:
        """The file, where the vendor has it."""
        preferred = _for(self._preferences, path, place)
        if preferred is None:
            return None
        merged = self._favour.merge(place, base, ours, theirs, preferred.side)
        if merged is None:
            return None
        entries = {path: None, place: merged.entry}
        how = _settlement(path, preferred, merged.lost)
        return Settled(entries, how if place == path else how._replace(moved_to=place))

    def _delete(
        self, path: str, base: Entry, ours: Entry | None, theirs: Entry | None
    ) -> Settled | None:
        """The file as one side has changed it, or no file, as the other has it."""
        entry = ours or theirs
        # To give up a file as a whole takes a pattern: `--prefer vendor` is about lines.
        preferred = _for([one for one in self._preferences if one.pattern], path)
        if not (preferred and entry and entry.mode in _WITH_LINES):
            return None
        deleted_by = VENDOR if theirs else LOCAL
        kept = preferred.side != deleted_by
        lost = () if kept else self._added(base, entry)
        how = _settlement(path, preferred, lost)._replace(deleted_by=deleted_by)
        return Settled({path: entry if kept else None}, how)

    def _added(self, base: Entry, entry: Entry) -> tuple[bytes, ...]:
        """The lines that one side has and the base had not; none of a binary file."""
        from git_ekf.replay.favour import lacking

        old, new = (self._git.blob(one.oid) for one in (base, entry))
        return () if is_binary(old) or is_binary(new) else tuple(lacking(new, old))


_WITH_LINES = ("100644", "100755", "120000")


def _settlement(path: str, preferred: Preference, lost: tuple[bytes, ...]) -> Settlement:
    lines = tuple(map(os.fsdecode, lost))
    return Settlement(path, preferred.side, lines, len(lost), source=preferred.source)
