"""Where a rebase stops: what is settled without asking, and what is left for the user."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.policy.content import Content
from git_ekf.replay import merging
from git_ekf.replay.evidence import Superseded
from git_ekf.replay.followed import Followed
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.stack import Commit
from git_ekf.replay.step import Settled, Settlement
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.temporary import temporary
from git_ekf.terminal.text import counted
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.settling import REMEMBERED, settler
from git_ekf.upgrade.target import PULL, releases_through

if TYPE_CHECKING:
    from git_ekf.manifests.build import Progress as Builds
    from git_ekf.resolutions.answers import Resolutions, UnusedResolution
    from git_ekf.resolutions.question import Question


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


class Conflicts:
    """The place where a rebase has stopped: the commit that git has picked, and its conflicts.

    `unmerged` are the paths in conflict, with their stages. `resolutions` settle some, None where a
    clone goes by none. Raises GitFailed.
    """

    def __init__(
        self, repo: Repository, state: RebaseState, resolutions: Resolutions | None
    ) -> None:
        self._repo = repo
        self._git = repo.git
        self._state = state
        self._resolutions = resolutions
        self._work_tree = repo.git.variant(repo.place.top)
        self.unmerged = self._work_tree.unmerged()
        # "" where git was cut off between two of them.
        self._picked = repo.git.ref_value("REBASE_HEAD")
        self._original = state.originals.get(self._picked, self._picked)

    @cached_property
    def _head(self) -> str:
        return self._git.commit("HEAD") or ""

    @cached_property
    def _changes(self) -> TreeChanges:
        picked = self._picked
        return self._git.diff_trees(f"{picked}^", picked) if picked else {}

    @property
    def commit(self) -> Commit:
        """The commit, one of those that the rebase was given."""
        picked, subject = self._picked, self._state.subjects[self._original]
        return Commit(self._original, subject, self._changes, picked, picked)

    def superseded(self) -> Superseded | None:
        """All that speaks for the commit being there already; None where nothing does."""
        state = self._state
        if not state.vendor or self._picked not in state.originals:
            return None
        from git_ekf.replay.superseded import Supersession  # which few upgrades need

        old, new = state.vendor
        with open_scratch(self._repo) as scratch:
            git = scratch.writing
            carried = git.diff_trees(new, self._head)
            after = {path: entry for path, (_, entry) in carried.items()}
            place = Followed(scratch, self._releases(), self._changes).place
            look = Supersession(git, old, new, place)
            return look.look_at(self.commit, f"{self._picked}^", after)

    def _releases(self) -> list[str]:
        """Those through which files are followed: none where a migration may have moved them."""
        state = self._state
        return [] if state.is_rewritten else releases_through(self._repo, state.target)

    def _gone(self) -> list[str]:
        """The files that the vendor deleted and the commit has."""
        stages = self.unmerged.items()
        return [path for path, of_path in stages if 2 not in of_path and 3 in of_path]

    # --- what is settled without asking ---

    def settle_known(self) -> list[Settled]:
        """Conflicts settled as the user prefers, or by a resolution; see `put`.

        Their files are in the repository.
        """
        git, state, unmerged = self._git, self._state, self.unmerged
        # Before git 2.39 there is nothing that merges a file as `git rebase` does.
        wanted = unmerged and (state.prefer or self._resolutions)
        if not wanted or git.version < merging.MINIMUM:
            return []
        changes = self._changes

        def at(path: str) -> Entry | None:
            there = path in changes or path in unmerged
            return None if there else git.entry(self._head, path)

        settled = []
        with open_scratch(self._repo) as scratch:
            paths = [*unmerged, *changes]
            found = scratch.object_ids([f"{self._head}:{path}" for path in paths])
            here = dict(zip(paths, found, strict=True))
            # What the two have, in these paths and in the commit's own.
            known = {entry.oid for pair in changes.values() for entry in pair if entry}
            known.update(found)
            gone = self._gone()
            followed = Followed(scratch, self._releases() if gone else (), gone)
            settle = settler(scratch, state.prefer, followed, self._resolutions, [changes])
            assert settle
            NewSide(scratch, self._head).read_attributes(unmerged)
            for path, stages in unmerged.items():
                # Not where git has merged two files to have something to put there (rename/add),
                # nor at a name that git has made up (file/directory).
                named = path in changes or here[path]
                if not named or not known.issuperset(entry.oid for entry in stages.values()):
                    continue
                one = settle(path, stages, at)
                if one:
                    for there, entry in one.entries.items():
                        if entry:
                            oid = git.write_blob(scratch.writing.blob(entry.oid))
                            one.entries[there] = entry._replace(oid=oid)
                    settled.append(one)
        return settled

    def settle_remembered(self, left: Collection[str], output: str) -> list[Settlement]:
        """Those `left` that rerere has resolved, by git's `output` (git-rerere(1)).

        They are in the index then.
        """
        said = r"^Resolved '(.*)' using previous resolution\.$"
        replayed = sorted(set(left).intersection(re.findall(said, output, re.MULTILINE)))
        if replayed:
            self._work_tree.add(replayed)
        return [Settlement(path, REMEMBERED) for path in replayed]

    def keep_what_builds(
        self, settled: list[Settled], builds: Builds
    ) -> tuple[list[Settled], set[str]]:
        """Those that stay settled, and the paths that do not: a resolution breaks something.

        Nothing else of the commit is in conflict any more.
        """
        known = self._resolutions
        by_resolution = [one.how for one in settled if one.how.resolution]
        if not (known and by_resolution):
            return settled, set()
        from git_ekf.upgrade.settled_builds import Around, SettledBuilds

        around = Around(self._git, self._picked, self._head, self._tree_with(settled))
        SettledBuilds(builds).stay(self._repo, around, known, by_resolution)
        kept = [
            one._replace(how=known.looked_at(one.how))
            for one in settled
            if one.how.resolution not in known.breaking
        ]
        return kept, {one.path for one in by_resolution if one.resolution in known.breaking}

    def _tree_with(self, settled: list[Settled]) -> str:
        """The tree of the index with what is settled."""
        with temporary() as folder:
            copy = os.path.join(folder, "index")
            shutil.copyfile(os.path.join(self._repo.place.git_dir, "index"), copy)
            git = self._git.variant(env={"GIT_INDEX_FILE": copy})
            for one in settled:
                git.update_index(one.entries.items(), null="0" * len(self._head))
            return git.write_tree()

    def put(self, settled: list[Settled]) -> None:
        """Puts what is settled into index and work tree."""
        for one in settled:
            for path, entry in one.entries.items():
                if entry is None:
                    self._work_tree.remove_file(path)
                    continue
                self._git.update_index([(path, entry)])
                self._work_tree.check_out_file(path)

    # --- what is left for the user ---

    def forget_asked(self) -> None:
        """Forgets what no resolution has settled here: a commit that is left out has no answer."""
        if self._resolutions:
            self._resolutions.open.clear()

    def take_asked(self) -> tuple[tuple[str, Question], ...]:
        """All that the rebase has asked so far, with what no resolution has settled here.

        That is then no longer open.
        """
        questions = self._resolutions.open if self._resolutions else []
        asked = [*self._state.asked, *((self._original, question) for question in questions)]
        questions.clear()
        return tuple(dict.fromkeys(asked))

    def stopped(
        self, state: RebaseState, left: set[str], reason: str, superseded: Superseded | None
    ) -> Stopped:
        """Where the rebase waits, in the `state` that it has by now; `left` are in conflict."""
        refused = self._resolutions.refused if self._resolutions else ()
        git, target, commit = self._git, state.target, self._original
        commits = git.commits([target.tip], [target.base], first_parent=True)
        if commit not in commits:  # all of them in one
            commits = [commit]
        number = len(commits) - commits.index(commit)
        other = self._repo.config.internal if target.command == PULL else "the vendor"
        places = self._places()
        files = []
        for path in sorted(left):
            sides = _SIDES[tuple(sorted(self.unmerged[path]))].format(other=other)
            place = places.get(path)
            if place:
                sides = f"you changed it, {other} moved it to {place}"
            vendor = git.last_commit_on(place or path, target.base, target.onto)
            files.append(ConflictedFile(path, sides, vendor))
        return Stopped(state, commit, number, len(commits), files, reason, superseded, refused)

    def _places(self) -> dict[str, str]:
        """Where the vendor has files that git finds deleted."""
        gone, releases = self._gone(), self._releases()
        if not gone or len(releases) < 3 or self._git.version < merging.MINIMUM:
            return {}
        with open_scratch(self._repo) as scratch:
            followed = Followed(scratch, releases, gone)
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
