"""How many git processes a command starts: each is a few milliseconds, whatever the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Clone

UPGRADE = ("upgrade", "--no-fetch", "--no-build", "--no-save-check", "1.9")
PLAN = ("upgrade", "--plan", "--no-fetch", "1.9")


@pytest.mark.parametrize(("command", "most"), [(UPGRADE, 33), (PLAN, 15)])
def test_an_upgrade_of_one_commit(
    clone: Clone, tmp_path: Path, command: tuple[str, ...], most: int
) -> None:
    clone.commit("site/values.yaml", "1\n")
    trace = tmp_path / "trace"
    done = clone.ekf(*command, env={"GIT_TRACE": str(trace)})
    assert (done.code, done.err) == (0, "")
    started = re.findall(r"trace: built-in: git (.*)", trace.read_text())
    assert 0 < len(started) <= most, started


def test_a_question_is_asked_once(clone: Clone, tmp_path: Path) -> None:
    clone.commit("site/values.yaml", "1\n")
    trace = tmp_path / "trace"
    clone.ekf(*PLAN, env={"GIT_TRACE": str(trace)})
    started = re.findall(r"trace: built-in: git (.*)", trace.read_text())
    assert len(set(started)) == len(started)
