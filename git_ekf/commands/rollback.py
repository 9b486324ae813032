"""git ekf rollback: back to a deploy record."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.commands.recovered import recovered
from git_ekf.deploy import read
from git_ekf.deploy.rollback import RollbackPlan, plan
from git_ekf.deploy.rollback import rollback as roll_back
from git_ekf.errors import UsageError
from git_ekf.repository import Repository
from git_ekf.terminal.text import say


def rollback(
    name: Annotated[str, typer.Argument(metavar="TAG", help="The deploy record to go back to.")],
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Say what would change, and change nothing.")
    ] = False,
) -> None:
    """Bring the configuration back to a deploy record, keeping history linear."""
    if not name:  # a variable of the shell that is not set; for `show` it is the newest record
        raise UsageError("the deploy record has to be named", "git ekf log lists them")
    repo = Repository() if dry_run else recovered()
    planned = plan(repo, read.find(repo, name))
    say(_sentence(planned, repo))
    if planned.action == "nothing":
        return
    stat = repo.git.diff_stat("HEAD", planned.deployment.commit)
    if stat:
        say(*stat.split("\n"))
    if dry_run:
        return
    commit = roll_back(repo, planned)
    say(f"On {planned.branch} at {commit[:7]}. To take it back: git ekf undo")
    say("Next: deploy it, then git ekf tag and git ekf save")


def _sentence(planned: RollbackPlan, repo: Repository) -> str:
    name, branch, here = planned.deployment.name, planned.branch, planned.here
    commit = planned.deployment.commit[:7]
    switch = f"HEAD goes from {here} to"
    match planned.action:
        case "nothing":
            return f"{branch} already has the files of {name}; nothing to do"
        case "switch":
            return f"{switch} {branch}, which has the files of {name}"
        case "create":
            upstream = f"{repo.config.primary}/{branch}"
            return f"Branch {branch} is made at {commit}, tracking {upstream}; {switch} it"
        case "forward":
            return f"Branch {branch} is moved up to {commit}; {switch} it"
    sentence = f"A new commit on {branch} with the files of {name}"
    return sentence if branch == here else f"{sentence}; {switch} it"
