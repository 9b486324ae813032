"""The conflicts of many clusters that the team has resolved, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.resolutions.judging import Examiner, ListedResolution

if TYPE_CHECKING:
    from git_ekf.fleet.planning.together import PlannedCluster


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
    clusters: dict[str, dict[str, None]] = {}
    commits: dict[str, tuple[str, str]] = {}
    for one in planned:
        for step in one.plan.steps if one.plan else ():
            for settlement in () if step.depends else step.settled:
                if settlement.resolution:
                    clusters.setdefault(settlement.resolution, {})[one.name] = None
                    commit = step.commit.oid, step.commit.subject
                    commits.setdefault(settlement.resolution, commit)
    found = []
    for key, names in clusters.items():
        listed = examiner.listed(examiner.kept[key])
        found.append(SettledConflict(listed, *commits[key], tuple(names)))
    return sorted(found, key=lambda one: (-len(one.clusters), one.listed.resolution.path))
