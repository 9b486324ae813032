"""The work tree: what has changed there, and files put into it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from git_ekf.errors import GitFailed
from git_ekf.git.process import Ahead, Process, flags, split_fields
from git_ekf.git.questions.about import AboutQuestions

# What keeps git out of the user's settings where files go to a directory of ours: the hook
# post-index-change is for the repository's own index.
_UNHOOKED = (f"core.hooksPath={os.devnull}", "core.fsmonitor=false")
# A mere question runs no program of the repository that it is asked in, which may be a trap: a
# directory that came with a commit and looks like a repository to git. Its filters can only be kept
# out together with all of it, which has no .git.
_UNHOOKED_WORDS = ("-c", _UNHOOKED[0], "-c", _UNHOOKED[1], "-c", "safe.bareRepository=explicit")


class Change(NamedTuple):
    """An entry of `git status`: the two letters of git-status(1), "??" for an untracked file."""

    code: str
    path: str


class WorkTreeQuestions(AboutQuestions, Process):
    """About the work tree."""

    def asking_status(
        self, *, untracked: bool, submodules: bool = True, renames: bool = False
    ) -> Ahead[list[Change]]:
        """The differences between HEAD, the index and the files, asked ahead.

        `untracked`: untracked files (or their directories) too; `submodules`: also what has
        changed in them; `renames`: as one change, under the new name, as the user's settings say.
        """
        options = flags(
            untracked_files="normal" if untracked else "no",
            ignore_submodules="none" if submodules else "all",
            no_renames=not renames,
        )
        question = (*_UNHOOKED_WORDS, "status", "--porcelain", "-z", *options)
        # No lock for a mere question: the prompt must not make the person's own git fail.
        git = self.variant(env={"GIT_OPTIONAL_LOCKS": "0"})
        return git._ahead(*question, read=_parse_status)

    def ignored_files(self, folders: Iterable[str]) -> list[str]:
        """Files below some directories that git ignores (gitignore(5)). To be asked at the top."""
        question = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard")
        return split_fields(self._about_paths(folders, *question))

    def hidden_changes(self) -> list[str]:
        """Files of the index that are not what it says, and at which git does not look.

        They are marked with assume-unchanged or skip-worktree (git-update-index(1)). Paths count
        from the current directory, the top of the work tree.
        """
        changed = []
        for entry in self._nul_fields("ls-files", "-z", "-v", "-s"):
            tag, mode, oid, rest = entry.split(" ", 3)
            path = rest.partition("\t")[2]
            if (tag == "S" or tag.islower()) and self._id_there(path, mode) != oid:
                changed.append(path)
        return changed

    def _id_there(self, path: str, mode: str) -> str:
        """The id of the object that git would make of a file or submodule, "" where it is none."""
        whole = os.path.join(self.cwd or "", path)
        if mode == "160000" and os.path.lexists(os.path.join(whole, ".git")):
            return self.variant(whole)._text("rev-parse", "HEAD")
        if mode == "120000" and os.path.islink(whole):
            return self._text("hash-object", "--stdin", stdin=os.fsencode(os.readlink(whole)))
        if mode != "160000" and os.path.isfile(whole) and not os.path.islink(whole):
            return self._text("hash-object", "--", path)
        return ""

    def untracked_files(self, folder: str) -> list[str]:
        """Paths below a directory that are not in the index, ignored ones too.

        To be asked at the top.
        """
        return split_fields(self._about_paths([folder], "ls-files", "-z", "--others"))

    def tracked_files(self, pathspecs: Iterable[str]) -> list[str]:
        """Paths in the index that pathspecs match, each once."""
        return self._nul_fields(
            *_UNHOOKED_WORDS, "ls-files", "-z", "--deduplicate", "--", *pathspecs
        )

    def add(self, paths: Iterable[str]) -> None:
        """Puts files into the index as they are."""
        self._about_paths(paths, "add")

    def add_everything(self) -> None:
        """Makes the index what the files are, ignored ones too."""
        self._run("add", "--all", "--force", "--", ".")

    # --- files written ---

    def check_out_tree(self, tree: str) -> None:
        """Makes index and files what a tree is, whatever they were. Untracked files stay."""
        self._run("read-tree", "--reset", "-u", tree)

    def check_out_difference(self, before: str, after: str) -> None:
        """Brings index and files from one commit to another.

        Raises GitFailed or Refused, and nothing has changed, where that would lose a change.
        """
        question = ("read-tree", "-m", "-u", before, after)
        try:
            self._run(*question)
        except GitFailed as error:
            if "not uptodate" not in error.stderr:
                raise
            # It goes by the index's timestamps alone, and stops at a file that was merely touched.
            # A lock that is in the way of the refresh is for read-tree to report.
            self._run("update-index", "-q", "--refresh", ok=(0, 1, 128))
            self._run(*question)

    def check_out_file(self, path: str) -> None:
        """Writes a file as it is in the index."""
        self._run("checkout-index", "--force", "--", path)

    def remove_file(self, path: str) -> None:
        """Takes a file out of the index and the work tree, and directories that it leaves empty."""
        self._about_paths([path], "rm", "--quiet", "--force")

    def check_out_copies(self, git_dir: str, commits: Mapping[str, str]) -> None:
        """Writes the files of commits to directories (directory -> commit), side by side.

        The repository is only read: beside each directory there is an index of its own.
        """
        gits = []
        for folder in commits:
            env = {
                "GIT_DIR": git_dir,
                "GIT_WORK_TREE": folder,
                "GIT_INDEX_FILE": f"{folder}.index",
            }
            gits.append(self.variant(env=env, settings=_UNHOOKED))
        for questions in (
            [("read-tree", commit) for commit in commits.values()],
            [("checkout-index", "--all", "--quiet")] * len(commits),
        ):
            asked: list[Ahead[bytes]] = []
            try:
                for git, question in zip(gits, questions, strict=True):
                    asked.append(git._ahead(*question, read=bytes))
                for one in asked:
                    one.result()
            finally:
                for one in asked:
                    one.close()

    def reset_hard(self) -> None:
        """Makes index and files what HEAD is; git shows how far it is. Raises CallFailed."""
        self._show("reset", "--hard", "--quiet")

    def switch(self, branch: str) -> None:
        """Checks a branch out. Raises GitFailed, and nothing has changed."""
        self._run("switch", "--quiet", branch)

    def switch_to_new(self, branch: str, start: str) -> None:
        """Makes a branch that tracks nothing, and checks it out. Raises GitFailed."""
        self._run("switch", "--quiet", "-c", branch, "--no-track", start)

    # --- hooks ---

    def has_hook(self, name: str) -> bool:
        """Whether git would run a hook of this name."""
        return os.access(os.path.join(self.hooks_dir, name), os.X_OK)

    def run_hook(self, name: str, *args: str, cwd: str, stdin: bytes = b"") -> int:
        """Runs a hook as git does (githooks(5)), its output on stderr.

        Its exit code; 0 where there is none.
        """
        if not self.has_hook(name):
            return 0
        path = os.path.join(self.hooks_dir, name)
        sys.stdout.flush()
        # The latter for a script without a first line that says so.
        for command in ([path], ["/bin/sh", path]):
            with suppress(OSError):
                return subprocess.run(
                    [*command, *args],
                    cwd=cwd,
                    input=stdin,
                    stdout=sys.stderr.fileno(),
                    check=False,
                ).returncode
        return 1


def _parse_status(out: bytes) -> list[Change]:
    """From git-status(1), PORCELAIN FORMAT VERSION 1 with -z."""
    fields = iter(split_fields(out))
    changes = []
    for field in fields:
        code, path = field[:2], field[3:]
        if "R" in code or "C" in code:
            next(fields)  # the old name
        changes.append(Change(code, path))
    return changes
