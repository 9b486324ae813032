"""Every real stack carried to its next release, by git-ekf and by `git rebase`: verdict, whether both agree, and time.

Alone: `cd tests && python -m bench.stacks FOLDER`, some ten minutes. The repository in FOLDER is used again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import workloads
from bench.generate import BUNDLE, World
from bench.measure import Table
from bench.stage import TRASH, Stage
from bench.upgrade import COMMAND
from bench.workloads import Stack

MIGRATION = Path(__file__).parent.parent / "migrate_1_10.py"

# Some have conflict markers, which the policy would refuse.
_COMMAND = ["git", "-c", "ekf.rules.conflict-marker=warning", *COMMAND[1:]]


class Outcome(NamedTuple):
    """`verdict` is clean, conflict or refused; `state` is what is compared.

    That is the tree and, of a stop, the commit and the files in conflict.
    """

    verdict: str
    state: tuple[str, ...]
    took: float


class Row(NamedTuple):
    stack: Stack
    ours: Outcome
    gits: Outcome


def run(world: World, table: Table, folder: Path) -> None:
    """A line for each stack, then one for each upgrade, and all of them."""
    stage = workloads.real(world, folder, "R")
    rows = []
    for stack in workloads.stacks():
        rows.append(Row(stack, _ours(world, stage, stack), _gits(world, stage, stack)))
        shutil.rmtree(folder / TRASH)
        ours, gits = rows[-1].ours, rows[-1].gits
        same = (
            "as git"
            if ours.state == gits.state
            else f"git: {gits.verdict} {' '.join(gits.state)}; here: {' '.join(ours.state)}"
        )
        table.row(
            f"{stack.ref.removeprefix('refs/stacks/')} to {stack.next}",
            ours.took,
            f"{ours.verdict:<8}  {same}",
        )
    upgrades = dict.fromkeys((row.stack.release, row.stack.next) for row in rows)
    for release, to in upgrades:
        _summary(
            table,
            f"{release} to {to}",
            [row for row in rows if (row.stack.release, row.stack.next) == (release, to)],
        )
    _summary(table, "all", rows)
    _migrated(
        world,
        table,
        stage,
        [row.stack for row in rows if row.stack.next == "1.10" and row.ours.verdict == "conflict"],
    )


def _summary(table: Table, name: str, rows: list[Row]) -> None:
    verdicts = Counter(row.ours.verdict for row in rows)
    same = sum(row.ours.state == row.gits.state for row in rows)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    table.heading(f"{name}: {len(rows)} stacks, {counts}; {same} as git")
    table.row("git rebase --onto", median(row.gits.took for row in rows))
    table.row("git ekf upgrade", median(row.ours.took for row in rows))


def _migrated(world: World, table: Table, stage: Stage, stacks: list[Stack]) -> None:
    """The same upgrade with a migration that moves the files as the vendor did."""
    migration = (
        f'[[upgrade.migrations]]\nto = "1.10"\ncommand = ["{sys.executable}", "{MIGRATION}"]\n'
    )
    through = []
    for stack in stacks:
        stage.restore(f"release-{stack.release}", stack.ref)
        (stage.path / ".ekf.toml").write_text(migration)
        world.run("git", "ekf", "trust", "--yes", cwd=stage.path)
        if _outcome(world, stage, [*_COMMAND, stack.next]).verdict == "clean":
            through.append(stack)
    (stage.path / ".ekf.toml").unlink(missing_ok=True)
    table.heading(
        f"1.9 to 1.10 with {MIGRATION.name}: of {len(stacks)} stacks in conflict, {len(through)} go through"
    )


def _ours(world: World, stage: Stage, stack: Stack) -> Outcome:
    stage.restore(f"release-{stack.release}", stack.ref)
    return _outcome(world, stage, [*_COMMAND, stack.next])


def _gits(world: World, stage: Stage, stack: Stack) -> Outcome:
    """Without the commits whose patch the new channel has: `git rebase` itself would ask the old one for those."""
    onto, ref = f"origin/release-{stack.next}", stack.ref
    base = stage.git("merge-base", f"origin/release-{stack.release}", ref)
    there = [
        line[2:]
        for line in stage.git("cherry", onto, ref, base).splitlines()
        if line.startswith("-")
    ]
    stage.restore("throw-away", ref)
    leave_out = " ".join(
        ["sed", "-i", "-e", "1i\\\\noop", *(f"-e /^pick.{commit}/d" for commit in there)]
    )
    settings = ["-c", "core.abbrev=no", "-c", f"sequence.editor={leave_out}"]
    return _outcome(
        world,
        stage,
        ["git", *settings, "rebase", "--interactive", "--empty=drop", "--onto", onto, base],
    )


def _outcome(world: World, stage: Stage, command: list[str]) -> Outcome:
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=stage.path, env=world.env, capture_output=True, check=False)
    took = 1000 * (time.perf_counter() - begin)
    if done.returncode == 0:
        return Outcome("clean", (stage.tree(),), took)
    if not (stage.path / ".git/REBASE_HEAD").exists():
        return Outcome("refused", tuple(os.fsdecode(done.stderr).splitlines()[:1]), took)
    stopped_at = stage.git("rev-parse", "--short", "REBASE_HEAD")
    files = {line.partition("\t")[2] for line in stage.git("ls-files", "--unmerged").splitlines()}
    return Outcome("conflict", (stage.tree(), stopped_at, *sorted(files)), took)


def main(folder: Path) -> None:
    if not BUNDLE.exists():
        sys.exit(f"bench: there is no {BUNDLE}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="world-", dir=folder) as root:
        run(World(Path(root).resolve()), Table(), folder.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
