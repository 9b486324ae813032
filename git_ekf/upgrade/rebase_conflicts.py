"""Where a rebase stops: what is settled without asking, and what is left for the user."""

from __future__ import annotations

import re
from typing import NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.trees import Entry, Stages
from git_ekf.policy.content import Content
from git_ekf.replay import merging
from git_ekf.replay.evidence import Superseded
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch, open_scratch
from git_ekf.replay.step import Settlement
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import counted
from git_ekf.upgrade.prefer import settler, side_of
from git_ekf.upgrade.rebase_state import RebaseState


class File(NamedTuple):
    """A path in conflict.

    `sides` says what the two sides did, `vendor` is the vendor's last commit there ("" if none is
    known).
    """

    path: str
    sides: str
    vendor: str


class Stopped(NamedTuple):
    """Where the rebase waits for the user: at a commit, with files in conflict.

    Without any git cannot go on, for a `reason`. `number` of `total` counts configuration commits;
    `commit` is "" where git was cut off between two of them. `superseded` is what speaks for it
    being there already, None where nothing does.
    """

    state: RebaseState
    commit: str
    number: int
    total: int
    files: list[File]
    reason: str
    superseded: Superseded | None = None


def settle_known(
    repo: Repository, state: RebaseState, unmerged: Stages, output: str
) -> list[Settlement]:
    """The files whose resolution is known, now resolved in the index.

    They are as rerere has resolved them (git-rerere(1), in git's `output`), or as the user prefers.
    Raises GitFailed.
    """
    work_tree = repo.git.variant(repo.place.top)
    said = r"^(?:Resolved|Staged) '(.*)' using previous resolution\.$"
    replayed = [path for path in re.findall(said, output, re.MULTILINE) if path in unmerged]
    if replayed:
        work_tree.add(replayed)
    settled = [Settlement(path, "as it was resolved before") for path in replayed]
    preferred = [path for path in unmerged if side_of(state.prefer, path) and path not in replayed]
    # Before git 2.39 there is nothing that merges a file as `git rebase` does.
    if not preferred or repo.git.version < merging.MINIMUM:
        return settled
    head = repo.git.commit("HEAD") or ""
    with open_scratch(repo) as scratch:
        NewSide(scratch, head).read_attributes(preferred)
        settle = settler(scratch, state.prefer)
        assert settle
        known = _known(repo, scratch, head, preferred)
        for path in preferred:
            stages = unmerged[path]
            # Not where git has merged two files to have something to put there (rename/add).
            if not known.issuperset(entry.oid for entry in stages.values()):
                continue
            one = settle(path, stages)
            if one is None:
                continue
            for name, entry in one.entries.items():
                assert entry
                written = Entry(entry.mode, repo.git.write_blob(scratch.writing.blob(entry.oid)))
                repo.git.update_index([(name, written)])
                work_tree.check_out_file(name)
            settled.append(one.how)
    return settled


def _known(repo: Repository, scratch: Scratch, head: str, paths: list[str]) -> set[str]:
    """The ids of what the commit that is picked and HEAD have, in its own paths and in others."""
    picked = repo.git.ref_value("REBASE_HEAD")
    changes = repo.git.diff_trees(f"{picked}^", picked) if picked else {}
    known = {entry.oid for pair in changes.values() for entry in pair if entry}
    return known.union(scratch.object_ids([f"{head}:{path}" for path in {*paths, *changes}]))


def require_no_markers(repo: Repository) -> None:
    """Raises Refused where a staged file has conflict markers.

    Once git has gone on they are in a commit, and the policy comes too late.
    """
    if repo.config.rules["conflict-marker"] != "error":
        return
    content = Content(repo.git)
    paths = content.paths_with_new_markers(repo.head or "HEAD", "")
    if paths:
        line = content.staged_marker(paths[0])
        more = f" (and {counted(len(paths) - 1, 'more file')})" if len(paths) > 1 else ""
        raise Refused(
            f"{paths[0]}:{line} still has a conflict marker{more}",
            f"edit, then: git add {shell(paths[0])}",
        )


def stopped(
    repo: Repository, state: RebaseState, reason: str, superseded: Superseded | None = None
) -> Stopped:
    """Where the rebase waits. Raises GitFailed."""
    target = state.target
    picked = repo.git.ref_value("REBASE_HEAD")
    commit = next((oid for oid, pick in state.rest if pick == picked), picked)
    commits = repo.git.commits([target.tip], [target.base], first_parent=True)
    if commit not in commits:  # all of them in one
        commits = [commit]
    number = len(commits) - commits.index(commit)
    files = []
    for path, stages in sorted(repo.git.variant(repo.place.top).unmerged().items()):
        vendor = repo.git.last_commit_on(path, target.base, target.onto)
        files.append(File(path, _sides(stages, target.onto_whose(repo)), vendor))
    return Stopped(state, commit, number, len(commits), files, reason, superseded)


_SIDES = {
    (1, 2, 3): "both changed it",
    (2, 3): "both added it",
    (1, 2): "you deleted it, {other} changed it",
    (1, 3): "you changed it, {other} deleted it",
    (1,): "both moved it or deleted it",
    (2,): "{other} added it",
    (3,): "you added it",
}


def _sides(stages: dict[int, Entry], other: str) -> str:
    return _SIDES[tuple(sorted(stages))].format(other=other)
