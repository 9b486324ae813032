"""An internal repository as the store has it, with all that the rules ask of one.

To a rule it is a clone that has just been restored from it: its branches are checked out nowhere,
all of them and all records are saved, and the vendor's channels are as they were fetched. Nothing
is asked of git, and nothing is seen of the other clusters whose objects lie in the same store.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NoReturn

from git_ekf.config import Config
from git_ekf.errors import GitFailed
from git_ekf.fleet.reading import History, NoCommit, StoreObjects, ancestors
from git_ekf.fleet.store import branches_in
from git_ekf.git.calls import Git
from git_ekf.git.process import Ahead
from git_ekf.git.questions.about import Paths
from git_ekf.git.questions.objects import ObjectInfo
from git_ekf.git.questions.refs import RefObject, TagTime
from git_ekf.git.refs import HEADS, RECORDS, SAVED, TAGS, UPSTREAM
from git_ekf.records import RecordTag
from git_ekf.repository import Repository

_COMMIT = "^{commit}"


class StoredRepository(Repository):
    """An internal repository in the store; see above."""

    def __init__(
        self, history: History, theirs: Mapping[str, str], config: Config, toml: bytes | None
    ) -> None:
        """`theirs` are the refs that it has; `config` is its own, of its file `toml`."""
        self.questions = StoredQuestions(history, theirs)
        super().__init__(self.questions)
        self.history = history
        self.objects = history.objects
        self.theirs = theirs
        self.config = config
        self.toml = toml
        self.head = None
        self.head_branch = None
        self.git_config = []
        self.place = Paths("", "", "", True, False, "sha1")

    @cached_property
    def heads(self) -> dict[str, str]:
        """Its branches, without what it keeps of the vendor's below some."""
        kept = self.namespace.prefixes
        return branches_in(
            {ref: oid for ref, oid in self.theirs.items() if not ref.startswith(kept)}
        )

    @cached_property
    def refs(self) -> dict[str, str]:
        """Ref -> object id, as a clone has them."""
        refs = {}
        for branch, oid in self.heads.items():
            refs[HEADS + branch] = refs[self.internal_prefix + branch] = oid
        for branch, oid in self.history.branches.items():
            refs[self.primary_prefix + branch] = oid
        for ref, oid in self.theirs.items():
            if self.namespace.is_upstream(ref):
                refs[UPSTREAM + self.namespace.channel(ref)] = oid
        return refs

    @cached_property
    def record_refs(self) -> dict[str, str]:
        """Ref -> object id of the deploy records, all of which are saved."""
        found = {}
        for ref, oid in self.theirs.items():
            if ref.startswith(RECORDS):
                found[ref] = found[SAVED + ref.removeprefix(TAGS)] = oid
        return found

    @cached_property
    def vendors(self) -> frozenset[str]:
        """The commits that are the vendor's: those it has, and those that were kept of it."""
        kept = [oid for ref, oid in self.refs.items() if ref.startswith(UPSTREAM)]
        gone = [oid for oid in kept if oid not in self.history.commits]
        if not gone:  # nearly always; else thousands of ids would be copied for each cluster
            return self.history.commits
        return self.history.commits.union(*map(self.history.reach, gone))

    def own_commits_of(
        self, tips: list[str], published: tuple[str, ...] = ()
    ) -> list[tuple[str, list[str]]]:
        """The customer's commits up to some tips, newest first. Raises GitFailed."""
        passed = self.vendors
        if published:
            passed |= ancestors(self.objects, published)
        return walk(self.objects, tips, passed)

    def channels_with(self, commit: str) -> list[str]:
        """The vendor's branches that have a commit, as origin/NAME."""
        primary, history = self.config.primary, self.history
        found = []
        for branch, tip in history.branches.items():
            if commit in history.reach(tip):
                found.append(f"{primary}/{branch}")
        return found


def walk(
    objects: StoreObjects, tips: Iterable[str], passed: frozenset[str]
) -> list[tuple[str, list[str]]]:
    """(commit, its parents) of all below some tips and not in `passed`, children before parents.

    Raises GitFailed for a tip that is no commit.
    """
    listed: list[tuple[str, list[str]]] = []
    seen: set[str] = set()
    for tip in tips:
        waiting = [(tip, False)]
        while waiting:
            commit, done = waiting.pop()
            if done:
                listed.append((commit, list(objects.parents(commit))))
            elif commit not in seen and commit not in passed:
                seen.add(commit)
                waiting.append((commit, True))
                waiting += [(parent, False) for parent in _parents(objects, commit)]
    listed.reverse()
    return listed


def _parents(objects: StoreObjects, commit: str) -> tuple[str, ...]:
    try:
        return objects.parents(commit)
    except NoCommit as error:
        raise GitFailed([], 128, error.message) from None


class _Answered(Ahead[list[TagTime]]):
    """A question that is answered already."""

    def __init__(self, answer: list[TagTime]) -> None:
        self._answer = answer

    def result(self, timeout: float | None = None) -> list[TagTime]:
        return self._answer


