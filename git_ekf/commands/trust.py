"""git ekf trust: the commands of the tracked configuration that may run here."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from git_ekf.commands.options import Yes
from git_ekf.config import FILE
from git_ekf.errors import Refused, UsageError
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted, say
from git_ekf.trust import Command, quoted, remembered, revoke, shipped, tracked
from git_ekf.trust import trust as remember


def trust(
    only_list: Annotated[
        bool,
        typer.Option("--list", help="List the commands and which are trusted; change nothing."),
    ] = False,
    forget: Annotated[
        bool, typer.Option("--revoke", help="Forget all commands that were trusted in this clone.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Allow the commands that the tracked configuration names to run."""
    if only_list and forget:
        raise UsageError("--list and --revoke exclude each other", "git ekf trust -h")
    repo = Repository()
    if forget:
        forgotten = revoke(repo)
        say(
            f"Forgot {counted(len(forgotten), 'command')}."
            if forgotten
            else "No command was trusted; nothing was changed."
        )
        return
    named, known = [*tracked(repo), *shipped(repo)], remembered(repo)
    new = [command for command in named if command not in known]
    _show(named, known, [command for command in known if command not in named] if only_list else [])
    if only_list or not new:
        return
    if not yes:
        _ask()
    remember(repo, new)
    say(f"Trusted in this clone: {counted(len(new), 'command')}.")


def _show(named: list[Command], known: list[Command], former: list[Command]) -> None:
    if not named:
        say(f"{FILE} names no command that needs trust.")
    else:
        say(
            f"{FILE}{' and the channels name' if any(len(command.words[0].split(':')) > 1 for command in named) else ' names'}:"
        )
        _rows([(command, "trusted" if command in known else "not trusted") for command in named])
    if former:
        say("Trusted, and no longer named there:")
        _rows([(command, "trusted") for command in former])


def _rows(rows: list[tuple[Command, str]]) -> None:
    width = max(len(command.section) for command, _ in rows)
    for command, state in rows:
        say(f"  {state:<11}  {command.section:<{width}}  {quoted(command.words)}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise Refused(
            "nobody is there to ask whether these commands may run", "git ekf trust --yes"
        )
    if not typer.confirm("They run with all your rights. Trust them?"):
        raise Refused("nothing was changed")
