"""The deploy records that a repository has: their names, refs and tag objects."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.refs import DISPLACED, KEPT, RECORDS, SAVED, TAGS, RefUpdate
from git_ekf.git.tagobject import TagObject, parse_tag
from git_ekf.names import RecordName, Scheme, record_name, valid_day
from git_ekf.record import Record, parse
from git_ekf.repository import Repository
from git_ekf.shown import shell


class RecordTag:
    """A ref under refs/tags/deploy/.

    `raw` is its tag object as git stores it, None where it is not an annotated tag.
    """

    def __init__(self, ref: str, oid: str, raw: bytes | None) -> None:
        self.ref = ref
        self.name = ref.removeprefix(TAGS)
        self.oid = oid
        self.raw = raw

    @property
    def tagged(self) -> str:
        """The object that it names: a commit, unless it was made wrongly by hand."""
        if self.raw is None:
            return self.oid
        # git takes no tag object that begins otherwise (git-mktag(1)).
        return self.raw[len(b"object ") : self.raw.index(b"\n")].decode()

    @cached_property
    def tag(self) -> TagObject | None:
        """The tag object, taken apart when it is first asked for.

        Of thousands, most commands want few.
        """
        return None if self.raw is None else parse_tag(self.raw)

    def said(self, expected: tuple[str, ...]) -> Record:
        """Its fields; none where it is not an annotated tag. `expected` as for `parse`."""
        return parse(self.tag.message if self.tag else "", expected)


def record_names(repo: Repository, *patterns: str) -> list[str]:
    """Names of the deploy records, as git sorts them; none of them is read.

    Of all, or of those that patterns behind deploy/ match (git-for-each-ref(1)).
    """
    if patterns:
        found = repo.git.refs(*(RECORDS + pattern for pattern in patterns))
        return [ref.name.removeprefix(TAGS) for ref in found]
    return list(_records_under(repo, TAGS))


def _records_under(repo: Repository, prefix: str) -> dict[str, str]:
    """Name -> object id of the deploy records whose refs begin so."""
    refs = repo.record_refs.items()
    return {ref.removeprefix(prefix): oid for ref, oid in refs if ref.startswith(prefix)}


def saved_records(repo: Repository) -> dict[str, str]:
    """Name -> object id of the deploy records that `internal` has, as last fetched."""
    return _records_under(repo, SAVED)


def unsaved_records(repo: Repository, branch: str = "") -> list[str]:
    """Names of the deploy records, of one release or all, that `internal` does not have.

    It goes by what was last fetched. Under the same name it may have somebody else's.
    """
    saved = saved_records(repo)
    ending = f"/{branch}" if branch else ""
    return [
        name
        for name, oid in _records_under(repo, TAGS).items()
        if name.endswith(ending) and saved.get(name) != oid
    ]


def restore_records(repo: Repository) -> list[str]:
    """Puts back the deploy records that refs/tags has lost; their names.

    `git fetch --prune` and its kin take away what the remote does not have. So every record is also
    kept under a ref that no refspec names. Records of `internal` that a fetch did not bring as
    tags, because no branch leads to them, come along, and are not among the names.
    """
    here, saved, kept = (_records_under(repo, prefix) for prefix in (TAGS, SAVED, KEPT))
    scheme = repo.config.scheme
    missing = {
        name: oid
        for name, oid in (kept | saved).items()
        if name not in here and _may_be_record(name, scheme)
    }
    absent = "0" * len(next(iter(missing.values()), ""))
    updates = [RefUpdate(TAGS + name, absent, oid) for name, oid in missing.items()]
    for name, oid in (missing | here).items():
        if kept.get(name) != oid and _may_be_record(name, scheme):
            updates.append(RefUpdate(KEPT + name, "", oid))
            if name in kept:  # of somebody else, and was perhaps never saved
                updates.append(RefUpdate(DISPLACED + kept[name], "", kept[name]))
    # Such a name cannot be beside another, perhaps: doctor says so.
    with suppress(CallFailed, Refused):
        repo.git.update_refs(updates)
    return [name for name in missing if name in kept]


def _may_be_record(name: str, scheme: Scheme) -> bool:
    """Whether a tag is worth keeping: by its name, also where releases had another one once.

    Others may be in the way of records, and have to go.
    """
    parts = name.split("/", 2)
    if len(parts) < 3 or not valid_day(parts[1].partition(".")[0]):
        return False
    return "/" not in parts[2] or scheme.is_release(parts[2])


def how_to_delete(repo: Repository, name: str) -> str:
    """The command that deletes a record here, and what keeps it: else it would be put back."""
    delete = f"git tag -d {shell(name)}"
    if not _may_be_record(name, repo.config.scheme):
        return delete
    return f"{delete} && git update-ref -d {shell(KEPT + name)}"


def read_records(repo: Repository, *patterns: str) -> list[RecordTag]:
    """Deploy records by name: all, or those that patterns of refs match."""
    return [
        RecordTag(ref.name, ref.oid, ref.content if ref.type == "tag" else None)
        for ref in repo.git.ref_objects(*(patterns or (RECORDS,)))
    ]


def last_record_by_name(repo: Repository, branch: str) -> RecordTag | None:
    """The record of a release branch with the latest day and number in its name."""
    dated = []
    for name in record_names(repo):
        parts = record_name(name, repo.config.scheme)
        if isinstance(parts, RecordName) and parts.branch == branch:
            dated.append((parts.date, parts.number, name))
    return read_records(repo, TAGS + max(dated)[2])[0] if dated else None
