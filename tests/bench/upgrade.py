"""What carrying a stack of commits to the next release takes: git-ekf beside `git rebase` and `git replay`.

Alone: `cd tests && python -m bench.upgrade FOLDER [S1 S2 S3 R]`. The repositories in FOLDER are used again.
"""

from __future__ import annotations

import os
import random
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import workloads
from bench.generate import BRANCH, BUNDLE, World
from bench.measure import Bound, Case, Table, medians
from bench.size import SHORT, scaled
from bench.stage import TRASH, Stage, sparse
from bench.workloads import ONTO, Stack

REBASE, UPGRADE, SPARSE, PLAN, REPLAY, START, CHECKOUT = (
    "git rebase --onto",
    "git ekf upgrade",
    "git ekf upgrade, nearly empty sparse checkout",
    "git ekf upgrade --plan",
    "git replay --onto, no checkout",
    "the start of that program alone: git ekf upgrade -h",
    "the checkout of both alone: git read-tree -m -u",
)
# Without the builds of manifests afterwards, which would take most of the time and have no counterpart.
COMMAND = ["git", "ekf", "upgrade", "--no-save-check", "--no-fetch", "--no-build"]
_PLAN = ["git", "ekf", "upgrade", "--plan", "--no-fetch"]
_THROW_AWAY = "throw-away"
_FIRST = scaled(1_000, 6)  # of the commits, rebased where all of them would take minutes
_MEGABYTES = 300
_REAL = scaled(60)  # of the real stacks, spread evenly over the years
_ROOM = scaled(6_000_000_000)  # bytes, twice what all the repositories take

# A process started from this one would count this one's memory as its own.
_PEAK = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Workload(NamedTuple):
    """A stack and its targets: times as fast as git rebase, and the most of git replay's time, with `--plan` and without."""

    title: str
    commits: int
    rounds: int
    faster: float
    most: float
    plan_most: float | None = None


WORKLOADS = {
    "S1": Workload("200 commits on the real release-1.8, to 1.9", scaled(200), 5, 6, 1.5),
    "S2": Workload(
        "1,000 commits, 50,000 files, 5,000 changed and 1,000 moved upstream",
        _FIRST,
        3,
        30,
        0.5,
        0.3,
    ),
    "S3": Workload("the same with 5,000 commits", 5 * _FIRST, 2, 50, 0.45, 0.3),
}


class Faster(NamedTuple):
    """A target: the least that something has to be faster, in times."""

    times: float
    least: float

    def __str__(self) -> str:
        return f"{self.times:5.1f}x faster than git rebase  target {self.least:g}x  {'met' if self.times >= self.least else 'missed'}"


class Took(NamedTuple):
    """Milliseconds that have passed, and those that processors have worked: so much less depends on what else runs."""

    passed: float
    worked: float


