"""Which commits go where.

The configuration commits of the branch checked out, and the vendor's commit they are to stand on.
"""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.background import Background
from git_ekf.errors import CallFailed, GitFailed, Refused, UsageError
from git_ekf.git.complaints import clash_in
from git_ekf.git.refs import HEADS, PICKS, UPSTREAM, backup_ref
from git_ekf.policy import judges
from git_ekf.policy.finding import Finding
from git_ekf.record import parse
from git_ekf.records import newest_record, unsaved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.free_names import require_free_names
from git_ekf.transaction.preconditions import release_branch, require_clean

UPGRADE = "upgrade"
SYNC = "sync"


class Target(NamedTuple):
    """`base..tip` are the configuration commits of `branch`.

    They go onto `onto`, the tip of the channel `goal`. `command` is upgrade (goal is a new local
    branch) or sync (goal is the branch itself). `rewritten`: the channel that the branch follows no
    longer has `base`.
    """

    command: str
    branch: str
    goal: str
    base: str
    tip: str
    onto: str
    rewritten: bool = False

    @property
    def nothing_new(self) -> bool:
        """Whether the commits stand where they are to go already."""
        return self.base == self.onto


def fetch(repo: Repository) -> None:
    """Fetches from the primary repository. Raises Refused without one, CallFailed."""
    primary = repo.config.primary
    if primary not in repo.remotes:
        raise Refused(f"there is no remote {primary}", "git ekf init --primary URL")
    try:
        repo.git.fetch(primary)
    except GitFailed as error:
        clash = clash_in(error.stderr)
        if clash:
            raise clash from None
        lines = [line for line in error.stderr.split("\n") if line.strip()]
        reason = lines[0].removeprefix("fatal: ") if lines else "it said nothing"
        raise CallFailed(
            f"{primary} cannot be fetched from: {reason}; nothing was changed",
            "--no-fetch goes by what is known here",
        ) from None


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
    return [first._replace(goal=goal, onto=repo.channels[goal]) for goal in newer]


def upgrade(repo: Repository, release: str | None = None) -> Target:
    """The upgrade to a release, or to the next one. Raises Refused, UsageError."""
    branch = release_branch(repo)
    if release is not None:
        return _target(repo, UPGRADE, branch, _goal(repo, branch, release))
    newer = _newer(repo, branch)
    if not newer:
        raise Refused(f"there is no channel newer than {branch}", _TRY_SYNC)
    return _target(repo, UPGRADE, branch, newer[0])


def sync(repo: Repository) -> Target:
    """The same channel, as it now is. Raises Refused."""
    branch = release_branch(repo)
    if branch not in repo.channels:
        primary = repo.config.primary
        raise Refused(
            f"{primary} has no {branch}: the channel is gone, or was never fetched",
            f"git fetch {shell(primary)}, or git ekf upgrade",
        )
    return _target(repo, SYNC, branch, branch)


_TRY_SYNC = "git ekf sync takes newer commits of the same channel"


def _newer(repo: Repository, branch: str) -> list[str]:
    """The channels above a branch, lowest first."""
    key = repo.config.scheme.key
    return [name for name in repo.channels if key(name) > key(branch)]


def _goal(repo: Repository, branch: str, release: str) -> str:
    """The channel of a release that somebody named. Raises Refused, UsageError."""
    scheme = repo.config.scheme
    goal = scheme.parse(release)
    if not goal:
        shown = release or "an empty argument"
        raise UsageError(f"{shown} is not a valid release", "git ekf releases lists them")
    if goal == branch:
        raise Refused(f"{branch} is checked out already", _TRY_SYNC)
    if scheme.key(goal) < scheme.key(branch):
        raise Refused(
            f"{goal} is older than {branch}", "git ekf rollback TAG goes back to a deploy record"
        )
    if goal not in repo.channels:
        raise Refused(f"{repo.config.primary} has no {goal}", "git ekf releases lists what it has")
    return goal


def _target(repo: Repository, command: str, branch: str, goal: str) -> Target:
    """Raises Refused where it is not known what the branch stands on.

    A rewritten channel still has a merge base with the branch, but an older one, or none. What the
    branch really stands on was recorded: in the reflog of the channel, in refs/ekf/upstream, in
    deploy records.
    """
    tip = repo.release_branches[branch]
    channel = repo.channel(branch)
    recorded = Background(lambda: _recorded_bases(repo, branch, tip))
    merge_base = repo.merge_base(channel, tip) if channel else None
    is_ancestor = repo.git.is_ancestor
    base = merge_base
    for commit in recorded.result():
        if commit in (base, channel) or not repo.git.commit(commit):
            continue
        if (base is None or is_ancestor(base, commit)) and is_ancestor(commit, tip):
            base = commit
    if base is None:
        primary = repo.config.primary
        why = f"it shares no history with {primary}/{branch}"
        hint = f"git fetch {shell(primary)}"
        if repo.place.shallow:
            why = "this clone is shallow"
            hint = repo.how_to_unshallow()
        raise Refused(f"what {branch} stands on is not known here: {why}", hint)
    return Target(command, branch, goal, base, tip, repo.channels[goal], base != merge_base)


