"""The customer's commits as far as they were listed: each list is asked for once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock

# Commits, newest first, with their parents.
CommitList = list[tuple[str, list[str]]]
# Lists the customer's commits up to some tips, without those that are published.
Ask = Callable[[list[str], tuple[str, ...]], CommitList]


class ListedCommits:
    """Lists of the commits up to a tip, without what was published before."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, tuple[str, ...]], CommitList] = {}
        self._lock = Lock()
        self._parents: dict[str, list[str]] = {}

    def up_to(self, tip: str, published: tuple[str, ...], ask: Ask) -> CommitList:
        """The list, asked for where it is not known."""
        key = (tip, published)
        with self._lock:  # plan and policy ask side by side
            if key not in self._lists:
                self._lists[key] = ask([tip], published)
                self._parents.update(self._lists[key])
        return self._lists[key]

    def parents(self, tips: Iterable[str], ask: Ask) -> dict[str, list[str]]:
        """Parents of the commits below any of `tips`, and of others known by now."""
        # Below what is published the lists do not go.
        ends = {commit for _, published in self._lists for commit in published}
        asked = sorted({*tips, *ends} - self._parents.keys())
        return {**self._parents, **dict(ask(asked, ()))} if asked else self._parents

    def line(self, tip: str) -> set[str]:
        """The commits down from a tip by first parents, as far as the lists go."""
        line = {tip}
        while self._parents.get(tip):
            tip = self._parents[tip][0]
            line.add(tip)
        return line
