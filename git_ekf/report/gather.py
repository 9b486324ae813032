"""What a report about a cluster says, gathered from its repository."""

from __future__ import annotations

from itertools import pairwise

from git_ekf.cluster import Cluster, asking_times, cluster_of
from git_ekf.deploy.read import Deployment, adopters, adoptions, deployments
from git_ekf.internal import last_asked
from git_ekf.names import AHEAD, RECORD_FIELDS, recency
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
from git_ekf.report.moves import Lines, kind_of, moves_between
from git_ekf.repository import Repository

# Upgrades and syncs that are looked at, the newest: each asks git a few times.
_MOVES = 30


def cluster_report(repo: Repository, now: float) -> ClusterReport:
    """All of it. `now` is in seconds since 1970. Raises Refused, GitFailed."""
    cluster = cluster_of(repo)
    known = deployments(repo)
    lines = Lines(repo, [record.commit for record in known])
    deployed = _deployed(repo, known, cluster, now)
    counting = [at for at, one in enumerate(deployed) if not one.ahead and one.commit in lines.here]
    scheme = repo.config.scheme
    counting.sort(key=lambda at: recency(deployed[at].seconds, known[at].name, scheme))
    moved = []
    for old, new in pairwise(counting):  # as the cluster ran them
        before, after = lines.base(deployed[old].commit), lines.base(deployed[new].commit)
        if before and after and before != after:
            moved.append((new, old))
    pairs = moved[::-1][:_MOVES]
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


def _deployed(
    repo: Repository, known: list[Deployment], cluster: Cluster, now: float
) -> list[Deployed]:
    times = asking_times(repo)
    findings: dict[str | None, list[Finding]] = {}
    for finding in judge_records(repo, [record.tag for record in known]):
        findings.setdefault(finding.ref, []).append(finding)
    adopted = adoptions(known)
    made = {time.ref: time.seconds for time in times.result()}
    running = cluster.running.tag.oid if cluster.running else ""
    usual = {name.casefold() for name in (*RECORD_FIELDS, ADOPTS)}
    found = []
    for record in known:
        name, tag = record.name, record.tag
        doubts = findings.get(tag.ref, [])
        verdict = DOUBTED if doubts else VERIFIED
        if any(finding.severity == "error" for finding in doubts):
            verdict = UNTRUE
        further = [field for field in record.record.fields if field[0].casefold() not in usual]
        seconds = made.get(tag.ref, 0)
        found.append(
            Deployed(
                name=tag.name,
                date=name.date,
                number=name.number,
                branch=name.branch,
                release=repo.config.scheme.version(name.branch) or name.branch,
                commit=record.commit,
                seconds=seconds,
                who=tag.tag.tagger.rpartition(" <")[0] if tag.tag else "",
                context=record.context,
                fields=tuple(further),
                verdict=verdict,
                findings=tuple(finding.message for finding in doubts),
                saved=record.saved,
                adopted_by=tuple(adopters(record, adopted)),
                runs=tag.oid == running,
                ahead=seconds > now + AHEAD,
            )
        )
    return found


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
        base=lines.base(record.commit),
        configuration=len(lines.own(record.commit)),
        behind=repo.git.count([channel], [record.commit]) if channel and is_here else None,
        newer=tuple(name for name in repo.channels if key(name) > key(record.branch)),
        not_deployed=later,
    )


def _customised(repo: Repository, commit: str, lines: Lines) -> list[Customised]:
    base = lines.base(commit)
    if not base:
        return []
    last: dict[str, tuple[str, str]] = {}
    for oid, subject, changes in repo.git.changes_of(lines.own(commit)):
        for path in changes:
            last.setdefault(path, (oid, subject))
    found = []
    for file in repo.git.changed_files(base, commit, []):
        oid, subject = last.get(file.path, ("", ""))
        found.append(Customised(**file._asdict(), commit=oid, subject=subject))
    return found
