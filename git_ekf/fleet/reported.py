"""What a page about a fleet shows of its clusters."""

from __future__ import annotations

from collections.abc import Sequence

from git_ekf.fleet.file import Fleet
from git_ekf.fleet.plan import FleetPlan
from git_ekf.fleet.planning.groups import SettledConflict
from git_ekf.fleet.standing import Known, Standing
from git_ekf.report.fleet_facts import (
    FleetReport,
    PlannedUpgrade,
    ReportedCluster,
    ResolvedConflict,
    SharedConflict,
    UnusedAnswer,
)


def fleet_report(
    fleet: Fleet,
    known: Known,
    chosen: Sequence[Standing],
    seconds: float,
    plan: FleetPlan | None = None,
) -> FleetReport:
    """The report of some clusters, made at a time (seconds since 1970), with an upgrade of them."""
    days: list[str] = []
    members = []
    for one in chosen:
        days += one.days
        members.append(_member(fleet, one))
    releases = [fleet.scheme.version(channel) or channel for channel in known.channels]
    return FleetReport(
        vendor=fleet.vendor,
        fetched=known.vendor.seconds,
        made=int(seconds),
        waves=fleet.waves,
        releases=tuple(releases),
        members=tuple(members),
        days=tuple(days),
        plan=_upgrade(fleet, plan) if plan else None,
    )


def _upgrade(fleet: Fleet, plan: FleetPlan) -> PlannedUpgrade:
    conflicts = []
    for group in plan.groups:
        paths: dict[str, None] = {}
        for conflict in group.conflicts:
            paths |= dict.fromkeys(conflict.paths)
        kind = group.conflicts[0].kind
        unused = [
            UnusedAnswer(one.unused.key, one.unused.why, one.unused.waiting, len(one.clusters))
            for one in group.resolutions
        ]
        shared = SharedConflict(group.subject, kind, tuple(paths), group.clusters, tuple(unused))
        conflicts.append(shared)
    return PlannedUpgrade(
        release=fleet.scheme.version(plan.goal) or plan.goal,
        through=len(plan.through),
        stopping=len(plan.stopping),
        there=len(plan.needless),
        without=len(plan.without),
        conflicts=tuple(conflicts),
        resolved=tuple(map(_resolved, plan.settled)),
    )


def _resolved(one: SettledConflict) -> ResolvedConflict:
    resolution, state, *_ = one.listed
    return ResolvedConflict(
        one.subject, resolution.path, resolution.key, resolution.date, state, one.clusters
    )


def _member(fleet: Fleet, one: Standing) -> ReportedCluster:
    recorded = one.recorded
    labels = [f"{key}={value}" for key, value in sorted(one.member.labels.items())]
    return ReportedCluster(
        name=one.member.name,
        wave=one.member.wave,
        labels=tuple(labels),
        release=one.release,
        tip=one.tip,
        behind=one.behind,
        record=recorded.name if recorded else "",
        deployed=recorded.seconds if recorded else 0,
        unrecorded=recorded.commits_since if recorded else None,
        rules=tuple(dict.fromkeys(finding.rule for finding in one.findings)),
        fetched=one.fetched,
        failure=(one.error or one.state) if one.failed else "",
        prepared=fleet.scheme.version(one.prepared) or one.prepared,
    )
