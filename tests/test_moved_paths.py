"""Paths of the configuration that the vendor has moved are pointed out, with the new ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from upgrading import World, copy, vendor_commit

CONFIGURATION = """[apply]
paths = ["apps/istio/overlays/mine", "./apps/istio/base/", "own", "nowhere", "../outside", "/root"]
[paths]
customer = ["apps/istio", "site"]
[[upgrade.migrations]]
to = "1.11"
command = ["apps/istio/migrate", "--to={to}"]
"""
MOVED = [
    ("apply.paths", "apps/istio/overlays/mine", "platform/istio/overlays/mine"),
    ("apply.paths", "apps/istio/base", "platform/istio/base"),
    ("paths.customer", "apps/istio", "platform/istio"),
    ("upgrade.migrations", "apps/istio/migrate", "platform/istio/migrate"),
]


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.9 moves a directory, and 1.10 all that is in it once more within."""
    world = copy(template, tmp_path_factory.mktemp("template"))
    inside = world.out("ls-tree", "-r", "--name-only", "origin/release-1.9", "apps/istio").split()
    content = {path: world.out("show", f"origin/release-1.9:{path}") + "\n" for path in inside}
    files: dict[str, str | bytes | None] = dict.fromkeys(inside)
    files |= {path.replace("apps/", "platform/"): text for path, text in content.items()}
    vendor_commit(world, "release-1.9", files)
    vendor_commit(world, "release-1.10", dict.fromkeys(inside) | files)
    world.write(".ekf.toml", CONFIGURATION)
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Configure")
    world.save()
    world.git("fetch", "-q")
    return world.path.parent


@pytest.mark.parametrize("release", ["1.9", "1.10"])
def test_they_are_in_the_plan(world: World, release: str) -> None:
    plan = world.ekf("upgrade", release, "--plan")
    for key, path, place in MOVED:
        assert f"  moved     {key}: {path} is {place} there\n" in plan.out
    assert plan.out.count(" there\n") == len(MOVED)
    document = json.loads(world.ekf("upgrade", release, "--json").out)
    assert [tuple(one.values()) for one in document["moved_paths"]] == MOVED


def test_they_are_named_afterwards(world: World) -> None:
    done = world.ekf("upgrade", "--prefer", "local", "--no-build")
    assert done.code == 0, done
    for key, path, place in MOVED:
        assert f"  moved     {key}: {path} is {place} now\n" in done.out


def test_what_the_commits_keep_there_is_still_right(world: World) -> None:
    """An overlay of one's own, where the vendor's files have gone from around it."""
    world.git("config", "merge.directoryRenames", "false")
    world.commit("apps/istio/overlays/mine/kustomization.yaml", "resources: []\n", "Overlay")
    world.save()
    plan = world.ekf("upgrade", "--plan")
    assert "apply.paths: apps/istio/base is platform/istio/base there\n" in plan.out
    assert "apply.paths: apps/istio/overlays/mine" not in plan.out


def test_nothing_is_said_of_what_stays(world: World) -> None:
    world.write(".ekf.toml", '[apply]\npaths = ["apps/dashboard", "own"]\n')
    world.git("commit", "-q", "-a", "-m", "Others")
    world.save()
    assert "apply.paths" not in world.ekf("upgrade", "--plan").out
    assert json.loads(world.ekf("upgrade", "--json").out)["moved_paths"] == []


def test_a_sync_names_them_too(world: World) -> None:
    """The vendor moves a directory within a release."""
    inside = world.out("ls-tree", "-r", "--name-only", "origin/release-1.8", "apps/istio").split()
    files: dict[str, str | bytes | None] = dict.fromkeys(inside)
    for path in inside:
        content = world.out("show", f"origin/release-1.8:{path}") + "\n"
        files[path.replace("apps/", "platform/")] = content
    vendor_commit(world, "release-1.8", files)
    plan = world.ekf("sync", "--plan")
    assert "  moved     paths.customer: apps/istio is platform/istio there\n" in plan.out
    moved = json.loads(world.ekf("sync", "--json").out)["moved_paths"]
    assert ("apply.paths", MOVED[1][1], MOVED[1][2]) in [tuple(one.values()) for one in moved]
    done = world.ekf("sync", "--no-build", "--prefer", "local")
    assert done.code == 0, done
    assert "  moved     paths.customer: apps/istio is platform/istio now\n" in done.out
