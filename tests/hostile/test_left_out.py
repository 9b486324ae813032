"""Commits left out of a replay in memory: what comes behind them is as `git rebase` makes it without them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from histories import Built, History, histories, rebase
from hypothesis import given
from reach import generated

from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.dropping import leave_out
from git_ekf.replay.evidence import Evidence, Superseded, always
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.stack import Commit, Stack, already_upstream, read_stack
from git_ekf.replay.step import ReplayStep
from git_ekf.replay.superseded import Supersession
from git_ekf.replay.writing import Writer
from git_ekf.repository import Repository


class _All(Supersession):
    """Calls every commit superseded, once the real question was asked, which may say anything but fail."""

    def look_at(
        self, commit: Commit, parent: str, carried: Mapping[str, Entry | None]
    ) -> Superseded | None:
        super().look_at(commit, parent, carried)
        return Superseded((Evidence("", "", (), ""),), several=True, subject="")


def assert_as_git_without_them(built: Built) -> None:
    repo = Repository(Git(str(built.path)))
    with open_scratch(repo) as scratch:
        stack = read_stack(repo.git, built.base, built.tip)
        channel = repo.git.commits_with_changes(built.base, built.onto)
        upstream = already_upstream(repo.git, stack, channel, built.tip, built.onto)
        with (
            Quarantine(repo.git, repo.place.objects) as quarantine,
            Writer(repo, scratch, quarantine, stack.commits, built.onto) as writer,
        ):

            def foretell(some: Stack, onto: str, divergence: Divergence) -> list[ReplayStep]:
                forecast = Forecast(scratch, some, onto, upstream, divergence, write=writer.add)
                return forecast.steps()

            first = foretell(
                stack, built.onto, read_divergence(scratch.writing, built.base, built.onto)
            )
            look = _All(scratch.writing, built.base, built.onto)
            steps = leave_out(scratch, stack, built.onto, first, foretell, look, always)
            written = writer.finish()
            quarantine.migrate()
    assert [step.commit.oid for step in steps] == [commit.oid for commit in stack.commits]
    assert not any(step.verdict == "conflict" for step in steps)
    dropped = {step.commit.oid for step in steps if step.verdict == "dropped"}
    gits = rebase(*built, drop=dropped | upstream.keys())
    assert gits.stopped == ""
    assert gits.kept == [old for old, _ in written.commits]
    assert gits.trees == [repo.git.tree_of(new) for _, new in written.commits]


@generated(8)
@given(histories())
def test_generated_histories(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_as_git_without_them(history.build(Path(folder) / "r"))
