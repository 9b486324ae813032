"""The cluster that an internal repository belongs to: its name, and what runs there.

That is what its newest deploy record says, of whatever release, and not what a clone has checked
out.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from git_ekf.git.process import Ahead
from git_ekf.git.questions.refs import TagTime
from git_ekf.git.refs import RECORDS, TAGS
from git_ekf.names import AHEAD, RecordName, normalise_url, recency, record_name
from git_ekf.records import RecordTag, read_records
from git_ekf.repository import Repository


class Running(NamedTuple):
    """The newest deploy record: its name taken apart, its tag, and when that was made.

    `seconds` are those since 1970.
    """

    name: RecordName
    tag: RecordTag
    seconds: int

    @property
    def branch(self) -> str:
        """The release branch that the record is of."""
        return self.name.branch

    @property
    def commit(self) -> str:
        """The commit that was applied."""
        return self.tag.tagged


class Cluster(NamedTuple):
    """A cluster as far as this clone knows it.

    `running` is None where nothing was recorded. `ahead` are names of records that a clock more
    than a day ahead has made: they decide nothing.
    """

    name: str
    running: Running | None
    ahead: list[str]


def asking_times(repo: Repository) -> Ahead[list[TagTime]]:
    """The question when each record was made, asked ahead: for `cluster_of`."""
    return repo.git.asking_tag_times(RECORDS)


def cluster_of(repo: Repository, times: Ahead[list[TagTime]] | None = None) -> Cluster:
    """The cluster by the deploy records that are here.

    Of records of the same second their names decide: see `names.recency`. A restored clone has all
    records as tags: see `records.restore_records`.
    """
    scheme = repo.config.scheme
    latest = time.time() + AHEAD
    ahead: list[str] = []
    newest: tuple[tuple[int, str, int, tuple[int, ...]], RecordName, str] | None = None
    if times is None and repo.record_refs:
        times = asking_times(repo)
    for tag in times.result() if times else []:
        if newest and tag.seconds < newest[0][0]:
            break
        name = record_name(tag.ref.removeprefix(TAGS), scheme)
        if not isinstance(name, RecordName):
            continue
        if tag.seconds > latest:
            ahead.append(str(name))
            continue
        order = recency(tag.seconds, name, scheme)
        if newest is None or order > newest[0]:
            newest = order, name, tag.ref
    running = None
    if newest:
        running = Running(newest[1], read_records(repo, newest[2])[0], newest[0][0])
    return Cluster(cluster_name(repo), running, ahead)


def cluster_name(repo: Repository) -> str:
    """`ekf.name`, else the last part of the internal repository's URL."""
    if repo.config.name:
        return repo.config.name
    # As it was given, and not as `url.<base>.insteadOf` rewrites it.
    url = repo.git_setting(f"remote.{repo.config.internal}.url") or ""
    return normalise_url(url).rpartition("/")[2] or "the cluster"


def branch_to_switch_to(repo: Repository) -> str:
    """The local release branch that the cluster runs, else the newest; "" where there is none."""
    running = cluster_of(repo).running
    if running and running.branch in repo.release_branches:
        return running.branch
    return next(reversed(repo.release_branches), "")


def deployed_commit(repo: Repository) -> str:
    """The commit that the cluster runs; "" where none is known here."""
    running = cluster_of(repo).running
    return repo.git.commit(running.commit) or "" if running else ""
