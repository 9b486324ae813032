"""The merges that many forecasts want, each made once.

A question is the same where git is given the same: the entries of base, ours and theirs at a path,
or the trees, and the attributes that bear on them. All that is asked for at a time goes to one git,
as far as its attributes are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from git_ekf.errors import CallFailed, GitFailed
from git_ekf.fleet.planning.labels import with_fixed_names
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
    reduced: Reduced
    attributes: Attributes


Question = TypeVar("Question", FileQuestion, TreeQuestion)
Answer = TypeVar("Answer")
FileAnswers = dict[FileQuestion, FileAnswer | GitFailed]
TreeAnswers = dict[TreeQuestion, MergedTree | GitFailed]


class SharedMerges:
    """Answers to forecasts, for which git is asked once."""

    def __init__(self, scratch: SharedScratch, stored: StoreObjects) -> None:
        self._scratch = scratch
        self._stored = stored
        self._trees = Trees(stored, scratch.objects)
        self._files: FileAnswers = {}
        self._wholes: TreeAnswers = {}
        self._verify = os.environ.get("EKF_VERIFY") == "1"

    def answer(self, runs: Sequence[Run]) -> None:
        """Gives each run the answer to what it wants, or the error in place of one.

        Raises CallFailed where the store is damaged.
        """
        files: list[tuple[Run, dict[FileQuestion, FileMerge]]] = []
        wholes: list[tuple[Run, WholeMerge, TreeQuestion]] = []
        for run in runs:
            if isinstance(run.wanted, list):
                asked = {}
                for file in run.wanted:
                    _, path, base, ours, theirs = file
                    attributes = run.side.attributes_above(path)
                    asked[FileQuestion(path, base, ours, theirs, attributes)] = file
                files.append((run, asked))
            elif isinstance(run.wanted, WholeMerge):
                reduced = run.reducer.reduced(run.wanted.commit)
                question = TreeQuestion(run.base, run.onto, reduced, run.side.attributes)
                wholes.append((run, run.wanted, question))
        questions = chain.from_iterable(asked for _, asked in files)
        self._ask(questions, self._files, self._merge_files)
        askers = {question: run for run, _, question in wholes}
        self._ask(askers, self._wholes, lambda some: self._merge_wholes(some, askers))
        for run, asked in files:
            run.answer = self._of_files(run, asked)
        for run, wanted, question in wholes:
            run.answer = self._of_whole(run, wanted, question)

    def _ask(
        self,
        questions: Iterable[Question],
        known: dict[Question, Answer | GitFailed],
        merge: Callable[[Sequence[Question]], dict[Question, Answer | GitFailed]],
    ) -> None:
        """Has all be known: what is new is merged together, as far as attributes are the same."""
        by_attributes: dict[Attributes, list[Question]] = {}
        for question in dict.fromkeys(questions):
            if question not in known:
                by_attributes.setdefault(question.attributes, []).append(question)
        for attributes, alike in by_attributes.items():
            self._scratch.put_attributes(attributes)
            known.update(_by_halves(alike, merge))

    # --- single files ---

    def _of_files(
        self, run: Run, asked: dict[FileQuestion, FileMerge]
    ) -> list[MergedFile] | GitFailed:
        answers = []
        for question, file in asked.items():
            answer = self._files[question]
            if isinstance(answer, GitFailed):
                return answer
            if answer.entry is None:
                stages = {file.path: {1: file.base, 2: file.ours, 3: file.theirs}}
                run.note(file.step.commit.oid, answer.conflicts, stages, {file.path: answer.marked})
            answers.append((answer.entry, answer.conflicts))
        return answers

    def _merge_files(self, questions: Sequence[FileQuestion]) -> FileAnswers:
        """Merges files in one git, those of a line in one merge."""
        objects = self._scratch.objects
        lines = _lines(questions)
        pairs: list[Pair] = []
        for line in lines:
            base = objects.commit(objects.tree({one.path: one.base for one in line}))
            ours = objects.commit(objects.tree({one.path: one.ours for one in line}), base)
            theirs = objects.commit(objects.tree({one.path: one.theirs for one in line}), base)
            pairs.append((ours, theirs))
        merged: dict[FileQuestion, Merge] = {}
        for line, result in zip(lines, self._merged(pairs), strict=True):
            merged.update(dict.fromkeys(line, result))
        names = [f"{result.tree}:{one.path}" for one, result in merged.items()]
        oids = Scratch.object_ids(self._scratch, names)  # nobody asks for these again
        answers: FileAnswers = {}
        for (one, result), oid in zip(merged.items(), oids, strict=True):
            sides = one.base, one.ours, one.theirs
            entry, conflicts = merged_file(result, one.path, sides, oid)
            answers[one] = FileAnswer(entry, conflicts, "" if entry else oid)
        return answers

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

    def _merge_wholes(
        self, questions: Sequence[TreeQuestion], askers: dict[TreeQuestion, Run]
    ) -> TreeAnswers:
        objects, trees = self._scratch.objects, self._trees
        pairs: list[Pair] = []
        before = []
        for one in questions:
            base, onto = map(self._stored.tree_of, (one.base, one.onto))
            old, new, theirs = map(dict, one.reduced)
            parent = objects.commit(trees.changed(base, old))
            before.append(trees.changed(onto, new))
            ours = objects.commit(before[-1], parent)
            pairs.append((ours, objects.commit(trees.changed(base, old | theirs), parent)))
        found = self._merged_trees(pairs, before)
        if self._verify:
            self._compare([askers[one] for one in questions], found)
        return dict(zip(questions, found, strict=True))

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
        return with_fixed_names(self._scratch, found, pairs)

    def _merged(self, pairs: Sequence[Pair]) -> list[Merge]:
        self._scratch.objects.write()
        merges = []
        for pair, found in zip(pairs, self._scratch.merging.merge_pairs(pairs), strict=True):
            merges.append(as_merge(found, *pair))
        return merges


def _by_halves(
    questions: Sequence[Question],
    merge: Callable[[Sequence[Question]], dict[Question, Answer | GitFailed]],
) -> dict[Question, Answer | GitFailed]:
    """Merges all at once, and where git fails at that by halves: what it is about fails alone."""
    try:
        return merge(questions)
    except GitFailed as error:
        if len(questions) == 1:
            return {questions[0]: error}
    middle = len(questions) // 2
    return _by_halves(questions[:middle], merge) | _by_halves(questions[middle:], merge)


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


def _alike(one: MergedTree, other: MergedTree) -> bool:
    """Whether two merges are the same, whatever else is in their trees."""
    results = [found.result._replace(tree="") for found in (one, other)]
    return results[0] == results[1] and one.changed == other.changed
