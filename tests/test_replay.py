"""The replay in memory against `git rebase`: generated histories, and every real stack."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import DATA
from histories import Built, History, Text, histories, rebase
from hypothesis import given
from reach import EVERYTHING, generated, rare

from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.replay.divergence import read_divergence
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.stack import already_upstream, read_stack
from git_ekf.replay.step import ReplayStep
from git_ekf.replay.writing import Writer
from git_ekf.repository import Repository


class Replayed(NamedTuple):
    """As histories.Rebased has it, and the steps of the forecast."""

    stopped: str
    conflicts: list[str]
    trees: list[str]
    kept: list[str]
    texts: list[Text]
    steps: list[ReplayStep]
    dropped: set[str]


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    """So small that the stacks here take several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("git_ekf.replay.forecast._PORTION", 2)
        patch.setattr("git_ekf.replay.forecast._BATCH", 3)
        yield


def replay(built: Built) -> Replayed:
    repo = Repository(Git(str(built.path)))
    with open_scratch(repo) as scratch:
        stack = read_stack(repo.git, built.base, built.tip)
        channel = repo.git.commits_with_changes(built.base, built.onto)
        upstream = already_upstream(repo.git, stack, channel, built.tip, built.onto)
        paths = sorted({path for commit in stack.commits for path in commit.changes})
        few = repo.git.commits_with_changes(built.base, built.onto, touching=paths or ["none"])
        assert upstream == already_upstream(repo.git, stack, few, built.tip, built.onto)
        assert [one for one in channel if not one.changes.keys().isdisjoint(paths)] == few
        for number in (-1, 1):  # by one question for all of the vendor's, and for many at once
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("git_ekf.replay.stack._FEW", number)
                assert upstream == already_upstream(repo.git, stack, few, built.tip, built.onto)
        whole = Forecast(
            scratch,
            stack,
            built.onto,
            upstream,
            read_divergence(scratch.writing, built.base, built.onto),
        ).steps()
    with open_scratch(repo) as scratch:
        with (
            Quarantine(repo.git, repo.place.objects) as quarantine,
            Writer(repo, scratch, quarantine, stack.commits, built.onto) as writer,
        ):
            sides = read_divergence(scratch.writing, built.base, built.onto)
            forecast = Forecast(scratch, stack, built.onto, upstream, sides, write=writer.add)
            steps = forecast.steps()
            written = writer.finish()
            quarantine.migrate()
        assert [(step.verdict, step.changes) for step in steps] == [
            (step.verdict, step.changes) for step in whole[: len(steps)]
        ]
        stops = bool(steps) and steps[-1].verdict == "conflict"
        if not stops:
            assert sides.entries == repo.git.diff_trees(built.tip, written.tip)
    new = [oid for _, oid in written.commits]
    stopped_at = (
        {path for conflict in steps[-1].conflicts for path in conflict.paths} if stops else set()
    )
    return Replayed(
        steps[-1].commit.oid if stops else "",
        sorted(stopped_at),
        [repo.git.tree_of(oid) for oid in new],
        [old for old, _ in written.commits],
        [text(repo.git, oid) for oid in new],
        whole,
        set(upstream),
    )


def text(git: Git, oid: str) -> Text:
    [commit] = git.read_objects([oid])
    assert commit
    head, _, message = commit.content.partition(b"\n\n")
    lines = dict(line.split(b" ", 1) for line in head.split(b"\n") if b" " in line)
    return Text(lines[b"author"], lines.get(b"encoding", b""), message)


def assert_as_git_does(built: Built) -> None:
    ours = replay(built)
    gits = rebase(*built, drop=ours.dropped)
    assert ours.stopped == gits.stopped
    assert ours.trees == gits.trees
    assert ours.kept == gits.kept
    assert ours.texts == gits.texts
    # git invents names for paths that cannot both be there; those name the side in its own words.
    assert {plain(path) for path in gits.conflicts} <= {plain(path) for path in ours.conflicts}


def plain(path: str) -> str:
    return re.sub(r"~.*", "", path, flags=re.DOTALL)


@generated(12)
@given(histories())
def test_generated_histories(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_as_git_does(history.build(Path(folder) / "r"))


# --- real stacks ---


def stacks() -> list[dict[str, str]]:
    """Two real stacks; with everything one of each six."""
    if not (DATA / "stacks.jsonl").exists():
        return []
    lines = (DATA / "stacks.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[5 :: 6 if EVERYTHING else 240]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.exists():
        pytest.skip("the shared data is not here")
    path = tmp_path_factory.mktemp("real") / "r.git"
    Git().init(str(path), bare=True)
    Git(str(path)).fetch_copy(str(DATA / "kubeflow-manifests.bundle"), "refs/*:refs/*")
    return path


@rare
@pytest.mark.parametrize(
    "stack", stacks(), ids=lambda stack: str(stack["ref"]).removeprefix("refs/stacks/")
)
def test_real_stacks(real: Path, stack: dict[str, str]) -> None:
    git = Git(str(real))
    tip = git.ref_value(stack["ref"])
    base = git.merge_base(f"release-{stack['release']}", tip) or ""
    assert_as_git_does(Built(real, base, tip, git.ref_value(f"release-{stack['next']}")))
