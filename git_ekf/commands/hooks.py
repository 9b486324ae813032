"""git ekf hooks: the hooks of a clone, and the one of a server."""

from __future__ import annotations

from typing import Annotated

from git_ekf.commands.options import Force, Json
from git_ekf.declared import Argument, Option
from git_ekf.errors import DONE, FINDINGS, Refused, UsageError
from git_ekf.hooks import installer, servers, shims
from git_ekf.hooks.directory import HooksDirectory, hooks_directory
from git_ekf.program import program
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import document, nullable, say

app = program(no_args_is_help=True, help="Install, remove or look at the hooks.")

Server = Annotated[
    bool,
    Option("--server", help="The hook of a bare repository, which judges what is pushed to it."),
]
Shared = Annotated[
    bool,
    Option("--shared", help="Also into a directory of hooks that other repositories use."),
]
GitDir = Annotated[
    str | None,
    Argument(
        metavar="[GITDIR]", help="With --server: the bare repository; with --shared the directory."
    ),
]


@app.command()
def install(
    git_dir: GitDir = None, server: Server = False, shared: Shared = False, force: Force = False
) -> None:
    """Install the hooks; one that is there is kept and runs first."""
    if server:
        _install_on_server(git_dir, shared=shared, force=force)
        return
    _require_server(git_dir)
    repo = Repository()
    repo.require_work_tree()
    target = hooks_directory(repo, shared=shared)
    if target.obstacle:
        raise Refused(f"hooks not installed: {target.obstacle}", target.hint)
    changes = installer.install(target.directory, force=force)
    say(*changes or ["All hooks are in place; nothing was changed."])


def _install_on_server(git_dir: str | None, *, shared: bool, force: bool) -> None:
    repo, hook = _server_hook(git_dir, shared=shared)
    if hook.obstacle:
        raise Refused(f"hook not installed: {hook.obstacle}", hook.hint)
    changes = installer.install(hook.directory, (hook.name,), force=force)
    say(*changes or ["The hook is in place; nothing was changed."])
    say(f"It is {hook.path}")
    for line in servers.advice(repo) if repo else []:
        say(line)
    if hook.then:
        say(f"Next: {hook.then}")


@app.command()
def uninstall(
    git_dir: GitDir = None, server: Server = False, shared: Shared = False, force: Force = False
) -> None:
    """Remove the hooks and put back what was there before."""
    if server:
        hook = _server_hook(git_dir, shared=shared)[1]
        changes = installer.uninstall(hook.directory, (hook.name,), force=force)
    else:
        _require_server(git_dir)
        changes = installer.uninstall(hooks_directory(Repository()).directory, force=force)
    say(*changes or ["No git-ekf hook is installed here."])


@app.command()
def status(git_dir: GitDir = None, server: Server = False, json: Json = False) -> int:
    """Show which hooks git really runs; exit with 1 if ours do not."""
    obstacle = ""
    if server:
        hook = servers.in_repository(git_dir)[1]
        states = [shims.state(hook.path, hook.name)]
        directory, fix = hook.directory, "git ekf hooks install --server"
    else:
        _require_server(git_dir)
        repo = Repository()
        states = shims.states(repo)
        directory, obstacle, fix, *_ = hooks_directory(repo, shared=True)
    effective = all(state.state in ("ok", "chained") for state in states)
    if json:
        content = {
            "directory": directory,
            "obstacle": obstacle or None,
            "effective": effective,
            "hooks": [nullable(state) for state in states],
        }
        print(document("hooks status", content))
    else:
        say(f"Hooks in {directory}")
        for state in states:
            say(f"  {state.hook:<16} {state.state:<10} {state.note}".rstrip())
        if not effective:
            fix = fix or "git ekf hooks install"
            say(f"{obstacle}: {fix}" if obstacle else f"Put them right with: {fix}")
    return DONE if effective else FINDINGS


def _require_server(git_dir: str | None) -> None:
    """Raises UsageError for a repository that is named without --server."""
    if git_dir is not None:
        raise UsageError(
            f"{git_dir}: a repository is named only with --server",
            f"git ekf hooks install --server {shell(git_dir)}",
        )


def _server_hook(git_dir: str | None, *, shared: bool) -> tuple[Repository | None, HooksDirectory]:
    """The repository, where there is one alone, and its hook. Raises Refused or UsageError."""
    if not shared:
        return servers.in_repository(git_dir)
    if git_dir is None:
        raise UsageError(
            "--shared needs the directory of hooks", "git ekf hooks install --server --shared DIR"
        )
    return None, servers.in_shared(git_dir)
