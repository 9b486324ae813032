"""Deploy records, read back: listed, found, and held against the repository."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.cluster import cluster_of
from git_ekf.errors import Refused, UsageError
from git_ekf.git.refs import RECORDS, TAGS
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.record import ADOPTS, Record
from git_ekf.record import context as context_of
from git_ekf.records import RecordTag, read_records, record_names, saved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell


class Deployment(NamedTuple):
    """A deploy record as it is listed; `saved` is whether `internal` has it, as last fetched.

    `expected` are the fields that the configuration requires.
    """

    name: RecordName
    tag: RecordTag
    expected: tuple[str, ...]
    saved: bool

    @property
    def record(self) -> Record:
        """Read when it is asked for: of thousands, most commands want one."""
        return self.tag.said(self.expected)

    @property
    def commit(self) -> str:
        """The tagged object: a commit, unless the record was made wrongly by hand."""
        return self.tag.tagged

    @property
    def context(self) -> str:
        """The context, "" without one."""
        return context_of(self.tag.raw, self.expected) if self.tag.raw else ""

    @property
    def adopts(self) -> list[str]:
        """The names of the older records that it says that it stands for."""
        if f"\n{ADOPTS}: ".encode() not in (self.tag.raw or b""):  # nearly always
            return []
        return self.record.values(ADOPTS)

    @property
    def order(self) -> tuple[str, int]:
        """For sorting the records of a release by the day they name."""
        return self.name.date, self.name.number


# --- reading ---


def deployments(repo: Repository, release: str = "") -> list[Deployment]:
    """Well-named records, newest first; of one release where it is named.

    Raises UsageError for what does not name one.
    """
    scheme = repo.config.scheme
    branch = scheme.parse(release) if release else ""
    if branch is None:
        raise UsageError(f"{release} is not a release", "git ekf releases lists them")
    patterns = [f"{RECORDS}*/{branch}"] if branch else []
    saved = saved_records(repo)
    found = []
    for tag in read_records(repo, *patterns):
        name = record_name(tag.name, scheme)
        if isinstance(name, RecordName):
            is_saved = saved.get(tag.name) == tag.oid
            found.append(Deployment(name, tag, repo.config.tags_required, is_saved))
    found.sort(key=lambda record: (record.order, scheme.key(record.name.branch)), reverse=True)
    return found


def misnamed(repo: Repository) -> list[str]:
    """Names of the tags below deploy/ that are not called as a record is, so that none counts."""
    scheme = repo.config.scheme
    return [
        name for name in record_names(repo) if not isinstance(record_name(name, scheme), RecordName)
    ]


def adoptions(records: list[Deployment]) -> dict[str, list[Deployment]]:
    """Name of an older record -> those of these records that say that they stand for it."""
    found: dict[str, list[Deployment]] = {}
    for record in records:
        for name in record.adopts:
            found.setdefault(name, []).append(record)
    return found


def adopters(record: Deployment, adopted: dict[str, list[Deployment]]) -> list[str]:
    """The names of the records, among the adoptions, that stand for this one on its commit."""
    name = record.tag.name
    same = [one.tag.name for one in adopted.get(name, ()) if one.commit == record.commit]
    return [other for other in same if other != name]


def find(repo: Repository, text: str) -> Deployment:
    """The record that a name means.

    That is deploy/2026-11-20/release-1.8, the same without deploy/, or a day that has only one; ""
    means what the cluster runs. Raises UsageError, and Refused where
    there is no record at all.
    """
    known = deployments(repo)
    if not text:
        if not known:
            raise Refused("there is no deploy record yet", "git ekf tag")
        running = cluster_of(repo).running
        return next((one for one in known if running and one.tag.oid == running.tag.oid), known[0])
    wanted = DEPLOY + text.removeprefix(TAGS).removeprefix(DEPLOY)
    matches = [record for record in known if f"{record.name}/".startswith(f"{wanted}/")]
    if not matches and wanted in misnamed(repo):
        raise UsageError(
            f"{wanted} {record_name(wanted, repo.config.scheme)}: it counts as no deploy record",
            f"git show {shell(TAGS + wanted)}",
        )
    if not matches:
        raise UsageError(f"there is no deploy record {text}", "git ekf log lists them")
    if len(matches) > 1:
        several = ", ".join(str(record.name) for record in matches[:5])
        raise UsageError(f"{text} could be {several}", "git ekf log lists them")
    return matches[0]


def before(repo: Repository, deployment: Deployment) -> Deployment | None:
    """The record of the same release before this one, of those that are on a commit."""
    for record in deployments(repo, deployment.name.branch):
        if record.order < deployment.order and repo.git.commit(record.commit):
            return record
    return None


def commits_of(repo: Repository, commit: str, previous: Deployment | None) -> list[tuple[str, str]]:
    """(commit, subject) of configuration commits, newest first.

    They are those up to one that are not in the record before.
    """
    known = [previous.commit] if previous else []
    return repo.git.subjects([commit], known, repo.vendor_globs())


def vendor_base(repo: Repository, deployment: Deployment) -> str | None:
    """The vendor's commit that a record stands on, as far as it is known here."""
    channel = repo.channel(deployment.name.branch)
    return repo.git.merge_base(channel, deployment.commit) if channel else None
