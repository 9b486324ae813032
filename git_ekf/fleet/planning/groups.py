"""The conflicts of many clusters, each once.

Two are the same where they are of the same kind, at the same paths, and what is between git's
conflict markers is the same, whatever is around it: as git-rerere(1) tells them apart. Without
markers the files in conflict have to be the same. Conflicts of one commit in the same clusters are
one thing to do, whatever the number of files.

Those that the team has resolved are listed by the resolution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.fleet.planning.sides import Left, Run
from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry
from git_ekf.replay.merging import Conflict
from git_ekf.replay.stack import Commit
from git_ekf.replay.step import ReplayStep
from git_ekf.resolutions.judging import Examiner, ListedResolution

if TYPE_CHECKING:
    from git_ekf.fleet.planning.together import PlannedCluster
    from git_ekf.resolutions.answers import UnusedResolution

_ID = 12


class FirstConflict(NamedTuple):
    """A conflict of a commit that is behind no other. The same conflict has the same `id`."""

    commit: str
    subject: str
    kind: str
    paths: tuple[str, ...]
    id: str


class Offered(NamedTuple):
    """A resolution that fits a conflict in some clusters, by name, and is not used there."""

    unused: UnusedResolution
    clusters: tuple[str, ...]


class Group(NamedTuple):
    """Conflicts that one commit has in some clusters, by name, in the order of the fleet.

    `commit` and `subject` are those of the first of them. `resolutions` fit one of the conflicts in
    some of the clusters.
    """

    id: str
    commit: str
    subject: str
    conflicts: tuple[FirstConflict, ...]
    clusters: tuple[str, ...]
    resolutions: tuple[Offered, ...] = ()


def first_conflicts(git: Git, runs: Mapping[str, Run]) -> dict[str, tuple[FirstConflict, ...]]:
    """The conflicts of each run that no other is before, by its name."""
    found = []
    for name, run in runs.items():
        for step, conflict in _first(run.steps):
            left = run.left.get((step.commit.oid, conflict.paths), Left((), ""))
            found.append((name, step, conflict, left))
    blobs = sorted({left.marked for *_, left in found if left.marked})
    hunks = {}
    for oid, blob in zip(blobs, git.read_objects(blobs), strict=True):
        hunks[oid] = _hunks(blob.content) if blob else b""
    conflicts: dict[str, tuple[FirstConflict, ...]] = dict.fromkeys(runs, ())
    for name, step, conflict, left in found:
        what = hunks.get(left.marked, b"") or _named(left.entries)
        conflicts[name] += (_first_conflict(step, conflict, what),)
    return conflicts


def conflicts_alone(steps: Iterable[ReplayStep]) -> tuple[FirstConflict, ...]:
    """The same of a cluster that was planned by itself, by what its commits change."""
    found = []
    for step, conflict in _first(steps):
        entries: list[Entry | None] = []
        for path in conflict.paths:
            entries += step.commit.changes.get(path, (None, None))
        found.append(_first_conflict(step, conflict, _named(entries)))
    return tuple(found)


def _first(steps: Iterable[ReplayStep]) -> Iterator[tuple[ReplayStep, Conflict]]:
    for step in steps:
        if step.verdict == "conflict" and not step.depends:
            for conflict in step.conflicts:
                yield step, conflict


def _first_conflict(step: ReplayStep, conflict: Conflict, what: bytes) -> FirstConflict:
    kind, paths = conflict.kind, conflict.paths
    words = "\0".join((kind, *paths, "")).encode("utf-8", "surrogateescape")
    return FirstConflict(step.commit.oid, step.commit.subject, kind, paths, _digest(words + what))


def _named(entries: Iterable[Entry | None]) -> bytes:
    return "\0".join(f"{entry.mode} {entry.oid}" if entry else "" for entry in entries).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_ID]


def _hunks(content: bytes) -> bytes:
    """The sides of all conflicts in a file, those of each in order of their bytes; b"" for none."""
    found: list[bytes] = []
    sides: list[list[bytes]] = []
    for line in content.split(b"\n"):
        if line.startswith(b"<<<<<<< "):
            sides = [[]]
        elif sides and line.startswith((b"||||||| ", b"=======")):
            sides.append([])
        elif sides and line.startswith(b">>>>>>> "):
            found += sorted((b"\n".join(sides[0]), b"\n".join(sides[-1])))
            sides = []
        elif sides:
            sides[-1].append(line)
    return b"\0".join(found)


def groups(planned: Sequence[PlannedCluster]) -> list[Group]:
    """All that there is to resolve; that of most clusters comes first."""
    alike: dict[str, tuple[FirstConflict, dict[str, None]]] = {}  # the first, and all clusters
    for one in planned:
        for conflict in one.conflicts:
            _, clusters = alike.setdefault(conflict.id, (conflict, {}))
            clusters[one.name] = None
    folded: dict[tuple[str, tuple[str, ...]], list[FirstConflict]] = {}
    for conflict, names in alike.values():
        folded.setdefault((conflict.commit, tuple(names)), []).append(conflict)
    found = []
    unused = {one.name: one.plan.refused for one in planned if one.plan and one.plan.refused}
    for (commit, listed), conflicts in folded.items():
        whole = _digest("\0".join(sorted(conflict.id for conflict in conflicts)).encode())
        of_one = tuple(sorted(conflicts, key=lambda conflict: conflict.paths))
        offered = tuple(_offered(conflicts, {name: unused.get(name, ()) for name in listed}))
        found.append(Group(whole, commit, of_one[0].subject, of_one, listed, offered))
    return sorted(found, key=lambda group: (-len(group.clusters), group.conflicts[0].paths))


def _offered(
    conflicts: Iterable[FirstConflict], unused: Mapping[str, Sequence[UnusedResolution]]
) -> Iterator[Offered]:
    """The resolutions for paths of some conflicts, of those that clusters do not use."""
    paths = {path for conflict in conflicts for path in conflict.paths}
    clusters: dict[UnusedResolution, list[str]] = {}
    for name, of_cluster in unused.items():
        for one in of_cluster:
            if one.path in paths:
                clusters.setdefault(one, []).append(name)
    for one, names in clusters.items():
        yield Offered(one, tuple(names))


class SettledConflict(NamedTuple):
    """A conflict that a resolution settles, in the clusters (names, in the order of the fleet).

    `commit` and `subject` are those of the first of them.
    """

    listed: ListedResolution
    commit: str
    subject: str
    clusters: tuple[str, ...]


def settled(examiner: Examiner, planned: Sequence[PlannedCluster]) -> list[SettledConflict]:
    """All that resolutions settle, as far as no other conflict is before it; the most first.

    Raises GitFailed, Refused.
    """
    alike: dict[str, tuple[Commit, dict[str, None]]] = {}  # the first commit, and all clusters
    for one in planned:
        for step in one.plan.steps if one.plan else ():
            for settlement in () if step.depends else step.settled:
                if settlement.resolution:
                    _, clusters = alike.setdefault(settlement.resolution, (step.commit, {}))
                    clusters[one.name] = None
    found = []
    for key, (commit, names) in alike.items():
        listed = examiner.listed(examiner.kept[key])
        found.append(SettledConflict(listed, commit.oid, commit.subject, tuple(names)))
    return sorted(found, key=lambda one: (-len(one.clusters), one.listed.resolution.path))
