"""Many questions at a time to many hosts, of which none is asked too much at once.

A host that is dead must not cost its time limit for each of its repositories: where the first
questions to it all came to nothing, the others are not asked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from git_ekf.errors import CallFailed
from git_ekf.fleet.file import Fleet
from git_ekf.fleet.places import host_of

# Connections at a time, whatever is asked for: a system starts only so many threads and processes.
_MOST = 256

T = TypeVar("T")
R = TypeVar("R")


class Reply(NamedTuple, Generic[T, R]):
    """A task that is over, with its result or the error that it ended with."""

    task: T
    result: R | None
    error: BaseException | None


class _Host(Generic[T]):
    """A host: what is still to be asked there, and how it went so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: deque[T] = deque()
        self.busy = 0
        self.answered = False
        self.silent = 0


class Silent(CallFailed):
    """A host has not answered in time."""


def answers(
    fleet: Fleet, tasks: Sequence[T], url_of: Callable[[T], str], work: Callable[[T], R]
) -> Generator[Reply[T, R]]:
    """Does the work of each task in a thread; the answers as they come, in any order.

    At most `jobs` of the fleet at a time (256 at most), and `per_host` of them at one host, which
    the URL of a task tells. A host is given up where as many questions ended in Silent before any
    was answered. Where the iteration is broken off, no further task is begun.
    """
    hosts: dict[str, _Host[T]] = {}
    for task in tasks:
        name = host_of(url_of(task))
        hosts.setdefault(name, _Host(name)).waiting.append(task)
    calls = _Calls(hosts.values(), work, fleet.per_host)
    for _ in range(min(fleet.jobs, _MOST, len(tasks), fleet.per_host * len(hosts))):
        threading.Thread(target=calls.serve, daemon=True).start()
    try:
        for _ in tasks:
            yield calls.done.get()
    finally:
        calls.end()


class _Calls(Generic[T, R]):
    def __init__(self, hosts: Iterable[_Host[T]], work: Callable[[T], R], per_host: int) -> None:
        self._turn = deque(hosts)
        self._work, self._per_host = work, per_host
        self._change = threading.Condition()
        self._over = False
        self.done: SimpleQueue[Reply[T, R]] = SimpleQueue()

    def end(self) -> None:
        with self._change:
            self._over = True
            self._change.notify_all()

    def serve(self) -> None:
        while (taken := self._take()) is not None:
            host, task = taken
            error: BaseException | None = None
            result: R | None = None
            try:
                if host.silent >= self._per_host and not host.answered:
                    raise CallFailed(f"{host.name or 'this machine'} does not answer")
                result = self._work(task)
            except BaseException as raised:  # whatever it is, it is for whoever reads the answers
                error = raised
            with self._change:
                host.busy -= 1
                if isinstance(error, Silent):
                    host.silent += 1
                elif error is None:
                    host.answered = True
                self._change.notify_all()
            self.done.put(Reply(task, result, error))

    def _take(self) -> tuple[_Host[T], T] | None:
        """The next task, of the hosts by turns; None where there is no more to be begun."""
        with self._change:
            while not self._over:
                for _ in range(len(self._turn)):
                    host = self._turn[0]
                    self._turn.rotate(-1)
                    if host.waiting and host.busy < self._per_host:
                        host.busy += 1
                        return host, host.waiting.popleft()
                if not any(host.waiting for host in self._turn):
                    return None
                self._change.wait()
        return None
