"""The merges that many forecasts want, each made once.

A question is the same where git is given the same: the entries of base, ours and theirs at a path,
or the trees, and the attributes that bear on them. All that is asked for at a time goes to one git,
as far as its attributes are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from git_ekf.errors import CallFailed, GitFailed
from git_ekf.fleet.planning.labels import Labels
from git_ekf.fleet.planning.sides import Attributes, Run, SharedScratch
from git_ekf.fleet.planning.trees import Reduced, Trees
from git_ekf.fleet.reading import StoreObjects
from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import folders_above
from git_ekf.replay.file_merges import FileMerge, MergedFile, merged_file
from git_ekf.replay.merging import Conflict, Merge, as_merge
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.whole_merges import MergedTree, WholeMerge

Pair = tuple[str, str]
Question = TypeVar("Question")


class FileQuestion(NamedTuple):
    """A file that git is to merge."""

    path: str
    base: Entry
    ours: Entry
    theirs: Entry
    attributes: Attributes


class FileAnswer(NamedTuple):
    """The file as it becomes, or its conflicts; `marked` is the blob that git has left then."""

    entry: Entry | None
    conflicts: list[Conflict]
    marked: str


class TreeQuestion(NamedTuple):
    """Trees that git is to merge: the vendor's old and new one, and what to change of them."""

    base: str
    onto: str
    old: frozenset[tuple[str, Entry | None]]
    new: frozenset[tuple[str, Entry | None]]
    theirs: frozenset[tuple[str, Entry | None]]
    attributes: Attributes


class SharedMerges:
    """Answers to forecasts, for which git is asked once."""

    def __init__(self, scratch: SharedScratch, stored: StoreObjects) -> None:
        self._scratch = scratch
        self._stored = stored
        self._trees = Trees(stored, scratch.objects)
        self._files: dict[FileQuestion, FileAnswer | GitFailed] = {}
        self._wholes: dict[TreeQuestion, MergedTree | GitFailed] = {}
        self._verify = os.environ.get("EKF_VERIFY") == "1"

    def answer(self, runs: Sequence[Run]) -> None:
        """Gives each run the answer to what it wants, or the error in place of one.

        Raises CallFailed where the store is damaged.
        """
        files: dict[FileQuestion, None] = {}
        wholes: dict[TreeQuestion, tuple[Run, Reduced]] = {}
        asked: list[tuple[Run, Any]] = []
        for run in runs:
            if isinstance(run.wanted, list):
                questions = [_question(run, file) for file in run.wanted]
                files.update(dict.fromkeys(one for one in questions if one not in self._files))
                asked.append((run, questions))
            elif isinstance(run.wanted, WholeMerge):
                question, reduced = _whole_question(run, run.wanted)
                if question not in self._wholes:
                    wholes.setdefault(question, (run, reduced))
                asked.append((run, question))
        self._ask_files(list(files))
        self._ask_wholes(wholes)
        for run, questions in asked:
            if isinstance(run.wanted, list):
                run.answer = self._of_files(run, run.wanted, questions)
            elif isinstance(run.wanted, WholeMerge):
                run.answer = self._of_whole(run, run.wanted, questions)

    # --- single files ---

    def _of_files(
        self, run: Run, files: Sequence[FileMerge], questions: Sequence[FileQuestion]
    ) -> list[MergedFile] | GitFailed:
        answers = []
        for file, question in zip(files, questions, strict=True):
            answer = self._files[question]
            if isinstance(answer, GitFailed):
                return answer
            if answer.entry is None:
                stages = {file.path: {1: file.base, 2: file.ours, 3: file.theirs}}
                run.note(file.step.commit.oid, answer.conflicts, stages, {file.path: answer.marked})
            answers.append((answer.entry, answer.conflicts))
        return answers

    def _ask_files(self, questions: Sequence[FileQuestion]) -> None:
        by_attributes: dict[Attributes, list[FileQuestion]] = {}
        for question in questions:
            by_attributes.setdefault(question.attributes, []).append(question)
        for attributes, alike in by_attributes.items():
            self._scratch.put_attributes(attributes)
            self._ask(_lines(alike), self._ask_lines, self._failed_line)

    def _ask_lines(self, lines: Sequence[list[FileQuestion]]) -> None:
        """Asks for files in one git; those of a line are merged in one merge."""
        objects = self._scratch.objects
        pairs: list[Pair] = []
        for line in lines:
            base = objects.commit(objects.tree({one.path: one.base for one in line}))
            ours = objects.commit(objects.tree({one.path: one.ours for one in line}), base)
            theirs = objects.commit(objects.tree({one.path: one.theirs for one in line}), base)
            pairs.append((ours, theirs))
        merges = self._merged(pairs)
        names = []
        for line, result in zip(lines, merges, strict=True):
            names += [f"{result.tree}:{one.path}" for one in line]
        found = iter(Scratch.object_ids(self._scratch, names))  # nobody asks for these again
        for line, result in zip(lines, merges, strict=True):
            for one in line:
                self._files[one] = _file_answer(one, result, next(found))

    def _failed_line(self, line: list[FileQuestion], error: GitFailed) -> None:
        if len(line) > 1:
            self._ask([[one] for one in line], self._ask_lines, self._failed_line)
        else:
            self._files[line[0]] = error

    # --- whole trees ---

    def _of_whole(
        self, run: Run, wanted: WholeMerge, question: TreeQuestion
    ) -> MergedTree | GitFailed:
        answer = self._wholes[question]
        if isinstance(answer, MergedTree) and not answer.result.clean:
            marked = {path: entry.oid for path, entry in answer.after.items() if entry}
            result = answer.result
            run.note(wanted.commit.oid, result.conflicts, result.stages, marked)
        return answer

    def _ask_wholes(self, wanted: dict[TreeQuestion, tuple[Run, Reduced]]) -> None:
        by_attributes: dict[Attributes, list[tuple[TreeQuestion, Run, Reduced]]] = {}
        for question, (run, reduced) in wanted.items():
            by_attributes.setdefault(question.attributes, []).append((question, run, reduced))
        for attributes, alike in by_attributes.items():
            self._scratch.put_attributes(attributes)
            self._ask(alike, self._ask_trees, self._failed_tree)

    def _ask_trees(self, asked: Sequence[tuple[TreeQuestion, Run, Reduced]]) -> None:
        objects, trees = self._scratch.objects, self._trees
        pairs: list[Pair] = []
        before = []
        for question, _, reduced in asked:
            base, onto = map(self._stored.tree_of, (question.base, question.onto))
            parent = objects.commit(trees.changed(base, reduced.old))
            ours = trees.changed(onto, reduced.new)
            theirs = trees.changed(base, {**reduced.old, **reduced.theirs})
            before.append(ours)
            pairs.append((objects.commit(ours, parent), objects.commit(theirs, parent)))
        found = self._merged_trees(pairs, before)
        if self._verify:
            self._compare([run for _, run, _ in asked], found)
        for (question, _, _), merged in zip(asked, found, strict=True):
            self._wholes[question] = merged

    def _failed_tree(self, asked: tuple[TreeQuestion, Run, Reduced], error: GitFailed) -> None:
        self._wholes[asked[0]] = error

    def _compare(self, runs: Sequence[Run], found: Sequence[MergedTree]) -> None:
        """Makes the merges of the full trees too. Raises CallFailed where one is another."""
        pairs: list[Pair] = []
        before = []
        for run in runs:
            assert isinstance(run.wanted, WholeMerge)
            tree = self._trees.changed(self._stored.tree_of(run.onto), run.side.changes)
            before.append(tree)
            ours = self._scratch.objects.commit(tree, run.wanted.parent)
            pairs.append((ours, run.wanted.commit.tree_of))
        for run, one, other in zip(runs, found, self._merged_trees(pairs, before), strict=True):
            if not _alike(one, other):
                raise CallFailed(
                    f"the plan of {run.name} is wrong: a merge of the trees that bear on it is not"
                    " that of the full ones",
                    "report it, with what the vendor and the cluster have changed",
                )

    # --- git ---

    def _merged_trees(self, pairs: Sequence[Pair], before: Sequence[str]) -> list[MergedTree]:
        merges = self._merged(pairs)
        changed = self._scratch.writing.diff_tree_pairs(
            [(old, result.tree) for old, result in zip(before, merges, strict=True)]
        )
        found = [MergedTree(*both) for both in zip(merges, changed, strict=True)]
        labels = Labels(self._scratch, [one for one in found if not one.result.clean])
        return [labels.fixed(one, *pair) for pair, one in zip(pairs, found, strict=True)]

    def _merged(self, pairs: Sequence[Pair]) -> list[Merge]:
        self._scratch.objects.write()
        merges = []
        for pair, found in zip(pairs, self._scratch.merging.merge_pairs(pairs), strict=True):
            merges.append(as_merge(found, *pair))
        return merges

    def _ask(
        self,
        questions: Sequence[Question],
        ask: Callable[[Sequence[Question]], None],
        failed: Callable[[Question, GitFailed], None],
    ) -> None:
        """Asks all at once, and where git fails at that by halves: what it is about fails alone."""
        if not questions:
            return
        try:
            ask(questions)
        except GitFailed as error:
            if len(questions) == 1:
                failed(questions[0], error)
                return
            middle = len(questions) // 2
            self._ask(questions[:middle], ask, failed)
            self._ask(questions[middle:], ask, failed)


