"""The suite itself: no test outlives its time limit, and it matters not how the tests were started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import run
from documents import ROOT
from reach import rare

HANGS = """
import subprocess


def test_waits_twice():
    with subprocess.Popen(["sleep", "60"]), subprocess.Popen(["sleep", "60"]) as child:
        child.wait()


def test_the_next():
    pass
"""
SIGNALS = """
import os, signal, subprocess

CHOSEN = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD}


def test_signals_are_as_in_a_terminal():
    read = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    said = subprocess.run(["sh", "-c", read], capture_output=True, text=True, check=True).stdout
    kept = [int(line.split()[1], 16) for line in said.splitlines()]
    assert [mask & sum(1 << number - 1 for number in CHOSEN) for mask in kept] == [0, 0]
"""
SIGNALLED = "import os, signal, sys; {}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


def suite(folder: Path, tests: str, *, first: str = "") -> subprocess.CompletedProcess[str]:
    """Runs tests with the conftest of this suite; `first` is what happens before they are started."""
    file = folder / "test_inner.py"
    file.write_text(tests, encoding="utf-8")
    options: list[str | Path] = [
        "-p",
        "conftest",
        "-c",
        ROOT / "pyproject.toml",
        "--rootdir",
        folder,
        "--timeout",
        "1",
    ]
    return subprocess.run(
        [sys.executable, "-c", SIGNALLED.format(first or "pass"), "-m", "pytest", *options, file],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@rare
def test_a_child_that_hangs_ends_with_the_limit(tmp_path: Path) -> None:
    begin = time.monotonic()
    done = suite(tmp_path, HANGS)
    assert "1 failed, 1 passed" in done.stdout, done
    assert time.monotonic() - begin < 60


@rare
@pytest.mark.parametrize("way", ["ignored", "blocked"])
def test_signals_that_the_tests_inherit(tmp_path: Path, way: str) -> None:
    """As under nohup, or in some CI runners."""
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD]
    chosen = [int(number) for number in numbers]
    first = f"signal.pthread_sigmask(signal.SIG_BLOCK, {chosen})"
    if way == "ignored":
        first = f"[signal.signal(number, signal.SIG_IGN) for number in {chosen}]"
    done = suite(tmp_path, SIGNALS, first=first)
    assert "1 passed" in done.stdout, done


def test_no_command_is_given_the_answer_of_one_that_was_cut_off() -> None:
    """As a time limit does it: it interrupts the wait for an answer, which then comes."""

    class CutOffError(Exception):
        pass

    def cut_off(number: int, frame: object) -> None:
        raise CutOffError

    before = signal.signal(signal.SIGUSR1, cut_off)
    try:
        run("git-ekf", "--version")  # starts what answers
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(CutOffError):
            run("git-ekf", "doctor", "--offline")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert run("git-ekf", "no-such-command").code == 2


@rare
def test_what_the_slice_leaves_out_is_in_the_long_part() -> None:
    sliced = collected({})
    assert len(sliced) > 1000
    assert collected({"EKF_TEST_ALL": "1"}, "-m", "not long") <= sliced


def collected(environment: dict[str, str], *options: str) -> set[str]:
    """The tests that the suite as a whole would run."""
    done = run(
        *(sys.executable, "-m", "pytest", "--collect-only", "-q"),
        *("-o", "addopts=-p no:cacheprovider", *options),
        cwd=ROOT,
        env={"EKF_TEST_ALL": "", **environment},
    )
    assert done.code == 0, done
    return {line for line in done.out.splitlines() if "::" in line}
