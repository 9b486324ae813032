"""Rules about branches and the configuration commits on them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.git.refs import HEADS
from git_ekf.policy.finding import Found
from git_ekf.repository import Repository


def branch_name(repo: Repository, branch: str) -> Iterator[Found]:
    """Work is done on a release branch, or on one that `branches.allow` names."""
    config = repo.config
    if config.scheme.is_release(branch) or any(
        fnmatchcase(branch, pattern) for pattern in config.branches_allow
    ):
        return
    target = next(reversed(repo.release_branches), None) or next(reversed(repo.channels), None)
    switch = (
        f"git switch {target}"
        if target
        else f"git branch -m {config.scheme.pattern.replace('{version}', 'X.Y')}"
    )
    yield Found(
        f"{branch} is not a release branch ({config.scheme.pattern})",
        f"{switch}, or allow it: {repo.how_to_allow('branches.allow', branch)}",
        ref=HEADS + branch,
    )


def branch_upstream(repo: Repository, branch: str) -> Iterator[Found]:
    """A release branch tracks the branch of the same name at the primary repository."""
    primary = repo.config.primary
    remote, merge = repo.upstream(branch)
    if (remote, merge) == (primary, [HEADS + branch]):
        return
    tracked = ", ".join(f"{remote}/{ref.removeprefix(HEADS)}" for ref in merge) if remote else ""
    yield Found(
        f"{branch} tracks {tracked or 'nothing'} instead of {primary}/{branch}",
        f"git branch --set-upstream-to={primary}/{branch} {branch}"
        if branch in repo.channels
        else f"git fetch {primary} && git branch --set-upstream-to={primary}/{branch} {branch}",
        ref=HEADS + branch,
    )


class Line(NamedTuple):
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
        """The commit below the oldest of them; None where they go down to a root, or there are none."""
        commits = dict(self.commits(repo))
        at = self.tip
        while at in commits:
            if not commits[at]:
                return None
            at = commits[at][0]
        return at if commits else None

    def is_linear(self, repo: Repository) -> bool:
        return all(len(parents) == 1 for _, parents in self.commits(repo))


def branch_base(repo: Repository, line: Line) -> Iterator[Found]:
    """A release branch stands on commits of its own channel only."""
    primary, branch = repo.config.primary, line.branch
    channel = repo.channel(branch)
    if channel is None:
        yield Found(
            f"the channel {primary}/{branch} is not known here, so {branch} cannot be judged",
            f"git fetch {primary}",
            ref=line.ref,
        )
        return
    if (
        not line.published
        and repo.merge_base(channel, line.tip) == (line.base(repo) or line.tip)
        and line.is_linear(repo)
    ):
        return  # what the commits stand on is the channel's, so there is nothing between: no need to list
    own = {commit for commit, _ in line.commits(repo)}
    beyond = repo.git.rev_list(include=[line.tip], exclude=[channel, *line.published])
    foreign = [commit for commit in beyond if commit not in own]
    if foreign:
        others = repo.channels_with(foreign[0])
        yield Found(
            f"{branch} stands on {_counted(len(foreign), 'vendor commit')} of {', '.join(others) or 'another branch'}"
            f" that {primary}/{branch} does not have",
            f"git rebase --onto {primary}/{branch} {others[0] if others else foreign[0]} {branch}",
            ref=line.ref,
            commit=foreign[0],
        )
    elif own and line.base(repo) is None and repo.merge_base(channel, line.tip) is None:
        shallow = repo.place.shallow
        yield Found(
            f"{branch} and {primary}/{branch} have no commit in common{' in this shallow clone' if shallow else ''}",
            f"git fetch --unshallow {primary}"
            if shallow
            else f"git rebase --root --onto {primary}/{branch} {branch}",
            ref=line.ref,
            commit=line.tip,
        )


def linear_history(repo: Repository, line: Line) -> Iterator[Found]:
    """No configuration commit is a merge."""
    for commit, parents in line.commits(repo):
        if len(parents) > 1:
            yield Found(
                f"{commit[:12]} on {line.branch} is a merge commit; the next upgrade could not replay it",
                f"git rebase {repo.config.primary}/{line.branch} {line.branch}",
                ref=line.ref,
                commit=commit,
            )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
