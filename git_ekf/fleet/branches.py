"""What the upgrade of one cluster is: the branch that it makes, or why it makes none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from git_ekf.errors import CallFailed, NoSpace, Refused, UsageError
from git_ekf.fleet.file import Fleet, Member
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.outcomes import FAILED, REFUSED, STOPPED, THERE
from git_ekf.fleet.reading import Damaged
from git_ekf.fleet.standing import EMPTY, Standing
from git_ekf.fleet.store import Store, make_borrowing, take_packs
from git_ekf.fleet.stored import StoredRepository
from git_ekf.fleet.team import approving, team_of
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.questions.about import Paths
from git_ekf.git.refs import RESOLUTIONS
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.step import ReplayStep, Settlement
from git_ekf.replay.writing import Writer
from git_ekf.repository import Repository
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


class ClusterUpgrade(NamedTuple):
    """The upgrade of a cluster.

    Its commits on `branch`, up to the tip `old`, go onto the vendor's commit `upstream`, which its
    repository then has at `upstream_ref`, and `new` is the tip of the branch `goal` then; "" where
    that was not made. `state` is what has become of it (see outcomes.py), "" before that, and `why`
    says so in a sentence, "" for none. `settled` are the conflicts that were settled by a
    resolution.
    """

    member: Member
    branch: str
    goal: str = ""
    old: str = ""
    upstream: str = ""
    upstream_ref: str = ""
    new: str = ""
    state: str = ""
    why: str = ""
    settled: tuple[Settlement, ...] = ()

    def ended(self, state: str, why: str = "") -> ClusterUpgrade:
        """The same, with what has become of it."""
        return self._replace(state=state, why=why)


class BranchMaker:
    """Plans the upgrades of clusters, and where it is to write makes their commits in the store."""

    def __init__(
        self, store: Store, fleet: Fleet, opened: Opened, release: str, *, write: bool
    ) -> None:
        """`opened` is the store as it is now, which has to be held. Raises UsageError, OSError."""
        self._store = store
        self._fleet = fleet
        self._team = team_of(store, fleet)
        self._opened = opened
        self._release = release
        self._write = write
        self._builds = SettledBuilds()

    def planned(self, standing: Standing) -> ClusterUpgrade:
        """The upgrade of a cluster; where it fails, others are none the worse for it.

        Raises CallFailed where the store is damaged, NoSpace, OSError.
        """
        name, branch = standing.member.name, standing.branch
        one = ClusterUpgrade(standing.member, branch, old=standing.tip)
        try:
            _require_known(standing)
            stored = self._opened.repository(name)
            goal = stored.config.scheme.parse(self._release) or ""
            upstream_ref = stored.namespace.upstream + goal
            one = one._replace(
                goal=goal, upstream=stored.channels.get(goal, ""), upstream_ref=upstream_ref
            )
            if there := _there(stored, branch, goal):
                return one._replace(new=stored.heads.get(goal, "")).ended(THERE, there)
            if stored.heads.get(branch) != standing.tip:
                raise Refused(f"it runs {branch}, and has no such branch any more")
            with self._view(stored, name, branch) as view:
                return self._carried(view, one)
        except (NoSpace, Damaged):
            raise
        except (Refused, UsageError) as error:
            return one.ended(REFUSED, error.message)
        except CallFailed as error:
            return one.ended(FAILED, error.message)

    @contextmanager
    def _view(self, stored: StoredRepository, name: str, branch: str) -> Iterator[Repository]:
        """A cluster as the clone of it would be, with refs, and no files; gone afterwards.

        A branch is checked out. The objects are those of the store; `take_packs` moves there what
        is made in it.
        """
        folder = os.path.join(self._store.incoming, "views", name)
        git_dir = os.path.join(folder, ".git")
        refs = {**stored.refs, **stored.record_refs}
        if self._team.tip:
            refs[RESOLUTIONS] = self._team.tip
        try:
            make_borrowing(self._store, git_dir, branch, refs.items(), bare=False)
            self._team.agree(git_dir)
            view = Repository(Git(folder, {"GIT_DIR": git_dir, "GIT_WORK_TREE": folder}))
            view.place = Paths(git_dir, git_dir, folder, False, False, "sha1")
            view.config = self._team.configured(stored.config)
            view.toml = stored.toml
            yield view
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _carried(self, view: Repository, one: ClusterUpgrade) -> ClusterUpgrade:
        """Raises Refused, CallFailed."""
        target = upgrade(view, self._release)
        require_linear(view, target)
        _require_policy(view, target)
        new = ""
        with (
            Quarantine(view.git, view.place.objects) as quarantine,
            open_scratch(view) as scratch,
        ):
            work = rewrite(read_work(view, scratch, target, Options()))
            known = work.options.resolutions
            if needs_rebase(work):
                raise Refused("only git rebase can carry its commits over, in a clone of it")
            self._builds.look_ahead(work)
            if self._write:
                commits = work.stack.commits
                with Writer(view, scratch, quarantine, commits, target.onto) as writer:
                    steps = work.steps(writer.add)
                    if not any(step.verdict == "conflict" for step in steps):
                        new = writer.finish().tip
            else:
                steps = work.steps()
            if new:
                quarantine.migrate(new)
                take_packs(self._store, os.path.join(view.place.objects, "pack"))
        settled: list[Settlement] = []
        for step in steps:
            settled += [settlement for settlement in step.settled if settlement.resolution]
        one = one._replace(
            goal=target.goal,
            old=target.tip,
            upstream=target.onto,
            new=new,
            settled=tuple(settled),
        )
        conflict = next((step for step in steps if step.verdict == "conflict"), None)
        if conflict is None:
            return one
        unused = known.refused if known else ()
        sentences = [resolution.sentence(approving(self._fleet)) for resolution in unused]
        return one.ended(STOPPED, "; ".join((_conflict(conflict), *sentences)))


def _require_known(standing: Standing) -> None:
    """Raises CallFailed, Refused for a cluster of which the commits need no look."""
    if standing.failed:
        raise CallFailed(standing.error or "it was never fetched")
    if standing.state == EMPTY or not standing.branch:
        raise Refused("it has no release branch yet")
    if not standing.base:
        raise Refused("it has no commit in common with the vendor")


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


def _require_policy(view: Repository, target: Target) -> None:
    """Raises Refused for a broken rule for which an upgrade in a clone would be refused, too."""
    for finding in policy_errors(view):
        excused = finding.rule in _OF_CLONES or (target.rewritten and finding.rule == "branch-base")
        if not excused:
            raise Refused(f"the policy is broken ({finding.rule}: {finding.message})")


def _conflict(step: ReplayStep) -> str:
    """The commit, and the first of what is in conflict."""
    first = step.conflicts[0]
    more = len(step.conflicts) - 1
    others = f" and {more} more" if more else ""
    path = first.paths[0] if first.paths else ""
    return f"{step.commit.subject} ({step.commit.oid[:7]}), {first.kind}: {path}{others}"
