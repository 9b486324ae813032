"""save: everything of a release on `internal`, all or nothing, seen to be there; and every way in which that can fail."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import EVERYTHING, rare
from test_rollback import FILE, record, switch

from git_ekf.deploy.refusal import complaints

ONE = "deploy/2026-11-20/release-1.8"


@pytest.fixture
def server(internal: Path) -> Clone:
    return Clone(internal)


def save_one(clone: Clone) -> None:
    assert record(clone, "first") == ONE
    done = clone.ekf("save")
    assert done.code == 0, done


ARRANGED = {"saved": save_one}


@pytest.fixture
def saved(clone: Clone) -> Clone:
    """One configuration commit with its record, saved."""
    return clone


def refs(clone: Clone, *patterns: str) -> dict[str, str]:
    lines = clone.out("for-each-ref", "--format=%(refname) %(objectname)", *patterns).splitlines()
    return dict(tuple(line.split(" ", 1)) for line in lines)  # type: ignore[misc]


def local(clone: Clone) -> dict[str, str]:
    """What is the user's in a clone; what git heard of a server is not."""
    return {
        **refs(clone, "refs/heads", "refs/tags"),
        "HEAD": clone.out("rev-parse", "HEAD"),
        "status": clone.out("status", "--porcelain"),
    }


def hook(server: Clone, name: str, script: str) -> Path:
    path = server.path / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def failed(done: Run, code: int) -> tuple[str, str]:
    """The error and its hint: two lines, whatever happened."""
    lines = [line for line in done.err.splitlines() if not line.startswith("note: ")]
    assert (done.code, len(lines)) == (code, 2), done
    return lines[0].removeprefix("git-ekf: "), lines[1].removeprefix("hint: ")


@contextmanager
def unchanged(clone: Clone, server: Clone) -> Iterator[None]:
    before = local(clone), refs(server)
    yield
    assert (local(clone), refs(server)) == before


def colleague(clone: Clone, vendor: Path, internal: Path) -> Clone:
    """Another management container of the same cluster."""
    path = clone.path.with_name("colleague")
    assert run("git-ekf", "clone", vendor, path, "--internal", internal).code == 0
    return Clone(path)


def days_since_the_tests() -> int:
    """How long ago the day is on which the tests commit, by the clock."""
    return (datetime.now(UTC) - datetime(2026, 11, 20, 10, tzinfo=UTC)).days


def vendor_moves(vendor: Path, tmp_path: Path) -> None:
    run("git", "clone", "-q", "-b", "release-1.8", vendor, tmp_path / "v")
    Clone(tmp_path / "v").commit("VERSION", "1.8.1\n", "Release 1.8.1")
    Clone(tmp_path / "v").git("push", "-q")


# --- what arrives ---


def test_work_that_no_commit_has_is_named(clone: Clone) -> None:
    """ "All of it is saved" was how it read."""
    saved = clone.ekf("save")
    assert (saved.code, "note:" in saved.out) == (0, False)
    for number in range(2):
        clone.write("VERSION", f"mine {number}\n")
        clone.git("stash", "-q")
    clone.write("VERSION", "mine\n")
    clone.write("new", "")
    clone.write("other", "")
    saved = clone.ekf("save")
    assert (saved.code, saved.err) == (0, "")
    assert saved.out.splitlines()[:2] == [
        "note: 1 changed file and 2 untracked files left out: not committed (git status)",
        "note: 2 stashes left out: only in this clone (git stash list)",
    ]
    clone.git("add", "-A")
    clone.git("commit", "-q", "--no-verify", "-m", "All of it")
    clone.git("stash", "drop", "-q")
    assert clone.ekf("save").out.splitlines()[0] == (
        "note: 1 stash left out: only in this clone (git stash list)"
    )
    clone.git("stash", "drop", "-q")
    assert "note:" not in clone.ekf("save").out


