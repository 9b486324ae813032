"""Which commits go where: the configuration commits of the branch checked out, and the vendor's commit they are to stand on."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.background import Background
from git_ekf.errors import CallFailed, GitFailed, Refused, UsageError
from git_ekf.git.refs import HEADS, UPSTREAM
from git_ekf.policy import judges
from git_ekf.record import parse
from git_ekf.records import newest_record, unsaved_records
from git_ekf.repository import Repository
from git_ekf.terminal.text import with_article
from git_ekf.transaction.journal import cut_off

UPGRADE = "upgrade"
SYNC = "sync"


class Target(NamedTuple):
    """`base..tip` are the configuration commits of `branch`; they go onto `onto`, the tip of the channel `goal`.

    `command` is upgrade (goal is a new local branch) or sync (goal is the branch itself). `rewritten`: the channel
    that the branch follows no longer has `base`.
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
        return self.base == self.onto


def fetch(repo: Repository) -> None:
    """Hears what is new of the primary repository. Raises CallFailed."""
    primary = repo.config.primary
    if primary not in repo.remotes:
        raise Refused(f"there is no remote {primary}", "git ekf init --primary URL")
    try:
        repo.git.fetch(primary)
    except GitFailed as error:
        said = next((line for line in error.stderr.splitlines() if line.strip()), "it said nothing")
        raise CallFailed(
            f"{primary} cannot be fetched from: {said.removeprefix('fatal: ')}; nothing was changed",
            "--no-fetch goes by what is known here",
        ) from None


def branch_here(repo: Repository) -> str:
    """The release branch checked out. Raises Refused."""
    repo.require_work_tree()
    interrupted = cut_off(repo)
    if interrupted:
        raise Refused(f"{with_article(interrupted)} was cut off", "git ekf undo")
    repo.require_no_operation()
    branch = repo.head_branch
    if branch is None or not repo.config.scheme.is_release(branch):
        raise Refused(
            "no release branch is checked out",
            f"git switch {next(reversed(repo.release_branches), 'release-X.Y')}",
        )
    if repo.head is None:
        raise Refused(f"{branch} has no commit yet", "git ekf status")
    return branch


def forecasts(repo: Repository) -> list[Target]:
    """Upgrades to every newer channel; none where no release branch is checked out."""
    branch = repo.head_branch
    if branch is None or not repo.config.scheme.is_release(branch) or repo.head is None:
        return []
    key = repo.config.scheme.key
    base, rewritten = _base(repo, branch)
    newer = {name: commit for name, commit in repo.channels.items() if key(name) > key(branch)}
    return [
        Target(UPGRADE, branch, name, base, repo.head, commit, rewritten)
        for name, commit in newer.items()
    ]


def upgrade(repo: Repository, release: str | None = None) -> Target:
    """The upgrade to a release, or to the next one. Raises Refused, UsageError."""
    branch = branch_here(repo)
    scheme = repo.config.scheme
    key = scheme.key
    newer = [name for name in repo.channels if key(name) > key(branch)]
    if release is not None:
        goal = scheme.parse(release) or ""
        if not goal:
            raise UsageError(
                f"{release or 'an empty argument'} is no release", "git ekf releases lists them"
            )
        if goal == branch:
            raise Refused(
                f"{branch} is checked out already",
                "git ekf sync takes newer commits of the same channel",
            )
        if key(goal) < key(branch):
            raise Refused(
                f"{goal} is older than {branch}",
                "git ekf rollback TAG goes back to a deploy record",
            )
        if goal not in repo.channels:
            raise Refused(
                f"{repo.config.primary} has no {goal}", "git ekf releases lists what it has"
            )
    elif newer:
        goal = newer[0]
    else:
        raise Refused(
            f"there is no channel newer than {branch}",
            "git ekf sync takes newer commits of the same channel",
        )
    base, rewritten = _base(repo, branch)
    return Target(
        UPGRADE, branch, goal, base, repo.release_branches[branch], repo.channels[goal], rewritten
    )


def sync(repo: Repository) -> Target:
    """The same channel, as it now is. Raises Refused."""
    branch = branch_here(repo)
    if branch not in repo.channels:
        primary = repo.config.primary
        raise Refused(
            f"{primary} has no {branch}: the channel is gone, or was never fetched",
            f"git fetch {primary}, or git ekf upgrade",
        )
    base, rewritten = _base(repo, branch)
    return Target(
        SYNC, branch, branch, base, repo.release_branches[branch], repo.channels[branch], rewritten
    )


