"""What a report about a cluster says, gathered from its repository."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.cluster import Cluster, asking_times, cluster_of
from git_ekf.deploy.read import Deployment, deployments
from git_ekf.git.tagobject import TagObject
from git_ekf.internal import last_asked
from git_ekf.names import AHEAD, RECORD_FIELDS
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_records
from git_ekf.record import ADOPTS
from git_ekf.report.facts import (
    DOUBTED,
    UNTRUE,
    VERIFIED,
    ClusterReport,
    Customised,
    Deployed,
    RunningRelease,
)
from git_ekf.report.lines import Lines
from git_ekf.report.moves import kind_of, moves_between
from git_ekf.repository import Repository

# Upgrades and syncs that are looked at, the newest: each asks git a few times.
_MOVES = 30


def cluster_report(repo: Repository, now: float) -> ClusterReport:
    """All of it. `now` is in seconds since 1970. Raises Refused, GitFailed."""
    cluster = cluster_of(repo)
    known = deployments(repo)
    lines = Lines(repo, [record.commit for record in known])
    deployed = _deployed(repo, known, cluster, now)
    in_time = [at for at in _in_time(repo, deployed) if deployed[at].commit in lines.here]
    moved = [
        pair for pair in zip(in_time[1:], in_time, strict=False) if _moves(lines, deployed, pair)
    ]
    pairs = moved[::-1][:_MOVES]
    scheme = repo.config.scheme
    kinds = [kind_of(scheme, deployed[old].branch, deployed[new].branch) for new, old in moved]
    running = _running(repo, deployed, lines)
    return ClusterReport(
        cluster=cluster.name,
        made=int(now),
        asked=last_asked(repo),
        running=running,
        deployments=tuple(deployed),
        moves=tuple(moves_between(repo, deployed, lines, pairs)),
        unseen_moves=len(moved) - len(pairs),
        upgrades=kinds.count("upgrade"),
        files=tuple(_customised(repo, deployed[running.record].commit, lines)) if running else (),
    )


# --- the deployments ---


class _About(NamedTuple):
    """What is known of all records, by their names (or refs)."""

    findings: dict[str, list[Finding]]
    adopters: dict[str, list[str]]
    seconds: dict[str, int]


def _deployed(
    repo: Repository, known: list[Deployment], cluster: Cluster, now: float
) -> list[Deployed]:
    times = asking_times(repo)
    about = _About({}, {}, {})
    for finding in judge_records(repo, [record.tag for record in known]):
        about.findings.setdefault(finding.ref or "", []).append(finding)
    on = {record.tag.name: record.commit for record in known}
    for record in known:
        if f"\n{ADOPTS}: ".encode() not in (record.tag.raw or b""):
            continue
        for name in record.record.values(ADOPTS):
            if name != record.tag.name and on.get(name) == record.commit:
                about.adopters.setdefault(name, []).append(record.tag.name)
    about.seconds.update((time.ref, time.seconds) for time in times.result())
    runs = cluster.running.tag.oid if cluster.running else ""
    scheme = repo.config.scheme
    found = []
    for record in known:
        release = scheme.version(record.name.branch) or record.name.branch
        found.append(_one(record, release, about, runs, now))
    return found


def _one(record: Deployment, release: str, about: _About, runs: str, now: float) -> Deployed:
    findings = about.findings.get(record.tag.ref, [])
    verdict = DOUBTED if findings else VERIFIED
    if any(finding.severity == "error" for finding in findings):
        verdict = UNTRUE
    usual = {name.casefold() for name in (*RECORD_FIELDS, ADOPTS)}
    further = [field for field in record.record.fields if field[0].casefold() not in usual]
    seconds = about.seconds.get(record.tag.ref, 0)
    return Deployed(
        name=record.tag.name,
        date=record.name.date,
        number=record.name.number,
        branch=record.name.branch,
        release=release,
        commit=record.commit,
        seconds=seconds,
        who=_who(record.tag.tag),
        context=record.context,
        fields=tuple(further),
        verdict=verdict,
        findings=tuple(finding.message for finding in findings),
        saved=record.saved,
        adopted_by=tuple(about.adopters.get(record.tag.name, ())),
        runs=record.tag.oid == runs,
        ahead=seconds > now + AHEAD,
    )


def _who(tag: TagObject | None) -> str:
    """The name of who made a tag; "" where it does not say."""
    return tag.tagger.rpartition(" <")[0] if tag else ""


def _in_time(repo: Repository, deployed: list[Deployed]) -> list[int]:
    """The places of those that count, in the order in which the cluster ran them."""
    key = repo.config.scheme.key
    places = [at for at, record in enumerate(deployed) if not record.ahead]

    def order(at: int) -> tuple[int, str, int, tuple[int, ...]]:
        record = deployed[at]
        return record.seconds, record.date, record.number, key(record.branch)

    return sorted(places, key=order)


def _moves(lines: Lines, deployed: list[Deployed], pair: tuple[int, int]) -> bool:
    """Whether the first of two stands on another commit of the vendor's than the second."""
    new, old = (lines.base(deployed[at].commit) for at in pair)
    return bool(new and old and new != old)


# --- what runs ---


def _running(repo: Repository, deployed: list[Deployed], lines: Lines) -> RunningRelease | None:
    place = next((at for at, record in enumerate(deployed) if record.runs), None)
    if place is None:
        return None
    record = deployed[place]
    key, channel = repo.config.scheme.key, repo.channel(record.branch)
    is_here = record.commit in lines.here
    branches = (repo.release_branches, repo.saved_branches)
    tips = {tip for known in branches if (tip := known.get(record.branch))}
    later = 0
    if tips and is_here:
        # Not what a sync has brought of the vendor's, which `behind` counts.
        later = len(repo.own_commits_of(sorted(tips), (record.commit,)))
    return RunningRelease(
        record=place,
        base=lines.base(record.commit) if is_here else "",
        configuration=len(lines.own(record.commit)),
        behind=repo.git.count([channel], [record.commit]) if channel and is_here else None,
        newer=tuple(name for name in repo.channels if key(name) > key(record.branch)),
        not_deployed=later,
    )


def _customised(repo: Repository, commit: str, lines: Lines) -> list[Customised]:
    base = lines.base(commit) if commit in lines.here else ""
    if not base:
        return []
    last: dict[str, tuple[str, str]] = {}
    for oid, subject, changes in repo.git.changes_of(lines.own(commit)):
        for path in changes:
            last.setdefault(path, (oid, subject))
    found = []
    for file in repo.git.changed_files(base, commit, []):
        oid, subject = last.get(file.path, ("", ""))
        found.append(
            Customised(
                file.path, file.old_path, file.status, file.added, file.deleted, oid, subject
            )
        )
    return found
