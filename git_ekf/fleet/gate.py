"""Which clusters an upgrade of the fleet is for, and whether it is their turn.

A wave waits for the one before: the deploy records there say that the release runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from git_ekf.errors import Refused
from git_ekf.fleet.choosing import Choice, no_wave, options_of
from git_ekf.fleet.file import Fleet, Member, command_of
from git_ekf.fleet.standing import Standing
from git_ekf.names import version_key

# Clusters that are named in a row.
_NAMED = 3


class Wish(NamedTuple):
    """An upgrade that is asked for: which clusters may be meant, and how far it may go.

    `goal` is the release branch that `release` means. Of the `members` those are meant that fit the
    `choice` by where they stand, too. `proceed`: only those of them with which an
    earlier command has begun. `records`: a wave waits for the records of those before it.
    `max_failed` are the failures with which it still goes on, None for a tenth of the clusters.
    `only_plans`: nothing is made. `command` begins the upgrade, for sentences that name it.
    """

    release: str
    goal: str
    members: tuple[Member, ...]
    command: str
    proceed: bool = False
    records: bool = True
    max_failed: int | None = None
    only_plans: bool = False
    choice: Choice = Choice((), None)


def find_wave(fleet: Fleet, given: str) -> str:
    """The wave of a name, or of a number from 1. Raises UsageError."""
    if given in fleet.waves:
        return given
    if given.isascii() and given.isdecimal() and 0 < int(given) <= len(fleet.waves):
        return fleet.waves[int(given) - 1]
    raise no_wave(fleet, given)


def members_asked(fleet: Fleet, wish: Wish, members: Sequence[Member]) -> list[Member]:
    """The clusters, and those for whose records they have to wait."""
    earlier = _earlier(fleet, wish, members)
    names = {member.name for member in (*members, *earlier)}
    return [member for member in fleet.members if member.name in names]


def require_recorded(
    fleet: Fleet, wish: Wish, standings: Mapping[str, Standing], members: Sequence[Member]
) -> None:
    """Raises Refused where a cluster of an earlier wave has no deploy record of the release."""
    earlier = [standings[member.name] for member in _earlier(fleet, wish, members)]
    lacking = [one for one in earlier if not _runs(fleet, wish.goal, one)]
    if not lacking:
        return
    wave = lacking[0].member.wave
    first = [one.member.name for one in lacking if one.member.wave == wave]
    more = f" and {len(first) - _NAMED} more" if len(first) > _NAMED else ""
    shows = command_of(fleet.path, "status --list", *options_of([f"wave={wave}"], []))
    raise Refused(
        f"no deploy record of {wish.goal} is saved yet by: {', '.join(first[:_NAMED])}{more}"
        f" (wave {wave})",
        f"{shows} shows them; --without-records does not wait",
    )


def _runs(fleet: Fleet, goal: str, standing: Standing) -> bool:
    """Whether a cluster runs a release, or a newer one; one without any has nothing to."""
    if not standing.failed and not standing.branch:
        return True
    runs, wanted = version_key(standing.release), version_key(fleet.scheme.version(goal) or "")
    return standing.recorded is not None and runs is not None and runs >= (wanted or ())


def _earlier(fleet: Fleet, wish: Wish, members: Sequence[Member]) -> list[Member]:
    """The clusters of all waves before the last of these; those without a wave come last."""
    if wish.proceed or not wish.records or not members:
        return []
    turn = {wave: number for number, wave in enumerate((*fleet.waves, ""))}
    last = max(turn[member.wave] for member in members)
    return [member for member in fleet.members if turn[member.wave] < last]


def next_wave(fleet: Fleet, wave: str) -> str:
    """The wave behind one; "" for none."""
    if wave not in fleet.waves:
        return ""
    return next(iter(fleet.waves[fleet.waves.index(wave) + 1 :]), "")
