"""git ekf fleet plan: of each cluster what git ekf upgrade --plan says in a clone of it, and each conflict once."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, run
from fleets import Made, World
from reach import SEED, rare, some
from stacked_fleets import DRIVER, STRANGE, make_stacked
from test_fleet_planning import shown
from test_replay import plain
from test_schemas import schema, unknown, validator

from git_ekf.commands.output.fleet_plan import _reasons, print_plan
from git_ekf.errors import CallFailed
from git_ekf.fleet.file import read_fleet
from git_ekf.fleet.plan import FleetPlan, plan_fleet
from git_ekf.fleet.planning.groups import FirstConflict, Group, SettledConflict, _hunks
from git_ekf.fleet.planning.together import Task, plan_clusters
from git_ekf.fleet.processes import Processes
from git_ekf.fleet.standing import read_standings
from git_ekf.fleet.store import Store
from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry
from git_ekf.names import Scheme
from git_ekf.resolutions.judging import ListedResolution
from git_ekf.resolutions.kept import Resolution
from git_ekf.resolutions.question import Question

NOT_PLANNED = {
    "merge": "a merge commit is among the configuration commits",
    "migration": "names a command that is not trusted here",
    "empty": "it has no branch yet",
    "unrelated": "it has nothing in common with the vendor's history",
}


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[World, list[Made]]:
    return make_stacked(tmp_path_factory.mktemp("stacked"), 40, 7 + SEED)


@pytest.fixture
def _here(fleet: tuple[World, list[Made]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(fleet[0].file.read_text())


def plan(*args: str, code: int = 1) -> Run:
    done = run("git-ekf", "fleet", "plan", *args)
    assert done.code == code, done
    return done


def document(*args: str, code: int = 1) -> dict[str, Any]:
    done = plan("--json", *args, code=code)
    assert done.err == ""
    found: dict[str, Any] = json.loads(done.out)
    validator("fleet-plan").validate(found)
    bare = {**found, "clusters": [{**one, "labels": None} for one in found["clusters"]]}
    assert not list(unknown(bare, schema("fleet-plan"), schema("fleet-plan")))
    return found


@pytest.fixture(scope="module")
def verified(
    fleet: tuple[World, list[Made]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The plan of all to the newest release, with every merge of the full trees made beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("verified"))
        patch.setenv("EKF_VERIFY", "1")
        for key, value in DRIVER.items():
            patch.setenv(key, value)
        return document("1.9", "--file", str(fleet[0].file))


# --- equal to an upgrade ---

# What a plan says of a commit. A plan of one cluster also says what speaks for it being there.
_OF_COMMIT = ("commit", "subject", "verdict", "upstream", "depends", "settled", "elsewhere")


def comparable(commits: list[dict[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for one in commits:
        said = [one[key] for key in _OF_COMMIT]
        said += [sorted(map(plain, one["merged"]))]
        said += [sorted((move["from"], plain(move["to"])) for move in one["moved"])]
        conflicts = []
        for conflict in one["conflicts"]:
            conflicts.append((conflict["kind"], *map(plain, conflict["paths"])))
        found.append([*said, sorted(conflicts)])
    return found


def test_each_is_as_its_upgrade(
    fleet: tuple[World, list[Made]],
    verified: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, made = fleet
    for key, value in DRIVER.items():
        monkeypatch.setenv(key, value)
    planned = [one for one in verified["clusters"] if one["clean"] is not None]
    assert len(planned) == len(made) - len(NOT_PLANNED) - 1
    odd = {one.name for one in made if one.odd}
    compared = [one for one in planned if one["name"] in odd]
    compared += some([one for one in planned if one["name"] not in odd], 8)
    for one in compared:
        place = tmp_path / one["name"]
        path = world.internal(one["name"])
        world.git("clone", "-q", "-o", "internal", "-b", one["branch"], str(path), str(place))
        world.git("remote", "add", "-f", "origin", str(world.vendor), cwd=place)
        kept = "+refs/ekf/upstream/*:refs/ekf/upstream/*"
        world.git("fetch", "-q", "internal", kept, cwd=place)
        there = json.loads(run("git-ekf", "upgrade", "1.9", "--json", "--no-fetch", cwd=place).out)
        keys = ("base", "tip", "onto", "to", "clean", "counts")
        assert {key: one[key] for key in keys} == {key: there[key] for key in keys}
        assert comparable(one["commits"]) == comparable(there["commits"]), one["name"]


def test_what_cannot_be_planned_spoils_no_other(
    fleet: tuple[World, list[Made]], verified: dict[str, Any]
) -> None:
    _, made = fleet
    clusters = {one["name"]: one for one in verified["clusters"]}
    for one in made:
        reason = clusters[one.name]["reason"]
        assert NOT_PLANNED.get(one.odd, "") in (reason or "")
        assert (reason is None) == (one.odd not in NOT_PLANNED), reason
    alone = {one.odd: clusters[one.name]["alone"] for one in made if clusters[one.name]["alone"]}
    assert alone == {"prefer": "it has upgrade.prefer", "prepared": "release-1.9 is there already"}
    assert [one.odd for one in made if clusters[one.name]["needless"]] == ["newest"]


# --- groups ---


def test_a_merge_driver_merges(fleet: tuple[World, list[Made]], verified: dict[str, Any]) -> None:
    name = next(one.name for one in fleet[1] if one.odd == "driver")
    [cluster] = [one for one in verified["clusters"] if one["name"] == name]
    [commit] = [one for one in cluster["commits"] if one["subject"] == "Our log"]
    assert (commit["verdict"], commit["merged"]) == ("clean", ["apps/db/values.yaml"])


@rare
def test_strange_names_are_shown(fleet: tuple[World, list[Made]], verified: dict[str, Any]) -> None:
    found = [(group, conflict) for group in verified["groups"] for conflict in group["conflicts"]]
    [(group, _)] = [(group, one) for group, one in found if STRANGE in one["paths"]]
    assert group["subject"] == "Strange \x1b[31m"
    done = plan("1.9", "--list", "--file", str(fleet[0].file))
    assert "a\\nb" in done.out
    assert "\x1b" not in done.out


def test_a_conflict_is_there_once(
    fleet: tuple[World, list[Made]], verified: dict[str, Any]
) -> None:
    clusters = {one["name"]: one for one in verified["clusters"]}
    seen = set()
    for group in verified["groups"]:
        assert len(set(group["clusters"])) == len(group["clusters"])
        for conflict in group["conflicts"]:
            assert conflict["id"] not in seen
            seen.add(conflict["id"])
        paths = {tuple(conflict["paths"]) for conflict in group["conflicts"]}
        for name in group["clusters"]:
            firsts = [one for one in clusters[name]["commits"] if not one["depends"]]
            of_cluster: set[tuple[str, ...]] = set()
            for one in firsts:
                of_cluster.update(tuple(conflict["paths"]) for conflict in one["conflicts"])
            assert paths <= of_cluster
    stopping = {one["name"] for one in verified["clusters"] if one["clean"] is False}
    assert stopping == {name for group in verified["groups"] for name in group["clusters"]}
    sizes = [len(group["clusters"]) for group in verified["groups"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 3
    assert any(len(group["conflicts"]) > 1 for group in verified["groups"])
    # Every time the same, also where other clusters are asked for.
    name = verified["groups"][0]["clusters"][0]
    of_one = document("1.9", name, "--file", str(fleet[0].file))
    ids = {conflict["id"] for group in of_one["groups"] for conflict in group["conflicts"]}
    assert ids <= seen


def test_hunks_tell_conflicts_apart() -> None:
    one = b"a\n<<<<<<< 1\nours\n||||||| 3\nbase\n=======\ntheirs\n>>>>>>> 2\nb\n"
    other = b"c\n<<<<<<< HEAD\ntheirs\n=======\nours\n>>>>>>> 9\n"
    assert _hunks(one) == _hunks(other) == b"ours\0theirs"
    assert _hunks(b"<<<<<<< 1\nours\n=======\nother\n>>>>>>> 2\n") != _hunks(one)
    assert _hunks(b"nothing\n") == b""


# --- as it is shown ---


@pytest.mark.usefixtures("_here")
def test_screen(fleet: tuple[World, list[Made]]) -> None:
    _, made = fleet
    lines = plan("1.9").out.splitlines()
    assert lines[0] == "Upgrade of 35 clusters to release-1.9"
    assert re.fullmatch(
        r"  \d+ would go through, \d+ would stop at \d+ distinct conflicts, 1 runs it already,"
        rf" {len(NOT_PLANNED)} not planned",
        lines[1],
    )
    assert re.fullmatch(r"   1  +\d+  \S.{35}  \S.*", lines[2])
    rows = [line[2:15].strip() for line in lines if line.startswith("  ") and line[2].isalpha()]
    assert rows == ["by itself", "by itself", *["not planned"] * len(NOT_PLANNED)]
    unlike = _reasons(
        [("c1", "it is broken: so"), ("c2", "it is broken: or so"), ("c3", "it is: so")]
    )
    assert unlike == ["c1, c2: it is broken", "c3: it is: so"]
    whole = plan("1.9", "--no-fetch", "--list").out.splitlines()
    assert [line.split()[0] for line in whole[-len(made) :]] == [one.name for one in made]
    fine = next(one for one in made if f"{one.name}  " in whole[-1] or one.odd == "newest")
    assert plan("1.9", fine.name, "--no-fetch", code=0).out == (
        "Upgrade of 0 clusters to release-1.9\n  0 would go through, 1 runs it already\n"
    )
    latest = plan(fine.name, "--no-fetch", "--list", code=0).out
    assert latest.splitlines()[1:] == [
        "  0 would go through, 1 runs the newest already",
        f"{fine.name}  runs the newest already",
    ]
    [shown] = [line for line in whole if "release-1.7 to release-1.9" in line][:1]
    assert " would " in shown


@pytest.mark.usefixtures("_here")
def test_what_a_screen_leaves_out_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    side = Entry("100644", "1" * 40)
    sides = Question("VERSION", side, side, side)
    answer = ListedResolution(Resolution("a" * 64, "", "", "", 0, sides), "signed")
    first = FirstConflict("", "Own version", "content", ("VERSION",), "")
    groups = [Group("", "", "Own version", (first,), ("c0",))] * 21
    made = FleetPlan("release-1.9", [], groups, [SettledConflict(answer, "", "", ("c0",))] * 22)
    print_plan(read_fleet("fleet.toml"), made, whole=False, words=["1.9"])
    shown = " ".join(capsys.readouterr().out.split())
    command = "git ekf fleet plan --no-fetch 1.9 --list"
    assert f" and 1 more conflict {command} " in shown
    assert shown.endswith(f" and 2 more {command}")


@pytest.mark.usefixtures("_here")
def test_bad_input(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    assert plan("1.12", code=4).err == (
        "git-ekf: the vendor has no release-1.12\n"
        "hint: the vendor has release-1.7, release-1.8, release-1.9\n"
    )
    nobody = plan("1.9", "--where", "name=nobody", code=2).err
    assert nobody == (
        "git-ekf: no cluster of fleet.toml fits --where name=nobody\n"
        "hint: git ekf fleet status --list\n"
    )
    assert 'there is no cluster "nobody" in this fleet' in plan("nobody", code=2).err
    assert 'there is no cluster "1.x" in this fleet' in plan("1.9", "1.x", code=2).err
    assert "not a wave of this fleet" in plan("--where", "wave=none", code=2).err
    assert "--list prints" in plan("--json", "--list", code=2).err
    broken = next(one for one in made if not one.odd)
    text = world.file.read_text().replace(str(broken.path), str(broken.path) + "-away")
    Path("fleet.toml").write_text(text)
    done = plan("1.9", broken.name, made[-1].name, code=5)
    assert "not planned" in done.out
    assert f"{broken.name}: it is unreachable" in done.out
    assert "Upgrade of 1 cluster" in done.out


def test_a_task_can_be_sent(fleet: tuple[World, list[Made]], verified: dict[str, Any]) -> None:
    """To another process, and its plans back; without what the commits change, which is much."""
    world, made = fleet
    given = read_fleet(verified["fleet"]["file"])
    one = next(one for one in made if not one.odd)
    assert world.file == Path(given.path)
    task = Task(
        verified["fleet"]["store"], given.scheme, ((one.name, f"release-{one.release}"),), None
    )
    [planned] = pickle.loads(pickle.dumps(plan_clusters(pickle.loads(pickle.dumps(task)))))
    assert planned.plan
    assert [step.commit.oid for step in planned.plan.steps] == one.commits
    assert not any(step.commit.changes or step.changes for step in planned.plan.steps)


@rare
def test_several_processes_tell_the_same(
    fleet: tuple[World, list[Made]], verified: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where all of them die: what they were at is made by this one."""
    world, _ = fleet
    path = verified["fleet"]["store"]
    store, given = Store(path, Git(path, {"GIT_DIR": path})), read_fleet(str(world.file))
    chosen = read_standings(store, given).standings
    monkeypatch.setattr("git_ekf.fleet.plan._LEAST", 10)
    killed = []

    def killing(_: str, numbers: Sequence[int]) -> Iterator[int]:
        for number in numbers:
            if number == 1:
                killed.extend(multiprocessing.active_children())
            for process in killed:
                process.kill()
            yield number

    several = plan_fleet(store, given, chosen, "release-1.9", killing, Processes(2))
    assert len(killed) == 2
    alone = plan_fleet(
        store, given, chosen, "release-1.9", lambda _, numbers: iter(numbers), Processes(1)
    )
    assert several.groups == alone.groups
    for one, other in zip(several.planned, alone.planned, strict=True):
        assert one._replace(plan=None) == other._replace(plan=None)
        assert bool(one.plan) == bool(other.plan)
        if one.plan and other.plan:
            assert shown(one.plan.steps) == shown(other.plan.steps)


def test_the_error_of_a_process_is_told(tmp_path: Path) -> None:
    tasks = [Task(str(tmp_path / name), Scheme(), (), None) for name in ("one", "two")]
    with pytest.raises(CallFailed) as error:
        list(Processes(2).plans(tasks))
    assert error.value.message
    assert not multiprocessing.active_children()
