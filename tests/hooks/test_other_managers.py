"""Side by side with other hook managers: whoever comes last, every hook that was asked for runs, and status tells the truth."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from hooktools import HOOKS, assert_error, assert_refused, script, snapshot, states
from reach import rare


@pytest.fixture
def bare_clone(clone: Clone) -> Clone:
    """A clone without hooks yet, on the release branch, with something new to push."""
    assert clone.ekf("hooks", "uninstall").code == 0
    clone.git("commit", "-q", "--allow-empty", "-m", "new")
    return clone


def hooks_of(clone: Clone) -> Path:
    return clone.path / ".git" / "hooks"


def install(clone: Clone) -> None:
    done = clone.ekf("hooks", "install")
    assert done.code == 0, done


def commit(clone: Clone) -> Run:
    """With a file in it, for managers that do nothing without one."""
    with (clone.path / "notes.txt").open("a") as file:
        file.write("more\n")
    clone.git("add", "notes.txt")
    return clone.git("commit", "-q", "-m", "x", ok=False)


def push(clone: Clone, refspec: str = "release-1.8") -> Run:
    return clone.git("push", "-q", "internal", refspec, ok=False)


class Traces:
    """What the other manager's hooks leave behind when they run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def command(self, hook: str) -> str:
        return f"sh -c 'echo x >> {self.folder}/{hook}'"

    def taken(self, hook: str) -> int:
        """How often it ran since the last time of asking."""
        file = self.folder / hook
        runs = file.read_text().count("x") if file.exists() else 0
        file.unlink(missing_ok=True)
        return runs


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return Traces(tmp_path / "traces")


def assert_both_run(clone: Clone, traces: Traces) -> None:
    """Good work goes through, bad work does not, and the other's hooks run once each time."""
    branch = clone.out("symbolic-ref", "--short", "HEAD")
    done = commit(clone)
    assert (done.code, traces.taken("pre-commit")) == (0, 1), done
    done = push(clone)
    assert (done.code, traces.taken("pre-push")) == (0, 1), done
    assert_refused(push(clone, "HEAD:refs/heads/feature"), "branch-name")
    traces.taken("pre-push")  # a new branch without new commits is nothing to some
    clone.git("switch", "-q", "-C", "feature")
    assert_refused(commit(clone), "branch-name")
    assert traces.taken("pre-commit") == 1
    clone.git("reset", "-q", "--hard")
    clone.git("switch", "-q", branch)


def assert_ours_is_asleep(clone: Clone) -> None:
    clone.git("switch", "-q", "-C", "feature")
    assert commit(clone).code == 0
    clone.git("switch", "-q", "release-1.8")


# --- lefthook ---


