"""All that is ever asked of git, by name: the methods of `Git`, a file a topic in `questions`.

Only this package starts git, but for the hooks' fast path.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from git_ekf.git.process import Process
from git_ekf.git.questions.about import AboutQuestions
from git_ekf.git.questions.history import HistoryQuestions
from git_ekf.git.questions.objects import ObjectQuestions
from git_ekf.git.questions.operations import OperationQuestions
from git_ekf.git.questions.packs import PackQuestions
from git_ekf.git.questions.refs import RefQuestions
from git_ekf.git.questions.remotes import RemoteQuestions
from git_ekf.git.questions.settings import SettingQuestions
from git_ekf.git.questions.trees import TreeQuestions
from git_ekf.git.questions.worktree import WorkTreeQuestions

MINIMUM = (2, 34)  # Debian 11 and Ubuntu 22.04; --path-format (2.31) is the newest option used


class _Unnamed(Process):
    """Questions that have no name yet."""

    start = Process._start
    finish = Process._finish
    text = Process._text
    lines = Process._lines
    fields = Process._fields
    show = Process._show
    piped = Process._piped

    def run(self, *args: str, **how: Any) -> tuple[int, bytes]:
        return self._run(*args, **how)

    def rev_list(
        self,
        *options: str,
        include: Iterable[str],
        exclude: Iterable[str] = (),
        globs: Iterable[str] = (),
    ) -> list[str]:
        return HistoryQuestions._rev_list(self, list(options), include, exclude, globs)  # type: ignore[arg-type]


class Git(
    WorkTreeQuestions,
    AboutQuestions,
    HistoryQuestions,
    ObjectQuestions,
    OperationQuestions,
    PackQuestions,
    RefQuestions,
    RemoteQuestions,
    SettingQuestions,
    TreeQuestions,
    _Unnamed,
):
    """git, run in a directory (None: the current one), with an environment of its own."""


def leave_repository() -> None:
    """Forgets the repository that the environment points to, before another one is made."""
    for name in Git().local_environment():
        # Not `git -c`, which is meant for us.
        if name not in ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"):
            os.environ.pop(name, None)