def test_the_first_time_and_again(clone: Clone, server: Clone) -> None:
    record(clone, "first")
    tip = clone.out("rev-parse", "HEAD")
    done = clone.ekf("save")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == f"Saved: internal has release-1.8 at {tip[:7]} and 1 deploy record, read back and verified.\n"
    )
    assert refs(server) == {
        "refs/heads/release-1.8": tip,
        f"refs/tags/{ONE}": clone.out("rev-parse", ONE),
        "refs/ekf/upstream/release-1.8": clone.out("rev-parse", "origin/release-1.8"),
    }
    assert "all of it is on internal" in clone.ekf("status").out
    with unchanged(clone, server):
        again = clone.ekf("save")
    assert again.out == f"Saved: internal has release-1.8 at {tip[:7]}, read back and verified.\n"
    record(clone, "second")
    record(clone, "third")
    assert " and 2 deploy records, read back" in clone.ekf("save").out
    assert len(refs(server, "refs/tags")) == 3


def test_only_records_go_along(saved: Clone, server: Clone) -> None:
    """Not the vendor's tags, whatever push.followTags says."""
    saved.git("tag", "-a", "-m", "vendor's", "v1.8.0")
    saved.git("tag", "-a", "-m", "mine", "mine")
    saved.commit(FILE, "second")
    assert saved.out("config", "push.followTags") == "true"
    assert saved.ekf("save").code == 0
    assert list(refs(server, "refs/tags")) == [f"refs/tags/{ONE}"]


@rare
def test_thousands_of_records(saved: Clone, server: Clone) -> None:
    count = 2000 if EVERYTHING else 500
    message = saved.out("cat-file", "tag", ONE).partition("\n\n")[2]
    commit = saved.out("rev-parse", "HEAD")
    stream = "".join(
        f"tag deploy/2026-11-20.{number}/release-1.8\nfrom {commit}\ntagger O <o@example.com> 1700000000 +0000\n"
        f"data {len(message.encode()) + 1}\n{message}\n\n"
        for number in range(2, count + 2)
    )
    saved.git("fast-import", "--quiet", stdin=stream)
    done = saved.ekf("save")
    assert done.code == 0, done
    assert f" and {count} deploy records, read back and verified." in done.out
    assert refs(server, "refs/tags") == refs(saved, "refs/tags")


def test_a_lost_container_costs_nothing(
    saved: Clone, server: Clone, vendor: Path, tmp_path: Path
) -> None:
    record(saved, "second")
    assert saved.ekf("save").code == 0
    before = refs(saved)
    tracking = saved.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}")
    saved.path.rename(tmp_path / "lost")
    assert run("git-ekf", "clone", vendor, saved.path, "--internal", server.path).code == 0
    assert refs(saved) == before
    assert saved.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == tracking
    assert saved.rules() == []


def test_records_of_a_release_that_was_never_saved_wait(clone: Clone, server: Clone) -> None:
    record(clone, "eight")
    switch(clone, "release-1.9")
    record(clone, "nine")
    done = clone.ekf("save")
    assert done.code == 0, done
    assert done.out.splitlines()[0] == (
        "note: 1 deploy record of release-1.8 left out until that is saved: git switch release-1.8, then: git ekf save"
    )
    assert list(refs(server, "refs/tags")) == ["refs/tags/deploy/2026-11-20/release-1.9"]
    clone.git("switch", "-q", "release-1.8")
    assert "note" not in clone.ekf("save").out
    assert len(refs(server, "refs/tags")) == 2


def test_not_on_a_release_branch(clone: Clone, server: Clone) -> None:
    clone.git("switch", "-q", "--detach")
    assert failed(clone.ekf("save"), 4) == (
        "no release branch is checked out",
        "git switch release-1.8",
    )
    clone.git("switch", "-q", "release-1.8")
    clone.git("remote", "remove", "internal")
    assert failed(clone.ekf("save"), 4) == (
        "there is no remote internal",
        "git ekf init --internal URL",
    )


# --- who is ahead ---


