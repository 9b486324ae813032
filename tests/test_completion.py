"""Completion: the scripts hold what the program has, and real shells make of them what a person expects behind TAB."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest
import usage
from conftest import Clone, make_clone, run
from reach import rare
from test_start_up import imported

import completions
from git_ekf.cli import ALIASES, COMMANDS
from git_ekf.errors import FAILED, USAGE

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "completions"
FILES = {"bash": "git-ekf.bash", "zsh": "_git-ekf", "fish": "git-ekf.fish"}

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
GIT_BASH_COMPLETION = Path("/usr/share/bash-completion/completions/git")

# Names that git allows, and that would run a command in a shell that took them as they are.
RUNS = "odd$(touch${IFS}x)"
QUOTES = 'it\'s;"q"&'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A local repository with two deploy records, and with names that shells and terminals could stumble over."""
    clone = make_clone(tmp_path_factory.mktemp("completion"))
    for day, context in (
        ("2026-11-13", "We added Istio."),
        ("2026-11-20", "Two \x1b[31mreplicas.\n\nMore."),
    ):
        done = clone.ekf("tag", "--date", day, "-m", context)
        assert done.code == 0, done
    for name in (RUNS, QUOTES, "grün"):
        clone.git("branch", name)
    clone.git("remote", "add", "other", "https://me:secret@git.example.com:8443/other.git")
    for path in ("mine/two words/kustomization.yaml", "control\x1b[31m.txt", "-dash.txt"):
        clone.commit(path, "", verify=False)
    return clone


# --- the scripts and the program ---


def test_scripts_have_what_the_program_has() -> None:
    """When this fails: python packaging/completions.py"""
    assert completions.scripts() == {
        name: (SCRIPTS / name).read_text(encoding="utf-8") for name in FILES.values()
    }


def test_every_value_has_something_that_completes_it() -> None:
    """When this fails, a new option takes something that `usage.KINDS` does not know."""
    found = usage.commands()
    values = [option.value for command in found for option in command.options] + [
        one.value for command in found for one in command.arguments
    ]
    assert {value.name for value in values if value and not value.choices} <= set(usage.KINDS)
    assert [command.words for command in found if command.words and " " not in command.words] == [
        *COMMANDS,
        *ALIASES,
    ]


def printed(shell: str) -> str:
    """What git ekf completion is to print: for fish both scripts."""
    names = [FILES[shell], *(["git-ekf.conf.fish"] if shell == "fish" else [])]
    return "\n".join((SCRIPTS / name).read_text(encoding="utf-8") for name in names)


@pytest.mark.parametrize("shell", FILES)
def test_command_prints_the_script(shell: str) -> None:
    done = run("git-ekf", "completion", shell)
    assert (done.code, done.err) == (0, "")
    assert done.out == printed(shell)


def test_command_refuses_another_shell() -> None:
    done = run("git-ekf", "completion", "tcsh")
    assert (done.code, done.out) == (USAGE, "")
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.err
    assert "hint: git ekf completion -h" in done.err


def test_script_comes_out_of_a_zip_or_says_that_it_is_missing(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "git_ekf", "completion", "fish"]
    for name, scripts in (("whole.zip", SCRIPTS.iterdir()), ("bare.zip", iter(()))):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in (ROOT / "git_ekf").rglob("*.py"):
                archive.write(file, file.relative_to(ROOT))
            for file in scripts:
                archive.write(file, f"git_ekf/completions/{file.name}")
    done = run(*program, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "whole.zip")})
    assert (done.code, done.out) == (0, printed("fish"))
    done = run(*program, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "bare.zip")})
    assert (done.code, done.out) == (FAILED, "")
    assert (
        done.err
        == "git-ekf: the completion scripts are missing from this installation\nhint: reinstall git-ekf\n"
    )


# --- what the scripts ask ---


def ask(clone: Clone, *words: str) -> list[str]:
    done = clone.ekf("complete", *words)
    assert (done.code, done.err) == (0, "")
    return done.out.splitlines()


