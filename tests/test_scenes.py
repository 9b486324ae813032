"""Two operators and a container that is lost, by real commands on real servers: at the end of each scene status is true on both sides."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
import servers
from conftest import Clone, Run, run
from facts import assert_true
from reach import EVERYTHING, rare
from servers import Server
from upgrading import World, vendor_commit


class Site(NamedTuple):
    """Two clones of one cluster, whose base is saved; `minute` is what the clock of a scene goes by."""

    server: Server
    vendor: Path
    a: World
    b: World

    def lose(self, clone: Clone) -> World:
        """The container is gone, and the next one restores the clone."""
        shutil.rmtree(clone.path)
        return restored(self.server, self.vendor, clone.path)


def restored(server: Server, vendor: Path, path: Path) -> World:
    done = run("git-ekf", "clone", vendor, path, "--internal", server.url)
    assert done.code == 0, done
    return World(path)


def did(done: Run, code: int = 0) -> Run:
    assert done.code == code, done
    return done


def told_to_pull(done: Run) -> None:
    assert (done.code, done.err.splitlines()[-1]) == (4, "hint: git ekf pull"), done


def commit(clone: Clone, path: str, minute: int) -> str:
    clone.write(path, f"{minute}\n")
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", f"Configure {path} at {minute}", env=at(minute))
    return clone.out("rev-parse", "HEAD")


def at(minute: int) -> dict[str, str]:
    time = f"2026-11-20T10:{minute:02}:00+00:00"
    return {"GIT_COMMITTER_DATE": time, "GIT_AUTHOR_DATE": time}


def deploy(clone: Clone, minute: int) -> str:
    """Records and saves; the name of the record."""
    done = did(clone.ekf("tag", "-m", f"At {minute}", env=at(minute)))
    did(clone.ekf("save"))
    return done.out.splitlines()[0].removeprefix("Recorded ")


# --- the scenes ---


def stale_upgrade(site: Site) -> None:
    """The colleague upgrades from a clone without the fix that runs."""
    fix = commit(site.a, "own/fix", 1)
    deploy(site.a, 2)
    told_to_pull(site.b.ekf("upgrade", "1.9"))
    did(site.b.ekf("pull"))
    assert site.b.out("rev-parse", "HEAD") == fix
    did(site.b.ekf("upgrade", "1.9"))
    assert (site.b.path / "own/fix").exists()
    deploy(site.b, 3)
    did(site.a.ekf("pull", "--switch"))


def lost_after_a_rollback(site: Site) -> None:
    old = deploy(site.a, 1)
    did(site.a.ekf("upgrade", "1.9"))
    deploy(site.a, 2)
    did(site.a.ekf("rollback", old))
    commit(site.a, "own/hot", 3)
    deploy(site.a, 4)
    back = site.lose(site.a)
    assert back.out("branch", "--show-current") == "release-1.8"
    assert (back.path / "own/hot").exists()
    did(site.b.ekf("pull"))


def lost_after_an_undo(site: Site) -> None:
    deploy(site.a, 1)
    did(site.a.ekf("upgrade", "1.9"))
    did(site.a.ekf("save"))
    did(site.a.ekf("undo"))
    back = site.lose(site.a)
    assert back.out("branch", "--show-current") == "release-1.8"
    did(back.ekf("upgrade", "1.9"))
    did(site.b.ekf("pull"))


def set_back(site: Site) -> None:
    new = commit(site.a, "own/new", 1)
    deploy(site.a, 2)
    site.a.git("reset", "-q", "--hard", "HEAD~1")
    told_to_pull(site.a.ekf("save"))
    told_to_pull(site.a.ekf("tag", "-m", "No"))
    did(site.a.ekf("pull"))
    assert site.a.out("rev-parse", "HEAD") == new
    did(site.b.ekf("pull"))


def second_attempt(site: Site) -> None:
    """Rolled back, fixed on the old release, upgraded again: the fix comes along."""
    old = deploy(site.a, 1)
    did(site.a.ekf("upgrade", "1.9"))
    deploy(site.a, 2)
    did(site.a.ekf("rollback", old))
    commit(site.a, "own/fix", 3)
    deploy(site.a, 4)
    did(site.a.ekf("upgrade", "--plan"))
    did(site.a.ekf("upgrade"))
    assert (site.a.path / "own/fix").exists()
    deploy(site.a, 5)
    did(site.b.ekf("pull", "--switch"))
    assert site.b.out("rev-parse", "HEAD") == site.a.out("rev-parse", "HEAD")


def both_save(site: Site) -> None:
    commit(site.a, "own/a", 1)
    commit(site.b, "own/b", 2)
    did(site.a.ekf("save"))
    told_to_pull(site.b.ekf("save"))
    did(site.b.ekf("pull"))
    did(site.b.ekf("save"))
    did(site.a.ekf("pull"))
    assert site.a.out("rev-parse", "HEAD") == site.b.out("rev-parse", "HEAD")


def amended_by_the_other(site: Site) -> None:
    site.a.git("commit", "-q", "--amend", "-m", "In better words", env=at(1))
    did(site.a.ekf("save"))
    commit(site.b, "own/b", 2)
    told_to_pull(site.b.ekf("save"))
    did(site.b.ekf("pull"))
    assert site.b.out("log", "-1", "--format=%s", "HEAD~1") == "In better words"
    did(site.b.ekf("save"))


def synced_by_the_other(site: Site) -> None:
    vendor_commit(site.a, "release-1.8", {"VERSION": "1.8.1\n"})
    did(site.a.ekf("sync"))
    deploy(site.a, 1)
    commit(site.b, "own/b", 2)
    told_to_pull(site.b.ekf("tag", "-m", "No"))
    did(site.b.ekf("pull"))
    assert (site.b.path / "VERSION").read_text() == "1.8.1\n"
    deploy(site.b, 3)
    did(site.a.ekf("pull"))


def offline(site: Site) -> None:
    """One deploys while internal cannot be reached, the other goes on meanwhile."""
    site.b.git("remote", "set-url", "internal", "http://127.0.0.1:1/gone.git")
    commit(site.b, "own/b", 1)
    done = did(site.b.ekf("tag", "-m", "In the dark", env=at(2)))
    assert "note: internal cannot be asked (" in done.err
    assert site.b.ekf("save").code == 5
    commit(site.a, "own/a", 3)
    deploy(site.a, 4)
    site.b.git("remote", "set-url", "internal", site.server.url)
    told_to_pull(site.b.ekf("save"))
    did(site.b.ekf("pull"))
    deploy(site.b, 5)


def fix_on_the_old_release(site: Site) -> None:
    deploy(site.a, 1)
    did(site.b.ekf("pull"))
    did(site.b.ekf("upgrade", "1.9"))
    deploy(site.b, 2)
    commit(site.a, "own/late", 3)
    told_to_pull(site.a.ekf("tag", "-m", "No"))
    did(site.a.ekf("pull"))
    did(site.a.ekf("save"))
    did(site.a.ekf("upgrade", "1.9"))
    assert (site.a.path / "own/late").exists()
    deploy(site.a, 4)
    did(site.b.ekf("pull"))
    assert site.b.out("rev-parse", "HEAD") == site.a.out("rev-parse", "HEAD")


SCENES: list[Callable[[Site], None]] = [
    stale_upgrade,
    lost_after_a_rollback,
    lost_after_an_undo,
    set_back,
    second_attempt,
    both_save,
    amended_by_the_other,
    synced_by_the_other,
    offline,
    fix_on_the_old_release,
]
KINDS: list[Callable[[Path], AbstractContextManager[Server]]] = [servers.ssh, servers.http]
# Some scenes on one of the servers; with everything each on both.
PLAYED = [
    (scene, kind)
    for number, scene in enumerate(SCENES)
    for place, kind in enumerate(KINDS)
    if EVERYTHING or number % 4 == place
]


@pytest.fixture
def site(
    request: pytest.FixtureRequest, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    with request.param(tmp_path / "server") as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        server.install()
        for name in ("origin", "internal"):
            assert world.out("remote", "get-url", name)
        world.git("remote", "set-url", "internal", server.url)
        world.git("update-ref", "-d", "refs/remotes/internal/release-1.8")
        did(world.ekf("save"))
        yield Site(
            server,
            world.vendor.path,
            world,
            restored(server, world.vendor.path, world.path.with_name("b")),
        )


@rare
@pytest.mark.parametrize(
    ("scene", "site"),
    PLAYED,
    indirect=["site"],
    ids=[f"{scene.__name__}-{kind.__name__}" for scene, kind in PLAYED],
)
def test_scene(scene: Callable[[Site], None], site: Site) -> None:
    scene(site)
    for clone in (site.a, site.b):
        assert_true(clone, site.server.repository)
