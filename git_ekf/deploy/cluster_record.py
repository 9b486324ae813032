"""Which deploy record says what the cluster runs."""

from __future__ import annotations

from git_ekf.names import RecordName, record_name
from git_ekf.records import RecordTag, read_records
from git_ekf.repository import Repository


def cluster_record(repo: Repository) -> RecordTag | None:
    """The newest well-named record over all releases, by the time of its tag; None without one."""
    found = []
    for tag in read_records(repo):
        name = record_name(tag.name, repo.config.scheme)
        if isinstance(name, RecordName) and tag.tag:
            found.append((tag.tag.time, name.date, name.number, tag))
    return max(found, key=lambda one: one[:3])[3] if found else None


def deployed_commit(repo: Repository) -> str:
    """The commit that the cluster runs, by its record; "" where none is known here."""
    record = cluster_record(repo)
    return repo.git.commit(record.tagged) or "" if record else ""
