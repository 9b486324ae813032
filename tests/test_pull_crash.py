"""pull, killed or interrupted at each of its own steps: nothing is lost, and the next pull ends as if nothing had been."""

from __future__ import annotations

import functools
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from reach import long, rare, some
from test_upgrade_crash import (
    Killed,
    Killer,
    fingerprint,
    forked,
    killed_at,
    rebasing,
    state,
    unfinished,
    without_locks,
)
from upgrading import World, copy

from git_ekf.commands import pull, status, undo  # noqa: F401

STRIDE = 71
FILE = "own/settings"
SCENES = ["forward", "on top", "stops", "switch"]


class Scene:
    """A clone in which `git ekf pull` is about to run. `old` and `new` are the states before and after the whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self.world = world = World(folder / "b")
        self.spare = folder / "spare"
        self.argv = ["pull", "--switch"] if name == "switch" else ["pull"]
        self.code = 3 if name == "stops" else 0
        self.mine: dict[str, str] = {}
        if name in ("on top", "stops"):
            world.commit(FILE if name == "stops" else "own/mine", "mine\n", "Mine")
            assert world.ekf("tag", "-m", "Mine, of a name that was taken", "--no-fetch").code == 0
            self.mine["record"] = world.out("rev-parse", "refs/tags/deploy/2026-11-20/release-1.8")
        self.mine["commit"] = world.out("rev-parse", "HEAD")
        self.old = state(world)
        shutil.copytree(world.path, self.spare, symlinks=True)
        assert world.ekf(*self.argv).code == self.code
        self.end()
        self.new = state(world)
        assert self.new != self.old
        assert not rebasing(world)

    def reset(self, source: Path | None = None) -> None:
        shutil.rmtree(self.world.path)
        shutil.copytree(source or self.spare, self.world.path, symlinks=True)

    def end(self) -> list[Killed]:
        """Goes on until the pull is done: what was said."""
        said = []
        for _ in range(6):
            if rebasing(self.world):
                if self.world.out("ls-files", "--unmerged"):
                    (self.world.path / ".git/index.lock").unlink(missing_ok=True)
                    self.world.write(FILE, "both\n")
                    self.world.git("add", "--", FILE)
                said.append(without_locks(self.world, "pull", "--continue"))
            else:
                said.append(without_locks(self.world, *self.argv))
            if said[-1].code == 0 and not unfinished(self.world):
                break
        return said

    def keeps_all(self) -> None:
        """What was here alone is still under a ref, whatever that is called now."""
        refs = self.world.out("for-each-ref", "--format=%(objectname)").split()
        assert self.mine.get("record", refs[0]) in refs or self._renamed()
        kept = self.world.git("branch", "-a", "--contains", self.mine["commit"], ok=False).out
        backups = ("for-each-ref", "--contains", self.mine["commit"])
        assert kept or self.world.out(*backups)

    def _renamed(self) -> bool:
        text = self.world.out("tag", "-l", "--format=%(contents)", "deploy/*")
        return "Mine, of a name that was taken" in text


@pytest.fixture(scope="module")
def scenes(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scene]:
    """Each is built once, and brought back to its start for each test."""

    @functools.cache
    def beginning() -> Path:
        """A colleague has saved a fix with its record, and an upgrade with the newest one."""
        a = copy(template, tmp_path_factory.mktemp("pair") / "world")
        shutil.copytree(a.path, a.path.with_name("b"), symlinks=True)
        World(a.path.with_name("b")).git("config", "core.checkStat", "minimal")
        World(a.path.with_name("b")).git("config", "core.trustctime", "false")
        a.commit(FILE, "theirs\n", "Fix")
        for command in (["tag", "-m", "Fixed"], ["save"], ["upgrade", "1.9", "--no-build"]):
            assert a.ekf(*command).code == 0
        time = {"GIT_COMMITTER_DATE": "2026-11-20T13:00:00+00:00"}
        assert a.ekf("tag", "-m", "Upgraded", env=time).code == 0
        assert a.ekf("save").code == 0
        return a.path.parent

    @functools.cache
    def built(name: str) -> Scene:
        folder = tmp_path_factory.mktemp("scene")
        shutil.copytree(beginning() / "b", folder / "b", symlinks=True)
        return Scene(folder, name)

    return built


@pytest.fixture
def scene(request: pytest.FixtureRequest, scenes: Callable[[str], Scene]) -> Scene:
    found = scenes(request.param)
    found.reset()
    return found


def hold(scene: Scene, tmp_path: Path, number: int, codes: tuple[int, ...]) -> None:
    """Sends a signal at the steps, and goes from each kind of crash forward and back."""
    seen: set[str] = set()
    log, crashed = tmp_path / "steps", tmp_path / "crashed"
    done = forked(scene.world, scene.argv, Killer(-1, log=log).install)
    assert done.code == scene.code, done
    steps = log.read_text().splitlines()
    for at in some(range(1, len(steps) + 1), STRIDE):
        scene.reset()
        found = killed_at(scene.world, scene.argv, Killer(at, number, log), whole=scene.code)
        if not found:
            continue
        step, killed = found
        point = f"{step}: {killed}"
        assert killed.code in codes, point
        assert "Traceback" not in killed.said, point
        scene.keeps_all()
        left = fingerprint(scene.world)
        if left in seen:
            continue
        seen.add(left)
        assert without_locks(scene.world, "status").code == 0, point
        shutil.copytree(scene.world.path, crashed, symlinks=True)
        said = scene.end()
        assert state(scene.world) == scene.new, (point, said)
        assert not list(scene.world.path.rglob("*.lock")), point
        scene.keeps_all()
        scene.reset(crashed)
        shutil.rmtree(crashed)
        back(scene, point)


def back(scene: Scene, point: str) -> None:
    """--abort or undo leads to the branch and the files that there were."""
    how = ["pull", "--abort"] if rebasing(scene.world) else ["undo"]
    done = without_locks(scene.world, *how)
    if "Undone: the pull of release-1.9" in done.said:  # where it had gone in the end
        done = without_locks(scene.world, *how)
    assert done.code in (0, 4), (point, done)
    assert not unfinished(scene.world), (point, done)
    now = state(scene.world)
    apart = {key for key in scene.old if now.get(key) != scene.old[key]}
    # Records and other branches came before the pull of this one, and stay.
    assert apart <= {"refs", "config"}, (point, done, apart)
    assert scene.world.out("rev-parse", "refs/heads/release-1.8") == scene.mine["commit"]


@long
@pytest.mark.parametrize("scene", SCENES, indirect=True)
def test_killed_at_every_step(scene: Scene, tmp_path: Path) -> None:
    hold(scene, tmp_path, signal.SIGKILL, (-9,))


@rare
@pytest.mark.parametrize("scene", SCENES, indirect=True)
def test_interrupted(scene: Scene, tmp_path: Path) -> None:
    """^C, which git gets as well."""
    hold(scene, tmp_path, signal.SIGINT, (130,))
