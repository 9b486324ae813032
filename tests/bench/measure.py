"""Shuffled, interleaved measuring, and the table of what came out."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.generate import World
from bench.size import SHORT

_SETTLE = 2.0  # seconds to wait for an idle machine, at most


def _nothing() -> None:
    pass


class Case(NamedTuple):
    """A command to time. `before` and `after` are not timed; `cwd` None is the world's root."""

    name: str
    command: Sequence[str | Path]
    cwd: Path | None = None
    before: Callable[[], object] = _nothing
    after: Callable[[], object] = _nothing


class Bound(NamedTuple):
    """A target: the most that a ratio may be."""

    ratio: float
    most: float

    def __str__(self) -> str:
        return f"{self.ratio:5.2f}  target {self.most:.2f}  {'met' if self.ratio <= self.most else 'missed'}"


def medians(world: World, cases: list[Case], rounds: int) -> dict[str, float]:
    """Name -> median in milliseconds. Every round runs every case once, in a new order."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    order = list(cases)
    if SHORT:
        rounds = 1
    else:
        _settle()
    warming = 0 if SHORT else 1  # round, to fill the caches
    for number in range(-warming, rounds):
        random.shuffle(order)
        for case in order:
            case.before()
            took = _time(world, case)
            case.after()
            if number >= 0:
                times[case.name].append(took)
    return {name: median(taken) for name, taken in times.items()}


def _time(world: World, case: Case) -> float:
    words = [str(word) for word in case.command]
    begin = time.perf_counter()
    done = subprocess.run(
        words,
        cwd=case.cwd or world.root,
        env=world.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    took = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"bench: {case.name}: {' '.join(words)} ended with {done.returncode}")
    return 1000 * took


def _settle() -> None:
    """Waits until the machine is mostly idle, where it can be told."""
    end = time.monotonic() + _SETTLE
    while time.monotonic() < end:
        begin = _processor_time()
        time.sleep(0.2)
        after = _processor_time()
        if begin is None or after is None or after[1] - begin[1] >= 0.8 * (after[0] - begin[0]):
            return


def _processor_time() -> tuple[int, int] | None:
    """Ticks in all and idle ones, of all processors (proc(5), /proc/stat)."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:]]
    except OSError:
        return None
    return sum(ticks[:8]), ticks[3] + ticks[4]


class Table:
    """Lines, printed as they come and kept for the file."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def heading(self, text: str) -> None:
        self._add("")
        self._add(text)

    def row(self, name: str, took: float, note: object = "", unit: str = "ms") -> None:
        self._add(f"  {name:<44}{took:8.1f} {unit}  {note}".rstrip())

    def _add(self, line: str) -> None:
        print(line, flush=True)
        self.lines.append(line + "\n")
