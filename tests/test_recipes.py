"""The recipes of docs/ for hook managers and continuous integration, followed to the letter."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Clone, Run, run
from documents import DOCUMENTS, ROOT
from manpages import blocks, sections
from reach import rare

from git_ekf import __version__

WHEELS = Path(sys.prefix) / "wheels"


def recipe(file: str) -> str:
    """The block of the documents that shows this file, named in its first line."""
    shown = re.compile(rf"^```\w+\n# {re.escape(file)}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    [text] = shown.findall("\n".join(DOCUMENTS.values()))
    return str(text)


def judged(clone: Clone, action: str) -> list[str]:
    """The rules broken by a commit off the release branch, by a merge, or by a push to the vendor; each of them is refused."""
    if action == "commit":
        clone.git("switch", "-q", "-c", "feature")
        done = clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
        clone.git("switch", "-q", "release-1.8")
    elif action == "merge":
        side = clone.out("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "side")
        done = clone.git("merge", "-q", "--no-ff", "--no-edit", side, ok=False)
        clone.git("merge", "--abort", ok=False)
    else:
        done = clone.git("push", "-q", "origin", "HEAD:refs/heads/theirs", ok=False)
    assert done.code != 0, done
    return rules(done)


def rules(done: Run) -> list[str]:
    return re.findall(r"^ *error  ([a-z-]+): ", done.out + done.err, re.MULTILINE)


@pytest.fixture
def bare_clone(clone: Clone) -> Clone:
    """A clone without hooks yet, and with a commit to push."""
    assert clone.ekf("hooks", "uninstall").code == 0
    clone.git("commit", "-q", "--allow-empty", "-m", "new")
    return clone


ALL = {"commit": ["branch-name"], "merge": ["linear-history"], "push": ["push-primary"]}


def test_lefthook(bare_clone: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = importlib.util.find_spec("lefthook")
    programs = [
        path
        for place in (spec.submodule_search_locations or [] if spec else [])
        for path in Path(place).glob("bin/*/lefthook")
    ]
    if not programs:
        pytest.skip("lefthook (PyPI) is not installed")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "lefthook").symlink_to(programs[0])
    monkeypatch.setenv("PATH", f"{tmp_path}/tools{os.pathsep}{os.environ['PATH']}")
    assert recipe("lefthook.yml") in blocks(sections("git-ekf-hooks.1")["OTHER HOOK MANAGERS"])
    bare_clone.write("lefthook.yml", recipe("lefthook.yml"))
    assert run("lefthook", "install", cwd=bare_clone.path).code == 0
    assert {action: judged(bare_clone, action) for action in ALL} == ALL
    assert bare_clone.git("push", "-q", "internal", "release-1.8", ok=False).code == 0


def test_husky(bare_clone: Clone) -> None:
    """The layout that version 9 makes: core.hooksPath names a folder of scripts, each of which runs the file beside it."""
    husky = bare_clone.path / ".husky"
    for hook in ("pre-commit", "pre-merge-commit", "pre-push"):
        bare_clone.write(
            f".husky/_/{hook}", f'#!/bin/sh\nexec sh -e "$(dirname "$0")/../{hook}" "$@"\n'
        )
        (husky / "_" / hook).chmod(0o755)
        bare_clone.write(f".husky/{hook}", recipe(".husky/pre-push").replace("pre-push", hook))
    bare_clone.git("config", "core.hooksPath", ".husky/_")
    assert {action: judged(bare_clone, action) for action in ALL} == ALL
    assert bare_clone.git("push", "-q", "internal", "release-1.8", ok=False).code == 0
    assert bare_clone.ekf("hooks", "status").code == 0


@rare
def test_pre_commit(bare_clone: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It builds git-ekf from a repository, here without a network; a push in spite of a broken rule is refused as well."""
    program = Path(sys.executable).with_name("pre-commit")
    if not program.exists() or not WHEELS.is_dir():
        pytest.skip(
            "pre-commit (PyPI), or the wheels that git-ekf is built with, are not installed"
        )
    source = tmp_path / "git-ekf"
    source.mkdir()
    for part in (
        "git_ekf",
        "hooks",
        "man",
        "completions",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        ".pre-commit-hooks.yaml",
    ):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, source / part)
    project = Clone(source)
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-q", "-m", "A release")
    project.git("tag", f"v{__version__}")

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{WHEELS / 'run'} {WHEELS / 'build'}")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    others = [
        path
        for path in os.environ["PATH"].split(os.pathsep)
        if not (Path(path) / "git-ekf").exists()
    ]
    monkeypatch.setenv("PATH", os.pathsep.join(others))
    text = recipe(".pre-commit-config.yaml").replace(
        "https://git.example.com/git-ekf/git-ekf.git", str(source)
    )
    bare_clone.commit(".pre-commit-config.yaml", text, verify=True)
    assert run(program, "install", cwd=bare_clone.path).code == 0
    assert [judged(bare_clone, action) for action in ("commit", "merge")] == [
        ["branch-name"],
        ["linear-history"],
    ]
    assert bare_clone.git("push", "-q", "internal", "release-1.8", ok=False).code == 0
    bare_clone.git("tag", "deploy/2026-11-20/release-1.8")
    bare_clone.git("commit", "-q", "--allow-empty", "-m", "more")
    pushed = bare_clone.git("push", "-q", "internal", "release-1.8", ok=False)
    assert (pushed.code, rules(pushed)) == (1, ["tag-lightweight"]), pushed


# --- continuous integration ---


@pytest.fixture
def pushed_past_the_hooks(clone: Clone, internal: Path) -> Path:
    """The internal repository with a conflict that somebody has committed and pushed."""
    clone.commit("site/values.yaml", "<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n", verify=False)
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    return internal


def follow(
    steps: list[str], shell: list[str], env: dict[str, str], folder: Path
) -> tuple[int, str]:
    """Runs the steps of a job up to the first that fails, all but the one that installs. The exit code and output of the last."""
    assert re.fullmatch(r"(pipx|pip) install git-ekf", steps[0])
    for step in steps[1:]:
        done = subprocess.run(
            [*shell, "-c", step],
            cwd=folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            break
    assert step == steps[-1], done
    return done.returncode, done.stdout


def test_github_actions(pushed_past_the_hooks: Path, vendor: Path, tmp_path: Path) -> None:
    workflow: Any = yaml.safe_load(recipe(".github/workflows/ekf.yml"))
    job = workflow["jobs"]["ekf"]
    env = {"PRIMARY": str(vendor), "INTERNAL": str(pushed_past_the_hooks)}
    assert set(job["env"]) == set(env)
    env["GITHUB_REF_NAME"] = "release-1.8"
    code, out = follow([step["run"] for step in job["steps"]], ["bash", "-e"], env, tmp_path)
    assert code == 1
    assert re.fullmatch(
        r"::error file=site/values\.yaml,title=conflict-marker::.+%0Afix: .+\n", out
    )


def test_gitlab(pushed_past_the_hooks: Path, vendor: Path, tmp_path: Path) -> None:
    job: Any = yaml.safe_load(recipe(".gitlab-ci.yml"))["ekf"]
    env = {
        "PRIMARY": str(vendor),
        "CI_REPOSITORY_URL": str(pushed_past_the_hooks),
        "CI_COMMIT_BRANCH": "release-1.8",
    }
    assert follow(job["script"], ["sh", "-e"], env, tmp_path) == (1, "")
    [artifact] = job["artifacts"]["paths"]
    [result] = json.loads((tmp_path / artifact).read_text(encoding="utf-8"))["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("conflict-marker", "error")
    assert (
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "site/values.yaml"
    )
