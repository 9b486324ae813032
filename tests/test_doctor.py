"""doctor: one healthy world, broken in many ways; what is found, and that the fix mends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, Clone, make_clone, run
from manpages import entries, sections

from git_ekf.doctor import clone, machine, remotes
from git_ekf.doctor.examine import ANYWHERE, IN_A_WORK_TREE, MACHINE, examine
from git_ekf.doctor.finding import ERROR, OK, SKIPPED, WARNING
from git_ekf.doctor.remotes import server as server_check
from git_ekf.git.calls import Git
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Journal, Operation

LONG_AGO = "2020-01-01T00:00:00+00:00"  # whatever the clock of the machine says, it is later
REAL_GIT = shutil.which("git") or "git"


@pytest.fixture(scope="module")
def healthy(_sealed_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a vendor's repository, an internal one, and a clone that is as it should be. To be copied."""
    world = tmp_path_factory.mktemp("healthy")
    clone = make_clone(world)
    dates = {"GIT_AUTHOR_DATE": LONG_AGO, "GIT_COMMITTER_DATE": LONG_AGO}
    clone.git("commit", "-q", "--allow-empty", "-m", "Configure", env=dates)
    return world


@pytest.fixture
def work(healthy: Path, tmp_path: Path) -> Clone:
    """A copy of the healthy clone; its remotes are shared and must not be changed."""
    return Clone(Path(shutil.copytree(healthy / "work", tmp_path / "work", symlinks=True)))


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is missing: a folder at the head of PATH, and no shell to be completed."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("rok-deploy", "kubectl", "gpg"):
        script(folder / name, "exit 0")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("SHELL", raising=False)
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def wrong(path: Path, *, offline: bool = True) -> list[tuple[str, str, str, str]]:
    """What is not ok: check, state, message, fix. The manual is left out, which not every test machine has."""
    examined = examine(Repository(Git(str(path))), offline=offline).examined
    return [
        (one.check, one.state, one.message, one.fix)
        for one in examined
        if one.state not in (OK, SKIPPED) and one.check != "manual"
    ]


# --- all is well ---


def test_a_healthy_clone(work: Clone, healthy: Path) -> None:
    assert wrong(work.path, offline=False) == []
    done = work.ekf("doctor")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "Machine"
    assert f"Repository {work.path}" in lines
    assert f"  ok       remotes        internal answers ({healthy / 'internal.git'})" in lines
    assert lines[-1] in ("Nothing needs attention.", "0 errors, 1 warning")  # the manual
    below = work.path / "apps"
    assert run("git", "ekf", "doctor", "--offline", cwd=below).out.count("was not asked") == 2


def test_the_page_has_every_check_in_order() -> None:
    checks = (*MACHINE, clone.repository, *ANYWHERE, *IN_A_WORK_TREE, server_check)
    assert [check.__name__ for check in checks] == list(
        entries(sections("git-ekf-doctor.1")["CHECKS"])
    )
    assert all(check.__doc__ for check in checks)


def test_nothing_is_changed(work: Clone) -> None:
    """Not even the index, which a tracked file with a new time asks git to refresh."""
    os.utime(work.path / "VERSION", (1, 1))
    home = Path(os.environ["HOME"])
    script(work.path / ".git/hooks/pre-push", "# git-ekf hook shim, edited")
    before = contents(work.path), contents(home)
    assert work.ekf("doctor").code == 1
    assert (contents(work.path), contents(home)) == before


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


# --- a clone that something is wrong with ---


def remove_hook(work: Clone) -> None:
    (work.path / ".git/hooks/pre-push").unlink()


def edit_hook(work: Clone) -> None:
    with (work.path / ".git/hooks/pre-commit").open("a") as file:
        file.write("echo mine\n")


def switch_hooks_off(work: Clone) -> None:
    work.git("config", "core.hooksPath", "/dev/null")


def unset_rerere(work: Clone) -> None:
    work.git("config", "--unset", "rerere.enabled")


def pull_merges(work: Clone) -> None:
    work.git("config", "pull.ff", "false")


def lose_refspecs(work: Clone) -> None:
    work.git(
        "config", "--replace-all", "remote.internal.fetch", "+refs/heads/*:refs/remotes/internal/*"
    )


