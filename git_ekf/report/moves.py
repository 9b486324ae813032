"""The configuration commits that deployments are on, and what became of them at each move.

A cluster moves where its next deployment stands on another commit of the vendor's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from git_ekf.git.questions.history import MadeBy
from git_ekf.git.trees import CommitChanges
from git_ekf.names import Scheme
from git_ekf.replay.stack import Commit, Stack, already_upstream, carried_before
from git_ekf.report.facts import ADAPTED, CARRIED, LEFT, NEW, VENDORS, Carried, Deployed, Move
from git_ekf.repository import Repository


class Lines:
    """Of some commits, each with its own below it along first parents. Two questions for all."""

    def __init__(self, repo: Repository, commits: Iterable[str]) -> None:
        """What is no commit, or is not here, is left out."""
        self._repo = repo
        asked = sorted(set(commits))
        infos = zip(asked, repo.git.object_infos(asked), strict=True)
        self.here = {oid for oid, info in infos if info and info.type == "commit"}
        self._bases: dict[str, str] = {}

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        return self._repo.own_parents(self.here)

    def base(self, commit: str) -> str:
        """The first commit below (or itself) that is the vendor's, "" where there is none here."""
        if commit not in self.here:
            return ""
        passed = []
        at = commit
        while at not in self._bases and at in self._parents:
            passed.append(at)
            at = next(iter(self._parents[at]), "")
        # Many deployments are on one line: each commit of it is walked once.
        base = self._bases.get(at, at)
        self._bases.update(dict.fromkeys([*passed, commit], base))
        return base

    def own(self, commit: str) -> list[str]:
        """The configuration commits up to one, newest first."""
        found = []
        while commit in self._parents:
            found.append(commit)
            commit = next(iter(self._parents[commit]), "")
        return found


def moves_between(
    repo: Repository, deployed: Sequence[Deployed], lines: Lines, pairs: Sequence[tuple[int, int]]
) -> Iterator[Move]:
    """The moves between pairs of deployments, each given as the place of the later and the earlier.

    Both are on commits that are here, and stand on different ones of the vendor's.
    """
    if not pairs:
        return
    tips = {deployed[at].commit for pair in pairs for at in pair}
    made = {one.oid: one for one in repo.git.made_by(sorted(tips), (), repo.vendor_globs())}
    own = list(dict.fromkeys(oid for tip in sorted(tips) for oid in lines.own(tip)))
    changes = {one.oid: one for one in repo.git.changes_of(own)}
    stacks = {tip: _stack(lines, tip, changes) for tip in tips}
    known: dict[tuple[str, str, str, str], Move] = {}
    for new, old in pairs:
        after, before = deployed[new], deployed[old]
        # Where somebody goes back and forth, it is the same each time.
        key = (before.commit, after.commit, before.branch, after.branch)
        if key not in known:
            kind = kind_of(repo.config.scheme, before.branch, after.branch)
            known[key] = _move(repo, kind, stacks[before.commit], stacks[after.commit], made)
        yield known[key]._replace(record=new, before=old)


def kind_of(scheme: Scheme, before: str, after: str) -> str:
    """upgrade, sync or return, as far as the branches of two deployments tell."""
    old, new = scheme.key(before), scheme.key(after)
    if old == new:
        return "sync"
    return "upgrade" if new > old else "return"


def _stack(lines: Lines, tip: str, changes: dict[str, CommitChanges]) -> Stack:
    found = [changes[oid] for oid in reversed(lines.own(tip)) if oid in changes]
    commits = [Commit(one.oid, one.subject, one.changes, one.oid, one.oid) for one in found]
    return Stack(lines.base(tip), commits)


def _move(repo: Repository, kind: str, old: Stack, new: Stack, made: dict[str, MadeBy]) -> Move:
    git = repo.git
    if kind == "sync" and git.is_ancestor(new.base, old.base):
        kind = "return"
    return Move(
        kind=kind,
        record=0,
        before=0,
        old_base=old.base,
        new_base=new.base,
        vendor_files=len(git.diff_trees(old.base, new.base)),
        vendor_commits=git.count([new.base], [old.base]),
        commits=tuple(_commits(repo, made, old, new)),
    )


def _commits(
    repo: Repository, known: dict[str, MadeBy], old: Stack, new: Stack
) -> Iterator[Carried]:
    """The commits of the new stack, oldest first, then those of the old one that it lacks."""
    made = [_made(stack, known) for stack in (old, new)]
    # On the way back the later commits are the originals.
    pairs = carried_before(old, *made)
    pairs.update((there, here) for here, there in carried_before(new, *made[::-1]).items())
    origins = {copy: original for original, copy in pairs.items()}
    adapted = _adapted(repo, old, new, pairs)
    states = []
    for commit in new.commits:
        state = NEW
        if commit.oid in origins:
            state = ADAPTED if commit.oid in adapted else CARRIED
        states.append((commit, state))
    there = {commit.oid for commit in new.commits}
    gone = [one for one in old.commits if one.oid not in pairs and one.oid not in there]
    theirs = _vendors(repo, old._replace(commits=gone), old, new)
    states += [(commit, VENDORS if commit.oid in theirs else LEFT) for commit in gone]
    for commit, state in states:
        who = known[commit.oid].author.name if commit.oid in known else ""
        yield Carried(commit.oid, commit.subject, who, state)


def _made(stack: Stack, known: dict[str, MadeBy]) -> list[MadeBy]:
    return [known[commit.oid] for commit in stack.commits if commit.oid in known]


def _adapted(repo: Repository, old: Stack, new: Stack, pairs: dict[str, str]) -> set[str]:
    """The commits of the new stack that change other lines than those they were made of."""
    changes = {commit.oid: commit.changes for commit in (*old.commits, *new.commits)}
    doubtful = {here: there for here, there in pairs.items() if changes[here] != changes[there]}
    patches = repo.git.patch_ids([*doubtful, *doubtful.values()])
    return {there for here, there in doubtful.items() if patches.get(here) != patches.get(there)}


def _vendors(repo: Repository, gone: Stack, old: Stack, new: Stack) -> set[str]:
    """Those of some commits whose change the vendor made, or whose files the vendor has as well."""
    paths = sorted({path for commit in gone.commits for path in commit.changes})
    if not paths:
        return set()
    git = repo.git
    there = git.entries(new.base, paths)
    found = set()
    for commit in gone.commits:
        same = [there.get(path) == after for path, (_, after) in commit.changes.items()]
        if same and all(same):
            found.add(commit.oid)
    channel = git.commits_with_changes(old.base, new.base, touching=paths)
    tip = old.commits[-1].oid
    return found | already_upstream(git, gone, channel, tip, new.base).keys()
