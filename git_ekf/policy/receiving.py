"""Rules about a push that has arrived at the internal repository, judged there before any ref moves.

Where a rule bears on a push from the sender's side too, the one here asks the same of all updates at once, and its fix is for the sender.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from git_ekf.git.refs import BACKUP, HEADS, RECORDS, TAGS, UPSTREAM, RefUpdate
from git_ekf.names import DEPLOY, RecordName, record_name
from git_ekf.policy import branches, keeping
from git_ekf.policy.branches import Line
from git_ekf.policy.finding import Found
from git_ekf.policy.pushes import dropped
from git_ekf.policy.records import Records
from git_ekf.repository import RecordTag, Repository


class Arrival(NamedTuple):
    """A push as the server sees it, its objects at hand.

    kinds   object id -> its type, for every object that an update names
    user    who pushes, as far as the server is told; "" otherwise
    mirror  release branch -> the vendor's commit in the server's mirror; None without a mirror
    vain    ref -> what is in the way of its update, as half a sentence, where something is
    """

    updates: list[RefUpdate]
    kinds: dict[str, str]
    user: str = ""
    mirror: dict[str, str] | None = None
    vain: Mapping[str, str] = MappingProxyType({})


def push_denied(repo: Repository, update: RefUpdate, arrival: Arrival) -> Iterator[Found]:
    """Everybody pushes only what `server.may-push` lets them."""
    grants = repo.config.server_may_push
    if not grants or any(
        fnmatchcase(arrival.user, grant.user)
        and any(fnmatchcase(update.ref, pattern) for pattern in grant.refs)
        for grant in grants
        if arrival.user
    ):
        return
    yield Found(
        f"{arrival.user} may not push {update.ref}"
        if arrival.user
        else f"the server is not told who pushes, so nobody may push {update.ref}",
        "leave it out of the push, or ask the server's administrator to allow it in server.may-push",
        ref=update.ref,
        commit=update.new,
    )


def ref_name(repo: Repository, update: RefUpdate, arrival: Arrival) -> Iterator[Found]:
    """A push brings branches, tags and what git-ekf keeps under refs/ekf/upstream and refs/ekf/backup, by names that mislead nobody."""
    ref = update.ref
    wrong = arrival.vain.get(ref, "")
    if not wrong and not any(fnmatchcase(ref, pattern) for pattern in repo.config.server_refs):
        wrong = _wrong_name(repo, update)
    if (
        not wrong
        and not update.deletes
        and update.ref.startswith(HEADS)
        and arrival.kinds.get(update.new) != "commit"
    ):
        wrong = f"would be a branch on a {arrival.kinds.get(update.new, 'missing object')}"
    if wrong:
        yield Found(
            f"{ref} {wrong}",
            f"push it by another name, or leave it out: git push {shlex.quote(repo.config.internal)} BRANCH",
            ref=ref,
            commit=update.new,
        )


def _wrong_name(repo: Repository, update: RefUpdate) -> str:
    """What is wrong with the name of a ref, as half a sentence; "" when nothing is."""
    ref, config = update.ref, repo.config
    if ref.startswith((HEADS, RECORDS)):
        return ""
    if ref.startswith(TAGS):
        name = ref.removeprefix(TAGS)
        if update.deletes:
            return ""
        if name.casefold() == DEPLOY.rstrip("/"):
            return f"stands in the way of every deploy record ({DEPLOY}…)"
        if name.casefold().startswith(DEPLOY):
            return f"differs from a deploy record in case only, which many file systems do not tell apart ({DEPLOY}…)"
        # git takes a tag before a branch of the same name, in `git rebase origin/release-1.9` too.
        if config.scheme.is_release(name) or name.startswith(
            (f"{config.primary}/", f"{config.internal}/")
        ):
            return "is a tag that git would take for the branch of that name"
        return ""
    if ref.startswith(UPSTREAM):
        return (
            ""
            if config.scheme.is_release(ref.removeprefix(UPSTREAM))
            else f"names no release channel ({config.scheme.pattern})"
        )
    if ref.startswith(BACKUP):
        return "" if "/" in ref.removeprefix(BACKUP) else f"is not {BACKUP}BRANCH/NAME"
    return "is neither a branch nor a tag"


def upstream_moved(repo: Repository, update: RefUpdate, arrival: Arrival) -> Iterator[Found]:
    """What counts as the vendor's history only grows and, where the server has a mirror, is what the mirror has."""
    branch = update.ref.removeprefix(UPSTREAM)
    fetch = f"git fetch {shlex.quote(repo.config.primary)}, then: git ekf save"
    message = ""
    if update.deletes:
        message, fix = (
            "the push deletes it, and the vendor's commits could not be told from yours",
            "leave it there",
        )
    elif arrival.kinds.get(update.new) != "commit":
        message, fix = f"{update.new[:12]} is no commit", fetch
    elif arrival.mirror is not None and arrival.mirror.get(branch) != update.new:
        tip = arrival.mirror.get(branch)
        has = f"has {tip[:12]}" if tip else "has no such channel"
        message = f"{update.new[:12]} is not what the vendor published: the server's mirror {has}"
        # Of a mirror that is ahead, the server need not have the tip.
        behind = tip is None or (
            repo.git.commit(tip) is not None and repo.git.is_ancestor(tip, update.new)
        )
        fix = f"{_UPDATE_MIRROR}, then: git ekf save" if behind else fetch
    elif not update.creates and not repo.git.is_ancestor(update.old, update.new):
        message = f"{update.new[:12]} does not follow {update.old[:12]}, the vendor's commit there"
        fix = f"{fetch}; if the vendor has rewritten {branch}, the server's administrator has to move the ref"
    elif arrival.mirror is None and (own := _recorded_as_own(repo, update.new)):
        message = f"{own[:12]} below it is a configuration commit by a deploy record here, not the vendor's"
        fix = f"{fetch}; if the vendor has taken it over, the server needs a mirror to know (server.mirror)"
    if message:
        yield Found(
            f"{update.ref}: {message}",
            fix,
            ref=update.ref,
            commit=update.old if update.deletes else update.new,
        )


