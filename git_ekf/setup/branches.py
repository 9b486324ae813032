"""The cluster's release branches, as `internal` has them, made branches of the clone.

So `git switch release-X.Y` leads to the cluster's configuration, and not to a new branch of the
vendor's.
"""

from __future__ import annotations

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.refs import HEADS, RefUpdate
from git_ekf.repository import Repository
from git_ekf.transaction.tracking import track


def bring_branches(repo: Repository) -> list[str]:
    """Makes those that are missing here, and moves on those that have nothing of their own.

    The branch checked out is left as it is. Returns what was done, in sentences.
    """
    internal = repo.config.internal
    here = repo.git.branches(HEADS + branch for branch in repo.saved_branches)
    done = []
    for branch, there in repo.saved_branches.items():
        known = here.get(HEADS + branch)
        if known and (
            known.is_here
            or known.worktree
            or known.commit == there
            or not repo.git.is_ancestor(known.commit, there)
        ):
            continue
        if not known:  # first, for a branch that is there is not looked at again
            track(repo.git, repo.config.primary, branch)
        old = known.commit if known else "0" * len(there)
        try:
            repo.git.update_refs([RefUpdate(HEADS + branch, old, there)], "git-ekf pull")
        except (CallFailed, Refused):  # another ref has the name's place: doctor says so
            continue
        how = "moved on to" if known else "made at"
        done.append(f"branch {branch} {how} {there[:7]}, as {internal} has it")
    return done
