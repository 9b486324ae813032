"""Nothing that was kept is lost: by pruning fetches, by deletions on the server, by pushes at once."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Clone, copy_folder, make_clone, run, slim
from reach import EVERYTHING, long, rare, some
from servertools import BRANCH, Site

RECORD = "deploy/2026-11-20/release-1.8"


def records(clone: Clone) -> list[str]:
    return clone.out("tag", "-l", "deploy/*").split()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One saved commit, and a record that nobody else has."""
    folder = tmp_path_factory.mktemp("recorded")
    clone = make_clone(folder)
    clone.commit("own/file", "1\n")
    assert clone.ekf("save").code == 0
    assert clone.ekf("tag", "-m", "The only record.").code == 0
    slim(folder)
    return folder


@pytest.fixture
def recorded(template: Path, tmp_path: Path) -> Clone:
    return copy_folder(template, tmp_path)


@long
@pytest.mark.parametrize(
    "act",
    some(
        [
            ["fetch", "--prune", "internal"],
            ["fetch", "--prune", "--prune-tags", "internal"],
            ["fetch", "--prune", "--prune-tags", "origin"],
            ["remote", "prune", "internal"],
            ["-c", "fetch.prune=true", "fetch", "--all"],
            ["-c", "fetch.prune=true", "-c", "fetch.pruneTags=true", "fetch", "--all"],
            ["remote", "update", "--prune"],
            ["tag", "-d", RECORD],
        ],
        3,
    ),
    ids=" ".join,
)
def test_a_fetch_takes_no_record_away(recorded: Clone, act: list[str]) -> None:
    oid = recorded.out("rev-parse", RECORD)
    for command in ("status", "log", "save"):  # save is the last: it gives the record to others
        recorded.git(*act)
        was_there = records(recorded)
        done = recorded.ekf(command)
        assert done.code == 0, done
        assert ("put back 1 deploy record" in done.err) == (was_there == []), done
        assert recorded.out("rev-parse", RECORD) == oid
        assert recorded.rules() == []


@pytest.mark.parametrize("setting", ["fetch.prune", "fetch.pruneTags", "remote.internal.prune"])
def test_no_fetch_of_ours_prunes(recorded: Clone, setting: str) -> None:
    recorded.git("config", "fetch.prune", "true")
    recorded.git("config", setting, "true")
    for command in (["init", "--yes"], ["sync"], ["upgrade", "--no-build"], ["save"]):
        done = recorded.ekf(*command)
        assert done.code in (0, 4), done
        assert records(recorded) == [RECORD], command


def test_init_takes_the_refspec_away_that_prunes(recorded: Clone) -> None:
    recorded.git(
        "config", "--add", "remote.internal.fetch", "refs/tags/deploy/*:refs/tags/deploy/*"
    )
    done = recorded.ekf("init", "--yes")
    assert "fetching from internal prunes no deploy record that is here" in done.out, done
    recorded.git("fetch", "--prune", "internal")
    assert records(recorded) == [RECORD]


def test_an_undone_record_does_not_come_back(recorded: Clone) -> None:
    assert recorded.ekf("undo").code == 0
    for command in ("status", "save", "log"):
        recorded.ekf(command)
        assert records(recorded) == []


def test_what_vanished_from_internal_is_pushed_again(recorded: Clone) -> None:
    assert recorded.ekf("save").code == 0
    internal = Clone(recorded.path.with_name("internal.git"))
    internal.git("tag", "-d", RECORD)
    done = recorded.ekf("save")
    assert f"internal had lost 1 deploy record: {RECORD}" in done.out, done
    assert records(internal) == [RECORD]
    internal.git("update-ref", "-d", "refs/heads/release-1.8")
    done = recorded.ekf("save")
    assert "internal had lost release-1.8: somebody deleted it there" in done.out, done
    assert internal.out("rev-parse", "release-1.8") == recorded.out("rev-parse", "HEAD")


def test_a_failed_save_is_not_saved(recorded: Clone) -> None:
    internal = Clone(recorded.path.with_name("internal.git"))
    hook = internal.path / "hooks/post-receive"
    hook.write_text(f"#!/bin/sh\ngit update-ref -d refs/tags/{RECORD}\n")
    hook.chmod(0o755)
    assert recorded.ekf("save").code == 5
    recorded.git("fetch", "-q", "internal")
    assert "all of it is on internal" not in recorded.ekf("status").out
    hook.unlink()
    assert recorded.ekf("save").code == 0
    assert records(internal) == [RECORD]