def test_releases(world: Clone) -> None:
    assert ask(world, "channels", "") == ["1.8\tcurrent", "1.9\tnewer", "1.10\tnewer"]
    assert ask(world, "channels", "1.1") == ["1.10\tnewer"]
    assert ask(world, "channels", "rel") == [
        "release-1.8\tcurrent",
        "release-1.9\tnewer",
        "release-1.10\tnewer",
    ]
    assert ask(world, "newer", "") == ["1.9", "1.10"]
    # For a clone that is yet to be made: of what the line names, which may be anything.
    earlier = ["nothing/here", "--internal", "../internal.git", "VERSION", "../vendor.git"]
    assert ask(world, "published", "", *earlier) == ["1.8", "1.9", "1.10"]
    assert ask(world, "published", "", "https://git.example.com/vendor.git") == []


def test_records(world: Clone) -> None:
    newest, oldest = (
        "deploy/2026-11-20/release-1.8\tTwo \\x1b[31mreplicas.",
        "deploy/2026-11-13/release-1.8\tWe added Istio.",
    )
    assert ask(world, "records", "") == [newest, oldest]
    assert ask(world, "records", "deploy/2026-11-1") == [oldest]
    assert ask(world, "records", "2026-11-1") == [oldest.removeprefix("deploy/")]
    assert ask(world, "records", "nothing") == []


def test_revisions(world: Clone) -> None:
    assert ask(world, "revisions", "release") == ["release-1.8"]
    assert {
        "HEAD",
        RUNS,
        QUOTES,
        "grün",
        "origin/release-1.9",
        "deploy/2026-11-13/release-1.8",
    } <= set(ask(world, "revisions", ""))
    assert ask(world, "revisions", "origin/release-1.8...origin/release-1.9") == [
        "origin/release-1.8...origin/release-1.9"
    ]
    assert ask(world, "revisions", "HEAD..gr") == ["HEAD..grün"]
    assert ask(world, "revisions", "^gr") == ["^grün"]


def test_paths(world: Clone) -> None:
    top = ask(world, "paths", "")
    assert "mine/two words\tkustomization" in top  # the only one below mine
    assert "apps/\t4 kustomizations" in top
    assert "VERSION" in top
    assert "./-dash.txt" in top  # which no command takes for an option
    assert not [line for line in top if "control" in line]  # it cannot be written in a line
    assert ask(world, "paths", "apps/istio/") == [
        "apps/istio/base\tkustomization",
        "apps/istio/overlays/deploy\tkustomization",
    ]
    assert ask(world, "paths", "apps/istio/base/") == ["apps/istio/base/deployment.yaml"]
    assert ask(Clone(world.path / "apps"), "paths", "../mi") == ["../mine/two words\tkustomization"]


def test_remotes_without_credentials(world: Clone) -> None:
    assert ask(world, "remotes", "https:") == ["https://git.example.com:8443/other.git\tother"]


def test_keys_of_the_configuration(world: Clone, tmp_path: Path) -> None:
    assert ask(world, "keys", "tags.") == ["tags.required", "tags.sign"]
    assert "rules.vendor-path" in ask(Clone(tmp_path), "keys", "rules.")


def test_silent_where_there_is_nothing_to_say(world: Clone, tmp_path: Path) -> None:
    for kind in ("channels", "newer", "published", "records", "revisions", "paths", "remotes"):
        assert ask(Clone(tmp_path), kind, "") == []
    assert ask(world) == ask(world, "nothing", "") == []
    assert (
        world.git("-c", "ekf.rules.vendor-path=wrong", "ekf", "complete", "channels", ok=False).out
        == ""
    )


def test_loads_no_command_line(world: Clone) -> None:
    code, modules = imported(world.path, "-m", "git_ekf", "complete", "channels")
    assert code == 0
    assert "git_ekf.shell.complete" in modules
    assert not modules & {
        "typer",
        "git_ekf.cli",
        "git_ekf.manifests.build",
        "json",
        "tomli",
        "pygit2",
    }


# --- bash ---

needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not on this machine")
needs_git_in_bash = pytest.mark.skipif(
    not GIT_BASH_COMPLETION.exists(), reason="git's completion for bash is not on this machine"
)

