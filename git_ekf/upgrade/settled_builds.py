"""What resolutions settle, built: one that breaks what its file belongs to is not used there.

That is where a kustomization does not build with it, and did both on the branch as it was and on
what its commits go onto. Where one of these has no such kustomization, the other decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from git_ekf.errors import CallFailed, NoSpace, Refused
from git_ekf.git.calls import Git
from git_ekf.manifests.belonging import belonging
from git_ekf.manifests.build import Progress, checkouts
from git_ekf.manifests.builder import Builder, takes_path, trusted_command
from git_ekf.manifests.sources import joined
from git_ekf.replay.new_side import tree_with
from git_ekf.replay.step import Settlement, results
from git_ekf.repository import Repository
from git_ekf.resolutions.answers import Resolutions
from git_ekf.terminal.text import shortened
from git_ekf.upgrade.contents import reading
from git_ekf.upgrade.work import Work

# Characters of a builder's last words that are told.
_WIDTH = 200


class Around(NamedTuple):
    """Commits and trees, which `git` knows: what resolutions have settled is in `after`.

    `as_it_was` is the same on the branch that is carried over, `onto` what it has come on top of.
    """

    git: Git
    as_it_was: str
    onto: str
    after: str


class SettledBuilds:
    """The builds of one run, of a clone or of many clusters: each tree is built once.

    `progress` goes through the kustomizations.
    """

    def __init__(self, progress: Progress = iter) -> None:
        self._progress = progress
        self._known: dict[tuple[tuple[str, ...], str], dict[str, list[str] | None]] = {}

    def look_ahead(self, work: Work) -> None:
        """Has no resolution be used that breaks something, as far as the first conflict.

        Without one, the commits behind it are others. Raises GitFailed, CallFailed.
        """
        known = work.options.resolutions
        if not (known and known.any):
            return
        scratch, onto = work.scratch, work.target.onto
        silent = work.options._replace(progress=iter)
        stay = False
        while not stay:
            divergence = work.divergence.copy()  # a forecast goes on with it
            ahead = work._replace(options=silent, divergence=divergence).steps()
            steps = list(takewhile(lambda step: step.verdict != "conflict", ahead))
            settled = [one for step in steps for one in step.settled if one.resolution]
            if not settled:
                return
            scratch.objects.write()
            after = tree_with(scratch, onto, results(steps))
            around = Around(scratch.merging, steps[-1].commit.tree_of, onto, after)
            stay = self.stay(work.repo, around, known, settled)

    def stay(
        self, repo: Repository, around: Around, known: Resolutions, settled: Sequence[Settlement]
    ) -> bool:
        """Whether all of these stay; those that do not are not used any more.

        What was built of each, or why nothing, `known` has then. Raises NoSpace.
        """
        try:
            folders, failed, excuses = self._looked_at(repo, around, {one.path for one in settled})
        except NoSpace:
            raise
        except (Refused, CallFailed) as error:
            for one in settled:
                known.builds[one.resolution] = (), error.message
            return True
        stay = True
        for one in settled:
            failing = [folder for folder in folders[one.path] if folder in failed]
            broken = [folder for folder in failing if folder not in excuses]
            if broken:
                stay = False
                known.refuse(one.resolution, one.path, _breaks(broken, failed[broken[0]]))
                continue
            why = "" if folders[one.path] else "there is no kustomization above it"
            if failing:
                why = f"{failing[0]} does not build, {excuses[failing[0]]}"
            builds = tuple(folder for folder in folders[one.path] if folder not in failed)
            known.builds[one.resolution] = builds, why
        return stay

    def _looked_at(
        self, repo: Repository, around: Around, paths: Iterable[str]
    ) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, str]]:
        """Path -> its kustomizations; those that fail -> the last words; and -> what excuses it.

        Raises Refused where the builder is not trusted, CallFailed where there is none.
        """
        git = around.git
        whole = not takes_path(repo)
        with reading(git) as content:
            after = content.files(around.after)
            folders = {}
            for path in paths:
                applied = repo.config.apply_paths
                folders[path] = ["."] if whole else belonging(after, path, applied)
            wanted = sorted({one for of_path in folders.values() for one in of_path})
            failed = self._failed(repo, git, around.after, wanted)
            excuses: dict[str, str] = {}
            there: set[str] = set()
            for tree in (around.onto, around.as_it_was):
                side = content.files(tree)
                had = [one for one in failed if whole or side.kustomization_in(joined("", one))]
                there.update(had)
                before = self._failed(repo, git, tree, had)
                excuses.update(dict.fromkeys(before, "nor did it before"))
        excuses.update(dict.fromkeys(failed.keys() - there, "and was not there before"))
        return folders, failed, excuses

    def _failed(
        self, repo: Repository, git: Git, tree: str, folders: Sequence[str]
    ) -> dict[str, list[str]]:
        """Those of the folders that do not build in a tree; what was built before is known."""
        if not folders:
            return {}
        command = trusted_command(repo, tree, git=git)
        known = self._known.setdefault((command, git.tree_of(tree)), {})
        left = [one for one in folders if one not in known]
        if left:
            with checkouts(repo, tree, git=git) as (there,), Builder(command) as builder:
                builds = builder.in_turn([[(there, one)] for one in left])
                for one in self._progress(left):
                    known[one] = next(builds)[0].failure
        failed = {}
        for one in folders:
            said = known[one]
            if said is not None:
                failed[one] = said
        return failed


def _breaks(folders: Sequence[str], said: Sequence[str]) -> str:
    more = len(folders) - 1
    what = (
        f"{folders[0]} and {more} more no longer build"
        if more
        else f"{folders[0]} no longer builds"
    )
    reason = f": {shortened(said[-1].strip(), _WIDTH)}" if said else ""
    return f"with it {what}{reason}"
