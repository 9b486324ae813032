"""Rules about deploy records, for any number of them with a handful of git calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from git_ekf.git.refs import HEADS, TAGS, RefUpdate
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.policy.finding import Finding
from git_ekf.record import parse
from git_ekf.records import RecordTag, record_names, saved_records
from git_ekf.recordtext import misleading
from git_ekf.repository import Repository
from git_ekf.shown import shell


class JudgedRecord:
    """A record's ref and tag object, its name taken apart (or what is wrong with it), its fields.

    `commit` is the commit that it is on, "" where that is no commit; `branch` is the branch in its
    name, "" where the name is wrong; `fields` has names in lower case, because each is asked for
    several times.
    """

    def __init__(self, repo: Repository, record: RecordTag) -> None:
        self.record = record
        self.tag = record.tag
        self.name = record_name(record.name, repo.config.scheme)
        self.branch = self.name.branch if isinstance(self.name, RecordName) else ""
        self.commit = self.tag.object if self.tag and self.tag.type == "commit" else ""
        self.fields: dict[str, list[str]] = {}
        message = self.tag.message if self.tag else ""
        for key, value in parse(message, repo.config.tags_required).fields:
            self.fields.setdefault(key.casefold(), []).append(value)

    def value(self, field: str) -> str:
        """The first value of a field; "" when it is absent."""
        return self.fields.get(field.casefold(), _ABSENT)[0]

    def finding(self, message: str, fix: str) -> Finding:
        """A finding about the record and what it is on."""
        return Finding(message, fix, self.record.ref, self.commit)


_ABSENT = [""]


class Records:
    """Deploy records to judge together, with what git knows of the objects they name.

    `updates` are the refs that the same push brings, also the branch of a record perhaps.
    """

    def __init__(
        self, repo: Repository, tags: list[RecordTag], updates: Sequence[RefUpdate] = ()
    ) -> None:
        self.repo = repo
        self.all = [JudgedRecord(repo, tag) for tag in tags]
        self._arriving = {update.ref for update in updates if not update.deletes}
        self._ancestry: dict[tuple[str, str], bool] = {}

    @cached_property
    def _tagged(self) -> set[str]:
        """The commits that the records are on."""
        return {record.commit for record in self.all if record.commit}

    @cached_property
    def _resolved(self) -> dict[str, str]:
        """What the records' SHAs, abbreviated or not, name: text -> full id of a commit."""
        known = {commit: commit for commit in (*self._tagged, *self._vendor_bases.values())}
        asked: set[str] = set()
        for record in self.all:
            for field in ("local sha", "upstream sha"):
                asked.update(sha.lower() for sha in record.fields.get(field, ()) if _is_sha(sha))
        shas = sorted(asked - known.keys())
        if not shas:
            return known
        infos = self.repo.git.object_infos(f"{sha}^{{commit}}" for sha in shas)
        for sha, info in zip(shas, infos, strict=True):
            # A ref may be called deadbeef, and git looks at refs first.
            if info and info.oid.startswith(sha):
                known[sha] = info.oid
        return known

    @cached_property
    def _vendor_bases(self) -> dict[str, str]:
        """Tagged commit -> the first commit below it (by first parents) that is the vendor's."""
        parents = self.repo.own_parents(self._tagged)
        bases: dict[str, str] = {}
        for commit in self._tagged:
            passed = []
            at = commit
            while at not in bases and parents.get(at):
                passed.append(at)
                at = parents[at][0]
            # Many records stand on one line of commits: each commit of it is walked once.
            base = bases.get(at, at)
            bases.update((above, base) for above in [*passed, commit])
        return bases

    @cached_property
    def _off_channel(self) -> set[tuple[str, str]]:
        """(branch, commit) for each upstream commit that is not on the channel it should be on."""
        claims: dict[str, set[str]] = {}
        for record in self.all:
            sha = self.upstream(record)
            if record.branch and sha:
                claims.setdefault(record.branch, set()).add(sha)
        off = set()
        for branch, commits in claims.items():
            channel = self.repo.channel(branch)
            commits.discard(self.repo.base(branch) or "")  # nearly always the one there is
            if channel and commits:
                missing = set(self.repo.git.commits(sorted(commits), [channel]))
                off |= {(branch, commit) for commit in commits & missing}
        return off

    def upstream(self, record: JudgedRecord) -> str | None:
        """The commit that `Upstream SHA` names; None where it names none."""
        return self._resolved.get(record.value("Upstream SHA").lower())

    def local(self, record: JudgedRecord) -> str | None:
        """The commit that `Local SHA` names; None where it names none."""
        return self._resolved.get(record.value("Local SHA").lower())

    def is_base(self, upstream: str, tagged: str) -> bool:
        """Whether the upstream commit is what the tagged one stands on."""
        base = self._vendor_bases.get(tagged, tagged)
        if upstream == base or base != tagged:
            return upstream == base
        # All of it is the vendor's by now, and was not when the record was made, perhaps.
        if (upstream, base) not in self._ancestry:
            self._ancestry[upstream, base] = self.repo.git.is_ancestor(upstream, base)
        return self._ancestry[upstream, base]

    def on_channel(self, branch: str, upstream: str) -> bool:
        """Whether an upstream commit of a record of this branch is on its channel."""
        return (branch, upstream) not in self._off_channel

    def has(self, name: str) -> bool:
        """Whether there is a record of this name, here, on internal, or in the same push."""
        repo = self.repo
        if TAGS + name in self._arriving or name in saved_records(repo):
            return True
        return bool(record_names(repo, name.removeprefix(DEPLOY)))

    def backed_up(self, branch: str) -> bool:
        """Whether the internal repository has the branch, or gets it in the same push."""
        return branch in self.repo.saved_branches or HEADS + branch in self._arriving


