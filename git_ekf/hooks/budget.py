"""How long a judgment may take and how much memory it may use, whatever was pushed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from git_ekf.errors import Refused
from git_ekf.hooks.spawn import own_memory
from git_ekf.smallfile import STATE, read_small

_LOOK_EVERY = 0.05  # seconds
_AGAIN = 1.0  # seconds
# Of what is allowed; the rest is for what comes before the next look, and for ending it.
_SHARE = 0.9


class _Exceeded(BaseException):
    """Nobody on the way handles it: it is no error of what is under way."""


@contextmanager
def budget(seconds: int, megabytes: int) -> Iterator[None]:
    """Ends what goes beyond, and all that it has started. Raises Refused.

    For the main thread. Memory is what this process and its children have for themselves, where the
    system tells (Linux does); a pack that git maps is none.
    """
    end = time.monotonic() + _SHARE * seconds
    most = _SHARE * megabytes * 1024
    exceeded = ""
    is_over = False

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal exceeded
        if is_over:
            return
        processes = family(os.getpid())
        if time.monotonic() > end:
            exceeded = f"more than {seconds} seconds"
        elif sum(map(own_memory, processes)) > most:
            exceeded = f"more than {megabytes} MB of memory"
        if exceeded:
            for pid in processes[1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            # Where this one is lost, as in a __del__, there comes another.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
            raise _Exceeded

    def stop() -> None:
        nonlocal is_over
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY, _LOOK_EVERY)
    try:
        try:
            yield
        finally:
            stop()
    except BaseException:
        stop()  # once more: the signal may have come before the first word of the other
        if not exceeded:
            raise
    if exceeded:
        raise Refused(
            f"the judgment of this push takes {exceeded}",
            "push fewer commits or refs at a time; the server's administrator can allow more"
            " (server.budget-time, server.budget-memory)",
        )


def family(pid: int) -> list[int]:
    """A process and all below it, itself first."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                # As bytes: the signal may come while Python loads an encoding.
                children = read_small(f"/proc/{parent}/task/{thread}/children", STATE)
                found += map(int, (children or b"").split())
    return found
