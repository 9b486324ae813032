"""On a terminal: colours where git has them, git's pager, a narrow window, the prompt, progress, and a first day at work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest
from conftest import Clone, run
from reach import rare
from upgrading import script

from git_ekf.git.calls import Git
from git_ekf.terminal import screen

HEADLINE = "internal has no deploy record (asked just now)"
BOLD = f"\x1b[1m{HEADLINE}\x1b[m"


def shown(
    cwd: Path, *command: str, columns: int = 200, env: Mapping[str, str | None] | None = None
) -> str:
    """What a terminal gets to see of a command; None takes a variable out of its environment."""
    wanted = {"NO_COLOR": None, "COLUMNS": None, "TERM": "xterm", **(env or {})}
    environment = {
        name: value for name, value in {**os.environ, **wanted}.items() if value is not None
    }
    child = pexpect.spawn(
        command[0],
        list(command[1:]),
        cwd=str(cwd),
        timeout=30,
        encoding="utf-8",
        env=environment,
        dimensions=(24, columns),
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
def test_a_terminal_has_the_colours_of_git(
    clone: Clone, settings: dict[str, str], env: dict[str, str], coloured: bool
) -> None:
    for key, value in settings.items():
        clone.git("config", key, value)
    assert shown(clone.path, "git", "ekf", "status", env=env).startswith(
        (BOLD if coloured else HEADLINE) + "\n"
    )


def test_a_pipe_has_colours_only_where_they_are_wanted_there(clone: Clone) -> None:
    assert run("git-ekf", "status", cwd=clone.path, env={"NO_COLOR": ""}).out.startswith(
        HEADLINE + "\n"
    )
    assert run(
        "git-ekf", "status", cwd=clone.path, env={"NO_COLOR": "", "CLICOLOR_FORCE": "1"}
    ).out.startswith(BOLD)
    clone.git("config", "color.ui", "always")
    assert run("git-ekf", "status", cwd=clone.path, env={"NO_COLOR": ""}).out.startswith(BOLD)
    assert run("git-ekf", "status", cwd=clone.path).out.startswith(HEADLINE + "\n")


@pytest.mark.parametrize("key", ["color.ekf", "color.ui"])
@pytest.mark.parametrize("value", ["always", "ALWAYS", "auto", "true", "false", "never", ""])
def test_a_pipe_has_colours_by_settings_that_were_read(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    """As git says when it is asked."""
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "GIT_PAGER_IN_USE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(clone.path)
    clone.git("config", "color.ui", "always" if key == "color.ekf" else "")
    clone.git("config", key, value)
    coloured = screen._coloured.__wrapped__
    asked = coloured(False)
    screen.know_settings(Git().config_pairs())
    monkeypatch.setattr(Git, "wants_colour", None)
    assert coloured(False) is asked
    screen._known.clear()


def test_text_of_the_repository_brings_no_colours(clone: Clone) -> None:
    clone.git(
        "tag",
        "-a",
        "-m",
        "Date: 2026-11-20\nContext: \x1b[31mred\x1b[m",
        "deploy/2026-11-20/release-1.8",
    )
    text = shown(clone.path, "git-ekf", "log", env={"GIT_PAGER": "cat"})
    assert "\\x1b[31mred\\x1b[m" in text
    assert "\x1b[31mred" not in text


@pytest.mark.parametrize("command", ["show", "log", "diff --rendered", "rollback -n", "releases"])
def test_in_a_pager_that_git_has_begun_no_escape_code_is_text(clone: Clone, command: str) -> None:
    """git ekf show had git colour what it then showed as text."""
    clone.git("config", "ekf.render.command", "true")
    clone.commit("apps/mine/own", "own\n")
    assert clone.ekf("tag", "-m", "One").code == 0
    assert clone.ekf("save").code == 0
    clone.commit("apps/mine/own", "more\n")
    words = command.split()
    if words[0] == "rollback":
        words.append("deploy/2026-11-20/release-1.8")
    for env in ({"GIT_PAGER_IN_USE": "true"}, {"GIT_PAGER_IN_USE": "true", "NO_COLOR": ""}):
        done = run("git-ekf", *words, cwd=clone.path, env=env)
        assert done.code == 0, done
        assert "x1b" not in done.out
        assert ("\x1b" in done.out) <= (env.get("NO_COLOR") == "")
    clone.git("config", "pager.ekf", "true")
    text = shown(clone.path, "git", "ekf", *words, env={"GIT_PAGER": "cat -v"})
    assert "x1b" not in text


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


@pytest.mark.parametrize(
    "command",
    [
        "log",
        "upgrade --plan",
        *(pytest.param(words, marks=rare) for words in ("show", "check", "diff --rendered")),
    ],
)
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
        line[2:]
        for line in shown(
            clone.path, *words, env={"GIT_PAGER": pager, "NO_COLOR": "1"}
        ).splitlines()[1:]
    ] == piped.splitlines()


@rare
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
    text = shown(
        clone.path, "sh", "-c", "git-ekf show; echo code $?", env={"GIT_PAGER": "head -n 1"}
    )
    assert text.splitlines()[1:] == ["code 0"]


def test_a_pager_that_is_left_before_the_next_line(clone: Clone) -> None:
    """What is then still to be written does not turn up on the terminal."""
    slowly = "import time; from git_ekf.terminal.screen import paged\nwith paged():\n print('one')\n time.sleep(0.5)\n print('two')\nprint('end')"
    assert shown(
        clone.path, sys.executable, "-c", slowly, env={"GIT_PAGER": "head -n 1"}
    ).splitlines() == ["one", "end"]


# --- a terminal that can do less ---


def test_a_narrow_terminal(clone: Clone) -> None:
    """Nothing is cut off, and commands can be copied."""
    wide = shown(clone.path, "git-ekf", "status", env={"NO_COLOR": "1"})
    narrow = shown(clone.path, "git-ekf", "status", columns=50, env={"NO_COLOR": "1"})
    assert (
        f"newer          {'release-1.9, release-1.10 (fetched just now)':<51}   git ekf upgrade --plan\n"
        in wide
    )
    assert (
        "newer          release-1.9, release-1.10 (fetched just now)\n                 git ekf upgrade --plan\n"
        in narrow
    )
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
    assert "Looking" not in shown(
        clone.path, *plan, env={"GIT_PAGER": "cat", "GIT_PROGRESS_DELAY": "1000"}
    )
    done = run(*plan, cwd=clone.path, env=at_once)
    assert (done.code, done.err) == (0, "")


@rare
def test_progress_of_a_single_long_build(clone: Clone, tmp_path: Path) -> None:
    """It was silent for 51 seconds: a line came only when a build had ended."""
    builder = tmp_path / "builder"
    script(builder, "#!/bin/sh\nsleep 1\necho 'kind: A'\n")
    clone.git("config", "ekf.render.command", str(builder))
    clone.git("config", "--add", "ekf.render.command", "{path}")
    for name in ("\x1b[31mone", "two"):
        clone.commit(f"own/{name}/kustomization.yaml", "resources: []\n")
    command = ["git-ekf", "diff", "--rendered", "HEAD~2", "HEAD", "--"]
    command += ["own/\x1b[31mone", "own/two"]
    env = {"GIT_PROGRESS_DELAY": "0.3", "GIT_PAGER": "cat", "NO_COLOR": "1"}
    text = shown(clone.path, *command, env=env)
    assert "\rBuilding kustomizations:   0% (0/2) own/\\x1b[31mone" in text
    assert f"\r{'':40}" in text[: text.index("2 kustomizations")]  # and it is gone at the end
    narrow = shown(clone.path, *command, env=env, columns=40)
    assert "\rBuilding kustomizations:   0% (0/2) ..." in narrow
    done = run(*command, cwd=clone.path, env=env)
    assert (done.code, done.err) == (0, "")
    assert "Building" not in shown(clone.path, *command, env={**env, "GIT_PROGRESS_DELAY": "60"})


def test_interrupted_while_it_is_loading(clone: Clone, tmp_path: Path) -> None:
    """Without a traceback of what it was importing."""
    script(
        tmp_path / "signal.py",
        "import os, time\nopen(os.environ['LOADING'], 'w').close()\ntime.sleep(60)\n",
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "LOADING": str(tmp_path / "loading")}
    process = subprocess.Popen(
        ["git-ekf", "releases"],
        cwd=clone.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
    )
    for _ in range(1200):
        if (tmp_path / "loading").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=60), process.returncode) == ((b"", b""), -signal.SIGINT)


def test_a_message_is_one_line(clone: Clone) -> None:
    done = run("git-ekf", "completion", cwd=clone.path)
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "git-ekf: missing argument 'SHELL'. Choose from: bash, zsh, fish",
    )


# --- the prompt ---


def prompt(where: Path) -> str:
    done = run("git-ekf", "status", "--prompt", cwd=where)
    assert (done.code, done.err) == (0, "")
    return done.out.removesuffix("\n")


def test_what_git_cannot_start_with_is_said_as_one_sentence(clone: Clone, tmp_path: Path) -> None:
    said = "git-ekf: git cannot read its configuration: "
    wrong = clone.git("-c", "color.ui=bogus", "ekf", "status", ok=False)
    assert (wrong.code, wrong.out) == (4, "")
    assert (
        wrong.err
        == f"{said}bad boolean config value 'bogus' for 'color.ui'\nhint: git config --show-origin color.ui\n"
    )
    broken = tmp_path / "broken"
    broken.write_text("[x\n", encoding="utf-8")
    wrong = clone.ekf("status", env={"GIT_CONFIG_GLOBAL": str(broken)})
    assert (wrong.code, wrong.out, wrong.err) == (
        4,
        "",
        f"{said}bad config line 1 in file {broken}\nhint: correct line 1 of {broken}\n",
    )
    gone = tmp_path / "gone"
    for command in ("status", "check", "log", "upgrade"):
        wrong = run(
            "sh", "-c", f"mkdir {gone} && cd {gone} && rmdir {gone} && exec git-ekf {command}"
        )
        assert (wrong.code, wrong.out) == (4, "")
        assert (
            wrong.err
            == "git-ekf: the current directory is not there any more\nhint: cd to one that is\n"
        )


def test_the_prompt(clone: Clone, tmp_path: Path) -> None:
    assert prompt(clone.path) == "release-1.8"
    clone.commit("own/one", "one\n")
    assert prompt(clone.path) == "release-1.8 +1 ^1"
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
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


def test_the_prompt_is_never_an_error(clone: Clone) -> None:
    done = run("sh", "-c", "git-ekf status --prompt >/dev/full", cwd=clone.path)
    assert (done.code, done.err) == (0, "")
    clone.git("config", "ekf.branches.allow", "wip/*")
    clone.git("switch", "-q", "-c", "wip/日本")
    done = run("git-ekf", "status", "--prompt", cwd=clone.path, env={"PYTHONIOENCODING": "latin1"})
    assert (done.code, done.out, done.err) == (0, "wip/??\n", "")


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

# Each without the user's files, and with this prompt.
_READY = "ready> "
_SHELLS = {
    "sh": ["sh", "-i"],
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i", "+Z"],
    "fish": [
        "fish",
        "--no-config",
        "--init-command",
        f"function fish_prompt; echo -n '{_READY}'; end",
    ],
}


class Shell:
    """A shell in a pseudo-terminal."""

    def __init__(self, name: str, folder: Path) -> None:
        program, *args = _SHELLS[name]
        environment = {**os.environ, "PS1": _READY, "TERM": "dumb", "GIT_PAGER": "cat"}
        for variable in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            environment.pop(variable)
        self._child = pexpect.spawn(
            program,
            args,
            cwd=str(folder),
            timeout=30,
            encoding="utf-8",
            env=environment,
            dimensions=(40, 200),
        )
        self._count = 0
        self._child.expect_exact(_READY)

    def types(self, line: str) -> str:
        """What is shown until the command has ended."""
        self._count += 1
        mark = f"-{self._count}-"
        self._child.sendline(f"{line}; echo done{mark}")
        self._child.expect(f"[\r\n]done{mark}")  # and not the echo of what was typed
        said = self._child.before or ""
        self._child.expect_exact(_READY)
        return said.replace("\r\n", "\n")

    def leaves(self) -> None:
        self._child.sendline("exit")
        self._child.expect(pexpect.EOF)


@pytest.mark.parametrize(
    "name",
    # fish differs most from bash; what the hints use of a shell is in sh and zsh as in bash.
    [pytest.param(name, marks=[rare] * (name in ("sh", "zsh"))) for name in _SHELLS],
)
def test_a_first_day(vendor: Path, internal: Path, tmp_path: Path, name: str) -> None:
    """From nothing to a saved record, with the mistakes that people make on the way."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not on this machine")
    shell = Shell(name, tmp_path)
    assert "here" in shell.types(
        f"git clone -q -b release-1.8 {vendor} prod && cd prod && echo here"
    )
    said = shell.types("git ekf stauts")
    assert "git-ekf: stauts is not a git-ekf command" in said
    assert "hint: git ekf status" in said
    assert "remote internal added" in shell.types(f"git ekf init --internal {internal}")
    assert "never: internal has no release-1.8 (asked just now)" in shell.types("git ekf status")
    shell.types(
        "echo 'replicas: [{name: istio, count: 2}]' >>apps/istio/overlays/deploy/kustomization.yaml"
    )
    said = shell.types("git ekf tag -m 'Too early'")
    assert "git-ekf: " in said
    assert "hint: git " in said
    shell.types("git commit -qam 'Two replicas'")
    said = shell.types("git push origin release-1.8")
    assert "push-primary" in said
    assert "fix: git push internal release-1.8" in said
    assert "Recorded deploy/" in shell.types("git ekf tag -m 'We added Istio.'")
    assert "read back and verified" in shell.types("git ekf save")
    assert "We added Istio." in shell.types("git ekf log")
    assert "No rule is broken." in shell.types("git ekf check")
    assert "all of it is on internal" in shell.types("git ekf status")
    shell.leaves()
