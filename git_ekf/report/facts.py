"""What a report about a cluster says, as plain data: for the page, and for --json."""

from __future__ import annotations

from typing import NamedTuple

VERIFIED, DOUBTED, UNTRUE = "verified", "verified, but", "not verified"


class Deployed(NamedTuple):
    """A deploy record.

    `date` is the day in its name, `seconds` when its tag was made (since 1970; 0 where nobody
    knows), `who` made it. `context` and `fields`, the further ones, are as people wrote them.
    `verdict` is VERIFIED, DOUBTED or UNTRUE, with the `findings` that make it so; `saved` is
    whether `internal` has the record, as last fetched. `adopted_by` are records that stand for
    this one. `ahead`: it is from the future, so that it decides nothing.
    """

    name: str
    date: str
    number: int
    branch: str
    release: str
    commit: str
    seconds: int
    who: str
    context: str
    fields: tuple[tuple[str, str], ...]
    verdict: str
    findings: tuple[str, ...]
    saved: bool
    adopted_by: tuple[str, ...]
    runs: bool
    ahead: bool


class RunningRelease(NamedTuple):
    """The newest deploy record, and what is around it.

    `record` is its place among the deployments. `base` is the vendor's commit below, "" where it is
    not known here; `configuration` counts the commits on it. `behind` counts what the vendor's
    channel has more, None where the channel is not known; `newer` are later releases.
    `not_deployed` counts the commits of its release branch, saved or here, that the record has not.
    """

    record: int
    base: str
    configuration: int
    behind: int | None
    newer: tuple[str, ...]
    not_deployed: int


# What became of a configuration commit when the cluster moved.
CARRIED, ADAPTED, VENDORS, LEFT, NEW = "carried", "adapted", "vendor has it", "left out", "new"


class Carried(NamedTuple):
    """A configuration commit and what became of it.

    Carried: the same lines on the new base. Adapted: other lines, as where a conflict was resolved.
    Vendor has it: dropped, as the vendor has the same change. Left out: the new branch has none
    like it. New: the old one had none like it. `commit` is the one of the new branch, where there
    is one.
    """

    commit: str
    subject: str
    who: str
    state: str


class Move(NamedTuple):
    """Two deployments, one after the other, that stand on different commits of the vendor's.

    `kind` is upgrade, sync (the same release) or return (to an earlier commit of the vendor's);
    `record` and `before` are places among the deployments. `vendor_files` and `vendor_commits`
    count what the vendor changed in between.
    """

    kind: str
    record: int
    before: int
    old_base: str
    new_base: str
    vendor_files: int
    vendor_commits: int
    commits: tuple[Carried, ...]

    def number(self, state: str) -> int:
        """How many of its commits are in a state."""
        return sum(commit.state == state for commit in self.commits)


class Customised(NamedTuple):
    """A file that the cluster has otherwise than the vendor.

    `status` is git's letter; `added` and `deleted` count lines, None for a binary file. `commit`
    and `subject` are of the last configuration commit on it.
    """

    path: str
    old_path: str
    status: str
    added: int | None
    deleted: int | None
    commit: str
    subject: str


class ClusterReport(NamedTuple):
    """A report about one cluster.

    `made` is when, `asked` when `internal` was asked last (seconds since 1970; None: never). The
    deployments are newest first, as in `git ekf log`, the moves too; `unseen_moves` counts older
    ones that were not looked at. `upgrades` counts all moves to a later release.
    """

    cluster: str
    made: int
    asked: float | None
    running: RunningRelease | None
    deployments: tuple[Deployed, ...]
    moves: tuple[Move, ...]
    unseen_moves: int
    upgrades: int
    files: tuple[Customised, ...]