@pytest.mark.parametrize("fetched", [False, True])
def test_internal_is_ahead(saved: Clone, server: Clone, vendor: Path, fetched: bool) -> None:
    other = colleague(saved, vendor, server.path)
    other.commit("own/theirs", "1")
    theirs = other.commit("own/theirs", "2")
    newest = f'the newest {theirs[:7]} "Configure" by Operator, {days_since_the_tests()} days ago'
    assert other.ekf("save").code == 0
    if fetched:
        saved.git("fetch", "-q", "internal")
    with unchanged(saved, server):
        assert failed(saved.ekf("save"), 4) == (
            f"internal has 2 commits on release-1.8 that this clone lacks: {newest}; nothing was saved",
            "git ekf pull",
        )
    mine = saved.commit("own/mine", "1")
    with unchanged(saved, server):
        assert failed(saved.ekf("save"), 4)[0] == (
            "internal has 2 commits on release-1.8 that this clone lacks, and you have 1 that it lacks:"
            f" {newest}; nothing was saved"
        )
    assert saved.ekf("pull").code == 0
    assert saved.ekf("save").code == 0
    assert saved.out("rev-parse", "HEAD") != mine
    assert not refs(server, "refs/ekf/backup")


@rare
def test_diverged_after_the_vendor_moved(
    saved: Clone, server: Clone, vendor: Path, tmp_path: Path
) -> None:
    """Newer vendor commits are not replayed by a pull."""
    other = colleague(saved, vendor, server.path)
    other.commit("own/theirs", "1")
    assert other.ekf("save").code == 0
    vendor_moves(vendor, tmp_path)
    saved.git("fetch", "-q", "origin")
    saved.git("rebase", "-q", "origin/release-1.8")
    with unchanged(saved, server):
        message, hint = failed(saved.ekf("save"), 4)
    assert "internal has " in message
    assert hint == "git ekf pull"
    assert saved.ekf("pull").code == 0
    assert saved.ekf("save").code == 0
    assert saved.rules() == []


def test_an_unrelated_history(clone: Clone, server: Clone, tmp_path: Path) -> None:
    run("git", "init", "-q", "-b", "release-1.8", tmp_path / "x")
    Clone(tmp_path / "x").commit("x", "x")
    Clone(tmp_path / "x").git("push", "-q", str(server.path), "release-1.8")
    with unchanged(clone, server):
        assert failed(clone.ekf("save"), 4) == (
            "internal has an unrelated history of release-1.8, as of another cluster; nothing was saved",
            "git remote get-url internal",
        )


@pytest.mark.parametrize("how", ["rebase", "amend"])
def test_what_was_rewritten_here_is_replaced_with_a_backup(
    saved: Clone, server: Clone, vendor: Path, tmp_path: Path, how: str
) -> None:
    saved.commit(FILE, "second")
    assert saved.ekf("save").code == 0
    old = saved.out("rev-parse", "HEAD")
    if how == "rebase":
        vendor_moves(vendor, tmp_path)
        saved.git("fetch", "-q", "origin")
        saved.git("rebase", "-q", "origin/release-1.8")
    else:
        saved.git("commit", "-q", "--amend", "-m", "Better words")
    for turn in (1, 2):
        new = saved.out("rev-parse", "HEAD")
        done = saved.ekf("save")
        assert (done.code, done.err) == (0, ""), done
        backups = refs(server, "refs/ekf/backup/release-1.8/")
        assert len(backups) == turn
        assert old in backups.values()
        assert f"What release-1.8 was there is kept as {max(backups)}" in done.out
        assert refs(server)["refs/heads/release-1.8"] == new
        old = new
        saved.git("commit", "-q", "--amend", "-m", "Best words")


def test_a_branch_that_was_only_set_back_takes_nothing_away(saved: Clone, server: Clone) -> None:
    saved.commit(FILE, "second")
    assert saved.ekf("save").code == 0
    new = saved.out("rev-parse", "HEAD")
    saved.git("reset", "-q", "--keep", "HEAD~1")
    status = saved.ekf("status").out
    assert "1 commit only on internal (asked just now)     git ekf pull" in status
    with unchanged(saved, server):
        message, hint = failed(saved.ekf("save"), 4)
    assert message.startswith("internal has 1 commit on release-1.8 that this clone lacks: ")
    assert hint == "git ekf pull"
    assert saved.ekf("pull").code == 0
    assert saved.out("rev-parse", "HEAD") == new


