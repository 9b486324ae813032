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
    say(_words(planned, repo))
    stat = repo.git.diff_stat("HEAD", planned.deployment.commit)
    if planned.how != "nothing" and stat:
        say(stat)
    if dry_run or planned.how == "nothing":
        return
    commit = roll_back(repo, planned)
    say(f"On {planned.branch} at {commit[:7]}. To take it back: git ekf undo")
    say("Next: deploy it, then git ekf tag and git ekf save")


def _words(planned: RollbackPlan, repo: Repository) -> str:
    name, branch = planned.deployment.name, planned.branch
    to = planned.deployment.commit[:7]
    primary = repo.config.primary
    return {
        "nothing": f"{branch} already has the files of {name}; nothing to do",
        "commit": f"A new commit on {branch} with the files of {name}"
        + ("" if branch == planned.here else f"; HEAD goes from {planned.here} to it"),
        "switch": f"HEAD goes from {planned.here} to {branch}, which has the files of {name}",
        "create": f"Branch {branch} is made at {to}, tracking {primary}/{branch}; HEAD goes from {planned.here} to it",
        "forward": f"Branch {branch} is moved up to {to}; HEAD goes from {planned.here} to it",
    }[planned.how]
