"""What a test's time limit does when it has passed: it ends the test, and what the test waits for."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import forking
import pytest


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(settings: Any) -> Generator[None, object, object]:
    """The alarm rings more than once: what it interrupts may wait in turn, as the end of `with Popen(...)` does."""
    result = yield
    if settings.method == "signal":
        fail: Any = signal.getsignal(signal.SIGALRM)
        rings = itertools.count(1)

        def ring(number: int, frame: object) -> None:
            if next(rings) == 2:
                _kill_children()
            else:
                fail(number, frame)

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, max(1, settings.timeout / 12))
    return result


def _kill_children() -> None:
    """All that this process has started, and what that has."""
    for child in list(_descendants({os.getpid()})):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    forking.forget()


def _descendants(of: set[int]) -> Iterator[int]:
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(name)] = int(fields[1])
    while of:
        of = {child for child, parent in parents.items() if parent in of}
        yield from of
