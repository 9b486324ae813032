"""Runs the examples of man pages, README and docs/, so that none goes stale.

A display of commands is a session, and what it shows is what appears. The displays of a page run in
order, in one shell, in the world that `worlds` gives the page. A display of commands alone claims
that they succeed; in any other, everything that appears is compared. A command runs in the clone of
the person whom its prompt names. When the program's output has changed, write the pages anew:

    REWRITE_EXAMPLES=1 pytest tests/test_examples.py; git diff man README.md docs
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import forking
import pexpect
import pytest
from conftest import GIT_EKF, run
from documents import CONSOLE, DOCUMENTS, ROOT
from manpages import DISPLAY, MAN, PAGES, plain, source
from reach import rare
from worlds import INTERNAL_URL, STARTS, VENDOR_URL, WORLDS, World

from git_ekf.demo.sample import make_vendor

REWRITE = "REWRITE_EXAMPLES" in os.environ
KUBECTL = shutil.which(GIT_EKF.with_name("kubectl")) or shutil.which(
    "kubectl"
)  # asked before the tests' PATH is sealed
# In what a session prints: a display ends; a command has failed; the world is not as it should be.
END, FAILED, BROKEN = "\037", "\036", "\035"


PROMPT = re.compile(r"(alice|bob|)\$ ")


class Command(NamedTuple):
    """A command with the lines that carry it on, and whose clone it runs in; empty for here."""

    text: str
    person: str


class Display(NamedTuple):
    """A session as a page shows it."""

    commands: list[Command]
    shown: str
    section: int

    @property
    def only_commands(self) -> bool:
        prompted = [f"{command.person}$ {command.text}\n" for command in self.commands]
        return self.shown == "".join(prompted)

    def missing(self) -> bool:
        """Whether this machine lacks a program, or another test runs it."""
        words = " ".join(command.text for command in self.commands).split()
        return "demo" in words or ("jq" in words and not shutil.which("jq"))


def displays(page: str) -> Iterator[Display]:
    """The sessions of a man page, or of a document in Markdown."""
    if page in DOCUMENTS:
        text, display, heading = DOCUMENTS[page], CONSOLE, "\n## "
    else:
        text, display, heading = source(page), DISPLAY, "\n.SH "
    for match in display.finditer(text):
        shown = match[1] if page in DOCUMENTS else plain(match[1])
        if PROMPT.match(shown):
            yield Display(commands(shown), shown, text.count(heading, 0, match.start()))


def commands(shown: str) -> list[Command]:
    """The commands of a session.

    One goes on behind a backslash or a pipe, and on lines that have a shell's second prompt.
    """
    found: list[Command] = []
    ended = False
    for line in shown.splitlines():
        prompt = PROMPT.match(line)
        if prompt:
            found.append(Command(line[prompt.end() :], prompt[1]))
            ended = False
        elif not ended and (line.startswith("> ") or found[-1].text.endswith(("\\", "|"))):
            found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{line}")
        else:
            ended = True
    return found


SESSIONS = {page: list(displays(page)) for page in [*PAGES, *DOCUMENTS] if any(displays(page))}


# --- the world ---


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a git-ekf that starts in a fork, for all but questions on a terminal."""
    folder = tmp_path_factory.mktemp("quick")
    with forking.program(folder):
        yield folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, quick: Path) -> Callable[[str], Path]:
    """Gives the folder in which pages start, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            home = tmp_path_factory.mktemp("start") / "home"
            before, commands = STARTS[name]
            if before:
                copy(folder(before), home)
                done = run("sh", "-ec", commands, cwd=home, env=environment(home, quick))
                assert done.code == 0, done
            else:
                home.mkdir()
                make_vendor(str(home / "vendor.git"))
                assert run("git", "init", "-q", "--bare", home / "internal.git").code == 0
            made[name] = home
        return made[name]

    return folder


def copy(start: Path, home: Path) -> None:
    """The same world again: URLs stay, and lead to other repositories."""
    shutil.copytree(start, home, symlinks=True)
    urls = {VENDOR_URL: home / "vendor.git", INTERNAL_URL: home / "internal.git"}
    (home / ".gitconfig").write_text(
        "".join(f'[url "{path}"]\n\tinsteadOf = {url}\n' for url, path in urls.items())
    )
    clone = home / "prod"
    if clone.exists():
        (clone / ".git/FETCH_HEAD").touch()
        (clone / ".git/ekf").mkdir(exist_ok=True)
        (clone / ".git/ekf/asked").touch()
        run("git", "update-index", "-q", "--refresh", cwd=clone)


def environment(home: Path, *programs: Path) -> dict[str, str]:
    """HOME is the folder, and kubectl is the real one but for the cluster; `programs` are folders."""
    program = home / "bin/kubectl"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = apply ] || exec {KUBECTL} "$@"\n'
        "case $* in *--dry-run=server*) run=' (server dry run)' ;; esac\n"
        "for path; do :; done\n"
        'path=${path%/overlays/*}; echo "deployment.apps/${path##*/} configured$run"\n'
    )
    program.chmod(0o755)
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join(map(str, [home / "bin", *programs, os.environ["PATH"]])),
        "GIT_PAGER": "cat",
        "TERM": "dumb",
    }


# --- the session ---


def script(world: World, sessions: list[Display]) -> Iterator[str]:
    """Shell that prints each command, runs it, and marks where a display ends and which command failed in one of commands only."""
    yield f"cd prod 2>/dev/null; printf '{END}'"
    for number, display in enumerate(sessions):
        if world.weekly:
            day = date(2026, 8, 28) + timedelta(weeks=display.section)
            yield f"export GIT_AUTHOR_DATE={day}T10:00:00+00:00 GIT_COMMITTER_DATE={day}T10:00:00+00:00"
        if number in world.before:
            yield f"(set -e\n{world.before[number]}\n) >$HOME/log 2>&1; [ $? = 0 ] || {{ printf '{BROKEN}'; cat $HOME/log; }}"
        if not display.missing():
            for text, person in display.commands:
                if person:
                    yield f"cd $HOME/{person}/prod; export GIT_AUTHOR_NAME={person.title()}"
                yield f"printf '%s\\n' {shlex.quote(f'{person}$ {text}')}"
                yield re.sub("^> ", "", text, flags=re.MULTILINE)
                yield f"[ $? = 0 ] || printf '{FAILED}'"
        yield f"printf '{END}'"


def session(world: World, home: Path, sessions: list[Display], quick: Path) -> list[str]:
    """What each display shows."""
    commands = "exec 2>&1\n" + "\n".join(script(world, sessions))
    if world.answers:
        child = pexpect.spawn(
            "sh",
            ["-c", commands],
            encoding="utf-8",
            timeout=60,
            cwd=home,
            env={**os.environ, **environment(home)},
        )
        child.logfile_read = log = StringIO()
        for question, answer in world.answers.items():
            child.expect_exact(question)
            child.sendline(answer)
        child.expect(pexpect.EOF)
        shown = log.getvalue().replace("\r\n", "\n")
    else:
        shown = run("sh", "-c", commands, cwd=home, env=environment(home, quick)).out
    assert BROKEN not in shown, shown
    # Where there is no terminal, git writes spaces over what may have been there.
    shown = re.sub(r"^(remote: .*?) +$", r"\1", shown, flags=re.MULTILINE)
    for path, name in (
        (home / "vendor.git", VENDOR_URL),
        (home / "internal.git", INTERNAL_URL),
        (home, "/home/ops"),
    ):
        shown = shown.replace(str(path), str(name))
    # How long ago a commit was made depends on the clock.
    shown = re.sub(r"( by [A-Z]\w+, )\d+ \w+ ago", r"\g<1>2 hours ago", shown)
    # The name of a backup has the time of the clock; so has a bundle, and what it makes of that depends on zlib, too.
    shown = re.sub(r"\d{8}T\d{6}\.\d{6}Z", "20261123T040053.808343Z", shown)
    shown = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "2026-11-23T04:00:53+00:00", shown)
    shown = re.sub(
        r"\b[0-9a-f]{64}\b",
        "4a1d1ef21b4a4c0e7b7a5e8f6b0f6c3b0f5d2c9e8a7b6c5d4e3f2a1b0c9d8e7f",
        shown,
    )
    return shown.split(END)[1:-1]


@pytest.mark.parametrize(
    "page",
    # The workflow is all the others in a row, as README is.
    [pytest.param(page, marks=[rare] * (page == "git-ekf-workflow.7")) for page in SESSIONS],
)
def test_examples_are_what_the_program_prints(
    page: str, start: Callable[[str], Path], quick: Path, tmp_path: Path
) -> None:
    sessions = SESSIONS[page]
    world = WORLDS.get(page, World())
    if world.builds and not KUBECTL:
        pytest.skip("kubectl is not on this machine")
    home = tmp_path / "home"
    copy(start(world.start), home)
    appeared = session(world, home, sessions, quick)
    assert len(appeared) == len(sessions)
    if REWRITE:
        rewrite(page, appeared)
        return
    for display, text in zip(sessions, appeared, strict=True):
        if display.only_commands:
            assert FAILED not in text, text
        elif not display.missing():
            assert text.replace(FAILED, "") == display.shown


def rewrite(page: str, appeared: list[str]) -> None:
    """Puts into a page what appeared."""
    left = iter(appeared)

    def session(match: re.Match[str]) -> str:
        shown = match[1] if page in DOCUMENTS else plain(match[1])
        if not PROMPT.match(shown):
            return match[0]
        text = next(left).replace(FAILED, "")
        display = Display(commands(shown), shown, 0)
        if display.only_commands or display.missing():
            return match[0]
        return f"```console\n{text}```" if page in DOCUMENTS else f".nf\n{as_roff(text)}.fi"

    if page in DOCUMENTS:
        (ROOT / page).write_text(CONSOLE.sub(session, DOCUMENTS[page]), encoding="utf-8")
    else:
        (MAN / page).write_text(DISPLAY.sub(session, source(page)), encoding="utf-8")


def as_roff(text: str) -> str:
    for char, escape in (
        ("\\", r"\e"),
        ("-", r"\-"),
        ("'", r"\(aq"),
        ("^", r"\(ha"),
        ("~", r"\(ti"),
        ("`", r"\(ga"),
    ):
        text = text.replace(char, escape)
    return re.sub(r"^\.", r"\&.", text, flags=re.MULTILINE)
