"""What a page about a fleet shows of its clusters."""

from __future__ import annotations

from collections.abc import Sequence

from git_ekf.fleet.file import Fleet
from git_ekf.fleet.standing import Known, Standing
from git_ekf.report.fleet_facts import FleetReport, Member


def fleet_report(
    fleet: Fleet, known: Known, chosen: Sequence[Standing], seconds: float
) -> FleetReport:
    """The report of some clusters, made at a time (seconds since 1970)."""
    days: list[str] = []
    for one in chosen:
        days += one.days
    releases = [fleet.scheme.version(channel) or channel for channel in known.channels]
    return FleetReport(
        vendor=fleet.vendor,
        heard=known.vendor.seconds,
        made=int(seconds),
        waves=fleet.waves,
        releases=tuple(releases),
        members=tuple(map(_member, chosen)),
        days=tuple(days),
    )


def _member(one: Standing) -> Member:
    recorded = one.recorded
    labels = [f"{key}={value}" for key, value in sorted(one.member.labels.items())]
    return Member(
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
        heard=one.heard,
        failure=(one.error or one.state) if one.failed else "",
    )
