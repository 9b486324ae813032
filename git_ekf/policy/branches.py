"""Rules about branches and the configuration commits on them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.git.refs import HEADS
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository
from git_ekf.shown import shell


def branch_name(repo: Repository, branch: str) -> Iterator[Finding]:
    """Work is done on a release branch, or on one that `branches.allow` names."""
    scheme = repo.config.scheme
    allowed = any(fnmatchcase(branch, pattern) for pattern in repo.config.branches_allow)
    if allowed or scheme.is_release(branch):
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

    branch: str
    ref: str
    tip: str
    published: tuple[str, ...] = ()

    def commits(self, repo: Repository) -> list[tuple[str, list[str]]]:
        """(commit, its parents), newest first, without the vendor's own."""
        return repo.own_commits(self.tip, self.published)

    def base(self, repo: Repository) -> str | None:
        """The commit below the oldest one; None without any, or where they go down to a root."""
        commits = dict(self.commits(repo))
        at = self.tip
        while at in commits:
            if not commits[at]:
                return None
            at = commits[at][0]
        return at if commits else None

    def is_linear(self, repo: Repository) -> bool:
        """Whether each has one parent."""
        return all(len(parents) == 1 for _, parents in self.commits(repo))


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
    base = own.base(repo)
    if (
        not own.published
        and repo.merge_base(channel, own.tip) == (base or own.tip)
        and own.is_linear(repo)
    ):
        return  # what they stand on is the channel's: there is nothing between, no need to list
    commits = dict(own.commits(repo))
    beyond = repo.git.commits([own.tip], [channel, *own.published])
    foreign = [commit for commit in beyond if commit not in commits]
    if foreign:
        others = repo.channels_with(foreign[0])
        names = repo.tracking(upstream), repo.tracking(others[0]) if others else foreign[0]
        plural = "" if len(foreign) == 1 else "s"
        fix = f"git rebase --onto {shell(*names, branch)}"
        if not own.is_linear(repo):  # a rebase would lose what the merge has resolved
            fix = _as_one_line(repo, own)
        yield Finding(
            f"{branch} stands on {len(foreign)} vendor commit{plural} of"
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


def branch_configuration(repo: Repository, own: OwnCommits) -> Iterator[Finding]:
    """A release branch has configuration commits where the one on the internal repository does.

    git switch, told to take the vendor's, makes one without: a record of it would be of nothing
    but the vendor's manifests.
    """
    internal, branch = repo.config.internal, own.branch
    saved = repo.saved_branches.get(branch)
    if saved in (None, own.tip) or own.commits(repo):
        return
    assert saved
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


def linear_history(repo: Repository, own: OwnCommits) -> Iterator[Finding]:
    """No configuration commit is a merge."""
    for commit, parents in own.commits(repo):
        if len(parents) > 1:
            yield Finding(
                f"{commit[:12]} on {own.branch} is a merge commit;"
                " the next upgrade could not replay it",
                _as_one_line(repo, own),
                ref=own.ref,
                commit=commit,
            )


def _as_one_line(repo: Repository, own: OwnCommits) -> str:
    """The command that makes one line of a history with merges, and keeps what they resolved.

    Where a merge has brought a later release, the line is for that one's branch.
    """
    branch = own.branch
    for commit, parents in reversed(own.commits(repo)):
        goal = _other_release(repo, own, parents[1:])
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


def _other_release(repo: Repository, own: OwnCommits, merged: list[str]) -> str:
    """The release whose commits were merged, where this one has no branch yet; else ""."""
    channel = repo.channel(own.branch)
    known = dict(own.commits(repo))
    for commit in merged:
        if commit in known or not channel or repo.git.is_ancestor(commit, channel):
            continue
        prefix = f"{repo.config.primary}/"
        names = [name.removeprefix(prefix) for name in repo.channels_with(commit)]
        releases = [name for name in names if repo.config.scheme.is_release(name)]
        if releases and releases[0] not in repo.release_branches:
            return releases[0]
    return ""
