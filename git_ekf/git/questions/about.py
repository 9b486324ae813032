"""Questions about git itself, and about the place where it is asked."""

from __future__ import annotations

import os
from functools import cached_property
from typing import NamedTuple

from git_ekf.git.complaints import failure, perhaps_a_trap
from git_ekf.git.process import Process
from git_ekf.git.workable import line_end


class Paths(NamedTuple):
    """Where the repository is. Paths are absolute; `top` is "" where there is no work tree."""

    git_dir: str
    common_dir: str
    top: str
    bare: bool
    shallow: bool
    object_format: str

    @property
    def objects(self) -> str:
        """The directory of objects."""
        return os.environ.get("GIT_OBJECT_DIRECTORY") or os.path.join(self.common_dir, "objects")


class AboutQuestions(Process):
    """About git, and about the place where it is asked."""

    @cached_property
    def version(self) -> tuple[int, ...]:
        """The numbers of git's version, three at most."""
        words = self._text("version").split()
        numbers = [part for part in words[2].split(".") if part.isdigit()]
        return tuple(int(number) for number in numbers[:3])

    def exec_path(self) -> str:
        """The directory of git's own programs."""
        return self._text("--exec-path")

    def local_environment(self) -> list[str]:
        """The names of the variables that point to a repository: GIT_DIR and its kin."""
        return self._lines("rev-parse", "--local-env-vars")

    def place(self) -> Paths:
        """Where the repository is. Raises Refused where there is none."""
        process = self._start(
            "rev-parse",
            "--path-format=absolute",
            "--is-bare-repository",
            "--is-shallow-repository",
            "--show-object-format",
            "--git-dir",
            "--git-common-dir",
            "--show-toplevel",  # last: without a work tree it fails after the others have answered
        )
        out, err = process.communicate()
        lines = os.fsdecode(out).split("\n")
        if len(lines) < 6:
            raise failure(process, os.fsdecode(err), cwd=self.cwd or "")
        if len(lines) > 7:
            raise line_end("this repository")
        bare, shallow, object_format, git_dir, common_dir = lines[:5]
        top = lines[5] if process.returncode == 0 else ""
        if top and self._is_within(git_dir):
            raise perhaps_a_trap()
        return Paths(git_dir, common_dir, top, bare == "true", shallow == "true", object_format)

    def _is_within(self, git_dir: str) -> bool:
        """Whether git has found a git directory by itself, around where it ran, and no .git.

        With a work tree, which its configuration names, that may be a trap: its programs run.
        """
        if os.path.basename(git_dir) == ".git" or "GIT_DIR" in {**os.environ, **self.env}:
            return False
        here, inside = os.path.realpath(self.cwd or os.curdir), os.path.realpath(git_dir)
        return os.path.commonpath([here, inside]) == inside

    def is_inside_repository(self) -> bool:
        """Whether the directory is in a work tree or a git directory."""
        question = ("rev-parse", "--is-inside-work-tree", "--is-inside-git-dir")
        return b"true" in self._run(*question, ok=(0, 128))

    @cached_property
    def hooks_dir(self) -> str:
        """The absolute path where git looks for hooks. Raises GitFailed for an empty setting."""
        return self._git_path("hooks")

    def objects_dir(self) -> str:
        """The absolute path of the repository's objects."""
        return self._git_path("objects")

    def _git_path(self, name: str) -> str:
        return self._text("rev-parse", "--path-format=absolute", "--git-path", name)

    # --- who, and with what (git-var(1)) ---

    def committer(self) -> str:
        """ "NAME <ADDRESS> SECONDS ZONE". Raises GitFailed where git cannot tell who commits."""
        return self._text("var", "GIT_COMMITTER_IDENT")

    def editor(self) -> str:
        """The command of the editor, for a shell."""
        return self._text("var", "GIT_EDITOR")

    def pager(self) -> str:
        """The command of the pager, for a shell; "cat" for none."""
        return self._text("var", "GIT_PAGER")

    # --- text for the editor (git-stripspace(1)) ---

    def comment_lines(self, text: bytes) -> bytes:
        """The text with git's comment character before each line."""
        return self._run("stripspace", "--comment-lines", stdin=text)

    def strip_comments(self, text: bytes) -> str:
        """The text without comments and needless blank lines, and without its last line end."""
        return self._text("stripspace", "--strip-comments", stdin=text)
