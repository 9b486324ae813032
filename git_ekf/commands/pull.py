"""git ekf pull: what internal has of the cluster and this clone lacks."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated

from git_ekf.cluster import cluster_of
from git_ekf.commands.internal_asked import fetch_both, runs, with_answer
from git_ekf.commands.output.upgrade import show_outcome
from git_ekf.commands.output.upgrade_plan import plan_as_json, say_rewritten, show_plan
from git_ekf.commands.records_kept import note, with_records
from git_ekf.commands.recovered import recovered
from git_ekf.commands.upgrade_options import Request, how_to_go_on, with_request
from git_ekf.commands.upgrade_or_sync import go_on
from git_ekf.declared import Option
from git_ekf.deploy.renumber import renumber
from git_ekf.errors import DONE, CallFailed, Refused, UsageError
from git_ekf.records import record_names
from git_ekf.repository import Repository
from git_ekf.setup.branches import bring_branches
from git_ekf.shown import shell
from git_ekf.terminal.text import counted, document, say
from git_ekf.transaction.perform import exclusive, perform
from git_ekf.transaction.preconditions import release_branch, require_clean
from git_ekf.upgrade import target as targets
from git_ekf.upgrade.carry import carry_out
from git_ekf.upgrade.plan import UpgradePlan
from git_ekf.upgrade.work import Options


@with_request("plan", "json", "proceed", "skip", "abort", "no_fetch")
def pull(
    request: Request,
    switch: Annotated[
        bool, Option("--switch", help="Go to the release that the cluster runs.")
    ] = False,
) -> int:
    """Take what internal has and this clone lacks, your unsaved commits on top of it."""
    request = request._replace(no_build=True)
    how = how_to_go_on("pull", request)
    if how:
        if switch or request.plan or request.json:
            raise UsageError(f"--{how} goes with no other option", f"git ekf pull --{how}")
        return go_on(recovered(), how, request, "pull")
    only_plans = request.plan or request.json
    repo = with_records() if only_plans else recovered()
    branch = release_branch(repo)
    if not request.no_fetch:
        repo = _asked(repo)
    if switch and not only_plans:
        _require_way(repo, branch, {*repo.release_branches, *repo.saved_branches})
    target = targets.pull(repo)
    options = Options(save_check=False)
    if only_plans and target:
        return show_plan(repo, target, options, "", json=request.json)
    if request.json:
        tip = repo.release_branches[branch]
        nothing = targets.Target(targets.PULL, branch, branch, tip, tip, tip)
        print(document("pull", plan_as_json(repo, UpgradePlan(nothing, []))))
        return DONE
    if only_plans:
        say(f"{branch} has all that {repo.config.internal} has of it.")
        return DONE
    for old, new in renumber(repo):
        say(f"{old} is somebody else's on {repo.config.internal}; yours is {new} now.")
    for sentence in bring_branches(repo):
        say(sentence)
    repo = repo.fresh()
    code = DONE
    if target:
        say_rewritten(repo, target)
        code = show_outcome(repo, carry_out(repo, target, options), request)
        repo = repo.fresh()
    elif branch in repo.saved_branches:
        say(f"{branch} has all that {repo.config.internal} has of it.")
    else:
        say(f"{repo.config.internal} has no {branch} yet: git ekf save puts it there.")
    if code == DONE:
        _end(repo, branch, switch=switch, goes_on=target is not None)
    return code


def _asked(repo: Repository) -> Repository:
    """The repository with all that `internal` has. Raises Refused without one, CallFailed."""
    internal = repo.config.internal
    if internal not in repo.remotes:
        raise Refused(f"there is no remote {internal}", "git ekf init --internal URL")
    known = len(record_names(repo))
    answer = fetch_both(repo, tolerant=True)
    if answer is None:
        raise Refused(f"{internal} is the vendor's repository", "git ekf check")
    if answer.failure:
        raise CallFailed(
            f"{internal} cannot be asked: {answer.failure}; nothing was changed",
            f"git ls-remote {shell(internal)}",
        )
    repo = with_answer(repo, answer)
    new = len(record_names(repo)) - known
    if new:
        note(f"{counted(new, 'deploy record')} from {internal}")
    return repo


def _require_way(repo: Repository, here: str, branches: Container[str]) -> None:
    """Raises Refused where one cannot go to the release that runs, from the branch `here`."""
    cluster = cluster_of(repo)
    running = cluster.running
    if running is None or running.branch == here:
        return
    if running.branch not in branches:
        raise Refused(
            f"{runs(cluster)}, and no branch {running.branch} is known here or on"
            f" {repo.config.internal}",
            f"git ekf rollback {shell(str(running.name))}",
        )
    require_clean(repo, untracked=False)


def _end(repo: Repository, branch: str, *, switch: bool, goes_on: bool) -> None:
    """Says what the cluster runs; goes there where that is another release, and asked for.

    `goes_on`: after a pull that has moved the branch, with which it is undone.
    """
    cluster = cluster_of(repo)
    if cluster.running is None:
        return
    if cluster.running.branch == branch:
        say(f"{runs(cluster)}.")
    elif switch:
        _require_way(repo, branch, repo.release_branches)
        with exclusive(repo) as journal:
            perform(repo, journal, "pull", [], cluster.running.branch, goes_on=goes_on)
        say(f"{runs(cluster)}; you are on it now.")
    else:
        say(f"{runs(cluster)}; this is {branch}. To go there: git ekf pull --switch")
