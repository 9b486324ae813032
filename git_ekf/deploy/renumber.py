"""Deploy records whose name somebody else took on `internal` meanwhile, under the next free one."""

from __future__ import annotations

import os

from git_ekf.deploy.write import next_name
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import KEPT, TAGS, RefUpdate
from git_ekf.names import RecordName, record_name
from git_ekf.record import is_signed
from git_ekf.records import read_records, saved_records, unsaved_records
from git_ekf.repository import Repository
from git_ekf.transaction.perform import exclusive


def taken(repo: Repository) -> list[str]:
    """Names of the records here that `internal` has others of."""
    there = saved_records(repo)
    return [name for name in unsaved_records(repo) if name in there]


def renumber(repo: Repository) -> list[tuple[str, str]]:
    """Gives the records here that are not on `internal` a name that is free: (old, new).

    Nothing else of them changes. A signed one stays as it is, for its name is signed too. Raises
    Refused where another command is at work.
    """
    found = []
    for text in taken(repo):
        name = record_name(text, repo.config.scheme)
        record = read_records(repo, TAGS + text)[0]
        if isinstance(name, RecordName) and record.tag and not is_signed(record.tag.message):
            found.append((name, record))
    if not found:
        return []
    there = saved_records(repo)
    done = []
    with exclusive(repo), Quarantine(repo.git, repo.place.objects) as quarantine:
        for name, record in found:
            new = str(next_name(repo, name.date, name.branch))
            head, end, message = (record.raw or b"").partition(b"\n\n")
            named = head.replace(b"\ntag " + os.fsencode(record.name), b"\ntag " + os.fsencode(new))
            oid = quarantine.git(repo.git).write_tag(named + end + message)
            quarantine.migrate(oid)
            theirs = there[record.name]
            updates = [
                RefUpdate(TAGS + new, "0" * len(oid), oid),
                RefUpdate(KEPT + new, "", oid),
                RefUpdate(record.ref, record.oid, theirs),
                RefUpdate(KEPT + record.name, "", theirs),
            ]
            repo.git.update_refs(updates)
            done.append((record.name, new))
    return done