# Sets what bash sets behind TAB. 1: the function, then the words as bash splits them
BASH_DRIVER = """
answer () {
    local function=$1
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    COMP_POINT=${#COMP_LINE}
    $function 2>&1
    (IFS=,; printf '%s\\n' "${COMPREPLY[*]-}")
}
"""


def bash(world: Clone, lines: list[str], startup: str) -> list[list[str]]:
    """What bash offers behind each line, once it has run `startup`."""
    script = f"{startup}\nsource {SCRIPTS}/git-ekf.bash\n{BASH_DRIVER}"
    for line in lines:
        words = re.findall(r"[=:]|[^\s=:]+", line) + [""] * line.endswith(" ")
        function = "__git_wrap__git_main" if line.startswith("git ") else "__git_ekf_main"
        script += f"COMP_LINE={shlex.quote(line)}\nanswer {function} {' '.join(map(shlex.quote, words))}\n"
    done = run("bash", "--norc", "--noprofile", "-c", script, cwd=world.path)
    assert (done.code, done.err) == (0, "")
    return [line.split(",") if line else [] for line in done.out.splitlines()]


BASH_LINES = {
    "upg": ["upgrade "],
    "hooks un": ["uninstall "],
    "hooks install --": ["--server ", "--shared ", "--force ", "--help "],
    "check --st": ["--staged "],
    "check --form": ["--format="],
    "check --format=": ["text ", "json ", "sarif ", "github "],
    "check --format=s": ["sarif "],
    "check --format g": ["github "],
    "check --all --format sarif --js": ["--json "],
    "sync --prefer l": ["local "],
    "completion ": ["bash ", "zsh ", "fish "],
    "upgrade ": ["1.9 ", "1.10 "],
    "upgrade --prefer local ": ["1.9 ", "1.10 "],
    "upgrade 1.9 ": [],
    "log --release=": ["1.8 ", "1.9 ", "1.10 "],
    "log -n 1 --release 1.1": ["1.10 "],
    "clone ../vendor.git --internal ../internal.git --release ": ["1.8 ", "1.9 ", "1.10 "],
    "rollback deploy/2026-11-1": ["deploy/2026-11-13/release-1.8 "],
    "show --json 2026-11-2": ["2026-11-20/release-1.8 "],
    "init --internal=https://git.example.com:8443/o": ["8443/other.git "],
    "diff HEAD..gr": ["HEAD..grün "],
    "diff HEAD HEAD apps/istio/b": ["apps/istio/base "],
    "apply ap": ["apps/"],
    "apply mi": [r"mine/two\ words "],
    "apply apps/istio/ov": ["apps/istio/overlays/deploy "],
    "apply -- apps/istio/ov": ["apps/istio/overlays/deploy "],
    "apply -m apps/istio/ov": [],
    "check odd": [r"odd\$\(touch\$\{IFS\}x\) "],
    "check it": [r"it\'s\;\"q\"\& "],
    "help wor": ["workflow "],
    "nosuch ": [],
    "hooks nosuch ": [],
}


@rare
@needs_bash
def test_bash_completes_git_dash_ekf(world: Clone) -> None:
    answers = bash(world, ["git-ekf ", *(f"git-ekf {line}" for line in BASH_LINES)], "set -u")
    assert answers[0] == [f"{name} " for name in (*COMMANDS, *ALIASES)]
    assert dict(zip(BASH_LINES, answers[1:], strict=True)) == BASH_LINES
    assert not (world.path / "x").exists()


@needs_bash
def test_bash_starts_no_program_for_commands_and_options(world: Clone) -> None:
    lines = [
        f"git-ekf {line}"
        for line in ("upg", "hooks un", "check --st", "check --format=s", "upgrade ")
    ]
    assert bash(world, lines, "PATH=/nowhere") == [
        ["upgrade "],
        ["uninstall "],
        ["--staged "],
        ["sarif "],
        [],
    ]


