"""The plan of many clusters goes by the team's resolutions as that of each by itself does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import run
from fleets import Made, World
from reach import rare
from stacked_fleets import DRIVER, make_stacked
from test_fleet_planning import shown

from git_ekf.errors import EkfError
from git_ekf.fleet.file import Fleet, read_fleet
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.planning.targets import StoredClone, target_of
from git_ekf.fleet.planning.together import PlannedCluster, Task, plan_clusters
from git_ekf.fleet.store import Store, open_store
from git_ekf.fleet.team import team_of, team_repository
from git_ekf.git.trees import Entry
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.resolutions.answers import Resolutions
from git_ekf.resolutions.judging import approve
from git_ekf.resolutions.kept import known_tip, read_kept
from git_ekf.resolutions.question import Question
from git_ekf.resolutions.source import Addition, add
from git_ekf.upgrade.plan import UpgradePlan, plan
from git_ekf.upgrade.target import Target
from git_ekf.upgrade.work import Options

pytest.importorskip("pygit2")


class Planned:
    """The clusters of a fleet that has resolutions, planned by themselves."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet: Fleet = read_fleet(str(world.file))
        self.store: Store = open_store(self.fleet)
        self.open: dict[str, Question] = {}

        def noting(repo: Repository, *_: Any, **__: Any) -> Resolutions:
            self.known = Resolutions(repo, noting=True)
            return self.known

        monkeypatch.setattr("git_ekf.upgrade.work.known_resolutions", noting)

    def alone(self, made: Sequence[Made]) -> dict[str, tuple[Target, UpgradePlan]]:
        """Of each that can be planned so; the questions are noted."""
        team = team_of(self.store, self.fleet)
        found = {}
        for one in made:
            opened = Opened(self.store.path, self.fleet.scheme)
            try:
                clone = StoredClone(opened, one.name, f"release-{one.release}")
                clone.config = team.configured(clone.config)
                target = target_of(clone, "1.9")
                if target is None:
                    continue
                clone.ask_git()
                found[one.name] = target, plan(clone, target, Options())
            except EkfError:
                continue
            self.open.update((question.key, question) for question in self.known.open)
        return found

    def together(self, names: Sequence[tuple[str, str]]) -> dict[str, PlannedCluster]:
        team = team_of(self.store, self.fleet)
        task = Task(self.store.path, self.fleet.scheme, tuple(names), "1.9", team)
        return {one.name: one for one in plan_clusters(task)}

    def answer(self) -> None:
        """Each question that is open, in one of three ways; each fifth answer nobody has approved."""
        repo = team_repository(self.store, self.fleet)
        additions = []
        for number, question in enumerate(self.open.values()):
            oid = (
                question.theirs.oid,
                question.ours.oid,
                repo.git.write_blob(f"{number}\n".encode()),
            )[number % 3]
            additions.append(Addition(question, Entry("100644", oid)))
        before = read_kept(repo.git, known_tip(repo)).keys()
        add(repo, additions, sign=False)
        new = [
            one for one in read_kept(repo.git, known_tip(repo)).values() if one.key not in before
        ]
        approve(repo, [one.tree for number, one in enumerate(new) if number % 5])
        self.open.clear()


def settled(steps: Sequence[ReplayStep]) -> list[Any]:
    return [step.settled for step in steps]


@rare
@pytest.mark.parametrize("seed", range(3))
def test_each_is_as_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """With all its conflicts answered, and then those that come behind them."""
    world, made = make_stacked(tmp_path, 40, 11 + seed)
    for key, value in {**DRIVER, "EKF_VERIFY": "1"}.items():
        monkeypatch.setenv(key, value)
    team = tmp_path / "team.git"
    assert run("git", "init", "-q", "--bare", team).code == 0
    world.write_file(made, f'resolutions = "{team}"\n')
    assert run("git-ekf", "fleet", "status", "--file", world.file).code in (1, 5)
    planned = Planned(world, monkeypatch)
    planned.alone(made)
    used, refused = 0, 0
    for _ in range(2):
        planned.answer()
        alone = planned.alone(made)
        names = [(one.name, f"release-{one.release}") for one in made if one.name in alone]
        together = planned.together(names)
        for name, (_, by_itself) in alone.items():
            found = together[name].plan
            assert found, together[name]
            assert settled(found.steps) == settled(by_itself.steps), name
            for step, other in zip(found.steps, by_itself.steps, strict=True):
                assert shown([step])[0][:-1] == shown([other])[0][:-1]
            assert found.refused == by_itself.refused
            used += sum(map(len, settled(found.steps)))
            refused += len(found.refused)
        by_themselves = {one.alone for one in together.values()}
        assert by_themselves <= {"", "it has upgrade.prefer", "release-1.9 is there already"}
    assert used > 20
    assert refused
