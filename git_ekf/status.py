"""Where things stand: the facts behind `git ekf status` and `git ekf releases`.

Never touches the network.
"""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.cluster import Running, asking_times, cluster_of
from git_ekf.internal import last_asked
from git_ekf.policy import judges
from git_ekf.policy.finding import Finding
from git_ekf.record import context
from git_ekf.records import saved_records, unsaved_records
from git_ekf.repository import Repository
from git_ekf.transaction.journal import command_at_work, cut_off
from git_ekf.vendor import MirrorState, last_fetch, mirror_state_for


class Deploy(NamedTuple):
    """The newest deploy record of the cluster, of whatever release.

    `since` is when its tag was made (seconds since 1970). `commits_since` counts the commits of
    HEAD after it, None where HEAD does not have it. `saved`: `internal` has it, as last asked.
    """

    name: str
    release: str
    branch: str
    commit: str
    since: int
    context: str
    commits_since: int | None
    saved: bool


class OtherBranch(NamedTuple):
    """A release branch that is not checked out, where it differs from what `internal` has.

    `unsaved` counts commits that only the clone has, `not_here` those that only `internal` has.
    """

    branch: str
    unsaved: int
    not_here: int


class Status(NamedTuple):
    """Where a work tree stands. None means that it cannot be told (no channel, nothing saved yet).

    `mirror` is what the primary repository has said of itself where it is a mirror, None where it
    is the vendor's own. `at_work` is the git-ekf command that moves refs at this moment, in another
    terminal, `cut_off` the one that was killed half-way, `under_way` the one that goes on in a
    rebase. `asked` is when `internal` was asked last, `fetched` when the primary repository was
    (seconds since 1970). `changed` and `untracked` count files, `unsaved_records` deploy records,
    all other counts are commits. `channel_deleted`: the primary repository has the channel
    no longer. `others` are release branches that are not checked out, `ahead`
    names of records that a clock in the future has made, which do not count. `findings` are those
    of the remotes, the branch checked out and the newest deploy record.
    """

    cluster: str
    branch: str | None
    head: str | None
    release: str | None
    upstream: str | None
    operation: str | None
    at_work: str | None
    cut_off: str | None
    under_way: str | None
    base: str | None
    configuration: int | None
    channel_ahead: int | None
    channel_deleted: bool
    fetched: float | None
    mirror: MirrorState | None
    newer: list[str]
    unsaved: int | None
    unsaved_records: int
    not_here: int | None
    asked: float | None
    others: list[OtherBranch]
    changed: int
    untracked: int
    last_deploy: Deploy | None
    ahead: list[str]
    findings: list[Finding]


def status(repo: Repository) -> Status:
    """The facts about the work tree. Raises Refused where there is none."""
    repo.require_work_tree()
    # The questions that read the work tree and all records run beside all others.
    walk = repo.git.asking_status(untracked=True, renames=True)
    times = asking_times(repo)
    branch = repo.head_branch
    release = repo.config.scheme.version(branch) if branch else None
    base = channel_ahead = configuration = unsaved = not_here = None
    newer: list[str] = []
    if branch and release and repo.head:
        channel, saved = repo.channel(branch), repo.saved_branches.get(branch)
        base = repo.base(branch)
        if channel:
            configuration, channel_ahead = repo.git.distance(repo.head, channel)
        if saved:
            unsaved, not_here = repo.git.distance(repo.head, saved)
        key = repo.config.scheme.key
        newer = [name for name in repo.channels if key(name) > key(branch)]
    cluster = cluster_of(repo, times)
    running = cluster.running
    remote, merge = repo.upstream(branch) if branch else ("", [])
    findings = judges.judge_repository(repo, [running.tag] if running else [])
    entries = walk.result()
    untracked = sum(entry.code == "??" for entry in entries)
    return Status(
        cluster=cluster.name,
        branch=branch,
        head=repo.head,
        release=release,
        upstream=f"{remote}/{merge[0].removeprefix('refs/heads/')}" if remote and merge else None,
        operation=repo.operation,
        at_work=command_at_work(repo) or None,
        cut_off=cut_off(repo) or None,
        under_way=_under_way(repo),
        base=base,
        configuration=configuration,
        channel_ahead=channel_ahead,
        channel_deleted=channel_ahead is not None and branch not in repo.channels,
        fetched=last_fetch(repo),
        mirror=mirror_state_for(repo),
        newer=newer,
        unsaved=unsaved,
        unsaved_records=len(unsaved_records(repo)),
        not_here=not_here,
        asked=last_asked(repo),
        others=_others(repo),
        changed=len(entries) - untracked,
        untracked=untracked,
        last_deploy=_deploy(repo, running) if running else None,
        ahead=cluster.ahead,
        findings=findings,
    )


def _under_way(repo: Repository) -> str | None:
    if repo.operation != "rebase":
        return None
    from git_ekf.upgrade.rebase_state import under_way

    return under_way(repo) or None


def _deploy(repo: Repository, running: Running) -> Deploy:
    name = str(running.name)
    return Deploy(
        name,
        repo.config.scheme.version(running.branch) or "",
        running.branch,
        running.commit,
        running.seconds,
        context(running.tag.raw) if running.tag.raw else "",
        _commits_since(repo, running.commit),
        saved_records(repo).get(name) == running.tag.oid,
    )


def _commits_since(repo: Repository, commit: str) -> int | None:
    """How many commits HEAD has beyond this one, None where HEAD does not have it.

    The policy has listed them already, unless one is a merge or the vendor's.
    """
    if not repo.head:
        return None
    own = repo.own_commits(repo.head)
    for number, (oid, parents) in enumerate(own):
        if oid == commit:
            return number
        if len(parents) != 1:
            break
    if not repo.git.commit(commit) or not repo.git.is_ancestor(commit, repo.head):
        return None
    return repo.git.count([repo.head], [commit])


def _others(repo: Repository) -> list[OtherBranch]:
    found = []
    for branch, here in repo.release_branches.items():
        there = repo.saved_branches.get(branch)
        if branch == repo.head_branch or here == there:
            continue
        if there:
            unsaved, not_here = repo.git.distance(here, there)
        else:
            unsaved, not_here = len(repo.own_commits(here)), 0
        if unsaved or not_here:
            found.append(OtherBranch(branch, unsaved, not_here))
    return found


class Channel(NamedTuple):
    """A release channel.

    `relation` is older, current or newer, "" where no release branch is checked out. `behind`
    counts the commits that the channel has beyond the local release branch (None where there is
    none), `ahead` the configuration commits on that branch.
    """

    version: str
    branch: str
    commit: str
    date: str
    relation: str
    behind: int | None
    ahead: int | None


def channels(repo: Repository) -> list[Channel]:
    """The vendor's channels, lowest version first."""
    key = repo.config.scheme.key
    here = repo.head_branch or ""
    if not repo.config.scheme.is_release(here):
        here = ""
    dates = repo.git.commit_dates(repo.primary_prefix)
    found = []
    for branch, commit in repo.channels.items():
        local = repo.release_branches.get(branch)
        ahead, behind = repo.git.distance(local, commit) if local else (None, None)
        relation = ""
        if branch == here:
            relation = "current"
        elif here:
            relation = "newer" if key(branch) > key(here) else "older"
        found.append(
            Channel(
                version=repo.config.scheme.version(branch) or "",
                branch=branch,
                commit=commit,
                date=dates.get(commit, ""),
                relation=relation,
                behind=behind,
                ahead=ahead,
            )
        )
    return found