def run(
    world: World, table: Table, folder: Path, names: Sequence[str] = ("S1", "S2", "S3", "R")
) -> None:
    """Measures the workloads of these names; the real ones only where their data lies beside the checkout.

    With little, they are left out: only to read their data takes too long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(world, table)
    for name in names:
        if name in ("S1", "R") and (SHORT or not BUNDLE.exists()):
            table.heading(f"{name} left out: there is no {BUNDLE}")
        elif name == "R":
            clean = [stack for stack in workloads.stacks() if stack.clean]
            bench.real(
                workloads.real(world, folder, name),
                [clean[number * len(clean) // _REAL] for number in range(_REAL)],
            )
        else:
            make = workloads.kubeflow if name == "S1" else workloads.large
            bench.made(name, make(world, folder, name, WORKLOADS[name].commits))
    shutil.rmtree(folder / TRASH, ignore_errors=True)


def run_in_memory(world: World, table: Table) -> None:
    """On a disk, what other programs have deleted minutes ago can triple the time of whoever writes many files."""
    memory = Path("/dev/shm")
    room = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    with tempfile.TemporaryDirectory(
        prefix="git-ekf-bench-", dir=memory if room else None
    ) as folder:
        run(world, table, Path(folder).resolve())


class Bench:
    """Measures one stage after the other."""

    def __init__(self, world: World, table: Table) -> None:
        self.world = world
        self.table = table
        self.replay = _replay(world)
        self.trees: dict[str, set[str]] = {}
        self.first_rebased = (
            0.0  # milliseconds for the first commits of the large workloads, once measured
        )

    def made(self, name: str, stage: Stage) -> None:
        workload = WORKLOADS[name]
        self.trees = {}
        stage.restore()
        tip = stage.head()
        cases = self._cases(stage, workload, tip)
        took = medians(self.world, cases, workload.rounds)
        note = ""
        if REBASE not in took:
            took[REBASE], note = self._rebased(stage, workload, tip)
        self._agree(name)
        self.table.heading(f"git ekf upgrade, {name}: {workload.title}, {workload.rounds} rounds")
        self._rows(workload, took, note)
        if name == "S3":
            self._memory(stage)
        stage.restore()

    def _cases(self, stage: Stage, workload: Workload, tip: str) -> list[Case]:
        to = "1.9"
        cases = (
            [self._rebase(stage, f"origin/{BRANCH}", tip, ONTO)]
            if workload.commits < _FIRST
            else []
        )
        if self.replay:
            cases.append(self._replayed(stage))
        twin = sparse(stage)
        return [
            *cases,
            self._ours(UPGRADE, stage, [*COMMAND, to]),
            self._ours(SPARSE, twin, [*COMMAND, to]),
            Case(PLAN, [*_PLAN, to], stage.path, before=stage.restore),
        ]

    def _rebase(self, stage: Stage, base: str, tip: str, onto: str) -> Case:
        before = partial(stage.restore, _THROW_AWAY, tip)
        return Case(
            REBASE,
            ["git", "rebase", "--onto", onto, base],
            stage.path,
            before,
            lambda: self._note(REBASE, stage.tree()),
        )

    def _ours(self, name: str, stage: Stage, command: list[str]) -> Case:
        return Case(
            name, command, stage.path, stage.restore, lambda: self._note(name, stage.tree())
        )

    def _replayed(self, stage: Stage) -> Case:
        output = stage.path / ".git" / "bench-replayed"
        words = [self.replay, "replay", "--onto", ONTO, f"origin/{BRANCH}..{BRANCH}"]
        command = f"exec {' '.join(map(shlex.quote, words))} >{shlex.quote(str(output))}"
        return Case(
            REPLAY,
            ["sh", "-c", command],
            stage.path,
            stage.restore,
            lambda: self._note(REPLAY, stage.tree(output.read_text().split()[2])),
        )

    def _note(self, name: str, tree: str) -> None:
        self.trees.setdefault(name, set()).add(tree)

    def _agree(self, name: str) -> None:
        """Whoever is fast has to be right as well."""
        if len(set().union(*self.trees.values())) > 1:
            sys.exit(f"bench: {name} ends in different trees: {self.trees}")

    def _rebased(self, stage: Stage, workload: Workload, tip: str) -> tuple[float, str]:
        """What git rebase takes, measured once, or as much longer than its first commits as there are more."""
        base = f"origin/{BRANCH}"
        if workload.commits == _FIRST or os.environ.get("BENCH_FULL"):
            took = self._once(self._rebase(stage, base, tip, ONTO))
            if workload.commits == _FIRST:
                self.first_rebased = took
            return took, "once"
        if not self.first_rebased:
            case = self._rebase(stage, base, f"{tip}~{workload.commits - _FIRST}", ONTO)
            self.first_rebased = self._once(case._replace(after=lambda: None))
        times = workload.commits / _FIRST
        return (
            self.first_rebased * times,
            f"not measured: {times:g} times its first {_FIRST:,} commits; BENCH_FULL=1 measures",
        )

    def _once(self, case: Case) -> float:
        """Milliseconds."""
        return self._measured(case).passed

    def _measured(self, case: Case) -> Took:
        case.before()
        begin, worked = time.perf_counter(), _worked()
        # A real stack may lose something in its next release.
        self.world.run(*case.command, cwd=case.cwd, may_find=case.name in (UPGRADE, PLAN))
        took = Took(1000 * (time.perf_counter() - begin), 1000 * (_worked() - worked))
        case.after()
        return took

    def _rows(self, workload: Workload, took: dict[str, float], note: str) -> None:
        self.table.row(REBASE, took[REBASE], note)
        if REPLAY in took:
            self.table.row(REPLAY, took[REPLAY])
        self.table.row(
            UPGRADE, took[UPGRADE], Faster(took[REBASE] / took[UPGRADE], workload.faster)
        )
        for name, most in ((SPARSE, workload.most), (PLAN, workload.plan_most)):
            ratio = (
                f"of git replay {Bound(took[name] / took[REPLAY], most)}"
                if REPLAY in took and most
                else ""
            )
            self.table.row(name, took[name], ratio)

    def _memory(self, stage: Stage) -> None:
        """Of the process that needs the most: Python, or a git that it starts."""
        stage.restore()
        peak = int(self.world.run(sys.executable, "-c", _PEAK, *COMMAND, "1.9", cwd=stage.path))
        megabytes = peak / (
            1_000_000 if sys.platform == "darwin" else 1_000
        )  # bytes there, kilobytes elsewhere
        met = "met" if megabytes <= _MEGABYTES else "missed"
        self.table.heading(
            f"Peak memory of git ekf upgrade, its largest process: {megabytes:.0f} MB  target {_MEGABYTES} MB  {met}"
        )

    def real(self, stage: Stage, stacks: list[Stack]) -> None:
        """Both ways for each stack, in any order; the median of the ratios. And what is in both of them."""
        names = (REBASE, UPGRADE, PLAN, START, CHECKOUT)
        took: dict[str, list[Took]] = {name: [] for name in names}
        different = 0
        for stack in stacks:
            self.trees = {}
            for case in random.sample(self._real_cases(stage, stack), k=len(took)):
                took[case.name].append(self._measured(case))
            different += self.trees[REBASE] != self.trees[UPGRADE]
        self.table.heading(
            f"git ekf upgrade, R: {len(stacks)} real clean stacks, medians; {different} end in another tree than git rebase"
        )
        passed = {name: [one.passed for one in took[name]] for name in names}
        worked = {name: [one.worked for one in took[name]] for name in names}
        self.table.row(REBASE, median(passed[REBASE]))
        for name, most in ((UPGRADE, 1.25), (PLAN, 0.75)):
            ratio = Bound(_ratio(passed[name], passed[REBASE]), most)
            cpu = f"CPU {_ratio(worked[name], worked[REBASE]):.2f}"
            self.table.row(name, median(passed[name]), f"of git rebase {ratio}  {cpu}")
        for name in (START, CHECKOUT):
            self.table.row(name, median(passed[name]))

    def _real_cases(self, stage: Stage, stack: Stack) -> list[Case]:
        branch, tip = f"release-{stack.release}", stack.ref
        rebase = self._rebase(stage, f"origin/{branch}", tip, f"origin/release-{stack.next}")
        ours = self._ours(UPGRADE, stage, [*COMMAND, stack.next])
        before = partial(stage.restore, branch, tip)
        start = Case(START, ["git", "ekf", "upgrade", "-h"], stage.path)
        checkout = Case(
            CHECKOUT,
            ["git", "read-tree", "-m", "-u", tip, f"origin/release-{stack.next}"],
            stage.path,
            before,
        )
        plan = Case(PLAN, [*_PLAN, stack.next], stage.path, before)
        return [rebase, ours._replace(before=before), plan, start, checkout]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios, pair by pair."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def _worked() -> float:
    """Seconds that the processors have worked for the programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _replay(world: World) -> str:
    """The first git that has `git replay`: the newest one, where `make test` has put it, else the system's; "" if none has."""
    for git in (str(Path(sys.prefix) / "newest-git" / "bin" / "git"), "git"):
        try:
            done = subprocess.run(
                [git, "replay", "-h"], env=world.env, capture_output=True, check=False
            )
        except OSError:
            continue
        if b"--onto" in done.stdout:
            return git
    return ""


def main(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="world-", dir=folder) as root:
        run(World(Path(root).resolve()), Table(), folder.resolve(), names or (*WORKLOADS, "R"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
