"""What it costs to carry the vendor's channels across an air gap, beside the git command that brings the same refs."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.generate import World
from bench.measure import Bound, Case, Table, medians


def mirror(world: World, table: Table, primary: Path, what: str, rounds: int = 8) -> None:
    """A mirror made from nothing, as over a network: by git's transport, and not by linking to the files of a repository here."""
    url, made = f"file://{primary}", world.root / "mirror.git"

    def remove() -> None:
        shutil.rmtree(made)

    cases = [
        Case("git clone --mirror", ["git", "clone", "-q", "--mirror", url, made], after=remove),
        Case("git ekf mirror", ["git", "ekf", "mirror", url, made], after=remove),
    ]
    table.heading(f"git ekf mirror of {what}, {rounds} rounds")
    took = medians(world, cases, rounds)
    table.row("git clone --mirror", took["git clone --mirror"])
    table.row(
        "git ekf mirror",
        took["git ekf mirror"],
        f"ratio {Bound(took['git ekf mirror'] / took['git clone --mirror'], 1.2)}",
    )
    _mirror_again(world, table, url, made)


def _mirror_again(world: World, table: Table, url: str, made: Path, rounds: int = 12) -> None:
    """With nothing new, it is one question to the vendor."""
    world.run("git", "ekf", "mirror", url, made)
    cases = [
        Case("git ls-remote", ["git", "ls-remote", url]),
        Case("git ekf mirror, nothing new", ["git", "ekf", "mirror", url, made]),
    ]
    for name, took in medians(world, cases, rounds).items():
        table.row(name, took)


def bundle(world: World, table: Table, primary: Path, what: str, rounds: int = 8) -> None:
    """The vendor in one file, and a mirror from that; and the mirror that was just made, which leaves git nothing to compress."""
    plain, ours, made = (
        world.root / name for name in ("plain.bundle", "channels.tar", "inside.git")
    )

    def remove() -> None:
        shutil.rmtree(made)

    sources = {"": primary, ", packed already": world.root / "mirror.git"}
    cases = []
    for name, source in sources.items():
        cases += [
            Case(
                f"git bundle create{name}",
                ["git", "bundle", "create", "-q", plain, "--branches", "--tags"],
                cwd=source,
            ),
            Case(
                f"git ekf bundle create{name}", ["git", "ekf", "bundle", "create", ours], cwd=source
            ),
        ]
    cases += [
        Case("git ekf bundle -h, its start alone", ["git", "ekf", "bundle", "-h"]),
        Case("git ekf bundle verify", ["git", "ekf", "bundle", "verify", ours]),
        Case(
            "git clone --mirror of the bundle",
            ["git", "clone", "-q", "--mirror", plain, made],
            after=remove,
        ),
        Case("git ekf bundle apply", ["git", "ekf", "bundle", "apply", ours, made], after=remove),
    ]
    for case in cases[:2]:
        world.run(*case.command, cwd=case.cwd)
    size = Bound(ours.stat().st_size / plain.stat().st_size, 1.2)
    table.heading(f"git ekf bundle of {what}, {rounds} rounds; its size beside git's: {size}")
    beside = {
        "git ekf bundle create": "git bundle create",
        "git ekf bundle create, packed already": "git bundle create, packed already",
        "git ekf bundle apply": "git clone --mirror of the bundle",
    }
    took = medians(world, cases, rounds)
    for name, time in took.items():
        table.row(
            name, time, f"ratio {Bound(time / took[beside[name]], 1.2)}" if name in beside else ""
        )
