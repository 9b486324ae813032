"""What has to be so before commits are carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, PICKS, backup_ref
from git_ekf.internal import require_current
from git_ekf.records import unsaved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.free_names import require_free
from git_ekf.transaction.moves import moved
from git_ekf.transaction.preconditions import require_clean
from git_ekf.upgrade.target import PULL, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.policy.finding import Finding
    from git_ekf.upgrade.work import Options


def require_ready(repo: Repository, target: Target, options: Options) -> None:
    """Raises Refused where carrying the commits over would not be safe."""
    ref = HEADS + target.branch
    branches, around = repo.git.branches_and_around([ref], names_made(target))
    here = branches.get(ref)
    if not (here and here.is_here and here.commit == target.tip):
        raise moved(ref)
    require_clean(repo, untracked=False)
    if not options.flatten:
        require_linear(repo, target, options.given)
    require_names(repo, target, around)
    # Looked at here, in the light of what is to be done.
    excused = {"linear-history"}
    if target.rewritten:
        excused.add("branch-base")
    if options.flatten:
        from git_ekf.replay.one_line import merges_other_releases

        # The line stands on the channel only, where no merge has brought anything else.
        channel = repo.channel(target.branch) or target.onto
        if not merges_other_releases(repo, target.base, target.tip, channel):
            excused.add("branch-base")
    if target.command == PULL:  # which brings it
        excused.add("branch-configuration")
    for finding in policy_errors(repo):
        if finding.rule not in excused:
            raise Refused(
                f"the policy is broken ({finding.rule}: {finding.message})", "git ekf check"
            )
    if target.command != PULL:
        require_current(repo, target.branch, "nothing was changed", goal=target.goal)
    if options.save_check:
        require_saved(repo, target)


def policy_errors(repo: Repository) -> list[Finding]:
    """The rules of the policy that are broken, warnings left out."""
    from git_ekf.policy import judges  # 5 ms, which a plan does without

    return [one for one in judges.judge_repository(repo, []) if one.severity == "error"]


def require_saved(repo: Repository, target: Target) -> None:
    """Raises Refused where the branch or a record of it is not on `internal`."""
    saved_tip = repo.saved_branches.get(target.branch)
    unsaved = [target.branch]
    if saved_tip and (target.tip == saved_tip or repo.git.is_ancestor(target.tip, saved_tip)):
        unsaved = unsaved_records(repo, target.branch)
    if unsaved:
        raise Refused(
            f"{unsaved[-1]} is not saved to {repo.config.internal}",
            "git ekf save, or --no-save-check",
        )


def require_linear(repo: Repository, target: Target, given: str = "") -> None:
    """Raises Refused for a merge among the configuration commits; `given`: see Options."""
    if target.rewritten:
        merges = repo.git.commits([target.tip], [target.base], merges=True)
    else:
        merges = [commit for commit, parents in repo.own_commits(target.tip) if len(parents) > 1]
    if merges:
        count = f"{len(merges)} merge commits are" if len(merges) > 1 else "a merge commit is"
        raise Refused(
            f"{count} among the configuration commits: {merges[0][:7]}",
            f"git ekf {target.command}{given} --flatten --plan shows them as one line",
        )


def names_made(target: Target) -> list[str]:
    """The refs that it makes, or may make."""
    made = [PICKS + target.goal]
    if target.command != UPGRADE or target.replaced:
        made.append(backup_ref(target.goal))
    if target.command == UPGRADE and not target.goal_tip:
        made.append(HEADS + target.goal)
    return made


def require_names(
    repo: Repository, target: Target, around: dict[str, list[str]] | None = None
) -> None:
    """Raises Refused where what it makes cannot have its name, whatever else is done before.

    `around`: the refs around those that it makes (`names_made`), where they are known. A branch of
    that name is in the way where another work tree has it, or where all of the vendor's branches
    were made local ones: in a bare clone with work trees.
    """
    if target.command == UPGRADE and target.goal_tip:
        ref = HEADS + target.goal
        worktree = repo.git.branches([ref])[ref].worktree
        if worktree or repo.git_flag("core.bare"):
            where = f"is checked out in {worktree}" if worktree else "exists here already"
            raise Refused(f"{target.goal} {where}", _make_room(repo, target.goal, worktree))
    require_free(repo, repo.git.refs_around(names_made(target)) if around is None else around)


def _make_room(repo: Repository, branch: str, worktree: str) -> str:
    """The command for a branch that exists: to it where it holds anything, else without it.

    `worktree` is the work tree that has it checked out; "" where none has.
    """
    if repo.git.commits([repo.refs[HEADS + branch]], globs=repo.vendor_globs(), at_most=1):
        return f"cd {shell(worktree)}" if worktree else f"git switch {shell(branch)}"
    # Not -d, which goes by what HEAD has. All of it is the vendor's, and stays under its name.
    leave = f"git -C {shell(worktree)} switch --detach && " if worktree else ""
    return f"{leave}git branch -D {shell(branch)}"
