"""Many questions at a time to many hosts, of which none is asked too much at once.

A host that is dead must not cost its time limit for each of its repositories: where the first
questions to it all came to nothing, the others are not asked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from git_ekf.errors import CallFailed

# Connections at a time, whatever is asked for: a system starts only so many threads and processes.
_MOST = 256

T = TypeVar("T")
R = TypeVar("R")


class Reply(NamedTuple, Generic[T, R]):
    """A task that is over, with its result or the error that it ended with."""

    task: T
    result: R | None
    error: BaseException | None


class _Host:
    """A host: what is still to be asked there, and how it went so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: deque[object] = deque()
        self.busy = 0
        self.answered = False
        self.silent = 0


class Silent(CallFailed):
    """A host has not answered in time."""


def answers(
    tasks: Sequence[T],
    host_of: Callable[[T], str],
    work: Callable[[T], R],
    *,
    jobs: int,
    per_host: int,
) -> Generator[Reply[T, R]]:
    """Does the work of each task in a thread; the answers as they come, in any order.

    At most `jobs` at a time (256 at most), and `per_host` of them at one host. A host is given up
    where as many questions ended in Silent before any was answered. Where the iteration is broken
    off, no further task is begun.
    """
    return _Calls(tasks, host_of, work, jobs, per_host).answers()


class _Calls(Generic[T, R]):
    def __init__(
        self,
        tasks: Sequence[T],
        host_of: Callable[[T], str],
        work: Callable[[T], R],
        jobs: int,
        per_host: int,
    ) -> None:
        self._work, self._per_host = work, per_host
        self._hosts: dict[str, _Host] = {}
        for task in tasks:
            name = host_of(task)
            self._hosts.setdefault(name, _Host(name)).waiting.append(task)
        self._turn = deque(self._hosts.values())
        self._number = len(tasks)
        self._threads = min(jobs, _MOST, len(tasks), per_host * len(self._hosts))
        self._change = threading.Condition()
        self._over = False
        self._done: SimpleQueue[Reply[T, R]] = SimpleQueue()

    def answers(self) -> Generator[Reply[T, R]]:
        for _ in range(self._threads):
            threading.Thread(target=self._serve, daemon=True).start()
        try:
            for _ in range(self._number):
                yield self._done.get()
        finally:
            with self._change:
                self._over = True
                self._change.notify_all()

    def _serve(self) -> None:
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
            self._done.put(Reply(task, result, error))

    def _take(self) -> tuple[_Host, T] | None:
        """The next task, of the hosts by turns; None where there is no more to be begun."""
        with self._change:
            while not self._over:
                for _ in range(len(self._turn)):
                    host = self._turn[0]
                    self._turn.rotate(-1)
                    if host.waiting and host.busy < self._per_host:
                        host.busy += 1
                        return host, host.waiting.popleft()  # type: ignore[return-value]
                if not any(host.waiting for host in self._turn):
                    return None
                self._change.wait()
        return None
