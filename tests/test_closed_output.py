"""Nobody reads to the end: git ekf then ends as git does, by SIGPIPE and without a word."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import Clone
from reach import rare

READING = [
    "",
    "-h",
    "--version",
    "status",
    "status -h",
    "status --json",
    "log",
    "show",
    "report -o -",
    "report --json",
    "releases",
    "check",
    "check --format json",
    "doctor",
    "diff --rendered",
    "upgrade --plan",
    "upgrade --json",
    "rollback -n deploy/2026-11-20/release-1.8",
    "apply -n apps",
    "trust",
    "hooks status",
    "man --path",
    "man --schema status",
    "completion bash",
    "save",
    "tag -m Two",
]


@pytest.fixture
def recorded(clone: Clone) -> Clone:
    """With a record and something to say about everything."""
    clone.git("config", "ekf.render.command", "true")
    clone.git("config", "ekf.apply.command", "true {path}")
    clone.commit("apps/mine/own", "own\n")
    assert clone.ekf("tag", "-m", "One").code == 0
    assert clone.ekf("save").code == 0
    clone.commit("apps/mine/own", "more\n")
    return clone


def closed() -> int:
    """The end for writing of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def ended(cwd: Path, *command: str, stream: str) -> tuple[int, bytes]:
    """Exit code, and what came on the other stream."""
    writing = closed()
    out = writing if stream == "stdout" else subprocess.PIPE
    err = writing if stream == "stderr" else subprocess.PIPE
    try:
        done = subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
        )
    finally:
        os.close(writing)
    return done.returncode, (done.stderr if stream == "stdout" else done.stdout) or b""


@rare
def test_every_command_whose_output_nobody_reads(recorded: Clone) -> None:
    assert ended(recorded.path, "git", "log", stream="stdout") == (-signal.SIGPIPE, b"")
    for command in READING:
        code, said = ended(recorded.path, "git-ekf", *command.split(), stream="stdout")
        assert (command, code) == (command, -signal.SIGPIPE)
        assert b"Traceback" not in said
        assert b"Broken pipe" not in said


def test_by_way_of_git_the_shell_has_141(recorded: Clone) -> None:
    assert ended(recorded.path, "git", "ekf", stream="stdout")[0] == 141


@pytest.mark.parametrize(
    "command", ["statsu", "show nowhere", "log --number", "upgrade --continue --skip", "undo x"]
)
def test_every_error_that_nobody_reads(recorded: Clone, command: str) -> None:
    code, said = ended(recorded.path, "git-ekf", *command.split(), stream="stderr")
    assert (code, said) == (-signal.SIGPIPE, b"")


def test_an_error_that_cannot_be_written_keeps_its_code(recorded: Clone) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(["git-ekf", "statsu"], cwd=recorded.path, stderr=full, check=False)
    assert done.returncode == 2


@rare
@pytest.mark.parametrize(("streams", "code"), [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)])
def test_streams_that_are_closed_before_it_starts(recorded: Clone, streams: str, code: int) -> None:
    """As with git, which opens /dev/null in their place."""
    for program in ("git log -1", "git-ekf status", "git-ekf -h", "git-ekf log"):
        done = subprocess.run(
            ["sh", "-c", f"{program} {streams}"],
            cwd=recorded.path,
            capture_output=True,
            check=False,
        )
        assert (program, done.returncode) == (program, code)
        assert b"Traceback" not in done.stderr


def test_a_pipe_that_is_left_half_way(recorded: Clone) -> None:
    done = subprocess.run(
        ["bash", "-c", "git-ekf | head -n 1; echo ${PIPESTATUS[0]}"],
        cwd=recorded.path,
        capture_output=True,
        check=False,
    )
    first, code = done.stdout.splitlines()
    assert (code in (b"141", b"2"), done.stderr) == (True, b"")  # all of it fits into a pipe
    assert first
