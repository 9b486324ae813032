"""What settles a conflict without a question.

First that is what the user prefers, then a resolution, and last what git remembers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.replay.followed import Followed
from git_ekf.replay.merging import is_binary, merge
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import LOCAL, VENDOR, At, Settle, Settled, Settlement
from git_ekf.repository import Repository
from git_ekf.upgrade.prefer import Preference
from git_ekf.upgrade.target import SYNC, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.resolutions.answers import Resolutions

# How a conflict is settled by what git remembers (git-rerere(1)).
REMEMBERED = "as it was resolved before"


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

    return Resolutions(repo, noting=noting, breaking=breaking)


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
    changes: Sequence[TreeChanges],
    memory: str = "",
) -> Settle | None:
    """The way to settle conflicts of commits that make these changes; None where there is none.

    `memory` is where rerere remembers what comes last, for a plan: a rebase has git do it.
    """
    ways: list[Settle] = []
    if preferences:
        ways.append(Settler(scratch, preferences, followed).settle)
    if resolutions:
        from git_ekf.resolutions.question import ATTRIBUTES

        attributes = partial(scratch.merging.set_attributes, names=ATTRIBUTES)
        ways.append(resolutions.settler(attributes, changes))
    if memory:
        ways.append(partial(settle_remembered, scratch, memory))

    def settle(path: str, stages: dict[int, Entry], at: At) -> Settled | None:
        for way in ways:
            settled = way(path, stages, at)
            if settled:
                return settled
        return None

    return settle if ways else None


class Settler:
    """Decides conflicts in the content of files as the user prefers."""

    def __init__(
        self,
        scratch: Scratch,
        preferences: tuple[Preference, ...],
        followed: Followed | None = None,
    ) -> None:
        from git_ekf.replay.favour import Favour  # which most upgrades do without

        self._git = scratch.writing
        self._favour = Favour(scratch)
        self._preferences = preferences
        self._followed = followed

    def settle(self, path: str, stages: dict[int, Entry], at: At) -> Settled | None:
        """See `Settle`. Raises GitFailed."""
        base, ours, theirs = (stages.get(number) for number in (1, 2, 3))
        if ours and theirs:
            return self._merge(path, path, base, ours, theirs)
        if base and theirs and self._followed and (place := self._followed.place(path)):
            there = at(place)
            return self._merge(path, place, base, there, theirs) if there else None
        if base and (ours or theirs):
            return self._delete(path, base, ours, theirs)
        return None

    def _merge(
        self, path: str, place: str, base: Entry | None, ours: Entry, theirs: Entry
    ) -> Settled | None:
        """The file, where the vendor has it."""
        preferred = _preferred(self._preferences, path, place)
        if preferred is None:
            return None
        merged = self._favour.merge(place, base, ours, theirs, preferred.side)
        if merged is None:
            return None
        moved_to = "" if place == path else place
        how = _settlement(path, preferred, merged.lost, moved_to=moved_to)
        return Settled({path: None, place: merged.entry}, how)

    def _delete(
        self, path: str, base: Entry, ours: Entry | None, theirs: Entry | None
    ) -> Settled | None:
        """The file as one side has changed it, or no file, as the other has it."""
        entry = ours or theirs
        # To give up a file as a whole takes a pattern: `--prefer vendor` is about lines.
        preferred = _preferred([one for one in self._preferences if one.pattern], path)
        if not (preferred and entry and (entry.is_file or entry.mode == "120000")):
            return None
        deleted_by = VENDOR if theirs else LOCAL
        kept = preferred.side != deleted_by
        lost = () if kept else self._added(base, entry)
        how = _settlement(path, preferred, lost, deleted_by)
        return Settled({path: entry if kept else None}, how)

    def _added(self, base: Entry, entry: Entry) -> tuple[bytes, ...]:
        """The lines that one side has and the base had not; none of a binary file."""
        from git_ekf.replay.favour import lacking

        old, new = (self._git.blob(one.oid) for one in (base, entry))
        return () if is_binary(old) or is_binary(new) else tuple(lacking(new, old))


def _preferred(preferences: Sequence[Preference], *paths: str) -> Preference | None:
    """The last preference for one of a file's paths."""
    return next((one for one in reversed(preferences) if any(map(one.matches, paths))), None)


def _settlement(
    path: str,
    preferred: Preference,
    lost: tuple[bytes, ...],
    deleted_by: str = "",
    moved_to: str = "",
) -> Settlement:
    side, _, source = preferred
    lines = tuple(map(os.fsdecode, lost))
    return Settlement(path, side, lines, len(lost), deleted_by, moved_to, source)


def settle_remembered(
    scratch: Scratch, memory: str, path: str, stages: dict[int, Entry], _: At
) -> Settled | None:
    """As rerere would, by a copy of what it remembers: it notes what it meets. See `Settle`.

    Raises GitFailed.
    """
    base, ours, theirs = (stages.get(number) for number in (1, 2, 3))
    if not (ours and theirs and ours.is_file and theirs.is_file):
        return None
    objects = scratch.objects
    below = objects.commit(objects.tree({path: base} if base else {}))
    sides = [objects.commit(objects.tree({path: one}), below) for one in (ours, theirs)]
    objects.write()
    merged = merge(scratch.merging, *sides)
    if merged.clean:  # it is not in conflict by itself
        return None
    marked = scratch.writing.blob(f"{merged.tree}:{path}")
    resolved = _resolved(scratch, memory, path, stages, marked)
    if resolved == marked:
        return None
    mode = ours.mode if base and theirs.mode == base.mode else theirs.mode
    entry = Entry(mode, objects.blob(resolved))
    objects.write()
    return Settled({path: entry}, Settlement(path, REMEMBERED))


def _resolved(
    scratch: Scratch, memory: str, path: str, stages: dict[int, Entry], marked: bytes
) -> bytes:
    """The file, with markers as git's merge leaves it, as rerere leaves it."""
    import shutil  # 3 ms, which few plans need

    with scratch.work_tree() as (git, git_dir, top):
        copy = os.path.join(git_dir, "rr-cache")
        if not os.path.exists(copy):
            with suppress(OSError):  # what cannot be read nobody remembers
                shutil.copytree(memory, copy, symlinks=True)
        whole = os.path.join(top, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(marked)
        git.put_stages({path: stages})
        git.take_resolutions()
        with open(whole, "rb") as file:
            resolved = file.read()
        os.unlink(whole)
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(git_dir, "MERGE_RR"))
        return resolved