# Where the mirror is, and of what, only the server knows.
_UPDATE_MIRROR = (
    "the server's mirror may be behind; bring it up to date there: git ekf mirror PRIMARY DIR"
)


def _recorded_as_own(repo: Repository, tip: str) -> str:
    """A commit below `tip` that deploy records on the server have above their vendor commit; "" where there is none.

    Branches are not asked: whoever pushes without git-ekf may have brought commits of the vendor there before the statement about them.
    """
    claimed = repo.git.rev_list(include=[tip], globs=[UPSTREAM + "*"])
    if len(claimed) == len(repo.git.rev_list(include=[tip], globs=[UPSTREAM + "*", RECORDS + "*"])):
        return ""
    # Also what records from before the hook say of the vendor's commits.
    standing = Records(repo, repo.records)
    vendor = filter(None, map(standing.upstream, standing.all))
    own = set(
        repo.git.rev_list(f"--glob={RECORDS}*", include=[], exclude=vendor, globs=[UPSTREAM + "*"])
    )
    return next((commit for commit in claimed if commit in own), "")


def backup_moved(repo: Repository, update: RefUpdate, arrival: Arrival) -> Iterator[Found]:
    """A backup ref is made once and stays as it is."""
    internal = shlex.quote(repo.config.internal)
    if not update.creates:
        yield Found(
            f"the push {'deletes' if update.deletes else 'moves'} {update.ref}, which keeps commits that a branch no longer has",
            f"leave it; another name is free: git push {internal} {shlex.quote(f'{update.new}:{update.ref}.2')}"
            if not update.deletes
            else "leave it there; it does no harm",
            ref=update.ref,
            commit=update.old,
        )
    elif arrival.kinds.get(update.new) != "commit":
        yield Found(
            f"{update.ref} keeps no commit but a {arrival.kinds.get(update.new, 'missing object')}",
            f"git push {internal} {shlex.quote(f'COMMIT:{update.ref}')}",
            ref=update.ref,
            commit=update.new,
        )


def rewrite_unsaved(repo: Repository, arrival: Arrival) -> Iterator[Found]:
    """No commit vanishes from the internal repository unless a deploy record or a backup ref keeps it."""
    for update, count in keeping.lost(repo, arrival.updates, arrival.kinds, arrival.vain):
        yield dropped(
            repo,
            update,
            update.old,
            count,
            f"git fetch {shlex.quote(repo.config.internal)}, then: ",
        )


def branch_base(repo: Repository, line: Line) -> Iterator[Found]:
    """A release branch stands on commits of its own channel only."""
    if repo.channel(line.branch) is None:
        yield Found(
            f"{UPSTREAM}{line.branch} is neither here nor in the push, so the vendor's commits on {line.branch} cannot be told from yours",
            "git ekf save, which brings it",
            ref=line.ref,
        )
        return
    yield from branches.branch_base(repo, line)


def beside_branches(repo: Repository, tags: list[RecordTag]) -> list[Line]:
    """The commits under deploy records that are not on the branch which the name says: as commits of it, nothing has judged them yet."""
    lines: dict[str, dict[str, Line]] = {}
    for tag in tags:
        name = record_name(tag.name, repo.config.scheme)
        if isinstance(name, RecordName) and tag.tag and tag.tag.type == "commit":
            lines.setdefault(name.branch, {})[tag.tagged] = Line(name.branch, tag.ref, tag.tagged)
    return [
        line for branch, ending in lines.items() for line in _beside_branch(repo, branch, ending)
    ]


def _beside_branch(repo: Repository, branch: str, ending: dict[str, Line]) -> Iterator[Line]:
    """Those of lines (by their tips) that go beyond the branch, without any that lies below another: the upper one has its commits."""
    known = filter(None, (repo.release_branches.get(branch), repo.channel(branch)))
    # Records that are there were judged when they came.
    listed = repo.git.rev_list(
        "--parents", "--topo-order", include=ending, exclude=known, globs=[f"{RECORDS}*/{branch}"]
    )
    below: set[str] = set()
    for commit, *parents in map(str.split, listed):
        if commit in ending and commit not in below:
            yield ending[commit]
        if commit in ending or commit in below:
            below.update(parents)


def linear_history(repo: Repository, line: Line) -> Iterator[Found]:
    """No configuration commit is a merge."""
    for found in branches.linear_history(repo, line):
        yield found._replace(
            fix=f"{found.fix}; if it is the vendor's, this server does not know yet: git ekf save"
        )
