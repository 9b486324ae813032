"""The store brought up to date: everybody asked, what is new fetched, checked and published.

What one repository does wrong is its own matter: it keeps the state that it was last fetched in,
and why it was not fetched is remembered. Killed at any instant, the store has all of a batch, or
nothing.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import count

from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.fleet.connections import Reply, Silent, answers
from git_ekf.fleet.file import Fleet, Member
from git_ekf.fleet.incoming import OF_CLUSTER, OF_VENDOR, Failure, Taken, Wanted, fetch_repository
from git_ekf.fleet.store import (
    BROKEN,
    RUNS,
    THE_VENDOR,
    UNREACHABLE,
    Fetched,
    Store,
    by_repository,
    read_fetched,
    refs_of,
    take_packs,
    unattended_git,
    write_fetched,
    writing,
)
from git_ekf.git.packedrefs import read_packed, write_packed
from git_ekf.git.transfer import stop_all
from git_ekf.names import without_credentials
from git_ekf.shown import shell

# So many answers are published together.
_BATCH = 250

Watch = Callable[[str, Sequence[int]], Iterator[int]]


def fetch(store: Store, fleet: Fleet, watch: Watch, chosen: Sequence[Member] | None = None) -> None:
    """Fetches the vendor, then all clusters, or those that are chosen.

    `watch` gives out the numbers of a sequence, and shows how far they are.

    Raises Refused where another fetch is at work, or the vendor was never fetched and cannot be
    now; NoSpace, OSError.
    """
    with writing(store):
        fetch_held(store, fleet, watch, fleet.members if chosen is None else chosen)


def fetch_held(store: Store, fleet: Fleet, watch: Watch, chosen: Sequence[Member]) -> None:
    """The same, for whoever holds the store already."""
    shutil.rmtree(store.incoming, ignore_errors=True)  # of an earlier one that was held as well
    run = _Fetch(store, fleet)
    try:
        run.fetch_vendor()
        run.fetch_clusters(watch, chosen)
    except BaseException:
        stop_all()
        raise
    run.tidy()


class _Fetch:
    def __init__(self, store: Store, fleet: Fleet) -> None:
        self._store = Store(store.path, unattended_git(store, fleet))
        self._fleet = fleet
        self._urls = {THE_VENDOR: without_credentials(fleet.vendor)}
        for member in fleet.members:
            self._urls[member.name] = without_credentials(member.internal)
        self._brought = False
        self._folders = count()
        self._fetched = {}
        for name, fetched in read_fetched(store.path).items():
            if self._urls.get(name) == fetched.url:  # else it is another repository by now
                self._fetched[name] = fetched
        refs = read_packed(store.path)
        known = by_repository(refs)
        self._refs: dict[str, dict[str, str]] = {name: {} for name in self._urls}
        self._refs.update((name, known[name]) for name in self._fetched)
        self._runs: dict[str, str] = {}
        for ref, oid in refs.items():
            # Else it is of the fleet no more.
            if ref.startswith(RUNS) and ref.split("/")[-2] in self._urls:
                self._runs[ref] = oid

    def fetch_vendor(self) -> None:
        fleet, known = self._fleet, self._refs[THE_VENDOR]
        wanted = Wanted(THE_VENDOR, fleet.vendor, OF_VENDOR, fleet.seconds, known, {})
        self._take(list(self._answers([wanted])))
        fetched = self._fetched[THE_VENDOR]
        if not fetched.seconds:
            raise Refused(
                f"cannot read the vendor's repository {fetched.url}: {fetched.error}",
                f"try it with: git ls-remote {shell(fetched.url)}",
            )

    def fetch_clusters(self, watch: Watch, chosen: Sequence[Member]) -> None:
        vendor = self._refs[THE_VENDOR]
        seconds = self._fleet.seconds
        wanted = []
        for one in chosen:
            known = self._refs[one.name]
            wanted.append(Wanted(one.name, one.internal, OF_CLUSTER, seconds, known, vendor))
        batch: list[Reply[Wanted, Taken]] = []
        watched = watch("Asking the clusters", range(len(wanted)))
        # Closed before gits are told to end, so that none is begun after that.
        with closing(self._answers(wanted)) as found:
            for _, answer in zip(watched, found, strict=True):
                batch.append(answer)
                if len(batch) == _BATCH:
                    self._take(batch)
                    batch = []
        self._take(batch)

    def tidy(self) -> None:
        """Many small packs would slow down whoever reads the store."""
        if self._brought:
            self._store.git.gather_packs()

    # --- asked ---

    def _answers(self, wanted: list[Wanted]) -> Generator[Reply[Wanted, Taken]]:
        def work(one: Wanted) -> Taken:
            folder = os.path.join(self._store.incoming, str(next(self._folders)))
            return fetch_repository(self._store, one, folder)

        return answers(self._fleet, wanted, lambda one: one.url, work)

    # --- taken ---

    def _take(self, batch: list[Reply[Wanted, Taken]]) -> None:
        """Publishes what is sound of some answers, in one step."""
        fetched: list[tuple[str, Taken]] = []
        for wanted, taken, error in batch:
            if error:
                self._note(wanted.name, *_why(error))
            elif taken:
                # Else all of it was in the store, under another name.
                self._brought |= take_packs(self._store, taken.packs)
                fetched.append((wanted.name, taken))
        now = time.time()
        connected = dict(self._connected(fetched))
        for name, taken in fetched:
            if name in connected:
                self._refs[name] = taken.refs
                self._fetched[name] = Fetched(self._urls[name], now)
            else:
                self._note(name, BROKEN, "it lacks objects that its own refs lead to")
        refs = dict(self._runs)
        for name, own in self._refs.items():
            prefix = refs_of(name)
            refs.update((prefix + ref.removeprefix("refs/"), oid) for ref, oid in own.items())
        write_packed(self._store.path, refs)
        write_fetched(self._store.path, self._fetched)

    def _note(self, name: str, kind: str, why: str) -> None:
        before = self._fetched.get(name, Fetched(self._urls[name]))
        self._fetched[name] = before._replace(failure=kind, error=why)

    def _connected(self, fetched: list[tuple[str, Taken]]) -> list[tuple[str, Taken]]:
        """Those with everything that their refs lead to: all at once, halves where some lack it."""
        new = [oid for _, taken in fetched for oid in taken.new]
        if not new:
            return fetched
        try:
            self._store.git.require_connected(new)
        except GitFailed:
            if len(fetched) == 1:
                return []
            half = len(fetched) // 2
            return self._connected(fetched[:half]) + self._connected(fetched[half:])
        return fetched


def _why(error: BaseException) -> tuple[str, str]:
    """What is remembered of an error; one that is nobody's fault there is raised."""
    if isinstance(error, Failure):
        return error.kind, str(error)
    if type(error) in (Silent, CallFailed):
        return UNREACHABLE, str(error)
    raise error
