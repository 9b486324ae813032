"""git ekf fleet upgrade, killed or interrupted at each of its steps, and two at once: each cluster has its branch whole, or is as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import upgrading
from conftest import run
from fleets import Made, World, copy_fleet, make_fleet, patch_dashboards
from reach import rare
from test_fleet_upgrade import GOAL, refs, require_pushed
from test_upgrade_crash import Killed, Killer, forked, killed_at

from git_ekf.commands import fleet  # noqa: F401
from git_ekf.fleet.file import read_fleet
from git_ekf.fleet.plan import plan_fleet  # noqa: F401
from git_ekf.fleet.runs import read_run
from git_ekf.fleet.store import open_store

ARGV = ["fleet", "upgrade", "1.10", "--wave", "canary"]
CONTINUE = ["fleet", "upgrade", "1.10", "--continue"]
NOTHING_BEGUN = f"there is no upgrade to {GOAL} to go on with"


class Scene:
    """Two clusters whose repositories judge, before their upgrade; the store knows them already."""

    def __init__(self, world: World, made: list[Made]) -> None:
        self.world, self.made = world, made
        self.desk = upgrading.World(world.folder / "desk")  # where the commands are given
        self.spare = world.folder / "spare"
        self.store = self.desk.path / ".git"
        world.write_file(made, f'store = "{self.store}"\njobs = 1\n')
        self.desk.path.mkdir()
        shutil.move(world.file, self.desk.path)
        assert self.call(["fleet", "status"]).code == 0
        for path in self.places:
            shutil.copytree(path, self.spare / path.name, symlinks=True)

    @property
    def places(self) -> tuple[Path, Path]:
        """What an upgrade changes."""
        return self.world.folder / "internals", self.desk.path

    def reset(self) -> None:
        for path in self.places:
            shutil.rmtree(path)
            shutil.copytree(self.spare / path.name, path, symlinks=True)

    def call(self, argv: list[str]) -> Killed:
        return forked(self.desk, argv)

    def fingerprint(self) -> str:
        """What tells one crash from another: all refs, and what there is in the store beside objects."""
        digest = hashlib.sha1(repr([refs(one) for one in self.made]).encode())
        for path in sorted(self.store.rglob("*")):
            name = path.relative_to(self.store)
            if name.parts[0] != "objects":
                has = path.read_bytes() if name.name == "packed-refs" else b""
                digest.update(f"{name}\0".encode() + has)
        return digest.hexdigest()

    def require_whole_or_untouched(self) -> None:
        for one in self.made:
            if f"refs/heads/{GOAL}" in refs(one):
                require_pushed(self.world, one)
            else:
                assert refs(one) == one.refs

    def end(self, point: str) -> None:
        """--continue ends it, or says that nothing was begun; then all is as if nothing had been."""
        known = self.call(["fleet", "status"])
        assert known.code == 0, (point, known)
        done = self.call(CONTINUE)
        if done.code:
            assert (done.code, NOTHING_BEGUN in done.said) == (4, True), (point, done)
            done = self.call(ARGV)
        assert done.code == 0, (point, done)
        for one in self.made:
            require_pushed(self.world, one)
        store = open_store(read_fleet(str(self.desk.path / "fleet.toml")))
        assert read_run(store, GOAL) == {}
        assert not Path(store.incoming).exists()
        assert [path for path in self.store.rglob("*.lock") if path.name != "lock"] == [], point
        checked = run("git", "-C", store.path, "fsck", "--connectivity-only", "--no-dangling")
        assert checked.code == 0, (point, checked)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[Made]]:
    world, made = make_fleet(tmp_path_factory.mktemp("fleet"), 2, odd=())
    for one in made:
        assert run("git-ekf", "hooks", "install", "--server", one.path).code == 0
    patch_dashboards(world, made)
    return world, made


@pytest.fixture
def scene(template: tuple[World, list[Made]], tmp_path: Path) -> Scene:
    return Scene(*copy_fleet(*template, tmp_path))


def hold(scene: Scene, points: Iterator[tuple[str, Killed]], *codes: int) -> None:
    """From each kind of crash it can be gone on with."""
    seen: set[str] = set()
    for point, killed in points:
        assert killed.code in codes, (point, killed)
        assert "Traceback" not in killed.said, (point, killed)
        scene.require_whole_or_untouched()
        left = scene.fingerprint()
        if left not in seen:
            seen.add(left)
            scene.end(point)
    assert len(seen) > 1


def at_each_step(
    scene: Scene, log: Path, number: int, *, to_all: bool = False
) -> Iterator[tuple[str, Killed]]:
    done = forked(scene.desk, ARGV, Killer(-1, log=log).install)
    assert done.code == 0, done
    steps = log.read_text().splitlines()
    assert any("git push" in step for step in steps)
    for at in range(1, len(steps) + 1):
        scene.reset()
        if found := killed_at(scene.desk, ARGV, Killer(at, number, log, to_all=to_all), whole=0):
            yield found


@rare
def test_killed_at_every_step(scene: Scene, tmp_path: Path) -> None:
    hold(scene, at_each_step(scene, tmp_path / "steps", signal.SIGKILL), -9)


@rare
def test_killed_with_git_at_every_step(scene: Scene, tmp_path: Path) -> None:
    """As where a machine goes down; but what the disk had stays."""
    hold(scene, at_each_step(scene, tmp_path / "steps", signal.SIGKILL, to_all=True), -9)


@rare
def test_interrupted_at_every_step(scene: Scene, tmp_path: Path) -> None:
    """^C, which git gets as well."""
    hold(scene, at_each_step(scene, tmp_path / "steps", signal.SIGINT), 130)


# --- two at once ---


def begun(scene: Scene, name: str, store: Path) -> subprocess.Popen[str]:
    """An upgrade that somebody of that name has begun."""
    place = scene.world.folder / name
    place.mkdir(exist_ok=True)
    text = (scene.desk.path / "fleet.toml").read_text().replace(str(scene.store), str(store))
    (place / "fleet.toml").write_text(text)
    return subprocess.Popen(
        ["git-ekf", *ARGV],
        cwd=place,
        env={**os.environ, "GIT_COMMITTER_NAME": name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@rare
def test_two_teams_at_once(scene: Scene) -> None:
    """Each cluster has the branch of one of them, whole; and to the other it is there already."""
    names = ["ada", "bob"]
    for attempt in range(3):
        scene.reset()
        both = [begun(scene, name, scene.world.folder / f"{name}-{attempt}") for name in names]
        said = [process.communicate() for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        made_by = []
        for one in scene.made:
            require_pushed(scene.world, one)
            log = ("log", "--format=%cn", f"refs/ekf/upstream/{GOAL}..{GOAL}")
            [who] = set(run("git", "-C", one.path, *log).out.split())
            made_by.append(who)
        for name, (out, _) in zip(names, said, strict=True):
            number = made_by.count(name)
            parts = [(number, "pushed"), (len(made_by) - number, "there already")]
            shown = ", ".join(f"{count} {words}" for count, words in parts if count)
            assert out.splitlines()[0] == f"{GOAL} for 2 clusters of wave canary: {shown}"


@rare
def test_two_of_a_team_at_once(scene: Scene) -> None:
    """The one that comes while the other is at work is refused; a store that both begin is one."""
    shutil.rmtree(scene.store)
    both = [begun(scene, name, scene.store) for name in ("ada", "bob")]
    said = [process.communicate() for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) in ([0, 0], [0, 4]), said
    for code, (_, err) in zip(codes, said, strict=True):
        assert (code == 4) == ("another git-ekf command is at work in this repository" in err)
    for one in scene.made:
        require_pushed(scene.world, one)