class StoredQuestions(Git):
    """The questions that rules ask of git, answered from the store for one cluster."""

    def __init__(self, history: History, theirs: Mapping[str, str]) -> None:
        super().__init__()
        self._history = history
        self._objects = history.objects
        self._theirs = theirs

    def variant(self, *_: Any, **__: Any) -> StoredQuestions:
        """The same: no setting and no place bears on the answers."""
        return self

    def _start(self, *args: Any, **options: Any) -> NoReturn:
        raise AssertionError(f"a rule has asked git, of a fleet: {args}")

    # --- refs ---

    def ref_value(self, ref: str) -> str:
        """The object id of a ref that the cluster has; "" without one."""
        return self._theirs.get(ref, "")

    def ref_objects(self, *patterns: str) -> list[RefObject]:
        """Its refs that are called so, or are below, with what they name."""
        found = []
        for ref in sorted(self._theirs):
            if any(ref == one or ref.startswith(f"{one.rstrip('/')}/") for one in patterns):
                oid = self._theirs[ref]
                found.append(RefObject(ref, oid, *self._objects.read(oid)))
        return found

    @cached_property
    def records(self) -> list[RecordTag]:
        """Its deploy records."""
        found = []
        for ref in self.ref_objects(RECORDS):
            raw = ref.content if ref.type == "tag" else None
            found.append(RecordTag(ref.name, ref.oid, raw))
        return found

    def asking_tag_times(self, *patterns: str) -> Ahead[list[TagTime]]:
        """The deploy records by when they were made, the newest first."""
        found = []
        for record in self.records:
            if record.tag:
                seconds = record.tag.time
            elif record.raw is None and self._objects.read(record.oid)[0] == "commit":
                seconds = self._objects.committed(record.oid)
            else:
                continue
            found.append(TagTime(record.ref, record.oid, seconds))
        return _Answered(sorted(found, key=lambda tag: -tag.seconds))

    # --- commits ---

    def commit(self, revision: str) -> str | None:
        """The full id of a commit of the cluster or the vendor."""
        oid = self._theirs.get(revision, revision)
        return oid if oid in self._known or oid in self._history.commits else None

    def merge_base(self, one: str, other: str) -> str | None:
        """A best common ancestor of one of the vendor's and another commit; None without any."""
        shared = self._history.reach(one)
        at = other
        while at not in shared:
            parents = self._objects.parents(at)
            if len(parents) != 1:
                return self._best(shared, other)
            at = parents[0]
        return at

    def _best(self, shared: frozenset[str], tip: str) -> str | None:
        """Of the commits where several lines of a tip come to a channel, one above all others."""
        meeting: dict[str, None] = {}
        for _, parents in walk(self._objects, [tip], shared):
            meeting.update(dict.fromkeys(parent for parent in parents if parent in shared))
        for commit in meeting:
            others = (self._history.reach(other) for other in meeting if other != commit)
            if not any(commit in below for below in others):
                return commit
        return None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether the new commit is the old one, or has it in its history."""
        if new in self._history.commits:
            return old in self._history.reach(new)
        return old in ancestors(self._objects, [new])

    def commits(
        self,
        include: Iterable[str],
        exclude: Iterable[str] = (),
        globs: Iterable[str] = (),
        *,
        merges: bool = False,
        **_: Any,
    ) -> list[str]:
        """Commits of `include` that are not in `exclude`; with `globs`, nor of the vendor.

        Only `merges`, where that is asked for.
        """
        passed = frozenset().union(*map(self._history.reach, exclude))
        if list(globs):
            passed |= self._history.commits
        listed = walk(self._objects, include, passed)
        return [commit for commit, parents in listed if len(parents) > 1 or not merges]

    def fork_point(self, ref: str, commit: str) -> None:
        """None: what a ref was once is not known here."""

    def object_infos(self, names: Iterable[str]) -> list[ObjectInfo | None]:
        """Of each commit, by its id or the beginning of one; None for what is none of theirs.

        The objects of others lie in the same store: only what the cluster's own refs lead to is
        here, and what the vendor has.
        """
        return [self._info(name.removesuffix(_COMMIT)) for name in names]

    def _info(self, name: str) -> ObjectInfo | None:
        found = self._beginning(name, self._sorted) | self._beginning(name, self._history.by_id)
        return ObjectInfo(found.pop(), "commit", 0) if len(found) == 1 else None

    def _beginning(self, name: str, ids: list[str]) -> set[str]:
        at = bisect_left(ids, name)
        return {oid for oid in ids[at : at + 2] if oid.startswith(name)}

    @cached_property
    def _known(self) -> frozenset[str]:
        """The cluster's commits that are not the vendor's."""
        tips = set()
        for oid in self._theirs.values():
            kind, content = self._objects.read(oid)
            target = content[7:47].decode() if kind == "tag" else oid
            if self._objects.read(target)[0] == "commit":
                tips.add(target)
        return frozenset(oid for oid, _ in walk(self._objects, tips, self._history.commits))

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._known)
