"""A fleet's status, plan and report: processor time, for the whole of it, beside the same one cluster at a time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fleets import RELEASES, Made, make_fleet

from bench.generate import World
from bench.measure import Bound, Table
from bench.size import scaled

# Seconds from one look at the memory of processes to the next.
_LOOKS = 0.05


def fleet(world: World, table: Table, what: str, number: int = 1000, sample: int = 30) -> None:
    """Each cluster has some twenty configuration commits and two records; a sample of them is cloned, to compare with.

    Every other commit edits a file that the next release changes, too; half of these are alike in ten clusters.
    """
    number = scaled(number, 4)
    folder = world.root / "fleet"
    folder.mkdir()
    primary = world.root / "vendor.git"
    edited = {release: _changed(world, primary, release) for release in RELEASES}
    made, clusters = make_fleet(
        folder, number, odd=(), vendor=primary, commits=(16, 24), edited=edited
    )
    sample = scaled(sample, 2)
    chosen = clusters[:: number // sample][:sample]
    clones = [_clone(world, folder / one.name, primary, one) for one in chosen]
    measured = _Fleet(world, table, number, made.file, clones)
    whole = f"of {number:,} clusters on {what}, processor time"
    table.heading(f"git ekf fleet status {whole}")
    measured.status()
    table.heading(f"git ekf fleet plan {whole}")
    measured.plan()
    table.heading(f"git ekf fleet report {whole}")
    measured.report(folder / "fleet.html")


class _Fleet:
    """A fleet of so many clusters, and clones of some of them."""

    def __init__(
        self, world: World, table: Table, number: int, file: Path, clones: list[Path]
    ) -> None:
        self._world, self._table, self._number = world, table, number
        self._file, self._clones = file, clones

    def status(self) -> None:
        status = self._words("status")
        self._row("the first time, everything fetched", self._processor(status), 60)
        self._row("again, nothing new", self._processor(status), 8)
        self._row("--no-fetch", self._least([*status, "--no-fetch"]), 1.5)
        self._alone("git ekf status")

    def plan(self) -> None:
        plan = self._words("plan", "--no-fetch")
        begin = time.perf_counter()
        took = self._processor(plan)
        clock = 1000 * (time.perf_counter() - begin)
        took = min(took, self._least(plan))
        self._row("--no-fetch", took, 20)
        self._row("by the clock", clock, 15)
        peak = _peak(self._world, plan)
        self._table.row("memory of all its processes", peak, _target(peak, 500), "MB")
        self._alone("git ekf upgrade --plan", "--no-fetch", beside=took)

    def report(self, page: Path) -> None:
        self._row("--no-fetch", self._least(self._words("report", "--no-fetch", "-o", page)), 3)
        size = page.stat().st_size / 1e6
        self._table.row("its page", size, _target(size, 1), "MB")

    def _words(self, *words: str | Path) -> list[str | Path]:
        return ["git", "ekf", "fleet", *words, "--file", self._file]

    def _row(self, name: str, took: float, seconds: float) -> None:
        """The time that is aimed at is for 1,000 clusters."""
        self._table.row(name, took, _target(took, seconds * self._number))

    def _alone(self, command: str, *options: str, beside: float = 0) -> None:
        """A command in a clone of each cluster, by those that there are; and the ratio to it."""
        words: list[str | Path] = [*command.split(), *options]
        took = sum(self._processor(words, place) for place in self._clones)
        took *= self._number / len(self._clones)
        name = f"{command}, {self._number:,} times (of {len(self._clones)})"
        ratio = f"ratio to cluster by cluster {Bound(beside / took, 1 / 12)}" if beside else ""
        self._table.row(name, took, ratio)

    def _least(self, command: list[str | Path]) -> float:
        return min(self._processor(command) for _ in range(scaled(3, 1)))

    def _processor(self, command: list[str | Path], cwd: Path | None = None) -> float:
        """Milliseconds of processor time, of the command and all that it starts, servers included."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _end(_begun(self._world, command, cwd))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _target(found: float, most: float) -> str:
    return f"ratio to the target {Bound(found / most, 1.0)}"


# --- the clusters ---


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


def _clone(world: World, place: Path, vendor: Path, one: Made) -> Path:
    words = ("clone", "-q", "-o", "internal", "-b", f"release-{one.release}")
    world.run("git", *words, one.path, place)
    world.run("git", "-C", place, "remote", "add", "-f", "origin", vendor)
    return place


# --- a command under way ---


def _begun(
    world: World, command: list[str | Path], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """The command, in a session of its own; what it says is not read, as long as that is little."""
    return subprocess.Popen(
        command,
        cwd=cwd or world.root,
        env={**os.environ, **world.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Waits for its end, which may be that it has found something."""
    _, said = process.communicate()
    if process.returncode not in (0, 1):
        words = " ".join(map(str, process.args))  # type: ignore[arg-type]
        sys.exit(f"bench: {words} ended with {process.returncode}: {os.fsdecode(said)}")


def _peak(world: World, command: list[str | Path]) -> float:
    """The most memory (MB) that a command and all that it starts have at a time, what they share counted once."""
    process = _begun(world, command)
    most = 0
    while process.poll() is None:
        most = max(most, sum(_memory(process.pid)))
        time.sleep(_LOOKS)
    _end(process)
    return most / 1000


def _memory(session: int) -> Iterator[int]:
    """What each process of a session has (kB), its share of what is shared (proc(5), smaps_rollup)."""
    found: dict[int, tuple[int, str, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == session:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                own = int((folder / "smaps_rollup").read_text().partition("\nPss:")[2].split()[0])
                found[int(folder.name)] = parent, (folder / "cmdline").read_text(), own
    for parent, command, own in found.values():
        # One that is about to be another program has the memory of its parent until then.
        if command != found.get(parent, (0, "", 0))[1]:
            yield own
