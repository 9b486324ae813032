"""Rules about branches and the configuration commits on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.git.refs import HEADS
from git_ekf.policy.content import Content
from git_ekf.policy.finding import Finding
from git_ekf.policy.sound_trees import unsound
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import counted


def is_allowed(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns of a list in the configuration fits a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def branch_name(repo: Repository, branch: str) -> Iterator[Finding]:
    """Work is done on a release branch, or on one that `branches.allow` names."""
    scheme = repo.config.scheme
    if is_allowed(branch, repo.config.branches_allow) or scheme.is_release(branch):
        return
    known = [*repo.channels, *repo.release_branches]
    switch = (
        f"git switch {shell(known[-1])}"
        if known
        else f"git branch -m {shell(scheme.branch('X.Y'))}"
    )
    yield Finding(
        f"{branch} is not a release branch ({scheme.pattern})",
        f"{switch}, or allow it: {repo.how_to_allow('branches.allow', branch)}",
        ref=HEADS + branch,
    )


def branch_upstream(repo: Repository, branch: str) -> Iterator[Finding]:
    """A release branch tracks the branch of the same name at the primary repository."""
    primary = repo.config.primary
    remote, merge = repo.upstream(branch)
    if (remote, merge) == (primary, [HEADS + branch]):
        return
    tracked = ""
    if remote:
        tracked = ", ".join(f"{remote}/{ref.removeprefix(HEADS)}" for ref in merge)
    channel = repo.tracking(f"{primary}/{branch}")
    fetch = "" if branch in repo.channels else f"git fetch {shell(primary)} && "
    yield Finding(
        f"{branch} tracks {tracked or 'nothing'} instead of {primary}/{branch}",
        f"{fetch}git branch --set-upstream-to={shell(channel, branch)}",
        ref=HEADS + branch,
    )


class OwnCommits(NamedTuple):
    """The configuration commits that end in `tip` and are not in `published`.

    `branch` is the release branch they are judged as; `ref` is what the findings name.
    """

    repo: Repository
    branch: str
    ref: str
    tip: str
    published: tuple[str, ...] = ()

    @property
    def commits(self) -> dict[str, list[str]]:
        """Commit -> its parents, newest first, without the vendor's own."""
        return dict(self.repo.own_commits(self.tip, self.published))

    @property
    def base(self) -> str | None:
        """The commit below the oldest one; None without any, or where they go down to a root."""
        commits = self.commits
        at = self.tip
        while at in commits:
            if not commits[at]:
                return None
            at = commits[at][0]
        return at if commits else None

    @property
    def is_linear(self) -> bool:
        """Whether each has one parent."""
        return all(len(parents) == 1 for parents in self.commits.values())


def branch_base(repo: Repository, own: OwnCommits) -> Iterator[Finding]:
    """A release branch stands on commits of its own channel only."""
    primary, branch = repo.config.primary, own.branch
    upstream = f"{primary}/{branch}"
    channel = repo.channel(branch)
    if channel is None:
        yield Finding(
            f"the channel {upstream} is not known here, so {branch} cannot be judged",
            f"git fetch {shell(primary)}",
            ref=own.ref,
        )
        return
    base = own.base
    if own.is_linear and _is_known(repo, own, channel, base):
        return  # there is nothing between, no need to list
    commits = own.commits
    beyond = repo.git.commits([own.tip], [channel, *own.published])
    foreign = [commit for commit in beyond if commit not in commits]
    if foreign:
        others = repo.channels_with(foreign[0])
        names = repo.tracking(upstream), repo.tracking(others[0]) if others else foreign[0]
        fix = f"git rebase --onto {shell(*names, branch)}"
        if not own.is_linear:  # a rebase would lose what the merge has resolved
            fix = _as_one_line(repo, own)
        yield Finding(
            f"{branch} stands on {counted(len(foreign), 'vendor commit')} of"
            f" {', '.join(others) or 'another branch'} that {upstream} does not have",
            fix,
            ref=own.ref,
            commit=foreign[0],
        )
    elif commits and base is None and repo.merge_base(channel, own.tip) is None:
        where = ""
        fix = f"git rebase --root --onto {shell(repo.tracking(upstream), branch)}"
        if repo.place.shallow:
            where = " in this shallow clone"
            fix = repo.how_to_unshallow()
        message = f"{branch} and {upstream} have no commit in common{where}"
        yield Finding(message, fix, ref=own.ref, commit=own.tip)


