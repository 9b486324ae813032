"""Installing, looking at and removing the hooks: nobody's own hook is lost, and nothing is left half-done."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Clone, Run, run
from hooktools import HOOKS, assert_error, assert_refused, script, snapshot, states

from git_ekf.errors import CallFailed, EkfError, Refused
from git_ekf.hooks import installer


@pytest.fixture
def repo(tmp_path: Path) -> Clone:
    """A repository that git-ekf has never seen."""
    assert run("git", "init", "-q", "-b", "release-1.8", tmp_path / "repo").code == 0
    return Clone(tmp_path / "repo")


def hooks_of(clone: Clone) -> Path:
    return clone.path / ".git" / "hooks"


def install(clone: Clone, *options: str) -> None:
    done = clone.ekf("hooks", "install", *options)
    assert done.code == 0, done


def uninstall(clone: Clone, *options: str) -> None:
    done = clone.ekf("hooks", "uninstall", *options)
    assert done.code == 0, done


def only_samples(clone: Clone) -> bool:
    return all(path.suffix == ".sample" for path in hooks_of(clone).iterdir())


# --- fresh, twice, gone again ---


def test_fresh_install(repo: Clone) -> None:
    assert states(repo) == dict.fromkeys(HOOKS, "missing")
    done = repo.ekf("hooks", "install")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"hook {hook} installed" for hook in HOOKS]
    assert {path.name for path in hooks_of(repo).iterdir() if path.suffix != ".sample"} == set(
        HOOKS
    )
    assert all(os.access(hooks_of(repo) / hook, os.X_OK) for hook in HOOKS)
    assert states(repo) == dict.fromkeys(HOOKS, "ok")
    assert repo.git("config", "core.hooksPath", ok=False).code == 1


def test_install_makes_the_hooks_directory(repo: Clone) -> None:
    shutil.rmtree(hooks_of(repo))
    install(repo)
    assert states(repo) == dict.fromkeys(HOOKS, "ok")


@pytest.mark.parametrize("existing", [False, True])
def test_installing_twice_changes_nothing(repo: Clone, existing: bool) -> None:
    if existing:
        script(hooks_of(repo) / "pre-push", "exit 0")
    install(repo)
    before = snapshot(hooks_of(repo))
    done = repo.ekf("hooks", "install")
    assert done.code == 0
    assert done.out == "All hooks are in place; nothing was changed.\n"
    assert snapshot(hooks_of(repo)) == before


def test_uninstall_leaves_what_was_there_before(repo: Clone) -> None:
    hooks = hooks_of(repo)
    script(hooks / "pre-commit", "exit 0", mode=0o750)
    script(hooks / "pre-push", "exit 0", mode=0o644)
    script(repo.path / "tools" / "check", "exit 0")
    (hooks / "pre-merge-commit").symlink_to("../../tools/check")
    script(hooks / "commit-msg", "exit 0")
    (hooks / "pre-push-lib.py").write_bytes(b"\xff\0no text\r\n")
    before = snapshot(hooks)
    install(repo)
    assert snapshot(hooks) != before
    uninstall(repo)
    assert snapshot(hooks) == before
    done = repo.ekf("hooks", "uninstall")
    assert (done.code, done.out) == (0, "No git-ekf hook is installed here.\n")
    assert snapshot(hooks) == before


def test_install_from_a_subdirectory(repo: Clone) -> None:
    repo.write("a/b/file", "")
    done = run("git-ekf", "hooks", "install", cwd=repo.path / "a" / "b")
    assert done.code == 0, done
    assert states(repo) == dict.fromkeys(HOOKS, "ok")


def test_outside_a_repository(tmp_path: Path) -> None:
    for command in ("install", "uninstall", "status"):
        assert_error(run("git-ekf", "hooks", command, cwd=tmp_path), 4, "not a git repository")


def test_the_shim_can_be_read_by_those_whom_the_umask_lets(repo: Clone) -> None:
    old = os.umask(0o027)
    try:
        install(repo)
    finally:
        os.umask(old)
    assert {stat.S_IMODE((hooks_of(repo) / hook).stat().st_mode) for hook in HOOKS} == {0o750}


def test_an_interpreter_with_an_odd_name(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = script(
        tmp_path / "it's $HOME; a `dir`" / "py thon",
        f'echo odd >> "{tmp_path}/ran"',
        f'exec "{sys.executable}" "$@"',
    )
    monkeypatch.setattr(sys, "executable", str(python))
    installer.install(str(hooks_of(clone)))
    clone.commit("a.yaml", "a: 1\n", verify=True)
    assert (tmp_path / "ran").read_text() == "odd\n"
    clone.git("switch", "-q", "-c", "feature")
    assert_refused(clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False), "branch-name")


# --- a hook that was there before ---


def test_previous_pre_commit_runs_first(clone: Clone) -> None:
    uninstall(clone)
    script(hooks_of(clone) / "pre-commit", "echo previous >&2")
    install(clone)
    done = clone.git("commit", "-q", "--allow-empty", "-m", "x")
    assert done.err == "previous\n"
    clone.git("switch", "-q", "-c", "feature")
    done = clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    assert_refused(done, "branch-name")
    assert done.err.startswith("previous\n")


def test_previous_pre_push_gets_arguments_and_every_line(
    clone: Clone, internal: Path, tmp_path: Path
) -> None:
    uninstall(clone)
    script(
        hooks_of(clone) / "pre-push",
        f'printf "%s\\n" "$@" > {tmp_path}/args',
        f"cat > {tmp_path}/stdin",
        "echo previous >&2",
    )
    install(clone)
    tip = clone.commit("a.yaml", "a: 1\n", verify=True)
    clone.git("tag", "v1")
    refs = ["refs/heads/release-1.8", "refs/tags/v1", "refs/heads/zz"]
    done = clone.git("push", "internal", "release-1.8", "v1", "release-1.8:zz", ok=False)
    assert_refused(done, "branch-name")
    assert done.err.index("previous") < done.err.index("git-ekf: push refused")
    assert (tmp_path / "args").read_text() == f"internal\n{internal}\n"
    lines = [line.split(" ") for line in (tmp_path / "stdin").read_text().splitlines()]
    assert sorted((remote, oid, old) for _, oid, remote, old in lines) == sorted(
        (ref, tip, "0" * 40) for ref in refs
    )


@pytest.mark.parametrize(
    "stdin", ["", "refs/tags/a 1 refs/tags/a 0\n", "no newline", "a\n\n\nb\n\n"]
)
def test_previous_hook_gets_stdin_byte_for_byte(repo: Clone, tmp_path: Path, stdin: str) -> None:
    hook = script(hooks_of(repo) / "pre-push", f"cat > {tmp_path}/stdin")
    install(repo)
    run(hook, "internal", "url", cwd=repo.path, stdin=stdin, env={"EKF_HOOKS": "0"})
    assert (tmp_path / "stdin").read_text() == stdin


def test_previous_hook_may_leave_stdin_unread(clone: Clone, internal: Path) -> None:
    """More than a pipe holds: the hook that does not read it must not turn into a failure."""
    uninstall(clone)
    hook = script(hooks_of(clone) / "pre-push", "exit 0")
    install(clone)
    zero, oid = "0" * 40, clone.out("rev-parse", "HEAD")
    lines = [f"(delete) {zero} refs/tags/v{number} {oid}\n" for number in range(2000)]
    done = run(hook, "internal", internal, cwd=clone.path, stdin="".join(lines))
    assert (done.code, done.err) == (0, "")
    done = run(
        hook,
        "internal",
        internal,
        cwd=clone.path,
        stdin="".join([*lines, f"(delete) {zero} refs/heads/release-1.8 {oid}\n"]),
    )
    assert_refused(done, "delete-protected")


def failing(clone: Clone, hook: str) -> Run:
    """What only this hook can stop."""
    if hook == "pre-push":
        return clone.git("push", "-q", "internal", "release-1.8", ok=False)
    if hook == "pre-commit":
        return clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    side = clone.out("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "side")
    return clone.git("merge", "-q", "--no-ff", "--no-edit", side, ok=False)


@pytest.mark.parametrize("hook", HOOKS)
def test_previous_hook_that_fails_stops_git(clone: Clone, hook: str) -> None:
    uninstall(clone)
    script(hooks_of(clone) / hook, "echo mine says no >&2", "exit 3")
    install(clone)
    done = failing(clone, hook)
    assert done.code != 0
    assert "mine says no" in done.err
    assert "git-ekf" not in done.err


def test_stepping_past_ours_does_not_step_past_the_previous_one(clone: Clone) -> None:
    uninstall(clone)
    script(hooks_of(clone) / "pre-commit", "exit 3")
    install(clone)
    past = {"EKF_HOOKS": "0"}
    assert clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False, env=past).code != 0
    (hooks_of(clone) / "pre-commit.ekf-prev").unlink()
    clone.git("switch", "-q", "-c", "feature")
    clone.git("commit", "-q", "--allow-empty", "-m", "x", env=past)


def test_previous_hook_that_is_not_executable_is_kept_and_not_run(clone: Clone) -> None:
    uninstall(clone)
    mine = script(hooks_of(clone) / "pre-commit", "exit 3", mode=0o640)
    content = mine.read_bytes()
    install(clone)
    clone.git("commit", "-q", "--allow-empty", "-m", "x")
    kept = snapshot(hooks_of(clone))["pre-commit.ekf-prev"]
    assert kept == ("-rw-r-----", content)
    uninstall(clone)
    assert snapshot(hooks_of(clone))["pre-commit"] == kept


def test_previous_hook_that_is_a_link_into_the_work_tree(clone: Clone) -> None:
    uninstall(clone)
    tool = script(clone.path / "tools" / "check", "echo the tool >&2", "exit $(cat status)")
    (clone.path / "status").write_text("0")
    (hooks_of(clone) / "pre-commit").symlink_to("../../tools/check")
    install(clone)
    assert (hooks_of(clone) / "pre-commit.ekf-prev").readlink() == Path("../../tools/check")
    assert clone.git("commit", "-q", "--allow-empty", "-m", "x").err == "the tool\n"
    (clone.path / "status").write_text("1")
    assert clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False).code != 0
    tool.unlink()  # a dangling link is no hook, to git as to us
    assert clone.git("commit", "-q", "--allow-empty", "-m", "x").err == ""
    uninstall(clone)
    assert (hooks_of(clone) / "pre-commit").readlink() == Path("../../tools/check")


def test_a_kept_hook_from_an_installation_cut_short_still_runs(clone: Clone) -> None:
    """Killed between the two renames, there is a kept hook and none in its place."""
    uninstall(clone)
    script(hooks_of(clone) / "pre-commit.ekf-prev", "exit 3")
    (hooks_of(clone) / "pre-push.ekf-new").write_text("#!/bin/sh\n# git-ekf ho")
    install(clone)
    assert clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False).code != 0
    assert not (hooks_of(clone) / "pre-push.ekf-new").exists()
    uninstall(clone)
    assert (hooks_of(clone) / "pre-commit").read_text() == "#!/bin/sh\nexit 3\n"


def test_two_foreign_hooks_for_one_place(repo: Clone) -> None:
    script(hooks_of(repo) / "pre-push", "exit 0")
    script(hooks_of(repo) / "pre-push.ekf-prev", "exit 1")
    before = snapshot(hooks_of(repo))
    for options in ([], ["--force"]):
        assert_error(repo.ekf("hooks", "install", *options), 4, "pre-push.ekf-prev both exist")
        assert snapshot(hooks_of(repo)) == before


# --- shims that are not as we left them ---


def test_an_edited_shim_is_only_touched_by_force(repo: Clone) -> None:
    hooks = hooks_of(repo)
    script(hooks / "pre-push", "exit 0")
    fresh = snapshot(hooks)
    install(repo)
    good = snapshot(hooks)
    with (hooks / "pre-push").open("a") as file:
        file.write("echo mine\n")
    (hooks / "pre-commit").unlink()
    before = snapshot(hooks)
    assert states(repo) == {
        "pre-commit": "missing",
        "pre-merge-commit": "ok",
        "pre-push": "outdated",
    }
    for command in ("install", "uninstall"):
        assert_error(
            repo.ekf("hooks", command), 4, "pre-push is a git-ekf hook that somebody has edited"
        )
        assert snapshot(hooks) == before
    install(repo, "--force")
    assert snapshot(hooks) == good
    with (hooks / "pre-push").open("a") as file:
        file.write("echo mine\n")
    uninstall(repo, "--force")
    assert snapshot(hooks) == fresh


def test_an_edited_shim_that_is_no_shell_any_more(repo: Clone) -> None:
    install(repo)
    shim = hooks_of(repo) / "pre-push"
    shim.write_text(shim.read_text().replace("python=", "python='"))
    assert states(repo)["pre-push"] == "outdated"
    install(repo)
    assert states(repo)["pre-push"] == "ok"


def test_a_shim_with_other_line_ends_is_not_ours_as_it_was(repo: Clone) -> None:
    """A shell would not find its interpreter."""
    install(repo)
    shim = hooks_of(repo) / "pre-push"
    good = shim.read_bytes()
    shim.write_bytes(good.replace(b"\n", b"\r\n"))
    assert states(repo)["pre-push"] == "outdated"
    install(repo, "--force")
    assert shim.read_bytes() == good


def test_a_link_to_a_shim_is_not_taken_for_somebody_elses_hook(clone: Clone) -> None:
    shim = hooks_of(clone) / "pre-commit"
    shim.rename(clone.path / "shim")
    shim.symlink_to("../../shim")
    before = snapshot(hooks_of(clone))
    for command in ("install", "uninstall"):
        assert_error(
            clone.ekf("hooks", command), 4, "pre-commit is a git-ekf hook that somebody has edited"
        )
        assert snapshot(hooks_of(clone)) == before
    install(clone, "--force")
    assert states(clone) == dict.fromkeys(HOOKS, "ok")
    clone.git("commit", "-q", "--allow-empty", "-m", "x")


def test_a_shim_that_cannot_be_executed(repo: Clone) -> None:
    install(repo)
    before = snapshot(hooks_of(repo))
    (hooks_of(repo) / "pre-commit").chmod(0o644)
    assert states(repo)["pre-commit"] == "stale"
    install(repo)
    assert snapshot(hooks_of(repo)) == before


@pytest.mark.parametrize("part", ["python", "boot"])
def test_a_shim_whose_program_is_gone(clone: Clone, part: str, tmp_path: Path) -> None:
    before = snapshot(hooks_of(clone))
    for hook in HOOKS:
        shim = hooks_of(clone) / hook
        words = shim.read_text().split("\n")
        place = next(number for number, line in enumerate(words) if line.startswith("hook="))
        words[place] = " ".join(
            f"{part}=/nowhere/{part}" if word.startswith(part) else word
            for word in words[place].split(" ")
        )
        shim.write_text("\n".join(words))
    done = clone.ekf("hooks", "status")
    assert done.code == 1
    assert done.out.count(f"stale      /nowhere/{part} is gone") == 3
    assert done.out.endswith("Put them right with: git ekf hooks install\n")

    # git-ekf on the PATH is the way out that needs nobody.
    clone.commit("a.yaml", "a: 1\n", verify=True)
    clone.git("switch", "-q", "-c", "feature")
    assert_refused(clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False), "branch-name")
    assert_refused(clone.git("push", "-q", "internal", "feature", ok=False), "branch-name")

    # Without it nothing goes through that was not judged.
    clone.git("switch", "-q", "release-1.8")
    bare = {"PATH": without_git_ekf(tmp_path)}
    for command in (
        ["commit", "-q", "--allow-empty", "-m", "x"],
        ["push", "-q", "internal", "release-1.8"],
    ):
        done = clone.git(*command, ok=False, env=bare)
        assert done.code != 0
        assert f"git-ekf: pre-{command[0]} refused: its hook is installed (" in done.err
        assert (
            "hint: install git-ekf and run: git ekf hooks install; or step past it once: EKF_HOOKS=0 git ..."
            in done.err
        )
        clone.git(*command, env={**bare, "EKF_HOOKS": "0"})

    install(clone)
    assert snapshot(hooks_of(clone)) == before


def without_git_ekf(tmp_path: Path) -> str:
    """A PATH on which there is git and what a shell script needs, and no git-ekf."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("git", "sh", "cat", "env", "grep"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return str(folder)


