"""git ekf hooks: the hooks of a clone, and the one of a server."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from git_ekf.commands.options import Force, Json
from git_ekf.errors import DONE, FINDINGS, Refused, UsageError
from git_ekf.hooks import installer, servers, shims
from git_ekf.hooks.directory import hooks_directory
from git_ekf.repository import Repository
from git_ekf.terminal.text import document, say

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Install, remove or look at the hooks.",
)

Server = Annotated[
    bool,
    typer.Option(
        "--server", help="The hook of a bare repository, which judges what is pushed to it."
    ),
]
Shared = Annotated[
    bool,
    typer.Option("--shared", help="Also into a directory of hooks that other repositories use."),
]
GitDir = Annotated[
    str | None,
    typer.Argument(
        metavar="[GITDIR]", help="With --server: the bare repository; with --shared the directory."
    ),
]


@app.command()
def install(
    git_dir: GitDir = None, server: Server = False, shared: Shared = False, force: Force = False
) -> None:
    """Install the hooks; one that is there is kept and runs first."""
    if server:
        return _install_on_server(git_dir, shared=shared, force=force)
    _require_server(git_dir)
    repo = Repository()
    repo.require_work_tree()
    target = hooks_directory(repo, shared=shared)
    if target.obstacle:
        raise Refused(f"hooks not installed: {target.obstacle}", target.hint)
    for change in installer.install(target.directory, force=force) or [
        "All hooks are in place; nothing was changed."
    ]:
        say(change)
    return None


@app.command()
def uninstall(
    git_dir: GitDir = None, server: Server = False, shared: Shared = False, force: Force = False
) -> None:
    """Remove the hooks and put back what was there before."""
    if server:
        place = _server_place(git_dir, shared=shared)[1]
        changes = installer.uninstall(place.directory, (place.name,), force=force)
    else:
        _require_server(git_dir)
        changes = installer.uninstall(hooks_directory(Repository()).directory, force=force)
    for change in changes or ["No git-ekf hook is installed here."]:
        say(change)


def _require_server(git_dir: str | None) -> None:
    if git_dir is not None:
        raise UsageError(
            f"{git_dir}: a repository is named only with --server",
            f"git ekf hooks install --server {shlex.quote(git_dir)}",
        )


def _server_place(
    git_dir: str | None, *, shared: bool
) -> tuple[Repository | None, servers.ServerHook]:
    if not shared:
        return servers.in_repository(git_dir)
    if git_dir is None:
        raise UsageError(
            "--shared needs the directory of hooks", "git ekf hooks install --server --shared DIR"
        )
    return None, servers.in_shared(git_dir)


def _install_on_server(git_dir: str | None, *, shared: bool, force: bool) -> None:
    repo, place = _server_place(git_dir, shared=shared)
    if place.obstacle:
        raise Refused(f"hook not installed: {place.obstacle}", place.hint)
    changes = installer.install(place.directory, (place.name,), force=force)
    for change in changes or ["The hook is in place; nothing was changed."]:
        say(change)
    say(f"It is {place.path}")
    for line in servers.advice(repo) if repo else []:
        say(line)
    if place.then:
        say(f"Next: {place.then}")


@app.command()
def status(git_dir: GitDir = None, server: Server = False, json: Json = False) -> int:
    """Show which hooks git really runs; exit with 1 if ours do not."""
    if server:
        place = servers.in_repository(git_dir)[1]
        return _show(
            [shims.state(place.path, place.name)],
            place.directory,
            "",
            "git ekf hooks install --server",
            json=json,
        )
    _require_server(git_dir)
    repo = Repository()
    target = hooks_directory(repo, shared=True)
    return _show(
        shims.states(repo),
        target.directory,
        target.obstacle,
        target.hint or "git ekf hooks install",
        json=json,
    )


def _show(
    states: list[shims.HookStatus], directory: str, obstacle: str, fix: str, *, json: bool
) -> int:
    effective = all(state.state in ("ok", "chained") for state in states)
    if json:
        print(
            document(
                "hooks status",
                {
                    "directory": directory,
                    "obstacle": obstacle or None,
                    "effective": effective,
                    "hooks": [{**state._asdict(), "note": state.note or None} for state in states],
                },
            )
        )
        return DONE if effective else FINDINGS
    say(f"Hooks in {directory}")
    for state in states:
        say(f"  {state.hook:<16} {state.state:<10} {state.note}".rstrip())
    if not effective:
        say(f"{obstacle}: {fix}" if obstacle else f"Put them right with: {fix}")
    return DONE if effective else FINDINGS
