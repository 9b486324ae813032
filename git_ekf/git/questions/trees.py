"""Trees, what is different between two of them, and the index."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from git_ekf.git.process import Process, as_lines, split_fields
from git_ekf.git.transfer import stop

if TYPE_CHECKING:
    from git_ekf.git.trees import ChangedFile, Entry, Stages, TreeChanges, TreeMerge


# How changes are asked for, as `parse_raw` reads them; a rename is two of them.
RAW = ("-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
# Paths that a command line has room for.
_AT_ONCE = 200


class TreeQuestions(Process):
    """About trees and the index."""

    def ls_tree(self, commit: str, *, recursive: bool = False) -> dict[str, Entry]:
        """Path -> entry: of the top directory, or of all files where it is `recursive`."""
        options = ["-r"] if recursive else []
        return _parse_entries(self._run("ls-tree", *options, "-z", "--full-tree", commit))

    def entries(self, commit: str, paths: Iterable[str]) -> dict[str, Entry]:
        """Path -> entry, of those of some paths that a commit's tree has."""
        asked = list(paths)
        entries = {}
        for first in range(0, len(asked), _AT_ONCE):
            some = asked[first : first + _AT_ONCE]
            out = self._about_paths(some, "ls-tree", "-z", "--full-tree", commit)
            entries.update(_parse_entries(out))
        return entries

    def entry(self, commit: str, path: str) -> Entry | None:
        """The entry of a commit's tree at a path; None where there is none."""
        return self.entries(commit, [path]).get(path)

    def top_directories(self, commit: str) -> set[str]:
        """The directories at the top of a commit's tree."""
        return set(self._nul_fields("ls-tree", "-d", "-z", "--name-only", "--full-tree", commit))

    def trees_of(self, commit: str) -> list[str]:
        """The ids of all directories of a commit, the top first."""
        fields = self._nul_fields("ls-tree", "-r", "-d", "-z", "--full-tree", commit)
        inner = [field.partition("\t")[0].rpartition(" ")[2] for field in fields]
        return [self._text("rev-parse", f"{commit}^{{tree}}"), *inner]

    # --- differences ---

    def diff_trees(self, old: str, new: str) -> TreeChanges:
        """The changes from one tree (or commit) to another. A rename is two changes."""
        if old == new:  # as where a merge leaves nothing of a commit
            return {}
        return self._raw_changes("diff-tree", "-r", *RAW, old, new)

    def diff_tree_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[TreeChanges]:
        """The same for many pairs of trees, in one git. Raises GitFailed."""
        from git_ekf.git.trees import parse_raw

        stdin = as_lines(f"{old} {new}" for old, new in dict.fromkeys(pairs))
        out = os.fsdecode(self._run("diff-tree", "--stdin", "-r", *RAW, stdin=stdin))
        found: dict[str, TreeChanges] = {}
        fields = iter(out.split("\0"))
        for field in fields:
            *heads, entry = field.split("\n")  # that of a pair without changes ends in nothing
            for head in heads:
                changes = found.setdefault(head, {})
            if entry:
                changes[next(fields)] = parse_raw(entry)
        return [found[f"{old} {new}"] for old, new in pairs]

    def renamed_files(self, old: str, new: str) -> list[tuple[str, str]]:
        """(old path, new path) of the files that git takes for renamed."""
        options = ("-r", "-z", "-M", "--name-status", "--diff-filter=R")
        fields = iter(self._nul_fields("diff-tree", *options, old, new, "--"))
        return [(source, target) for _, source, target in zip(fields, fields, fields, strict=True)]

    def has_several_hunks(self, old: str, new: str) -> bool:
        """Whether two trees (or commits) differ in more than one hunk of lines, as git shows it.

        Raises GitFailed.
        """
        options = ("-r", "-p", "-U3", "--no-renames", "--no-color", "--no-ext-diff")
        process = self._start("diff-tree", *options, "--no-textconv", old, new, "--")
        assert process.stdout
        found = 0
        for line in process.stdout:  # a line of a file has one more character before it
            found += line.startswith(b"@@ ")
            if found > 1:
                stop(process)
                return True
        self._finish(process)
        return False

    def changed_files(self, old: str, new: str, paths: Sequence[str]) -> list[ChangedFile]:
        """Files (below `paths`, where there are any) that two commits have differently."""
        from git_ekf.git.trees import ChangedFile

        options = ("-r", "--raw", "--numstat", "-z", "-M", "--no-relative")
        fields = iter(self._nul_fields("diff-tree", *options, old, new, "--", *paths))
        states = {}
        found = []
        for field in fields:
            if field.startswith(":"):
                status = field.rsplit(" ", 1)[1][0]
                before = next(fields)
                path = next(fields) if status in "RC" else before
                states[path] = status, before
                continue
            added, deleted, path = field.split("\t", 2)
            if not path:  # of a renamed file both stand behind it
                next(fields)
                path = next(fields)
            found.append(ChangedFile(*states[path], path, _number(added), _number(deleted)))
        return found

    def diff_stat(self, old: str, new: str, *, at_most: int = 0) -> str:
        """`git diff --stat` between two commits, for a page of 72 columns; "" for no difference.

        `at_most` so many files (0: all) are named, and then how many more there are.
        """
        options = ["--stat=72", "--find-renames"]
        if at_most:
            options.append(f"--stat-count={at_most}")
        out = self._run("diff-tree", *options, old, new, "--")
        *lines, summary = os.fsdecode(out).rstrip().split("\n")
        if lines[-1:] == [" ..."]:
            more = int(summary.split()[0]) - at_most
            lines[-1] = f" … and {more} more file{'s' if more > 1 else ''}"
        return "\n".join([*lines, summary])

    def diff_blobs(self, old: str, new: str) -> list[str]:
        """The hunks of the diff between two blobs; [] for no difference. Raises GitFailed."""
        options = ("--no-color", "--no-ext-diff", "--no-textconv")
        lines = self._lines("diff", *options, old, new)
        return lines[next((at for at, line in enumerate(lines) if line.startswith("@@")), 0) :]

    def diff_index(self, old: str) -> TreeChanges:
        """The changes from a tree (or commit) to the index. A rename is two changes."""
        return self._raw_changes("diff-index", "--cached", *RAW, old)

    def _raw_changes(self, *question: str) -> TreeChanges:
        from git_ekf.git.trees import parse_raw

        fields = iter(self._nul_fields(*question, "--"))
        return {path: parse_raw(field) for field, path in zip(fields, fields, strict=True)}

    # --- merges ---

    def merge_trees(self, ours: str, theirs: str) -> TreeMerge:
        """Merges two commits over their merge base (git-merge-tree(1)). Raises GitFailed."""
        return self.merge_pairs([(ours, theirs)])[0]

    def merge_pairs(self, pairs: Iterable[tuple[str, str]]) -> list[TreeMerge]:
        """The same for many pairs of commits, ours and theirs. Raises GitFailed."""
        options = ("--write-tree", "-z", "--allow-unrelated-histories", "--stdin")
        stdin = as_lines(f"{ours} {theirs}" for ours, theirs in pairs)
        out = self._run("merge-tree", *options, stdin=stdin, ok=(0, 1))
        fields = iter(split_fields(out))
        found = []
        for field in fields:
            found.append(_parse_merge(field == "1", fields))
        return found

    def set_attributes(self, path: str, names: Sequence[str]) -> dict[str, str]:
        """Name -> value of those of some attributes that a path has, as git-check-attr(1) says."""
        out = self._run("check-attr", "--stdin", "-z", *names, stdin=os.fsencode(f"{path}\0"))
        fields = os.fsdecode(out).split("\0")
        pairs = zip(fields[1::3], fields[2::3], strict=True)
        return {name: value for name, value in pairs if value != "unspecified"}

    # --- the index ---

    def read_tree(self, tree: str) -> None:
        """Makes the index what a tree is."""
        self._run("read-tree", tree)

    def update_index(self, changes: Iterable[tuple[str, Entry | None]], null: str = "") -> None:
        """Puts entries into the index; None takes a path out, for which `null` is the zero id."""
        gone, come = [], []  # what goes away makes room for what comes
        for path, entry in changes:
            if entry:
                come.append(f"{entry.mode} {entry.oid}\t{path}\0")
            else:
                gone.append(f"0 {null}\t{path}\0")
        self._write_index([*gone, *come])

    def put_stages(self, stages: Stages) -> None:
        """Puts paths in conflict into the index."""
        lines = []
        for path, of_path in stages.items():
            lines += [f"{e.mode} {e.oid} {number}\t{path}\0" for number, e in of_path.items()]
        self._write_index(lines)

    def _write_index(self, lines: list[str]) -> None:
        self._run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)))

    def write_tree(self) -> str:
        """Writes the index as a tree. Its id. Whether its objects are there is not looked at."""
        return self._text("write-tree", "--missing-ok")

    def attribute_files(self) -> dict[str, str]:
        """Path -> object id of the .gitattributes in the index that are plain files."""
        pattern = ":(top,glob)**/.gitattributes"
        found = {}
        for field in self._nul_fields("ls-files", "-s", "-z", "--full-name", "--", pattern):
            words, _, path = field.partition("\t")
            if words.startswith("100"):
                found[path] = words.split(" ")[1]
        return found

    def unmerged(self) -> Stages:
        """The paths in conflict, with their stages."""
        from git_ekf.git.trees import add_stage

        stages: Stages = {}
        for field in self._nul_fields("ls-files", "-z", "--unmerged"):
            add_stage(stages, field)
        return stages


def _parse_entries(out: bytes) -> dict[str, Entry]:
    """From git-ls-tree(1) with -z."""
    from git_ekf.git.trees import Entry

    entries = {}
    for field in split_fields(out):
        words, _, path = field.partition("\t")
        mode, _, oid = words.split(" ")
        entries[path] = Entry(mode, oid)
    return entries


def _parse_merge(clean: bool, fields: Iterator[str]) -> TreeMerge:
    """What stands behind the first field of a merge, with the field that ends it."""
    from git_ekf.git.trees import MergeMessage, TreeMerge, add_stage

    tree = next(fields)
    stages: Stages = {}
    for field in iter(fields.__next__, ""):
        add_stage(stages, field)
    messages = []
    # The end is an empty field, or advice on submodules, which git prints without regard to -z.
    while not clean and (field := next(fields, "")).isdigit():
        paths = tuple(next(fields) for _ in range(int(field)))
        messages.append(MergeMessage(paths, next(fields), next(fields)))
    return TreeMerge(tree, clean, stages, messages)


def _number(word: str) -> int | None:
    return None if word == "-" else int(word)