def tag_name(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """A tag under deploy/ is called deploy/YYYY-MM-DD[.N]/BRANCH, and the day exists."""
    if isinstance(record.name, str):
        name, branch = record.record.name, repo.config.scheme.branch("X.Y")
        example = shell(f"{DEPLOY}YYYY-MM-DD/{branch}")
        yield Finding(
            f"{name} {record.name}",
            f"git tag -d {shell(name)}, then tag again as {example}",
            ref=record.record.ref,
        )


def tag_date(repo: Repository, record: JudgedRecord, records: Records) -> Iterator[Finding]:
    """A new deploy record is not from the future, and its number is the next of its day.

    It cannot be deleted later, and would stay the newest record.
    """
    name = record.name
    if isinstance(name, str):
        return
    now = datetime.now(UTC)
    # A day has begun 14 hours earlier in the east of the Pacific.
    if name.date > (now + timedelta(days=1)).date().isoformat():
        yield record.finding(
            f"{record.record.name} is of a day that has not come yet", "git ekf tag, without --date"
        )
    elif record.tag and record.tag.time > (now + timedelta(days=1)).timestamp():
        yield record.finding(
            f"{record.record.name} was made more than a day from now by the clock of its tagger",
            "git ekf doctor, which looks at the clock, then tag again",
        )
    before = str(RecordName(name.date, name.number - 1, name.branch))
    if name.number > 1 and not records.has(before):
        yield record.finding(
            f"{record.record.name} has no record before it: there is no {before}",
            f"git tag -d {shell(record.record.name)}, then: git ekf tag --date {name.date}",
        )


def tag_lightweight(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """A deploy record is an annotated tag."""
    if record.tag is None:
        name = record.record.name
        yield Finding(
            f"{name} is a lightweight tag: it has no message and says nothing about the deployment",
            f"git tag -a -f {shell(name)} {shell(name)}",
            ref=record.record.ref,
            commit=record.record.oid,
        )


def tag_fields(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """No required field is missing or empty."""
    if record.tag is None:
        return
    missing = [name for name in repo.config.tags_required if not record.value(name)]
    if missing:
        message = f"{record.record.name} lacks {', '.join(missing)}"
        yield record.finding(message, _amend(record, "add the missing lines"))


def tag_mismatch(repo: Repository, record: JudgedRecord, records: Records) -> Iterator[Finding]:
    """The fields of a record are what the repository has."""
    if record.tag is None:
        return
    name, branch = record.record.name, record.branch
    for message in _mismatches(repo, record, records):
        yield record.finding(f"{name}: {message}", _amend(record, "correct that line"))
    backup = f"{repo.config.internal}/{branch}"
    if record.value("Backup branch") == backup and not records.backed_up(branch):
        yield record.finding(
            f"{name}: Backup branch {backup} does not exist there yet",
            f"git switch {shell(branch)}, then: git ekf save",
        )


def _mismatches(repo: Repository, record: JudgedRecord, records: Records) -> Iterator[str]:
    tag, branch = record.tag, record.branch
    assert tag is not None
    why = misleading(record.record.raw or b"", repo.config.tags_required)
    if why:
        yield f"its text {why}"
    for field, values in record.fields.items():
        if len(set(values)) > 1:
            yield f'the field "{field}" is there twice with different values'
    if tag.type != "commit":
        yield f"tags a {tag.type}, not a commit"
        return
    if tag.tag != record.record.name:
        yield f"the tag says of itself that it is {tag.tag}"
    if isinstance(record.name, RecordName):
        expected = {
            "Date": record.name.date,
            "Local branch": branch,
            "Upstream branch": f"{repo.config.primary}/{branch}",
            "Backup branch": f"{repo.config.internal}/{branch}",
        }
        for field, value in expected.items():
            if record.value(field) not in ("", value):
                yield f"{field} is {record.value(field)}, but the name makes it {value}"
    local = record.value("Local SHA")
    if local and records.local(record) != tag.object:
        yield f"Local SHA is {local}, but the tag is on {tag.object}"
    upstream = record.value("Upstream SHA")
    if not upstream:
        return
    commit = records.upstream(record)
    if commit is None:
        yield f"Upstream SHA {upstream} is not a commit of this repository"
    elif branch and not records.on_channel(branch, commit):
        channel = f"{repo.config.primary}/{branch}"
        yield f"Upstream SHA {upstream} is not a vendor commit of {channel}"
    elif not _is_base(repo, records, branch, commit, tag.object):
        yield f"Upstream SHA {upstream} is not what the tagged commit {tag.object[:12]} stands on"


def _is_base(repo: Repository, records: Records, branch: str, upstream: str, tagged: str) -> bool:
    if branch and repo.channel(branch) is None:
        # Without the channel nobody can tell where the vendor's commits end.
        return repo.git.is_ancestor(upstream, tagged)
    return records.is_base(upstream, tagged)


def _amend(record: JudgedRecord, act: str) -> str:
    name = record.record.name
    return f"{act}: git tag -a -f -e {shell(name)} {shell(name + '^{}')}"


def _is_sha(text: str) -> bool:
    return 4 <= len(text) <= 64 and not text.strip("0123456789abcdefABCDEF")
