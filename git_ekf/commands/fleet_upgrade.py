"""git ekf fleet upgrade: a new release for many clusters, a wave at a time."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.commands.fleet_options import FleetFile, Only, Where, fetch_team, fleet_command
from git_ekf.commands.options import Json
from git_ekf.commands.output.fleet_upgrade import code_of, content, print_upgraded
from git_ekf.errors import Interrupted, UsageError
from git_ekf.fleet.choosing import read_choice, require_any
from git_ekf.fleet.file import FILE, Fleet, other_file, read_fleet
from git_ekf.fleet.gate import Wish, find_wave
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.runs import read_run
from git_ekf.fleet.store import Store, open_store
from git_ekf.fleet.upgrade import upgrade_fleet
from git_ekf.git.calls import leave_repository
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting
from git_ekf.terminal.text import document


def upgrade(
    release: Annotated[str, typer.Argument(metavar="X.Y", help="The release to upgrade to.")],
    file: FleetFile = FILE,
    wave: Annotated[
        str,
        typer.Option(
            metavar="WAVE", show_default=False, help="The wave, by its name or its number."
        ),
    ] = "",
    where: Where = None,
    only: Only = None,
    proceed: Annotated[
        bool, typer.Option("--continue", help="Go on with what was begun and is not there yet.")
    ] = False,
    without_records: Annotated[
        bool,
        typer.Option(
            "--without-records", help="Do not wait for the deploy records of the waves before."
        ),
    ] = False,
    max_failed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Push nothing more once more clusters than this have failed;"
            " by default a tenth, at least one.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", "-n", help="Say which clusters would be upgraded, and push nothing."
        ),
    ] = False,
    json: Json = False,
) -> int:
    """Make the branch of a release for clusters, and push it."""
    require_pygit2()
    leave_repository()
    fleet = read_fleet(file)
    goal = fleet.scheme.parse(release)
    again = ["git", "ekf", "fleet", "upgrade", release, *other_file(file)]
    if goal is None:
        raise UsageError(
            f"{release or 'an empty argument'} is not a valid release",
            f"{fleet_command(fleet, 'status', '--json')} lists the vendor's channels",
        )
    in_wave = _wave(fleet, wave, proceed=proceed, chosen=bool(where or only), again=again)
    choice = read_choice(fleet, where or [], only or [], in_wave)
    members = tuple(filter(choice.takes, fleet.members))
    require_any(fleet, choice, members)
    first = ["--wave", "WAVE"] if fleet.waves else []
    wish = Wish(
        release,
        goal,
        members,
        shell(*again, *(choice.options or first)),
        proceed=proceed,
        records=not without_records,
        max_failed=max_failed,
        only_plans=dry_run,
        choice=choice,
    )
    store = open_store(fleet)
    try:
        fetch_team(store, fleet)
        upgraded = upgrade_fleet(store, fleet, wish, counting)
    except KeyboardInterrupt:
        raise _interrupted(store, wish, again) from None
    if json:
        print(document("fleet upgrade", content(fleet, store, wish, in_wave, upgraded)))
    else:
        print_upgraded(fleet, wish, in_wave, upgraded, again)
    return code_of(upgraded)


def _interrupted(store: Store, wish: Wish, again: list[str]) -> Interrupted:
    """What is said of an end at the terminal, and the command that goes on from there."""
    begun = read_run(store, wish.goal)
    if not wish.only_plans and any(one.name in begun for one in wish.members):
        return Interrupted(
            "interrupted; each cluster has its new branch whole, or not at all",
            shell(*again, "--continue"),
        )
    return Interrupted(
        "interrupted; nothing was pushed",
        shell(*again, *wish.choice.options, *_manner(wish)),
    )


def _manner(wish: Wish) -> list[str]:
    """The options that say how it is done."""
    words = ["--continue"] if wish.proceed else []
    words += [] if wish.records else ["--without-records"]
    words += [] if wish.max_failed is None else ["--max-failed", str(wish.max_failed)]
    return [*words, "--dry-run"] if wish.only_plans else words


def _wave(fleet: Fleet, given: str, *, proceed: bool, chosen: bool, again: list[str]) -> str:
    """The wave that is meant, "" for none. Raises UsageError."""
    if given and proceed:
        raise UsageError(
            "--continue goes on in the waves that were begun, and takes no --wave",
            shell(*again, "--continue"),
        )
    if given:
        return find_wave(fleet, given)
    if fleet.waves and not (proceed or chosen):
        raise UsageError(
            "this fleet is upgraded a wave at a time", shell(*again, "--wave", fleet.waves[0])
        )
    return ""