def _question(run: Run, file: FileMerge) -> FileQuestion:
    attributes = run.side.attributes_above(file.path)
    return FileQuestion(file.path, file.base, file.ours, file.theirs, attributes)


def _whole_question(run: Run, wanted: WholeMerge) -> tuple[TreeQuestion, Reduced]:
    reduced = run.reducer.reduced(wanted.commit)
    old, new, theirs = (frozenset(changed.items()) for changed in reduced)
    question = TreeQuestion(run.base, run.onto, old, new, theirs, run.side.attributes)
    return question, reduced


def _lines(questions: Sequence[FileQuestion]) -> list[list[FileQuestion]]:
    """The files, as few lines as can be, in none of which two are in each other's way."""
    lines: list[list[FileQuestion]] = []
    taken: list[set[str]] = []  # the paths of a line, and the directories above them
    paths: list[set[str]] = []
    begin: dict[str, int] = {}  # before that, all lines have the path already
    for question in questions:
        path = question.path
        above = list(folders_above(path))
        number = begin.get(path, 0)
        while number < len(lines):
            if path not in taken[number] and paths[number].isdisjoint(above):
                break
            number += 1
        else:
            lines.append([])
            taken.append(set())
            paths.append(set())
        lines[number].append(question)
        taken[number].update([path, *above])
        paths[number].add(path)
        begin[path] = number + 1
    return lines


def _file_answer(question: FileQuestion, result: Merge, oid: str) -> FileAnswer:
    sides = question.base, question.ours, question.theirs
    entry, conflicts = merged_file(result, question.path, sides, oid)
    return FileAnswer(entry, conflicts, "" if entry else oid)


def _alike(one: MergedTree, other: MergedTree) -> bool:
    """Whether two merges are the same, whatever else is in their trees."""
    results = [found.result._replace(tree="") for found in (one, other)]
    return results[0] == results[1] and one.changed == other.changed
