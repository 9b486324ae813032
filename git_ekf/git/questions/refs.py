"""Refs, reflogs and HEAD: read, and moved."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from typing import NamedTuple

from git_ekf.git.process import Ahead, Process, as_lines, flags, split_fields
from git_ekf.git.refs import HEADS, RefUpdate, names_above


class Ref(NamedTuple):
    """A ref and the object it names; `symref` is the ref that it is another name for, or ""."""

    name: str
    oid: str
    symref: str


class Branch(NamedTuple):
    """A branch: its commit, whether HEAD is on it here, and the work tree that has it, if any."""

    commit: str
    is_here: bool
    worktree: str


class RefObject(NamedTuple):
    """A ref with the object that it names: its type and its bytes."""

    name: str
    oid: str
    type: str
    content: bytes


class TagTime(NamedTuple):
    """A ref to a tag, and when that was made, in seconds since 1970.

    Of a lightweight one only the commit says when.
    """

    ref: str
    oid: str
    seconds: int


class RefQuestions(Process):
    """About refs."""

    def refs(self, *patterns: str, contains: str = "", merged: Iterable[str] = ()) -> list[Ref]:
        """Refs by name, of all or of those that patterns match (git-for-each-ref(1)).

        `contains`: only those that have this commit; `merged`: only those that one of these has.
        """
        options = [*flags(contains=contains), *(f"--merged={commit}" for commit in merged)]
        return [Ref(*fields) for fields in self._fields(_OF_REF, patterns, *options)]

    def ref_values(
        self, *patterns: str, contains: str = "", merged: Iterable[str] = ()
    ) -> dict[str, str]:
        """Ref -> object id of the same; refs that only name another one are left out."""
        found = self.refs(*patterns, contains=contains, merged=merged)
        return {ref.name: ref.oid for ref in found if not ref.symref}

    def refs_and_head(self, *patterns: str) -> tuple[list[Ref], str | None]:
        """The same as `refs`, and the branch among them that HEAD is on; None where it is none."""
        head = None
        found = []
        for *fields, mark in self._fields((*_OF_REF, "HEAD"), patterns):
            ref = Ref(*fields)
            found.append(ref)
            if mark == "*":
                head = ref.name.removeprefix(HEADS)
        return found, head

    def each_ref(self) -> Iterator[Ref]:
        """All refs by name, read as git lists them: there may be a hundred thousand."""
        question = ("for-each-ref", "--format=%(objectname) %(refname) %(symref)")
        known = self._answer_to(*question)
        if known is not None:
            yield from map(_parse_ref, BytesIO(known))
            return
        process = self._start(*question)
        assert process.stdout
        yield from map(_parse_ref, process.stdout)
        self._finish(process)

    def branches(self, refs: Iterable[str]) -> dict[str, Branch]:
        """Those of some branches that exist, by their refs."""
        return self.branches_and_around(refs, ())[0]

    def is_head(self, ref: str, commit: str) -> bool:
        """Whether HEAD is on a branch, and that branch at a commit."""
        branch = self.branches([ref]).get(ref)
        return branch is not None and branch.is_here and branch.commit == commit

    def refs_around(self, refs: Iterable[str]) -> dict[str, list[str]]:
        """Ref -> the refs below it, or of which it is below; those without any left out."""
        return self.branches_and_around((), refs)[1]

    def branches_and_around(
        self, branches: Iterable[str], refs: Iterable[str]
    ) -> tuple[dict[str, Branch], dict[str, list[str]]]:
        """The answers of `branches` and `refs_around`, asked at once."""
        above = {ref: list(names_above(ref)) for ref in refs}
        # The names above exactly, and not the many refs that may be below them too: an escaped
        # letter makes a pattern of a name.
        exact = {f"{name[:-1]}\\{name[-1]}": name for names in above.values() for name in names}
        asked = dict.fromkeys(branches)
        patterns = [*asked, *above, *exact]
        known = self._branches(patterns) if patterns else {}
        found = {}
        for ref, names in above.items():
            around = [one for one in known if one in names or one.startswith(f"{ref}/")]
            if around:
                found[ref] = around
        # A pattern matches what is below it too.
        return {ref: branch for ref, branch in known.items() if ref in asked}, found

    def _branches(self, patterns: list[str]) -> dict[str, Branch]:
        """All refs that patterns match, as branches."""
        wanted = ("refname", "objectname", "HEAD", "worktreepath")
        found = {}
        for ref, commit, mark, worktree in self._fields(wanted, patterns):
            found[ref] = Branch(commit, mark == "*", worktree)
        return found

    def commit_dates(self, *patterns: str) -> dict[str, str]:
        """Commit -> its date (ISO 8601), of those that refs name."""
        dates = {}
        for commit, date in self._fields(("objectname", "committerdate:iso-strict"), patterns):
            dates[commit] = date
        return dates

    def asking_tag_times(self, *patterns: str) -> Ahead[list[TagTime]]:
        """The tags that refs name, by when they were made, the newest first; asked ahead.

        Those of which git cannot tell the time are left out.
        """
        wanted = ("refname", "objectname", "creatordate:unix")
        question = _for_each_ref(wanted, patterns, "--sort=-creatordate")
        return self._ahead(*question, read=_parse_times)

    def newest_ref(self, *patterns: str) -> tuple[str, int]:
        """The ref (in short) whose commit or tag was made last, and when, in seconds since 1970.

        That is 0 where the object does not say; ("", 0) without any ref.
        """
        wanted = ("refname:short", "creatordate:unix")
        for name, seconds in self._fields(wanted, patterns, "--sort=-creatordate", "--count=1"):
            return name, int(seconds) if seconds.isdigit() else 0
        return "", 0

    def ref_objects(self, *patterns: str) -> list[RefObject]:
        """Refs by name with the objects that they name, read at once."""
        wanted = ("refname", "objectname", "objecttype", "raw:size", "raw")
        out = self._run(*_for_each_ref(wanted, patterns))
        return [
            RefObject(os.fsdecode(ref.removeprefix(b"\n")), oid.decode(), kind.decode(), raw)
            for ref, oid, kind, raw in _split_objects(out)
        ]

    def _fields(
        self, wanted: Sequence[str], patterns: Sequence[str], *options: str
    ) -> list[list[str]]:
        """Some fields of each ref that patterns match (git-for-each-ref(1), FIELD NAMES)."""
        return _split_records(self._run(*_for_each_ref(wanted, patterns, *options)))

    def reflog(self, ref: str) -> list[tuple[str, str]]:
        """(object id, message) of what a ref was, newest first; [] where nothing is remembered."""
        question = ("reflog", "show", "-z", "--format=%H %gs", ref, "--")
        found = []
        for entry in split_fields(self._run_or_none(*question, ok=(0, 128)) or b""):
            oid, _, message = entry.partition(" ")
            found.append((oid, message))
        return found

    # --- HEAD ---

    def head_branch(self) -> str | None:
        """The branch that HEAD is on (it may be unborn), None when HEAD is detached."""
        ref = self._word_or_none("symbolic-ref", "--quiet", "HEAD")
        return None if ref is None else ref.removeprefix(HEADS)

    def point_head(self, ref: str, reason: str = "") -> None:
        """Lets HEAD name a ref; `reason` is for its reflog."""
        options = ["-m", reason] if reason else []
        self._run("symbolic-ref", *options, "HEAD", ref)

    # --- changes ---

    def update_refs(self, updates: Iterable[RefUpdate], reason: str = "") -> None:
        """One transaction: all of the updates or none. `reason` is for the reflogs.

        An update whose `old` is "" is made whatever the ref was. Raises GitFailed, Refused.
        """
        commands = [_command(update) for update in updates]
        if not commands:
            return
        options = ["-m", reason] if reason else []
        stdin = as_lines(["start", *commands, "prepare", "commit"])
        self._run("update-ref", *options, "--stdin", stdin=stdin)

    def pack_refs(self) -> None:
        """Puts all refs into one file, which makes a clone of many faster."""
        self._run("pack-refs", "--all")

    def rename_branch(self, old: str, new: str) -> None:
        """Renames a branch, with its reflog and settings. Raises GitFailed."""
        self._run("branch", "-m", "--", old, new)

    def delete_branch(self, branch: str) -> None:
        """Deletes a branch, whatever would be lost with it."""
        self._run("branch", "-D", "--", branch)


_OF_REF = ("refname", "objectname", "symref")


def _for_each_ref(wanted: Sequence[str], patterns: Sequence[str], *options: str) -> tuple[str, ...]:
    form = "".join(f"%({name})%00" for name in wanted)
    return "for-each-ref", f"--format={form}", *options, "--end-of-options", *patterns


def _split_records(out: bytes) -> list[list[str]]:
    """The fields of each ref: a NUL ends each of them, and a line end what is of one ref."""
    text = os.fsdecode(out).removesuffix("\0\n")
    return [record.split("\0") for record in text.split("\0\n")] if text else []


def _parse_ref(line: bytes) -> Ref:
    oid, name, symref = os.fsdecode(line.removesuffix(b"\n")).split(" ", 2)
    return Ref(name, oid, symref)


def _parse_times(out: bytes) -> list[TagTime]:
    found = []
    for ref, oid, seconds in _split_records(out):
        if seconds.isdigit():
            found.append(TagTime(ref, oid, int(seconds)))
    return found


def _command(update: RefUpdate) -> str:
    """A line for git-update-ref(1)."""
    if update.deletes:
        return f"delete {update.ref} {update.old}".rstrip(" ")
    if update.old and update.creates:
        return f"create {update.ref} {update.new}"
    return f"update {update.ref} {update.new} {update.old}".rstrip(" ")


def _split_objects(out: bytes) -> Iterable[tuple[bytes, bytes, bytes, bytes]]:
    """Ref, object id, type and object of each entry that ref_objects asks for."""
    parts = out.split(b"\0")
    with suppress(ValueError):
        sizes = zip(parts[3::5], parts[4::5], strict=True)
        if all(int(size) == len(raw) for size, raw in sizes):
            return zip(parts[0::5], parts[1::5], parts[2::5], parts[4::5], strict=False)
    return _split_objects_by_size(out)  # some object holds a NUL itself


def _split_objects_by_size(out: bytes) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    at = 0
    while at < len(out) - 1:
        fields = []
        for _ in range(4):
            end = out.index(b"\0", at)
            fields.append(out[at:end])
            at = end + 1
        ref, oid, kind, size = fields
        end = at + int(size)
        yield ref, oid, kind, out[at:end]
        at = end + 1
