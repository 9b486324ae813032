"""A replay in which commits are left out that would conflict, and that the vendor has already."""

from __future__ import annotations

from collections.abc import Callable

from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.evidence import Drop
from git_ekf.replay.new_side import tree_with
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Stack
from git_ekf.replay.step import ReplayStep
from git_ekf.replay.superseded import Supersession

# A forecast: (commits, what they go onto, where that differs from what they stand on) -> the steps.
Foretell = Callable[[Stack, str, Divergence], list[ReplayStep]]


def leave_out(
    scratch: Scratch,
    stack: Stack,
    onto: str,
    found: list[ReplayStep],
    foretell: Foretell,
    look: Supersession,
    drop: Drop,
) -> list[ReplayStep]:
    """The steps, each in conflict with what speaks for its being there already.

    `found` are those of the whole stack. Those that are left out have the verdict "dropped", and
    what comes behind each of them is foretold anew. Raises GitFailed.
    """
    steps: list[ReplayStep] = []
    carried: dict[str, Entry | None] = {}  # what the steps have made of paths
    left_open: dict[str, str] = {}  # path -> the commit whose conflict left it open
    while True:
        opened: dict[str, str] = {}  # which the forecast of these steps has reckoned with
        parent = stack.base
        for number, step in enumerate(found, 1):
            steps.append(step)
            behind = [left_open[path] for path in step.commit.changes if path in left_open]
            step.depends = list(dict.fromkeys([*behind, *step.depends]))
            if step.verdict == "conflict":
                step.superseded = look.look_at(step.commit, parent, carried)
                superseded = step.superseded
                if superseded and superseded.certain and drop(step.commit, superseded):
                    stack = Stack(step.commit.tree_of, stack.commits[number:])
                    break
            carried.update(step.changes)
            for conflict in step.conflicts:
                opened.update(dict.fromkeys(conflict.paths, step.commit.oid))
            parent = step.commit.tree_of
        else:
            return steps
        step.leave_out()
        left_open |= opened
        tree = tree_with(scratch, onto, carried)
        found = foretell(stack, tree, read_divergence(scratch.writing, stack.base, tree))
