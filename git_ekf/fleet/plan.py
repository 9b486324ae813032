"""What an upgrade of a fleet would do, before the first cluster is touched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from git_ekf.errors import Refused, UsageError
from git_ekf.fleet.fetch import Watch
from git_ekf.fleet.file import Fleet
from git_ekf.fleet.planning.groups import Group, SettledConflict, groups, settled
from git_ekf.fleet.planning.together import AT_A_TIME, PlannedCluster, Task
from git_ekf.fleet.processes import Planner, all_processors
from git_ekf.fleet.standing import EMPTY, UNFETCHED, UNRELATED, Known, Standing
from git_ekf.fleet.store import Store
from git_ekf.fleet.team import team_of, team_repository
from git_ekf.repository import Repository
from git_ekf.resolutions.judging import Examiner
from git_ekf.terminal.text import age
from git_ekf.upgrade.plan import why_not_in_memory

# Clusters that are worth a task: to begin one takes as long as some of them.
_LEAST = 50


class FleetPlan(NamedTuple):
    """The plans of some clusters, in the order of the fleet, and each conflict once.

    `goal` is the release branch that they go to, "" where each goes to its next one. `groups` are
    left to be resolved, `settled` are those that resolutions settle.
    """

    goal: str
    planned: list[PlannedCluster]
    groups: list[Group]
    settled: list[SettledConflict]

    @property
    def through(self) -> list[PlannedCluster]:
        """Those that would go through."""
        return [one for one in self.planned if one.plan and not one.plan.conflicts]

    @property
    def stopping(self) -> list[PlannedCluster]:
        """Those that would stop at a conflict."""
        return [one for one in self.planned if one.plan and one.plan.conflicts]

    @property
    def needless(self) -> list[PlannedCluster]:
        """Those that run that release already, or a newer one."""
        return [one for one in self.planned if one.needless]

    @property
    def without(self) -> list[PlannedCluster]:
        """Those of which there is no plan, for a reason that each has."""
        return [one for one in self.planned if one.why]

    @property
    def fine(self) -> bool:
        """Whether all would go through, or run it already."""
        return not (self.stopping or self.without)


def is_release(fleet: Fleet, word: str) -> bool:
    """Whether a word on the command line is a release, and no cluster of that name."""
    names = {member.name for member in fleet.members}
    return word not in names and fleet.scheme.parse(word) is not None


def require_release(fleet: Fleet, known: Known, release: str) -> str:
    """The release branch of a release. Raises UsageError, Refused where the vendor has none."""
    goal = fleet.scheme.parse(release)
    has = f"the vendor has {', '.join(known.channels) or 'no release'}"
    if not goal:
        raise UsageError(f"{release or 'an empty argument'} is not a valid release", has)
    if goal not in known.channels:
        raise Refused(f"the vendor has no {goal}", has)
    return goal


def plan_fleet(
    store: Store,
    fleet: Fleet,
    chosen: Sequence[Standing],
    goal: str,
    watch: Watch,
    planner: Planner | None = None,
) -> FleetPlan:
    """Plans the chosen clusters; `watch` gives out numbers, and shows how far they are.

    Without a planner in as many processes as there are processors.

    Raises Refused where git cannot tell, CallFailed where the store is damaged.
    """
    why = why_not_in_memory(Repository(store.git))
    if why:
        raise Refused(f"there is no forecast: {why}", "git version")
    found = {}
    ready = []
    for one in chosen:
        if reason := _why_not(one):
            found[one.member.name] = PlannedCluster(one.member.name, why=reason)
        else:
            ready.append(one)
    # Alike ones next to each other, for they have most in common.
    ready.sort(key=lambda one: (fleet.scheme.key(one.branch), one.branch, one.base))
    clusters = [(one.member.name, one.branch) for one in ready]
    release = fleet.scheme.version(goal) if goal else None
    planner = planner or all_processors()
    at_a_time = min(AT_A_TIME, max(_LEAST, -(-len(clusters) // planner.jobs)))
    team = team_of(store, fleet)
    tasks = []
    for first in range(0, len(clusters), at_a_time):
        some = tuple(clusters[first : first + at_a_time])
        tasks.append(Task(store.path, fleet.scheme, some, release, team))
    watched = watch("Planning", range(len(tasks)))
    with closing(planner.plans(tasks)) as made:  # an interruption ends what is under way
        for _, several in zip(watched, made, strict=True):
            found.update((planned.name, planned) for planned in several)
    listed = [found[one.member.name] for one in chosen]
    answered = settled(Examiner(team_repository(store, fleet)), listed) if team.source else []
    return FleetPlan(goal, listed, groups(listed), answered)


def _why_not(one: Standing) -> str:
    """Why a cluster cannot be planned, as far as its standing tells; "" where it does not."""
    if one.state == UNFETCHED:
        return "it was never asked"
    if one.failed:
        when = f", known as of {age(max(0.0, time.time() - one.fetched))}" if one.fetched else ""
        return f"it is {one.state}{when}" + (f": {one.error}" if one.error else "")
    if one.state == EMPTY:
        return "it has no branch yet"
    if one.state == UNRELATED:
        return "it has nothing in common with the vendor's history"
    return "" if one.branch and one.tip else "it runs no release"
