"""All that is ever asked of git, by name: the methods of `Git`, a file a topic in `questions`.

Only this package starts git, but for what hooks ask before all is loaded, and the prompt. New
commits are written by `fastimport`.
"""

from __future__ import annotations

import os

from git_ekf.git.questions.about import AboutQuestions
from git_ekf.git.questions.contents import ContentQuestions
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


class Git(
    WorkTreeQuestions,
    AboutQuestions,
    ContentQuestions,
    HistoryQuestions,
    ObjectQuestions,
    OperationQuestions,
    PackQuestions,
    RefQuestions,
    RemoteQuestions,
    SettingQuestions,
    TreeQuestions,
):
    """git, run in a directory (None: the current one), with an environment of its own."""


def leave_repository() -> None:
    """Forgets the repository that the environment points to, before another one is made."""
    for name in Git().local_environment():
        # Not `git -c`, which is meant for us.
        if name not in ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"):
            os.environ.pop(name, None)
