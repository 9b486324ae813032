"""A fleet in a few numbers, so that a thousand clusters fit a screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from git_ekf.fleet.standing import EMPTY, Standing


class Summary(NamedTuple):
    """The numbers of some clusters.

    `fine` are known as they are, `failed` are not. `by_wave` is release branch -> wave -> how many
    run that. `behind` has how many commits the vendor's channel is ahead of each that is behind it.
    `unrecorded` are those with commits beyond their newest record, `since` when the oldest of these
    records was made; `never` have no record. `prepared` counts clusters by the newer release
    branch that waits for a record there. `deployed` is when each newest record was made, the newest
    first (seconds since 1970). `rules` counts clusters by the rule they break.
    """

    fine: list[Standing]
    failed: list[Standing]
    empty: int
    by_wave: dict[str, Counter[str]]
    behind: list[int]
    unrecorded: int
    since: int
    never: int
    prepared: Counter[str]
    deployed: list[int]
    rules: Counter[str]


def summarise(standings: Sequence[Standing]) -> Summary:
    """The numbers of clusters; those that failed count as they were last fetched."""
    running = [one for one in standings if one.branch]
    recorded = [one.recorded for one in running if one.recorded]
    unrecorded = [one.seconds for one in recorded if one.commits_since != 0]
    by_wave: dict[str, Counter[str]] = {}
    rules: Counter[str] = Counter()
    for one in running:
        by_wave.setdefault(one.branch, Counter())[one.member.wave] += 1
    for one in standings:
        rules.update({finding.rule for finding in one.findings})
    fine = [one for one in standings if not one.failed]
    failed = [one for one in standings if one.failed]
    empty = [one for one in standings if one.state == EMPTY]
    behind = [one.behind for one in running if one.behind]
    prepared = Counter(one.prepared for one in running if one.prepared)
    deployed = sorted((one.seconds for one in recorded), reverse=True)
    never = len(running) - len(recorded)
    since = min(unrecorded, default=0)
    return Summary(
        fine,
        failed,
        len(empty),
        by_wave,
        behind,
        len(unrecorded),
        since,
        never,
        prepared,
        deployed,
        rules,
    )
