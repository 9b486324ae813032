"""The merges that many clusters share, on trees with only what bears on them, are those of each cluster by itself."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from histories import Built, History, histories
from hypothesis import given
from reach import generated, rare
from stacked_fleets import Stream
from test_replay import plain, real, stacks  # noqa: F401

from git_ekf.fleet.planning.merges import SharedMerges
from git_ekf.fleet.planning.sides import Run, SharedScratch, SharedSide
from git_ekf.fleet.planning.trees import Reducer
from git_ekf.fleet.reading import StoreObjects
from git_ekf.git.calls import Git
from git_ekf.replay.divergence import read_divergence
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.new_side import has_attributes
from git_ekf.replay.scratch import open_scratch, open_scratch_of
from git_ekf.replay.stack import already_upstream, read_stack
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository

pytest.importorskip("pygit2")


def alone(built: Built) -> list[ReplayStep]:
    repo = Repository(Git(str(built.path)))
    with open_scratch(repo) as scratch:
        stack = read_stack(repo.git, built.base, built.tip)
        divergence = read_divergence(scratch.writing, built.base, built.onto)
        return Forecast(scratch, stack, built.onto, upstream(repo, built), divergence).steps()


def upstream(repo: Repository, built: Built) -> dict[str, str]:
    stack = read_stack(repo.git, built.base, built.tip)
    channel = repo.git.commits_with_changes(built.base, built.onto)
    return already_upstream(repo.git, stack, channel, built.tip, built.onto)


def together(builts: Sequence[Built]) -> list[list[ReplayStep]]:
    """Forecasts in one repository, side by side."""
    repo = Repository(Git(str(builts[0].path)))
    with open_scratch_of(SharedScratch, repo) as scratch:
        runs = []
        for number, built in enumerate(builts):
            stack = read_stack(repo.git, built.base, built.tip)
            first = read_divergence(scratch.writing, built.base, built.onto)
            divergence = first.copy()
            there = repo.git.ls_tree(built.onto, recursive=True)
            attributes = {path: one.oid for path, one in there.items() if has_attributes([path])}
            side = SharedSide(scratch, built.onto, attributes)
            forecast = Forecast(
                scratch, stack, built.onto, upstream(repo, built), divergence, new_side=side
            )
            reducer = Reducer(stack, first, divergence)
            runs.append(Run(str(number), built.base, built.onto, side, reducer, forecast.ask()))
        store = Path(repo.place.objects).parent
        merges = SharedMerges(scratch, StoreObjects(str(store)))
        waiting = runs
        while waiting:
            for run in waiting:
                run.go_on()
            waiting = [run for run in waiting if run.wanted]
            merges.answer(waiting)
        return [run.steps for run in runs]


def shown(steps: Sequence[ReplayStep]) -> list[tuple[Any, ...]]:
    """What a plan says of the steps. git makes up paths of labels, which are others."""
    found: list[tuple[Any, ...]] = []
    for step in steps:
        conflicts = [(one.kind, tuple(map(plain, one.paths))) for one in step.conflicts]
        moved = [(old, plain(new)) for old, new in step.moved]
        merged, paths = (sorted(map(plain, some)) for some in (step.merged, step.changes))
        of_step = (step.verdict, step.upstream, merged, sorted(moved), sorted(conflicts))
        found.append((step.commit.oid, *of_step, step.depends, paths))
    return found


def assert_the_same(builts: Sequence[Built], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("EKF_VERIFY", "1")
        found = together(builts)
    for built, steps in zip(builts, found, strict=True):
        assert shown(steps) == shown(alone(built))


@generated(5)
@given(history=histories())
def test_generated_histories(history: History) -> None:
    """Renames of files and directories, deletions, attributes, links, files in the place of directories."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        built = history.build(Path(folder) / "r")
        # Beside it a cluster that has all but the newest commit.
        older = built._replace(tip=Git(str(built.path)).ref_value(f"{built.tip}~1"))
        both = [built, older] if built.tip != built.base else [built]
        assert_the_same(both, patch)


def test_a_directory_in_the_place_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both the stack is the only one to know, and a commit moves what is in the directory."""
    base = {"notes": "notes\n", "apps/old/a.yaml": "a\n" * 9, "apps/old/b.yaml": "b\n" * 9}
    onto = {path.replace("old", "new"): text for path, text in base.items()}
    first = {path: text for path, text in base.items() if path != "notes"}
    stream = Stream()
    begin = stream.commit(base, "Begin")
    vendors = stream.commit(onto, "Move", begin)
    step = stream.commit({**first, "notes/x": "notes\n"}, "A directory", begin)
    tip = stream.commit({**first, "apps/old/x": "notes\n"}, "To where the vendor has moved", step)
    git = Git(str(tmp_path))
    git.init(str(tmp_path), bare=True)
    command = ["git", "-C", str(tmp_path), "fast-import", "--quiet"]
    subprocess.run(command, input=stream.text().encode(), check=True)
    marks = (begin, tip, vendors)
    built = Built(tmp_path, *(git.ref_value(f"refs/made/{mark}") for mark in marks))
    assert_the_same([built], monkeypatch)


@rare
@pytest.mark.parametrize("way", sorted({(one["release"], one["next"]) for one in stacks()}))
def test_real_stacks(
    real: Path,  # noqa: F811
    way: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All real stacks that go one way, side by side."""
    git = Git(str(real))
    builts = []
    for stack in stacks():
        if (stack["release"], stack["next"]) == way:
            tip = git.ref_value(stack["ref"])
            base = git.merge_base(f"release-{stack['release']}", tip) or ""
            builts.append(Built(real, base, tip, git.ref_value(f"release-{stack['next']}")))
    assert_the_same(builts, monkeypatch)
