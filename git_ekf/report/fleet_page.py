"""The page about a fleet: which release runs where, and what the next one would stop at."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from git_ekf.report.fleet_facts import FleetReport, ReportedCluster
from git_ekf.report.page import fitting, page_environment, render
from git_ekf.report.weeks import weeks

# Bytes of HTML that each list may come to: a page has less than a megabyte.
_MEMBERS, _CONFLICTS, _RESOLVED = 700_000, 170_000, 80_000
# What a member without one is counted under.
NOWHERE = "none"


class Matrix(NamedTuple):
    """How many clusters run which release in which wave: a row a release, in their order.

    `most` is the most of a cell.
    """

    waves: list[str]
    rows: list[tuple[str, list[int]]]
    most: int


class Numbers(NamedTuple):
    """How many clusters were not fetched, are behind, have unrecorded commits, break a rule."""

    unfetched: int
    behind: int
    unrecorded: int
    broken: int


def fleet_page(report: FleetReport) -> str:
    """The page about a fleet. Raises Refused without jinja2."""
    environment = page_environment()
    parts: Any = environment.get_template("fleet_parts.html").module
    members = fitting(report.members, _MEMBERS, parts.member_row)
    places = {one.name: at for at, one in enumerate(report.members[: len(members)])}
    conflicts: list[str] = []
    resolved: list[str] = []
    if report.plan:
        conflicts = fitting(
            report.plan.conflicts, _CONFLICTS, lambda at, one: parts.conflict_part(at, one, places)
        )
        resolved = fitting(
            report.plan.resolved, _RESOLVED, lambda _, one: parts.resolved_part(one, places)
        )
    return render(
        environment,
        "fleet.html",
        report=report,
        matrix=_matrix(report),
        numbers=_numbers(report.members),
        members=members,
        conflicts=conflicts,
        resolved=resolved,
        weeks=weeks(report.days, [], report.made),
    )


def _matrix(report: FleetReport) -> Matrix:
    counts = Counter((one.release or NOWHERE, one.wave or NOWHERE) for one in report.members)
    found = {wave for _, wave in counts}
    waves = [wave for wave in report.waves if wave in found]
    waves += sorted(found.difference(waves))
    running = {release for release, _ in counts}
    releases = [release for release in report.releases if release in running]
    releases += sorted(running.difference(releases))
    rows = []
    for release in releases:
        rows.append((release, [counts[release, wave] for wave in waves]))
    return Matrix(waves, rows, max(counts.values(), default=0))


def _numbers(members: tuple[ReportedCluster, ...]) -> Numbers:
    found: Counter[str] = Counter()
    for one in members:
        found["unfetched"] += bool(one.failure)
        found["behind"] += bool(one.behind)
        found["unrecorded"] += bool(one.unrecorded)
        found["broken"] += bool(one.rules)
    return Numbers(found["unfetched"], found["behind"], found["unrecorded"], found["broken"])
