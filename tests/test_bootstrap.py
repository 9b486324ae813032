"""clone and init: from nothing, from what `internal` holds, and from clones as people really have them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, Clone, Run, make_clone, run
from reach import rare

from git_ekf.demo.sample import make_vendor


def refused(result: Run, code: int) -> str:
    """The sentence of a refusal, which has to be one line and a hint."""
    lines = result.err.splitlines()
    assert result.code == code, result
    assert [line.partition(":")[0] for line in lines] == ["git-ekf", "hint"], result
    return lines[0].removeprefix("git-ekf: ")


def state(clone: Clone) -> dict[str, object]:
    """Everything that init could change."""
    return {
        "config": (clone.path / ".git/config").read_text(),
        "refs": clone.out("for-each-ref"),
        "head": clone.out("symbolic-ref", "-q", "HEAD"),
        "hooks": {path.name: path.read_bytes() for path in (clone.path / ".git/hooks").iterdir()},
        "files": clone.out("status", "--porcelain"),
    }


def test_clone_from_nothing(clone: Clone, vendor: Path, internal: Path) -> None:
    assert clone.out("symbolic-ref", "HEAD") == "refs/heads/release-1.8"
    assert (
        clone.out("rev-parse", "@{upstream}")
        == clone.out("rev-parse", "origin/release-1.8")
        == clone.out("rev-parse", "HEAD")
    )
    assert (
        clone.out("for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/release-1.8"
    )
    assert clone.out("status", "--porcelain") == ""
    settings = {
        "remote.origin.url": str(vendor),
        "remote.internal.url": str(internal),
        "remote.pushDefault": "internal",
        "checkout.defaultRemote": "internal",
        "pull.ff": "only",
        "merge.ff": "only",
        "push.followTags": "true",
        "rerere.enabled": "true",
    }
    assert {key: clone.out("config", key) for key in settings} == settings
    assert clone.ekf("hooks", "status").code == 0
    assert clone.rules("--all") == []


def test_clone_takes_the_newest_release(vendor: Path, internal: Path, tmp_path: Path) -> None:
    done = run("git-ekf", "clone", vendor, "--internal", internal, cwd=tmp_path)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "Next: cd vendor && git ekf status"
    assert Clone(tmp_path / "vendor").out("branch", "--show-current") == "release-1.10"


def test_a_lost_container_costs_nothing(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    clone.commit("own/a", "1")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    clone.git("tag", "-a", "-m", "kept", "deploy/2026-11-20/release-1.8", "--no-sign")
    clone.git(
        "tag",
        "-a",
        "-m",
        "orphan",
        "deploy/2026-11-19/release-1.8",
        clone.out("commit-tree", "HEAD^{tree}", "-m", "gone"),
    )
    clone.git("push", "-q", "--no-verify", "internal", "refs/tags/deploy/*")
    done = run("git-ekf", "clone", vendor, tmp_path / "again", "--internal", internal)
    assert (
        "branch release-1.8 restored from internal, 1 configuration commit, 2 deploy records"
        in done.out
    )
    again = Clone(tmp_path / "again")
    for question in (
        ("rev-parse", "HEAD"),
        ("for-each-ref", "refs/tags", "refs/remotes"),
        ("status", "-sb"),
    ):
        assert again.out(*question) == clone.out(*question)


def test_clone_restores_the_newest_branch_of_internal(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    for version in ("1.8", "1.9"):
        clone.git(
            "push",
            "-q",
            "--no-verify",
            "internal",
            f"origin/release-{version}:refs/heads/release-{version}",
        )
    run("git-ekf", "clone", vendor, tmp_path / "again", "--internal", internal)
    assert Clone(tmp_path / "again").out("branch", "--show-current") == "release-1.9"


def test_clone_of_sha256(tmp_path: Path) -> None:
    clone = make_clone(tmp_path, "sha256")
    clone.commit("own/a", "1")
    clone.git("push", "-q")
    assert clone.rules() == []


@pytest.mark.parametrize(
    ("pattern", "version", "newest"),
    [("v{version}-branch", "1.8", "v1.10-branch"), ("release-v{version}", "1.9", "release-v1.10")],
)
def test_other_naming_schemes(
    tmp_path: Path, internal: Path, pattern: str, version: str, newest: str
) -> None:
    make_vendor(str(tmp_path / "vendor.git"), pattern)
    clone = (
        "ekf",
        "clone",
        "vendor.git",
        "work",
        "--internal",
        "internal.git",
        "--release",
        version,
    )
    missing = run("git", *clone, cwd=tmp_path)
    assert missing.code != 0
    done = run("git", "-c", f"ekf.branches.release={pattern}", *clone, cwd=tmp_path)
    assert done.code == 0, done
    work = Clone(tmp_path / "work")
    work.commit("own/a", "1")
    work.git("push", "-q")
    assert work.rules() == []
    assert newest in work.ekf("status").out


def test_clone_refusals_leave_nothing(vendor: Path, internal: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    before = sorted(path.name for path in tmp_path.iterdir())
    to = tmp_path / "work"
    assert refused(
        run("git-ekf", "clone", vendor, tmp_path / "full", "--internal", internal), 4
    ).endswith("is not empty")
    known = "the vendor has release-1.8, release-1.9, release-1.10"
    assert (
        refused(run("git-ekf", "clone", vendor, to, "--internal", internal, "--release", "2.0"), 2)
        == f"there is no release 2.0; {known}"
    )
    assert refused(
        run("git-ekf", "clone", vendor, to, "--internal", f"file://{vendor}/"), 2
    ).endswith("are the same repository")
    assert "does not appear to be a git repository" in refused(
        run("git-ekf", "clone", tmp_path / "none", to, "--internal", internal), 5
    )
    swapped = run("git-ekf", "clone", internal, to, "--internal", vendor)
    assert refused(swapped, 4) == "the primary repository has no release branch (release-{version})"
    assert "the wrong way round?" in swapped.err
    assert swapped.err.endswith(f"Then: git ekf clone {vendor} {to} --internal {internal}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_clone_of_a_vendor_without_releases(internal: Path, tmp_path: Path) -> None:
    run("git", "init", "-q", "--bare", tmp_path / "empty.git")
    result = run(
        "git-ekf", "clone", tmp_path / "empty.git", tmp_path / "work", "--internal", internal
    )
    assert refused(result, 4) == "the primary repository has no release branch (release-{version})"
    assert "v{version}-branch" in result.err


def test_a_clone_that_fails_half_way_leaves_nothing(
    vendor: Path, internal: Path, tmp_path: Path
) -> None:
    """The vendor's objects are damaged: ls-remote answers, the transfer fails."""
    tree = run("git", "-C", vendor, "rev-parse", "release-1.8^{tree}").out.strip()
    [pack] = (vendor / "objects/pack").glob("*.pack")
    pack = pack.rename(tmp_path / "pack")
    with pack.open("rb") as objects:
        subprocess.run(["git", "unpack-objects", "-q"], cwd=vendor, stdin=objects, check=True)
    (vendor / "objects" / tree[:2] / tree[2:]).unlink()
    (tmp_path / "empty").mkdir()
    for name in ("work", "empty"):
        result = run("git-ekf", "clone", vendor, tmp_path / name, "--internal", internal)
        assert result.code == 5, result
        assert "hint" not in result.out
    assert not (tmp_path / "work").exists()
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupted_clone_leaves_nothing(
    vendor: Path, internal: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    real = run("sh", "-c", "command -v git").out.strip()
    (slow / "git").write_text(
        f'#!/bin/sh\n[ "$1" = reset ] && {{ touch {tmp_path}/reached; sleep 20; }}\nexec {real} "$@"\n'
    )
    (slow / "git").chmod(0o755)
    process = subprocess.Popen(
        [GIT_EKF, "clone", vendor, tmp_path / "work", "--internal", internal],
        env={**os.environ, "PATH": f"{slow}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(200):
        if (tmp_path / "reached").exists():
            break
        time.sleep(0.05)
    assert (tmp_path / "work/.git").is_dir()
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.splitlines()[-1] == (
        "git-ekf: interrupted" if code == 130 else "git-ekf: terminated"
    )
    assert "Traceback" not in err
    assert not (tmp_path / "work").exists()


@pytest.fixture
def silent_server() -> socket.socket:
    """A server on loopback that accepts and never answers."""
    return socket.create_server(("127.0.0.1", 0))


@rare
@pytest.mark.parametrize("scheme", ["http", "ssh"])
def test_a_hanging_remote_is_given_up(
    vendor: Path, tmp_path: Path, silent_server: socket.socket, scheme: str
) -> None:
    url = f"{scheme}://127.0.0.1:{silent_server.getsockname()[1]}/x.git"
    begin = time.monotonic()
    result = run(
        "git-ekf",
        "clone",
        vendor,
        tmp_path / "work",
        "--internal",
        url,
        env={"GIT_EKF_TIMEOUT": "1"},
    )
    assert (
        refused(result, 5)
        == f"cannot read the internal repository {url}: no answer within 1 seconds"
    )
    assert time.monotonic() - begin < 30
    assert not (tmp_path / "work").exists()


def test_credentials_are_never_shown(vendor: Path, tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    server.close()
    result = run(
        "git-ekf",
        "clone",
        vendor,
        tmp_path / "work",
        "--internal",
        f"http://user:s3cret@127.0.0.1:{port}/x.git",
    )
    refused(result, 5)
    assert "s3cret" not in result.out + result.err


# --- init ---


def plain_clone(source: Path, path: Path, *options: str) -> Clone:
    assert run("git", "clone", "-q", *options, source, path).code == 0
    return Clone(path)


def test_init_is_idempotent(clone: Clone) -> None:
    before = state(clone)
    done = clone.ekf("init")
    assert (done.code, done.out) == (0, "Everything is in place; nothing was changed.\n")
    assert state(clone) == before


def test_init_of_a_plain_clone(vendor: Path, internal: Path, tmp_path: Path) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.8")
    done = work.ekf("init", "--internal", str(internal))
    assert done.code == 0, done
    assert f"remote internal added: {internal}" in done.out
    assert work.rules("--all") == []
    assert work.out("config", "remote.pushDefault") == "internal"
    assert work.ekf("init").out == "Everything is in place; nothing was changed.\n"


def test_init_of_a_clone_of_the_internal_repository(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    """Somebody has cloned the cluster's own repository by hand: one run sets all of it right."""
    clone.commit("own/file", "own\n")
    assert clone.ekf("save").code == 0
    assert run("git", "clone", "-q", "-b", "release-1.8", internal, tmp_path / "other").code == 0
    other = Clone(tmp_path / "other")
    done = other.ekf("init", "--primary", str(vendor), "--internal", str(internal), "--yes")
    assert (done.code, done.err) == (0, ""), done
    assert "remote origin renamed to internal" in done.out
    assert other.rules() == []
    assert other.out("rev-parse", "--abbrev-ref", "release-1.8@{upstream}") == "origin/release-1.8"
    assert "Everything is in place" in other.ekf("init").out


def test_init_knows_a_url_that_git_rewrites(vendor: Path, internal: Path, clone: Clone) -> None:
    clone.git("config", "--global", f"url.{internal}.insteadOf", "ours:prod")
    clone.git("remote", "set-url", "internal", "ours:prod")
    assert (
        clone.ekf("init", "--internal", "ours:prod").out
        == "Everything is in place; nothing was changed.\n"
    )


def test_init_without_an_internal_repository(vendor: Path, tmp_path: Path) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.8")
    before = state(work)
    result = work.ekf("init")
    assert refused(result, 4) == "there is no remote internal for the cluster's own repository"
    assert "hint: git ekf init --internal URL" in result.err
    assert refused(work.ekf("init", "--internal", str(tmp_path / "nowhere.git")), 5).startswith(
        "cannot read the internal repository"
    )
    assert (
        refused(work.ekf("init", "--internal", str(vendor)), 4)
        == "no remote is the vendor's repository"
    )
    assert state(work) == before


def forked(vendor: Path, internal: Path, path: Path) -> Clone:
    """The habit of forks: origin is one's own repository, upstream the vendor's; work is on main."""
    work = plain_clone(vendor, path, "-b", "release-1.8")
    work.git("remote", "rename", "origin", "upstream")
    work.git("remote", "add", "origin", str(internal))
    work.git("branch", "-m", "main")
    work.git("branch", "--unset-upstream")
    work.commit("own/a", "1")
    return work


def test_init_asks_before_it_renames(vendor: Path, internal: Path, tmp_path: Path) -> None:
    work = forked(vendor, internal, tmp_path / "work")
    before = state(work)
    result = work.ekf("init")
    assert refused(result, 4) == "this renames or moves what you made, and nobody is there to ask"
    assert result.out.splitlines()[:5] == [
        "This will happen:",
        "  remote origin renamed to internal",
        "  remote upstream renamed to origin",
        "  fetching from internal brings all deploy records",
        "  fetched what internal has",
    ]
    assert state(work) == before
    done = work.ekf("init", "--yes")
    assert done.code == 0, done
    assert "branch main renamed to release-1.8" in done.out
    assert work.out("remote", "get-url", "origin") == str(vendor)
    assert work.out("remote", "get-url", "internal") == str(internal)
    assert work.out("rev-parse", "--abbrev-ref", "@{upstream}") == "origin/release-1.8"
    assert work.rules("--all") == []
    work.git("push", "-q")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 4), ("\x03", 130)])
def test_init_asks_on_a_terminal(
    vendor: Path, internal: Path, tmp_path: Path, answer: str, code: int
) -> None:
    work = forked(vendor, internal, tmp_path / "work")
    before = state(work)
    child = work.in_terminal("init")
    child.expect_exact("remote origin renamed to internal")
    child.expect_exact("Go ahead? [y/N]: ")
    child.send(answer if answer == "\x03" else answer + "\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert (state(work) == before) == (code != 0)


def test_init_leaves_a_stray_default_branch(vendor: Path, internal: Path, tmp_path: Path) -> None:
    work = plain_clone(vendor, tmp_path / "work")
    assert work.out("branch", "--show-current") == "main"
    done = work.ekf("init", "--internal", str(internal), "--release", "1.9", "--yes")
    assert done.code == 0, done
    assert "branch main deleted; it held nothing but the vendor's commits" in done.out
    assert work.out("for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/release-1.9"


def test_init_with_work_on_a_stray_branch_beside_a_release_branch(
    vendor: Path, internal: Path, tmp_path: Path
) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.8")
    work.git("switch", "-q", "-c", "main")
    work.commit("own/a", "1")
    before = state(work)
    result = work.ekf("init", "--internal", str(internal), "--yes")
    assert refused(result, 4) == "main has commits of its own and release-1.8 exists too"
    assert "git cherry-pick release-1.8..main" in result.err
    assert state(work) == before


def test_init_finds_the_channel_a_stray_branch_stands_on(
    vendor: Path, internal: Path, tmp_path: Path
) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.9")
    work.git("branch", "-m", "production")
    work.commit("own/a", "1")
    assert work.ekf("init", "--internal", str(internal), "--yes").code == 0
    assert work.out("branch", "--show-current") == "release-1.9"


def test_init_repairs_what_a_release_branch_tracks(clone: Clone) -> None:
    clone.git("branch", "--set-upstream-to=origin/release-1.9")
    assert (
        clone.ekf("init").out == "  release-1.8 tracks origin/release-1.8\nNext: git ekf status\n"
    )
    assert clone.rules() == []


def test_init_keeps_the_users_settings(vendor: Path, internal: Path, tmp_path: Path) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.8")
    run("git", "config", "--global", "merge.ff", "false")
    run("git", "config", "--global", "rerere.enabled", "yes")
    work.git("config", "pull.ff", "true")
    done = work.ekf("init", "--internal", str(internal))
    assert (
        "pull.ff is true in this clone and stays so; git-ekf advises only: git config pull.ff only"
        in done.out
    )
    assert (
        "merge.ff = only: git merge never makes a merge commit (your own setting elsewhere is false)"
        in done.out
    )
    assert work.out("config", "pull.ff") == "true"
    assert work.out("config", "merge.ff") == "only"


def test_init_keeps_hooks_that_are_there(vendor: Path, internal: Path, tmp_path: Path) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.8")
    hook = work.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho mine ran >&2\n")
    hook.chmod(0o755)
    done = work.ekf("init", "--internal", str(internal))
    assert (
        "hooks installed: pre-commit, pre-merge-commit, pre-push (yours are kept and run first: pre-commit)"
        in done.out
    )
    assert "mine ran" in work.git("commit", "-q", "--allow-empty", "-m", "x").err


def test_init_says_when_hooks_cannot_go_where_git_looks(
    vendor: Path, internal: Path, tmp_path: Path
) -> None:
    work = plain_clone(vendor, tmp_path / "work", "-b", "release-1.8")
    work.git("config", "core.hooksPath", ".husky/_")
    done = work.ekf("init", "--internal", str(internal))
    assert done.code == 0
    assert "hooks NOT installed: core.hooksPath is .husky/_" in done.out
    assert 'git-ekf hook 1 pre-push "$@"' in done.out
    assert work.out("config", "core.hooksPath") == ".husky/_"


def test_init_refuses_where_it_cannot_know(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    clone.git("switch", "-q", "--detach")
    assert refused(clone.ekf("init"), 4) == "HEAD is detached"
    clone.git("bisect", "start")
    assert refused(clone.ekf("init"), 4) == "a bisect is in progress"
    (tmp_path / "empty").mkdir()
    assert refused(Clone(tmp_path / "empty").ekf("init"), 4) == "this is not a git repository"
    assert refused(Clone(vendor).ekf("init"), 4).startswith("this needs a work tree")
    run("git", "init", "-q", tmp_path / "empty")
    assert (
        refused(Clone(tmp_path / "empty").ekf("init"), 4) == "no remote is the vendor's repository"
    )
    result = Clone(tmp_path / "empty").ekf(
        "init", "--primary", str(vendor), "--internal", str(internal)
    )
    assert refused(result, 4) == "nothing is checked out in this repository"


def test_init_of_a_single_branch_clone(vendor: Path, internal: Path, tmp_path: Path) -> None:
    """Only main was fetched; init has to hear of the channels first."""
    work = plain_clone(vendor, tmp_path / "work", "--single-branch")
    done = work.ekf("init", "--internal", str(internal), "--release", "1.8", "--yes")
    assert done.code == 0, done
    assert work.out("branch", "--show-current") == "release-1.8"


def test_init_of_a_clone_of_one_channel(vendor: Path, internal: Path, tmp_path: Path) -> None:
    """It would never hear of a newer release."""
    work = plain_clone(vendor, tmp_path / "work", "--single-branch", "-b", "release-1.8")
    work.git("remote", "add", "internal", str(internal))
    findings = json.loads(work.ekf("doctor", "--offline", "--json").out)["findings"]
    (found,) = [
        finding for finding in findings if "brings some channels only" in finding["message"]
    ]
    init = work.ekf("init", "--release", "1.8", "--yes")
    assert init.code == 0, init
    assert "fetching from origin brings every channel" in init.out
    assert (
        json.loads(work.ekf("releases", "--json").out)["channels"][-1]["branch"] == "release-1.10"
    )
    assert "fetching from origin" not in work.ekf("init", "--yes").out
    fixed = plain_clone(vendor, tmp_path / "fixed", "--single-branch", "-b", "release-1.8")
    assert run("sh", "-c", found["fix"], cwd=fixed.path).code == 0
    assert fixed.git("rev-parse", "--verify", "origin/release-1.9").code == 0


def test_progress_is_shown_on_a_terminal(vendor: Path, internal: Path, tmp_path: Path) -> None:
    args = ["clone", str(vendor), str(tmp_path / "work"), "--internal", str(internal)]
    child = pexpect.spawn(str(GIT_EKF), args, timeout=30, encoding="utf-8", env=dict(os.environ))
    child.expect("(Receiving|Unpacking) objects")
    child.expect_exact("Next: cd ")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "Receiving" not in run("git-ekf", *args[:2], tmp_path / "other", *args[3:]).err


@rare
def test_real_channels(kubeflow: Path, internal: Path, tmp_path: Path) -> None:
    done = run(
        "git-ekf", "clone", kubeflow, tmp_path / "work", "--internal", internal, "--release", "1.8"
    )
    assert done.code == 0, done
    work = Clone(tmp_path / "work")
    assert work.rules("--all") == []
    assert [
        line.split()[-3 if "*" in line else 0] for line in work.ekf("releases").out.splitlines()
    ][:2] == ["release-1.3", "release-1.4"]
