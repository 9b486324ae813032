"""Where a rebase stops: what is settled without asking, and what is left for the user."""

from __future__ import annotations

import os
import re
import shutil
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
from git_ekf.replay.stack import Commit
from git_ekf.replay.step import Settled, Settlement
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.temporary import temporary
from git_ekf.terminal.text import counted
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.settling import settler
from git_ekf.upgrade.target import releases_through

if TYPE_CHECKING:
    from git_ekf.manifests.build import Progress as Builds
    from git_ekf.resolutions.answers import Resolutions, UnusedResolution


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
    being there already, None where nothing does. `refused` are resolutions that fit and are not
    used.
    """

    state: RebaseState
    commit: str
    number: int
    total: int
    files: list[ConflictedFile]
    reason: str
    superseded: Superseded | None = None
    refused: tuple[UnusedResolution, ...] = ()


class FoundSuperseded(NamedTuple):
    """The commit in conflict, and what speaks for its being there already."""

    commit: Commit
    superseded: Superseded


def found_superseded(repo: Repository, state: RebaseState, picked: str) -> FoundSuperseded | None:
    """Of the commit that git has picked; None where nothing speaks for it. Raises GitFailed."""
    original = state.originals.get(picked)
    if not (original and state.vendor):
        return None
    from git_ekf.replay.superseded import Supersession  # which few upgrades need

    old, new = state.vendor
    parent = f"{picked}^"
    with open_scratch(repo) as scratch:
        git = scratch.writing
        changes = git.diff_trees(parent, picked)
        commit = Commit(original, state.subjects[original], changes, picked, picked)
        carried = git.diff_trees(new, repo.git.ref_value("HEAD"))
        after = {path: entry for path, (_, entry) in carried.items()}
        place = _followed(repo, scratch, state, list(changes)).place
        superseded = Supersession(git, old, new, place).look_at(commit, parent, after)
    return FoundSuperseded(commit, superseded) if superseded else None


def settle_known(
    repo: Repository,
    state: RebaseState,
    picked: str,
    unmerged: Stages,
    resolutions: Resolutions | None,
) -> list[Settled]:
    """Conflicts settled as the user prefers, or by a resolution; see `put_settled`.

    Their files are in the repository. Raises GitFailed.
    """
    # Before git 2.39 there is nothing that merges a file as `git rebase` does.
    if not (unmerged and (state.prefer or resolutions)) or repo.git.version < merging.MINIMUM:
        return []
    head = repo.git.commit("HEAD") or ""
    changes = repo.git.diff_trees(f"{picked}^", picked) if picked else {}
    changed = {(path, old, new) for path, (old, new) in changes.items()}

    def at(path: str) -> Entry | None:
        return None if path in changes or path in unmerged else repo.git.entry(head, path)

    settled = []
    with open_scratch(repo) as scratch:
        paths = [*unmerged, *changes]
        here = dict(
            zip(paths, scratch.object_ids([f"{head}:{path}" for path in paths]), strict=True)
        )
        # What the two have, in these paths and in the commit's own.
        known = {entry.oid for pair in changes.values() for entry in pair if entry}
        known.update(here.values())
        followed = _followed(repo, scratch, state, _gone(unmerged))
        settle = settler(scratch, state.prefer, followed, resolutions, changed)
        assert settle
        NewSide(scratch, head).read_attributes(unmerged)
        for path, stages in unmerged.items():
            # Not where git has merged two files to have something to put there (rename/add), nor
            # at a name that git has made up (file/directory).
            named = path in changes or here[path]
            if not named or not known.issuperset(entry.oid for entry in stages.values()):
                continue
            one = settle(path, stages, at)
            if one:
                for there, entry in one.entries.items():
                    if entry:
                        oid = repo.git.write_blob(scratch.writing.blob(entry.oid))
                        one.entries[there] = entry._replace(oid=oid)
                settled.append(one)
    return settled


def settle_remembered(repo: Repository, unmerged: Iterable[str], output: str) -> list[Settlement]:
    """The files that rerere has resolved, by git's `output` (git-rerere(1)), now in the index too.

    Raises GitFailed.
    """
    said = r"^Resolved '(.*)' using previous resolution\.$"
    replayed = set(unmerged).intersection(re.findall(said, output, re.MULTILINE))
    if replayed:
        repo.git.variant(repo.place.top).add(sorted(replayed))
    return [Settlement(path, "as it was resolved before") for path in sorted(replayed)]


def put_settled(repo: Repository, settled: Iterable[Settled]) -> None:
    """Puts what is settled into index and work tree. Raises GitFailed."""
    work_tree = repo.git.variant(repo.place.top)
    for one in settled:
        for path, entry in one.entries.items():
            if entry is None:
                work_tree.remove_file(path)
                continue
            repo.git.update_index([(path, entry)])
            work_tree.check_out_file(path)


def keep_what_builds(
    repo: Repository,
    picked: str,
    settled: list[Settled],
    resolutions: Resolutions,
    progress: Builds,
) -> tuple[list[Settled], set[str]]:
    """Those that stay settled, and the paths that do not: a resolution breaks what they belong to.

    Nothing else of the commit is in conflict any more. Raises GitFailed.
    """
    by_resolution = [one.how for one in settled if one.how.resolution]
    if not by_resolution:
        return settled, set()
    from git_ekf.upgrade.settled_builds import Around, SettledBuilds

    head = repo.git.commit("HEAD") or ""
    around = Around(repo.git, picked, head, _tree_with(repo, settled))
    SettledBuilds(progress).stay(repo, around, resolutions, by_resolution)
    kept = [
        one._replace(how=resolutions.looked_at(one.how))
        for one in settled
        if one.how.resolution not in resolutions.breaking
    ]
    broken = {one.path for one in by_resolution if one.resolution in resolutions.breaking}
    return kept, broken


def _tree_with(repo: Repository, settled: Iterable[Settled]) -> str:
    """The tree of the index with what is settled."""
    with temporary() as folder:
        copy = os.path.join(folder, "index")
        shutil.copyfile(os.path.join(repo.place.git_dir, "index"), copy)
        git = repo.git.variant(env={"GIT_INDEX_FILE": copy})
        for one in settled:
            git.update_index(one.entries.items(), null="0" * len(repo.head or ""))
        return git.write_tree()


def _gone(unmerged: Stages) -> list[str]:
    """The files that the vendor deleted and the commit has."""
    return [path for path, stages in unmerged.items() if 2 not in stages and 3 in stages]


def _followed(repo: Repository, scratch: Scratch, state: RebaseState, paths: list[str]) -> Followed:
    """The moves of files through the releases; none where a migration may have moved them."""
    releases = releases_through(repo, state.target) if paths and not state.is_rewritten else ()
    return Followed(scratch, releases, paths)


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


def with_questions(state: RebaseState, picked: str, resolutions: Resolutions) -> RebaseState:
    """The state with what the rebase has stopped at: what no resolution has settled."""
    commit = state.originals.get(picked, picked)
    asked = dict.fromkeys([*state.asked, *((commit, question) for question in resolutions.open)])
    resolutions.open.clear()
    return state._replace(asked=tuple(asked))


def stopped(
    repo: Repository,
    state: RebaseState,
    picked: str,
    unmerged: Stages,
    reason: str,
    superseded: Superseded | None,
    resolutions: Resolutions | None,
) -> Stopped:
    """Where the rebase waits: at what git has picked. Raises GitFailed."""
    refused = resolutions.refused if resolutions else ()
    target = state.target
    commit = state.originals.get(picked, picked)
    commits = repo.git.commits([target.tip], [target.base], first_parent=True)
    if commit not in commits:  # all of them in one
        commits = [commit]
    number = len(commits) - commits.index(commit)
    other = target.onto_whose(repo)
    places = _places(repo, state, unmerged)
    files = []
    for path, stages in sorted(unmerged.items()):
        place = places.get(path)
        sides = _SIDES[tuple(sorted(stages))].format(other=other)
        if place:
            sides = f"you changed it, {other} moved it to {place}"
        vendor = repo.git.last_commit_on(place or path, target.base, target.onto)
        files.append(ConflictedFile(path, sides, vendor))
    return Stopped(state, commit, number, len(commits), files, reason, superseded, refused)


def _places(repo: Repository, state: RebaseState, unmerged: Stages) -> dict[str, str]:
    """Where the vendor has files that git finds deleted."""
    if repo.git.version < merging.MINIMUM or len(releases_through(repo, state.target)) < 3:
        return {}
    gone = _gone(unmerged)
    with open_scratch(repo) as scratch:
        followed = _followed(repo, scratch, state, gone)
        return {path: followed.place(path) for path in gone}


_SIDES = {
    (1, 2, 3): "both changed it",
    (2, 3): "both added it",
    (1, 2): "you deleted it, {other} changed it",
    (1, 3): "you changed it, {other} deleted it",
    (1,): "both moved it or deleted it",
    (2,): "{other} added it",
    (3,): "you added it",
}
