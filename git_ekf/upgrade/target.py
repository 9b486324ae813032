"""Which commits go where.

The configuration commits of the branch checked out, and the vendor's commit they are to stand on.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.background import Background
from git_ekf.errors import Refused, UsageError
from git_ekf.git.refs import HEADS, UPSTREAM
from git_ekf.internal import lacking, unrelated, was_ours
from git_ekf.record import parse
from git_ekf.records import RecordTag, last_record_by_name, read_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.preconditions import release_branch

UPGRADE = "upgrade"
SYNC = "sync"
PULL = "pull"
ROLLBACK = "rollback"


class Target(NamedTuple):
    """`base..tip` are the configuration commits of `branch`.

    They go onto `onto`. `command` is upgrade (`goal` is another release), sync, pull or rollback
    (it is the branch itself). An upgrade and a sync go onto the tip of the vendor's channel, a pull
    onto what `internal` has. `rewritten`: the channel that the branch follows no longer has `base`.

    An upgrade may find the branch of its goal, here at `goal_tip`, "" where it is not: then
    it goes onto `prepared`, what is there already; `record` is the newest deploy record on that.
    `replaced` is there already as well, and cannot be gone on from: it is kept as a backup.
    """

    command: str
    branch: str
    goal: str
    base: str
    tip: str
    onto: str
    rewritten: bool = False
    goal_tip: str = ""
    prepared: str = ""
    record: str = ""
    replaced: str = ""

    @property
    def nothing_new(self) -> bool:
        """Whether the commits stand where they are to go already."""
        return self.base == self.onto and not self.prepared

    def onto_whose(self, repo: Repository) -> str:
        """Whose work it goes onto, as the subject of a sentence."""
        return repo.config.internal if self.command == PULL else "the vendor"


def newer_channels(repo: Repository) -> list[Target]:
    """Upgrades to every newer channel; none where no release branch is checked out.

    Raises Refused.
    """
    branch = repo.head_branch
    if branch is None or not repo.config.scheme.is_release(branch) or repo.head is None:
        return []
    newer = _newer(repo, branch)
    if not newer:
        return []
    first = _target(repo, UPGRADE, branch, newer[0])
    return [_again(repo, first._replace(goal=goal, onto=repo.channels[goal])) for goal in newer]


def upgrade(repo: Repository, release: str | None = None, *, flatten: bool = False) -> Target:
    """The upgrade to a release, or to the next one. Raises Refused, UsageError.

    `flatten` is whether a history with merges is to be made one line, for what is hinted.
    """
    return upgrade_of(repo, release_branch(repo), release, flatten)


def upgrade_of(repo: Repository, branch: str, release: str | None, flatten: bool) -> Target:
    """The same for a release branch, checked out or not. Raises Refused, UsageError."""
    newer = _newer(repo, branch)
    if release is None and not newer:
        raise Refused(f"there is no channel newer than {branch}", _try_sync(repo, flatten))
    goal = newer[0] if release is None else _goal(repo, branch, release, flatten)
    return _again(repo, _target(repo, UPGRADE, branch, goal))


def sync(repo: Repository, *, flatten: bool = False) -> Target:
    """The same channel, as it now is. Raises Refused.

    `flatten`: to make one line of what stands there, also where the vendor has deleted the channel.
    """
    branch = release_branch(repo)
    if branch not in repo.channels:
        primary = repo.config.primary
        if repo.channel(branch) and flatten:
            target = _target(repo, SYNC, branch, branch)
            return target._replace(onto=target.base, rewritten=False)
        if repo.primary_prefix + branch in repo.refs:
            raise Refused(
                f"{primary} has no {branch} any more; nothing was changed",
                "git ekf upgrade" if _newer(repo, branch) else "git ekf releases",
            )
        raise Refused(
            f"{primary} has no {branch}: the channel is gone, or was never fetched",
            f"git fetch {shell(primary)}, or git ekf upgrade",
        )
    return _target(repo, SYNC, branch, branch)


def pull(repo: Repository) -> Target | None:
    """The commits that only this clone has onto what `internal` has, as last asked.

    None where it has nothing that the clone lacks. Raises Refused.
    """
    branch = release_branch(repo)
    lacks = lacking(repo, branch)
    if lacks is None:
        return None
    there, tip = repo.saved_branches[branch], repo.release_branches[branch]
    base = repo.git.merge_base(there, tip)
    if base is None:
        raise unrelated(repo, branch, "nothing was changed")
    # What was on internal once and is no longer, because somebody has rewritten the branch.
    left = repo.git.fork_point(repo.internal_prefix + branch, tip)
    if left and repo.git.is_ancestor(base, left):
        base = left
    vendors = repo.base(branch)
    if vendors and not repo.git.is_ancestor(vendors, there) and repo.git.is_ancestor(base, vendors):
        base = vendors  # newer commits of the vendor's are not to be replayed
    return Target(PULL, branch, branch, base, tip, there)


def _try_sync(repo: Repository, flatten: bool) -> str:
    if repo.head_branch not in repo.channels:
        return "git ekf releases lists what the vendor has"
    return f"git ekf sync{' --flatten' if flatten else ''} takes newer commits of the same channel"


def releases_through(repo: Repository, target: Target) -> list[str]:
    """The vendor's commits that an upgrade goes through: its base, each release, where it goes."""
    key = repo.config.scheme.key
    between = []
    if target.command == UPGRADE:
        newer = _newer(repo, target.branch)
        between = [repo.channels[name] for name in newer if key(name) < key(target.goal)]
    return [target.base, *between, target.onto]


