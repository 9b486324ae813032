"""git ekf init: the same set-up for a clone that exists."""

from __future__ import annotations

from typing import Annotated

from git_ekf.commands.consent import require_consent
from git_ekf.commands.internal_asked import note_answer
from git_ekf.commands.options import Release, Yes
from git_ekf.declared import Option
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.internal import ask, can_be_asked
from git_ekf.repository import Repository
from git_ekf.setup.init import in_two_goes, plan, prepare
from git_ekf.setup.remotes import plan_roles
from git_ekf.setup.steps import SetupStep, run
from git_ekf.terminal.screen import transfer_progress
from git_ekf.terminal.text import say


def init(
    primary: Annotated[
        str,
        Option(metavar="URL", help="The vendor's repository, or your mirror of it."),
    ] = "",
    internal: Annotated[str, Option(metavar="URL", help="The cluster's own repository.")] = "",
    release: Release = "",
    yes: Yes = False,
) -> None:
    """Set up an existing clone; safe to run again at any time."""
    git = Git(progress=transfer_progress())
    repo = Repository(git)
    repo.require_work_tree()
    if repo.operation:
        raise Refused(
            f"a {repo.operation} is in progress",
            f"finish it (git status shows how) or git {repo.operation} --abort, then: git ekf init",
        )
    roles = plan_roles(repo, primary, internal)
    repo = prepare(repo, roles)
    steps = plan(repo, roles, release)
    if not steps:
        say("Everything is in place; nothing was changed.")
        return
    _carry_out(steps, yes)
    if in_two_goes(repo, roles):
        repo = repo.fresh()
        _carry_out(plan(repo, plan_roles(repo, primary, internal), release), yes)
    repo = repo.fresh()
    if can_be_asked(repo):
        note_answer(repo, ask(repo))
    say("Next: git ekf status")


def _carry_out(steps: list[SetupStep], yes: bool) -> None:
    if any(step.asks for step in steps) and not yes:
        say("This will happen:")
        for step in steps:
            say(f"  {step.done}")
        require_consent(
            "Go ahead?",
            unasked="this renames or moves what you made, and nobody is there to ask",
            hint="git ekf init --yes with the same options",
        )
    for done in run(steps):
        say(f"  {done}")
