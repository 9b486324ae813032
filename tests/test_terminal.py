"""On a terminal: colours where git has them, git's pager, a narrow window, the prompt, progress, and a first day at work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest
from conftest import Clone, run
from upgrading import script

HEADLINE = "On release-1.8, following origin/release-1.8"
BOLD = f"\x1b[1m{HEADLINE}\x1b[m"


def shown(cwd: Path, *command: str, columns: int = 200, env: Mapping[str, str | None] | None = None) -> str:
    """What a terminal gets to see of a command; None takes a variable out of its environment."""
    wanted = {"NO_COLOR": None, "COLUMNS": None, "TERM": "xterm", **(env or {})}
    environment = {name: value for name, value in {**os.environ, **wanted}.items() if value is not None}
    child = pexpect.spawn(
        command[0], list(command[1:]), cwd=str(cwd), timeout=30, encoding="utf-8", env=environment, dimensions=(24, columns)
    )
    child.expect(pexpect.EOF)
    return (child.before or "").replace("\r\n", "\n")


# --- colours ---


@pytest.mark.parametrize(
    ("settings", "env", "coloured"),
    [
        ({}, {}, True),
        ({"color.ui": "false"}, {}, False),
        ({"color.ui": "never", "color.ekf": "auto"}, {}, True),
        ({"color.ekf": "false"}, {}, False),
        ({}, {"NO_COLOR": "1"}, False),
        ({}, {"NO_COLOR": ""}, True),
        ({}, {"TERM": "dumb"}, False),
        ({"color.ui": "false"}, {"CLICOLOR_FORCE": "1"}, True),
    ],
)
def test_a_terminal_has_the_colours_of_git(clone: Clone, settings: dict[str, str], env: dict[str, str], coloured: bool) -> None:
    for key, value in settings.items():
        clone.git("config", key, value)
    assert shown(clone.path, "git", "ekf", "status", env=env).startswith((BOLD if coloured else HEADLINE) + "\n")


def test_a_pipe_has_colours_only_where_they_are_wanted_there(clone: Clone) -> None:
    assert run("git-ekf", "status", cwd=clone.path, env={"NO_COLOR": ""}).out.startswith(HEADLINE + "\n")
    assert run("git-ekf", "status", cwd=clone.path, env={"NO_COLOR": "", "CLICOLOR_FORCE": "1"}).out.startswith(BOLD)
    clone.git("config", "color.ui", "always")
    assert run("git-ekf", "status", cwd=clone.path, env={"NO_COLOR": ""}).out.startswith(BOLD)
    assert run("git-ekf", "status", cwd=clone.path).out.startswith(HEADLINE + "\n")


def test_text_of_the_repository_brings_no_colours(clone: Clone) -> None:
    clone.git("tag", "-a", "-m", "Date: 2026-11-20\nContext: \x1b[31mred\x1b[m", "deploy/2026-11-20/release-1.8")
    text = shown(clone.path, "git-ekf", "log", env={"GIT_PAGER": "cat"})
    assert "\\x1b[31mred\\x1b[m" in text
    assert "\x1b[31mred" not in text


def test_findings_and_hints(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "wrong")
    text = shown(clone.path, "git", "commit", "--allow-empty", "-m", "x")
    assert "\x1b[31merror\x1b[m  branch-name: " in text
    assert "\x1b[33mhint: git switch release-1.8\x1b[m\n" in shown(clone.path, "git", "ekf", "sync")


# --- hints ---


def test_hints_can_be_silenced_as_in_git(clone: Clone) -> None:
    said = clone.ekf("apply", "nowhere").err
    assert said.count("hint: ") == 1
    clone.git("config", "advice.ekf", "false")
    assert clone.ekf("apply", "nowhere").err == said[: said.index("hint: ")]


# --- the pager ---


@pytest.fixture
def pager(tmp_path: Path) -> str:
    """Says what it got, marked."""
    path = tmp_path / "pager"
    script(path, "#!/bin/sh\necho \"paged, LESS=$LESS\"\nexec sed 's/^/| /'\n")
    return str(path)


@pytest.mark.parametrize("command", ["log", "show", "check", "diff --rendered", "upgrade --plan"])
def test_what_may_be_long_is_paged(clone: Clone, pager: str, command: str) -> None:
    assert clone.ekf("tag", "-m", "One").code == 0
    clone.commit("apps/mine/own", "own\n")
    words = ["git-ekf", *command.split()]
    for env in ({"GIT_PAGER": pager}, {"PAGER": pager}):
        lines = shown(clone.path, *words, env={"GIT_PAGER": None, **env}).splitlines()
        assert lines[0] == "paged, LESS=FRX"
        assert len(lines) > 1
        assert all(line.startswith("| ") for line in lines[1:])
    piped = run(*words, cwd=clone.path, env={"GIT_PAGER": pager}).out
    assert [
        line[2:] for line in shown(clone.path, *words, env={"GIT_PAGER": pager, "NO_COLOR": "1"}).splitlines()[1:]
    ] == piped.splitlines()


def test_the_pager_is_gits(clone: Clone, pager: str, tmp_path: Path) -> None:
    assert clone.ekf("tag", "-m", "One").code == 0
    log = ["git", "ekf", "log"]
    clone.git("config", "core.pager", pager)
    assert "paged" in shown(clone.path, *log)
    assert "paged" not in shown(clone.path, "git", "--no-pager", "ekf", "log")
    assert "paged" not in run(*log, cwd=clone.path).out
    clone.git("config", "pager.ekf", "false")
    assert "paged" not in shown(clone.path, *log)
    clone.git("config", "pager.ekf", "true")
    assert shown(clone.path, *log).count("paged") == 1  # git has begun it
    assert "paged" in shown(clone.path, "git", "ekf", "status")
    other = tmp_path / "other"
    script(other, "#!/bin/sh\necho other\ncat\n")
    clone.git("config", "pager.ekf", str(other))
    assert shown(clone.path, "git-ekf", "log").startswith("other\n")


def test_a_pager_that_is_left_early(clone: Clone) -> None:
    for number in range(3):
        assert clone.ekf("tag", "-m", f"{number}" * 60_000).code == 0
    assert clone.ekf("save").code == 0
    text = shown(clone.path, "sh", "-c", "git-ekf show; echo code $?", env={"GIT_PAGER": "head -n 1"})
    assert text.splitlines()[1:] == ["code 0"]


# --- a terminal that can do less ---


def test_a_narrow_terminal(clone: Clone) -> None:
    """Nothing is cut off, and commands can be copied."""
    wide = shown(clone.path, "git-ekf", "status", env={"NO_COLOR": "1"})
    narrow = shown(clone.path, "git-ekf", "status", columns=50, env={"NO_COLOR": "1"})
    assert "newer          release-1.9, release-1.10            git ekf upgrade --plan\n" in wide
    assert "newer          release-1.9, release-1.10\n                 git ekf upgrade --plan\n" in narrow
    assert wide.split() == narrow.split()


def test_a_terminal_without_unicode(clone: Clone) -> None:
    assert clone.ekf("tag", "-m", "Größer").code == 0
    done = run("git-ekf", "log", cwd=clone.path, env={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].endswith("Gr\\xf6\\xdfer")


# --- progress ---


def test_progress_is_for_a_terminal_and_for_what_takes_long(clone: Clone) -> None:
    for number in range(3):
        clone.commit(f"own/{number}", "own\n")
    plan = ["git-ekf", "upgrade", "--plan"]
    at_once = {"GIT_PROGRESS_DELAY": "0", "GIT_PAGER": "cat"}
    text = shown(clone.path, *plan, env=at_once)
    assert "\rLooking at commits:   0% (0/3)" in text
    assert "Looking" not in shown(clone.path, *plan, env={"GIT_PAGER": "cat", "GIT_PROGRESS_DELAY": "1000"})
    done = run(*plan, cwd=clone.path, env=at_once)
    assert (done.code, done.err) == (0, "")


# --- the prompt ---


def prompt(where: Path) -> str:
    done = run("git-ekf", "status", "--prompt", cwd=where)
    assert (done.code, done.err) == (0, "")
    return done.out.removesuffix("\n")


def test_the_prompt(clone: Clone, tmp_path: Path) -> None:
    assert prompt(clone.path) == "release-1.8"
    clone.commit("own/one", "one\n")
    assert prompt(clone.path) == "release-1.8 +1 ^1"
    clone.git("push", "-q", "internal", "release-1.8")
    assert prompt(clone.path) == "release-1.8 +1"
    clone.commit("own/two", "two\n")
    clone.write("own/one", "changed\n")
    clone.write("VERSION", "changed\n")
    clone.write("untracked", "does not count\n")
    assert prompt(clone.path / "own") == "release-1.8 +2 ~2 ^1"
    assert run("git", "ekf", "status", "--prompt", cwd=clone.path).out == "release-1.8 +2 ~2 ^1\n"
    clone.git("stash", "-q")
    clone.git("merge", "--no-commit", "--no-ff", "origin/release-1.9", ok=False)
    assert prompt(clone.path).startswith("release-1.8|MERGING +2 ~")


def test_the_prompt_during_a_rebase(clone: Clone) -> None:
    clone.commit("own/one", "one\n")
    clone.git("rebase", "-q", "--exec", "false", "HEAD~1", ok=False)
    assert prompt(clone.path) == "release-1.8|REBASE"
    clone.git("rebase", "--abort")
    clone.git("switch", "-q", "--detach")
    assert prompt(clone.path) == "(detached)"


def test_the_prompt_elsewhere(clone: Clone, tmp_path: Path) -> None:
    assert prompt(tmp_path) == ""
    assert run("git", "init", "-q", tmp_path / "other").code == 0
    assert prompt(tmp_path / "other") == ""  # not one of ours
    assert prompt(clone.path / ".git") == ""
    clone.write(".ekf.toml", "not toml at all [")
    assert prompt(clone.path) == "release-1.8"
    clone.git("config", "ekf.remotes.internal", "elsewhere")
    (clone.path / ".ekf.toml").unlink()
    assert clone.ekf("check").code == 1  # which reads the settings, for the prompt to know them


# --- a first day ---


def test_a_first_day(vendor: Path, internal: Path, tmp_path: Path) -> None:
    """In a shell on a terminal: from nothing to a saved record, with the mistakes that people make on the way."""
    environment = {**os.environ, "PS1": "> ", "TERM": "xterm", "GIT_PAGER": "cat"}
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        environment.pop(name)
    shell = pexpect.spawn("sh", ["-i"], cwd=str(tmp_path), timeout=30, encoding="utf-8", env=environment, dimensions=(40, 160))
    shell.setecho(False)
    shell.expect_exact("> ")

    def types(line: str, *answers: str) -> str:
        shell.sendline(line)
        if not answers:
            shell.expect_exact("> ")
        for answer in answers:
            shell.expect_exact("[y/N]: ")
            shell.sendline(answer)
            shell.expect_exact("> ")
        return (shell.before or "").replace("\r\n", "\n")

    said = types(f"git clone -q -b release-1.8 {vendor} prod && cd prod && echo here")
    assert "here" in said
    said = types("git ekf stauts")
    assert "git-ekf: stauts is not a git-ekf command" in said
    assert "hint: git ekf status" in said
    said = types(f"git ekf init --internal {internal}")
    assert "remote internal added" in said
    said = types("git ekf status")
    assert "never: internal has no release-1.8   git ekf save" in said
    types("echo 'replicas: [{name: istio, count: 2}]' >>apps/istio/overlays/deploy/kustomization.yaml")
    said = types("git ekf tag -m 'Too early'")
    assert "git-ekf: " in said
    assert "hint: git " in said
    types("git commit -qam 'Two replicas'")
    said = types("git push origin release-1.8")
    assert "push-primary" in said
    assert "fix: git push internal release-1.8" in said
    assert "Recorded deploy/" in types("git ekf tag -m 'We added Istio.'")
    assert "read back and verified" in types("git ekf save")
    assert "We added Istio." in types("git ekf log")
    assert "No rule is broken." in types("git ekf check")
    said = types("git ekf status")
    assert "all of it is on internal" in said
    shell.sendline("exit")
    shell.expect(pexpect.EOF)
