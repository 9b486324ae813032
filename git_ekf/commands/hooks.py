"""git ekf hooks: the client hooks of this repository."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf import shims
from git_ekf.commands.options import Force, Json
from git_ekf.errors import DONE, FINDINGS, Refused
from git_ekf.output import document, say
from git_ekf.repository import Repository

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Install, remove or look at the client hooks.")

Shared = Annotated[bool, typer.Option("--shared", help="Also into a core.hooksPath that other repositories use.")]


@app.command()
def install(shared: Shared = False, force: Force = False) -> None:
    """Install the hooks; one that is there is kept and runs first."""
    repo = Repository()
    repo.require_work_tree()
    target = shims.target(repo, shared=shared)
    if target.obstacle:
        raise Refused(f"hooks not installed: {target.obstacle}", target.hint)
    for change in shims.install(target.directory, force=force) or ["All hooks are in place; nothing was changed."]:
        say(change)


@app.command()
def uninstall(force: Force = False) -> None:
    """Remove the hooks and put back what was there before."""
    for change in shims.uninstall(shims.target(Repository()).directory, force=force) or ["No git-ekf hook is installed here."]:
        say(change)


@app.command()
def status(json: Json = False) -> int:
    """Show which hooks git will really run; exit with 1 when one of ours is not effective."""
    repo = Repository()
    states = shims.states(repo)
    target = shims.target(repo, shared=True)
    effective = all(state.state in ("ok", "chained") for state in states)
    if json:
        print(
            document(
                "hooks status",
                {
                    "directory": target.directory,
                    "obstacle": target.obstacle or None,
                    "effective": effective,
                    "hooks": [{**state._asdict(), "note": state.note or None} for state in states],
                },
            )
        )
        return DONE if effective else FINDINGS
    say(f"Hooks in {target.directory}")
    for state in states:
        say(f"  {state.hook:<16} {state.state:<10} {state.note}".rstrip())
    if not effective:
        say(f"{target.obstacle}: {target.hint}" if target.obstacle else "Put them right with: git ekf hooks install")
    return DONE if effective else FINDINGS
