"""What a command that moves refs wants to know of a repository, asked side by side."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial

from git_ekf.background import Background
from git_ekf.errors import EkfError
from git_ekf.git.calls import Git
from git_ekf.git.refs import RECORD_REFS, REPOSITORY_REFS
from git_ekf.repository import Repository
from git_ekf.terminal.screen import know_settings


def ask_at_once(git: Git | None = None) -> Repository:
    """The one here, of which all is asked at once that such a command wants to know."""
    repo = Repository(git)
    asking = [Background(partial(getattr, repo, name)) for name in ("place", "git_config")]
    for question in [Background(partial(_ask_refs, repo)), *asking]:
        with suppress(EkfError):  # whoever needs the answer asks again, and is told
            question.result()
    with suppress(EkfError):
        know_settings(repo.git_config)
        if repo.git_setting("core.hookspath") is None:  # else git knows how to read it
            repo.git.hooks_dir = os.path.realpath(os.path.join(repo.place.common_dir, "hooks"))
    return repo


def _ask_refs(repo: Repository) -> None:
    """Asks for its refs, the records among them, and the branch that HEAD is on at once."""
    found, head = repo.git.refs_and_head(*REPOSITORY_REFS, *RECORD_REFS)
    refs = {ref.name: ref.oid for ref in found if not ref.symref}
    repo.refs = {name: oid for name, oid in refs.items() if name.startswith(REPOSITORY_REFS)}
    records = [ref for ref in found if ref.name.startswith(RECORD_REFS)]
    repo.record_refs = {ref.name: ref.oid for ref in records}
    if head is not None:  # else it is detached or unborn
        repo.head_branch = head
