"""Plans made by the workers of a Dask cluster, which read the store by its path.

They are sent names, paths and object ids, and never a credential.
"""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from git_ekf import __version__
from git_ekf.errors import CallFailed, EkfError, Refused
from git_ekf.fleet.planning.together import PlannedCluster, Task, plan_clusters
from git_ekf.fleet.processes import all_processors, attempt, sendable, taken
from git_ekf.fleet.reading import require_pygit2
from git_ekf.fleet.scheduler import reason, scheduler
from git_ekf.fleet.surroundings import PYTHON, Surroundings, surroundings
from git_ekf.fleet.team import Team
from git_ekf.names import without_credentials
from git_ekf.shown import shell
from git_ekf.temporary import new_name

if TYPE_CHECKING:
    from distributed import Client, Future

# Seconds: between two looks at a cluster that works, for an answer to one, and with no worker.
_LOOK, _ANSWER, _ALONE = 1, 10, 10


@contextmanager
def workers(address: str, again: Sequence[str], note: Callable[[str], None]) -> Iterator[Workers]:
    """Those of the cluster whose scheduler is at an address; see `scheduler`.

    `note` is told when the cluster is gone and plans are made here.

    Raises Refused also where one does not fit, or there is none.
    """
    with scheduler(address, again) as client:
        found = Workers(client, address, note)
        found.require_fit()
        yield found


class Workers:
    """The workers of a cluster, which come and go."""

    def __init__(self, client: Client, address: str, note: Callable[[str], None]) -> None:
        self._client = client
        self._address = address
        self._note = note
        self._noted = False

    @property
    def jobs(self) -> int:
        """How many threads they have, for a task each."""
        return max(1, self._threads())

    def require_fit(self) -> None:
        """Raises Refused where one cannot plan, or there is none; CallFailed without an answer."""
        try:
            faults = self._faults()
        except Exception as error:
            raise CallFailed(
                f"the scheduler at {self._address} does not answer: {reason(error)}",
                "the same command again",
            ) from None
        for who, fault in faults.items():
            if fault:
                raise Refused(
                    f"{who} at {self._address} cannot plan: {fault}",
                    f"there, with Python {PYTHON}: pip install"
                    f" 'git-ekf[fleet,distributed]=={__version__}'",
                )
        if len(faults) == 1:
            raise Refused(
                f"the scheduler at {self._address} has no worker",
                f"{shell('dask', 'worker', self._address)}, on each machine that is to plan",
            )

    def _faults(self) -> dict[str, str]:
        """Scheduler and workers -> why they cannot plan, "" for those that can."""
        known = self._client.get_versions()
        found = {"the scheduler": known["scheduler"]}
        found |= {f"the worker {worker}": one for worker, one in known["workers"].items()}
        faults = {}
        for who, one in found.items():
            python = ".".join(one["host"]["python"].split(".")[:2])
            same = python == PYTHON
            faults[who] = "" if same else f"it has Python {python}, and here it is {PYTHON}"
        if any(faults.values()):  # nothing may be sent there
            return faults
        return {who: _fault(program) for who, program in self._programs().items()}

    def _programs(self) -> dict[str, Any]:
        """Scheduler and workers -> their version of git-ekf, or the error instead."""
        found: dict[str, Any] = {}
        try:  # it reads what the workers are to do
            found["the scheduler"] = self._client.run_on_scheduler(_version)
        except OSError:
            raise
        except Exception as error:
            found["the scheduler"] = error
        for worker, answer in self._client.run(_able, on_error="return").items():
            found[f"the worker {worker}"] = answer
        return found

    def plans(self, tasks: Sequence[Task]) -> Generator[list[PlannedCluster]]:
        """The plans of each task in turn.

        What a worker that dies was at another one makes, and what the cluster does not come to is
        made here. Raises Refused where a worker does not fit, CallFailed.
        """
        if not tasks:
            return
        here = surroundings(tasks[0].store, tasks[0].team)
        run = new_name()
        futures = [
            self._client.submit(_answer, run, _sent(task, here), pure=False) for task in tasks
        ]
        for at, (task, future) in enumerate(zip(tasks, futures, strict=True)):
            try:
                answer = self._awaited(future)
            except Exception as error:  # a late comer's, which cannot read it, or that of a disk
                self.require_fit()
                self._note_failed(error)
                yield plan_clusters(task)
                continue
            if answer is None:
                self._note(f"{self._address} is gone, and the rest is planned here")
                yield from all_processors().plans(tasks[at:])
                return
            yield taken(pickle.loads(answer))  # noqa: S301 (it is as trusted as this machine)
            future.release()

    def _note_failed(self, error: Exception) -> None:
        """Says once why something is planned here."""
        from distributed import KilledWorker

        if not self._noted:
            self._noted = True
            if isinstance(error, KilledWorker):
                said = f"workers of {self._address} died of some clusters; these are planned here"
            else:
                said = (
                    f"some is planned here, which workers of {self._address} could not:"
                    f" {reason(error)}"
                )
            self._note(said)

    def _awaited(self, future: Future) -> bytes | None:
        """What a worker has sent; None where there is none left that would send anything.

        Raises what has kept Dask from an answer.
        """
        from distributed import CancelledError

        alone, bring = 0.0, _ANSWER
        while True:
            try:
                future.exception(timeout=_LOOK)
                answer: bytes = future.result(timeout=bring)
                return answer
            except CancelledError:  # as all are when the connection is lost
                return None
            except TimeoutError:
                if future.status == "finished":  # much of it, over a slow line
                    bring *= 2
            if self._threads():
                alone = 0.0
            elif not alone:
                alone = time.monotonic()
            elif time.monotonic() - alone > _ALONE:
                return None

    def _threads(self) -> int:
        """Of all workers; 0 where the scheduler does not answer."""
        try:
            ask = self._client.scheduler.ncores
            return sum(self._client.sync(ask, callback_timeout=_ANSWER).values())
        except Exception:  # of whatever kind: it is gone
            return 0