def test_a_backup_that_is_refused_keeps_the_branch(saved: Clone, server: Clone) -> None:
    for atomic in ("true", "false"):
        server.git("config", "receive.advertiseAtomic", atomic)
        hook(
            server,
            "update",
            'case "$1" in refs/ekf/backup/*) echo no backups here >&2; exit 1;; esac',
        )
        saved.git("commit", "-q", "--amend", "-m", f"Better {atomic}")
        with unchanged(saved, server):
            message, _ = failed(saved.ekf("save"), 5)
        assert "no backups here" in message


# --- servers that do not take everything ---


def test_without_atomic_pushes(saved: Clone, server: Clone) -> None:
    server.git("config", "receive.advertiseAtomic", "false")
    record(saved, "second")
    done = saved.ekf("save")
    assert done.code == 0, done
    assert (
        done.out.splitlines()[0]
        == "note: internal takes no atomic push; the branch and the records went one by one"
    )
    old = saved.out("rev-parse", "HEAD")
    saved.git("commit", "-q", "--amend", "-m", "Better")
    assert saved.ekf("save").code == 0
    assert list(refs(server, "refs/ekf/backup").values()) == [old]


@pytest.mark.parametrize("name", ["pre-receive", "update"])
def test_without_refs_of_our_own(saved: Clone, server: Clone, name: str) -> None:
    server.git("update-ref", "-d", "refs/ekf/upstream/release-1.8")
    script = {
        "update": 'case "$1" in refs/ekf/upstream/*) echo only branches >&2; exit 1;; esac',
        "pre-receive": "if grep -q refs/ekf/upstream; then echo only branches >&2; exit 1; fi",
    }[name]
    hook(server, name, script)
    record(saved, "second")
    done = saved.ekf("save")
    assert done.code == 0, done
    assert done.out.splitlines()[0] == (
        "note: internal does not take refs/ekf/upstream/release-1.8: from it alone, vendor commits cannot be told from yours"
    )
    assert len(refs(server, "refs/tags")) == 2


def test_another_clone_knows_newer_vendor_commits(
    saved: Clone, server: Clone, vendor: Path, tmp_path: Path
) -> None:
    vendor_moves(vendor, tmp_path)
    other = colleague(saved, vendor, server.path)
    assert other.ekf("save").code == 0
    newer = refs(server)["refs/ekf/upstream/release-1.8"]
    saved.commit(FILE, "second")
    done = saved.ekf("save")
    assert done.code == 0, done
    assert (
        "note: internal keeps another refs/ekf/upstream/release-1.8: it has vendor commits that this clone lacks"
        in done.out
    )
    assert refs(server)["refs/ekf/upstream/release-1.8"] == newer


def test_a_hook_that_refuses_a_push_is_named(saved: Clone, server: Clone) -> None:
    """With what it says, or that it says nothing; that is nothing of the server's."""
    record(saved, "second")
    script = saved.path / ".git/hooks/pre-push"
    for said, shown in (("", "it does not say why"), ("echo tests fail >&2\n", "tests fail")):
        script.write_text(f"#!/bin/sh\n{said}exit 1\n")
        script.chmod(0o755)
        with unchanged(saved, server):
            message, hint = failed(saved.ekf("save"), 5)
        assert message == f"the pre-push hook refused it: {shown}; nothing was saved"
        assert hint == f"cat {script}"


def test_a_server_that_refuses_everything(saved: Clone, server: Clone) -> None:
    hook(server, "pre-receive", "echo frozen until Monday >&2; exit 1")
    record(saved, "second")
    with unchanged(saved, server):
        message, hint = failed(saved.ekf("save"), 5)
    assert (
        message
        == "internal did not take it: pre-receive hook declined; frozen until Monday; nothing was saved"
    )
    assert hint == "git push internal release-1.8 shows all that it says"


def test_a_server_that_lies(saved: Clone, server: Clone) -> None:
    old = saved.out("rev-parse", "HEAD")
    hook(server, "post-receive", f"git update-ref refs/heads/release-1.8 {old}")
    new = saved.commit(FILE, "second")
    message, hint = failed(saved.ekf("save"), 5)
    assert (
        message
        == f"the push succeeded, but internal now has {old[:12]} as refs/heads/release-1.8, not {new[:12]}"
    )
    assert hint == "git fetch internal, then: git ekf status"


