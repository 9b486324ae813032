"""Plain git switch to a release branch of the cluster, in a clone that has only another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Clone, run
from reach import rare
from upgrading import NEWEST_GIT

from git_ekf.policy import judges
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository

GITS = [pytest.param("", id="git"), *([pytest.param(str(NEWEST_GIT))] * NEWEST_GIT.is_dir())]


@pytest.fixture
def restored(clone: Clone, tmp_path: Path) -> Clone:
    """A clone of a cluster that has 1.8 and 1.9, restored on 1.9."""
    clone.git("config", "ekf.render.command", "true")
    clone.commit("own/settings", "mine\n", "Settings")
    assert clone.ekf("tag", "-m", "One").code == 0
    assert clone.ekf("save").code == 0
    assert clone.ekf("upgrade", "1.9").code == 0
    assert clone.ekf("save").code == 0
    words = (clone.out("remote", "get-url", name) for name in ("origin", "internal"))
    origin, internal = words
    there = tmp_path / "restored"
    done = run("git-ekf", "clone", origin, there, "--internal", internal, "--release", "1.9")
    assert done.code == 0, done
    return Clone(there)


@pytest.mark.parametrize("path", GITS)
def test_git_switch_brings_the_clusters_branch(restored: Clone, path: str) -> None:
    if restored.git("show-ref", "--verify", "refs/heads/release-1.8", ok=False).code == 0:
        restored.git("branch", "-q", "-D", "release-1.8")
    env = {"PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]}
    restored.git("switch", "-q", "release-1.8", env=env)
    assert restored.out("log", "-1", "--format=%s") == "Settings"
    tagged = restored.ekf("tag", "-m", "Two")
    assert (tagged.code, tagged.err) == (
        0,
        "note: release-1.8 tracks origin/release-1.8 again; git had it track internal/release-1.8\n",
    )
    assert restored.out("rev-parse", "--abbrev-ref", "@{upstream}") == "origin/release-1.8"
    assert restored.rules() == []
    assert restored.ekf("tag", "-m", "Three").err == ""


@pytest.mark.parametrize("command", ["check", "status", "commit"])
def test_what_git_switch_tracks_is_no_finding(restored: Clone, command: str) -> None:
    if restored.git("show-ref", "--verify", "refs/heads/release-1.8", ok=False).code == 0:
        restored.git("branch", "-q", "-D", "release-1.8")
    restored.git("switch", "-q", "release-1.8")
    again = "release-1.8 tracks origin/release-1.8 again; git had it track internal/release-1.8"
    if command == "commit":
        restored.commit("own/new", "1\n", verify=True)
    else:
        done = restored.ekf(command)
        assert (done.code, done.err) == (0, f"note: {again}\n")
        assert "branch-upstream" not in done.out
    assert restored.out("rev-parse", "--abbrev-ref", "@{upstream}") == "origin/release-1.8"
    assert restored.ekf("check").err == ""


@rare
def test_tracking_that_is_meant_so_stays(restored: Clone) -> None:
    restored.git("branch", "-q", "-f", "release-1.8", "internal/release-1.8")
    restored.git("branch", "-q", "--set-upstream-to=origin/release-1.9", "release-1.8")
    restored.git("branch", "-q", "--set-upstream-to=internal/release-1.9", "release-1.9")
    restored.git("config", "ekf.rules.branch-upstream", "off")
    assert restored.ekf("save").err == ""
    assert restored.out("rev-parse", "--abbrev-ref", "@{upstream}") == "internal/release-1.9"
    restored.git("config", "--unset", "ekf.rules.branch-upstream")
    assert "note: release-1.9 tracks origin/release-1.9 again" in restored.ekf("save").err
    assert restored.out("config", "branch.release-1.8.merge") == "refs/heads/release-1.9"


def test_a_branch_without_the_configuration_is_found(restored: Clone) -> None:
    """As git's own advice makes it: git switch --track origin/release-1.8."""
    restored.git("branch", "-q", "-f", "--track", "release-1.8", "origin/release-1.8")
    restored.git("switch", "-q", "release-1.8")
    message = "release-1.8 has no configuration commit, and internal/release-1.8 has some"
    checked = restored.ekf("check")
    assert (checked.code, checked.out.splitlines()[0]) == (
        1,
        f"  error  branch-configuration: {message}",
    )
    assert "policy         branch-configuration" in restored.ekf("status").out
    tagged = restored.ekf("tag", "-m", "Nothing")
    assert tagged.code == 4
    assert f"the policy is broken (branch-configuration: {message})" in tagged.err
    (fix,) = (one.fix for one in found(restored))
    assert fix == "git reset --keep internal/release-1.8"
    assert run("sh", "-c", fix, cwd=restored.path).code == 0
    assert restored.rules() == []
    assert restored.ekf("tag", "-m", "Two").code == 0


@rare
def test_another_branch_without_it(restored: Clone) -> None:
    restored.git("branch", "-q", "-f", "--track", "release-1.8", "origin/release-1.8")
    assert restored.rules() == []
    assert restored.rules("--all") == ["branch-configuration"]
    (fix,) = (one.fix for one in found(restored, every_branch=True))
    assert fix == "git branch -f --no-track release-1.8 internal/release-1.8"
    restored.git(*fix.split()[1:])
    assert restored.rules("--all") == []
    assert restored.out("config", "branch.release-1.8.remote") == "origin"


@rare
def test_what_is_no_finding(restored: Clone) -> None:
    """Newer commits than internal has, older ones, and a release that internal has as it came."""
    restored.git("branch", "-q", "-f", "--track", "release-1.10", "origin/release-1.10")
    assert restored.rules("--all") == []
    restored.git("push", "-q", "--no-verify", "internal", "release-1.10")
    assert restored.rules("--all") == []
    restored.commit("own/more", "more\n", "More")
    assert restored.rules() == []
    assert restored.ekf("save").code == 0
    restored.git("reset", "-q", "--hard", "HEAD~1")
    assert restored.rules() == []


def found(clone: Clone, *, every_branch: bool = False) -> list[Finding]:
    """The findings in a clone."""
    before = Path.cwd()
    os.chdir(clone.path)
    try:
        return judges.judge_repository(Repository(), [], every_branch=every_branch)
    finally:
        os.chdir(before)
