"""Deploy records, read back: listed, found, and held against the repository."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.background import Background
from git_ekf.errors import Refused, UsageError
from git_ekf.git.refs import SAVED, TAGS
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_records
from git_ekf.record import Record, parse
from git_ekf.record import context as context_of
from git_ekf.records import RecordTag, read_records
from git_ekf.repository import Repository


class Deployment(NamedTuple):
    """A deploy record as it is listed; `saved` is whether `internal` has it, as last heard.

    `expected` are the fields that the configuration requires.
    """

    name: RecordName
    tag: RecordTag
    expected: tuple[str, ...]
    saved: bool

    @property
    def record(self) -> Record:
        """Read when it is asked for: of thousands, most commands want one."""
        return parse(self.tag.tag.message if self.tag.tag else "", self.expected)

    @property
    def commit(self) -> str:
        """The tagged object: a commit, unless the record was made wrongly by hand."""
        return self.tag.tagged

    @property
    def context(self) -> str:
        """The context of the record, "" without one."""
        return context_of(self.tag.raw, self.expected) if self.tag.raw else ""

    @property
    def sort_key(self) -> tuple[str, int]:
        """Orders records by the day and number in their names."""
        return self.name.date, self.name.number


# --- reading ---


def deployments(repo: Repository, release: str = "") -> list[Deployment]:
    """Well-named records, newest first; of one release when it is named.

    One for-each-ref, however many.
    """
    branch = ""
    if release:
        branch = repo.config.scheme.parse(release) or ""
        if not branch:
            raise UsageError(f"{release} is no release", "git ekf releases lists them")
    listing = Background(lambda: repo.git.refs(SAVED))
    tags = read_records(repo, *([f"{TAGS}{DEPLOY}*/{branch}"] if branch else []))
    saved = {ref.name.removeprefix(SAVED): ref.oid for ref in listing.result()}
    found = []
    for record_tag in tags:
        name = record_name(record_tag.name, repo.config.scheme)
        if isinstance(name, RecordName):
            found.append(
                Deployment(
                    name,
                    record_tag,
                    repo.config.tags_required,
                    saved.get(record_tag.name) == record_tag.oid,
                )
            )
    key = repo.config.scheme.key
    found.sort(key=lambda one: (one.name.date, one.name.number, key(one.name.branch)), reverse=True)
    return found


def find(repo: Repository, text: str) -> Deployment:
    """The record that a name means: deploy/2026-11-20/release-1.8, without deploy/, or a day that
    has only one.

    "" means the newest of the release checked out, or of all. Raises UsageError.
    """
    if not text:
        branch = repo.head_branch
        release = branch if branch and repo.config.scheme.is_release(branch) else ""
        known = deployments(repo, release) or deployments(repo)
        if not known:
            raise Refused("there is no deploy record yet", "git ekf tag")
        return known[0]
    known = deployments(repo)
    wanted = text.removeprefix(TAGS).removeprefix(DEPLOY)
    matches = [one for one in known if str(one.name) == DEPLOY + wanted]
    matches = matches or [one for one in known if str(one.name).startswith(f"{DEPLOY}{wanted}/")]
    if len(matches) != 1:
        several = ", ".join(str(one.name) for one in matches[:5])
        what = f"{text} could be {several}" if matches else f"there is no deploy record {text}"
        raise UsageError(what, "git ekf log lists them")
    return matches[0]


def before(repo: Repository, deployment: Deployment) -> Deployment | None:
    """The record of the same release before this one, of those that are on a commit."""
    older = (
        one
        for one in deployments(repo, deployment.name.branch)
        if one.sort_key < deployment.sort_key
    )
    return next((one for one in older if repo.git.commit(one.commit)), None)


def verify(repo: Repository, deployment: Deployment) -> list[Finding]:
    """The findings of the policy about one record."""
    return judge_records(repo, [deployment.tag])


def commits_of(repo: Repository, commit: str, previous: Deployment | None) -> list[tuple[str, str]]:
    """(commit, subject) of the configuration commits up to one that are not in the record before,
    newest first.
    """
    known = [previous.commit] if previous else []
    return repo.git.subjects([commit], known, repo.vendor_globs())


def vendor_base(repo: Repository, deployment: Deployment) -> str | None:
    """The vendor's commit that a record stands on, as far as it is known here."""
    channel = repo.channel(deployment.name.branch)
    return repo.git.merge_base(channel, deployment.commit) if channel else None
