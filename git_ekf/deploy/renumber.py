"""Deploy records whose name somebody else took on `internal` meanwhile, under the next free one."""

from __future__ import annotations

import os

from git_ekf.deploy.write import next_name
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import KEPT, RECORDS, TAGS, RefUpdate
from git_ekf.names import RecordName, record_name
from git_ekf.record import is_signed
from git_ekf.records import read_records, saved_records
from git_ekf.repository import Repository
from git_ekf.transaction.perform import exclusive


def taken(repo: Repository) -> dict[str, tuple[str, str]]:
    """Name -> object ids (here, on `internal`) of records that are two different ones."""
    there = saved_records(repo)
    found = {}
    for ref, oid in repo.record_refs.items():
        name = ref.removeprefix(TAGS)
        if ref.startswith(RECORDS) and there.get(name, oid) != oid:
            found[name] = (oid, there[name])
    return found


def renumber(repo: Repository) -> list[tuple[str, str]]:
    """Gives the records here that are not on `internal` a name that is free: (old, new).

    Nothing else of them changes. A signed one stays as it is, for its name is signed too. Raises
    Refused where another command is at work.
    """
    done = []
    names = {name: ids for name, ids in taken(repo).items() if _can_be_renamed(repo, name)}
    if not names:
        return []
    with exclusive(repo), Quarantine(repo.git, repo.place.objects) as quarantine:
        for name, (ours, theirs) in names.items():
            old = record_name(name, repo.config.scheme)
            assert isinstance(old, RecordName)
            new = str(next_name(repo, old.date, old.branch))
            head, end, message = (read_records(repo, TAGS + name)[0].raw or b"").partition(b"\n\n")
            named = head.replace(b"\ntag " + os.fsencode(name), b"\ntag " + os.fsencode(new))
            oid = quarantine.git(repo.git).write_tag(named + end + message)
            quarantine.migrate(oid)
            updates = [
                RefUpdate(TAGS + new, "0" * len(oid), oid),
                RefUpdate(KEPT + new, "", oid),
                RefUpdate(TAGS + name, ours, theirs),
                RefUpdate(KEPT + name, "", theirs),
            ]
            repo.git.update_refs(updates)
            done.append((name, new))
    return done


def _can_be_renamed(repo: Repository, name: str) -> bool:
    record = read_records(repo, TAGS + name)[0]
    is_well_named = isinstance(record_name(name, repo.config.scheme), RecordName)
    return is_well_named and record.tag is not None and not is_signed(record.tag.message)
