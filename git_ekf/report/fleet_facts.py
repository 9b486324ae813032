"""A fleet as a report shows it, as plain data."""

from __future__ import annotations

from typing import NamedTuple


class ReportedCluster(NamedTuple):
    """A cluster of the fleet, as far as it is known; "" and None for what is not.

    `labels` are written KEY=VALUE. `failure` says why it is not known as it is now, but as it was
    at `fetched` (seconds since 1970; 0: never). `behind` counts what the vendor's channel has
    beyond its base, `unrecorded` its commits beyond its newest deploy record, which is called
    `record` and was made at `deployed`. `prepared` is a newer release that it has a branch of.
    `rules` are those that it breaks.
    """

    name: str
    wave: str
    labels: tuple[str, ...]
    release: str
    tip: str
    behind: int | None
    record: str
    deployed: int
    unrecorded: int | None
    rules: tuple[str, ...]
    fetched: float
    failure: str
    prepared: str = ""


class UnusedAnswer(NamedTuple):
    """A resolution, by its key, that fits in so many clusters and is not used there: why.

    `waiting`: it would be, once somebody approves it.
    """

    key: str
    why: str
    waiting: bool
    clusters: int


class SharedConflict(NamedTuple):
    """A conflict of a commit in an upgrade, once for all clusters that would stop at it.

    `kind` is git's word for the first conflict, `paths` are those of all; `clusters` are names.
    `unused` are the resolutions that there are.
    """

    subject: str
    kind: str
    paths: tuple[str, ...]
    clusters: tuple[str, ...]
    unused: tuple[UnusedAnswer, ...] = ()


class ResolvedConflict(NamedTuple):
    """A conflict of a commit in a file that a resolution settles in clusters, by name.

    `key` and `date` are those of the resolution, `state` is signed or approved.
    """

    subject: str
    path: str
    key: str
    date: str
    state: str
    clusters: tuple[str, ...]


class PlannedUpgrade(NamedTuple):
    """The upgrade of the fleet to a release, in numbers of clusters.

    `through` would go through, `stopping` would stop, `there` need none; of those `without` nothing
    can be said. `conflicts` are left to be resolved, `resolved` are those that resolutions settle.
    """

    release: str
    through: int
    stopping: int
    there: int
    without: int
    conflicts: tuple[SharedConflict, ...]
    resolved: tuple[ResolvedConflict, ...] = ()


class FleetReport(NamedTuple):
    """A report about many clusters.

    `vendor` is an address, `fetched` when it was last fetched (seconds since 1970; 0: never),
    `made` when the report was. `waves` and `releases` are in their order; `days` (YYYY-MM-DD) are
    those of all deploy records of all clusters. `plan` is None where none was made.
    """

    vendor: str
    fetched: float
    made: int
    waves: tuple[str, ...]
    releases: tuple[str, ...]
    members: tuple[ReportedCluster, ...]
    days: tuple[str, ...]
    plan: PlannedUpgrade | None = None
