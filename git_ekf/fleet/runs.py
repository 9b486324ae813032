"""What is remembered of an upgrade of the fleet: refs in the store, below the branch that it makes.

They say with which clusters it has begun, and what it has made. What has arrived in an internal
repository is asked there, so that nothing here can disagree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from git_ekf.fleet.store import RUNS, Store, refs_of
from git_ekf.git.packedrefs import read_packed, write_packed


class Made(NamedTuple):
    """A cluster with which an upgrade has begun.

    `upstream` is the vendor's commit that it goes onto, `old` the tip of the branch whose commits
    it carries over, `new` the tip of the branch that it has made; "" both as long as it has not.
    """

    upstream: str
    old: str = ""
    new: str = ""


def read_run(store: Store, goal: str) -> dict[str, Made]:
    """Cluster -> what is remembered of its upgrade to a release branch."""
    prefix = f"{RUNS}{goal}/"
    found: dict[str, dict[str, str]] = {}
    for ref, oid in read_packed(store.path).items():
        if ref.startswith(prefix):
            name, _, field = ref.removeprefix(prefix).partition("/")
            found.setdefault(name, {})[field] = oid
    made = {}
    for name, fields in found.items():
        # A goal may be called so that it is above another, whose fields these are not.
        if "upstream" in fields and fields.keys() <= set(Made._fields):
            made[name] = Made(**fields)
    return made


def begun_upgrades(store: Store) -> dict[str, list[str]]:
    """Release branch -> the clusters with which its upgrade has begun, and that lack it still.

    By what was last fetched; none where nothing has begun.
    """
    refs = read_packed(store.path)
    found: dict[str, list[str]] = {}
    for ref in refs:
        if ref.startswith(RUNS) and ref.endswith("/upstream"):
            *goal, name, _ = ref.removeprefix(RUNS).split("/")
            branch = "/".join(goal)
            if f"{refs_of(name)}heads/{branch}" not in refs:
                found.setdefault(branch, []).append(name)
    return found


def write_run(store: Store, goal: str, entries: Mapping[str, Made | None]) -> None:
    """Remembers these, and forgets those that are None, in one step. The store has to be held.

    Raises OSError.
    """
    refs = read_packed(store.path)
    for name, made in entries.items():
        for field in Made._fields:
            ref = f"{RUNS}{goal}/{name}/{field}"
            refs.pop(ref, None)
            if made and (oid := getattr(made, field)):
                refs[ref] = oid
    write_packed(store.path, refs)
