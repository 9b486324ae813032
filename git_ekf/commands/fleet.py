"""git ekf fleet: many clusters of one vendor, from one file that names them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from git_ekf.commands.fleet_shown import content, print_list, print_summary
from git_ekf.commands.options import Json
from git_ekf.errors import DONE, FAILED, FINDINGS, Refused, UsageError
from git_ekf.fleet.choosing import read_choice
from git_ekf.fleet.fetch import fetch
from git_ekf.fleet.file import FILE, read_fleet
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.standing import Known, Standing, read_standings
from git_ekf.fleet.store import open_store
from git_ekf.git.calls import leave_repository
from git_ekf.program import program
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting, paged
from git_ekf.terminal.text import document, say

app = program(no_args_is_help=True, help="Show where many clusters of one vendor stand.")

FleetFile = Annotated[
    str,
    typer.Option(
        "--file", metavar="FILE", show_default=False, help="The fleet file, by default fleet.toml."
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Only those with this name, wave, branch, state, rule or label; may be repeated.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME|@FILE",
        help="Only this cluster, or those that a file names; may be repeated.",
    ),
]
Failed = Annotated[
    bool,
    typer.Option("--failed", help="Print only the names of those that are not known as they are."),
]
Listed = Annotated[bool, typer.Option("--list", help="Print a line for each cluster.")]
NoFetch = Annotated[
    bool, typer.Option("--no-fetch", help="Go by what is known here, and ask nobody.")
]


@app.callback()
def fleet() -> None:
    """Show where many clusters of one vendor stand."""


@app.command()
def status(
    file: FleetFile = FILE,
    where: Where = None,
    only: Only = None,
    list_: Listed = False,
    failed: Failed = False,
    no_fetch: NoFetch = False,
    json: Json = False,
) -> int:
    """Show which release runs where, who is behind, what is broken."""
    if json and (list_ or failed):
        raise UsageError("--json has all that --list and --failed print", "git ekf fleet status -h")
    require_pygit2()
    leave_repository()
    given = read_fleet(file)
    choice = read_choice(given, where or [], only or [])
    members = [member for member in given.members if choice.takes(member)]
    store = open_store(given)
    begin = time.time()
    if not no_fetch:
        fetch(store, given, counting, members)
    known = read_standings(store, given._replace(members=tuple(members)))
    if not known.vendor.seconds:
        other = [] if file == FILE else ["--file", file]
        asking = shell("git", "ekf", "fleet", "status", *other)
        raise Refused("nothing is known of this fleet yet", asking)
    chosen = [one for one in known.standings if choice.fits(one)]
    if failed:
        chosen = [one for one in chosen if one.failed]
    if json:
        print(document("fleet status", content(given, store, known, chosen, begin)))
    elif failed and not list_:
        say(*(one.member.name for one in chosen))
    elif list_:
        with paged():
            print_list(chosen)
    else:
        print_summary(given, known, chosen, begin)
    return _code(known, chosen)


def _code(known: Known, chosen: list[Standing]) -> int:
    """The worst of what there is: somebody was not heard, a rule is broken."""
    if known.vendor.failure or any(one.failed for one in chosen):
        return FAILED
    return FINDINGS if any(one.broken for one in chosen) else DONE