# --- a directory that cannot be written ---

NAMESPACE = ["unshare", "--map-root-user", "--mount", "sh", "-c"]


def in_namespace(clone: Clone, mount: str, command: str) -> Run:
    """Runs a command with something mounted on the hooks directory that only it sees; skips where that is not allowed."""
    names = {"H": str(hooks_of(clone))}
    if not shutil.which("unshare") or run(*NAMESPACE, mount, env=names).code:
        pytest.skip("mounting in a namespace of one's own is not allowed here")
    return run(*NAMESPACE, f"{mount} && {command}", cwd=clone.path, env=names)


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_read_only_hooks_directory(repo: Clone, command: str) -> None:
    script(hooks_of(repo) / "pre-push", "exit 0")
    if command == "uninstall":
        install(repo)
    before = snapshot(hooks_of(repo))
    done = in_namespace(
        repo, 'mount --bind "$H" "$H" && mount -o remount,ro,bind "$H"', f"git-ekf hooks {command}"
    )
    assert_error(done, 4, "Read-only file system; nothing was changed")
    assert snapshot(hooks_of(repo)) == before


def test_full_disk(repo: Clone) -> None:
    """Room for another's hook and one of the three shims."""
    script(repo.path / "mine", "exit 0")
    size = 2 * os.sysconf("SC_PAGE_SIZE")
    look = (
        'cp mine "$H"/pre-push; git-ekf hooks install; code=$?; ls -A "$H"; cat "$H"/*; exit $code'
    )
    done = in_namespace(repo, f'mount -t tmpfs -o size={size} none "$H"', look)
    assert_error(done, 5, "No space left on device; nothing was changed")
    assert done.out == "pre-push\n#!/bin/sh\nexit 0\n"