def test_a_server_that_is_gone_after_the_push(saved: Clone, server: Clone) -> None:
    hook(server, "post-receive", "cd ..; mv internal.git gone.git")
    saved.commit(FILE, "second")
    message, hint = failed(saved.ekf("save"), 5)
    assert message.startswith("the push succeeded, but internal could not be read back: ")
    assert hint == "git ekf save"


def test_a_server_that_is_gone(saved: Clone, server: Clone) -> None:
    shutil.move(server.path, server.path.with_name("elsewhere"))
    before = local(saved)
    message, hint = failed(saved.ekf("save"), 5)
    assert message.startswith(
        f"internal cannot be pushed to: '{server.path}' does not appear to be a git repository; "
    )
    assert (hint, local(saved)) == ("git ls-remote internal", before)


def test_a_full_disk_on_the_server(saved: Clone, server: Clone, tmp_path: Path) -> None:
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", tiny).code:
        pytest.skip("only root may mount a file system to fill")
    try:
        assert run("git", "init", "-q", "--bare", "--template=", tiny / "full.git").code == 0
        saved.git("remote", "set-url", "internal", str(tiny / "full.git"))
        (saved.path / "own/big").write_bytes(os.urandom(1_000_000))
        saved.git("add", "-A")
        saved.git("commit", "-q", "-m", "Big")
        with unchanged(saved, Clone(tiny / "full.git")):
            message, _ = failed(saved.ekf("save"), 5)
        assert "No space left on device" in message
    finally:
        run("umount", tiny)


