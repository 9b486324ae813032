"""A fleet's status: processor time, for the whole of a thousand clusters, beside the same one cluster at a time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

from fleets import make_fleet

from bench.generate import Clone, World
from bench.measure import Bound, Table
from bench.size import scaled


def fleet(world: World, table: Table, one: Clone, what: str, number: int = 1000) -> None:
    """Each cluster has some twenty configuration commits and two records; `one` is a clone to compare with."""
    number = scaled(number, 4)
    folder = world.root / "fleet"
    folder.mkdir()
    primary = world.root / "vendor.git"
    made, _ = make_fleet(folder, number, odd=(), vendor=primary, commits=(16, 24))
    table.heading(f"git ekf fleet status of {number:,} clusters on {what}, processor time")
    status = ["git", "ekf", "fleet", "status", "--file", str(made.file)]
    first = _processor(world, status)
    again = _processor(world, status)
    known = min(_processor(world, [*status, "--no-fetch"]) for _ in range(3))
    table.row("the first time, everything fetched", first, _target(first, 60, number))
    table.row("again, nothing new", again, _target(again, 8, number))
    table.row("--no-fetch", known, _target(known, 1.5, number))
    rounds = scaled(10, 1)
    alone = 0.0
    for _ in range(rounds):
        alone += _processor(world, ["git", "ekf", "status"], str(one.path))
    table.row(f"git ekf status, {number:,} times (of {rounds})", alone / rounds * number)


def _target(took: float, seconds: float, number: int) -> str:
    """The time that was aimed at is for 1,000 clusters."""
    return f"ratio to the target {Bound(took / (seconds * number), 1.0)}"


def _processor(world: World, command: list[str], cwd: str | None = None) -> float:
    """Milliseconds of processor time, of the command and all that it starts, servers included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=cwd or world.root,
        env={**os.environ, **world.env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