def prepare_displaced(hooks: Path) -> None:
    """One of each: another's hook, an outdated one of ours, none, and ours moved aside by lefthook."""
    installer.install(str(hooks))
    outdated = (hooks / "pre-commit").read_text().replace("python=", "python=/old")
    (hooks / "pre-commit").write_text(outdated)
    (hooks / "pre-merge-commit").unlink()
    (hooks / "pre-push").rename(hooks / "pre-push.old")
    script(hooks / "pre-push.ekf-prev", "# LEFTHOOK, an older one")
    script(hooks / "pre-push", "# LEFTHOOK")


def prepare_kept(hooks: Path) -> None:
    """Ours with and without a kept hook, and ours moved aside by lefthook twice."""
    script(hooks / "pre-commit", "exit 0", mode=0o755)
    installer.install(str(hooks))
    (hooks / "pre-push").rename(hooks / "pre-push.old")
    script(hooks / "pre-push.ekf-prev", "# LEFTHOOK, an older one")
    script(hooks / "pre-push", "# LEFTHOOK")


@pytest.mark.parametrize(
    ("number", "raised", "code"),
    [(errno.EROFS, Refused, 4), (errno.EACCES, Refused, 4), (errno.ENOSPC, CallFailed, 5)],
)
@pytest.mark.parametrize(
    ("act", "prepare"),
    [
        (installer.install, prepare_displaced),
        (installer.install, shutil.rmtree),
        (installer.uninstall, prepare_kept),
    ],
)
def test_all_or_nothing_wherever_it_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[str], list[str]],
    prepare: Callable[[Path], None],
    number: int,
    raised: type[EkfError],
    code: int,
) -> None:
    """The first, the second, … call that changes a file fails: each time all is as it was."""
    for fail_at in range(1, 100):
        hooks = tmp_path / str(fail_at) / "hooks"
        hooks.mkdir(parents=True)
        prepare(hooks)
        before = snapshot(hooks) if hooks.exists() else None
        with monkeypatch.context() as patch:
            calls = fail_once(patch, fail_at, number)
            error = tried(act, hooks)
        if error is None:
            assert fail_at > 4, "too few calls were made to fail for this to mean anything"
            return
        assert isinstance(error, raised)
        assert error.code == code
        assert error.message.endswith(f"{os.strerror(number)}; nothing was changed")
        assert error.hint.endswith(f"git ekf hooks {act.__name__}")
        assert (snapshot(hooks) if hooks.exists() else None) == before, f"call {fail_at}: {calls}"
    pytest.fail("it never got through")


