"""Conflicts in the content of files, decided for one side where the user has said which."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.config import FILE, load
from git_ekf.config_values import SIDES, Preferred
from git_ekf.errors import UsageError
from git_ekf.replay.followed import follow
from git_ekf.replay.merging import MINIMUM
from git_ekf.replay.scratch import open_scratch
from git_ekf.repository import Repository
from git_ekf.upgrade.migration import migrations_between
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
    vendors: tuple[Preferred, ...] = ()
    with suppress(UsageError):
        vendors = load(repo.git.find_blob(f"{target.base}:{FILE}"), []).preferred
    scheme = repo.config.scheme
    there = scheme.key(target.goal)
    configured = [
        Preference(one.side, one.path, FILE)
        for one in repo.config.preferred
        if one not in vendors and scheme.key(scheme.branch(one.since)) <= there
    ]
    return (*configured, *given)


def without_a_file(
    repo: Repository, target: Target, preferences: tuple[Preference, ...]
) -> list[Preference]:
    """The preferences with a pattern that matches no file that the configuration commits change.

    None where migrations change the files' names first. Raises Refused, GitFailed.
    """
    left = [one for one in preferences if one.pattern]
    if not left or migrations_between(repo, target):
        return []
    commits = repo.git.commits_with_changes(target.base, target.tip, first_parent=True)
    changed: set[str] = set().union(*(commit.changes for commit in commits))
    left = _without(left, changed)
    if left:  # a file has its name of the new release where it comes to a conflict
        renamed = repo.git.renamed_files(target.base, target.onto)
        left = _without(left, [new for old, new in renamed if old in changed])
    releases = releases_through(repo, target)
    if left and len(releases) > 2 and repo.git.version >= MINIMUM:
        with open_scratch(repo) as scratch:
            left = _without(left, follow(scratch, releases, changed).values())
    return left


def _without(preferences: list[Preference], paths: Collection[str]) -> list[Preference]:
    """Those that match none of some paths."""
    return [one for one in preferences if not any(map(one.matches, paths))]
