"""Where a rebase stops: what is settled without asking, and what is left for the user."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.trees import Entry, Stages
from git_ekf.policy.content import Content
from git_ekf.replay import merging
from git_ekf.replay.evidence import Superseded
from git_ekf.replay.followed import Followed
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch, open_scratch
from git_ekf.replay.step import Settlement
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.terminal.text import counted
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.settling import settler
from git_ekf.upgrade.target import releases_through

if TYPE_CHECKING:
    from git_ekf.resolutions.settling import Resolutions


class ConflictedFile(NamedTuple):
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
    being there already, None where nothing does. `refused` says of the resolutions that fit and
    are not used why.
    """

    state: RebaseState
    commit: str
    number: int
    total: int
    files: list[ConflictedFile]
    reason: str
    superseded: Superseded | None = None
    refused: tuple[str, ...] = ()


def settle_known(
    repo: Repository, state: RebaseState, unmerged: Stages, resolutions: Resolutions | None
) -> list[Settlement]:
    """The files that are settled as the user prefers, or by a resolution, now so in the index.

    Raises GitFailed.
    """
    # Before git 2.39 there is nothing that merges a file as `git rebase` does.
    if not (unmerged and (state.prefer or resolutions)) or repo.git.version < merging.MINIMUM:
        return []
    with open_scratch(repo) as scratch:
        return _settle_known(repo, scratch, state, unmerged, resolutions)


def settle_remembered(repo: Repository, unmerged: Iterable[str], output: str) -> list[Settlement]:
    """The files that rerere has resolved, by git's `output` (git-rerere(1)), now in the index too.

    Raises GitFailed.
    """
    said = r"^Resolved '(.*)' using previous resolution\.$"
    replayed = set(unmerged).intersection(re.findall(said, output, re.MULTILINE))
    if replayed:
        repo.git.variant(repo.place.top).add(sorted(replayed))
    return [Settlement(path, "as it was resolved before") for path in sorted(replayed)]


def _settle_known(
    repo: Repository,
    scratch: Scratch,
    state: RebaseState,
    unmerged: Stages,
    resolutions: Resolutions | None,
) -> list[Settlement]:
    head = repo.git.commit("HEAD") or ""
    picked = repo.git.ref_value("REBASE_HEAD")
    changes = repo.git.diff_trees(f"{picked}^", picked) if picked else {}
    # What the two have, in these paths and in the commit's own.
    known = {entry.oid for pair in changes.values() for entry in pair if entry}
    known.update(scratch.object_ids([f"{head}:{path}" for path in {*unmerged, *changes}]))
    changed = {(path, old, new) for path, (old, new) in changes.items()}
    followed = _followed(repo, scratch, state, unmerged)
    settle = settler(scratch, state.prefer, followed, resolutions, changed)
    assert settle
    NewSide(scratch, head).read_attributes(unmerged)

    def at(path: str) -> Entry | None:
        return None if path in changes or path in unmerged else repo.git.entry(head, path)

    settled = []
    for path, stages in unmerged.items():
        # Not where git has merged two files to have something to put there (rename/add), nor at
        # a name that git has made up (file/directory).
        named = path in changes or any(scratch.object_ids([f"{head}:{path}"]))
        if not named or not known.issuperset(entry.oid for entry in stages.values()):
            continue
        one = settle(path, stages, at)
        if one:
            _put(repo, scratch, one.entries)
            settled.append(one.how)
    return settled


def _put(repo: Repository, scratch: Scratch, entries: dict[str, Entry | None]) -> None:
    """Puts entries into index and work tree; None takes the file away."""
    work_tree = repo.git.variant(repo.place.top)
    for path, entry in entries.items():
        if entry is None:
            work_tree.remove_file(path)
            continue
        written = entry._replace(oid=repo.git.write_blob(scratch.writing.blob(entry.oid)))
        repo.git.update_index([(path, written)])
        work_tree.check_out_file(path)


def _followed(repo: Repository, scratch: Scratch, state: RebaseState, unmerged: Stages) -> Followed:
    """The files that the vendor deleted and the commit has, through the releases.

    None of them where a migration may have moved them.
    """
    gone = [path for path, stages in unmerged.items() if 2 not in stages and 3 in stages]
    migrated = any(oid != pick for oid, pick in state.rest)
    releases = releases_through(repo, state.target) if gone and not migrated else ()
    return Followed(scratch, releases, gone)


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
            f"edit, then: git add {shell(from_here(paths[0], repo.place.top))}",
        )


def stopped(
    repo: Repository,
    state: RebaseState,
    reason: str,
    superseded: Superseded | None = None,
    resolutions: Resolutions | None = None,
) -> Stopped:
    """Where the rebase waits. Raises GitFailed."""
    refused = tuple(resolutions.refused) if resolutions else ()
    target = state.target
    picked = repo.git.ref_value("REBASE_HEAD")
    commit = next((oid for oid, pick in state.rest if pick == picked), picked)
    commits = repo.git.commits([target.tip], [target.base], first_parent=True)
    if commit not in commits:  # all of them in one
        commits = [commit]
    number = len(commits) - commits.index(commit)
    unmerged = repo.git.variant(repo.place.top).unmerged()
    places = _places(repo, state, unmerged)
    files = []
    for path, stages in sorted(unmerged.items()):
        place = places.get(path) or path
        vendor = repo.git.last_commit_on(place, target.base, target.onto)
        sides = _sides(stages, target.onto_whose(repo))
        if place != path:
            sides = f"you changed it, {target.onto_whose(repo)} moved it to {place}"
        files.append(ConflictedFile(path, sides, vendor))
    return Stopped(state, commit, number, len(commits), files, reason, superseded, refused)


def _places(repo: Repository, state: RebaseState, unmerged: Stages) -> dict[str, str]:
    """Where the vendor has files that git finds deleted."""
    if repo.git.version < merging.MINIMUM or len(releases_through(repo, state.target)) < 3:
        return {}
    with open_scratch(repo) as scratch:
        followed = _followed(repo, scratch, state, unmerged)
        return {path: followed.place(path) for path in unmerged}


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
