"""The resolutions that are kept, one by one, and what is agreed to of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from git_ekf.errors import Refused, UsageError
from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.resolutions.approved import approve
from git_ekf.resolutions.judging import Examiner
from git_ekf.resolutions.kept import Resolution

SIGNED, APPROVED, REFUSED = "signed", "approved", "refused"


class ListedResolution(NamedTuple):
    """A resolution, whether it is used (signed or approved) or refused, and why that.

    `waiting`: it would be used, once somebody here approves it.
    """

    resolution: Resolution
    state: str
    why: str = ""
    waiting: bool = False


def standings(examiner: Examiner) -> list[ListedResolution]:
    """All that an examiner knows, the newest first, those of one day by their paths.

    Raises GitFailed, Refused.
    """
    kept = sorted(examiner.kept.values(), key=lambda one: (-one.seconds, one.path, one.key))
    examiner.verify(kept)
    return [standing(examiner, one) for one in kept]


def standing(examiner: Examiner, one: Resolution) -> ListedResolution:
    """One of them. Raises GitFailed, Refused."""
    why = examiner.why_not(one)
    if why:
        return ListedResolution(one, REFUSED, why, examiner.is_waiting(one))
    return ListedResolution(one, APPROVED if one.tree in examiner.approved else SIGNED)


def named(known: list[ListedResolution], keys: list[str], shows: str) -> list[ListedResolution]:
    """Those that are named by their keys, or what these begin with; a command `shows` all keys.

    Raises UsageError.
    """
    found = []
    for key in keys:
        fitting = [one for one in known if one.resolution.key.startswith(key)]
        if re.fullmatch(r"[0-9a-f]{1,3}", key):
            raise UsageError(f"{key} is too short: four digits of a key at least", shows)
        if not re.fullmatch(r"[0-9a-f]{4,64}", key) or not fitting:
            raise UsageError(f"no resolution is called {key}", shows)
        if len(fitting) > 1:
            raise UsageError(f"{len(fitting)} resolutions begin with {key}", f"{shows} --json")
        found += fitting
    return list(dict.fromkeys(found))


def require_sound(examiner: Examiner, one: Resolution, commits: Iterable[str], shows: str) -> None:
    """Raises Refused for one that nobody's agreement would make good.

    So is one for a file that none of the commits has: it is never asked for.
    """
    git = examiner.repo.git
    why = examiner.fault(one)
    if not why and not any(git.entry(commit, one.path) for commit in commits):
        why = "neither the branch nor a channel has that file any more"
    if why:
        path = f" for {one.path}" if one.path else ""
        raise Refused(f"resolution {one.short}{path} cannot be approved: {why}", shows)


def difference(repo: Repository, one: Resolution) -> list[str]:
    """The lines of the diff from the new release's file to the answer."""
    assert one.question
    assert one.result
    ours, result = one.question.ours, one.result
    lines = repo.git.diff_blobs(ours.oid, result.oid)
    return _mode_lines(ours, result) + lines


def _mode_lines(old: Entry, new: Entry) -> list[str]:
    return [f"old mode {old.mode}", f"new mode {new.mode}"] if old.mode != new.mode else []


def approve_all(repo: Repository, chosen: list[ListedResolution]) -> None:
    """Remembers that they may be used here. Raises Refused."""
    approve(repo, [one.resolution.tree for one in chosen])
