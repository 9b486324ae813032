"""The bare repository that a mirror is: opened, made where there is none, kept tidy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from git_ekf.airgap.changes import RefChange
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.workable import require_workable
from git_ekf.repository import Repository
from git_ekf.transaction.journal import locked

# More loose refs than this make a clone of the mirror slow.
_MANY_REFS = 100

_ANOTHER = "name a directory that does not exist yet"


@contextmanager
def opened(git: Git, path: str, object_format: str, branch: str) -> Iterator[Git]:
    """The git for a mirror, which is locked meanwhile. Raises Refused.

    Where there is none it is made, and taken away again when it comes to nothing; its HEAD names
    `branch` then.
    """
    require_workable(path)
    path = os.path.abspath(path)
    existed = os.path.lexists(path)
    if existed and not os.path.isdir(path):
        raise _no_mirror(path)
    made = False
    if not existed or not os.listdir(path):
        _require_outside(path)
        made = _claim(path)
    if made:
        try:
            git.init(path, bare=True, object_format=object_format, branch=branch)
        except BaseException:
            _take_away(path, existed=existed)
            raise
    git = git.variant(path, {"GIT_DIR": path})
    repo = Repository(git)
    _require_bare(repo, path, object_format)
    with locked(repo):
        try:
            yield git
        except BaseException:
            if made:
                _take_away(path, existed=existed)
            raise


def _claim(path: str) -> bool:
    """Whether the directory is empty but for one of git's that it has now, for nobody else."""
    os.makedirs(path, exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(os.path.join(path, "objects"))
        return True
    return False


def _take_away(path: str, *, existed: bool) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if existed:
        os.makedirs(path, exist_ok=True)


def _require_bare(repo: Repository, path: str, object_format: str) -> None:
    try:
        place = repo.place
    except Refused as error:
        if "not a git repository" not in error.message:
            raise
        raise _no_mirror(path) from None
    if not place.bare:
        raise Refused(f"{path} is a repository with a work tree, and a mirror has none", _ANOTHER)
    if place.shallow:
        raise Refused(f"{path} is shallow", _ANOTHER)
    if place.object_format != object_format:
        raise Refused(
            f"{path} names objects by {place.object_format}, "
            f"and the primary repository by {object_format}",
            "name another one",
        )


def _no_mirror(path: str) -> Refused:
    return Refused(f"{path} already exists and is not a bare repository", _ANOTHER)


def _require_outside(path: str) -> None:
    """Raises Refused where the new mirror would be inside of another repository."""
    parent = os.path.dirname(path)
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    if Git(parent).is_inside_repository():
        raise Refused(
            f"{parent} is inside of another repository, where a mirror does not belong",
            "name a directory outside of it",
        )


def tidy(git: Git, changes: list[RefChange]) -> None:
    """Lets git put in order what it finds worth it, once the changes are made."""
    moved = sum(change.moves for change in changes)
    if moved > _MANY_REFS:
        git.pack_refs()
    if moved:
        git.maintain()
