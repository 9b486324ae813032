"""Plans made by several processes side by side, through concurrent.futures."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from git_ekf.errors import CallFailed, EkfError
from git_ekf.fleet.planning import PlannedCluster, Task, plan_clusters


class _Failed:
    """An error that can be sent, whatever its kind."""

    def __init__(self, error: EkfError) -> None:
        self.message = error.message
        self.hint = error.hint


def plans(tasks: Sequence[Task], jobs: int) -> Generator[list[PlannedCluster]]:
    """The plans of each task in turn, made by so many processes; by this one where it is one.

    What a process that dies was at is made here. Raises CallFailed.
    """
    if min(jobs, len(tasks)) < 2:
        yield from map(plan_clusters, tasks)
        return
    # Not by fork, which copies locks that other threads hold.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(min(jobs, len(tasks)), context, _begin)
    try:
        futures = [executor.submit(_attempt, task) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            try:
                yield _taken(future.result())
            except BrokenProcessPool:
                yield plan_clusters(task)
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _taken(made: list[PlannedCluster] | _Failed) -> list[PlannedCluster]:
    if isinstance(made, _Failed):
        raise CallFailed(made.message, made.hint)
    return made


def _attempt(task: Task) -> list[PlannedCluster] | _Failed:
    try:
        return plan_clusters(task)
    except EkfError as error:
        return _Failed(error)


def _begin() -> None:
    """Leaves ^C to the process that has started this one, and ends with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)