def _base(repo: Repository, branch: str) -> tuple[str, bool]:
    """The vendor's commit that a branch stands on, and whether its channel has lost it. Raises Refused.

    A rewritten channel still has a merge base with the branch, but an older one, or none. What the branch
    really stands on was recorded: in the reflog of the channel, in refs/ekf/upstream, in deploy records.
    """
    tip, channel = repo.release_branches[branch], repo.channel(branch)
    recorded = Background(lambda: _recorded_bases(repo, branch, tip))
    base = repo.merge_base(channel, tip) if channel else None
    found = base
    for commit in recorded.result():
        if commit in (found, channel) or not repo.git.commit(commit):
            continue
        if (found is None or repo.git.is_ancestor(found, commit)) and repo.git.is_ancestor(
            commit, tip
        ):
            found = commit
    if found is None:
        hint = "git fetch --unshallow " if repo.place.shallow else "git fetch "
        why = (
            "this clone is shallow"
            if repo.place.shallow
            else f"it shares no history with {repo.config.primary}/{branch}"
        )
        raise Refused(
            f"what {branch} stands on is not known here: {why}", hint + repo.config.primary
        )
    return found, found != base


def _recorded_bases(repo: Repository, branch: str, tip: str) -> list[str]:
    """What was the tip of the branch's channel once, as far as that is remembered: object ids."""
    remembered = [repo.refs.get(UPSTREAM + branch, "")]
    remembered.append(repo.git.fork_point(repo.primary_prefix + branch, tip) or "")
    record = newest_record(repo, branch)
    claim = parse(record.tag.message).get("Upstream SHA") if record and record.tag else ""
    remembered.append((repo.git.commit(claim) if claim else "") or "")
    return [commit for commit in dict.fromkeys(remembered) if commit]


# --- preconditions ---


def require_ready(repo: Repository, target: Target, *, save_check: bool, flatten: bool) -> None:
    """Raises Refused where carrying the commits over would not be safe."""
    repo.require_clean(untracked=False)
    require_linear(repo, target, flatten=flatten)
    if target.command == UPGRADE:
        _require_new(repo, target.goal)
    judged_here = {"linear-history"} | ({"branch-base"} if target.rewritten else set())
    for finding in judges.judge_repository(repo, []):
        if finding.severity == "error" and finding.rule not in judged_here:
            raise Refused(
                f"the policy is broken ({finding.rule}: {finding.message})", "git ekf check"
            )
    _require_saved(repo, target, save_check=save_check)


def _require_saved(repo: Repository, target: Target, *, save_check: bool) -> None:
    there = repo.saved_branches.get(target.branch)
    if (
        save_check
        and target.tip != there
        and not (there and repo.git.is_ancestor(target.tip, there))
    ):
        raise Refused(
            f"{target.branch} is not saved to {repo.config.internal}",
            "git ekf save, or --no-save-check",
        )
    unsaved = unsaved_records(repo, target.branch)
    if save_check and unsaved:
        raise Refused(
            f"{unsaved[-1]} is not saved to {repo.config.internal}",
            "git ekf save, or --no-save-check",
        )


def require_linear(repo: Repository, target: Target, *, flatten: bool) -> None:
    """Raises Refused for a merge among the configuration commits."""
    if target.rewritten:
        merges = repo.git.commits([target.tip], [target.base], merges=True)
    else:
        merges = [commit for commit, parents in repo.own_commits(target.tip) if len(parents) > 1]
    if merges and not flatten:
        count = f"{len(merges)} merge commits are" if len(merges) > 1 else "a merge commit is"
        raise Refused(
            f"{count} among the configuration commits: {merges[0][:7]}",
            f"git ekf {target.command} --flatten --plan shows them as one line",
        )


def _require_new(repo: Repository, goal: str) -> None:
    if HEADS + goal in repo.refs:
        raise Refused(
            f"{goal} exists here already",
            f"git switch {goal}, or, if it holds nothing: git branch -d {goal}",
        )
    if goal in repo.saved_branches:
        internal = repo.config.internal
        raise Refused(
            f"{internal} has {goal} already: this cluster was upgraded elsewhere",
            f"git switch --track {internal}/{goal}, then: git ekf init",
        )
