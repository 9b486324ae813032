"""What the commands of a fleet share: options, and what they begin with."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.commands.resolutions_fetched import note_resolutions
from git_ekf.errors import Refused
from git_ekf.fleet.file import Fleet, command_of, read_fleet
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.standing import Known, read_standings
from git_ekf.fleet.store import Store
from git_ekf.fleet.team import team_repository
from git_ekf.git.calls import leave_repository
from git_ekf.git.unattended import unattended

FleetFile = Annotated[
    str,
    typer.Option(metavar="FILE", show_default=False, help="The fleet file, by default fleet.toml."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Only those with this name, wave, branch, state, rule or label; may be repeated.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME|@FILE",
        help="Only this cluster, or those that a file names; may be repeated.",
    ),
]

NoFetch = Annotated[
    bool, typer.Option("--no-fetch", help="Go by what is known here, and ask nobody.")
]


def fleet_of(file: str) -> Fleet:
    """The fleet of a file, for a command that has nothing to do with the repository it is run in.

    Raises Refused, UsageError.
    """
    require_pygit2()
    leave_repository()
    return read_fleet(file)


def read_known(store: Store, fleet: Fleet) -> Known:
    """All that is known. Raises Refused where the vendor was never fetched: so nothing was."""
    known = read_standings(store, fleet)
    if not known.vendor.seconds:
        raise Refused("nothing is known of this fleet yet", command_of(fleet.path, "status"))
    return known


def fetch_team(store: Store, fleet: Fleet) -> None:
    """Has the resolutions of the team fetched, where the fleet has any."""
    repo = team_repository(store, fleet)
    if repo.config.resolutions:
        repo.git = store.git.variant(env=unattended(repo.git_setting, fleet.seconds))
        note_resolutions(repo)
