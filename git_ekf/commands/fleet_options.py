"""What the commands of a fleet share: options, and what they begin with."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.commands.resolutions_fetched import note_resolutions
from git_ekf.errors import Refused
from git_ekf.fleet.file import Fleet, other_file
from git_ekf.fleet.standing import Known
from git_ekf.fleet.store import Store
from git_ekf.fleet.team import team_repository
from git_ekf.git.unattended import unattended
from git_ekf.shown import shell

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

NoFetch = Annotated[
    bool, typer.Option("--no-fetch", help="Go by what is known here, and ask nobody.")
]


def fleet_command(fleet: Fleet, *words: str) -> str:
    """A command of git ekf fleet for the same fleet."""
    return shell("git", "ekf", "fleet", *words, *other_file(fleet.path))


def require_fetched(fleet: Fleet, known: Known) -> None:
    """Raises Refused where the vendor was never fetched: so nothing was."""
    if not known.vendor.seconds:
        raise Refused("nothing is known of this fleet yet", fleet_command(fleet, "status"))


def fetch_team(store: Store, fleet: Fleet) -> None:
    """Has the resolutions of the team fetched, where the fleet has any."""
    repo = team_repository(store, fleet)
    if repo.config.resolutions:
        repo.git = store.git.variant(env=unattended(repo.git_setting, fleet.seconds))
        note_resolutions(repo)
