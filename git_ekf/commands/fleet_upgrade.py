"""git ekf fleet upgrade: a new release for many clusters, a wave at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from git_ekf.commands.fleet_options import (
    FleetFile,
    Only,
    Where,
    fetch_team,
    fleet_of,
)
from git_ekf.commands.options import Json
from git_ekf.commands.output.conflicts import build_lines
from git_ekf.errors import DONE, FAILED, FINDINGS, STOPPED, Interrupted, UsageError
from git_ekf.fleet import outcomes
from git_ekf.fleet.branches import ClusterUpgrade
from git_ekf.fleet.choosing import read_choice, require_any
from git_ekf.fleet.file import FILE, Fleet, command_of, other_file
from git_ekf.fleet.gate import Wish, find_wave, next_wave
from git_ekf.fleet.runs import read_run
from git_ekf.fleet.store import Store, open_store
from git_ekf.fleet.upgrade import upgrade_fleet
from git_ekf.names import without_credentials
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting
from git_ekf.terminal.text import counted, document, say, the_first

# What is said of a state in the sum of all, and where it is left out as long as there is none.
_WORDS = {
    outcomes.PUSHED: "pushed",
    outcomes.PLANNED: "would be pushed",
    outcomes.THERE: "there already",
    outcomes.STOPPED: "stopped",
    outcomes.REFUSED: "refused",
    outcomes.FAILED: "failed",
    outcomes.LEFT: "not tried",
}
# Of which each cluster is named.
_NAMED = (outcomes.STOPPED, outcomes.REFUSED, outcomes.FAILED)
# The exit code of each state, the worst first.
_CODES = {
    outcomes.FAILED: FAILED,
    outcomes.LEFT: FAILED,
    outcomes.STOPPED: STOPPED,
    outcomes.REFUSED: FINDINGS,
}


def upgrade(
    release: Annotated[str, typer.Argument(metavar="X.Y", help="The release to upgrade to.")],
    file: FleetFile = FILE,
    wave: Annotated[
        str,
        typer.Option(metavar="WAVE", help="The wave, by its name or its number."),
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
    fleet = fleet_of(file)
    goal = fleet.scheme.parse(release)
    again = ["git", "ekf", "fleet", "upgrade", release, *other_file(file)]
    if goal is None:
        raise UsageError(
            f"{release or 'an empty argument'} is not a valid release",
            f"{command_of(fleet.path, 'status --json')} lists the vendor's channels",
        )
    if wave and proceed:
        raise UsageError(
            "--continue goes on in the waves that were begun, and takes no --wave",
            shell(*again, "--continue"),
        )
    if fleet.waves and not (wave or proceed or where or only):
        raise UsageError(
            "this fleet is upgraded a wave at a time", shell(*again, "--wave", fleet.waves[0])
        )
    in_wave = find_wave(fleet, wave) if wave else ""
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
        print(document("fleet upgrade", _content(fleet, store, wish, in_wave, upgraded)))
    else:
        _print_upgraded(fleet, wish, in_wave, upgraded, again)
    return _code_of(upgraded)


def _interrupted(store: Store, wish: Wish, again: list[str]) -> Interrupted:
    """What is said of an end at the terminal, and the command that goes on from there."""
    begun = read_run(store, wish.goal)
    if not wish.only_plans and any(one.name in begun for one in wish.members):
        return Interrupted(
            "interrupted; each cluster has its new branch whole, or not at all",
            shell(*again, "--continue"),
        )
    words = [*again, *wish.choice.options]
    if wish.proceed:
        words.append("--continue")
    if not wish.records:
        words.append("--without-records")
    if wish.max_failed is not None:
        words += ["--max-failed", str(wish.max_failed)]
    if wish.only_plans:
        words.append("--dry-run")
    return Interrupted("interrupted; nothing was pushed", shell(*words))


# --- shown ---


def _code_of(upgraded: Sequence[ClusterUpgrade]) -> int:
    """The exit code: the worst of what has become of any."""
    found = {one.state for one in upgraded}
    return next((code for state, code in _CODES.items() if state in found), DONE)


def _print_upgraded(
    fleet: Fleet, wish: Wish, wave: str, upgraded: Sequence[ClusterUpgrade], again: list[str]
) -> None:
    """Prints how many have the branch, who has not, and what comes next."""
    of_wave = f" of wave {wave}" if wave else ""
    states = [one.state for one in upgraded]
    parts = [f"{states.count(state)} {words}" for state, words in _WORDS.items() if state in states]
    sum_of_all = ", ".join(parts) or "nothing to do"
    say(f"{wish.goal} for {counted(len(upgraded), 'cluster')}{of_wave}: {sum_of_all}")
    if planned := [one.member.name for one in upgraded if one.state == outcomes.PLANNED]:
        say(f"  planned  {the_first(planned, 3)}")
    named = [one for state in _NAMED for one in upgraded if one.state == state]
    width = max((len(one.member.name) for one in named), default=0)
    for one in named:
        say(f"  {_WORDS[one.state]:8} {one.member.name:{width}}  {one.why}")
    for one in upgraded:
        if one.state == outcomes.PUSHED and one.why:
            say(f"  note     {one.member.name}  {one.why}")
    _print_settled(upgraded)
    if wish.only_plans:
        return
    if _CODES.keys() & states:
        say(f"Not done yet, go on with: {shell(*again, '--continue')}")
    elif outcomes.PUSHED in states:
        following = next_wave(fleet, wave)
        then = f"; then: {shell(*again, '--wave', following)}" if following else ""
        say(f"Next: have it deployed there, and recorded with git ekf tag and git ekf save{then}")


def _print_settled(upgraded: Sequence[ClusterUpgrade]) -> None:
    """Prints what a resolution has settled, in how many clusters, and what builds with it."""
    clusters: Counter[tuple[str, str]] = Counter()
    for one in upgraded:
        for settled in one.settled:
            clusters[f"{settled.path}: {settled.side}", "; ".join(build_lines(settled))] += 1
    for (how, built), number in clusters.items():
        builds = f": {built}" if built else ""
        say(f"  settled  {how}, in {counted(number, 'cluster')}{builds}")


def _content(
    fleet: Fleet, store: Store, wish: Wish, wave: str, upgraded: Sequence[ClusterUpgrade]
) -> dict[str, Any]:
    """The clusters as fleet-upgrade.json has them."""
    return {
        "fleet": {
            "file": fleet.path,
            "store": store.path,
            "vendor": without_credentials(fleet.vendor),
            "branch": wish.goal,
            "wave": wave or None,
            "dry_run": wish.only_plans,
        },
        "clusters": list(map(_cluster, upgraded)),
    }


def _cluster(one: ClusterUpgrade) -> dict[str, Any]:
    return {
        "name": one.member.name,
        "internal": without_credentials(one.member.internal),
        "wave": one.member.wave or None,
        "state": one.state,
        "why": one.why or None,
        "branch": one.branch or None,
        "old": one.old or None,
        "upstream": one.upstream or None,
        "new": one.new or None,
        "settled": [
            {
                "path": settled.path,
                "key": settled.resolution,
                "builds": settled.builds,
                "not_built": settled.unbuilt or None,
            }
            for settled in one.settled
        ],
    }
