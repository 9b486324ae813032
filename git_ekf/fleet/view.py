"""One cluster as the clone of it would be, for work that asks git: it has refs, and no files.

It is a folder for one use. Its objects are those of the store; what is made in it comes to the
store when it is taken there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from git_ekf.fleet.store import Store, make_borrowing
from git_ekf.fleet.stored import StoredRepository
from git_ekf.fleet.team import Team
from git_ekf.git.calls import Git
from git_ekf.git.questions.about import Paths
from git_ekf.git.refs import RESOLUTIONS
from git_ekf.repository import Repository


class View(Repository):
    """A cluster, one of whose branches is checked out."""

    def __init__(
        self, store: Store, team: Team, stored: StoredRepository, branch: str, folder: str
    ) -> None:
        """Makes the folder. Raises OSError."""
        git_dir = os.path.join(folder, ".git")
        refs = {**stored.refs, **stored.record_refs}
        if team.tip:
            refs[RESOLUTIONS] = team.tip
        make_borrowing(store, git_dir, branch, refs.items(), bare=False)
        team.agree(git_dir)
        super().__init__(Git(folder, {"GIT_DIR": git_dir, "GIT_WORK_TREE": folder}))
        self.place = Paths(git_dir, git_dir, folder, False, False, "sha1")
        self.config = team.configured(stored.config)
        self.toml = stored.toml


@contextmanager
def open_view(
    store: Store, team: Team, stored: StoredRepository, name: str, branch: str
) -> Iterator[View]:
    """The view of a cluster with a branch checked out; it is gone afterwards."""
    folder = os.path.join(store.incoming, "views", name)
    try:
        yield View(store, team, stored, branch, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
