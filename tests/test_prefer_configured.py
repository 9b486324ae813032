"""What `upgrade.prefer` in .ekf.toml decides for good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reach import rare
from upgrading import DASHBOARD, ISTIO, World, copy, vendor_commit

from git_ekf.demo.sample import deployment


def table(path: str, side: str, since: str) -> str:
    return f'[[upgrade.prefer]]\npath = "{path}"\nside = "{side}"\nsince = "{since}"\n'


def configure(world: World, *tables: str) -> None:
    world.write(".ekf.toml", "".join(tables))
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Configure")
    world.save()


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits in conflict with 1.9, in content, and a file that the vendor has deleted there."""
    world = copy(template, tmp_path_factory.mktemp("template"))
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    vendor_commit(world, "release-1.8", {"apps/gone": "a\nb\n"})
    world.git("pull", "-q")
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.commit("apps/gone", "a\nours\n", "Ours, and gone there")
    world.save()
    return world.path.parent


def test_every_use_is_listed(world: World) -> None:
    configure(world, table("apps", "local", "1.9"), table("apps/gone", "vendor", "1.9"))
    said = [
        f"            {ISTIO}: the local side is taken\n"
        "              by upgrade.prefer in .ekf.toml\n"
        "              without 1 line of the vendor's:\n",
        "            apps/gone goes, as the vendor deleted it\n"
        "              by upgrade.prefer in .ekf.toml\n"
        "              without 1 line of yours:\n"
        "                ours\n",
    ]
    plan = world.ekf("upgrade", "--plan")
    commits = json.loads(world.ekf("upgrade", "--json").out)["commits"]
    sources = [lost["source"] for commit in commits for lost in commit["lost"]]
    assert sources == [".ekf.toml", ".ekf.toml"]
    assert "upgrade would go through" in world.ekf("releases", "--forecast").out
    done = world.ekf("upgrade", "--no-build")
    for run in (plan, done):
        assert run.code == 0, run
        for lines in said:
            assert lines in run.out
    assert "1.8.0-mine" in (world.path / ISTIO).read_text()
    assert not (world.path / "apps/gone").exists()


def test_in_a_rebase_too(world: World) -> None:
    configure(world, table("apps/gone", "local", "1.9"))
    assert world.ekf("upgrade", "--no-build").code == 3
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue", "--no-build")
    assert done.code == 0, done
    assert (
        "  settled   apps/gone stays as it is here, though the vendor deleted it\n"
        "              by upgrade.prefer in .ekf.toml\n"
    ) in done.out
    assert (world.path / "apps/gone").read_text() == "a\nours\n"


def test_the_option_wins(world: World) -> None:
    configure(world, table("apps", "local", "1.9"))
    plan = world.ekf("upgrade", "--plan", "--prefer", "vendor")
    assert f"{ISTIO}: the vendor side is taken\n              without" in plan.out
    # Without a pattern the option says nothing of files that are deleted.
    assert "apps/gone stays as it is here" in plan.out
    plan = world.ekf("upgrade", "--plan", "--prefer", "vendor:apps/gone")
    assert "apps/gone goes, as the vendor deleted it\n              without" in plan.out


def test_it_holds_since_a_release(world: World) -> None:
    """1.10 is later than 1.9, by number."""
    configure(world, table("apps", "local", "1.10"))
    assert world.ekf("upgrade", "1.9", "--plan").code == 1
    assert world.ekf("upgrade", "1.10", "--plan").code == 0


@rare
def test_the_vendor_does_not_decide(world: World) -> None:
    """A table that is in his own file is none of ours, beside which ours counts."""
    theirs = table("apps", "vendor", "1.9")
    vendor_commit(world, "release-1.8", {".ekf.toml": theirs})
    vendor_commit(world, "release-1.9", {".ekf.toml": theirs})
    assert world.ekf("sync").code == 0
    world.save()
    plan = world.ekf("upgrade", "--plan")
    assert (plan.code, "is taken" in plan.out) == (1, False)
    configure(world, theirs, table("apps", "local", "1.9"))
    plan = world.ekf("upgrade", "--plan", "--prefer", "local:.ekf.toml")
    assert plan.code == 0
    assert "the local side is taken" in plan.out


def test_the_configuration_shows_it(world: World) -> None:
    world.write(".ekf.toml", table(DASHBOARD, "vendor", "1.9"))
    shown = json.loads(world.ekf("config", "--json").out)
    assert json.dumps([{"path": DASHBOARD, "side": "vendor", "since": "1.9"}]) in json.dumps(shown)
    assert "upgrade.prefer" in world.ekf("config").out