def _recorded_bases(repo: Repository, branch: str, tip: str) -> list[str]:
    """What was the tip of the branch's channel once, as far as that is recorded: object ids."""
    record = newest_record(repo, branch)
    claim = parse(record.tag.message).get("Upstream SHA") if record and record.tag else None
    recorded = [
        repo.refs.get(UPSTREAM + branch),
        repo.git.fork_point(repo.primary_prefix + branch, tip),
        repo.git.commit(claim) if claim else None,
    ]
    return [commit for commit in dict.fromkeys(recorded) if commit]


# --- preconditions ---


def require_ready(repo: Repository, target: Target, *, save_check: bool, flatten: bool) -> None:
    """Raises Refused where carrying the commits over would not be safe."""
    require_clean(repo, untracked=False)
    require_linear(repo, target, flatten=flatten)
    require_names(repo, target)
    taken = taken_here(repo, target)
    if taken:
        raise taken
    if target.command == UPGRADE:
        _require_not_saved(repo, target.goal)
    for finding in policy_errors(repo):
        # Both are looked at here, in the light of what is to be done.
        excused = finding.rule == "linear-history" or (
            finding.rule == "branch-base" and target.rewritten
        )
        if not excused:
            raise Refused(
                f"the policy is broken ({finding.rule}: {finding.message})", "git ekf check"
            )
    if save_check:
        _require_saved(repo, target)


def policy_errors(repo: Repository) -> list[Finding]:
    """The rules of the policy that are broken, warnings left out."""
    findings = judges.judge_repository(repo, [])
    return [finding for finding in findings if finding.severity == "error"]


def _require_saved(repo: Repository, target: Target) -> None:
    saved_tip = repo.saved_branches.get(target.branch)
    if target.tip != saved_tip and not (saved_tip and repo.git.is_ancestor(target.tip, saved_tip)):
        raise _not_saved(repo, target.branch)
    unsaved = unsaved_records(repo, target.branch)
    if unsaved:
        raise _not_saved(repo, unsaved[-1])


def _not_saved(repo: Repository, name: str) -> Refused:
    return Refused(
        f"{name} is not saved to {repo.config.internal}", "git ekf save, or --no-save-check"
    )


def require_linear(repo: Repository, target: Target, *, flatten: bool) -> None:
    """Raises Refused for a merge among the configuration commits, unless they are flattened."""
    if flatten:
        return
    if target.rewritten:
        merges = repo.git.commits([target.tip], [target.base], merges=True)
    else:
        merges = [commit for commit, parents in repo.own_commits(target.tip) if len(parents) > 1]
    if merges:
        count = f"{len(merges)} merge commits are" if len(merges) > 1 else "a merge commit is"
        raise Refused(
            f"{count} among the configuration commits: {merges[0][:7]}",
            f"git ekf {target.command} --flatten --plan shows them as one line",
        )


def require_names(repo: Repository, target: Target) -> None:
    """Raises Refused where what it makes cannot have its name, whatever else is done before.

    A branch of that name is in the way for good where another work tree has it, or where all of
    the vendor's branches were made local ones: in a bare clone with work trees.
    """
    made = backup_ref(target.branch)
    if target.command == UPGRADE:
        made = HEADS + target.goal
        taken = taken_here(repo, target)
        if taken and (repo.git_flag("core.bare") or _work_tree(repo, target.goal)):
            raise taken
    require_free_names(repo, [made, PICKS + target.goal])


def taken_here(repo: Repository, target: Target) -> Refused | None:
    """The error where this clone has the new branch of an upgrade already, else None."""
    goal = target.goal
    if target.command != UPGRADE or HEADS + goal not in repo.refs:
        return None
    return Refused(f"{goal} exists here already", _make_room(repo, goal))


def _require_not_saved(repo: Repository, goal: str) -> None:
    if goal in repo.saved_branches:
        internal = repo.config.internal
        there = shell(repo.tracking(f"{internal}/{goal}"))
        raise Refused(
            f"{internal} has {goal} already: this cluster was upgraded elsewhere",
            f"git switch --track {there}, then: git ekf init",
        )


def _work_tree(repo: Repository, branch: str) -> str:
    """The work tree that has a branch checked out; "" where none has."""
    return repo.git.branches([HEADS + branch])[HEADS + branch].worktree


def _make_room(repo: Repository, branch: str) -> str:
    """The command for a branch that exists: to it where it holds anything, else without it."""
    worktree = _work_tree(repo, branch)
    if repo.git.commits([repo.refs[HEADS + branch]], globs=repo.vendor_globs(), at_most=1):
        return f"cd {shell(worktree)}" if worktree else f"git switch {shell(branch)}"
    # Not -d, which goes by what HEAD has. All of it is the vendor's, and stays under its name.
    leave = f"git -C {shell(worktree)} switch --detach && " if worktree else ""
    return f"{leave}git branch -D {shell(branch)}"
