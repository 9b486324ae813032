"""What settles a conflict without a question: first what the user prefers, then a resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_ekf.git.trees import Entry
from git_ekf.replay.followed import Followed
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import At, Settle, Settled
from git_ekf.repository import Repository
from git_ekf.upgrade.prefer import Preference, Settler
from git_ekf.upgrade.target import SYNC, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.resolutions.question import Changed
    from git_ekf.resolutions.settling import Resolutions


def known_resolutions(
    repo: Repository, target: Target, *, noting: bool = False
) -> Resolutions | None:
    """The resolutions for a target; None where it goes by none. Raises UsageError.

    `noting`: the questions that they leave open are noted.
    """
    if not repo.config.resolutions or target.command not in (UPGRADE, SYNC):
        return None
    from git_ekf.resolutions.settling import Resolutions  # which few clones have

    return Resolutions(repo, noting=noting)


def settler(
    scratch: Scratch,
    preferences: tuple[Preference, ...],
    followed: Followed,
    resolutions: Resolutions | None,
    changed: Changed,
) -> Settle | None:
    """The way to settle conflicts of commits that change this; None where there is none."""
    ways: list[Settle] = []
    if preferences:
        ways.append(Settler(scratch, preferences, followed).settle)
    if resolutions:
        ways.append(resolutions.settler(scratch, changed))

    def settle(path: str, stages: dict[int, Entry], at: At) -> Settled | None:
        for way in ways:
            settled = way(path, stages, at)
            if settled:
                return settled
        return None

    return settle if ways else None
