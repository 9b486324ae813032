"""Every hint in the code helps: each is run as it is printed, and the situation is mended.

A hint without a scenario is advice, with the reason why it is no command, or comes along with another one, whose
scenario prints it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import forking
import pytest
from advice import ADVICE
from along import ALONG
from collect import collect, printed_as
from conftest import copy_folder
from reach import long, some
from scenario import Scenario
from scenarios import SCENARIOS

HINTS = collect()


def test_every_hint_is_accounted_for() -> None:
    """A new one needs a scenario, and one that has gone leaves nothing behind."""
    accounted = [*SCENARIOS, *ADVICE, *ALONG]
    assert sorted(HINTS.keys() - set(accounted)) == []
    assert sorted(set(accounted) - HINTS.keys()) == []
    assert len(accounted) == len(set(accounted)), "in two lists"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a git-ekf that starts in a fork."""
    folder = tmp_path_factory.mktemp("quick")
    with forking.program(folder):
        yield folder


def places(folder: Path) -> dict[str, str]:
    """The variables by which a scenario names repositories."""
    top = folder.parent
    repositories = {"VENDOR": str(top / "vendor.git"), "INTERNAL": str(top / "internal.git")}
    return {**repositories, "TOP": str(top)}


def sh(script: str, folder: Path, quick: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={
            **os.environ,
            **places(folder),
            "PATH": f"{quick}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def hint_of(sentence: re.Pattern[str], said: str) -> str:
    """The hint behind its sentence, as it was printed; "" where that was not said."""
    lines = said.split("\n")
    for number, line in enumerate(lines):
        if not sentence.search(line):
            continue
        for following in lines[number:]:
            words = following.strip().removeprefix("remote: ").strip()
            for mark in ("hint: ", "fix: "):
                if words.startswith(mark):
                    return words.removeprefix(mark)
    return ""


@long
@pytest.mark.parametrize("key", some(list(SCENARIOS), 14))
def test_a_hint_mends_its_situation(key: str, template: Path, quick: Path, tmp_path: Path) -> None:
    one: Scenario = SCENARIOS[key]
    sentence = re.compile(re.escape(one.said)) if one.said else HINTS[key].pattern
    folder = copy_folder(template, tmp_path / "world").path
    done = sh(f"set -e\n{one.setup}", folder, quick)
    assert done.returncode == 0, done
    failed = sh(one.run, folder, quick)
    printed = hint_of(sentence, failed.stdout + failed.stderr)
    assert printed, f"not said: {failed}"
    for other in [other for other, with_ in ALONG.items() if with_ == key]:
        assert printed_as(HINTS[other].text).search(printed)
    commands = one.take or (printed,)
    for command in commands:
        for name, place in places(folder).items():
            command = command.replace(f"${name}", place)
        assert command in printed
        for placeholder, value in one.fill.items():
            command = command.replace(placeholder, value)
        followed = sh(command, folder, quick)
        assert followed.returncode in one.codes, (command, followed)
    again = sh(one.again or one.run, folder, quick)
    assert hint_of(sentence, again.stdout + again.stderr) == "", again
    assert again.returncode in one.ends, again