@needs_bash
@needs_git_in_bash
@pytest.mark.parametrize("package", [pytest.param(False, marks=rare), True])
def test_bash_completes_git_ekf(world: Clone, package: bool, tmp_path: Path) -> None:
    if package and not BASH_COMPLETION.exists():
        pytest.skip("bash-completion is not on this machine")
    startup = f"source {BASH_COMPLETION}\n" * package + f"source {GIT_BASH_COMPLETION}"
    answers = bash(world, [f"git ekf {line}" for line in BASH_LINES], startup)
    assert dict(zip(BASH_LINES, answers, strict=True)) == BASH_LINES
    world.git("config", "--global", "alias.e", "ekf")
    elsewhere = [
        f"git -C {world.path} ekf upgrade ",
        f"git --git-dir {world.path}/.git ekf upgrade ",
        "git ekf upgrade ",
        "git e upg",
    ]
    assert bash(Clone(tmp_path), elsewhere, startup) == [
        ["1.9 ", "1.10 "],
        ["1.9 ", "1.10 "],
        [],
        ["upgrade "],
    ]


# --- in a terminal ---


class Terminal:
    """A shell with somebody at it."""

    def __init__(self, child: Any, clear: str) -> None:
        self.child = child
        self.clear = clear

    def tab(self, line: str, shown: str, times: int = 1) -> None:
        """Types the line and presses TAB; `shown` has to appear. Clears the line."""
        self.child.send(line + "\t" * times)
        self.child.expect_exact(shown)
        self.child.send(self.clear)

    def enter(self, line: str, shown: str) -> None:
        """Types the line, presses TAB, and runs what has become of it."""
        self.child.send(line + "\t")
        self.child.expect_exact(shown)
        self.child.send("\r")
        self.child.expect_exact("<>")


@contextmanager
def terminal(
    world: Clone, shell: str, options: list[str], startup: list[str], clear: str
) -> Iterator[Terminal]:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine")
    env = {**os.environ, "TERM": "dumb", "HISTFILE": "/dev/null", "PS1": "$ "}
    child = pexpect.spawn(
        shell, options, encoding="utf-8", timeout=30, cwd=world.path, env=env, dimensions=(50, 160)
    )
    try:
        for line in startup:
            child.sendline(line)
        child.sendline("echo read''y")
        child.expect_exact("ready")
        yield Terminal(child, clear)
        assert not (world.path / "x").exists()
    finally:
        child.close(force=True)


@rare
@needs_git_in_bash
def test_bash_session(world: Clone) -> None:
    startup = [
        "bind 'set enable-bracketed-paste off' 2>/dev/null",
        f"source {GIT_BASH_COMPLETION}",
        "PS1='<> '",
    ]
    startup.append('eval "$(git ekf completion bash)"')
    with terminal(world, "bash", ["--norc", "--noprofile"], startup, "\x15") as session:
        session.tab("git ekf upg", "git ekf upgrade ")
        session.tab("git ekf check --form", "--format=")
        session.tab("git-ekf check --format=js", "--format=json ")
        session.tab("git ekf rollback 'deploy/2026-11-1", "'deploy/2026-11-13/release-1.8'")
        session.tab("git ekf apply mi", r"mine/two\ words ")
        session.tab("git ekf tag -F VER", "VERSION")
        session.tab("git ekf diff HEAD HEAD VER", "VERSION")
        session.tab("git ekf show ", "deploy/2026-11-20/release-1.8 ", times=3)
        session.enter("git ekf check odd", r"odd\$\(touch\$\{IFS\}x\) ")
        session.enter("git ekf check it", r"it\'s\;\"q\"\& ")