@pytest.fixture
def lefthook(
    bare_clone: Clone, traces: Traces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The native program, on the PATH, with something to do at each hook."""
    spec = importlib.util.find_spec("lefthook")
    places = spec.submodule_search_locations if spec else None
    programs = [path for place in places or [] for path in Path(place).glob("bin/*/lefthook")]
    if not programs:
        pytest.skip("lefthook (PyPI) is not installed")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "lefthook").symlink_to(programs[0])
    monkeypatch.setenv("PATH", f"{tmp_path}/tools{os.pathsep}{os.environ['PATH']}")
    jobs = [
        f"{hook}:\n  jobs:\n    - run: {traces.command(hook)}\n"
        for hook in ("pre-commit", "pre-push")
    ]
    bare_clone.write("lefthook.yml", "".join(jobs))
    return tmp_path / "tools" / "lefthook"


def run_lefthook(clone: Clone, lefthook: Path, command: str) -> None:
    done = run(lefthook, command, cwd=clone.path)
    assert done.code == 0, done


def test_ekf_after_lefthook(bare_clone: Clone, lefthook: Path, traces: Traces) -> None:
    run_lefthook(bare_clone, lefthook, "install")
    theirs = snapshot(hooks_of(bare_clone))
    install(bare_clone)
    assert states(bare_clone) == dict.fromkeys(HOOKS, "ok")
    assert_both_run(bare_clone, traces)
    assert bare_clone.ekf("hooks", "uninstall").code == 0
    assert snapshot(hooks_of(bare_clone)) == theirs


@rare
def test_lefthook_after_ekf(bare_clone: Clone, lefthook: Path, traces: Traces) -> None:
    install(bare_clone)
    run_lefthook(bare_clone, lefthook, "install")
    assert states(bare_clone) == {
        "pre-commit": "displaced",
        "pre-merge-commit": "ok",
        "pre-push": "displaced",
    }
    shown = bare_clone.ekf("hooks", "status").out
    assert "lefthook has moved ours to pre-push.old and does not run it" in shown
    assert shown.endswith("Put them right with: git ekf hooks install\n")
    assert_ours_is_asleep(bare_clone)
    traces.taken("pre-commit")
    install(bare_clone)
    assert states(bare_clone) == dict.fromkeys(HOOKS, "ok")
    assert not list(hooks_of(bare_clone).glob("*.old"))
    assert_both_run(bare_clone, traces)
    before = snapshot(hooks_of(bare_clone))
    install(bare_clone)
    assert snapshot(hooks_of(bare_clone)) == before


@rare
def test_lefthook_again_after_ekf(bare_clone: Clone, lefthook: Path, traces: Traces) -> None:
    """`lefthook install` in a Makefile, or lefthook by itself when its configuration has changed."""
    run_lefthook(bare_clone, lefthook, "install")
    install(bare_clone)
    with (bare_clone.path / "lefthook.yml").open("a") as file:
        file.write("commit-msg:\n  jobs:\n    - run: 'true'\n")
    os.utime(
        bare_clone.path / "lefthook.yml", (2_000_000_000, 2_000_000_000)
    )  # it looks at the time first
    assert commit(bare_clone).code == 0
    traces.taken("pre-commit")
    assert states(bare_clone) == {
        "pre-commit": "displaced",
        "pre-merge-commit": "ok",
        "pre-push": "displaced",
    }
    install(bare_clone)
    assert_both_run(bare_clone, traces)
    run_lefthook(bare_clone, lefthook, "install")
    assert states(bare_clone)["pre-push"] == "displaced"
    install(bare_clone)
    assert_both_run(bare_clone, traces)


def test_uninstall_after_lefthook_has_moved_ours(
    bare_clone: Clone, lefthook: Path, traces: Traces
) -> None:
    """A hook from before both is lefthook's to give back."""
    mine = script(hooks_of(bare_clone) / "pre-commit", "exit 0").read_bytes()
    install(bare_clone)
    run_lefthook(bare_clone, lefthook, "install")
    assert_error(bare_clone.ekf("hooks", "install"), 4, "both exist, and neither is ours")
    assert bare_clone.ekf("hooks", "uninstall").code == 0
    assert states(bare_clone) == dict.fromkeys(HOOKS, "missing")
    assert commit(bare_clone).code == 0
    assert traces.taken("pre-commit") == 1
    run_lefthook(bare_clone, lefthook, "uninstall")
    left = {
        path.name: path.read_bytes()
        for path in hooks_of(bare_clone).iterdir()
        if path.suffix != ".sample"
    }
    assert left == {"pre-commit": mine}


# --- pre-commit ---


@pytest.fixture
def pre_commit(bare_clone: Clone, traces: Traces) -> Path:
    """The program, with a local hook for each stage, so that nothing is downloaded."""
    program = Path(sys.executable).with_name("pre-commit")
    if not program.exists():
        pytest.skip("pre-commit (PyPI) is not installed")
    lines = ["repos:", "- repo: local", "  hooks:"]
    for hook in ("pre-commit", "pre-push"):
        settings = "language: system, always_run: true, pass_filenames: false"
        lines.append(
            f'  - {{id: {hook}, name: x, entry: "{traces.command(hook)}", {settings}, stages: [{hook}]}}'
        )
    bare_clone.commit(".pre-commit-config.yaml", "\n".join(lines) + "\n", verify=True)
    return program


def install_pre_commit(clone: Clone, program: Path) -> None:
    done = run(program, "install", "-t", "pre-commit", "-t", "pre-push", cwd=clone.path)
    assert done.code == 0, done


@rare
def test_ekf_after_pre_commit(bare_clone: Clone, pre_commit: Path, traces: Traces) -> None:
    install_pre_commit(bare_clone, pre_commit)
    theirs = snapshot(hooks_of(bare_clone))
    install(bare_clone)
    assert states(bare_clone) == dict.fromkeys(HOOKS, "ok")
    assert_both_run(bare_clone, traces)
    assert bare_clone.ekf("hooks", "uninstall").code == 0
    assert snapshot(hooks_of(bare_clone)) == theirs


@rare
@pytest.mark.parametrize("existing", [False, pytest.param(True, marks=rare)])
def test_pre_commit_after_ekf(
    bare_clone: Clone, pre_commit: Path, traces: Traces, existing: bool
) -> None:
    """It runs ours, ours runs the one from before: all is well, and installing again changes nothing."""
    if existing:
        script(hooks_of(bare_clone) / "pre-commit", traces.command("mine"))
    install(bare_clone)
    install_pre_commit(bare_clone, pre_commit)
    assert states(bare_clone) == {
        "pre-commit": "chained",
        "pre-merge-commit": "ok",
        "pre-push": "chained",
    }
    assert "run by pre-commit as pre-push.legacy" in bare_clone.ekf("hooks", "status").out
    assert_both_run(bare_clone, traces)
    assert traces.taken("mine") == (2 if existing else 0)
    before = snapshot(hooks_of(bare_clone))
    assert (
        bare_clone.ekf("hooks", "install").out == "All hooks are in place; nothing was changed.\n"
    )
    assert snapshot(hooks_of(bare_clone)) == before


def test_a_shim_that_pre_commit_runs_is_kept_up_to_date(
    bare_clone: Clone, pre_commit: Path
) -> None:
    install(bare_clone)
    install_pre_commit(bare_clone, pre_commit)
    before = snapshot(hooks_of(bare_clone))
    moved = hooks_of(bare_clone) / "pre-push.legacy"
    moved.write_text(moved.read_text().replace("python=", "python=/nowhere"))
    assert states(bare_clone) == {
        "pre-commit": "chained",
        "pre-merge-commit": "ok",
        "pre-push": "stale",
    }
    install(bare_clone)
    assert snapshot(hooks_of(bare_clone)) == before


@rare
def test_pre_commit_again_after_ekf(bare_clone: Clone, pre_commit: Path, traces: Traces) -> None:
    """Then ours, run by pre-commit, keeps a hook of pre-commit's, which must not be run inside itself."""
    install_pre_commit(bare_clone, pre_commit)
    install(bare_clone)
    for kept in hooks_of(bare_clone).glob("*.ekf-prev"):  # as another version of it writes them
        kept.write_text(kept.read_text().replace("exec ", "exec  "))
    install_pre_commit(bare_clone, pre_commit)
    assert states(bare_clone) == {
        "pre-commit": "chained",
        "pre-merge-commit": "ok",
        "pre-push": "chained",
    }
    assert_both_run(bare_clone, traces)
    assert bare_clone.ekf("hooks", "uninstall").code == 0
    assert commit(bare_clone).code == 0
    assert traces.taken("pre-commit") == 1
    assert not list(hooks_of(bare_clone).glob("*.ekf-prev"))


def test_a_hook_that_only_mentions_pre_commit_does_not_run_ours(bare_clone: Clone) -> None:
    install(bare_clone)
    (hooks_of(bare_clone) / "pre-commit").rename(hooks_of(bare_clone) / "pre-commit.legacy")
    script(hooks_of(bare_clone) / "pre-commit", "# our pre-commit hook")
    assert states(bare_clone)["pre-commit"] == "displaced"
    install(bare_clone)
    assert states(bare_clone)["pre-commit"] == "ok"


# --- git-lfs ---


@pytest.fixture
def lfs(bare_clone: Clone) -> Clone:
    """Large files are followed; one is waiting to be pushed."""
    if not shutil.which("git-lfs"):
        pytest.skip("git-lfs (a Debian package) is not installed")
    bare_clone.git("config", "lfs.concurrenttransfers", "1")
    return bare_clone


def add_large_file(clone: Clone) -> None:
    clone.git("lfs", "track", "*.bin")
    clone.write("large.bin", "large\n")
    clone.git("add", ".gitattributes", "large.bin")
    assert clone.git("commit", "-q", "-m", "A large file").code == 0


def assert_lfs_and_ours_run(clone: Clone, internal: Path) -> None:
    add_large_file(clone)
    assert_refused(push(clone, "HEAD:refs/heads/feature"), "branch-name")
    assert clone.git("push", "-q", "internal", "release-1.8").code == 0
    stored = [path for path in (internal / "lfs" / "objects").rglob("*") if path.is_file()]
    assert [path.read_text() for path in stored] == ["large\n"]


def test_ekf_after_lfs(lfs: Clone, internal: Path) -> None:
    lfs.git("lfs", "install", "--local")
    theirs = snapshot(hooks_of(lfs))
    install(lfs)
    assert states(lfs) == dict.fromkeys(HOOKS, "ok")
    assert_lfs_and_ours_run(lfs, internal)
    assert lfs.ekf("hooks", "uninstall").code == 0
    assert snapshot(hooks_of(lfs)) == theirs


def test_lfs_after_ekf(lfs: Clone, internal: Path) -> None:
    """It does not touch a hook that it does not know; forced, it puts its own in place of ours."""
    install(lfs)
    ours = snapshot(hooks_of(lfs))
    assert lfs.git("lfs", "install", "--local", ok=False).code
    assert {name: kept for name, kept in snapshot(hooks_of(lfs)).items() if name in ours} == ours
    assert states(lfs) == dict.fromkeys(HOOKS, "ok")
    lfs.git("lfs", "install", "--local", "--force")
    assert states(lfs) == {"pre-commit": "ok", "pre-merge-commit": "ok", "pre-push": "missing"}
    install(lfs)
    assert states(lfs) == dict.fromkeys(HOOKS, "ok")
    assert_lfs_and_ours_run(lfs, internal)


# --- husky ---


def set_up_husky(clone: Clone) -> Path:
    """What version 9 does: a directory of shims that run the files beside it, and core.hooksPath."""
    husky = clone.path / ".husky"
    for hook in (*HOOKS, "commit-msg"):
        script(husky / "_" / hook, '. "${0%/*}/h"')
    runner = [
        '[ "$HUSKY" = 0 ] && exit 0',
        'n=$(basename "$0") s=$(dirname "$(dirname "$0")")/$n',
        '[ -f "$s" ] || exit 0',
        'sh -e "$s" "$@"',
    ]
    script(husky / "_" / "h", *runner, mode=0o644)
    (husky / "_" / ".gitignore").write_text("*")
    clone.git("config", "core.hooksPath", ".husky/_")
    return husky


def test_husky(bare_clone: Clone, traces: Traces) -> None:
    husky = set_up_husky(bare_clone)
    for hook in ("pre-commit", "pre-push"):
        (husky / hook).write_text(traces.command(hook) + "\n")
    before = snapshot(husky / "_")
    assert states(bare_clone) == dict.fromkeys(HOOKS, "missing")
    done = bare_clone.ekf("hooks", "install")
    assert_error(done, 4, "core.hooksPath is .husky/_")
    hint = 'as to .husky/pre-push: git-ekf hook 1 pre-push "$@"'
    assert hint in done.err
    assert hint in bare_clone.ekf("hooks", "status").out
    assert_ours_is_asleep(bare_clone)
    traces.taken("pre-commit")

    for hook in HOOKS:
        with (husky / hook).open("a") as file:
            file.write(f'git-ekf hook 1 {hook} "$@"\n')
    assert states(bare_clone) == dict.fromkeys(HOOKS, "chained")
    assert_both_run(bare_clone, traces)
    side = bare_clone.out("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "side")
    assert_refused(
        bare_clone.git("merge", "-q", "--no-ff", "--no-edit", side, ok=False), "linear-history"
    )
    assert snapshot(husky / "_") == before
    assert bare_clone.out("config", "core.hooksPath") == ".husky/_"


def test_husky_after_ekf(clone: Clone) -> None:
    """core.hooksPath puts ours to sleep; status says so, and the line wakes them."""
    husky = set_up_husky(clone)
    assert states(clone) == dict.fromkeys(HOOKS, "missing")
    assert_ours_is_asleep(clone)
    for hook in HOOKS:
        (husky / hook).write_text(f'git-ekf hook 1 {hook} "$@"\n')
    assert states(clone) == dict.fromkeys(HOOKS, "chained")
    clone.git("switch", "-q", "feature")
    assert_refused(commit(clone), "branch-name")
    (husky / "_" / "pre-push").unlink()  # then nothing runs .husky/pre-push
    assert states(clone)["pre-push"] == "missing"
