"""A check of the names that what git-ekf makes will have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from git_ekf.deploy.write import next_name, today
from git_ekf.doctor.finding import Case, Diagnosis, fail, ok
from git_ekf.errors import EkfError, Refused, UsageError
from git_ekf.git.refs import HEADS, TAGS, backup_ref
from git_ekf.repository import Repository
from git_ekf.transaction.free_names import require_free_names


def names(case: Case) -> Iterator[Diagnosis]:
    """No ref is in the way of a release branch, a backup or a deploy record yet to be made."""
    try:
        _ = case.repo.config
    except UsageError:  # which the check `configuration` says
        return
    found = {}
    for ref in _coming(case.repo):
        try:
            require_free_names(case.repo, [ref])
        except Refused as error:
            found[error.hint] = error.message
    for hint, message in found.items():
        yield fail(message, hint)
    if not found:
        yield ok("none is in the way")


def _coming(repo: Repository) -> Iterator[str]:
    for branch in repo.channels:
        if HEADS + branch not in repo.refs:
            yield HEADS + branch
    day = "DAY"
    with suppress(EkfError):  # that nobody is known to commit, or the time, another check says
        day = today(repo)
    for branch in repo.release_branches:
        yield backup_ref(branch)
        yield TAGS + str(next_name(repo, day, branch))
