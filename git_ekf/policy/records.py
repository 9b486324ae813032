"""Rules about deploy records, for any number of them with a handful of git calls."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from git_ekf.git.refs import RefUpdate
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.policy.finding import Found
from git_ekf.record import Record, parse
from git_ekf.repository import RecordTag, Repository


class Parsed(NamedTuple):
    """A record's tag, its name taken apart (or what is wrong with it), and its fields."""

    tag: RecordTag
    name: RecordName | str
    fields: dict[str, list[str]]

    def said(self, field: str) -> str:
        """The first value of a field; "" when it is absent."""
        return self.fields.get(field.casefold(), _ABSENT)[0]


_ABSENT = [""]


def _by_name(record: Record) -> dict[str, list[str]]:
    """Name of a field in lower case -> its values. Each is asked for several times."""
    fields: dict[str, list[str]] = {}
    for key, value in record.fields:
        fields.setdefault(key.casefold(), []).append(value)
    return fields


class Records:
    """Deploy records to judge together, with what git knows of the objects they name.

    `updates` are the refs that the same push brings, for records of a branch that arrives with them.
    """

    def __init__(
        self, repo: Repository, tags: list[RecordTag], updates: Sequence[RefUpdate] = ()
    ) -> None:
        self.repo = repo
        required = repo.config.tags_required
        self.all = [
            Parsed(
                tag,
                record_name(tag.name, repo.config.scheme),
                _by_name(parse(tag.tag.message if tag.tag else "", required)),
            )
            for tag in tags
        ]
        self._arriving = {update.ref for update in updates if not update.deletes}
        self._ancestry: dict[tuple[str, str], bool] = {}

    @cached_property
    def _tagged(self) -> set[str]:
        """The commits that the records are on."""
        return {
            parsed.tag.tag.object
            for parsed in self.all
            if parsed.tag.tag and parsed.tag.tag.type == "commit"
        }

    @cached_property
    def _resolved(self) -> dict[str, str]:
        """What the records' SHAs, abbreviated or not, name: text -> full id of a commit."""
        seen = {*self._tagged, *self._vendor_bases.values()}
        shas = {sha.lower() for parsed in self.all for sha in self._shas(parsed) if _is_sha(sha)}
        asked = sorted(shas - seen)
        known = {commit: commit for commit in seen}
        if not asked:
            return known
        answers = self.repo.git.lines(
            "cat-file",
            "--batch-check=%(objectname) %(objecttype)",
            stdin=_stdin(f"{sha}^{{commit}}" for sha in asked),
        )
        for sha, answer in zip(asked, answers, strict=True):
            oid, _, kind = answer.partition(" ")
            if kind == "commit" and oid.startswith(
                sha
            ):  # a ref may be called deadbeef, and git looks at refs first
                known[sha] = oid
        return known

    @staticmethod
    def _shas(parsed: Parsed) -> list[str]:
        return [*parsed.fields.get("local sha", ()), *parsed.fields.get("upstream sha", ())]

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
        """(branch, commit) for every upstream commit that is not on the channel it is said to be on."""
        claims: dict[str, set[str]] = {}
        for parsed in self.all:
            sha = self.upstream(parsed)
            if isinstance(parsed.name, RecordName) and sha:
                claims.setdefault(parsed.name.branch, set()).add(sha)
        off = set()
        for branch, commits in claims.items():
            channel = self.repo.channel(branch)
            commits.discard(self.repo.base(branch) or "")  # nearly always the one there is
            if channel and commits:
                missing = set(self.repo.git.rev_list(include=sorted(commits), exclude=[channel]))
                off |= {(branch, commit) for commit in commits & missing}
        return off

    def upstream(self, parsed: Parsed) -> str | None:
        """The commit that `Upstream SHA` names."""
        return self._resolved.get(parsed.said("Upstream SHA").lower())

    def local(self, parsed: Parsed) -> str | None:
        """The commit that `Local SHA` names."""
        return self._resolved.get(parsed.said("Local SHA").lower())

    def under(self, upstream: str, tagged: str) -> bool:
        """Whether the upstream commit is an ancestor of the tagged one."""
        base = self._vendor_bases.get(tagged, tagged)
        if upstream == base:
            return True
        if (upstream, base) not in self._ancestry:
            self._ancestry[upstream, base] = self.repo.git.is_ancestor(
                upstream, base
            ) or self.repo.git.is_ancestor(upstream, tagged)
        return self._ancestry[upstream, base]

    def on_channel(self, branch: str, upstream: str) -> bool:
        return (branch, upstream) not in self._off_channel

    def backed_up(self, branch: str) -> bool:
        return branch in self.repo.saved_branches or f"refs/heads/{branch}" in self._arriving


