"""What a passing hook and the commands load: each import is time that is felt at every commit and every prompt."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import GIT_EKF, Clone, run

BOOT = Path(__file__).resolve().parents[1] / "git_ekf" / "hookboot.py"

SLOW = {"re", "subprocess", "typing", "tomli", "json", "pathlib", "typer", "pygit2"}
# All that a passing commit loads, beside what every Python does.
OURS = {
    "git_ekf",
    "git_ekf.hooks",
    "git_ekf.hooks.fast_commit",
    "git_ekf.hooks.fastpath",
    "git_ekf.hooks.settings_cache",
    "git_ekf.hooks.spawn",
    "git_ekf.names",
    "git_ekf.policy",
    "git_ekf.policy.limits",
    "git_ekf.smallfile",
}


def imported(cwd: Path, *command: str | Path, stdin: str = "") -> tuple[int, set[str]]:
    """The exit code of a Python program, and the modules that it loaded until it ended, in whatever way."""
    result = run(sys.executable, "-X", "importtime", *command, cwd=cwd, stdin=stdin)
    lines = [
        line.rpartition("|")[2].strip()
        for line in result.err.splitlines()
        if line.startswith("import time:")
    ]
    assert "encodings" in lines, result
    return result.code, set(lines)


def hook(clone: Clone, *args: str, stdin: str = "") -> tuple[int, set[str]]:
    """As the shim runs it."""
    return imported(clone.path, "-I", "-S", BOOT, "1", *args, stdin=stdin)


@pytest.fixture
def bare(tmp_path: Path) -> set[str]:
    """What every Python loads."""
    return imported(tmp_path, "-I", "-S", "-c", "")[1]


def stage(clone: Clone, path: str) -> None:
    clone.write(path, "changed\n")
    clone.git("add", "--", path)


@pytest.fixture
def push(clone: Clone) -> tuple[list[str], str]:
    """Arguments and stdin of a pre-push that brings one commit to a saved release branch."""
    old = clone.commit("site/values.yaml", "1\n")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    new = clone.commit("site/values.yaml", "2\n")
    ref = "refs/heads/release-1.8"
    return ["internal", clone.out("remote", "get-url", "internal")], f"{ref} {new} {ref} {old}\n"


def test_passing_commit_loads_nothing_more(clone: Clone, bare: set[str]) -> None:
    stage(clone, "VERSION")
    code, modules = hook(clone, "pre-commit")
    assert code == 0
    assert modules - bare == OURS


def test_passing_commit_with_configuration_loads_nothing_more(clone: Clone, bare: set[str]) -> None:
    clone.write(".ekf.toml", '[branches]\nallow = ["work"]\n')
    stage(clone, "VERSION")
    assert (
        "tomli" in hook(clone, "pre-commit")[1]
    )  # the full rules read it once and leave it for the fast path
    code, modules = hook(clone, "pre-commit")
    assert code == 0
    assert modules - bare == OURS


def test_passing_push_loads_nothing_slow(clone: Clone, push: tuple[list[str], str]) -> None:
    args, stdin = push
    code, modules = hook(clone, "pre-push", *args, stdin=stdin)
    assert code == 0
    assert modules >= OURS - {"git_ekf.hooks.fast_commit"}
    assert not modules & (SLOW | {"git_ekf.hooks.judge", "site"})


def test_full_rules_load_no_command_line(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "wrong")
    stage(clone, "VERSION")
    code, modules = hook(clone, "pre-commit")
    assert code == 1
    assert {"git_ekf.hooks.judge", "subprocess", "typing"} <= modules  # and so these tests can fail
    assert not modules & {"typer", "pygit2", "rich", "tomli", "json", "pathlib", "bz2", "lzma"}


@pytest.mark.parametrize(
    ("command", "for_typer"),
    [("status", False), ("check", False), ("releases", False), ("--version", True), ("-h", True)],
)
def test_commands_load_what_they_need(clone: Clone, command: str, for_typer: bool) -> None:
    code, modules = imported(clone.path, GIT_EKF, command)
    assert code == 0
    assert "git_ekf.cli" in modules
    assert ("typer" in modules, "inspect" in modules) == (for_typer, for_typer)
    assert not modules & {
        "pygit2",
        "rich",
        "pydantic",
        "json",
        "tomli",
        "git_ekf.setup.init",
        "git_ekf.hooks.shims",
        "git_ekf.hooks",
    }
    assert {module for module in modules if module.startswith("git_ekf.commands.")} <= {
        f"git_ekf.commands.{command}",
        "git_ekf.commands.options",
        "git_ekf.commands.records_kept",
    }


def test_an_upgrade_loads_no_typer(clone: Clone) -> None:
    code, modules = imported(clone.path, GIT_EKF, "upgrade", "--plan", "--no-fetch", "1.9")
    assert code == 0
    assert "git_ekf.upgrade.plan" in modules
    assert not modules & {"typer", "inspect", "rich", "tomli"}


def test_an_upgrade_that_is_done_loads_no_rebase(clone: Clone) -> None:
    clone.commit("site/values.yaml", "1\n")
    options = ("--no-fetch", "--no-build", "--no-save-check")
    code, modules = imported(clone.path, GIT_EKF, "upgrade", *options, "1.9")
    assert code == 0
    assert "git_ekf.policy.judges" in modules
    assert not modules & {
        "git_ekf.policy.server_rules",
        "git_ekf.policy.pushes",
        "git_ekf.policy.records",
        "git_ekf.replay.favour",
        "git_ekf.replay.one_line",
        "git_ekf.upgrade.rebase",
    }


def test_what_only_a_fleet_needs_is_loaded_for_a_fleet_only(clone: Clone, tmp_path: Path) -> None:
    extras = {"pygit2", "jinja2", "yaml", "git_ekf.fleet"}
    stage(clone, "VERSION")
    assert not hook(clone, "pre-commit")[1] & extras
    for command in ("status", "check", "log", "-h"):
        assert not imported(clone.path, GIT_EKF, command)[1] & extras
    # So it can fail; and a mistake in the fleet file loads no library.
    code, modules = imported(tmp_path, GIT_EKF, "fleet", "status")
    assert (code, modules & extras) == (4, {"pygit2", "git_ekf.fleet"})
