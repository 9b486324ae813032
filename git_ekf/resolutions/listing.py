"""The resolutions that are kept, one by one, and those that somebody wants to approve."""

from __future__ import annotations

import re
from collections.abc import Iterable

from git_ekf.errors import Refused, UsageError
from git_ekf.repository import Repository
from git_ekf.resolutions.judging import Examiner, ListedResolution
from git_ekf.resolutions.kept import Resolution


def standings(examiner: Examiner) -> list[ListedResolution]:
    """All that an examiner knows, the newest first, those of one day by their paths.

    Raises GitFailed, Refused.
    """
    kept = sorted(examiner.kept.values(), key=lambda one: (-one.seconds, one.path, one.key))
    examiner.verify(kept)
    return list(map(examiner.listed, kept))


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
    old, new = one.question.ours, one.result
    modes = [f"old mode {old.mode}", f"new mode {new.mode}"] if old.mode != new.mode else []
    return modes + repo.git.diff_blobs(old.oid, new.oid)
