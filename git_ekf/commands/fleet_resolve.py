"""git ekf fleet resolve: a conflict of many clusters, resolved in one of them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from git_ekf.commands.fleet_options import (
    FleetFile,
    fetch_team,
    read_known,
)
from git_ekf.commands.options import Yes
from git_ekf.commands.resolutions import approve_named
from git_ekf.errors import DONE, STOPPED, Refused, UsageError
from git_ekf.fleet.file import FILE, Fleet, Member, command_of, read_fleet
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.store import VENDOR, Store, open_store
from git_ekf.fleet.team import team_repository
from git_ekf.git.calls import Git, leave_repository
from git_ekf.git.refs import HEADS
from git_ekf.names import without_credentials
from git_ekf.resolutions.judging import Examiner
from git_ekf.shown import folder, shell
from git_ekf.terminal.screen import counting, transfer_progress
from git_ekf.terminal.text import say
from git_ekf.vendor import ask_remote

# More no number of a conflict has.
_DIGITS = 10


def resolve(
    release: Annotated[str, typer.Argument(metavar="[X.Y]", help="The release to go to.")] = "",
    cluster: Annotated[
        str,
        typer.Argument(
            metavar="[CLUSTER]",
            help="One that stops, or the number of a conflict in the plan.",
        ),
    ] = "",
    directory: Annotated[
        str,
        typer.Argument(metavar="[DIR]", help="The clone, by default called as the cluster."),
    ] = "",
    approve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RESOLUTION",
            help="Show the diff of this one, and let it be used in this fleet; may be repeated.",
        ),
    ] = None,
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
            f"no repository of resolutions is named, by {file}"
            " or by git config --global ekf.resolutions",
            "git ekf man fleet.toml describes its key resolutions",
        )
    if approve:
        fetch_team(store, fleet)
        examiner = Examiner(team_repository(store, fleet))
        vendors = sorted(set(store.git.ref_values(f"{VENDOR}heads/").values()))
        shows = command_of(fleet.path, "plan", "X.Y")
        options = [f"--approve={key}" for key in approve]
        unasked = command_of(fleet.path, "resolve", "--yes", *options)
        approve_named(examiner, approve, vendors, shows, unasked, yes=yes)
        return DONE
    if not (release and cluster):
        raise UsageError("a release and a cluster have to be named", "git ekf fleet resolve -h")
    if fleet.scheme.parse(release) is None:
        raise UsageError(f"{release} is not a valid release", command_of(fleet.path, "status"))
    members = {member.name: member for member in fleet.members}
    conflict = ""
    if cluster not in members:
        cluster, conflict = _of_conflict(store, fleet, release, cluster)
    return _resolve(fleet, release, members[cluster], directory or cluster, conflict)


def _of_conflict(store: Store, fleet: Fleet, release: str, word: str) -> tuple[str, str]:
    """The first cluster of a conflict, by its number in the plan of the fleet as it is known here.

    With it the conflict, in words. Raises UsageError, Refused.
    """
    if not (word.isascii() and word.isdecimal() and len(word) < _DIGITS):
        raise UsageError(
            f'there is no cluster "{word}" in this fleet',
            command_of(fleet.path, "status --list"),
        )
    require_pygit2()
    from git_ekf.fleet.plan import plan_fleet, require_release

    known = read_known(store, fleet)
    goal = require_release(fleet, known, release)
    groups = plan_fleet(store, fleet, known.standings, goal, counting).groups
    if not 0 < int(word) <= len(groups):
        raise UsageError(
            f"there is no conflict {word} in the plan to {release}",
            command_of(fleet.path, "plan", release, "--list"),
        )
    group = groups[int(word) - 1]
    path = group.conflicts[0].paths[0]
    return group.clusters[0], f"conflict {word}: {group.subject}, {path}"


def _require_release(git: Git, vendor: str, branch: str) -> None:
    """Raises Refused where the vendor has no such branch, so that no clone is made for nothing."""
    ref = HEADS + branch
    if ref not in ask_remote(git, "primary", vendor, ref):
        lists = f"git ls-remote --heads {shell(without_credentials(vendor))}"
        raise Refused(f"the vendor has no {branch}", lists)


def _resolve(fleet: Fleet, release: str, member: Member, directory: str, conflict: str) -> int:
    """The exit code of the upgrade in the clone, for a conflict in words ("" for any)."""
    # What no other command of a fleet wants.
    from git_ekf.commands.clone import Instead, absolute, built
    from git_ekf.commands.upgrade_options import Request
    from git_ekf.commands.upgrade_or_sync import run

    scheme = f"ekf.branches.release={fleet.scheme.pattern}"
    git = Git(progress=transfer_progress(), settings=[scheme])
    vendor, internal = absolute(fleet.vendor), absolute(member.internal)
    _require_release(git, vendor, fleet.scheme.parse(release) or "")
    another = command_of(fleet.path, "resolve", release, member.name, "DIR")
    instead = Instead(another, "correct the fleet file")
    built(git, directory, vendor, internal, "", instead)
    why = f"for {conflict}" if conflict else f"from {without_credentials(internal)}"
    say(f"{member.name} is in {directory}, {why}.")
    os.chdir(directory)
    here = Git()
    here.set_setting("ekf.resolutions", fleet.resolutions)
    if fleet.signers:
        here.set_setting("ekf.resolutions.allowed-signers", fleet.signers)
    code = run("upgrade", Request(release=release, no_build=True))
    proceed = command_of(fleet.path, "upgrade", release, "--continue")
    if code == DONE:
        say(f"Nothing stopped in {member.name}. Next, outside of the clone: {proceed}")
    if code == STOPPED:
        approve = command_of(fleet.path, "resolve", "--approve", "KEY")
        say(
            f"Go on in the clone: cd {folder(directory)}",
            "Once it is through: git ekf resolutions save, and nothing else there"
            " (no apply, no save).",
            f"Then outside: {proceed}. The clone may be deleted.",
            f"An answer that is not signed needs this before: {approve}",
        )
    return code
