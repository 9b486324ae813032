"""Which part of a branch becomes one line where merges are all that is to go."""

from __future__ import annotations

from git_ekf.replay.one_line import read_chain
from git_ekf.repository import Repository
from git_ekf.upgrade.target import Target


def has_merges(repo: Repository, target: Target) -> bool:
    """Whether there is a merge along first parents. Raises GitFailed."""
    return bool(read_chain(repo.git, target.base, target.tip).merges)


def above_what_stays(repo: Repository, target: Target) -> Target:
    """The target without the commits below the first merge that stay as they are.

    Only where the vendor has nothing new: otherwise they move too. Raises GitFailed.
    """
    chain = read_chain(repo.git, target.base, target.tip)
    if not (target.nothing_new and chain.merges):
        return target
    return target._replace(base=chain.stands, onto=chain.stands)
