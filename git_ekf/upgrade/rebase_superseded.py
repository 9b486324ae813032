"""Whether the commit at which a rebase has stopped is superseded."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.trees import TreeChanges
from git_ekf.replay.evidence import Superseded
from git_ekf.replay.followed import Followed
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.stack import Commit
from git_ekf.repository import Repository
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.target import releases_through


class Found(NamedTuple):
    """The commit, and what speaks for its being there already."""

    commit: Commit
    superseded: Superseded


def found_at_stop(repo: Repository, state: RebaseState) -> Found | None:
    """Of the commit in conflict; None where nothing speaks for it. Raises GitFailed."""
    picked = repo.git.ref_value("REBASE_HEAD")
    originals = [oid for oid, pick in state.rest if pick == picked]
    if not (originals and state.vendor):
        return None
    from git_ekf.replay.superseded import Supersession  # which few upgrades need

    old, new = state.vendor
    with open_scratch(repo) as scratch:
        git = scratch.writing
        parent = f"{picked}^"
        changes: TreeChanges = git.diff_trees(parent, picked)
        commit = Commit(originals[0], state.subjects[originals[0]], changes, picked, picked)
        carried = git.diff_trees(new, repo.git.ref_value("HEAD"))
        after = {path: entry for path, (_, entry) in carried.items()}
        # Where a migration has made another commit of it, its files have moved with the vendor's.
        releases = releases_through(repo, state.target) if originals[0] == picked else ()
        place = Followed(scratch, releases, changes).place
        superseded = Supersession(git, old, new, place).look_at(commit, parent, after)
    return Found(commit, superseded) if superseded else None
