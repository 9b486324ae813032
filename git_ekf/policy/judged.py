"""Deploy records to judge together, each taken apart, with what git knows of what they name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from git_ekf.errors import GitFailed
from git_ekf.git.refs import HEADS, TAGS, RefUpdate
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.policy.finding import Finding
from git_ekf.record import ADOPTS, parse
from git_ekf.records import RecordTag, read_records, record_names, saved_records
from git_ekf.repository import Repository


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
# How much is read of records that others adopt (bytes).
_BEGINNINGS = 4096


class Records:
    """Deploy records to judge together, with what git knows of the objects they name.

    `updates` are the refs that the same push brings, also the branch of a record perhaps. Where
    they are `alone`, no other record stands for one of them.
    """

    def __init__(
        self,
        repo: Repository,
        tags: list[RecordTag],
        updates: Sequence[RefUpdate] = (),
        *,
        alone: bool = False,
    ) -> None:
        self.repo = repo
        self.updates = updates
        self._alone = alone
        # Name -> whether nothing is found in it, as far as that was asked.
        self.sound: dict[str, bool] = {}
        self.all = [JudgedRecord(repo, tag) for tag in tags]
        self._arriving = {update.ref for update in updates if not update.deletes}
        self._ancestry: dict[tuple[str, str], bool] = {}

    @cached_property
    def _tagged(self) -> set[str]:
        """The commits that the records are on."""
        return {record.commit for record in self.all if record.commit}

    @cached_property
    def _lost(self) -> set[str]:
        """Those of them that are not in the repository."""
        infos = zip(self._tagged, self.repo.git.object_infos(self._tagged), strict=True)
        return {commit for commit, info in infos if info is None}

    def is_lost(self, commit: str) -> bool:
        """Whether a commit that a record is on is not in the repository."""
        # Nearly always all of them are, which one question for all of them tells.
        return commit in self._vendor_bases and "_lost" in self.__dict__ and commit in self._lost

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
        try:
            parents = self.repo.own_parents(self._tagged)
        except GitFailed:  # of some only the tag is left
            parents = self.repo.own_parents(self._tagged - self._lost)
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
            if channel:
                commits -= self.repo.known_on(channel)
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

    def is_base(self, upstream: str, record: JudgedRecord) -> bool:
        """Whether the upstream commit is what the one that a record is on stands on."""
        tagged = record.commit
        base = self._vendor_bases.get(tagged, tagged)
        if upstream == base or base != tagged or record.record.ref in self._arriving:
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
        if TAGS + name in self._arriving or name in self._saved:
            return True
        return name in record_names(repo, name.removeprefix(DEPLOY))

    @cached_property
    def _saved(self) -> dict[str, str]:
        return saved_records(self.repo)

    def is_next(self, name: RecordName) -> bool:
        """Whether there is the record before it, or another tag in the place of that one."""
        before = RecordName(name.date, name.number - 1, name.branch)
        return name.number == 1 or self.has(str(before)) or self.has(before.folder)

    def backed_up(self, branch: str) -> bool:
        """Whether the internal repository has the branch, or gets it in the same push."""
        return branch in self.repo.saved_branches or HEADS + branch in self._arriving

    def is_published(self, record: JudgedRecord) -> bool:
        """Whether others have the record already, so that it stays as it is."""
        if record.record.ref in self._arriving:
            return False
        if self.repo.config.internal not in self.repo.remotes:  # a clone of it, as in CI
            return True
        return self._saved.get(record.record.name) == record.record.oid

    # --- records that stand for older ones ---

    def adopters(self, record: JudgedRecord) -> list[JudgedRecord]:
        """The records that say of themselves that they stand for this one, on the same commit."""
        if self._alone:
            return []
        name, commit = record.record.name, record.record.tagged
        found = [one for one in self._adopting.get(name, ()) if one.commit == commit]
        return [one for one in found if one.record.name != name]

    @cached_property
    def _adopting(self) -> dict[str, list[JudgedRecord]]:
        """Name -> the records that adopt it."""
        adopting: dict[str, list[JudgedRecord]] = {}
        for record in self.by_themselves.all:
            for name in record.fields.get(ADOPTS.casefold(), ()):
                adopting.setdefault(name, []).append(record)
        return adopting

    @cached_property
    def by_themselves(self) -> Records:
        """The same, of which none stands for another; also all others here, unless they arrive."""
        tags = [record.record for record in self.all]
        if not self.updates:
            names = {tag.name for tag in tags}
            tags += [tag for tag in read_records(self.repo) if tag.name not in names]
        return Records(self.repo, tags, self.updates, alone=True)

    def adopted(self, name: str) -> RecordTag | None:
        """The record that another one adopts; None where it is neither here nor arriving."""
        return self._adopted.get(name)

    @cached_property
    def _adopted(self) -> dict[str, RecordTag]:
        known = {record.record.name: record.record for record in self.all}
        wanted: set[str] = set()
        for record in self.all:
            wanted.update(record.fields.get(ADOPTS.casefold(), ()))
        refs = self.repo.record_refs if wanted - known.keys() else {}
        oids = {name: refs[TAGS + name] for name in wanted - known.keys() if TAGS + name in refs}
        infos = zip(oids.values(), self.repo.git.object_infos(oids.values()), strict=True)
        tags = [oid for oid, info in infos if info and info.type == "tag"]
        # Of each the beginning, which has what it is on; a push may name very many.
        raw = self.repo.git.read_beginnings(tags, _BEGINNINGS) if tags else {}
        for name, oid in oids.items():
            known[name] = RecordTag(TAGS + name, oid, raw.get(oid))
        return known


def _is_sha(text: str) -> bool:
    return 4 <= len(text) <= 64 and not text.strip("0123456789abcdefABCDEF")