@rare
def test_zsh_session(world: Clone, tmp_path: Path) -> None:
    startup = [
        f"fpath=({SCRIPTS} $fpath)",
        "autoload -Uz compinit && compinit -u -D",
        "unsetopt beep",
        "PS1='<> '",
    ]
    with terminal(world, "zsh", ["-f"], startup, "\x15") as session:
        session.tab("git-ekf upg", "git-ekf upgrade ")
        session.tab("git ekf upg", "git ekf upgrade ")
        session.tab("git ekf che", "git ekf check ")
        session.tab("git ekf hooks un", "uninstall ")
        session.tab("git ekf check --format=s", "--format=sarif ")
        session.tab("git ekf check --format g", "--format github ")
        session.tab("git ekf check --", "-- Judge the commit that the index would make.", times=2)
        session.tab("git ekf upgrade 1.1", "1.10 ")
        session.tab("git ekf rollback deploy/2026-11-1", "deploy/2026-11-13/release-1.8 ")
        session.tab("git ekf show ", "-- We added Istio.", times=2)
        session.tab("git ekf apply mi", r"mine/two\ words ")
        session.tab("git ekf apply apps/istio/ov", "apps/istio/overlays/deploy ")
        session.tab("git ekf tag -F VER", "VERSION ")
        session.enter("git ekf check odd", r"odd\$\(touch\$\{IFS\}x\) ")
        session.enter("git ekf check it", r"it\'s\;\"q\"\& ")
        session.child.sendline(f"cd {tmp_path}")
        session.tab(f"git -C {world.path} ekf rollback 2026-11-1", "2026-11-13/release-1.8 ")


# --- fish ---

FISH_LINES = {
    "upg": ["upgrade\tCarry the configuration commits to the next release channel."],
    "hooks un": ["uninstall\tRemove the hooks and put back what was there before."],
    "check --st": ["--staged\tJudge the commit that the index would make."],
    "check --format=s": ["--format=sarif\tHow to print findings."],
    "check --format g": ["github\tHow to print findings."],
    "upgrade ": ["1.9", "1.10"],
    "upgrade --prefer local ": ["1.9", "1.10"],
    "upgrade 1.9 ": [],
    "log -n 1 --release 1.1": ["1.10\tnewer"],
    "clone ../vendor.git --release ": [
        f"{version}\tThe release to work on." for version in ("1.8", "1.9", "1.10")
    ],
    "rollback deploy/2026-11-1": ["deploy/2026-11-13/release-1.8\tWe added Istio."],
    "show 2026-11-2": ["2026-11-20/release-1.8\tTwo \\x1b[31mreplicas."],
    "diff HEAD..gr": ["HEAD..grün"],
    "apply apps/istio/ov": ["apps/istio/overlays/", "apps/istio/overlays/deploy\tkustomization"],
    "apply -m apps/istio/ov": [],
    "check odd": [RUNS],
    "help wor": ["workflow"],
    "nosuch ": [],
}


def fish(world: Clone, program: str) -> dict[str, list[str]]:
    """What fish offers behind each line."""
    asked = "".join(
        f"complete -C {shlex.quote(f'{program} {line}')}; echo -\n" for line in FISH_LINES
    )
    data = world.path.with_name("data")  # as a package installs them
    for folder, script in (
        ("vendor_completions.d", "git-ekf.fish"),
        ("vendor_conf.d", "git-ekf.conf.fish"),
    ):
        (data / "fish" / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(SCRIPTS / script, data / "fish" / folder / "git-ekf.fish")
    done = run("fish", "-c", asked, cwd=world.path, env={"XDG_DATA_DIRS": f"{data}:/usr/share"})
    assert (done.code, done.err) == (0, "")
    return {
        line: answer.splitlines()
        for line, answer in zip(FISH_LINES, done.out.split("-\n"), strict=False)
    }


@rare
@pytest.mark.parametrize("program", [pytest.param("git-ekf", marks=rare), "git ekf"])
def test_fish_completes(world: Clone, program: str) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not on this machine")
    assert fish(world, program) == FISH_LINES


@rare
def test_fish_session(world: Clone) -> None:
    startup = ["git ekf completion fish | source", "function fish_prompt; echo -n '<> '; end"]
    with terminal(world, "fish", [], startup, "\x15") as session:
        session.tab("git-ekf upg", "upgrade ")
        session.tab("git ekf upg", "upgrade ")
        session.tab("git ekf check --format=s", "--format=sarif ")
        session.tab("git ekf rollback 2026-11-1", "2026-11-13/release-1.8 ")
        session.enter("git ekf check odd", r"odd\$\(touch\$\{IFS\}x\) ")
        session.enter("git ekf check it", r"it\'s\;\"q\"\& ")
