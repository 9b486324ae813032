"""The page about a fleet: which release runs where, and what the next one would stop at."""

from __future__ import annotations

from collections import Counter
from typing import Any

from git_ekf.report.fleet_facts import FleetReport
from git_ekf.report.page import fitting, page_environment, render
from git_ekf.report.weeks import weeks

# Bytes of HTML that each list may come to: a page has less than a megabyte.
_MEMBERS, _CONFLICTS, _RESOLVED = 700_000, 170_000, 80_000
# What a member without one is counted under.
_NOWHERE = "none"
# What is counted: members that could not be fetched, are behind, have unrecorded commits, break
# rules.
_FACTS = ("failure", "behind", "unrecorded", "rules")


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
        numbers=Counter(fact for one in report.members for fact in _FACTS if getattr(one, fact)),
        members=members,
        conflicts=conflicts,
        resolved=resolved,
        weeks=weeks(report.days, [], report.made),
    )


def _matrix(report: FleetReport) -> dict[str, object]:
    """How many clusters run which release in which wave.

    `rows` are releases, with a number for each of the `waves`; `most` is the most of a cell.
    """
    counts = Counter((one.release or _NOWHERE, one.wave or _NOWHERE) for one in report.members)
    waves = _in_order({wave for _, wave in counts}, report.waves)
    rows = []
    for release in _in_order({release for release, _ in counts}, report.releases):
        rows.append((release, [counts[release, wave] for wave in waves]))
    return {"waves": waves, "rows": rows, "most": max(counts.values(), default=0)}


def _in_order(found: set[str], order: tuple[str, ...]) -> list[str]:
    """The names found, in their order; those that this lacks come last."""
    known = [name for name in order if name in found]
    return known + sorted(found.difference(known))
