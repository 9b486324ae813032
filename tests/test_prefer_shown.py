"""What an upgrade with --prefer says of the conflicts that it settles, and what it leaves where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from upgrading import DASHBOARD, World, assert_clean, copy, vendor_commit

from git_ekf.demo.sample import deployment

NOTES = "own/notes"
BASE = "title\n=======\na\nb\n"
THEIRS = "title\n=======\n" + "".join(f"theirs {number}\n" for number in range(12)) + "b"
MINE = "title\n=======\nmine\nb\n"
LOST = [*(f"theirs {number}" for number in range(12)), "b"]


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits in conflict with 1.9: the first in the dashboard, the second in the notes."""
    world = copy(template, tmp_path_factory.mktemp("template"))
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    vendor_commit(world, "release-1.8", {NOTES: BASE})
    world.git("pull", "-q")
    vendor_commit(world, "release-1.9", {NOTES: THEIRS})
    world.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    world.commit(NOTES, MINE, "Our notes")
    world.save()
    return world.path.parent


SHOWN = [
    f"            {NOTES}: the local side is taken",
    "              without 12 lines of the vendor's:",
    *(f"                theirs {number}" for number in range(10)),
    "                and 2 more",
]


def test_what_is_given_up_is_listed(world: World) -> None:
    plan = world.ekf("upgrade", "--plan", "--prefer", "local")
    assert plan.code == 0
    assert "\n".join(SHOWN) in plan.out
    commits = json.loads(world.ekf("upgrade", "--json", "--prefer", "local").out)["commits"]
    assert commits[1]["settled"] == [{"path": NOTES, "side": "local"}]
    assert commits[1]["lost"] == [
        {
            "path": NOTES,
            "lines": LOST[:12],
            "deleted_by": None,
            "moved_to": None,
            "source": None,
        }
    ]
    done = world.ekf("upgrade", "--prefer", "local")
    assert done.code == 0
    assert "\n".join(SHOWN) in done.out
    assert (world.path / NOTES).read_text() == MINE
    assert_clean(world)


def test_it_is_listed_in_a_rebase_too(world: World) -> None:
    """And what is settled there is the same."""
    stopped = world.ekf("upgrade", "--prefer", f"local:{NOTES}")
    assert stopped.code == 3
    world.write(DASHBOARD, deployment("dashboard", "1.9.0-mine", 1))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0
    first, *rest = SHOWN
    assert "\n".join([f"  settled   {first.strip()}", *rest]) in done.out
    assert (world.path / NOTES).read_text() == MINE
    assert_clean(world)


def test_the_vendors_side_without_a_line_end(world: World) -> None:
    """Our lines are listed, and the file ends as the vendor's does."""
    done = world.ekf("upgrade", "--prefer", "vendor")
    assert done.code == 0
    assert "without 2 lines of yours:\n                mine\n                b\n" not in done.out
    assert "without 1 line of yours:\n                mine\n" in done.out
    assert (world.path / NOTES).read_bytes() == THEIRS.encode()


@pytest.mark.parametrize("where", ["in memory", "in the rebase"])
def test_a_conflict_of_a_merge_driver_of_ones_own_stays(world: World, where: str) -> None:
    """As with git's own -X: what the driver means by it is not known."""
    world.git("config", "merge.mine.driver", "exit 1")
    (world.path / ".git/info/attributes").write_text("own/* merge=mine\n")
    prefer = ["--prefer", "local"] if where == "in memory" else ["--prefer", "local:own"]
    done = world.ekf("upgrade", *prefer)
    assert done.code == 3
    if where == "in the rebase":
        world.write(DASHBOARD, deployment("dashboard", "1.9.0-mine", 1))
        world.git("add", "-A")
        done = world.ekf("upgrade", "--continue")
        assert done.code == 3
    assert f"  {NOTES}\n    both changed it" in done.out