def _newer(repo: Repository, branch: str) -> list[str]:
    """The channels above a branch, lowest first."""
    key = repo.config.scheme.key
    return [name for name in repo.channels if key(name) > key(branch)]


def _goal(repo: Repository, branch: str, release: str, flatten: bool) -> str:
    """The channel of a release that somebody named. Raises Refused, UsageError."""
    scheme = repo.config.scheme
    goal = scheme.parse(release)
    if not goal:
        shown = release or "an empty argument"
        raise UsageError(f"{shown} is not a valid release", "git ekf releases lists them")
    if goal == branch:
        raise Refused(f"{branch} is checked out already", _try_sync(repo, flatten))
    if scheme.key(goal) < scheme.key(branch):
        raise Refused(
            f"{goal} is older than {branch}", "git ekf rollback TAG goes back to a deploy record"
        )
    if goal not in repo.channels:
        raise Refused(f"{repo.config.primary} has no {goal}", "git ekf releases lists what it has")
    return goal


def _target(repo: Repository, command: str, branch: str, goal: str) -> Target:
    """Raises Refused where it is not known what the branch stands on."""
    tip = repo.release_branches[branch]
    channel = repo.channel(branch)
    base = stands_on(repo, branch, tip)
    if base is None:
        primary = repo.config.primary
        why = f"it shares no history with {primary}/{branch}"
        hint = f"git fetch {shell(primary)}"
        if repo.place.shallow:
            why = "this clone is shallow"
            hint = repo.how_to_unshallow()
        raise Refused(f"what {branch} stands on is not known here: {why}", hint)
    rewritten = base != (repo.merge_base(channel, tip) if channel else None)
    onto = repo.channels.get(goal, base)
    return Target(command, branch, goal, base, tip, onto, rewritten)


def stands_on(repo: Repository, branch: str, tip: str, claim: str = "") -> str | None:
    """The vendor's commit that a release branch's commit stands on; None where it is not known.

    `claim` is what the commit's own deploy record says of it.

    A rewritten channel still has a merge base with the branch, but an older one, or none. What the
    branch really stands on was recorded: in the reflog of the channel, in refs/ekf/upstream, in
    deploy records.
    """
    channel = repo.channel(branch)
    recorded = Background(lambda: _recorded_bases(repo, branch, tip, claim))
    base = repo.merge_base(channel, tip) if channel else None
    is_ancestor = repo.git.is_ancestor
    for commit in recorded.result():
        if commit in (base, channel) or not repo.git.commit(commit):
            continue
        if (base is None or is_ancestor(base, commit)) and is_ancestor(commit, tip):
            base = commit
    return base


