"""Makes the repositories, measures, and writes the table to the file given: `python -m bench build/bench.txt`."""

from __future__ import annotations

import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import airgap, commands, fleet, hooks, load, receive, records, render, upgrade
from bench.generate import World, clone, configure, kubeflow_or_vendor, vendor
from bench.measure import Case, Table, medians
from bench.size import SHORT, scaled


def main(output: Path) -> None:
    begin = time.monotonic()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="git-ekf-bench-") as folder:
        world = World(Path(folder).resolve())
        world.link(Path(hooks.lefthook()))
        git = world.run("git", "version")
        table.heading(
            f"Medians. {git}, Python {platform.python_version()}, {world.run(hooks.lefthook(), 'version')} (lefthook)"
        )
        table.row(
            "git version, the least a git process takes",
            medians(world, [Case("git", ["git", "version"])], 30)["git"],
        )
        _commands(world, table)
        upgrade.run_in_memory(world, table)
        load.load(world, table, pushes=scaled(50, 5), rounds=scaled(3, 1))
        sizes = (("small", 10, 12), ("large", 50_000, 20_000))
        for name, files, commits in sizes[:1] if SHORT else sizes:
            primary = world.root / f"{name}.git"
            vendor(world, primary, files=files, commits=commits)
            table.heading(f"=== Hooks in a repository of {files:,} files and {commits:,} commits")
            hooks.run(world, table, clone(world, primary, world.root / name), small=name == "small")
    table.heading(f"Took {time.monotonic() - begin:.0f} s.")
    output.parent.mkdir(exist_ok=True)
    output.write_text("".join(table.lines), encoding="utf-8")


def _commands(world: World, table: Table) -> None:
    commands.start(world, table)
    primary = world.root / "vendor.git"
    what = kubeflow_or_vendor(world, primary)
    cloned = clone(world, primary, world.root / "work")
    configure(cloned, commits=10, records=5)
    commands.status(world, table, cloned, f"{what}, 10 configuration commits, 5 deploy records")
    commands.shell(world, table, cloned, what)
    airgap.mirror(world, table, primary, what)
    airgap.bundle(world, table, primary, what)
    fleet.fleet(world, table, what)
    if what == "kubeflow/manifests":
        render.diff(world, table, cloned, what)
    primary = world.root / "history.git"
    vendor(world, primary, files=1_000, commits=19_000)
    cloned = clone(world, primary, world.root / "history")
    configure(cloned, commits=1_000, records=2_000)
    commands.check(
        world,
        table,
        cloned,
        "20,000 commits, 1,000 of them configuration commits, and 2,000 deploy records",
    )
    primary = world.root / "ledger.git"
    vendor(world, primary, files=1_000, commits=100)
    cloned = clone(world, primary, world.root / "ledger")
    configure(cloned, commits=100, records=10_000)
    records.records(world, table, cloned, "git ekf log and tag with 10,000 deploy records")
    commands.shell(world, table, cloned, "10,000 deploy records")
    records.save(world, table, cloned, "git ekf save of one commit, with 10,000 deploy records")
    _server(world, table)


def _server(world: World, table: Table) -> None:
    primary = world.root / "small-server.git"
    vendor(world, primary, files=10, commits=12)
    receive.one_commit(
        world,
        table,
        clone(world, primary, world.root / "small-server"),
        "in a repository of 10 files",
    )
    primary = world.root / "large-server.git"
    vendor(world, primary, files=1_000, commits=50_000)
    cloned = clone(world, primary, world.root / "large-server")
    configure(cloned, commits=1_000, records=200)
    receive.many(
        world,
        table,
        cloned,
        "1,000 commits and 200 deploy records, in a repository of 50,000 commits",
    )
    receive.worst(world, table, cloned)


if __name__ == "__main__":
    # A termination unwinds like ^C, so that half a gigabyte of repositories does not stay behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    main(Path(sys.argv[1]))