def _is_known(repo: Repository, own: OwnCommits, channel: str, base: str | None) -> bool:
    """Whether what the commits stand on was judged before, or is sure to be the channel's."""
    if own.published:
        return base in own.published
    return repo.merge_base(channel, own.tip) == (base or own.tip)


def branch_configuration(repo: Repository, own: OwnCommits) -> Iterator[Finding]:
    """A release branch has configuration commits where the one on the internal repository does.

    git switch, told to take the vendor's, makes one without: a record of it would be of nothing
    but the vendor's manifests.
    """
    internal, branch = repo.config.internal, own.branch
    saved = repo.saved_branches.get(branch)
    if not saved or saved == own.tip or own.commits:
        return
    if not repo.git.commits([saved], globs=repo.vendor_globs(), at_most=1):
        return
    there = repo.tracking(f"{internal}/{branch}")
    take = shell("git", "reset", "--keep", there)
    if branch != repo.head_branch:
        take = shell("git", "branch", "-f", "--no-track", branch, there)
    yield Finding(
        f"{branch} has no configuration commit, and {internal}/{branch} has some",
        take,
        ref=own.ref,
        commit=own.tip,
    )


def tree_entry(repo: Repository, own: OwnCommits, content: Content) -> Iterator[Finding]:
    """No directory that arrives has entries which git would not check out, as .git and .. are."""
    known = [*repo.vendor_globs(), f"{repo.internal_prefix}*"]
    for oid, wrong in unsound(content.reader.each_new_tree([own.tip], known)):
        yield Finding(
            f"a directory on {own.branch} that is not saved {wrong} ({oid[:12]})",
            "git fsck --no-dangling names it; commit it without that",
            ref=own.ref,
            commit=own.tip,
        )


def linear_history(repo: Repository, own: OwnCommits) -> Iterator[Finding]:
    """No configuration commit is a merge."""
    fix = ""  # the same for all of them
    for commit, parents in own.commits.items():
        if len(parents) > 1:
            fix = fix or _as_one_line(repo, own)
            yield Finding(
                f"{commit[:12]} on {own.branch} is a merge commit;"
                " the next upgrade could not replay it",
                fix,
                ref=own.ref,
                commit=commit,
            )


def _as_one_line(repo: Repository, own: OwnCommits) -> str:
    """The command that makes one line of a history with merges, and keeps what they resolved.

    Where a merge has brought a later release, the line is for that one's branch.
    """
    branch = own.branch
    for commit, foreign in _merged_from_elsewhere(repo, own):
        goal = _release_without_branch(repo, foreign)
        if goal:
            upstream = repo.tracking(f"{repo.config.primary}/{goal}")
            return (
                f"git switch -c {shell(goal, branch)}"
                f" && git branch -f {shell(branch)} {commit[:12]}^"
                f" && git branch --set-upstream-to={shell(upstream)}"
                " && git ekf sync --flatten"
            )
    switch = "" if repo.head_branch == branch else f"git switch {shell(branch)} && "
    return f"{switch}git ekf sync --flatten"


def _merged_from_elsewhere(repo: Repository, own: OwnCommits) -> list[tuple[str, str]]:
    """The oldest merge of something of the vendor's that the channel does not have, with that."""
    channel = repo.channel(own.branch)
    known = own.commits
    merged = [
        (commit, other)
        for commit, parents in reversed(known.items())
        for other in parents[1:]
        if other not in known
    ]
    if not (channel and merged):
        return []
    beyond = set(repo.git.commits([other for _, other in merged], [channel]))
    return [pair for pair in merged if pair[1] in beyond][:1]


def _release_without_branch(repo: Repository, commit: str) -> str:
    """The release whose channel has a commit, where it has no branch here yet; else ""."""
    prefix = f"{repo.config.primary}/"
    for name in repo.channels_with(commit):
        branch = name.removeprefix(prefix)
        if repo.config.scheme.is_release(branch):
            return "" if branch in repo.release_branches else branch
    return ""
