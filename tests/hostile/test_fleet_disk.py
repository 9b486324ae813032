"""A disk that is full where the store of a fleet is, or what is thrown away: one sentence, and the second try ends it whole."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, run
from fleets import Made, World, copy_fleet, make_fleet, patch_dashboards
from reach import rare
from test_disk import disk, fill  # noqa: F401
from test_fleet_upgrade import GOAL, refs, require_pushed

FULL = "git-ekf: there is no space left on the disk"
HINT = "hint: df -h shows which one is full; once there is room: the same command again"
UPGRADE = ("upgrade", "1.10", "--wave", "canary")

pytestmark = rare


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[Made]]:
    """In each of six there is something to merge."""
    world, made = make_fleet(tmp_path_factory.mktemp("fleet"), 6, odd=())
    patch_dashboards(world, made)
    return world, made


@pytest.fixture
def fleet(
    template: tuple[World, list[Made]],
    tmp_path: Path,
    disk: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[World, list[Made]]:
    """The store is on a small disk, and what is thrown away is too."""
    world, made = copy_fleet(*template, tmp_path / "clusters")
    world.write_file(made, f'store = "{disk}/store"\n')
    monkeypatch.chdir(tmp_path / "clusters")
    (disk / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(disk / "scratch"))
    return world, made


def ekf(*words: str, **options: Any) -> Run:
    return run("git-ekf", "fleet", *words, **options)


def with_room(disk: Path, kilobytes: int, *words: str) -> Run:  # noqa: F811
    """A command that has so much; it says all in one sentence, or does all."""
    filler = fill(disk, kilobytes)
    done = ekf(*words)
    filler.unlink()
    assert not list((disk / "scratch").iterdir())
    if done.code == 5:
        said, hint = done.err.splitlines()
        assert said.startswith(FULL), done
        assert (hint, done.out) == (HINT, "")
    return done


ROOM = [0, 4, 8, 16, 24, 40, 60, 100, 160, 240]


@pytest.mark.parametrize("room", ROOM)
def test_status(fleet: tuple[World, list[Made]], disk: Path, room: int) -> None:  # noqa: F811
    """The first, and one that finds something new."""
    world, made = fleet
    assert with_room(disk, room, "status").code == 5
    assert ekf("status").code == 0
    world.commit(made[0], "More", "own/large", os.urandom(100_000).hex())
    with_room(disk, room, "status")
    done = ekf("status")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("room", ROOM)
def test_plan(fleet: tuple[World, list[Made]], disk: Path, room: int) -> None:  # noqa: F811
    assert fleet
    assert ekf("status").code == 0
    whole = ekf("plan", "1.10", "--no-fetch")
    done = with_room(disk, room, "plan", "1.10", "--no-fetch")
    assert done.code in (0, 5)
    assert done.out in ("", whole.out)


@pytest.mark.parametrize("room", ROOM)
def test_upgrade(fleet: tuple[World, list[Made]], disk: Path, room: int) -> None:  # noqa: F811
    """What has been pushed is told, and what is left is done once there is room."""
    world, made = fleet
    assert ekf("status").code == 0
    done = with_room(disk, room, *UPGRADE)
    there = [one for one in made if f"refs/heads/{GOAL}" in refs(one)]
    if done.code:
        assert (f"; {len(there)} clusters had been pushed to by then" in done.err) == bool(there)
        again = ekf("upgrade", "1.10", "--continue")
        if again.code:  # it had not even begun
            assert (again.code, there) == (4, [])
            again = ekf(*UPGRADE)
        assert again.code == 0, again
    for one in made[:3]:
        require_pushed(world, one)
    assert [refs(one) for one in made[3:]] == [one.refs for one in made[3:]]
    assert "1.10" not in ekf("status").out.partition("upgrade  ")[2]


def test_disk_of_an_internal_repository(
    fleet: tuple[World, list[Made]],
    disk: Path,  # noqa: F811
) -> None:
    """It alone fails, with the server's words, and is there once it has room."""
    world, made = fleet
    world.write_file(made)
    other = disk / "internal.git"
    shutil.copytree(made[1].path, other, symlinks=True)
    shutil.rmtree(made[1].path)
    made[1].path.symlink_to(other)
    assert ekf("status").code == 0
    os.environ.pop("TMPDIR")
    filler = fill(disk, 0)
    done = ekf(*UPGRADE)
    filler.unlink()
    assert done.code == 5
    [failed] = [line for line in done.out.splitlines() if line.startswith("  failed ")]
    assert failed.split()[1] == made[1].name
    assert "No space left on device" in failed
    assert "2 pushed, 1 failed" in done.out
    assert ekf("upgrade", "1.10", "--continue").code == 0
    for one in made[:3]:
        require_pushed(world, one)


@pytest.mark.parametrize("limit", [0, 60, 700, 4000])
def test_a_limit_of_the_size_of_files(
    template: tuple[World, list[Made]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
) -> None:
    world, made = copy_fleet(*template, tmp_path)
    monkeypatch.chdir(tmp_path)

    def limited(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git-ekf", "fleet", *words],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )

    for words in (("status",), ("plan", "1.10"), UPGRADE):
        done = limited(*words)
        if done.returncode == 0:
            continue
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            5,
            "hint: ulimit -f unlimited, then the same command again",
        ), (words, done)
        assert done.stderr.splitlines()[-2].startswith(
            "git-ekf: a file would be larger than this shell lets files be"
        )
        assert ekf(words[0], *words[1:]).code == 0
    for one in made[:3]:
        require_pushed(world, one)