def _is_own(repo: Repository, record: RecordTag, claim: str) -> bool:
    """Whether what a record calls the vendor's commit is the customer's: by what records are on.

    Where the vendor has rewritten a channel, there may be no other trace of what it was, so that a
    false claim could hide commits from an upgrade. Rather too much is carried, which a plan lists.
    """
    own = repo.git.commits([claim], globs=repo.vendor_globs())
    tags = {one.tagged: parse(one.tag.message) for one in read_records(repo) if one.tag}
    on_own = {tagged for tagged, said in tags.items() if said.get("Upstream SHA") != tagged}
    return bool(own) and (claim == record.tagged or not on_own.isdisjoint(own))


def _again(repo: Repository, target: Target) -> Target:
    """The upgrade, where the branch of its goal is there already: here, on `internal`, or both.

    What somebody has prepared there is gone on from, as long as it is a line of commits on the
    vendor's channel. Raises Refused where it is two different things.
    """
    here = repo.refs.get(HEADS + target.goal, "")
    there = repo.saved_branches.get(target.goal, "")
    own = [tip for tip in dict.fromkeys((here, there)) if tip and repo.own_commits(tip)]
    target = target._replace(goal_tip=here)
    if not own:  # nothing but the vendor's, which is kept under its own name
        return target
    tip = own[-1]
    if len(own) == 2 and not repo.git.is_ancestor(here, there):
        tip = here
        if not repo.git.is_ancestor(there, here) and not was_ours(repo, target.goal, there):
            raise Refused(
                f"{target.goal} here and on {repo.config.internal} have gone different ways",
                f"git switch {shell(target.goal)} && git ekf pull",
            )
    if not _stands_on_channel(repo, target, tip):
        return target._replace(replaced=tip)
    record = last_record_by_name(repo, target.goal)
    on_it = record and repo.git.commit(record.tagged) and repo.git.is_ancestor(record.tagged, tip)
    name = record.name if record and on_it else ""
    return target._replace(onto=tip, prepared=tip, record=name)


def _stands_on_channel(repo: Repository, target: Target, tip: str) -> bool:
    """Whether the commits up to a tip are a line on the channel of the goal.

    What the release that is left has as well is no such place: it may lack all of the new one.
    """
    commits = repo.own_commits(tip)
    if any(len(parents) != 1 for _, parents in commits):
        return False
    base = commits[-1][1][0]
    if not repo.git.is_ancestor(base, target.onto):
        return False
    return base == target.onto or not repo.git.is_ancestor(base, target.base)


def _recorded_bases(repo: Repository, branch: str, tip: str, claim: str) -> list[str]:
    """What was the tip of the branch's channel once, as far as that is recorded: object ids."""
    claimed = repo.git.commit(claim) if claim else None
    if claimed and repo.git.commits([claimed], globs=repo.vendor_globs(), at_most=1):
        claimed = None  # none of the vendor's, as a record made by hand may say
    record = last_record_by_name(repo, branch)
    said = parse(record.tag.message).get("Upstream SHA") if record and record.tag else None
    last = repo.git.commit(said) if said else None
    if record and last and last not in repo.channels.values() and _is_own(repo, record, last):
        last = None
    ref = repo.primary_prefix + branch
    recorded = [
        claimed,
        repo.refs.get(UPSTREAM + branch),
        "" if _has_only_grown(repo, ref) else repo.git.fork_point(ref, tip),
        last,
    ]
    return [commit for commit in dict.fromkeys(recorded) if commit]


def _has_only_grown(repo: Repository, ref: str) -> bool:
    """Whether its reflog, where git keeps that in a file, has a ref made and moved forward only.

    Then all that it was is below what it is, and tells no more than the merge base.
    """
    try:
        with open(os.path.join(repo.place.common_dir, "logs", ref), "rb") as file:
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return False
    last = "0" * len(repo.refs.get(ref, ""))
    for line in lines[:-1]:
        move, _, reason = line.partition("\t")
        old, new, *_ = *move.split(" "), ""
        if old != last or (old.strip("0") and not reason.endswith(": fast-forward")):
            return False
        last = new
    return last == repo.refs.get(ref)
