"""git ekf fleet: many clusters of one vendor, from one file that names them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from git_ekf.commands.fleet_options import (
    FleetFile,
    NoFetch,
    Only,
    Where,
    fetch_team,
    fleet_of,
    read_known,
)
from git_ekf.commands.fleet_resolve import resolve
from git_ekf.commands.fleet_upgrade import upgrade
from git_ekf.commands.options import Json
from git_ekf.commands.output.fleet import (
    FleetLook,
    about_fleet,
    print_list,
    print_summary,
    status_content,
)
from git_ekf.commands.records_kept import note
from git_ekf.errors import DONE, FAILED, FINDINGS, UsageError
from git_ekf.fleet.choosing import options_of, read_choice, require_any
from git_ekf.fleet.fetch import fetch
from git_ekf.fleet.file import FILE, Fleet, other_file
from git_ekf.fleet.reported import fleet_report
from git_ekf.fleet.store import open_store
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

app = program(no_args_is_help=True)


@app.callback()
def fleet() -> None:
    """Show where many clusters of one vendor stand, and upgrade them."""


@app.command()
def status(
    file: FleetFile = FILE,
    where: Where = None,
    only: Only = None,
    list_: Annotated[bool, typer.Option("--list", help="Print a line for each cluster.")] = False,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed", help="Print only the names of those that are not known as they are."
        ),
    ] = False,
    no_fetch: NoFetch = False,
    json: Json = False,
) -> int:
    """Show what runs where, who lacks vendor commits, what is broken."""
    if json and (list_ or failed):
        raise UsageError("--json has all that --list and --failed print", "git ekf fleet status -h")
    look = _look(fleet_of(file), where, only, asking=not no_fetch)
    if failed:
        look = look._replace(chosen=[one for one in look.chosen if one.failed])
    if json:
        print(document("fleet status", status_content(look)))
    elif list_:
        with paged():
            print_list(look.chosen)
    elif failed:
        say(*(one.member.name for one in look.chosen))
    else:
        print_summary(look)
    return _code(look, fine=not any(one.broken for one in look.chosen))


@app.command()
def plan(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RELEASE] [CLUSTER]...",
            help="Where to, without it each to its next release; and only these clusters.",
        ),
    ] = None,
    file: FleetFile = FILE,
    where: Where = None,
    only: Only = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Print all conflicts, and a line for each cluster.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Plan in N processes; by default one for each processor."
        ),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Plan by the workers of this Dask cluster: tls://HOST:8786."
        ),
    ] = None,
    no_fetch: NoFetch = False,
    json: Json = False,
) -> int:
    """Say what an upgrade of all would do, and change nothing."""
    if json and list_:
        raise UsageError("--json has all that --list prints", "git ekf fleet plan -h")
    fleet = fleet_of(file)
    from git_ekf.commands.output.fleet_plan import plan_content, print_plan
    from git_ekf.fleet.plan import is_release

    names = list(words or [])
    release = names.pop(0) if names and is_release(fleet, names[0]) else None
    asked = [*(words or []), *options_of(where or [], only or [])]
    again = ["git", "ekf", "fleet", "plan", *asked, *other_file(file)]
    with _planner(jobs, executor, again) as planner:
        look = _look(fleet, where, [*(only or []), *names], asking=not no_fetch)
        require_any(fleet, look.choice, look.chosen)
        made = _plan(look, release, planner)
    if json:
        print(document("fleet plan", plan_content(about_fleet(look), made, look.chosen)))
    else:
        with paged():
            print_plan(fleet, made, whole=list_, words=asked)
    return _code(look, fine=made.fine)


@app.command()
def report(
    file: FleetFile = FILE,
    where: Where = None,
    only: Only = None,
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="FILE", show_default=False, help="The page; - prints it."
        ),
    ] = "fleet.html",
    release: Annotated[
        str | None,
        typer.Option(
            "--plan", metavar="X.Y", help="Show also what an upgrade to this release would do."
        ),
    ] = None,
    no_fetch: NoFetch = False,
) -> int:
    """Write a page of HTML about the fleet, by default fleet.html."""
    fleet = fleet_of(file)
    import_jinja()
    again = [*other_file(file), *options_of(where or [], only or [])]
    if release is not None:
        again += ["--plan", release]
    command = shell("git", "ekf", "fleet", "report", *again)
    if output != "-":
        require_place(output, command)
    look = _look(fleet, where, only, asking=not no_fetch)
    made = None if release is None else _plan(look, release)
    page = fleet_page(fleet_report(look.fleet, look.known, look.chosen, look.begin, made))
    if output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(page.encode())
    else:
        write_report(output, page, command)
        say(f"Wrote {output}: {counted(len(look.chosen), 'cluster')}")
    return _code(look, fine=not any(one.broken for one in look.chosen))


app.command()(upgrade)
app.command()(resolve)


def _look(
    fleet: Fleet, where: list[str] | None, only: list[str] | None, *, asking: bool
) -> FleetLook:
    """The chosen clusters as they are, or with `asking` unset as they are known here."""
    choice = read_choice(fleet, where or [], only or [])
    members = tuple(filter(choice.takes, fleet.members))
    store = open_store(fleet)
    begin = time.time()
    if asking:
        fetch(store, fleet, counting, members)
    known = read_known(store, fleet._replace(members=members))
    chosen = list(filter(choice.fits, known.standings))
    return FleetLook(fleet, store, known, choice, chosen, begin, asking)


def _plan(look: FleetLook, release: str | None, planner: Planner | None = None) -> FleetPlan:
    """The upgrade to a release, for None of each to its next one. Raises Refused, UsageError."""
    from git_ekf.fleet.plan import plan_fleet, require_release

    if look.asked:
        fetch_team(look.store, look.fleet)
    goal = require_release(look.fleet, look.known, release) if release is not None else ""
    return plan_fleet(look.store, look.fleet, look.chosen, goal, counting, planner)


def _planner(
    jobs: int | None, executor: str | None, again: Sequence[str]
) -> AbstractContextManager[Planner | None]:
    """The maker of plans that was chosen, None where none was.

    `again` is the command without these options. Raises UsageError, Refused, CallFailed.
    """
    if executor is None:
        from git_ekf.fleet.processes import Processes

        return nullcontext(Processes(jobs) if jobs else None)
    if jobs:
        raise UsageError(
            "--jobs and --executor exclude each other: the Dask workers have their own number of"
            " threads",
            shell(*again, "--executor", executor),
        )
    from git_ekf.fleet.workers import workers

    return workers(executor, again, note)


def _code(look: FleetLook, *, fine: bool) -> int:
    """The worst of what there is: somebody was not fetched, something is not fine."""
    if look.known.vendor.failure or any(one.failed for one in look.chosen):
        return FAILED
    return DONE if fine else FINDINGS