class _ReadOnly(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_a_server_that_is_read_only(saved: Clone) -> None:
    with HTTPServer(("127.0.0.1", 0), _ReadOnly) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        saved.git(
            "remote",
            "set-url",
            "internal",
            f"http://user:secret@127.0.0.1:{http.server_port}/internal.git",
        )
        done = saved.ekf("save")
        http.shutdown()
    message, hint = failed(done, 5)
    assert message.startswith("internal cannot be pushed to: ")
    assert "403" in message
    assert hint == "git ls-remote internal"
    assert "secret" not in done.err


# --- others at the same time ---


def test_somebody_saves_between_plan_and_push(
    saved: Clone, server: Clone, vendor: Path, tmp_path: Path
) -> None:
    """Also while this clone rewrites: what it never saw is not replaced."""
    other = colleague(saved, vendor, server.path)
    theirs = other.commit("own/theirs", "1")
    saved.git("commit", "-q", "--amend", "-m", "Better")
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    real = shutil.which("git")
    wrapper.write_text(
        f'#!/bin/sh\nif [ "$1" = push ] && [ ! -e {tmp_path}/once ]; then touch {tmp_path}/once; '
        f'(unset GIT_DIR; {real} -C {other.path} push -q internal release-1.8) || exit 99; fi\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    before = local(saved)
    done = saved.ekf("save", env={"PATH": f"{wrapper.parent}:{os.environ['PATH']}"})
    message, _ = failed(done, 4)
    [backup] = refs(server, "refs/ekf/backup")
    assert message == (
        "internal has 2 commits on release-1.8 that this clone lacks, and you have 1 that it lacks:"
        f' the newest {theirs[:7]} "Configure" by Operator, {days_since_the_tests()} days ago;'
        f" nothing was saved but the backup {backup}"
    )
    assert (local(saved), refs(server)["refs/heads/release-1.8"]) == (before, theirs)


@rare
def test_the_name_of_a_record_is_taken(saved: Clone, server: Clone, vendor: Path) -> None:
    """Made while internal could not be asked; a pull gives it the next number, and loses nothing."""
    other = colleague(saved, vendor, server.path)
    name = "deploy/2026-11-20.2/release-1.8"
    assert other.ekf("tag", "-m", "Theirs.").code == 0
    assert other.ekf("save").code == 0
    assert saved.ekf("tag", "-m", "Ours.", "--no-fetch").code == 0
    message = saved.out("for-each-ref", "--format=%(contents)%(taggerdate)", f"refs/tags/{name}")
    with unchanged(saved, server):
        said, hint = failed(saved.ekf("save"), 4)
    assert said == f"internal has another {name}: somebody else took that name; nothing was saved"
    assert hint == "git ekf pull gives yours the next number"
    new = "deploy/2026-11-20.3/release-1.8"
    assert f"{name} is somebody else's on internal; yours is {new} now.\n" in saved.ekf("pull").out
    assert message == saved.out(
        "for-each-ref", "--format=%(contents)%(taggerdate)", f"refs/tags/{new}"
    )
    assert saved.rules() == []
    assert saved.ekf("save").code == 0
    assert refs(server, "refs/tags") == refs(saved, "refs/tags")


# --- the hook's own words, a terminal, ^C ---


def test_the_policy_speaks_for_itself(saved: Clone, server: Clone) -> None:
    saved.git("tag", "-a", "-m", "no fields", "deploy/2026-11-21/release-1.8")
    with unchanged(saved, server):
        message, hint = failed(saved.ekf("save"), 4)
    assert message.startswith("deploy/2026-11-21/release-1.8 lacks Date, Local branch, ")
    assert message.endswith("(tag-fields); nothing was saved")
    assert (
        hint
        == "add the missing lines: git tag -a -f -e deploy/2026-11-21/release-1.8 'deploy/2026-11-21/release-1.8^{}'"
    )


def test_progress_on_a_terminal(saved: Clone) -> None:
    record(saved, "second")
    child = saved.in_terminal("save")
    said = child.read()
    child.close()
    assert child.exitstatus == 0, said
    assert "Writing objects: 100%" in said
    assert said.rstrip().endswith("and 1 deploy record, read back and verified.")


def until(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_interrupted_in_the_middle_of_a_push(saved: Clone, server: Clone, tmp_path: Path) -> None:
    slow = hook(server, "pre-receive", f"touch {tmp_path}/reached; exec sleep 300")
    record(saved, "second")
    before = local(saved), refs(server)
    child = saved.in_terminal("save")
    until((tmp_path / "reached").exists)
    child.sendintr()
    said = child.read()
    child.close()
    assert child.exitstatus == 130, said
    assert "Traceback" not in said
    assert "Exception" not in said
    assert (local(saved), refs(server)) == before
    slow.unlink()
    assert saved.ekf("save").code == 0


def test_a_server_that_hangs_can_be_left(saved: Clone) -> None:
    """A push has no limit of time, so ^C has to work, and to leave nothing running."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/internal.git"
        saved.git("remote", "set-url", "internal", url)
        before = local(saved)
        with subprocess.Popen(
            ["git-ekf", "save"], cwd=saved.path, stdout=-1, stderr=-1, start_new_session=True
        ) as process:
            connection, _ = listener.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        assert (process.returncode, out) == (130, b"")
        assert err in (b"", b"\ngit-ekf: interrupted\n")
        connection.settimeout(5)
        while connection.recv(4096):  # the end comes when git's own helper has gone
            pass
        connection.close()
        assert local(saved) == before


def test_what_git_says_is_told_without_its_chatter() -> None:
    said = (
        "Enumerating objects: 5, done.\nCounting objects:  20% (1/5)\rCounting objects: 100% (5/5), done.\n"
        "Delta compression using up to 2 threads\nTotal 3 (delta 1), reused 0\nremote: Resolving deltas: 100% (1/1)\n"
        "remote: quota exceeded        \nTo /srv/internal.git\nerror: failed to push some refs to '/srv/internal.git'\nhint: See\n"
    )
    assert complaints(said) == ["quota exceeded"]
    assert complaints(f"remote: {'x' * 1_000_000}\n") == [f"{'x' * 397}..."]


def test_a_silent_internal_is_named(clone: Clone, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 60\n")
    ssh.chmod(0o755)
    clone.git("remote", "set-url", "internal", "ssh://example.com/x.git")
    done = clone.ekf("save", env={"GIT_SSH": str(ssh), "GIT_EKF_TIMEOUT": "0.2"})
    assert (done.code, done.err.splitlines()) == (
        5,
        [
            "git-ekf: internal cannot be asked: no answer within 0.2 seconds; nothing was saved",
            "hint: git ls-remote internal",
        ],
    )
