"""Conflicts settled by what somebody has answered, where the question is exactly the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cached_property
from typing import NamedTuple

from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.replay.step import At, Settle, Settled, Settlement
from git_ekf.repository import Repository
from git_ekf.resolutions.judging import Examiner
from git_ekf.resolutions.kept import Resolution
from git_ekf.resolutions.question import Question, question_of


class UnusedResolution(NamedTuple):
    """One that fits a conflict in a path and is not used: why, as half a sentence.

    `waiting`: it would be, once somebody here approves it.
    """

    key: str
    path: str
    why: str
    waiting: bool = False

    def sentence(self, approving: str = "resolutions approve") -> str:
        """The same in a sentence, with the command of git ekf that approves it."""
        short = self.key[:7]
        said = f"resolution {short} for {self.path} is not used: {self.why}"
        return f"{said}; git ekf {approving} {short}" if self.waiting else said


class Resolutions:
    """Those of a repository, for one run. `open` are the questions that none has settled.

    These are only noted where that is `noting`: it takes a process each. `breaking` are those that
    are not used for what they break here: key -> that. `builds` has of each that was looked at the
    kustomizations that build with it, and why others, or any, were not built.
    """

    def __init__(
        self, repo: Repository, *, noting: bool = False, breaking: Mapping[str, str] | None = None
    ) -> None:
        self.open: list[Question] = []
        self.breaking = dict(breaking or {})
        self._noting = noting
        self._examiner = Examiner(repo)
        self._refused: dict[str, UnusedResolution] = {}
        self.builds: dict[str, tuple[tuple[str, ...], str]] = {}

    @property
    def refused(self) -> tuple[UnusedResolution, ...]:
        """Those that fit a conflict and are not used."""
        return tuple(self._refused.values())

    @property
    def any(self) -> bool:
        """Whether there are any at all. Raises GitFailed."""
        return bool(self._examiner.kept)

    def refuse(self, key: str, path: str, why: str) -> None:
        """Has one be used no more: `why` is what it breaks here."""
        self.breaking[key] = why
        self._refused[key] = UnusedResolution(key, path, why)
        question = self._examiner.kept[key].question
        if self._noting and question:
            self.open.append(question)

    def looked_at(self, settled: Settlement) -> Settlement:
        """A settlement, with what is known of its build."""
        builds, unbuilt = self.builds.get(settled.resolution, ((), ""))
        return settled._replace(builds=builds, unbuilt=unbuilt)

    def another(self) -> Resolutions:
        """The same for another upgrade, of which nothing is open, refused or built yet."""
        _ = self._answered, self._misplaced, self._by_path  # the same for every upgrade
        one = copy(self)
        one.open, one.breaking = [], {}
        one._refused, one.builds = {}, {}
        return one

    def settler(
        self, attributes: Callable[[str], dict[str, str]], changes: Iterable[TreeChanges]
    ) -> Settle:
        """The way to settle conflicts of commits that make these changes; see `question_of`.

        `attributes` tells those of ATTRIBUTES that a path has on the new side: name -> value.
        """
        changed = {(path, *pair) for of_one in changes for path, pair in of_one.items()}

        def settle(path: str, stages: dict[int, Entry], at: At) -> Settled | None:
            if not {2, 3} <= stages.keys():
                self._note_gone(path, stages)
                return None
            asked = question_of(path, stages, changed)
            if asked is None:
                return None
            # Whatever its attributes are: to ask for these takes a process each.
            if not (self._noting or self._misplaced or asked in self._answered):
                return None
            question = asked.asked_with(attributes(path))
            one = self._examiner.kept.get(question.key)
            settled = self._settled(path, one) if one else None
            if settled is None:
                self.open.append(question)
            return settled

        return settle

    @cached_property
    def _answered(self) -> set[Question]:
        questions = (one.question for one in self._examiner.kept.values())
        return {question.asked_with({}) for question in questions if question}

    @cached_property
    def _misplaced(self) -> bool:
        """Whether some are under a key that their files do not make."""
        kept = self._examiner.kept.values()
        return any(one.question is None or one.question.key != one.key for one in kept)

    def _settled(self, path: str, one: Resolution) -> Settled | None:
        why, waiting = self.breaking.get(one.key, ""), False
        if not why:
            _, _, why, waiting = self._examiner.listed(one)
        if why:
            self._refused[one.key] = UnusedResolution(one.key, path, why, waiting)
            return None
        how = f"by resolution {one.short} of {one.date}"
        settlement = Settlement(path, how, resolution=one.key)
        return Settled({path: one.result}, self.looked_at(settlement))

    def _note_gone(self, path: str, stages: dict[int, Entry]) -> None:
        """Notes the resolutions for a file that one side no longer has."""
        for one in self._by_path.get(path, ()):
            question = one.question
            assert question
            sides = {1: question.base, 2: question.ours, 3: question.theirs}
            if all(sides[number] == entry for number, entry in stages.items()):
                why = "one side no longer has the file"
                self._refused[one.key] = UnusedResolution(one.key, path, why)

    @cached_property
    def _by_path(self) -> dict[str, list[Resolution]]:
        found: dict[str, list[Resolution]] = {}
        for one in self._examiner.kept.values():
            if one.question:
                found.setdefault(one.path, []).append(one)
        return found
