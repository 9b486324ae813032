"""What becomes of each commit of a stack on a new base.

The stack has an old side (the tree after each commit as it is) and a new side (the tree after each
commit on the new base). `Divergence` is the map of paths where the two differ. A commit that
touches none of those is clean by construction: its entries are taken as they are. Where it does
touch some, git's own merge decides: for a file that both sides still have, on trees with nothing
else in them, many at a time; for everything else, on the whole trees.

What could make git's merge depend on more than a commit's own paths is looked at first
(`Folders`). In doubt it is the whole trees.

A forecast does not merge by itself: it says which merges it wants, and goes on with the answers. So
one can be made alone, or many side by side that ask the same things.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from itertools import takewhile
from typing import Any

from git_ekf.git.trees import Entry, Stages
from git_ekf.replay.divergence import Divergence
from git_ekf.replay.file_merges import FileMerge, MergedFile, merge_files
from git_ekf.replay.folders import Folders
from git_ekf.replay.followed import Followed
from git_ekf.replay.merging import Conflict, meets_a_rename, one_a_path
from git_ekf.replay.new_side import NewSide, has_attributes
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack
from git_ekf.replay.step import Progress, ReplayStep, Settle, Write
from git_ekf.replay.whole_merges import MergedTree, WholeMerge, merge_whole

_PORTION = 10  # steps handed over at a time, to be written while others are looked at
_BATCH = 100  # steps that may wait for a merge: each merge takes two processes
# The new side of a path whose merge git has not been asked for yet.
_NOT_READ = Entry("000000", "")

# Merges that a forecast wants. It is sent what `merge_files` and `merge_whole` answer.
Wanted = list[FileMerge] | WholeMerge


class Forecast:
    """A replay, foretold. `steps` or `ask` is called once."""

    def __init__(
        self,
        scratch: Scratch,
        stack: Stack,
        onto: str,
        upstream: dict[str, str],
        divergence: Divergence,
        *,
        settle: Settle | None = None,
        followed: Followed | None = None,
        write: Write | None = None,
        new_side: NewSide | None = None,
    ) -> None:
        """`upstream`: see `already_upstream`.

        `divergence` is between the stack's base and `onto`, and then between the stack's tip and
        what becomes of it. With `write` the steps end with the first conflict; those before it are
        handed over in order, as soon as they are certain.
        """
        self._scratch = scratch
        self._stack = stack
        self._upstream = upstream
        self._divergence = divergence
        self._settle = settle
        self._followed = followed or Followed(scratch, (), ())
        self._write = write
        self._folders = Folders(scratch, stack, onto, divergence)
        self._new_side = new_side or NewSide(scratch, onto)
        self._steps: list[ReplayStep] = []
        self._handed_over = 0  # steps
        self._waiting: dict[str, FileMerge] = {}
        self._open: dict[str, str] = {}  # path -> the commit whose conflict left it open
        self._whole_attributes = False  # whether those of all files where the sides differ are read

    def steps(self, progress: Progress = iter) -> list[ReplayStep]:
        """A step for each commit; behind a conflict as if it was resolved to its own side.

        Raises GitFailed.
        """
        asking = self.ask(progress)
        answer: object = None
        try:
            while True:
                wanted = asking.send(answer)
                if isinstance(wanted, WholeMerge):
                    answer = merge_whole(self._scratch, self._new_side, wanted)
                else:
                    answer = merge_files(self._scratch, wanted)
        except StopIteration as end:
            steps: list[ReplayStep] = end.value
            return steps
        finally:  # for another forecast in the same scratch
            self._new_side.forget_attributes()

    def ask(self, progress: Progress = iter) -> Generator[Wanted, Any, list[ReplayStep]]:
        """The same for whoever merges: yields what it wants, and is sent the answer."""
        parent = self._stack.base
        for commit in progress(self._stack.commits):
            step = ReplayStep(commit)
            self._steps.append(step)
            yield from self._take(step, parent)
            parent = commit.tree_of
            if len(self._steps) % _PORTION == 0 and (yield from self._hand_over()):
                return self._steps
        yield from self._merge_files()
        yield from self._hand_over()
        return self._steps

    def _hand_over(self) -> Generator[Wanted, Any, bool]:
        """Hands over the steps before the first that waits for a merge.

        Whether a conflict ends it; the steps behind it are dropped.
        """
        if self._write is None:
            return False
        if len(self._steps) - self._handed_over >= _BATCH:
            yield from self._merge_files()
        certain = self._steps[self._handed_over :]
        if self._waiting:
            first = next(iter(self._waiting.values()))
            certain = certain[: certain.index(first.step)]
        clear = list(takewhile(lambda step: step.verdict != "conflict", certain))
        self._write(clear)
        self._handed_over += len(clear)
        if len(clear) == len(certain):
            return False
        del self._steps[self._handed_over + 1 :]
        return True

    def _take(self, step: ReplayStep, parent: str) -> Generator[Wanted, Any]:
        commit = step.commit
        if not self._waiting.keys().isdisjoint(commit.changes):
            yield from self._merge_files()
        if commit.oid in self._upstream:
            step.verdict = "upstream"
            step.upstream = self._upstream[commit.oid]
            self._pass_over(commit)
        elif commit.emptied:
            step.verdict = "empty"
        elif not self._open and self._folders.only_edited(commit):
            self._apply(step, {})
        else:
            yield from self._replay(step, parent)

    def _pass_over(self, commit: Commit) -> None:
        """The old side goes on, the new side has the commit already."""
        for path, (old, theirs) in commit.changes.items():
            _, new = self._divergence.entries.get(path, (old, old))
            self._divergence.put(path, theirs, new)
            if theirs is None:
                self._folders.deleted(path)

    def _replay(self, step: ReplayStep, parent: str) -> Generator[Wanted, Any]:
        commit = step.commit
        behind = [self._open[path] for path in commit.changes if path in self._open]
        step.depends = list(dict.fromkeys(behind))
        has_own = has_attributes(commit.changes)
        if has_own:  # which do not apply to the commit itself yet
            yield from self._merge_files()
            self._new_side.read_attributes(commit.changes)
        moves = None if self._folders.may_matter(commit) else self._divergence.moves(commit.changes)
        if moves is None:
            yield from self._merge_files()
            yield from self._merge_whole(step, parent)
        else:
            self._apply(step, moves)
        if has_own or has_attributes(step.changes):
            yield from self._merge_files()
            self._new_side.forget_attributes()
            self._whole_attributes = False

    # --- what is clean by construction, or by a merge of single files ---

    def _apply(self, step: ReplayStep, moves: dict[str, str]) -> None:
        divergence = self._divergence
        for path, (old, theirs) in step.commit.changes.items():
            if path not in divergence.entries:
                self._change(step, path, theirs)
                if theirs is None:
                    self._folders.deleted(path)
                continue
            if path in moves:
                target = moves[path]
                self._change(step, target, theirs)
                step.moved.append((path, target))
                divergence.put(path, theirs, None)
                divergence.put(target, None, theirs)
                continue
            ours = divergence.entries[path][1]
            if theirs == ours:
                divergence.put(path, theirs, theirs)
                continue
            assert old
            assert ours
            assert theirs
            self._waiting[path] = FileMerge(step, path, old, ours, theirs)
            divergence.put(path, theirs, _NOT_READ)
        if self._waiting.keys().isdisjoint(step.commit.changes):
            step.mark_if_empty()

    def _change(self, step: ReplayStep, path: str, entry: Entry | None) -> None:
        """The step leaves the path so on the new side."""
        step.changes[path] = entry
        self._new_side.put(path, entry)

    def _merge_files(self) -> Generator[Wanted, Any]:
        """Asks for the files that wait: for one merge, for they are of different paths."""
        if not self._waiting:
            return
        files, self._waiting = list(self._waiting.values()), {}
        self._new_side.read_attributes(file.path for file in files)
        merged: list[MergedFile] = yield files
        for file, (entry, conflicts) in zip(files, merged, strict=True):
            step, path, base, ours, theirs = file
            if entry is None:
                stages = {path: {1: base, 2: ours, 3: theirs}}
                entry = self._resolved(step, conflicts, stages)[path]
            elif entry not in (ours, theirs):
                step.merged.append(path)
            if entry != ours:
                self._change(step, path, entry)
            # Nobody has touched the path since: that would have asked for this merge first.
            self._divergence.put(path, theirs, entry)
        for file in files:
            file.step.mark_if_empty()

    # --- what only the whole trees can tell ---

    def _merge_whole(self, step: ReplayStep, parent: str) -> Generator[Wanted, Any]:
        commit = step.commit
        entries = self._divergence.entries
        # A rename can lead anywhere where the sides differ.
        differing = () if self._whole_attributes else entries
        self._new_side.read_attributes([*differing, *commit.changes])
        self._whole_attributes = True
        merged: MergedTree = yield WholeMerge(commit, parent)
        result, changed = merged
        after = merged.after
        if not result.clean:
            after |= self._resolved(step, result.conflicts, result.stages)
        for path in {*commit.changes, *after}:
            # Where the sides do not differ, either change says what both have.
            unchanged, _ = commit.changes.get(path) or changed.get(path) or (None, None)
            old, new = entries.get(path, (unchanged, unchanged))
            _, theirs = commit.changes.get(path, (None, old))
            entry = after.get(path, new)
            if entry != new:
                self._change(step, path, entry)
            if path in commit.changes and theirs is None:
                self._folders.deleted(path)
            self._divergence.put(path, theirs, entry)
        step.merged = sorted(
            path
            for path, entry in step.changes.items()
            if entry and entry != commit.changes.get(path, (None, None))[1]
        )
        step.mark_if_empty()

    # --- conflicts ---

    def _resolved(
        self, step: ReplayStep, conflicts: list[Conflict], stages: Stages
    ) -> dict[str, Entry | None]:
        """The files in conflict, settled or as if resolved to the commit's own side."""
        settled = self._settled(step, conflicts, stages)
        if settled:
            return settled
        step.verdict = "conflict"
        step.conflicts += map(self._followed.named, one_a_path(conflicts))
        self._open.update(dict.fromkeys(stages, step.commit.oid))
        return {path: of_path.get(3) for path, of_path in stages.items()}

    def _settled(
        self, step: ReplayStep, conflicts: list[Conflict], stages: Stages
    ) -> dict[str, Entry | None]:
        """The files in conflict, decided without asking where all of them can be; else none."""
        if self._settle is None or not all(conflict.can_be_settled for conflict in conflicts):
            return {}
        if meets_a_rename(conflicts, stages):
            return {}
        entries: dict[str, Entry | None] = {}
        how = []
        for path, of_path in stages.items():
            settled = self._settle(path, of_path, partial(self._at, step))
            if settled is None or not entries.keys().isdisjoint(settled.entries):
                return {}
            entries |= settled.entries
            how.append(settled.how)
        step.settled += how
        return entries

    def _at(self, step: ReplayStep, path: str) -> Entry | None:
        """The entry of the new side where the sides differ, and the step does not come to it."""
        _, new = self._divergence.entries.get(path, (None, None))
        return None if path in step.commit.changes else new
