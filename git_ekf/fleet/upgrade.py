"""Many clusters upgraded: planned, made, and brought to their internal repositories.

Every one gets a new branch, and nothing else of it is touched, so that a fleet upgrade is undone by
deleting branches that nobody has used. Killed at any instant, the same again goes on from what the
internal repositories have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from git_ekf.errors import CallFailed, Refused, SystemFailed
from git_ekf.fleet.branches import BranchMaker, ClusterUpgrade
from git_ekf.fleet.choosing import require_any
from git_ekf.fleet.connections import Reply, Silent, answers
from git_ekf.fleet.fetch import Watch, fetch_held
from git_ekf.fleet.file import Fleet, Member
from git_ekf.fleet.gate import Wish, members_asked, require_recorded
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.outcomes import FAILED, LEFT, MOVED, PLANNED, PUSHED, THERE
from git_ekf.fleet.pushing import push
from git_ekf.fleet.runs import Made, read_run, write_run
from git_ekf.fleet.standing import Known, standings_in
from git_ekf.fleet.store import Store, branches_in, read_fetched, unattended_git, writing
from git_ekf.git.refs import HEADS
from git_ekf.git.transfer import stop_all
from git_ekf.names import without_credentials
from git_ekf.replay.writing import committer
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import counted
from git_ekf.upgrade.plan import why_not_in_memory

# So many times a cluster is planned again that moves meanwhile.
_ROUNDS = 3
# So many are made before any of them is remembered: the refs of all are written each time.
_BATCH = 50


def upgrade_fleet(store: Store, fleet: Fleet, wish: Wish, watch: Watch) -> list[ClusterUpgrade]:
    """Does what is wished for; the clusters in the order of the fleet file.

    Raises Refused where nothing of it may be done: another command is at work, the vendor has no
    such release, a wave is too early, or there is no upgrade to go on with. Raises CallFailed where
    the vendor cannot be fetched or the system fails, and says how many were pushed to by then.
    """
    _require_able(store)
    with writing(store):
        run = _FleetUpgrade(store, fleet, wish, watch)
        try:
            return run.upgraded()
        except (CallFailed, OSError) as raised:
            stop_all()
            error = raised if isinstance(raised, CallFailed) else SystemFailed(raised)
            error.message += run.so_far
            raise error from None
        except BaseException:
            stop_all()
            raise


def _require_able(store: Store) -> None:
    """Raises Refused where git cannot make the commits of anybody here."""
    repo = Repository(store.git)
    committer(repo)
    if why := why_not_in_memory(repo):
        raise Refused(f"no commits can be made here: {why}", "git --version")


class _FleetUpgrade:
    def __init__(self, store: Store, fleet: Fleet, wish: Wish, watch: Watch) -> None:
        self._git = unattended_git(store, fleet)
        self._store, self._fleet, self._wish, self._watch = store, fleet, wish, watch
        self._begun = read_run(store, wish.goal)
        self._members = wish.members
        if wish.proceed:
            self._members = tuple(one for one in wish.members if one.name in self._begun)
        self._found: dict[str, ClusterUpgrade] = {}
        self._failed = 0

    def upgraded(self) -> list[ClusterUpgrade]:
        wish = self._wish
        if wish.proceed and not self._members:
            raise Refused(
                f"there is no upgrade to {wish.goal} to go on with", f"{wish.command} begins one"
            )
        asked = members_asked(self._fleet, wish, self._members)
        known = self._fetch(asked)
        fits = wish.choice.fits
        self._members = tuple(one for one in self._members if fits(self._standings[one.name]))
        if not wish.proceed:
            require_any(self._fleet, wish.choice, self._members)
        self._upstream = self._tip_of_channel(known)
        tenth = max(1, len(self._members) // 10)
        self._limit = tenth if wish.max_failed is None else wish.max_failed
        require_recorded(self._fleet, wish, self._standings, self._members)
        new = [one.name for one in self._members if one.name not in self._begun]
        self._remember({name: Made(self._upstream) for name in new})
        waiting: Sequence[Member] = self._members
        for _ in range(_ROUNDS):
            waiting = self._round(waiting)
            if not waiting:
                break
            self._fetch(waiting)
        for member in waiting:
            why = "somebody else pushes to it all the time, or was cut off there"
            self._end(self._found[member.name].ended(FAILED, why))
        return [self._found[member.name] for member in self._members]

    @property
    def so_far(self) -> str:
        """Ends a sentence about what has ended it; "" where nothing was pushed yet."""
        pushed = sum(one.state == PUSHED for one in self._found.values())
        return f"; {counted(pushed, 'cluster')} had been pushed to by then" if pushed else ""

    # --- asked ---

    def _fetch(self, members: Sequence[Member]) -> Known:
        fetch_held(self._store, self._fleet, self._watch, members)
        self._opened = Opened(self._store.path, self._fleet.scheme)
        known = standings_in(self._opened, self._fleet, read_fetched(self._store.path))
        self._standings = {one.member.name: one for one in known.standings}
        return known

    def _tip_of_channel(self, known: Known) -> str:
        """The vendor's commit that all go onto. Raises CallFailed, Refused."""
        vendor = without_credentials(self._fleet.vendor)
        if known.vendor.failure:
            raise CallFailed(
                f"the vendor cannot be fetched: {known.vendor.error}; nothing was changed",
                f"try it with: git ls-remote {shell(vendor)}",
            )
        goal = self._wish.goal
        if goal not in known.channels:
            raise Refused(f"the vendor has no {goal}", f"git ls-remote --heads {shell(vendor)}")
        return self._opened.history.branches[goal]

    # --- planned and made ---

    def _remember(self, entries: dict[str, Made | None]) -> None:
        if entries and not self._wish.only_plans:
            write_run(self._store, self._wish.goal, entries)
        for name, made in entries.items():
            self._begun.pop(name, None)
            if made:
                self._begun[name] = made

    def _round(self, members: Sequence[Member]) -> list[Member]:
        """Plans, makes and pushes these; those that have moved meanwhile."""
        ready: list[ClusterUpgrade] = []
        made: dict[str, Made | None] = {}
        for one in self._planned(members):
            if one.state:
                self._end(one)
                if one.state == THERE:
                    made[one.member.name] = None
            elif self._wish.only_plans:
                self._end(one.ended(PLANNED))
            else:
                ready.append(one)
                made[one.member.name] = Made(one.upstream, one.old, one.new)
            if len(made) >= _BATCH:
                self._remember(made)
                made = {}
        self._remember(made)
        return self._push(ready)

    def _planned(self, members: Sequence[Member]) -> Iterator[ClusterUpgrade]:
        """The upgrade of each, first of those that an earlier command has made."""
        again = {member.name: self._again(member) for member in members}
        yield from filter(None, again.values())
        standings = [self._standings[name] for name, one in again.items() if not one]
        maker = BranchMaker(
            self._store,
            self._fleet,
            self._opened,
            self._wish.release,
            write=not self._wish.only_plans,
        )
        for number in self._watch("Planning upgrades", range(len(standings))):
            yield maker.planned(standings[number])

    def _again(self, member: Member) -> ClusterUpgrade | None:
        """The branch that a command has made and did not come to push, where it is still right."""
        begun = self._begun.get(member.name, Made(""))
        standing = self._standings[member.name]
        heads = branches_in(self._opened.theirs[member.name])
        if not begun.new or begun.upstream != self._upstream or standing.failed:
            return None
        stored = self._opened.repository(member.name)
        goal = stored.config.scheme.parse(self._wish.release) or ""
        if goal in heads or begun.old != standing.tip or heads.get(standing.branch) != begun.old:
            return None
        ref = stored.namespace.upstream + goal
        return ClusterUpgrade(
            member, standing.branch, goal, begun.old, begun.upstream, ref, begun.new
        )

    # --- pushed ---

    def _push(self, ready: Sequence[ClusterUpgrade]) -> list[Member]:
        """Pushes these, and reads back what has arrived; those that have moved meanwhile."""
        watched = self._watch("Pushing", range(len(ready)))
        found = answers(self._fleet, ready, lambda one: one.member.internal, self._pushed)
        ended: list[ClusterUpgrade] = []
        # Closed before gits are told to end, so that none is begun after that.
        with closing(found):
            for _, answer in zip(watched, found, strict=True):
                ended.append(_ended(answer))
                self._end(ended[-1])
        self._read_back([one for one in ended if one.state == PUSHED])
        return [one.member for one in ended if one.state == MOVED]

    def _pushed(self, one: ClusterUpgrade) -> ClusterUpgrade:
        """Works in any thread."""
        if self._failed > self._limit:
            return one.ended(LEFT)
        return push(self._git, one, self._fleet.seconds)

    def _read_back(self, pushed: Sequence[ClusterUpgrade]) -> None:
        """Looks whether the internal repositories really have what they have taken."""
        if not pushed:
            return
        self._fetch([one.member for one in pushed])
        there: dict[str, Made | None] = {}
        for one in pushed:
            name, standing = one.member.name, self._standings[one.member.name]
            has = self._opened.theirs[name].get(HEADS + one.goal, "")
            if has == one.new and not standing.failed:
                there[name] = None
                continue
            why = f"{HEADS}{one.goal} is {has[:12] or 'not there'}"
            if standing.failed:
                why = f"cannot be read back: {standing.error}"
            self._end(one.ended(FAILED, f"it was pushed, and {why}"))
        self._remember(there)

    def _end(self, one: ClusterUpgrade) -> None:
        self._found[one.member.name] = one
        self._failed += one.state == FAILED


def _ended(answer: Reply[ClusterUpgrade, ClusterUpgrade]) -> ClusterUpgrade:
    """How a push ended; an error that is nobody's fault there is raised."""
    if type(answer.error) in (Silent, CallFailed):
        return answer.task.ended(FAILED, str(answer.error))
    if answer.error:
        raise answer.error
    assert answer.result
    return answer.result
