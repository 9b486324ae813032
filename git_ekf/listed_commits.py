"""The customer's commits as far as they were listed: each list is asked for once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from threading import Lock

# Commits, newest first, with their parents.
CommitList = list[tuple[str, list[str]]]


class ListedCommits(ABC):
    """Lists of the commits up to a tip, without what was published before."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, tuple[str, ...]], CommitList] = {}
        self._lock = Lock()
        self._parents: dict[str, list[str]] = {}

    @abstractmethod
    def own_commits_of(self, tips: list[str], published: tuple[str, ...] = ()) -> CommitList:
        """The customer's commits up to some tips, without those that are published."""

    def own_commits(self, tip: str, published: tuple[str, ...] = ()) -> CommitList:
        """The same up to one tip, asked for where it is not known."""
        key = (tip, published)
        with self._lock:  # plan and policy ask side by side
            if key not in self._lists:
                self._lists[key] = self.own_commits_of([tip], published)
                self._parents.update(self._lists[key])
        return self._lists[key]

    def own_parents(self, tips: Iterable[str]) -> dict[str, list[str]]:
        """Parents of the commits below any of `tips`, and of others known by now."""
        # Below what is published the lists do not go.
        ends = {commit for _, published in self._lists for commit in published}
        asked = sorted({*tips, *ends} - self._parents.keys())
        return {**self._parents, **dict(self.own_commits_of(asked))} if asked else self._parents

    def own_line(self, tip: str) -> set[str]:
        """The commits down from a tip by first parents, as far as the lists go."""
        line = {tip}
        while self._parents.get(tip):
            tip = self._parents[tip][0]
            line.add(tip)
        return line
