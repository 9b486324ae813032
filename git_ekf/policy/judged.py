"""Deploy records to judge together, each taken apart, with what git knows of what they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, cached_property

from git_ekf.errors import GitFailed
from git_ekf.git.refs import HEADS, TAGS, RefUpdate
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.policy.finding import Finding
from git_ekf.record import ADOPTS, parse
from git_ekf.records import RecordTag, read_records, record_names, saved_records
from git_ekf.repository import Repository

_ABSENT = [""]
# How much is read of records that others adopt (bytes).
_BEGINNINGS = 4096


class JudgedRecord(RecordTag):
    """A record with its name taken apart (or what is wrong with it), and its fields.

    `facts` are those of all that are judged together; `commit` is the commit that it is on, ""
    where that is no commit; `branch` is the branch in its name, "" where the name is wrong;
    `fields` has names in lower case, because each is asked for several times. `sound` is whether
    nothing is found in it, None where nobody has asked.
    """

    sound: bool | None = None

    def __init__(self, tag: RecordTag, facts: RecordFacts) -> None:
        super().__init__(tag.ref, tag.oid, tag.raw)
        self.tag = tag.tag  # which is taken apart by now
        self.facts = facts
        config = facts.repo.config
        self.parts = record_name(self.name, config.scheme)
        self.branch = self.parts.branch if isinstance(self.parts, RecordName) else ""
        self.commit = self.tag.object if self.tag and self.tag.type == "commit" else ""
        self.fields: dict[str, list[str]] = {}
        message = self.tag.message if self.tag else ""
        for key, value in parse(message, config.tags_required).fields:
            self.fields.setdefault(key.casefold(), []).append(value)
        facts.add(tag, self)

    def value(self, field: str) -> str:
        """The first value of a field; "" when it is absent."""
        return self.fields.get(field.casefold(), _ABSENT)[0]

    @property
    def adopts(self) -> list[str]:
        """The names of the records that it says it stands for."""
        return self.fields.get(ADOPTS.casefold(), [])

    def finding(self, message: str, fix: str) -> Finding:
        """A finding about the record and what it is on."""
        return Finding(message, fix, self.ref, self.commit)

    def sha(self, field: str) -> str:
        """The first value of a field as git writes SHAs."""
        return self.value(field).lower()

    def named_commit(self, field: str) -> str | None:
        """The commit that a field names; None where it names none."""
        return self.facts.resolved.get(self.sha(field))

    def is_lost(self) -> bool:
        """Whether the commit that it is on is not in the repository."""
        # Nearly always all of them are, which the question for the vendor's commits tells.
        return bool(self.facts.vendor_bases) and self.commit in self.facts.lost

    def is_on_channel(self, upstream: str) -> bool:
        """Whether an upstream commit of it is on the channel of its branch."""
        return (self.branch, upstream) not in self.facts.off_channel

    def stands_on(self, upstream: str) -> bool:
        """Whether the upstream commit is what the one that it is on stands on."""
        repo = self.facts.repo
        if self.branch and repo.channel(self.branch) is None:
            # Without the channel nobody can tell where the vendor's commits end.
            return repo.git.is_ancestor(upstream, self.commit)
        base = self.facts.vendor_bases.get(self.commit, self.commit)
        if upstream == base or base != self.commit or self.ref in self.facts.arriving:
            return upstream == base
        # All of it is the vendor's by now, and was not when the record was made, perhaps.
        return self.facts.is_ancestor(upstream, base)

    def is_published(self) -> bool:
        """Whether others have it already, so that it stays as it is."""
        repo = self.facts.repo
        if self.ref in self.facts.arriving:
            return False
        if repo.config.internal not in repo.remotes:  # a clone of it, as in CI
            return True
        return self.facts.saved.get(self.name) == self.oid

    def adopters(self) -> list[JudgedRecord]:
        """The records that say of themselves that they stand for it, on the same commit.

        Each is judged by itself, so that none stands for the one that stands for it.
        """
        found = self.facts.adopting.get(self.name, ())
        return [one for one in found if one.commit == self.tagged and one.name != self.name]


class RecordFacts:
    """The facts about the objects that deploy records name which are judged together.

    It holds none of the records that hold it: in a command nobody looks for cycles.
    """

    def __init__(self, repo: Repository, updates: Sequence[RefUpdate], alone: bool) -> None:
        self.repo = repo
        self._updates = updates
        self._alone = alone
        self.arriving = {update.ref for update in updates if not update.deletes}
        # Of the records: themselves by their names, the commits that they are on, the SHAs in their
        # fields, those of the vendor's commits by branch, and what they adopt.
        self._tags: dict[str, RecordTag] = {}
        self._tagged: set[str] = set()
        self._shas: set[str] = set()
        self._claims: dict[str, set[str]] = {}
        self._adopts: set[str] = set()
        # Of the commits that the records are on, those that are not in the repository, as far as
        # `vendor_bases` came upon them.
        self.lost: set[str] = set()
        self.is_ancestor = cache(repo.git.is_ancestor)

    def add(self, tag: RecordTag, record: JudgedRecord) -> None:
        """Takes note of what will be asked about a record."""
        self._tags[tag.name] = tag
        if record.commit:
            self._tagged.add(record.commit)
        upstream = record.sha("Upstream SHA")
        self._shas |= {record.sha("Local SHA"), upstream}
        if record.branch:
            self._claims.setdefault(record.branch, set()).add(upstream)
        self._adopts.update(record.adopts)

    @cached_property
    def resolved(self) -> dict[str, str]:
        """Text -> full id of the commit that it names, of the records' SHAs, abbreviated or not."""
        known = {commit: commit for commit in (*self._tagged, *self.vendor_bases.values())}
        shas = sorted(filter(_is_sha, self._shas - known.keys()))
        infos = self.repo.git.object_infos(f"{sha}^{{commit}}" for sha in shas)
        for sha, info in zip(shas, infos, strict=True):
            # A ref may be called deadbeef, and git looks at refs first.
            if info and info.oid.startswith(sha):
                known[sha] = info.oid
        return known

    @cached_property
    def vendor_bases(self) -> dict[str, str]:
        """Tagged commit -> the first commit below it (by first parents) that is the vendor's."""
        try:
            parents = self.repo.own_parents(self._tagged)
        except GitFailed:  # of some only the tag is left
            infos = zip(self._tagged, self.repo.git.object_infos(self._tagged), strict=True)
            self.lost = {commit for commit, info in infos if info is None}
            parents = self.repo.own_parents(self._tagged - self.lost)
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
    def off_channel(self) -> set[tuple[str, str]]:
        """(branch, commit) for each upstream commit that is not on the channel it should be on."""
        off = set()
        for branch, shas in self._claims.items():
            commits = {self.resolved[sha] for sha in shas & self.resolved.keys()} - self.lost
            channel = self.repo.channel(branch)
            if channel:
                commits -= self.repo.known_on(channel)
            if channel and commits:
                missing = set(self.repo.git.commits(sorted(commits), [channel]))
                off |= {(branch, commit) for commit in commits & missing}
        return off

    def has(self, name: str) -> bool:
        """Whether there is a record of this name, here, on internal, or in the same push."""
        if TAGS + name in self.arriving or name in self.saved:
            return True
        return name in record_names(self.repo, name.removeprefix(DEPLOY))

    @cached_property
    def saved(self) -> dict[str, str]:
        """Name -> object id of the records that `internal` has, as last fetched."""
        return saved_records(self.repo)

    def has_branch(self, branch: str) -> bool:
        """Whether the internal repository has the branch, or gets it in the same push."""
        return branch in self.repo.saved_branches or HEADS + branch in self.arriving

    # --- records that stand for older ones ---

    @cached_property
    def adopting(self) -> dict[str, list[JudgedRecord]]:
        """Name -> the records that adopt it, of these and all others here, unless these arrive."""
        if self._alone:
            return {}
        tags = self._tags
        if not self._updates:
            tags = {tag.name: tag for tag in read_records(self.repo)} | tags
        adopting: dict[str, list[JudgedRecord]] = {}
        for record in judged_together(self.repo, tags.values(), self._updates, alone=True):
            for name in record.adopts:
                adopting.setdefault(name, []).append(record)
        return adopting

    @cached_property
    def adopted(self) -> dict[str, RecordTag]:
        """Name -> the record, of all that are judged or adopted and are here or arriving."""
        known = dict(self._tags)
        wanted = self._adopts - known.keys()
        refs = self.repo.record_refs if wanted else {}
        oids = {name: refs[TAGS + name] for name in wanted if TAGS + name in refs}
        infos = zip(oids.values(), self.repo.git.object_infos(oids.values()), strict=True)
        tags = [oid for oid, info in infos if info and info.type == "tag"]
        # Of each the beginning, which has what it is on; a push may name very many.
        raw = self.repo.git.read_beginnings(tags, _BEGINNINGS) if tags else {}
        for name, oid in oids.items():
            known[name] = RecordTag(TAGS + name, oid, raw.get(oid))
        return known


def judged_together(
    repo: Repository,
    tags: Iterable[RecordTag],
    updates: Sequence[RefUpdate] = (),
    *,
    alone: bool = False,
) -> list[JudgedRecord]:
    """Deploy records to judge together.

    `updates` are the refs that the same push brings, also the branch of a record perhaps. Where
    they are `alone`, no other record stands for one of them.
    """
    facts = RecordFacts(repo, updates, alone)
    return [JudgedRecord(tag, facts) for tag in tags]


def _is_sha(text: str) -> bool:
    return 4 <= len(text) <= 64 and not text.strip("0123456789abcdef")
