"""What the upgrade of one cluster is: the branch that it makes, or why it makes none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from git_ekf.errors import CallFailed, NoSpace, Refused, UsageError
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.outcomes import FAILED, REFUSED, STOPPED, THERE
from git_ekf.fleet.reading import Damaged, NoCommit
from git_ekf.fleet.standing import EMPTY, Standing
from git_ekf.fleet.store import Store, take_packs
from git_ekf.fleet.stored import StoredRepository
from git_ekf.fleet.team import Team
from git_ekf.fleet.view import View, open_view
from git_ekf.git.quarantine import Quarantine
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.step import ReplayStep, Settlement
from git_ekf.replay.writing import Writer
from git_ekf.resolutions.answers import Resolutions
from git_ekf.upgrade.carry import needs_rebase
from git_ekf.upgrade.ready import policy_errors, require_linear
from git_ekf.upgrade.settled_builds import SettledBuilds
from git_ekf.upgrade.target import Target, upgrade
from git_ekf.upgrade.work import Options, read_work, rewrite

# What is looked at with the commits, and what only a clone has.
_OF_CLONES = (
    *("linear-history", "branch-upstream", "detached-head"),
    *("remote-missing", "remote-same", "remote-swapped", "remote-extra"),
)


class Stop(NamedTuple):
    """Why a cluster gets no branch: THERE, STOPPED, REFUSED or FAILED, and in a sentence."""

    kind: str
    why: str


class PlannedBranch(NamedTuple):
    """The upgrade of the cluster `name`.

    Its commits on `branch`, up to the tip `old`, go onto the vendor's commit `upstream`, and `new`
    is the tip of the branch `goal` then; "" where that was not made. `stop` says why it cannot be.
    `settled` are the conflicts that were settled by a resolution.
    """

    name: str
    branch: str = ""
    goal: str = ""
    old: str = ""
    upstream: str = ""
    new: str = ""
    stop: Stop | None = None
    settled: tuple[Settlement, ...] = ()


def plan_branches(
    store: Store,
    team: Team,
    opened: Opened,
    standings: Iterable[Standing],
    release: str,
    *,
    write: bool,
) -> Iterator[PlannedBranch]:
    """The upgrades of clusters, in their order; with `write` their commits are in the store.

    `opened` is the store as it is now. The store has to be held. Raises CallFailed where that is
    damaged, NoSpace, OSError.
    """
    making = _Making(store, team, opened, release, SettledBuilds(), write)
    for standing in standings:
        yield _planned(making, standing)


class _Making(NamedTuple):
    """What all of them have in common; see `plan_branches`."""

    store: Store
    team: Team
    opened: Opened
    release: str
    builds: SettledBuilds
    write: bool


def _planned(making: _Making, standing: Standing) -> PlannedBranch:
    name, branch = standing.member.name, standing.branch
    stop = _stop(standing)
    if stop:
        return PlannedBranch(name, branch, old=standing.tip, stop=stop)
    stored = making.opened.repository(name)
    goal = stored.config.scheme.parse(making.release) or ""
    planned = PlannedBranch(name, branch, goal, standing.tip, stored.channels.get(goal, ""))
    try:
        if there := _there(stored, branch, goal):
            return planned._replace(new=stored.heads.get(goal, ""), stop=Stop(THERE, there))
        if stored.heads.get(branch) != standing.tip:
            raise Refused(f"it runs {branch}, and has no such branch any more")
        return _made(making, stored, planned)
    except (Refused, UsageError) as error:
        return planned._replace(stop=Stop(REFUSED, error.message))
    except NoCommit as error:
        return planned._replace(stop=Stop(FAILED, error.message))


def _stop(standing: Standing) -> Stop | None:
    """What is said of a cluster that stands so, without a look at its commits."""
    if standing.failed:
        return Stop(FAILED, standing.error or "it was never fetched")
    if standing.state == EMPTY or not standing.branch:
        return Stop(REFUSED, "it has no release branch yet")
    if not standing.base:
        return Stop(REFUSED, "it has no commit in common with the vendor")
    return None


def _there(stored: StoredRepository, branch: str, goal: str) -> str:
    """What is said where nothing is to be done; "" where there is. Raises Refused."""
    if goal in stored.heads:
        if not stored.own_commits(stored.heads[goal]):
            raise Refused(f"its {goal} is the vendor's, without any commit of its own")
        return f"it has {goal} already"
    key = stored.config.scheme.key
    if goal and key(branch) >= key(goal):
        return f"it is on {branch} already"
    return ""


def _made(making: _Making, stored: StoredRepository, planned: PlannedBranch) -> PlannedBranch:
    """What git makes of it; where it fails at one cluster, others are none the worse for it."""
    try:
        with open_view(making.store, making.team, stored, planned.name, planned.branch) as view:
            return _carried(making, view, planned)
    except (NoSpace, Damaged):
        raise
    except CallFailed as error:
        return planned._replace(stop=Stop(FAILED, error.message))


def _carried(making: _Making, view: View, planned: PlannedBranch) -> PlannedBranch:
    """Raises Refused, CallFailed."""
    target = upgrade(view, making.release)
    require_linear(view, target, flatten=False)
    _require_policy(view, target)
    with (
        Quarantine(view.git, view.place.objects) as quarantine,
        open_scratch(view) as scratch,
    ):
        work = rewrite(read_work(view, scratch, target, Options()))
        known = work.options.resolutions
        if needs_rebase(work):
            raise Refused("only git rebase can carry its commits over, in a clone of it")
        making.builds.look_ahead(work)
        if not making.write:
            steps = work.steps()
            return _ended(making.team, planned, target, steps, known)
        with Writer(view, scratch, quarantine, work.stack.commits, target.onto) as writer:
            steps = work.steps(writer.add)
            if any(step.verdict == "conflict" for step in steps):
                return _ended(making.team, planned, target, steps, known)
            written = writer.finish()
        quarantine.migrate(written.tip)
        take_packs(making.store, os.path.join(view.place.objects, "pack"))
    return _ended(making.team, planned, target, steps, known)._replace(new=written.tip)


def _require_policy(view: View, target: Target) -> None:
    """Raises Refused for a broken rule for which an upgrade in a clone would be refused, too."""
    for finding in policy_errors(view):
        excused = finding.rule in _OF_CLONES or (target.rewritten and finding.rule == "branch-base")
        if not excused:
            raise Refused(f"the policy is broken ({finding.rule}: {finding.message})")


def _ended(
    team: Team,
    planned: PlannedBranch,
    target: Target,
    steps: Sequence[ReplayStep],
    known: Resolutions | None,
) -> PlannedBranch:
    """The upgrade that was planned, with what becomes of its commits."""
    settled: list[Settlement] = []
    for step in steps:
        settled += [one for one in step.settled if one.resolution]
    planned = planned._replace(
        goal=target.goal, old=target.tip, upstream=target.onto, settled=tuple(settled)
    )
    stopped = next((step for step in steps if step.verdict == "conflict"), None)
    if stopped is None:
        return planned
    unused = known.refused if known else ()
    sentences = [one.sentence(team.approving) for one in unused]
    why = "; ".join((_conflict(stopped), *sentences))
    return planned._replace(stop=Stop(STOPPED, why))


def _conflict(step: ReplayStep) -> str:
    """The commit, and the first of what is in conflict."""
    first = step.conflicts[0]
    more = len(step.conflicts) - 1
    others = f" and {more} more" if more else ""
    path = first.paths[0] if first.paths else ""
    return f"{step.commit.subject} ({step.commit.oid[:7]}), {first.kind}: {path}{others}"
