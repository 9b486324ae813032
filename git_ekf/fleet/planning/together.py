"""The plans of many clusters of a vendor, as if each had asked for its own.

What they have in common is asked once: what their commits change, where the vendor's releases
differ, which merges there are. What comes back can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from git_ekf.errors import CallFailed, GitFailed, NoSpace, Refused, UsageError
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.planning.groups import FirstConflict, conflicts_alone, first_conflicts
from git_ekf.fleet.planning.merges import SharedMerges
from git_ekf.fleet.planning.sides import Run, SharedScratch, SharedSide
from git_ekf.fleet.planning.targets import (
    StoredClone,
    shipping_channels,
    target_of,
    why_alone,
)
from git_ekf.fleet.planning.trees import Reducer
from git_ekf.fleet.reading import Damaged
from git_ekf.fleet.team import Team
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
from git_ekf.names import Scheme
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.followed import Followed
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.new_side import has_attributes
from git_ekf.replay.scratch import open_scratch_of
from git_ekf.replay.stack import Commit, Stack, alike
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.resolutions.answers import Resolutions
from git_ekf.upgrade.plan import UpgradePlan, plan
from git_ekf.upgrade.target import Target, releases_through
from git_ekf.upgrade.work import Options, candidates

# Clusters that are planned at a time: each holds where its sides differ.
AT_A_TIME = 100


class Task(NamedTuple):
    """Clusters to be planned, each with the branch that it runs, from a store at a path.

    `release` is where they go, None for the next one of each; `scheme` is that of the fleet, and
    `team` its resolutions.
    """

    store: str
    scheme: Scheme
    clusters: tuple[tuple[str, str], ...]
    release: str | None
    team: Team = Team()


class PlannedCluster(NamedTuple):
    """The plan of a cluster, its commits without what they change; or `why` there is none.

    `needless`: there is none to be made, for it runs that release, or a newer one. `alone` is why
    it was planned by itself, "" where it was not. `conflicts` are those that no other is before.
    """

    name: str
    plan: UpgradePlan | None = None
    why: str = ""
    needless: bool = False
    alone: str = ""
    conflicts: tuple[FirstConflict, ...] = ()


def plan_clusters(task: Task) -> list[PlannedCluster]:
    """The plans of some clusters, in their order. Raises CallFailed where the store is damaged."""
    repo = Repository(Git(task.store, {"GIT_DIR": task.store}))
    with open_scratch_of(SharedScratch, repo) as scratch:
        return _Planning(task, repo, scratch).planned()


class _WantedPlan(NamedTuple):
    """A cluster that is to be planned with others."""

    clone: StoredClone
    target: Target
    stack: Stack
    known: Resolutions | None


class _Planning:
    def __init__(self, task: Task, repo: Repository, scratch: SharedScratch) -> None:
        self._task = task
        self._opened = Opened(task.store, task.scheme, [name for name, _ in task.clusters])
        self._objects = self._opened.objects
        self._repo = repo
        self._git = repo.git
        self._scratch = scratch
        self._found: dict[str, PlannedCluster] = {}
        self._resolutions: Resolutions | None = None
        if task.team.source:
            repo.config = task.team.configured(repo.config)
            self._resolutions = Resolutions(repo)

    def planned(self) -> list[PlannedCluster]:
        shipping = shipping_channels(self._git, self._opened)
        together: list[tuple[StoredClone, Target]] = []
        for name, branch in self._task.clusters:
            with self._noting(name):
                clone = StoredClone(self._opened, name, branch)
                target = target_of(clone, self._task.release)
                if target is None:
                    self._found[name] = PlannedCluster(name, needless=True)
                elif alone := why_alone(clone, target, shipping):
                    clone.config = self._task.team.configured(clone.config)
                    self._found[name] = _planned_alone(clone, target, alone)
                else:
                    together.append((clone, target))
        self._plan_together(self._wanted(together))
        return [self._found[name] for name, _ in self._task.clusters]

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Notes why there is no plan of a cluster, where something is wrong with that alone."""
        try:
            yield
        except (Damaged, NoSpace):
            raise
        except GitFailed as error:
            why = next(iter(complaints(error.stderr)), "git has failed")
            self._found[name] = PlannedCluster(name, why=why)
        except (Refused, UsageError, CallFailed) as error:
            self._found[name] = PlannedCluster(name, why=error.message)

    # --- the commits ---

    def _wanted(self, clusters: Sequence[tuple[StoredClone, Target]]) -> list[_WantedPlan]:
        """The clusters with their commits; those between the same trees are looked at once."""
        lines = [self._line(target) for _, target in clusters]
        asked: dict[tuple[str, str], str] = {}  # the trees before and after -> one such commit
        for trees, commit in chain.from_iterable(lines):
            asked.setdefault(trees, commit)
        found = self._git.changes_of(list(asked.values()))
        changes = {trees: one.changes for trees, one in zip(asked, found, strict=True)}
        wanted = []
        for (clone, target), line in zip(clusters, lines, strict=True):
            commits = []
            for trees, oid in line:
                commits.append(Commit(oid, self._objects.subject(oid), changes[trees], oid, oid))
            known = self._resolutions.another() if self._resolutions else None
            wanted.append(_WantedPlan(clone, target, Stack(target.base, commits), known))
        return wanted

    def _line(self, target: Target) -> list[tuple[tuple[str, str], str]]:
        """(the trees before and after, commit) from the base to the tip, oldest first."""
        tree_of = self._objects.tree_of
        line = []
        at = target.tip
        while at != target.base:
            parent = self._objects.parents(at)[0]
            line.append(((tree_of(parent), tree_of(at)), at))
            at = parent
        return line[::-1]

    def _upstream(
        self, base: str, onto: str, wanted: Sequence[_WantedPlan]
    ) -> list[dict[str, str]]:
        """The commits of each that the vendor has (`already_upstream`); all go one way."""
        commits = [commit for one in wanted for commit in one.stack.commits]
        channel = candidates(self._repo, Stack(base, commits), [onto])
        found = [alike(one.stack, channel) for one in wanted]
        doubtful = [
            one.target.tip for one, known in zip(wanted, found, strict=True) if known.doubtful
        ]
        cherries: set[str] = set()
        if doubtful:  # one commit above all of theirs, so that git compares the vendor's once
            tips = dict.fromkeys(doubtful)
            head = self._scratch.objects.commit(self._objects.tree_of(base), *tips)
            self._scratch.objects.write()
            cherries = self._scratch.writing.cherry(onto, head, base)
        return [known.there(cherries) for known in found]

    # --- the forecasts ---

    def _plan_together(self, wanted: Sequence[_WantedPlan]) -> None:
        by_way: dict[tuple[str, str], list[_WantedPlan]] = {}
        for one in wanted:  # for all that go so, the vendor has changed the same
            by_way.setdefault((one.target.base, one.target.onto), []).append(one)
        runs: dict[str, Run] = {}
        for (base, onto), several in by_way.items():
            first = read_divergence(self._scratch.writing, base, onto)
            attributes = self._attributes(onto)
            for one, there in zip(several, self._upstream(base, onto, several), strict=True):
                runs[one.clone.name] = self._run(one, first, attributes, there)
        self._carry_on(list(runs.values()))
        conflicts = first_conflicts(self._scratch.writing, runs)
        for one in wanted:
            name = one.clone.name
            if name not in self._found:
                steps = list(map(_without_changes, runs[name].steps))
                refused = one.known.refused if one.known else ()
                planned = UpgradePlan(one.target, steps, refused=refused)
                self._found[name] = PlannedCluster(name, planned, conflicts=conflicts[name])

    def _attributes(self, onto: str) -> dict[str, str]:
        """The .gitattributes files of a commit: path -> blob."""
        entries = self._git.ls_tree(onto, recursive=True)
        return {path: entry.oid for path, entry in entries.items() if has_attributes([path])}

    def _run(
        self,
        one: _WantedPlan,
        first: Divergence,
        attributes: dict[str, str],
        upstream: dict[str, str],
    ) -> Run:
        stack, onto = one.stack, one.target.onto
        divergence = first.copy()
        side = SharedSide(self._scratch, onto, attributes)
        changes = [commit.changes for commit in stack.commits]
        paths = {path for of_one in changes for path in of_one}
        settle = None
        if one.known:
            settle = one.known.settler(side.attributes_of, changes)
        forecast = Forecast(
            self._scratch,
            stack,
            onto,
            upstream,
            divergence,
            followed=Followed(self._scratch, releases_through(one.clone, one.target), paths),
            new_side=side,
            settle=settle,
        )
        reducer = Reducer(stack, first, divergence)
        return Run(one.clone.name, stack.base, onto, side, reducer, forecast.ask())

    def _carry_on(self, runs: Sequence[Run]) -> None:
        """Takes all to their end: each as far as it comes, then all that is wanted at once."""
        merges = SharedMerges(self._scratch, self._objects)
        waiting = runs
        while waiting:
            for run in waiting:
                with self._noting(run.name):
                    run.go_on()
            waiting = [run for run in waiting if run.wanted is not None]
            merges.answer(waiting)


def _planned_alone(clone: StoredClone, target: Target, alone: str) -> PlannedCluster:
    clone.ask_git()
    made = plan(clone, target, Options())
    conflicts = conflicts_alone(made.steps)
    steps = list(map(_without_changes, made.steps))
    planned = made._replace(steps=steps)
    return PlannedCluster(clone.name, planned, alone=alone, conflicts=conflicts)


def _without_changes(step: ReplayStep) -> ReplayStep:
    """The step as far as it is shown: of what it changes there is much."""
    step.commit = step.commit._replace(changes={})
    step.changes = {}
    return step
