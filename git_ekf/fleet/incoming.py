"""One repository fetched: what it has, and the objects that are new, in a quarantine of its own.

The quarantine is a small bare repository that borrows the store's objects. git fetches into it in
about a third of the time that a fetch into the store takes, which would look at all refs of all
clusters; and whatever one repository sends, the others have nothing of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from git_ekf.errors import CallFailed, EkfError, GitFailed, NoSpace, TooLarge
from git_ekf.fleet.connections import Silent
from git_ekf.fleet.places import host_of
from git_ekf.fleet.store import BROKEN, UNREACHABLE, Store, make_borrowing
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, RECORDS, UPSTREAM
from git_ekf.names import valid_branch
from git_ekf.vendor import reason_of

# Of an internal repository: its branches and deploy records, and the vendor's commits it keeps.
OF_CLUSTER = (HEADS, RECORDS, UPSTREAM)
OF_VENDOR = (HEADS,)

# Objects may take so many times as long as an answer.
_LONGER = 10
# The most refs that a repository may have; one that makes some up has no end of them.
_MOST_REFS = 100_000
# Less than this (bytes) is a full disk: git has removed by then what it could not write whole.
_ROOM = 1 << 24
_SHA256 = "it names objects by SHA-256, and those of a fleet are named by SHA-1"
_NO_CONNECTION = re.compile(
    "Could not resolve host|Connection refused|Connection timed out|No route to host"
    "|Network is unreachable|Failed to connect|Temporary failure in name resolution"
)


class Failure(Exception):
    """A repository that could not be fetched: UNREACHABLE or BROKEN, and why."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


class Wanted(NamedTuple):
    """A repository to be fetched: its name in the store, and its URL.

    `prefixes` begin the refs that it is asked for, `seconds` are what an answer may take. `known`
    are those it had (ref -> object id), `shared` what the store has of others that it may
    have as well.
    """

    name: str
    url: str
    prefixes: tuple[str, ...]
    seconds: int
    known: Mapping[str, str]
    shared: Mapping[str, str]


class Taken(NamedTuple):
    """The answer of a repository: ref -> object id, and the folder of new packs ("" for none).

    `new` are the objects that it names, and did not name before.
    """

    refs: dict[str, str]
    new: set[str]
    packs: str = ""


def fetch_repository(store: Store, wanted: Wanted, folder: str) -> Taken:
    """Asks a repository, and fetches what is new into a new folder. Works in any thread.

    Raises Failure, Silent where its host gives no answer, NoSpace.
    """
    refs = _listed(store, wanted)
    have = {*wanted.known.values(), *wanted.shared.values()}
    lacking = {ref: oid for ref, oid in refs.items() if oid not in have}
    if not lacking:
        return _taken(wanted, refs)
    try:
        fetched = _fetched(store, wanted, lacking, folder)
    except EkfError as error:
        if isinstance(error, TooLarge) or (isinstance(error, NoSpace) and _is_full(store)):
            raise
        # A ref that was listed may have gone in this very moment; or all of it is gone now.
        moved = _listed(store, wanted) != refs
        if moved or not isinstance(error, GitFailed):
            why = "it moved while it was fetched" if moved else error.message
            raise Failure(UNREACHABLE, why) from None
        raise Failure(BROKEN, reason_of(error)) from None
    packs = os.path.join(folder, "objects", "pack")
    return _taken(wanted, refs | fetched)._replace(packs=packs)


def _taken(wanted: Wanted, refs: dict[str, str]) -> Taken:
    return Taken(refs, set(refs.values()).difference(wanted.known.values()))


def _is_full(store: Store) -> bool:
    """Whether the disk of the store is, and not one of a server, of which git says the same."""
    disk = os.statvfs(store.path)
    return disk.f_bavail * disk.f_frsize < _ROOM


def _listed(store: Store, wanted: Wanted) -> dict[str, str]:
    try:
        patterns = [f"{prefix}*" for prefix in wanted.prefixes]
        found = store.git.ls_remote(wanted.url, *patterns, timeout=wanted.seconds)
    except EkfError as error:  # whatever is wrong there is wrong there alone
        stderr = error.stderr if isinstance(error, GitFailed) else ""
        if "mismatched algorithms" in stderr:
            raise Failure(BROKEN, _SHA256) from None
        why = reason_of(error) if isinstance(error, CallFailed) else error.message
        is_silent = why.startswith("no answer within") or _NO_CONNECTION.search(stderr)
        if is_silent and host_of(wanted.url):
            raise Silent(why) from None
        raise Failure(UNREACHABLE, why) from None
    refs = {}
    for ref, oid in found.items():
        if ref.startswith(wanted.prefixes) and not ref.endswith("^{}"):
            refs[ref] = oid
    return _sound(refs)


def _sound(refs: dict[str, str]) -> dict[str, str]:
    """The refs that a repository says it has. Raises Failure for what cannot be refs."""
    if any(len(oid) == 64 for oid in refs.values()):
        raise Failure(BROKEN, _SHA256)
    if len(refs) > _MOST_REFS:
        raise Failure(BROKEN, f"it has more than {_MOST_REFS} refs")
    for ref, oid in refs.items():
        if not valid_branch(ref) or len(oid) != 40 or oid.strip("0123456789abcdef"):
            raise Failure(BROKEN, f"it names a ref that cannot be one: {ref}")
    return refs


def _fetched(store: Store, wanted: Wanted, refs: dict[str, str], folder: str) -> dict[str, str]:
    """Ref -> object id, as it was when its objects came. Raises CallFailed."""
    git = _quarantine(store, wanted, refs, folder)
    if not wanted.url.lower().startswith(("http:", "https:")):
        return git.fetch_pack(wanted.url, refs, wanted.seconds * _LONGER)
    slow = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": str(wanted.seconds)}
    git.variant(env=slow).fetch_objects(wanted.url, refs)
    if not _fetch_heads(folder).issuperset(refs.values()):
        raise CallFailed("it moved while it was fetched")
    return {}


def _fetch_heads(folder: str) -> set[str]:
    """The object ids of what was fetched (git-fetch(1))."""
    with open(os.path.join(folder, "FETCH_HEAD"), encoding="utf-8", errors="replace") as file:
        return {line.partition("\t")[0] for line in file.read().split("\n")[:-1]}


def _quarantine(store: Store, wanted: Wanted, refs: Mapping[str, str], folder: str) -> Git:
    """A repository in a folder, with refs to what the other side has most probably."""
    channels = {ref.rpartition("/")[2] for ref in refs}
    alike = [oid for ref, oid in wanted.shared.items() if ref.rpartition("/")[2] in channels]
    have = dict.fromkeys((*wanted.known.values(), *(alike or wanted.shared.values())))
    named = ((f"refs/have/{number:07}", oid) for number, oid in enumerate(have))
    make_borrowing(store, folder, "none", named, bare=True)
    return Git(folder, {**store.git.env, "GIT_DIR": folder})
