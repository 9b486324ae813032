"""What has to be so before a command moves something, or records it."""

from __future__ import annotations

import os
from contextlib import suppress

from git_ekf.cluster import branch_to_switch_to
from git_ekf.errors import Refused
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import STATE, read_small
from git_ekf.terminal.text import with_article
from git_ekf.transaction.journal import cut_off


def release_branch(repo: Repository) -> str:
    """The release branch checked out.

    Raises Refused where none is, or it has no commit, and what `require_at_rest` raises.
    """
    require_at_rest(repo)
    branch = repo.head_branch
    if branch is None or not repo.config.scheme.is_release(branch):
        branch = branch_to_switch_to(repo) or "release-X.Y"
        raise Refused("no release branch is checked out", f"git switch {shell(branch)}")
    if repo.head is None:
        raise Refused(f"{branch} has no commit yet", "git ekf status")
    return branch


def require_at_rest(repo: Repository) -> None:
    """Raises Refused without a work tree, and where git-ekf or git is in the middle of a thing."""
    repo.require_work_tree()
    command = cut_off(repo)
    if command:
        raise Refused(f"{with_article(command)} was cut off", "git ekf undo")
    require_nothing_in_progress(repo)


def require_nothing_in_progress(repo: Repository) -> None:
    """Raises Refused in the middle of a rebase, a merge and the like."""
    ours = os.path.join(repo.place.git_dir, "ekf", "rebase")
    if repo.operation == "rebase" and os.path.exists(ours):
        whose = "a rollback" if _rolls_back(ours) else "an upgrade or sync"
        raise Refused(f"a rebase of {whose} is in progress", "git ekf status shows how to go on")
    if repo.operation:
        raise Refused(
            f"{with_article(repo.operation)} is in progress", "finish it: git status shows how"
        )


def _rolls_back(path: str) -> bool:
    """Whether the rebase that is kept in a file (see upgrade/rebase_state.py) is of a rollback."""
    import json  # 2 ms, and only for an error

    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        return bool(json.loads(read_small(path, STATE) or b"")["target"][0] == "rollback")
    return False


def require_clean(repo: Repository, *, untracked: bool = True) -> None:
    """Raises Refused where something is not committed; `untracked`: untracked files included."""
    changes = repo.git.asking_status(untracked=untracked).result()
    if not changes:
        return
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    hint = "git commit -a, or git stash"
    if untracked:
        hint = "git add -A && git commit, or git stash -u"
    raise Refused(f"there is uncommitted work: {changes[0].path}{more}", hint)