def make_shallow(work: Clone) -> None:
    (work.path / ".git/shallow").write_text(work.out("rev-parse", "origin/release-1.8") + "\n")


def make_partial(work: Clone) -> None:
    work.git("config", "remote.origin.promisor", "true")
    work.git("config", "remote.origin.partialclonefilter", "blob:none")


def replace_a_commit(work: Clone) -> None:
    work.git("replace", "origin/release-1.8", "origin/release-1.9")


def fetch_long_ago(work: Clone) -> None:
    for path in (
        work.path / ".git/FETCH_HEAD",
        *(work.path / ".git/logs/refs/remotes/origin").iterdir(),
    ):
        if path.exists():
            then = time.time() - 40 * 24 * 3600
            os.utime(path, (then, then))


def sign_in_no_known_format(work: Clone) -> None:
    work.git("config", "commit.gpgSign", "true")
    work.git("config", "gpg.format", "ed25519")


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (remove_hook, ("hooks", ERROR, "pre-push missing", "git ekf hooks install")),
        (
            edit_hook,
            (
                "hooks",
                ERROR,
                "pre-commit outdated (edited by hand)",
                "git ekf hooks install --force",
            ),
        ),
        (unset_rerere, ("settings", WARNING, "not set: rerere.enabled", "git ekf init")),
        (
            pull_merges,
            (
                "settings",
                WARNING,
                "pull.ff is false; only is advised: git pull never makes a merge commit",
                "git config pull.ff only",
            ),
        ),
        (
            lose_refspecs,
            (
                "settings",
                WARNING,
                "a fetch of internal does not bring all deploy records",
                "git ekf init",
            ),
        ),
        (
            make_shallow,
            (
                "history",
                ERROR,
                "the clone is shallow: an upgrade may not find the commit that yours stand on, and a save may be refused",
                "git fetch --unshallow origin",
            ),
        ),
        (
            make_partial,
            (
                "history",
                WARNING,
                "the clone is partial: an upgrade fetches files one by one, and fails without the network",
                "git fetch --refetch --no-filter origin && git config --unset remote.origin.partialclonefilter",
            ),
        ),
        (fetch_long_ago, ("fetched", WARNING, "40 days ago", "git fetch origin")),
        (
            sign_in_no_known_format,
            (
                "signing",
                ERROR,
                "gpg.format is ed25519, which git does not know",
                "git config gpg.format openpgp",
            ),
        ),
    ],
)
def test_the_fix_mends_it(
    work: Clone, break_it: Callable[[Clone], None], expected: tuple[str, str, str, str]
) -> None:
    if break_it is make_partial and Git().version < (2, 36):
        pytest.skip("this git has no fetch --refetch")
    break_it(work)
    assert wrong(work.path) == [expected]
    mended = run("sh", "-c", expected[3], cwd=work.path)
    assert mended.code == 0, mended
    assert wrong(work.path) == []


def test_replaced_objects_and_grafts(work: Clone) -> None:
    (work.path / ".git/info/grafts").write_text(work.out("rev-parse", "HEAD") + "\n")
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state, message) == (
        "history",
        WARNING,
        "grafts make the history another one here than elsewhere",
    )
    assert run("sh", "-c", fix, cwd=work.path).code == 0
    replace_a_commit(work)
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state, message) == (
        "history",
        WARNING,
        "2 objects replaced here and nowhere else: git replace",
    )
    assert run("sh", "-c", fix, cwd=work.path).code == 0
    assert wrong(work.path) == []


