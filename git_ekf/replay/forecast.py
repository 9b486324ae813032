"""What becomes of each commit of a stack on a new base.

The stack has an old side (the tree after each commit as it is) and a new side (the tree after each commit on the
new base). `Sides` is the map of paths where the two differ. A commit that touches none of those is clean by
construction: its entries are taken as they are. Where it does touch some, git's own merge decides: for a file that
both sides still have, on trees with nothing else in them, many at a time; for everything else, on the whole trees.

What could make git's merge depend on more than a commit's own paths (merge-ort.c) is looked at first: renames
and renames of directories on either side, and files where the other side has a directory. In doubt it is the whole trees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.replay.divergence import Divergence, folders_above, is_edit
from git_ekf.replay.merging import Conflict, Merge, merge
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack
from git_ekf.terminal.screen import counting

ATTRIBUTES = ".gitattributes"
_PORTION = 10  # steps handed over at a time, to be written while others are looked at
_BATCH = 100  # steps that may wait for a merge: each merge takes two processes
_NOT_READ = Entry("000000", "")  # the new side of a path whose merge git has not been asked for yet

# Settles a conflict in the content of a file: (path, base, ours, theirs) -> the entry and which side won; None leaves it.
Settle = Callable[[str, Entry | None, Entry, Entry], "tuple[Entry, str] | None"]


class ReplayStep:
    """What becomes of a commit: clean, upstream (its patch is there already), empty (nothing of it is left) or conflict.

    `changes` is what it does on the new side, path by path. `merged` are the files that git merged, `moved` the
    files that it now changes elsewhere. `depends` are the commits behind whose conflicts it stands, `settled`
    the conflicts that were decided for one side: path and side.
    """

    __slots__ = (
        "changes",
        "commit",
        "conflicts",
        "depends",
        "merged",
        "moved",
        "settled",
        "verdict",
    )

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        self.verdict = "clean"
        self.changes: dict[str, Entry | None] = {}
        self.merged: list[str] = []
        self.moved: list[tuple[str, str]] = []
        self.conflicts: list[Conflict] = []
        self.depends: list[str] = []
        self.settled: list[tuple[str, str]] = []


class _Wanted(NamedTuple):
    """A file to be merged, for a step."""

    step: ReplayStep
    path: str
    base: Entry
    ours: Entry
    theirs: Entry


def forecast(
    scratch: Scratch,
    stack: Stack,
    onto: str,
    upstream: dict[str, str],
    sides: Divergence,
    *,
    settle: Settle | None = None,
    write: Callable[[list[ReplayStep]], None] | None = None,
) -> list[ReplayStep]:
    """A step for each commit, going on behind a conflict as if it were resolved to the commit's own side. Raises GitFailed.

    `sides` is where the stack's base and `onto` differ, and then where the stack's tip differs from what becomes of it.
    With `write` the steps end with the first conflict; those before it are handed over in order, as soon as they are certain.
    """
    return _Forecast(scratch, stack, onto, upstream, sides, settle, write).run()


class _Forecast:
    def __init__(
        self,
        scratch: Scratch,
        stack: Stack,
        onto: str,
        upstream: dict[str, str],
        sides: Divergence,
        settle: Settle | None,
        write: Callable[[list[ReplayStep]], None] | None,
    ) -> None:
        self._scratch = scratch
        self._stack = stack
        self._onto = onto
        self._upstream = upstream
        self._sides = sides
        self._settle = settle
        self._write_out = write
        self._written = 0  # steps
        self._steps: list[ReplayStep] = []
        self._wave: dict[str, _Wanted] = {}
        self._tainted: dict[str, str] = {}  # path -> the commit whose conflict left it open
        self._shrunk: set[str] = set()  # directories in which the stack deletes something
        self._unwritten: TreeChanges = {}  # of the new side, since its tree was last written to the index
        self._tree = ""
        self._attributes: dict[
            str, str
        ] = {}  # directory -> id of its .gitattributes, "" for none, where merges look
        self._read: set[str] = set()
        self._read_all = False

    def run(self) -> list[ReplayStep]:
        self._look_at_folders()
        parent = self._stack.base
        for commit in counting("Looking at commits", self._stack.commits):
            step = ReplayStep(commit)
            self._steps.append(step)
            self._take(step, parent)
            parent = commit.tree_of
            if len(self._steps) % _PORTION == 0 and self._hand_over():
                break
        else:
            self._merge_files()
            self._hand_over()
        return self._steps

    def _hand_over(self) -> bool:
        """Hands over the steps before the first that waits for a merge. Whether a conflict ends it; the steps behind it go."""
        if self._write_out is None:
            return False
        if len(self._steps) - self._written >= _BATCH:
            self._merge_files()
        waits = next(
            (self._steps.index(one.step, self._written) for one in self._wave.values()),
            len(self._steps),
        )
        certain = self._steps[self._written : waits]
        stop = next(
            (number for number, step in enumerate(certain) if step.verdict == "conflict"),
            len(certain),
        )
        self._write_out(certain[:stop])
        self._written += stop
        if stop == len(certain):
            return False
        del self._steps[self._written + 1 :]
        return True

    def _take(self, step: ReplayStep, parent: str) -> None:
        commit, sides = step.commit, self._sides
        if commit.oid in self._upstream:
            step.verdict = "upstream"
            for path, (old, theirs) in commit.changes.items():
                sides.put(path, theirs, self._new_side(path, old))
                if theirs is None:
                    self._shrunk.update(folders_above(path))
            return
        if commit.emptied:
            step.verdict = "empty"
            return
        step.depends = list(
            dict.fromkeys(self._tainted[path] for path in commit.changes if path in self._tainted)
        )
        hits = [path for path in commit.changes if path in sides.entries]
        if any(sides.entries[path][1] is _NOT_READ for path in hits):
            self._merge_files()
            step.depends = list(
                dict.fromkeys(
                    self._tainted[path] for path in commit.changes if path in self._tainted
                )
            )
            hits = [path for path in hits if path in sides.entries]
        rules = _has_rules(commit.changes)
        if rules:  # the commit's own do not apply to it yet
            self._merge_files()
            self._read_attributes(commit.changes)
        ways = None if self._is_structural(commit) else self._ways(commit, hits)
        if ways is None:
            self._merge_files()
            self._merge_whole(step, parent)
        else:
            self._apply(step, ways)
        if rules or _has_rules(step.changes):
            self._merge_files()
            self._forget_attributes()

    # --- what is clean by construction, or by a merge of single files ---

    def _ways(self, commit: Commit, hits: list[str]) -> dict[str, str] | None:
        """How each path that both sides changed is dealt with: same, merge, or the path it was moved to. None: not so simply."""
        ways = {}
        for path in hits:
            old, theirs = commit.changes[path]
            ours = self._sides.entries[path][1]
            target = self._sides.moved_to(path)
            if (
                target is not None
                and target not in commit.changes
                and old
                and theirs
                and is_edit(old, theirs)
            ):
                ways[path] = target
                continue
            if not (old and theirs and ours):
                return None
            if theirs == ours:
                ways[path] = "same"
            elif old.is_file and theirs.is_file and ours.is_file and "\n" not in path:
                ways[path] = "merge"
            else:
                return None
        return ways

    def _apply(self, step: ReplayStep, ways: dict[str, str]) -> None:
        sides = self._sides
        pending = False
        for path, (old, theirs) in step.commit.changes.items():
            way = ways.get(path)
            if way is None:
                self._write(step, path, theirs, old)
                if theirs is None:
                    self._shrunk.update(folders_above(path))
            elif way == "same":
                sides.put(path, theirs, theirs)
            elif way == "merge":
                assert old
                assert theirs
                ours = sides.entries[path][1]
                assert ours
                self._wave[path] = _Wanted(step, path, old, ours, theirs)
                sides.put(path, theirs, _NOT_READ)
                pending = True
            else:
                self._write(step, way, theirs, sides.entries[way][1])
                step.moved.append((path, way))
                sides.put(path, theirs, None)
                sides.put(way, None, theirs)
        if step.commit.changes and not step.changes and not pending:
            step.verdict = "empty"

    def _write(
        self, step: ReplayStep, path: str, entry: Entry | None, before: Entry | None
    ) -> None:
        """The step leaves the path so on the new side."""
        step.changes[path] = entry
        self._unwritten[path] = (self._unwritten.get(path, (before, None))[0], entry)

    def _new_side(self, path: str, otherwise: Entry | None) -> Entry | None:
        if path not in self._sides.entries:
            return otherwise
        if self._sides.entries[path][1] is _NOT_READ:
            self._merge_files()
        return self._sides.entries[path][1] if path in self._sides.entries else otherwise

    def _merge_files(self) -> None:
        """Asks git for all the file merges that are outstanding: in one merge, for they are of different paths."""
        if not self._wave:
            return
        wave, self._wave = self._wave, {}
        self._read_attributes(wave)
        objects = self._scratch.objects
        base = objects.commit(objects.tree({path: one.base for path, one in wave.items()}))
        ours = objects.commit(objects.tree({path: one.ours for path, one in wave.items()}), base)
        theirs = objects.commit(
            objects.tree({path: one.theirs for path, one in wave.items()}), base
        )
        objects.write()
        result = merge(self._scratch.merging, ours, theirs)
        found = self._scratch.object_ids([f"{result.tree}:{path}" for path in wave])
        for (path, one), oid in zip(wave.items(), found, strict=True):
            if path in result.stages:
                self._conflict(
                    one, [conflict for conflict in result.conflicts if path in conflict.paths]
                )
                continue
            entry = Entry(
                one.ours.mode if one.theirs.mode == one.base.mode else one.theirs.mode, oid
            )
            self._settled(one, entry)
            if entry not in (one.ours, one.theirs):
                one.step.merged.append(path)
        for one in wave.values():
            if one.step.verdict == "clean" and not one.step.changes:
                one.step.verdict = "empty"

    def _settled(self, one: _Wanted, entry: Entry) -> None:
        if entry != one.ours:
            self._write(one.step, one.path, entry, one.ours)
        # Nobody has touched the path since: that would have asked for this merge first.
        self._sides.put(one.path, one.theirs, entry)

    def _conflict(self, one: _Wanted, conflicts: list[Conflict]) -> None:
        kinds = {conflict.kind for conflict in conflicts}
        if self._settle and kinds <= {"content", "binary"}:
            settled = self._settle(one.path, one.base, one.ours, one.theirs)
            if settled:
                one.step.settled.append((one.path, settled[1]))
                self._settled(one, settled[0])
                return
        one.step.verdict = "conflict"
        one.step.conflicts += _distinct(conflicts)
        self._tainted[one.path] = one.step.commit.oid
        self._settled(one, one.theirs)

    # --- what only the whole trees can tell ---

    def _is_structural(self, commit: Commit) -> bool:
        """Whether git's merge could make more of the commit than its own paths say."""
        sides = self._sides
        if self._root_gone:
            return True
        for path, (old, new) in commit.changes.items():
            if old is None:
                if path in sides.grown:  # a file where the new side has a directory
                    return True
                for folder in folders_above(path):
                    if folder in sides.entries and sides.entries[folder][1] is not None:
                        return True  # a directory where the new side has a file
                    if folder in sides.thinned and (
                        folder in self._shrunk or not self._kept.get(folder, False)
                    ):
                        return True  # the new side may have renamed the directory
            elif new is None:
                for folder in folders_above(path):
                    if folder in sides.grown and not self._still.get(
                        (commit.tree_of, folder), False
                    ):
                        return True  # the commit may have renamed a directory that the new side has more files in
        return False

    def _look_at_folders(self) -> None:
        """Asks once which directories in question are there: on the new base, and after commits that delete something."""
        sides, commits = self._sides, self._stack.commits
        added = {
            folder
            for commit in commits
            for path, (old, _) in commit.changes.items()
            if old is None
            for folder in folders_above(path)
        }
        kept = sorted(added & sides.thinned)
        still = sorted(
            {
                (commit.tree_of, folder)
                for commit in commits
                for path, (_, new) in commit.changes.items()
                if new is None
                for folder in folders_above(path)
                if folder in sides.grown
            }
        )
        # git also knows renames of the top directory into one below it.
        asked = [*((self._onto, name) for name in (*kept, *sides.tops)), *still]
        found = dict(
            zip(
                asked,
                map(bool, self._scratch.object_ids([f"{oid}:{name}" for oid, name in asked])),
                strict=True,
            )
        )
        self._kept = {folder: found[self._onto, folder] for folder in kept}
        self._still = {pair: found[pair] for pair in still}
        gone = {
            path.partition("/")[0]
            for commit in commits
            for path, (_, new) in commit.changes.items()
            if new is None
        }
        self._root_gone = bool(sides.tops) and (
            not any(found[self._onto, name] for name in sides.tops) or gone.issuperset(sides.tops)
        )

    def _merge_whole(self, step: ReplayStep, parent: str) -> None:
        git, sides, commit = self._scratch.writing, self._sides, step.commit
        before = self._write_tree()
        self._read_attributes(
            commit.changes if self._read_all else {*sides.entries, *commit.changes}
        )
        self._read_all = True
        ours = self._scratch.objects.commit(before, parent)
        self._scratch.objects.write()
        result = merge(self._scratch.merging, ours, commit.tree_of)
        changed = git.diff_trees(before, result.tree)
        decided = {} if result.clean else self._settle_all(step, result)
        if not result.clean and not decided:
            step.verdict = "conflict"
            step.conflicts = _distinct(
                _reworded(conflict, ours, commit.tree_of) for conflict in result.conflicts
            )
            self._tainted.update(dict.fromkeys(result.stages, commit.oid))
            decided = {
                path: stages.get(3) for path, stages in result.stages.items()
            }  # as if resolved to the commit's own side
        for path in {*commit.changes, *changed, *decided}:
            # Where the sides do not differ, either change says what both have.
            alike = commit.changes.get(path) or changed.get(path) or (None, None)
            old, new = sides.entries.get(path) or (alike[0], alike[0])
            theirs = commit.changes[path][1] if path in commit.changes else old
            result_entry = (
                decided[path] if path in decided else changed[path][1] if path in changed else new
            )
            if result_entry != new:
                self._write(step, path, result_entry, new)
            if path in commit.changes and theirs is None:
                self._shrunk.update(folders_above(path))
            sides.put(path, theirs, result_entry)
        step.merged = sorted(
            path
            for path, entry in step.changes.items()
            if entry and entry != commit.changes.get(path, (None, None))[1]
        )
        if step.verdict == "clean" and commit.changes and not step.changes:
            step.verdict = "empty"

    def _settle_all(self, step: ReplayStep, result: Merge) -> dict[str, Entry | None]:
        """The files in conflict, decided for one side where all of them can be; none where one cannot."""
        if self._settle is None or not {conflict.kind for conflict in result.conflicts} <= {
            "content",
            "add/add",
            "binary",
        }:
            return {}
        decided: dict[str, tuple[Entry, str]] = {}
        for path, stages in result.stages.items():
            ours, theirs = stages.get(2), stages.get(3)
            if not (ours and theirs and ours.is_file and theirs.is_file):
                return {}
            answer = self._settle(path, stages.get(1), ours, theirs)
            if answer is None:
                return {}
            decided[path] = answer
        step.settled += [(path, side) for path, (_, side) in decided.items()]
        return {path: entry for path, (entry, _) in decided.items()}

    def _write_tree(self) -> str:
        """The tree of the new side as it now is."""
        git = self._scratch.writing
        if not self._tree:
            git.read_tree(self._onto)
        if self._unwritten or not self._tree:
            changes = ((path, entry) for path, (_, entry) in self._unwritten.items())
            git.update_index(changes, null="0" * len(self._onto))
            self._tree = git.write_tree()
            self._unwritten = {}
        return self._tree

    # --- attributes: those of the new side, as in a rebase ---

    def _read_attributes(self, paths: Iterable[str]) -> None:
        """Puts the `.gitattributes` files above some paths where merges look for them."""
        folders = sorted(
            {folder for path in paths for folder in ("", *folders_above(path))} - self._read
        )
        if not folders:
            return
        self._read.update(folders)
        files = [f"{folder}/{ATTRIBUTES}" if folder else ATTRIBUTES for folder in folders]
        files = [file for file in files if "\n" not in file]
        tree = self._write_tree() if self._tree or _has_rules(self._unwritten) else self._onto
        for file, oid in zip(
            files, self._scratch.object_ids([f"{tree}:{file}" for file in files]), strict=True
        ):
            if oid:
                self._scratch.write_attributes(file, self._scratch.writing.blob(oid))
                self._attributes[file] = oid

    def _forget_attributes(self) -> None:
        for file in self._attributes:
            self._scratch.write_attributes(file, None)
        self._attributes = {}
        self._read = set()
        self._read_all = False


def _has_rules(paths: Iterable[str]) -> bool:
    return any(
        path.endswith(ATTRIBUTES) and path[: -len(ATTRIBUTES)][-1:] in ("", "/") for path in paths
    )


def _distinct(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """One a path: git says of binary files that they are, and that they conflict."""
    found: dict[tuple[str, ...], Conflict] = {}
    for conflict in conflicts:
        known = found.get(conflict.paths)
        if known is None or known.kind == "content":
            found[conflict.paths] = conflict
    return list(found.values())


def _reworded(conflict: Conflict, ours: str, theirs: str) -> Conflict:
    return conflict._replace(
        message=conflict.message.replace(ours, "the new release").replace(theirs, "your commit")
    )
