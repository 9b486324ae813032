"""What settles a conflict without a question: first what the user prefers, then a resolution."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from git_ekf.git.trees import Entry
from git_ekf.replay.followed import Followed
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import At, Settle, Settled
from git_ekf.repository import Repository
from git_ekf.upgrade.prefer import Preference, Settler
from git_ekf.upgrade.target import SYNC, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.resolutions.answers import Resolutions
    from git_ekf.resolutions.question import Changed


def known_resolutions(
    repo: Repository,
    target: Target,
    *,
    noting: bool = False,
    breaking: Mapping[str, str] | None = None,
) -> Resolutions | None:
    """The resolutions for a target; None where it goes by none. Raises UsageError.

    `noting`: the questions that they leave open are noted. `breaking`: see `Resolutions`.
    """
    if not repo.config.resolutions or target.command not in (UPGRADE, SYNC):
        return None
    from git_ekf.resolutions.answers import Resolutions  # which few clones have

    known = Resolutions(repo, noting=noting)
    known.breaking.update(breaking or {})
    return known


def memory_of(repo: Repository) -> str:
    """The directory of what rerere remembers; "" where it is off, or there is nothing."""
    folder = os.path.join(repo.place.common_dir, "rr-cache")
    # Where nothing is set, that it is there turns it on (git-config(1)).
    off = repo.git_setting("rerere.enabled") is not None and not repo.git_flag("rerere.enabled")
    with suppress(OSError):
        return "" if off or not os.listdir(folder) else folder
    return ""


def settler(
    scratch: Scratch,
    preferences: tuple[Preference, ...],
    followed: Followed,
    resolutions: Resolutions | None,
    changed: Changed,
    memory: str = "",
) -> Settle | None:
    """The way to settle conflicts of commits that change this; None where there is none.

    `memory` is where rerere remembers what comes last, for a plan: a rebase has git do it.
    """
    ways: list[Settle] = []
    if preferences:
        ways.append(Settler(scratch, preferences, followed).settle)
    if resolutions:
        from git_ekf.resolutions.question import ATTRIBUTES

        attributes = partial(scratch.merging.set_attributes, names=ATTRIBUTES)
        ways.append(resolutions.settler(attributes, changed))
    if memory:
        from git_ekf.upgrade.remembered import Remembered

        ways.append(Remembered(scratch, memory).settle)

    def settle(path: str, stages: dict[int, Entry], at: At) -> Settled | None:
        for way in ways:
            settled = way(path, stages, at)
            if settled:
                return settled
        return None

    return settle if ways else None
