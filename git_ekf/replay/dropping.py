"""A replay in which commits are left out that would conflict, and that the vendor has already."""

from __future__ import annotations

from collections.abc import Callable

from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.evidence import Drop
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Stack
from git_ekf.replay.step import ReplayStep
from git_ekf.replay.superseded import Supersession

# A forecast: (commits, what they go onto, where that differs from what they stand on) -> the steps.
Foretell = Callable[[Stack, str, Divergence], list[ReplayStep]]


class Dropping:
    """A forecast, and another one of what comes behind each commit that is left out of it."""

    def __init__(
        self, scratch: Scratch, onto: str, foretell: Foretell, look: Supersession, drop: Drop
    ) -> None:
        self._scratch = scratch
        self._onto = onto
        self._foretell = foretell
        self._look = look
        self._drop = drop
        self._carried: dict[str, Entry | None] = {}  # what the steps have made of paths
        self._open: dict[str, str] = {}  # path -> the commit whose conflict left it open

    def steps(self, stack: Stack, found: list[ReplayStep]) -> list[ReplayStep]:
        """The steps, each in conflict with what speaks for its being there already.

        `found` are those of the whole stack. Those that are left out have the verdict "dropped".
        Raises GitFailed.
        """
        steps: list[ReplayStep] = []
        while (dropped := self._first_dropped(found, stack.base)) is not None:
            steps += found[: dropped + 1]
            left_out = found[dropped].commit
            stack = Stack(left_out.tree_of, stack.commits[dropped + 1 :])
            onto = self._tree()
            divergence = read_divergence(self._scratch.writing, stack.base, onto)
            found = self._foretell(stack, onto, divergence)
        return steps + found

    def _first_dropped(self, steps: list[ReplayStep], base: str) -> int | None:
        """The number of the first step that is left out, and made so; None where none is."""
        parent = base
        opened: dict[str, str] = {}  # which the forecast of these steps has reckoned with
        for number, step in enumerate(steps):
            behind = [self._open[path] for path in step.commit.changes if path in self._open]
            step.depends = list(dict.fromkeys([*behind, *step.depends]))
            if step.verdict == "conflict":
                step.superseded = self._look.look_at(step.commit, parent, self._carried)
                found = step.superseded
                if found and found.certain and self._drop(step.commit, found):
                    step.leave_out()
                    self._open |= opened
                    return number
            self._carried.update(step.changes)
            for conflict in step.conflicts:
                opened.update(dict.fromkeys(conflict.paths, step.commit.oid))
            parent = step.commit.tree_of
        return None

    def _tree(self) -> str:
        """The tree of the new side behind the steps so far."""
        side = NewSide(self._scratch, self._onto)
        for path, entry in self._carried.items():
            side.put(path, entry)
        return side.tree()
