"""The plans of many clusters of a vendor, as if each had asked for its own.

What they have in common is asked once: what their commits change, where the vendor's releases
differ, which merges there are. What comes back can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from git_ekf.git.trees import CommitChanges, TreeChanges
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
from git_ekf.upgrade.work import Options, changes_of

# Clusters that are planned at a time: each holds where its sides differ.
AT_A_TIME = 100
# Paths by which git finds commits sooner than it tells of each what it changes.
_FEW = 100


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
    opened = Opened(task.store, task.scheme, [name for name, _ in task.clusters])
    repo = Repository(Git(task.store, {"GIT_DIR": task.store}))
    with open_scratch_of(SharedScratch, repo) as scratch:
        return _Planning(task, opened, repo.git, scratch).planned()


class _WantedPlan(NamedTuple):
    """A cluster that is to be planned with others."""

    clone: StoredClone
    name: str
    target: Target
    stack: Stack

    @property
    def way(self) -> tuple[str, str]:
        """From where to where: for all that go so, the vendor has changed the same."""
        return self.target.base, self.target.onto


class _Planning:
    def __init__(self, task: Task, opened: Opened, git: Git, scratch: SharedScratch) -> None:
        self._task = task
        self._opened = opened
        self._objects = opened.objects
        self._git = git
        self._scratch = scratch
        self._found: dict[str, PlannedCluster] = {}
        self._resolutions: Resolutions | None = None
        if task.team.source:
            repo = Repository(git)
            repo.config = task.team.configured(repo.config)
            self._resolutions = Resolutions(repo)

    def planned(self) -> list[PlannedCluster]:
        channels = [self._opened.history.branches[name] for name in self._opened.channels()]
        shipping = shipping_channels(self._git, channels)
        together: list[tuple[StoredClone, str, Target]] = []
        for name, branch in self._task.clusters:
            with _noting(self._found, name):
                clone = StoredClone(self._opened, name, branch)
                target = target_of(clone, self._task.release)
                if target is None:
                    self._found[name] = PlannedCluster(name, needless=True)
                elif alone := why_alone(clone, target, shipping):
                    clone.config = self._task.team.configured(clone.config)
                    self._found[name] = _planned_alone(clone, name, target, alone)
                else:
                    together.append((clone, name, target))
        self._plan_together(self._stacks(together))
        return [self._found[name] for name, _ in self._task.clusters]

    # --- the commits ---

    def _stacks(self, clusters: Sequence[tuple[StoredClone, str, Target]]) -> list[_WantedPlan]:
        """The clusters with their commits; those between the same trees are looked at once."""
        lines = {name: self._line(target) for _, name, target in clusters}
        asked: dict[tuple[str, str], str] = {}  # the trees before and after -> one such commit
        for line in lines.values():
            for parent, commit in line:
                asked.setdefault(self._trees(parent, commit), commit)
        found = self._git.changes_of(list(asked.values()))
        changes: dict[tuple[str, str], TreeChanges] = {}
        for trees, one in zip(asked, found, strict=True):
            changes[trees] = one.changes
        wanted = []
        for clone, name, target in clusters:
            commits = []
            for parent, oid in lines[name]:
                of_commit = changes[self._trees(parent, oid)]
                commits.append(Commit(oid, self._objects.subject(oid), of_commit, oid, oid))
            wanted.append(_WantedPlan(clone, name, target, Stack(target.base, commits)))
        return wanted

    def _line(self, target: Target) -> list[tuple[str, str]]:
        """(parent, commit) from the base to the tip, oldest first."""
        line = []
        at = target.tip
        while at != target.base:
            parent = self._objects.parents(at)[0]
            line.append((parent, at))
            at = parent
        return line[::-1]

    def _trees(self, parent: str, commit: str) -> tuple[str, str]:
        return self._objects.tree_of(parent), self._objects.tree_of(commit)

    # --- what the vendor has already ---

    def _upstream(self, wanted: Sequence[_WantedPlan]) -> dict[str, dict[str, str]]:
        """Cluster -> its commits that the vendor has (`already_upstream`); all go one way."""
        base, onto = wanted[0].way
        channel = self._channel(base, onto, wanted)
        found = {one.name: alike(one.stack, channel) for one in wanted}
        doubtful = [one.target.tip for one in wanted if found[one.name].doubtful]
        cherries: set[str] = set()
        if doubtful:  # one commit above all of theirs, so that git compares the vendor's once
            tips = dict.fromkeys(doubtful)
            head = self._scratch.objects.commit(self._objects.tree_of(base), *tips)
            self._scratch.objects.write()
            cherries = self._scratch.writing.cherry(onto, head, base)
        return {name: one.there(cherries) for name, one in found.items()}

    def _channel(self, base: str, onto: str, wanted: Sequence[_WantedPlan]) -> list[CommitChanges]:
        """The vendor's commits from one to the other that may be one of theirs."""
        changed: set[frozenset[str]] = set()
        for one in wanted:
            changed.update(frozenset(commit.changes) for commit in one.stack.commits)
        changed.discard(frozenset())
        paths = sorted(frozenset[str]().union(*changed))
        if not paths:
            return []
        touching = paths if len(paths) <= _FEW else ()
        found = self._git.commits_with_changes(base, onto, touching=touching)
        return [commit for commit in found if frozenset(commit.changes) in changed]

    # --- the forecasts ---

    def _plan_together(self, wanted: Sequence[_WantedPlan]) -> None:
        by_way: dict[tuple[str, str], list[_WantedPlan]] = {}
        for one in wanted:
            by_way.setdefault(one.way, []).append(one)
        runs: list[Run] = []
        known: dict[str, Resolutions] = {}
        for (base, onto), alike_ones in by_way.items():
            first = read_divergence(self._scratch.writing, base, onto)
            attributes = self._attributes(onto)
            upstream = self._upstream(alike_ones)
            for one in alike_ones:
                if self._resolutions:
                    known[one.name] = self._resolutions.another()
                of_one = known.get(one.name)
                runs.append(self._run(one, first, attributes, upstream[one.name], of_one))
        self._carry_on(runs)
        conflicts = first_conflicts(self._scratch.writing, runs)
        targets = {one.name: one.target for one in wanted}
        for run in runs:
            if run.name not in self._found:
                steps = list(map(_without_changes, run.steps))
                refused = known[run.name].refused if known else ()
                planned = UpgradePlan(targets[run.name], steps, refused=refused)
                self._found[run.name] = PlannedCluster(
                    run.name, planned, conflicts=tuple(conflicts[run.name])
                )

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
        known: Resolutions | None,
    ) -> Run:
        divergence = first.copy()
        onto = one.target.onto
        side = SharedSide(self._scratch, onto, attributes)
        paths = {path for commit in one.stack.commits for path in commit.changes}
        followed = Followed(self._scratch, releases_through(one.clone, one.target), paths)
        forecast = Forecast(
            self._scratch,
            one.stack,
            onto,
            upstream,
            divergence,
            followed=followed,
            new_side=side,
            settle=known.settler(side.attributes_of, changes_of(one.stack)) if known else None,
        )
        reducer = Reducer(one.stack, first, divergence)
        return Run(one.name, one.target.base, onto, side, reducer, forecast.ask())

    def _carry_on(self, runs: Sequence[Run]) -> None:
        """Takes all to their end: each as far as it comes, then all that is wanted at once."""
        merges = SharedMerges(self._scratch, self._objects)
        waiting = list(runs)
        while waiting:
            for run in waiting:
                with _noting(self._found, run.name):
                    run.go_on()
            waiting = [run for run in waiting if run.wanted is not None]
            merges.answer(waiting)


def _planned_alone(clone: StoredClone, name: str, target: Target, alone: str) -> PlannedCluster:
    clone.ask_git()
    made = plan(clone, target, Options())
    conflicts = tuple(conflicts_alone(made.steps))
    steps = [_without_changes(step) for step in made.steps]
    return PlannedCluster(name, made._replace(steps=steps), alone=alone, conflicts=conflicts)


@contextmanager
def _noting(found: dict[str, PlannedCluster], name: str) -> Iterator[None]:
    """Notes why there is no plan of a cluster, where something is wrong with that alone."""
    try:
        yield
    except (Damaged, NoSpace):
        raise
    except GitFailed as error:
        found[name] = PlannedCluster(
            name, why=next(iter(complaints(error.stderr)), "git has failed")
        )
    except (Refused, UsageError, CallFailed) as error:
        found[name] = PlannedCluster(name, why=error.message)


def _without_changes(step: ReplayStep) -> ReplayStep:
    """The step as far as it is shown: of what it changes there is much."""
    step.commit = step.commit._replace(changes={})
    step.changes = {}
    return step
