"""What has become of the clusters of an upgrade, as it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from git_ekf.commands.output.conflicts import build_lines
from git_ekf.commands.output.rows import first_names
from git_ekf.errors import DONE, FAILED, FINDINGS, STOPPED
from git_ekf.fleet import outcomes
from git_ekf.fleet.file import Fleet
from git_ekf.fleet.gate import Wish, next_wave
from git_ekf.fleet.store import Store
from git_ekf.fleet.upgrade import Upgraded
from git_ekf.names import without_credentials
from git_ekf.shown import shell
from git_ekf.terminal.text import counted, say

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


def code_of(upgraded: Sequence[Upgraded]) -> int:
    """The exit code: the worst of what has become of any."""
    found = {one.state for one in upgraded}
    return next((code for state, code in _CODES.items() if state in found), DONE)


def print_upgraded(
    fleet: Fleet, wish: Wish, wave: str, upgraded: Sequence[Upgraded], again: list[str]
) -> None:
    """Prints how many have the branch, who has not, and what comes next."""
    of_wave = f" of wave {wave}" if wave else ""
    states = [one.state for one in upgraded]
    parts = [f"{states.count(state)} {words}" for state, words in _WORDS.items() if state in states]
    sum_of_all = ", ".join(parts) or "nothing to do"
    say(f"{wish.goal} for {counted(len(upgraded), 'cluster')}{of_wave}: {sum_of_all}")
    _print_each(upgraded)
    for line in _settled(upgraded):
        say(f"  settled  {line}")
    if not wish.only_plans:
        _print_next(fleet, wave, upgraded, again)


def _print_each(upgraded: Sequence[Upgraded]) -> None:
    """Prints which would be pushed to, and a line for each of which something is to be said."""
    if planned := [one.member.name for one in upgraded if one.state == outcomes.PLANNED]:
        say(f"  planned  {first_names(planned)}")
    width = max((len(one.member.name) for one in upgraded if one.state in _NAMED), default=0)
    for state in _NAMED:
        for one in upgraded:
            if one.state == state:
                say(f"  {_WORDS[state]:8} {one.member.name:{width}}  {one.why}")
    for one in upgraded:
        if one.state == outcomes.PUSHED and one.why:
            say(f"  note     {one.member.name}  {one.why}")


def _print_next(fleet: Fleet, wave: str, upgraded: Sequence[Upgraded], again: list[str]) -> None:
    states = {one.state for one in upgraded}
    if states & _CODES.keys():
        say(f"Not done yet, go on with: {shell(*again, '--continue')}")
    elif outcomes.PUSHED in states:
        following = next_wave(fleet, wave)
        then = f"; then: {shell(*again, '--wave', following)}" if following else ""
        say(f"Next: have it deployed there, and recorded with git ekf tag and git ekf save{then}")


def _settled(upgraded: Sequence[Upgraded]) -> list[str]:
    """Each conflict that was settled by a resolution, in how many clusters, and what builds."""
    clusters: Counter[tuple[str, str]] = Counter()
    for one in upgraded:
        for settled in one.planned.settled:
            clusters[f"{settled.path}: {settled.side}", "; ".join(build_lines(settled))] += 1
    lines = []
    for (how, built), number in clusters.items():
        line = f"{how}, in {counted(number, 'cluster')}"
        lines.append(f"{line}: {built}" if built else line)
    return lines


def content(
    fleet: Fleet, store: Store, wish: Wish, wave: str, upgraded: Sequence[Upgraded]
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


def _cluster(one: Upgraded) -> dict[str, Any]:
    planned = one.planned
    return {
        "name": one.member.name,
        "internal": without_credentials(one.member.internal),
        "wave": one.member.wave or None,
        "state": one.state,
        "why": one.why or None,
        "branch": planned.branch or None,
        "old": planned.old or None,
        "upstream": planned.upstream or None,
        "new": planned.new or None,
        "settled": [
            {
                "path": settled.path,
                "key": settled.resolution,
                "builds": settled.builds,
                "not_built": settled.unbuilt or None,
            }
            for settled in planned.settled
        ],
    }
