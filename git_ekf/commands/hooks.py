"""git ekf hooks: the client hooks of this repository."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf import shims
from git_ekf.commands.options import Force, Json
from git_ekf.errors import DONE, FINDINGS, Refused
from git_ekf.output import document, say
from git_ekf.repository import Repository

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Install, remove or look at the client hooks.")

Shared = Annotated[bool, typer.Option("--shared", help="Also into a core.hooksPath that other repositories use.")]


@app.command()
def install(shared: Shared = False, force: Force = False) -> None:
    """Install the hooks; one that is there is kept and runs first."""
    target = shims.target(Repository(), shared=shared)
    if target.obstacle:
        raise Refused(f"hooks not installed: {target.obstacle}", target.hint)
    for change in shims.install(target.directory, force=force) or ["All hooks are in place; nothing was changed."]:
        say(change)


@app.command()
def uninstall(force: Force = False) -> None:
    """Remove the hooks and put back what was there before."""
    for change in shims.uninstall(Repository().place.hooks_dir, force=force) or ["No git-ekf hook is installed here."]:
        say(change)


@app.command()
def status(json: Json = False) -> int:
    """Show which hooks git will really run; exit with 1 when one of ours is not effective."""
    repo = Repository()
    states = shims.states(repo)
    target = shims.target(repo, shared=True)
    effective = all(state.state in ("ok", "chained") for state in states) and "switched off" not in target.obstacle
    if json:
        print(
            document(
                "hooks status",
                {
                    "directory": target.directory,
                    "obstacle": target.obstacle,
                    "effective": effective,
                    "hooks": [state._asdict() for state in states],
                },
            )
        )
        return DONE if effective else FINDINGS
    say(f"Hooks in {target.directory}")
    for state in states:
        say(f"  {state.hook:<16} {state.state:<10} {state.note}".rstrip())
    if target.obstacle:
        say(f"{target.obstacle}: {target.hint}")
    elif not effective:
        say("Put them right with: git ekf hooks install")
    return DONE if effective else FINDINGS
