"""What rerere remembers: a plan says what an upgrade will make of it, and notes nothing itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from upgrading import ISTIO, World, copy

from git_ekf.demo.sample import deployment

RESOLVED = deployment("istio", "1.9.0-mine", 3)
SAID = f"{ISTIO}: as it was resolved before"


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five commits, the fourth in conflict with 1.9."""
    world = copy(template, tmp_path_factory.mktemp("template"))
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.commit("own/last", "last\n", "Last")
    assert world.ekf("save").code == 0
    return world.path.parent


@pytest.fixture
def remembering(world: World) -> World:
    """The conflict of the last commit but one was resolved once."""
    assert world.ekf("upgrade").code == 3
    world.write(ISTIO, RESOLVED)
    world.git("add", "--", ISTIO)
    assert world.ekf("upgrade", "--abort").code == 0
    return world


def memory(world: World) -> dict[str, tuple[int, bytes]]:
    """All that is remembered, and since when."""
    files = Path(world.path, ".git", "rr-cache").rglob("*")
    return {str(one): (one.stat().st_mtime_ns, one.read_bytes()) for one in files if one.is_file()}


def test_a_plan_says_what_the_upgrade_does(remembering: World) -> None:
    world = remembering
    before = memory(world)
    plan = world.ekf("upgrade", "--plan")
    assert (plan.code, plan.err) == (0, "")
    assert SAID in plan.out
    assert "5 clean\n" in plan.out
    forecast = world.ekf("releases", "--forecast").out
    assert "an upgrade would go through: 5 clean\n" in forecast
    as_json = json.loads(world.ekf("upgrade", "--json").out)
    assert [commit["verdict"] for commit in as_json["commits"]] == ["clean"] * 5
    assert as_json["commits"][3]["settled"] == [{"path": ISTIO, "side": "remembered"}]
    assert memory(world) == before
    done = world.ekf("upgrade")
    assert (done.code, done.err) == (0, "")
    assert SAID in done.out
    assert (world.path / ISTIO).read_text() == RESOLVED


def test_where_it_is_off(remembering: World) -> None:
    remembering.git("config", "rerere.enabled", "false")
    plan = remembering.ekf("upgrade", "--plan")
    assert "1 in conflict" in plan.out
    assert remembering.ekf("upgrade").code == 3


def test_another_conflict_is_one(remembering: World) -> None:
    """And is not noted by the plan."""
    world = remembering
    before = memory(world)
    world.git("reset", "-q", "--hard", "HEAD~2")
    world.commit(ISTIO, deployment("istio", "1.8.0-theirs", 3))
    plan = world.ekf("upgrade", "--plan", "--no-save-check")
    assert "1 in conflict" in plan.out
    assert memory(world) == before


def test_a_side_that_is_preferred_comes_first(remembering: World) -> None:
    plan = remembering.ekf("upgrade", "--plan", "--prefer", "local")
    assert plan.code == 0
    assert f"{ISTIO}: the local side is taken" in plan.out
    assert SAID not in plan.out
