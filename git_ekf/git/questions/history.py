"""Commits: which there are, in what order, and what they change."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from git_ekf.git.complaints import no_git
from git_ekf.git.process import Ahead, Process, as_lines, flags
from git_ekf.git.questions.trees import RAW

if TYPE_CHECKING:
    from git_ekf.git.trees import CommitChanges


class Author(NamedTuple):
    """Whose work a commit is, and since when (seconds since 1970); no rebase changes it."""

    name: str
    address: str
    time: str


class MadeBy(NamedTuple):
    """A commit, its author, when it was committed (seconds since 1970), and its subject."""

    oid: str
    author: Author
    committed: int
    subject: str


class HistoryQuestions(Process):
    """About commits."""

    # --- ancestry ---

    def merge_base(self, one: str, other: str) -> str | None:
        """A best common ancestor, None where there is none."""
        return self._word_or_none("merge-base", "--end-of-options", one, other)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether the new commit is the old one, or has it in its history."""
        question = ("merge-base", "--is-ancestor", "--end-of-options", old, new)
        return self._run_or_none(*question) is not None

    def fork_point(self, ref: str, commit: str) -> str | None:
        """The commit that the ref was at, by its reflog, where the commit's branch left it; None if
        unknown.
        """
        return self._word_or_none("merge-base", "--fork-point", ref, commit, ok=(0, 1, 128))

    # --- lists ---

    def revisions(self, text: str) -> list[str]:
        """The object ids that a revision or range (A..B) names, ^ before those to leave out."""
        way = "--revs-only" if ".." in text else "--verify"
        out = self._run_or_none("rev-parse", way, "--end-of-options", text, ok=(0, 128))
        words = os.fsdecode(out or b"").split()
        return [word for word in words if word != "--end-of-options"]

    def commits(
        self,
        include: Iterable[str],
        exclude: Iterable[str] = (),
        globs: Iterable[str] = (),
        *,
        at_most: int = 0,
        merges: bool = False,
        first_parent: bool = False,
        ignore_missing: bool = False,
        include_globs: Iterable[str] = (),
    ) -> list[str]:
        """Commits of `include` that are not in `exclude` nor in refs that `globs` match.

        Newest first. `at_most` so many (0: all); only `merges`; along `first_parent`; names of
        what is not here are passed over (`ignore_missing`). Raises GitFailed.
        """
        options = flags(
            max_count=at_most,
            merges=merges,
            first_parent=first_parent,
            ignore_missing=ignore_missing,
        )
        options += [f"--glob={glob}" for glob in include_globs]
        return self._rev_list(options, include, exclude, globs)

    def parents(
        self, include: Iterable[str], exclude: Iterable[str] = (), globs: Iterable[str] = ()
    ) -> dict[str, list[str]]:
        """Commit -> its parents, for those that `commits` lists; children before their parents."""
        lines = self._rev_list(["--parents", "--topo-order"], include, exclude, globs)
        found = {}
        for line in lines:
            commit, *parents = line.split(" ")
            found[commit] = parents
        return found

    def subjects(
        self, include: Iterable[str], exclude: Iterable[str] = (), globs: Iterable[str] = ()
    ) -> list[tuple[str, str]]:
        """(commit, subject) of those that `commits` lists, newest first."""
        options = ["--no-commit-header", "--format=%H %s", "--encoding=UTF-8"]
        found = []
        for line in self._rev_list(options, include, exclude, globs):
            oid, _, subject = line.partition(" ")
            found.append((oid, subject))
        return found

    def made_by(
        self, include: Iterable[str], exclude: Iterable[str] = (), globs: Iterable[str] = ()
    ) -> list[MadeBy]:
        """Who made the commits that `commits` lists, and when; newest first, merges included."""
        # None of these has a line end in it, and a NUL ends what git shows of a message.
        wanted = "--format=%H%x00%an%x00%ae%x00%at%x00%ct%x00%s"
        options = ["--no-commit-header", wanted, "--encoding=UTF-8", "--topo-order"]
        found = []
        for line in self._rev_list(options, include, exclude, globs):
            oid, name, address, authored, committed, subject = line.split("\0", 5)
            author = Author(name, address, authored)
            seconds = int(committed) if committed.isdigit() else 0
            found.append(MadeBy(oid, author, seconds, subject))
        return found

    def _rev_list(
        self,
        options: list[str],
        include: Iterable[str],
        exclude: Iterable[str] = (),
        globs: Iterable[str] = (),
    ) -> list[str]:
        left_out = [f"--glob={glob}" for glob in globs]
        if left_out:
            left_out = ["--not", *left_out, "--not"]
        stdin = _revision_lines(include, exclude)
        # Nobody reads it before its end, so git need not write each commit by itself.
        git = self.variant(env={"GIT_FLUSH": "0"})
        return git._lines("rev-list", *options, *left_out, "--stdin", stdin=stdin)

    # --- counts ---

    def count(self, include: Iterable[str], exclude: Iterable[str] = ()) -> int:
        """How many commits there are in `include` and not in `exclude`."""
        return int(self._rev_list(["--count"], include, exclude)[0])

    def counting(self, include: Iterable[str], exclude: Iterable[str]) -> Ahead[int]:
        """The same, asked ahead."""
        stdin = _revision_lines(include, exclude)
        return self._ahead("rev-list", "--count", "--stdin", stdin=stdin, read=int)

    def distance(self, one: str, other: str) -> tuple[int, int]:
        """How many commits only `one` has, and how many only `other`."""
        if one == other:
            return 0, 0
        line = self._rev_list(["--count", "--left-right"], [f"{one}...{other}"])[0]
        left, right = line.split("\t")
        return int(left), int(right)

    # --- what commits change ---

    def commits_with_changes(
        self,
        base: str,
        *tips: str,
        first_parent: bool = False,
        touching: Sequence[str] = (),
    ) -> list[CommitChanges]:
        """The commits from `base` to any of the tips with what they change.

        Merges are left out. But along `first_parent` they are not, and change what they bring to
        their branch; then the commits come oldest first. Where paths are given, only commits that
        change one of these; git takes the longer the more there are.
        """
        options = ["--reverse", "--first-parent"] if first_parent else ["--no-merges"]
        listing = ["rev-list", *options, *tips, f"^{base}"]
        if touching:  # mostly there is no such commit
            listing.append("--full-history")  # not only as many as explain what is there now
            return self.changes_of(self._about_paths(touching, *listing).decode().split())
        return _parse_changes(self._piped([*listing, "--"], ("diff-tree", "--stdin", *_CHANGES)))

    def changes_of(self, commits: Sequence[str]) -> list[CommitChanges]:
        """Commits with what they change; a merge changes what it brings to its branch."""
        if not commits:
            return []
        return _parse_changes(self._run("diff-tree", "--stdin", *_CHANGES, stdin=as_lines(commits)))

    def paths_touched(self, include: Iterable[str], globs: Iterable[str]) -> set[str]:
        """The paths that commits change which no ref that `globs` match has."""
        options = ("--format=", "--name-only", "--no-renames", "-z")
        left_out = [f"--glob={glob}" for glob in globs]
        return set(self._nul_fields("log", *options, *include, "--not", *left_out, "--not", "--"))

    def last_commit_on(self, path: str, base: str, tip: str) -> str:
        """ "ABBREVIATED SUBJECT" of the last commit from `base` to `tip` on a path; "" for none."""
        question = ("log", "-1", "--format=%h %s", "--encoding=UTF-8", f"{base}..{tip}")
        return os.fsdecode(self._about_paths([path], *question)).removesuffix("\n")

    def brought_line(self, path: str, number: int, base: str, tip: str) -> str:
        """The commit from `base` to `tip` that brought a line of a file there (git-blame(1)).

        Lines count from 1, and renames of the file are followed. "" for one that is older. Raises
        GitFailed.
        """
        options = ("--porcelain", "--no-textconv", "-L", f"{number},{number}")
        lines = self._lines("blame", *options, tip, f"^{base}", "--", path)
        return "" if "boundary" in lines else lines[0].split(" ")[0]

    def cherry(self, upstream: str, head: str, limit: str) -> set[str]:
        """Commits from `limit` to `head` whose patch is in `upstream` already (git-cherry(1))."""
        lines = self._lines("cherry", "--", upstream, head, limit)
        return {line[2:] for line in lines if line.startswith("-")}

    def same_patch(self, one: str, other: str) -> bool:
        """Whether two commits have the same patch, as git-cherry(1) has it."""
        parents = ("--not", f"{one}^@", f"{other}^@")
        options = ("--cherry-mark", "--right-only", "--no-merges")
        return f"={one}" in self._lines("rev-list", *options, f"{other}...{one}", *parents)

    def patch_ids(self, commits: Iterable[str]) -> dict[str, str]:
        """Commit -> an id of the lines that it changes, wherever they are (git-patch-id(1)).

        What changes no line is left out.
        """
        stdin = as_lines(commits)
        if not stdin:
            return {}
        # Without lines around them, which the vendor may have changed.
        options = ("-r", "-p", "-U0", "--root", "--no-renames", "--no-color", "--no-ext-diff")
        patches = self._run("diff-tree", "--stdin", *options, "--no-textconv", stdin=stdin)
        found = {}
        for line in self._lines("patch-id", "--stable", stdin=patches):
            patch, commit = line.split(" ")
            found[commit] = patch
        return found

    # --- shown to a person by git itself ---

    def show_range_diff(self, old: str, new: str) -> None:
        """Prints how the commits of two ranges (A..B) differ. Raises CallFailed."""
        self._show("range-diff", old, new)

    def become_diff(self, options: list[str], old: str, new: str, paths: list[str]) -> NoReturn:
        """Becomes `git diff` between two commits; options are the user's.

        git takes this process's place: its pager, colours and exit code, and ^C is its own.
        """
        words = self._with_settings(("diff", *options, old, new, "--", *paths))
        sys.stdout.flush()
        try:
            os.execvp("git", ["git", *words])  # noqa: S606 (no shell: an argument vector)
        except FileNotFoundError:
            raise no_git(self.cwd) from None


_CHANGES = (
    *("-r", "--root", "--always", *RAW, "--diff-merges=first-parent"),
    *("--format=%H %s", "--encoding=UTF-8"),
)


def _parse_changes(out: bytes) -> list[CommitChanges]:
    """From git-diff-tree(1) with _CHANGES."""
    from git_ekf.git.trees import CommitChanges, parse_raw

    fields = iter(os.fsdecode(out).split("\0"))
    found: list[CommitChanges] = []
    for field in fields:
        if field.startswith((":", "\n:")):
            found[-1].changes[next(fields)] = parse_raw(field.lstrip("\n"))
        elif field:
            oid, _, subject = field.partition(" ")
            found.append(CommitChanges(oid, subject, {}))
    return found


def _revision_lines(include: Iterable[str], exclude: Iterable[str]) -> bytes:
    return as_lines([*include, *(f"^{revision}" for revision in exclude)])