def tag_name(repo: Repository, parsed: Parsed) -> Iterator[Found]:
    """A tag under deploy/ is called deploy/YYYY-MM-DD[.N]/BRANCH, and the day exists."""
    if isinstance(parsed.name, str):
        branch = repo.config.scheme.branch("X.Y")
        yield Found(
            f"{parsed.tag.name} {parsed.name}",
            f"git tag -d {shlex.quote(parsed.tag.name)}, then tag again as {DEPLOY}YYYY-MM-DD/{branch}",
            ref=parsed.tag.ref,
        )


def tag_lightweight(repo: Repository, parsed: Parsed) -> Iterator[Found]:
    """A deploy record is an annotated tag."""
    if parsed.tag.tag is None:
        yield Found(
            f"{parsed.tag.name} is a lightweight tag: it has no message and says nothing about the deployment",
            f"git tag -a -f {shlex.quote(parsed.tag.name)} {shlex.quote(parsed.tag.name)}",
            ref=parsed.tag.ref,
            commit=parsed.tag.oid,
        )


def tag_fields(repo: Repository, parsed: Parsed) -> Iterator[Found]:
    """No required field is missing or empty."""
    if parsed.tag.tag is None:
        return
    missing = [name for name in repo.config.tags_required if not parsed.said(name)]
    if missing:
        yield Found(
            f"{parsed.tag.name} lacks {', '.join(missing)}",
            _amend(parsed, "add the missing lines"),
            ref=parsed.tag.ref,
            commit=parsed.tag.tag.object,
        )


def tag_mismatch(repo: Repository, parsed: Parsed, records: Records) -> Iterator[Found]:
    """What the fields say is what the repository has."""
    if parsed.tag.tag is None:
        return
    for message in _mismatches(repo, parsed, records):
        yield Found(
            f"{parsed.tag.name}: {message}",
            _amend(parsed, "correct that line"),
            ref=parsed.tag.ref,
            commit=parsed.tag.tag.object if parsed.tag.tag.type == "commit" else "",
        )
    branch = parsed.name.branch if isinstance(parsed.name, RecordName) else ""
    backup = f"{repo.config.internal}/{branch}"
    if parsed.said("Backup branch") == backup and not records.backed_up(branch):
        yield Found(
            f"{parsed.tag.name}: Backup branch {backup} does not exist there yet",
            f"git switch {branch}, then: git ekf save",
            ref=parsed.tag.ref,
            commit=parsed.tag.tag.object if parsed.tag.tag.type == "commit" else "",
        )


def _mismatches(repo: Repository, parsed: Parsed, records: Records) -> Iterator[str]:
    assert parsed.tag.tag is not None
    tagged = parsed.tag.tag
    for name, values in parsed.fields.items():
        if len(values) > 1 and len(set(values)) > 1:
            yield f'the field "{name}" is there twice with different values'
    if tagged.type != "commit":
        yield f"tags a {tagged.type}, not a commit"
        return
    if tagged.tag != parsed.tag.name:
        yield f"the tag says of itself that it is {tagged.tag}"
    if isinstance(parsed.name, RecordName):
        branch = parsed.name.branch
        expected = {
            "Date": parsed.name.date,
            "Local branch": branch,
            "Upstream branch": f"{repo.config.primary}/{branch}",
            "Backup branch": f"{repo.config.internal}/{branch}",
        }
        for field, value in expected.items():
            said = parsed.said(field)
            if said and said != value:
                yield f"{field} is {said}, but the name makes it {value}"
    local = parsed.said("Local SHA")
    if local and records.local(parsed) != tagged.object:
        yield f"Local SHA is {local}, but the tag is on {tagged.object}"
    upstream = parsed.said("Upstream SHA")
    if upstream:
        yield from _upstream_mismatch(parsed, records, upstream, tagged.object)


def _upstream_mismatch(parsed: Parsed, records: Records, said: str, tagged: str) -> Iterator[str]:
    commit = records.upstream(parsed)
    if commit is None:
        yield f"Upstream SHA {said} is no commit of this repository"
    elif not records.under(commit, tagged):
        yield f"Upstream SHA {said} is not under the tagged commit {tagged[:12]}"
    elif isinstance(parsed.name, RecordName) and not records.on_channel(parsed.name.branch, commit):
        yield f"Upstream SHA {said} is not a vendor commit of {records.repo.config.primary}/{parsed.name.branch}"


def _amend(parsed: Parsed, act: str) -> str:
    return f"{act}: git tag -a -f -e {shlex.quote(parsed.tag.name)} {shlex.quote(parsed.tag.name + '^{}')}"


def _is_sha(text: str) -> bool:
    return 4 <= len(text) <= 64 and not text.strip("0123456789abcdefABCDEF")


def _stdin(lines: Iterator[str]) -> bytes:
    return os.fsencode("".join(f"{line}\n" for line in lines))