def test_hooks_that_cannot_judge(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EKF_HOOKS", "0")
    assert wrong(work.path) == [
        ("hooks", ERROR, "EKF_HOOKS is 0 here, so that no hook judges", "unset EKF_HOOKS")
    ]
    monkeypatch.delenv("EKF_HOOKS")
    shared = work.path.parent / "shared"
    work.git("config", "core.hooksPath", str(shared))
    [(_, state, message, fix)] = wrong(work.path)
    assert (state, message.partition(",")[0], fix) == (
        ERROR,
        "pre-commit missing",
        "git ekf hooks install --shared",
    )
    assert run("sh", "-c", fix, cwd=work.path).code == 0
    assert wrong(work.path) == []
    switch_hooks_off(work)
    [(_, _, message, fix)] = wrong(work.path)
    assert message.endswith("; hooks are switched off here (core.hooksPath is empty or /dev/null)")
    assert fix == "git config --show-origin core.hooksPath shows where; unset it there"


def test_half_done(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", LONG_AGO)
    assert work.git("merge", "--no-ff", "--no-commit", "origin/release-1.9", ok=False).code == 0
    assert wrong(work.path) == [
        ("operation", ERROR, "a merge is in progress", "git status shows how to finish it")
    ]
    work.git("merge", "--abort")
    work.commit("VERSION", "mine\n")
    assert work.ekf("upgrade", "--no-save-check").code == 3
    assert (
        "operation",
        ERROR,
        "an upgrade has stopped half-way",
        "git ekf upgrade --continue, or --abort",
    ) in wrong(work.path)


def test_killed_half_way(work: Clone) -> None:
    (work.path / ".git/ekf").mkdir(exist_ok=True)
    (work.path / ".git/ekf/lock").touch()
    Journal(str(work.path / ".git/ekf/journal")).begin(
        Operation(0, "sync", (), "release-1.8", "release-1.8")
    )
    assert wrong(work.path) == [("operation", ERROR, "a sync was cut off half-way", "git ekf undo")]


def test_locks_left_behind(work: Clone) -> None:
    old, new = work.path / ".git/refs/heads/release-1.8.lock", work.path / ".git/index.lock"
    old.touch()
    new.touch()
    os.utime(old, (1, 1))
    fix = f"rm -f {old}"
    assert wrong(work.path) == [
        (
            "locks",
            ERROR,
            f"{old} is left of a git command that was killed; once no git is at work it may go",
            fix,
        )
    ]


def test_a_clock_that_is_behind(work: Clone) -> None:
    later = {"GIT_COMMITTER_DATE": "2099-01-01T00:00:00+00:00"}
    work.git("tag", "-a", "-m", "x", "deploy/2098-12-31/release-1.8", env=later)
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state, fix) == (
        "clock",
        ERROR,
        "timedatectl set-ntp true; for a container, on its host",
    )
    assert message.endswith(
        ", but deploy/2098-12-31/release-1.8 is of 2099-01-01 00:00+00:00: records would get wrong dates"
    )


@pytest.mark.parametrize(("megabytes", "state"), [(150, WARNING), (5, ERROR)])
def test_a_full_disk(
    work: Clone, monkeypatch: pytest.MonkeyPatch, megabytes: int, state: str
) -> None:
    real = os.statvfs(work.path)
    full = os.statvfs_result((1, 1 << 20, *real[2:4], megabytes, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    folder = work.path / ".git"
    assert wrong(work.path) == [
        (
            "disk",
            state,
            f"only {megabytes} MB free in {folder}",
            f"make room: git gc; df -h {folder}",
        )
    ]


def test_programs_that_are_gone(work: Clone, programs: Path) -> None:
    (programs / "rok-deploy").unlink()
    hint = "install rok-deploy, or correct apply.command: git ekf man config"
    assert wrong(work.path) == [
        ("tools", WARNING, "apply.command: rok-deploy is not on the PATH", hint)
    ]
    work.write(".ekf.toml", '[apply]\ncommand = ["tools/deploy", "{path}"]\n')
    assert [(check, state, message) for check, state, message, _ in wrong(work.path)] == [
        ("tools", ERROR, "apply.command: tools/deploy cannot be run"),
        ("trust", ERROR, "apply: tools/deploy '{path}' is not trusted here"),
    ]
    work.write("tools/deploy", "")
    (work.path / "tools/deploy").chmod(0o755)
    assert run("sh", "-c", f"{wrong(work.path)[0][3]} --yes", cwd=work.path).code == 0
    assert wrong(work.path) == []


def test_keys_that_are_gone(work: Clone, programs: Path) -> None:
    work.git("config", "tag.gpgSign", "yes")
    work.git("config", "gpg.program", str(programs / "gone"))
    fix = f"install {programs / 'gone'}, or: git config gpg.program PROGRAM"
    assert wrong(work.path) == [
        ("signing", ERROR, f"tags are signed, but {programs / 'gone'} is not on the PATH", fix)
    ]
    work.git("config", "gpg.format", "ssh")
    script(programs / "ssh-keygen", "exit 0")
    fix = "git config --global user.signingKey ~/.ssh/id_ed25519.pub"
    make = f"ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519 && {fix}"
    assert wrong(work.path) == [("signing", ERROR, "no key is named to sign with", make)]
    (Path(os.environ["HOME"]) / ".ssh").mkdir()
    (Path(os.environ["HOME"]) / ".ssh/id_ed25519.pub").touch()
    assert wrong(work.path) == [("signing", ERROR, "no key is named to sign with", fix)]
    work.git("config", "user.signingKey", "~/key.pub")
    assert wrong(work.path) == [("signing", ERROR, "the key to sign with is gone: ~/key.pub", fix)]
    (Path(os.environ["HOME"]) / "key.pub").touch()
    assert wrong(work.path) == []


# --- the machine ---


def test_an_old_git(work: Clone, programs: Path) -> None:
    script(
        programs / "git", f'[ "$1" = version ] && echo git version 2.30.2 || exec {REAL_GIT} "$@"'
    )
    assert wrong(work.path) == [
        ("git", ERROR, "git 2.30.2 is too old: 2.34 is needed", "install git 2.39 or newer")
    ]
    script(
        programs / "git", f'[ "$1" = version ] && echo git version 2.36.1 || exec {REAL_GIT} "$@"'
    )
    why = "upgrades take longer and have no --plan: git 2.36.1 cannot merge without a work tree (2.39 can)"
    assert wrong(work.path) == [("git", WARNING, why, "install git 2.39 or newer")]


def test_a_partial_clone_and_a_git_that_cannot_fill_it_up(work: Clone, programs: Path) -> None:
    make_partial(work)
    script(
        programs / "git", f'[ "$1" = version ] && echo git version 2.34.1 || exec {REAL_GIT} "$@"'
    )
    fix = "make a full one with git ekf clone, or install git 2.36 or newer, which has git fetch --refetch"
    assert [found[3] for found in wrong(work.path)] == ["install git 2.39 or newer", fix]


def test_an_old_python(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PYTHON", (99, 1))
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state, fix) == ("python", ERROR, "install git-ekf with Python 99.1 or newer")
    assert message.endswith(f"{sys.executable}: 99.1 is needed")


def test_another_copy_on_the_path(
    work: Clone, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = programs / "git-ekf"
    script(other, "exit 0")
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state) == ("program", WARNING)
    assert message.startswith(
        f"{other}, which comes first on the PATH, is another copy than this one"
    )
    assert fix == f'export PATH={GIT_EKF.parent}:"$PATH"'
    (programs / "git").symlink_to(REAL_GIT)
    other.unlink()
    monkeypatch.setenv("PATH", str(programs))
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state, message) == (
        "program",
        ERROR,
        "git-ekf is not on the PATH, where git looks for it",
    )
    assert fix == f'export PATH={GIT_EKF.parent}:"$PATH"'


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(
    work: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path}/none:{tmp_path}/data")
    if any(map(os.path.exists, machine._completion_files(shell))):
        pytest.skip("git-ekf is installed for all users of this machine")
    [(check, state, message, fix)] = wrong(work.path)
    assert (check, state, message) == ("completion", WARNING, f"{shell} does not complete git ekf")
    shipped = {"bash": "bash-completion/completions/git-ekf", "zsh": "zsh/site-functions/_git-ekf"}
    file = tmp_path / "data" / shipped.get(shell, "fish/vendor_completions.d/git-ekf.fish")
    file.parent.mkdir(parents=True)
    file.touch()
    assert bool(wrong(work.path)) == (
        shell == "zsh"
    )  # which looks into no folder of data but the system's
    file.unlink()
    assert run("sh", "-c", fix).code == 0
    assert wrong(work.path) == []


def test_completion_in_a_folder_that_zsh_is_told_of(
    work: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", "/nowhere")
    monkeypatch.setenv("SHELL", "zsh")
    if any(map(os.path.exists, machine._completion_files("zsh"))):
        pytest.skip("git-ekf is installed for all users of this machine")
    home = Path(os.environ["HOME"])
    (home / ".zshrc").write_text("fpath=(~/.zfunc $fpath)\nautoload -Uz compinit && compinit\n")
    assert wrong(work.path)
    (home / ".zfunc").mkdir()
    (home / ".zfunc/_git-ekf").touch()
    assert wrong(work.path) == []


def test_completion_in_a_startup_file(
    work: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    monkeypatch.setenv("SHELL", "bash")
    (Path(os.environ["HOME"]) / ".bashrc").write_text('eval "$(git ekf completion bash)"\n')
    assert wrong(work.path) == []


def test_nobody_knows_who_commits(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    work.git("config", "user.useConfigOnly", "true")
    fix = "git config --global user.email ADDRESS"
    assert wrong(work.path) == [("identity", ERROR, "git cannot tell who commits", fix)]
    assert run("sh", "-c", fix).code == 0
    assert wrong(work.path) == []


def test_the_manual(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {True: OK, False: WARNING}
    for found, state in pages.items():
        monkeypatch.setattr("git_ekf.manual.pages.found_by_man", lambda found=found: found)
        [one] = [
            one
            for one in examine(Repository(Git(str(work.path))), offline=True).examined
            if one.check == "manual"
        ]
        assert (one.state, bool(one.fix)) == (state, not found)


# --- places ---


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert wrong(tmp_path) == []
    done = run("git-ekf", "doctor", cwd=tmp_path)
    assert done.code == 0
    assert "There is no repository here, so only the machine was checked.\n" in done.out
    assert json.loads(run("git-ekf", "doctor", "--json", cwd=tmp_path).out)["repository"] is None


def test_a_bare_repository(healthy: Path) -> None:
    report = examine(Repository(Git(str(healthy / "internal.git"))), offline=False)
    assert report.repository == str(healthy / "internal.git")
    assert [one.check for one in report.examined if one.part == "repository"] == [
        "repository",
        *(check.__name__ for check in ANYWHERE),
    ]
    assert wrong(healthy / "internal.git") == []


def test_a_linked_worktree(work: Clone, tmp_path: Path) -> None:
    work.git(
        "worktree", "add", "-q", "-b", "release-1.9", str(tmp_path / "tree"), "origin/release-1.9"
    )
    assert wrong(tmp_path / "tree", offline=False) == []


def test_another_users_repository(work: Clone) -> None:
    done = work.ekf("doctor", env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-4:] == [
        "Repository",
        f"  error    repository  git does not trust {work.path}: it belongs to another user",
        f"                       fix: git config --global --add safe.directory {work.path}",
        done.out.splitlines()[-1],
    ]


def test_files_that_cannot_be_read(work: Clone, programs: Path) -> None:
    """Said once; what needs the file is skipped, the rest is checked."""
    work.write(".ekf.toml", "[branches]\nalow = []\n")
    remove_hook(work)
    message = ".ekf.toml:2: branches.alow is not a key of the configuration (did you mean branches.allow?)"
    assert [(check, text) for check, _, text, _ in wrong(work.path, offline=False)] == [
        ("configuration", message),
        ("hooks", "pre-push missing"),
    ]
    skipped = [
        one
        for one in examine(Repository(Git(str(work.path))), offline=True).examined
        if one.message.endswith("see configuration")
    ]
    assert {one.check for one in skipped} == {
        "settings",
        "fetched",
        "remotes",
        "credentials",
        "tools",
        "trust",
        "signing",
    }
    (work.path / ".ekf.toml").unlink()
    (work.path / ".ekf.toml").mkdir()
    assert wrong(work.path, offline=False)[0][1:] == (
        ERROR,
        ".ekf.toml cannot be read: it is not a regular file",
        f"ls -l {work.path}/.ekf.toml",
    )
    (work.path / ".git/config").write_text("[core\n")
    assert wrong(work.path) == [
        (
            "git",
            ERROR,
            "git cannot read its configuration: bad config line 1 in file .git/config",
            "correct line 1 of .git/config",
        )
    ]
    os.unlink(programs / "kubectl")
    done = run(GIT_EKF, "doctor", cwd=work.path, env={"PATH": str(programs)})
    assert (done.code, done.err) == (1, "")
    assert "git is not on the PATH" in done.out


# --- remotes ---


def test_remotes_that_are_not_there(work: Clone, tmp_path: Path) -> None:
    work.git("remote", "set-url", "internal", str(tmp_path / "gone.git"))
    fix = "git ls-remote internal"
    [(check, state, message, given)] = wrong(work.path, offline=False)
    assert (check, state, given) == ("remotes", ERROR, fix)
    gone = tmp_path / "gone.git"
    assert (
        message
        == f"internal cannot be read ({gone}): '{gone}' does not appear to be a git repository"
    )
    work.git("remote", "set-url", "internal", work.out("remote", "get-url", "origin"))
    assert [(state, given) for _, state, _, given in wrong(work.path)] == [
        (ERROR, "git remote set-url internal URL")
    ]
    work.git("remote", "remove", "internal")
    assert (
        "remotes",
        ERROR,
        "there is no remote internal",
        "git ekf init --internal URL",
    ) in wrong(work.path, offline=False)


@contextmanager
def silent_servers() -> Iterator[tuple[list[int], threading.Semaphore, threading.Semaphore]]:
    """Two ports that take a connection and never answer; counts those taken, and those that the caller has ended."""
    taken, ended = threading.Semaphore(0), threading.Semaphore(0)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        taken.release()
        with connection:
            while connection.recv(4096):
                pass
        ended.release()

    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    for server in servers:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
    try:
        yield [server.getsockname()[1] for server in servers], taken, ended
    finally:
        for server in servers:
            server.close()


needs_http = pytest.mark.skipif(
    not (Path(run("git", "--exec-path").out.strip()) / "git-remote-http").exists(),
    reason="this git has no http",
)


@needs_http
def test_remotes_that_never_answer(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked at the same time and given up, and no process of git's stays behind."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "git:http")
    monkeypatch.setattr(remotes, "PATIENCE", 0.6)
    with silent_servers() as (ports, taken, ended):
        urls = {
            "origin": f"git://127.0.0.1:{ports[0]}/x",
            "internal": f"http://127.0.0.1:{ports[1]}/y",
        }
        work.git("remote", "set-url", "origin", urls["origin"])
        work.git(
            "remote",
            "set-url",
            "internal",
            urls["internal"].replace("http://", "http://me:secret@"),
        )
        assert wrong(work.path, offline=False) == [
            (
                "remotes",
                ERROR,
                f"{name} cannot be read ({url}): no answer within 0.6 seconds",
                f"git ls-remote {name}",
            )
            for name, url in urls.items()
        ]
        while taken.acquire(blocking=False):  # on a busy machine git may not have come so far
            assert ended.acquire(timeout=60)


def test_interrupted(work: Clone) -> None:
    with silent_servers() as (ports, taken, ended):
        for name, port in zip(("origin", "internal"), ports, strict=True):
            work.git("remote", "set-url", name, f"git://127.0.0.1:{port}/x")
        process = subprocess.Popen(
            ["git-ekf", "doctor"],
            cwd=work.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "GIT_ALLOW_PROTOCOL": "git"},
        )
        for _ in ports:
            assert taken.acquire(timeout=60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, "", "\ngit-ekf: interrupted\n")
        assert ended.acquire(timeout=60)


class _Locked(BaseHTTPRequestHandler):
    """A server that wants a name and password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="ops"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@needs_http
def test_nobody_is_asked_for_a_password(work: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_TERMINAL_PROMPT")
    server = HTTPServer(("127.0.0.1", 0), _Locked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/ops.git"
    work.git("remote", "set-url", "internal", url)
    try:
        terminal = work.in_terminal("doctor")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0
        assert "Username" not in str(terminal.before)
        expected = [
            (
                "remotes",
                WARNING,
                f"internal asks for a name and password ({url})",
                "git ls-remote internal",
            ),
            (
                "credentials",
                WARNING,
                f"nothing keeps the password for {url}, so every save asks for it",
                "git config --global credential.helper cache",
            ),
        ]
        assert wrong(work.path, offline=False) == expected
        work.git("config", "credential.helper", "nowhere")
        assert wrong(work.path, offline=False) == [
            expected[0],
            (
                "credentials",
                WARNING,
                "the credential helper nowhere is not on this machine",
                "install git-credential-nowhere",
            ),
        ]
    finally:
        server.shutdown()
        server.server_close()
