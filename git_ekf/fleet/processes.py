"""Plans made here, by several processes side by side, through concurrent.futures."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple, Protocol

from git_ekf.errors import CallFailed, EkfError
from git_ekf.fleet.planning.together import PlannedCluster, Task, plan_clusters


class Planner(Protocol):
    """A maker of plans, here or elsewhere."""

    @property
    def jobs(self) -> int:
        """How many tasks it has in hand at a time."""

    def plans(self, tasks: Sequence[Task]) -> Generator[list[PlannedCluster]]:
        """The plans of each task in turn; closed before its end, it leaves the rest.

        Raises EkfError.
        """


class Processes(NamedTuple):
    """So many processes of this machine; where it is one, this one."""

    jobs: int

    def plans(self, tasks: Sequence[Task]) -> Generator[list[PlannedCluster]]:
        """The plans of each task in turn.

        What a process that dies was at is made here. Raises CallFailed.
        """
        if min(self.jobs, len(tasks)) < 2:
            yield from map(plan_clusters, tasks)
            return
        # Not by fork, which copies locks that other threads hold.
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(min(self.jobs, len(tasks)), context, _begin)
        try:
            futures = [executor.submit(attempt, task) for task in tasks]
            for task, future in zip(tasks, futures, strict=True):
                try:
                    yield taken(future.result())
                except BrokenProcessPool:
                    yield plan_clusters(task)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def all_processors() -> Processes:
    """A process for each processor."""
    return Processes(os.cpu_count() or 1)


def taken(made: list[PlannedCluster] | EkfError) -> list[PlannedCluster]:
    """The plans that were made elsewhere. Raises the error in place of them."""
    if isinstance(made, EkfError):
        raise made
    return made


def attempt(task: Task) -> list[PlannedCluster] | CallFailed:
    """The plans of a task, or why there are none."""
    try:
        return plan_clusters(task)
    except EkfError as error:
        return sendable(error)


def sendable(error: EkfError) -> CallFailed:
    """An error as one that can be sent, whatever its kind."""
    return CallFailed(error.message, error.hint)


def _begin() -> None:
    """Leaves ^C to the process that has started this one, and ends with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)
