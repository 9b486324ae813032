"""git ekf fleet resolve: a conflict of many clusters, resolved in one of them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from git_ekf.commands.fleet_options import FleetFile, require_fetched
from git_ekf.commands.fleet_upgrade import fetch_team
from git_ekf.commands.options import Yes
from git_ekf.commands.resolutions import approve_named
from git_ekf.errors import DONE, STOPPED, Refused, UsageError
from git_ekf.fleet.file import FILE, Fleet, Member, other_file, read_fleet
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.store import VENDOR, Store, open_store
from git_ekf.fleet.team import team_repository
from git_ekf.git.calls import Git, leave_repository
from git_ekf.names import without_credentials
from git_ekf.repository import Repository
from git_ekf.resolutions.judging import Examiner
from git_ekf.shown import folder, shell
from git_ekf.terminal.screen import counting, transfer_progress
from git_ekf.terminal.text import say

Approve = Annotated[
    list[str] | None,
    typer.Option(
        "--approve",
        metavar="RESOLUTION",
        show_default=False,
        help="Show the diff of this one, and let it be used in this fleet; may be repeated.",
    ),
]

# More no number of a conflict has.
_DIGITS = 10


def resolve(
    release: Annotated[
        str, typer.Argument(metavar="[X.Y]", show_default=False, help="The release to go to.")
    ] = "",
    cluster: Annotated[
        str,
        typer.Argument(
            metavar="[CLUSTER]",
            show_default=False,
            help="One that stops, or the number of a conflict in the plan.",
        ),
    ] = "",
    directory: Annotated[
        str,
        typer.Argument(
            metavar="[DIR]", show_default=False, help="The clone, by default called as the cluster."
        ),
    ] = "",
    approve: Approve = None,
    yes: Yes = False,
    file: FleetFile = FILE,
) -> int:
    """Begin the upgrade of one cluster in a clone, to resolve it."""
    if approve and release:
        raise UsageError("--approve resolves nothing, and stands alone", "git ekf fleet resolve -h")
    leave_repository()
    fleet = read_fleet(file)
    store = open_store(fleet)
    config = team_repository(store, fleet).config
    fleet = fleet._replace(resolutions=config.resolutions, signers=config.resolution_signers)
    if not fleet.resolutions:
        raise Refused(
            f"{file} names no repository of resolutions",
            "git ekf man fleet.toml describes its key resolutions",
        )
    if approve:
        return _approve(fleet, approve, other_file(file), yes=yes)
    if not (release and cluster):
        raise UsageError("a release and a cluster have to be named", "git ekf fleet resolve -h")
    if fleet.scheme.parse(release) is None:
        raise UsageError(f"{release} is not a valid release", "git ekf fleet status")
    member = _member(fleet, cluster) or _of_conflict(store, fleet, release, cluster)
    return _resolve(fleet, release, member, directory or member.name)


def _approve(fleet: Fleet, keys: list[str], file: list[str], *, yes: bool) -> int:
    store = open_store(fleet)
    fetch_team(store, fleet)
    examiner = Examiner(team_repository(store, fleet))
    vendors = sorted(set(store.git.ref_values(f"{VENDOR}heads/").values()))
    options = [f"--approve={key}" for key in keys]
    unasked = shell("git", "ekf", "fleet", "resolve", *file, "--yes", *options)
    approve_named(examiner, keys, vendors, unasked, yes=yes)
    return DONE


def _member(fleet: Fleet, name: str) -> Member | None:
    return next((member for member in fleet.members if member.name == name), None)


def _of_conflict(store: Store, fleet: Fleet, release: str, word: str) -> Member:
    """The first cluster of a conflict, by its number in the plan of the fleet as it is known here.

    Raises UsageError, Refused.
    """
    missing = UsageError(
        f'there is no cluster "{word}" in this fleet', "git ekf fleet status --list"
    )
    if not (word.isascii() and word.isdecimal() and len(word) < _DIGITS):
        raise missing
    require_pygit2()
    from git_ekf.fleet.plan import plan_fleet, require_release
    from git_ekf.fleet.standing import read_standings

    known = read_standings(store, fleet)
    require_fetched(known, fleet.path)
    goal = require_release(fleet, known, release)
    groups = plan_fleet(store, fleet, known.standings, goal, counting).groups
    chosen = groups[int(word) - 1].clusters[:1] if 0 < int(word) <= len(groups) else ()
    member = _member(fleet, chosen[0]) if chosen else None
    if member is None:
        plan = shell("git", "ekf", "fleet", "plan", release, "--list", *other_file(fleet.path))
        raise UsageError(f"there is no conflict {word} in the plan to {release}", plan)
    return member


def _resolve(fleet: Fleet, release: str, member: Member, directory: str) -> int:
    """The exit code of the upgrade in the clone."""
    # What no other command of a fleet wants.
    from git_ekf.commands.clone import Instead, absolute, built
    from git_ekf.commands.upgrade import upgrade
    from git_ekf.commands.upgrade_or_sync import Request

    settings = {"ekf.branches.release": fleet.scheme.pattern}
    git = Git(
        progress=transfer_progress(), settings=[f"{key}={value}" for key, value in settings.items()]
    )
    vendor, internal = absolute(fleet.vendor), absolute(member.internal)
    words = ("git", "ekf", "fleet", "resolve", release, member.name)
    instead = Instead(shell(*words, "DIR"), "correct the fleet file")
    built(git, directory, vendor, internal, "", instead)
    say(f"{member.name} is in {directory}, from {without_credentials(internal)}.")
    os.chdir(directory)
    here = Git()
    here.set_setting("ekf.resolutions", fleet.resolutions)
    if fleet.signers:
        here.set_setting("ekf.resolutions.allowed-signers", fleet.signers)
    code = upgrade(release=release, **{**Request._field_defaults, "no_build": True})
    if code != STOPPED:
        branch = Repository(here).head_branch or ""
        say(f"Nothing was left to resolve in {member.name}, which is on {branch} in {directory}.")
        return code
    say(f"Go on in the clone: cd {folder(directory)}")
    say("Once it is through, share it: git ekf resolutions save. The clone may be deleted then.")
    return code