def tried(act: Callable[[str], list[str]], hooks: Path) -> EkfError | None:
    try:
        assert act(str(hooks))
    except EkfError as error:
        return error
    return None


def fail_once(patch: pytest.MonkeyPatch, fail_at: int, number: int) -> list[str]:
    """Lets one of the calls that change files fail; those after it, which take things back, work."""
    calls: list[str] = []

    def failing_one(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == fail_at:
                raise OSError(number, os.strerror(number), str(args[0]))
            return real(*args, **options)

        return call

    for name in (
        "makedirs",
        "rename",
        "replace",
        "remove",
        "unlink",
        "link",
        "symlink",
        "chmod",
        "fsync",
    ):
        patch.setattr(os, name, failing_one(name, getattr(os, name)))
    return calls


# --- core.hooksPath ---


def test_hooks_path_equal_to_the_default(repo: Clone) -> None:
    repo.git("config", "core.hooksPath", str(hooks_of(repo)))
    install(repo)
    assert states(repo) == dict.fromkeys(HOOKS, "ok")
    assert repo.out("config", "core.hooksPath") == str(hooks_of(repo))
    uninstall(repo)
    assert only_samples(repo)
    assert repo.out("config", "core.hooksPath") == str(hooks_of(repo))


@pytest.mark.parametrize("folder", [".githooks", ".husky/_"])
def test_hooks_path_in_the_work_tree(repo: Clone, folder: str) -> None:
    repo.git("config", "core.hooksPath", folder)
    script(repo.path / folder / "pre-push", "exit 0")
    before = snapshot(repo.path / folder)
    for options in ([], ["--shared"], ["--force"]):
        done = repo.ekf("hooks", "install", *options)
        assert_error(done, 4, f"core.hooksPath is {folder}, a directory of the work tree")
        assert (
            f'as to {folder.removesuffix("/_")}/pre-push: git-ekf hook 1 pre-push "$@"' in done.err
        )
    assert snapshot(repo.path / folder) == before
    assert only_samples(repo)
    assert states(repo) == dict.fromkeys(HOOKS, "missing")
    assert repo.out("config", "core.hooksPath") == folder


@pytest.mark.parametrize("scope", ["--global", "--local"])
def test_hooks_path_that_other_repositories_share(clone: Clone, tmp_path: Path, scope: str) -> None:
    uninstall(clone)
    shared = tmp_path / "shared hooks"
    script(shared / "pre-commit", "echo shared >&2")
    before = snapshot(shared)
    clone.git("config", scope, "core.hooksPath", str(shared))
    done = clone.ekf("hooks", "install")
    assert_error(done, 4, f"core.hooksPath is {shared}, which other repositories may use")
    assert done.err.endswith("hint: git ekf hooks install --shared\n")
    assert snapshot(shared) == before
    install(clone, "--shared")
    assert states(clone) == dict.fromkeys(HOOKS, "ok")
    assert only_samples(clone)
    clone.git("switch", "-q", "-c", "feature")
    done = clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    assert_refused(done, "branch-name")
    assert done.err.startswith("shared\n")
    assert clone.out("config", "core.hooksPath") == str(shared)
    uninstall(clone)
    assert snapshot(shared) == before


def test_hooks_directory_that_is_a_link_elsewhere(repo: Clone, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    hooks_of(repo).rename(shared)
    hooks_of(repo).symlink_to(shared)
    before = snapshot(shared)
    assert_error(
        repo.ekf("hooks", "install"), 4, f"is a link to {shared}, which other repositories may use"
    )
    assert snapshot(shared) == before
    install(repo, "--shared")
    assert states(repo) == dict.fromkeys(HOOKS, "ok")


@pytest.mark.parametrize("value", ["", "/dev/null"])
def test_hooks_switched_off(repo: Clone, value: str) -> None:
    repo.git("config", "core.hooksPath", value)
    done = repo.ekf("hooks", "install", "--shared")
    assert_error(done, 4, "hooks are switched off here (core.hooksPath is empty or /dev/null)")
    assert states(repo) == dict.fromkeys(HOOKS, "missing")
    assert "hooks are switched off" in repo.ekf("hooks", "status").out
    assert repo.ekf("hooks", "uninstall").out == "No git-ekf hook is installed here.\n"
    assert only_samples(repo)
    assert repo.out("config", "core.hooksPath") == value


def test_hooks_path_set_after_the_installation(clone: Clone, tmp_path: Path) -> None:
    """Ours are still there and git does not look at them: that has to show."""
    (tmp_path / "elsewhere").mkdir()
    clone.git("config", "core.hooksPath", str(tmp_path / "elsewhere"))
    assert states(clone) == dict.fromkeys(HOOKS, "missing")
    document = json.loads(clone.ekf("hooks", "status", "--json").out)
    assert document["directory"] == str(tmp_path / "elsewhere")


def test_status_knows_a_hook_that_calls_ours(repo: Clone) -> None:
    script(hooks_of(repo) / "pre-push", 'git-ekf hook 1 pre-push "$@"')
    script(hooks_of(repo) / "pre-commit", "# git-ekf hook 1 pre-commit")
    assert states(repo) == {
        "pre-commit": "missing",
        "pre-merge-commit": "missing",
        "pre-push": "chained",
    }