@rare
def test_a_new_clone_has_records_that_no_branch_leads_to(recorded: Clone, tmp_path: Path) -> None:
    assert recorded.ekf("save").code == 0
    recorded.git("commit", "-q", "--amend", "-m", "Better")
    assert recorded.ekf("save").code == 0
    vendor, internal, again = (tmp_path / name for name in ("vendor.git", "internal.git", "again"))
    done = run("git-ekf", "clone", vendor, again, "--internal", internal)
    assert done.code == 0, done
    assert records(Clone(again)) == [RECORD]


@pytest.mark.parametrize("command", ["status --fetch", pytest.param("save", marks=rare)])
def test_half_a_fetch(recorded: Clone, tmp_path: Path, command: str) -> None:
    """A full disk ended it: the commit is here, and a file of it is not. Nothing goes by it."""
    other = copy_folder(recorded.path.parent, tmp_path / "other")
    internal = str(recorded.path.with_name("internal.git"))
    other.git("remote", "set-url", "internal", internal)
    tip = other.commit("own/new", "new\n")
    assert other.ekf("save").code == 0
    for kind, name in (("commit", tip), ("tree", f"{tip}^{{tree}}"), ("tree", f"{tip}:own")):
        content = ["git", "-C", str(other.path), "cat-file", kind, name]
        raw = subprocess.run(content, capture_output=True, check=True).stdout
        (tmp_path / "raw").write_bytes(raw)
        recorded.git("hash-object", "-t", kind, "-w", str(tmp_path / "raw"))
    done = recorded.ekf(*command.split())
    assert done.code in (0, 4), done
    assert "git ekf pull" in done.out + done.err, done
    assert recorded.git("fsck", "--no-dangling").out == ""
    assert recorded.ekf("pull").code == 0
    assert (recorded.path / "own/new").read_text() == "new\n"


# --- pushes at once ---


@rare
def test_two_rewrites_at_once(site: Site, tmp_path: Path) -> None:
    """Each of two branches has the commit that the other push takes from the other one."""
    server, work = site.server, site.work
    server.git("config", "ekf.branches.allow", "wip/*")
    work.commit("own/both", "1\n")
    commit = work.out("rev-parse", "HEAD")
    before = work.out("rev-parse", "HEAD^")
    for round_ in range(200 if EVERYTHING else 4):
        one, two = f"wip/{round_}/one", f"wip/{round_}/two"
        server.git("update-ref", f"refs/heads/{one}", before)
        work.git(
            "push",
            "-q",
            "--no-verify",
            "internal",
            f"{commit}:refs/heads/{one}",
            f"{commit}:refs/heads/{two}",
        )
        pushes = [f"+{before}:refs/heads/{one}", f":refs/heads/{two}"]

        def push(refspec: str) -> int:
            command = ["git", "push", "-q", "--no-verify", "internal", refspec]
            return subprocess.run(
                command, cwd=work.path, capture_output=True, check=False
            ).returncode

        with ThreadPoolExecutor(2) as threads:
            codes = list(threads.map(push, pushes))
        assert codes != [0, 0]
        kept = server.out("for-each-ref", "--contains", commit)
        assert kept, f"round {round_}"


@long
def test_a_rewrite_with_its_backup_at_once(site: Site) -> None:
    """Names that git cannot create, and a name that another push takes first."""
    work = site.work
    old = work.commit("own/file", "old\n")
    site.accepted(BRANCH)
    new = work.out("rev-parse", "HEAD^")
    for name in ("x" * 300, "/".join("a" * 1100), "ok"):
        backup = f"refs/ekf/backup/{BRANCH}/{name}"
        done = site.push("--force", f"{new}:refs/heads/{BRANCH}", f"{old}:{backup}")
        assert done.code == 1, done
        assert site.server.out("rev-parse", BRANCH) == old
    site.accepted(f"{old}:refs/ekf/backup/{BRANCH}/1")
    site.accepted("--force", f"{new}:refs/heads/{BRANCH}")
