"""A fleet's status and plan: processor time, for the whole of it, beside the same one cluster at a time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fleets import RELEASES, make_fleet

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


def plans(world: World, table: Table, what: str, *numbers: int) -> None:
    """Every other of the twenty commits edits a file that the next release changes, too; half of these are alike in ten clusters."""
    table.heading(f"git ekf fleet plan of clusters on {what}, processor time")
    for size in numbers:
        number = scaled(size, 4)
        folder = world.root / f"planned-{size}"
        folder.mkdir()
        primary = world.root / "vendor.git"
        edited = {release: _changed(world, primary, release) for release in RELEASES}
        made, clusters = make_fleet(
            folder, number, odd=(), vendor=primary, commits=(16, 24), edited=edited
        )
        file = ["--file", str(made.file)]
        _processor(world, ["git", "ekf", "fleet", "status", *file])
        plan = ["git", "ekf", "fleet", "plan", "--no-fetch", *file]
        together = min(_processor(world, plan, ok=(0, 1)) for _ in range(scaled(3, 1)))
        rounds = scaled(10, 1)
        alone = 0.0
        for one in clusters[:rounds]:
            place = str(folder / one.name)
            branch = f"release-{one.release}"
            world.run("git", "clone", "-q", "-o", "internal", "-b", branch, str(one.path), place)
            world.run("git", "-C", place, "remote", "add", "-f", "origin", str(primary))
            upgrade = ["git", "ekf", "upgrade", "--plan", "--no-fetch"]
            alone += _processor(world, upgrade, place, ok=(0, 1)) / rounds * number
        ratio = f"ratio to cluster by cluster {Bound(together / alone, 1 / 12)}"
        table.row(f"{number:,} clusters", together, _target(together, 20, number))
        table.row(f"git ekf upgrade --plan, {number:,} times (of {rounds})", alone, ratio)


def _changed(world: World, vendor: Path, release: str) -> list[tuple[str, str]]:
    """Files that the next release changes, with their text."""
    new = f"release-{release[:2]}{int(release[2:]) + 1}"
    old = f"release-{release}"
    show = ["git", "-C", str(vendor)]
    if not world.run(*show, "for-each-ref", f"refs/heads/{new}"):
        return []
    listed = world.run(*show, "diff", "--name-only", "--diff-filter=M", old, new, "--", "*.yaml")
    files = []
    for path in listed.splitlines()[:60:3]:
        files.append((path, world.run(*show, "show", f"{old}:{path}") + "\n"))
    return files


def _target(took: float, seconds: float, number: int) -> str:
    """The time that was aimed at is for 1,000 clusters."""
    return f"ratio to the target {Bound(took / (seconds * number), 1.0)}"


def _processor(
    world: World, command: list[str], cwd: str | None = None, *, ok: Sequence[int] = (0,)
) -> float:
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
    if done.returncode not in ok:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