def _fault(program: Any) -> str:
    """What is wrong with an answer to the question for git-ekf's version; "" for nothing."""
    if program == __version__:
        return ""
    if isinstance(program, str):
        return f"it has git-ekf {program}, and here it is {__version__}"
    missing = re.search(r"No module named '(git_ekf\b.*?)'", str(program))
    if missing:
        alone = missing[1] == "git_ekf"
        return "git-ekf is not installed there" if alone else "it has another version of git-ekf"
    return reason(program)


def _sent(task: Task, here: Surroundings) -> bytes:
    team = task.team._replace(source=without_credentials(task.team.source))
    return pickle.dumps((task._replace(team=team), here))


# --- there ---


def _version() -> str:
    return __version__


def _able() -> str:
    """The version of git-ekf, where it can plan. Raises Refused."""
    require_pygit2()
    return __version__


def _answer(run: str, sent: bytes) -> bytes:
    """The plans of a task, or why there are none; `run` is that of a command."""
    from distributed import get_worker

    task, here = pickle.loads(sent)  # noqa: S301 (who can send it can run anything there)
    try:
        there = _surroundings_in(run, task.store, task.team)
    except EkfError as error:
        return pickle.dumps(sendable(error))
    if there == here:
        return pickle.dumps(attempt(task))
    share = "set store in the fleet file to a directory that all of them share"
    refused = Refused(
        f"the worker {get_worker().address} cannot plan from {task.store}: {here.unlike(there)}",
        share if there.refs != here.refs else "git ekf man fleet",
    )
    return pickle.dumps(refused)


@lru_cache(maxsize=1)
def _surroundings_in(_run: str, store: str, team: Team) -> Surroundings:
    """Those of a worker, looked at once for a command."""
    return surroundings(store, team)
