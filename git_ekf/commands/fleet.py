"""git ekf fleet: many clusters of one vendor, from one file that names them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from git_ekf.commands.fleet_options import (
    Executor,
    FleetFile,
    Jobs,
    Only,
    Where,
    planner_of,
    require_fetched,
)
from git_ekf.commands.fleet_resolve import resolve
from git_ekf.commands.fleet_upgrade import fetch_team, upgrade
from git_ekf.commands.options import Json
from git_ekf.commands.output.fleet import (
    about_fleet,
    content,
    print_begun,
    print_list,
    print_summary,
)
from git_ekf.errors import DONE, FAILED, FINDINGS, UsageError
from git_ekf.fleet.choosing import Choice, options_of, read_choice, require_any
from git_ekf.fleet.fetch import fetch
from git_ekf.fleet.file import FILE, Fleet, other_file, read_fleet
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.reported import fleet_report
from git_ekf.fleet.runs import begun_upgrades
from git_ekf.fleet.standing import Known, Standing, read_standings
from git_ekf.fleet.store import Store, open_store
from git_ekf.git.calls import leave_repository
from git_ekf.program import program
from git_ekf.report.file import require_place, write_report
from git_ekf.report.fleet_page import fleet_page
from git_ekf.report.page import import_jinja
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting, paged
from git_ekf.terminal.text import counted, document, say

if TYPE_CHECKING:
    from git_ekf.fleet.plan import FleetPlan
    from git_ekf.fleet.processes import Planner

app = program(
    no_args_is_help=True, help="Show where many clusters of one vendor stand, and upgrade them."
)

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
    """Show where many clusters of one vendor stand, and upgrade them."""


Output = Annotated[
    str,
    typer.Option(
        "-o", "--output", metavar="FILE", show_default=False, help="The page; - prints it."
    ),
]
PlanRelease = Annotated[
    str | None,
    typer.Option(
        "--plan", metavar="X.Y", help="Show also what an upgrade to this release would do."
    ),
]

Release = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RELEASE] [CLUSTER]...",
        show_default=False,
        help="Where to, without it each to its next release; and only these clusters.",
    ),
]
Whole = Annotated[
    bool, typer.Option("--list", help="Print all conflicts, and a line for each cluster.")
]


class _Look(NamedTuple):
    """What is known of a fleet since `begin`, when the command was started; the chosen clusters."""

    fleet: Fleet
    store: Store
    known: Known
    choice: Choice
    chosen: list[Standing]
    begin: float


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
    """Show what runs where, who lacks vendor commits, what is broken."""
    if json and (list_ or failed):
        raise UsageError("--json has all that --list and --failed print", "git ekf fleet status -h")
    require_pygit2()
    leave_repository()
    look = _look(file, where, only, asking=not no_fetch)
    chosen = look.chosen
    if failed:
        chosen = [one for one in chosen if one.failed]
    if json:
        print(
            document(
                "fleet status", content(look.fleet, look.store, look.known, chosen, look.begin)
            )
        )
    elif failed and not list_:
        say(*(one.member.name for one in chosen))
    elif list_:
        with paged():
            print_list(chosen)
    else:
        print_summary(look.fleet, look.known, chosen, look.begin)
        print_begun(look.fleet, begun_upgrades(look.store))
    return _code(look.known, chosen)


@app.command()
def plan(
    words: Release = None,
    file: FleetFile = FILE,
    where: Where = None,
    only: Only = None,
    list_: Whole = False,
    jobs: Jobs = None,
    executor: Executor = None,
    no_fetch: NoFetch = False,
    json: Json = False,
) -> int:
    """Say what an upgrade of all would do, and change nothing."""
    if json and list_:
        raise UsageError("--json has all that --list prints", "git ekf fleet plan -h")
    require_pygit2()
    leave_repository()
    from git_ekf.commands.output.fleet_plan import plan_content, print_plan
    from git_ekf.fleet.plan import is_release

    given = read_fleet(file)
    names = list(words or [])
    release = names.pop(0) if names and is_release(given, names[0]) else None
    asked = [*(words or []), *options_of(where or [], only or [])]
    again = ["git", "ekf", "fleet", "plan", *asked, *other_file(file)]
    with planner_of(jobs, executor, again) as planner:
        look = _look(file, where, [*(only or []), *names], asking=not no_fetch)
        require_any(given, look.choice, look.chosen)
        if not no_fetch:
            fetch_team(look.store, given)
        made = _plan(look, release, planner)
    if json:
        about = about_fleet(given, look.store, look.known, look.chosen, look.begin)
        print(document("fleet plan", plan_content(about, made, look.chosen)))
    else:
        with paged():
            print_plan(given, made, whole=list_, words=asked)
    if look.known.vendor.failure or any(one.failed for one in look.chosen):
        return FAILED
    return DONE if made.fine else FINDINGS


@app.command()
def report(
    file: FleetFile = FILE,
    where: Where = None,
    only: Only = None,
    output: Output = "fleet.html",
    release: PlanRelease = None,
    no_fetch: NoFetch = False,
) -> int:
    """Write a page of HTML about the fleet, by default fleet.html."""
    require_pygit2()
    import_jinja()
    again = [
        *options_of(where or [], only or []),
        *([] if release is None else ["--plan", release]),
    ]
    command = shell("git", "ekf", "fleet", "report", *other_file(file), *again)
    if output != "-":
        require_place(output, command)
    leave_repository()
    look = _look(file, where, only, asking=not no_fetch)
    if release is not None and not no_fetch:
        fetch_team(look.store, look.fleet)
    made = None if release is None else _plan(look, release)
    page = fleet_page(fleet_report(look.fleet, look.known, look.chosen, look.begin, made))
    if output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(page.encode())
    else:
        write_report(output, page, command)
        say(f"Wrote {output}: {counted(len(look.chosen), 'cluster')}")
    return _code(look.known, look.chosen)


def _plan(look: _Look, release: str | None, planner: Planner | None = None) -> FleetPlan:
    """The upgrade to a release, for None of each to its next one. Raises Refused, UsageError."""
    from git_ekf.fleet.plan import plan_fleet, require_release

    goal = require_release(look.fleet, look.known, release) if release is not None else ""
    return plan_fleet(look.store, look.fleet, look.chosen, goal, counting, planner)


app.command()(upgrade)
app.command()(resolve)


def _look(file: str, where: list[str] | None, only: list[str] | None, *, asking: bool) -> _Look:
    given = read_fleet(file)
    choice = read_choice(given, where or [], only or [])
    members = [member for member in given.members if choice.takes(member)]
    store = open_store(given)
    begin = time.time()
    if asking:
        fetch(store, given, counting, members)
    known = read_standings(store, given._replace(members=tuple(members)))
    require_fetched(known, file)
    chosen = [one for one in known.standings if choice.fits(one)]
    return _Look(given, store, known, choice, chosen, begin)


def _code(known: Known, chosen: list[Standing]) -> int:
    """The worst of what there is: somebody was not fetched, a rule is broken."""
    if known.vendor.failure or any(one.failed for one in chosen):
        return FAILED
    return FINDINGS if any(one.broken for one in chosen) else DONE
