"""git ekf trust: the commands of the tracked configuration that may run here."""

from __future__ import annotations

from typing import Annotated

from git_ekf.cluster import deployed_commit
from git_ekf.commands.consent import require_consent
from git_ekf.commands.options import Yes
from git_ekf.config import FILE
from git_ekf.declared import Argument, Option
from git_ekf.errors import UsageError
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import counted, say
from git_ekf.trust import Command, remembered, revoke, shipped, tracked
from git_ekf.trust import trust as remember


def trust(
    revisions: Annotated[
        list[str] | None,
        Argument(
            metavar="[REVISION]...",
            help="Commits whose versions of the files that commands run are listed too.",
        ),
    ] = None,
    only_list: Annotated[
        bool,
        Option("--list", help="List the commands and which are trusted; change nothing."),
    ] = False,
    forget: Annotated[
        bool, Option("--revoke", help="Forget all commands that were trusted in this clone.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Allow the commands that the tracked configuration names to run."""
    if only_list and forget:
        raise UsageError("--list and --revoke exclude each other", "git ekf trust -h")
    if forget and revisions:
        raise UsageError("--revoke forgets all, whatever revision", "git ekf trust --revoke")
    repo = Repository()
    if forget:
        forgotten = revoke(repo)
        if forgotten:
            say(f"Forgot {counted(len(forgotten), 'command')}.")
        else:
            say("No command was trusted; nothing was changed.")
        return
    from_channels = shipped(repo)
    others = [_commit(repo, revision) for revision in revisions or []]
    named = tracked(repo, deployed_commit(repo), others) + from_channels
    trusted = remembered(repo)
    if named:
        say(f"{FILE} and the channels name:" if from_channels else f"{FILE} names:")
        _list(named, trusted)
    else:
        say(f"{FILE} names no command that needs trust.")
    former = [command for command in trusted if command not in named]
    if only_list and former:
        say("Trusted, and no longer named there:")
        _list(former, trusted)
    new = [command for command in named if command not in trusted]
    if only_list or not new:
        return
    if not yes:
        require_consent(
            "They run with all your rights. Trust them?",
            unasked="nobody is there to ask whether these commands may run",
            hint="git ekf trust --yes",
        )
    remember(repo, new)
    say(f"Trusted in this clone: {counted(len(new), 'command')}.")


def _commit(repo: Repository, revision: str) -> str:
    commit = repo.git.commit(revision)
    if not commit:
        raise UsageError(f"{revision} names no commit", "git ekf log lists the deploy records")
    return commit


def _list(commands: list[Command], trusted: list[Command]) -> None:
    width = max(len(command.section) for command in commands)
    for command in commands:
        state = "trusted" if command in trusted else "not trusted"
        say(f"  {state:<11}  {command.section:<{width}}  {shell(*command.words)}")
