"""Conflicts in the content of files, decided for one side where the user has said which."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.errors import UsageError
from git_ekf.git.trees import Entry
from git_ekf.replay.favour import LOCAL, VENDOR, Favour
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import Settle, Settled, Settlement
from git_ekf.repository import Repository
from git_ekf.upgrade.migration import migrations_between
from git_ekf.upgrade.target import Target


class Preference(NamedTuple):
    """`side` is local or vendor; `pattern` a glob of paths, or a directory, "" for all."""

    side: str
    pattern: str

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
    if side not in (LOCAL, VENDOR):
        raise UsageError(
            f"--prefer {text} names no side",
            "--prefer local, --prefer vendor, or --prefer local:PATTERN",
        )
    return Preference(side, pattern)


def side_of(preferences: tuple[Preference, ...], path: str) -> str:
    """The side that the last preference for a path names; "" without one."""
    return next((one.side for one in reversed(preferences) if one.matches(path)), "")


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
    left = [one for one in left if not any(map(one.matches, changed))]
    if left:  # a file has its name of the new release where it comes to a conflict
        renamed = repo.git.renamed_files(target.base, target.onto)
        there = [new for old, new in renamed if old in changed]
        left = [one for one in left if not any(map(one.matches, there))]
    return left


def settler(scratch: Scratch, preferences: tuple[Preference, ...]) -> Settle | None:
    """How conflicts are decided; None where nothing is preferred."""
    if not preferences:
        return None
    favour = Favour(scratch)

    def settle(path: str, stages: dict[int, Entry]) -> Settled | None:
        side = side_of(preferences, path)
        ours = stages.get(2)
        theirs = stages.get(3)
        if not (side and ours and theirs):
            return None
        merged = favour.merge(path, stages.get(1), ours, theirs, side)
        if merged is None:
            return None
        lost = tuple(map(os.fsdecode, merged.lost))
        return Settled({path: merged.entry}, Settlement(path, side, lost, len(lost)))

    return settle
