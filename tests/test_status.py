"""status and releases: what a person sees, whole, and what a script gets."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, Clone, run
from reach import rare

NEWER = "  newer          release-1.9, release-1.10"


def fetched(clone: Clone, hours: float) -> None:
    """Makes the last fetch from the primary that old."""
    then = time.time() - hours * 3600 - 30
    for path in (clone.path / ".git/logs/refs/remotes/origin").iterdir():
        os.utime(path, (then, then))
    fetched = clone.path / ".git/FETCH_HEAD"
    if fetched.exists():
        os.utime(fetched, (then, then))


def test_a_fresh_clone(clone: Clone) -> None:
    fetched(clone, 2)
    base = clone.out("rev-parse", "--short=7", "HEAD")
    assert clone.ekf("status").out.splitlines() == [
        "internal has no deploy record (asked just now)",
        "On release-1.8, following origin/release-1.8",
        f"  configuration  0 commits on {base}",
        "  channel        up to date (fetched 2 hours ago)",
        f"{NEWER} (fetched 2 hours ago)       git ekf upgrade --plan",
        "  saved          never: internal has no release-1.8 (asked just now)   git ekf save",
        "  last deploy    none recorded",
        "  policy         ok",
    ]


def test_everything_has_moved(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    base = clone.out("rev-parse", "--short=7", "HEAD")
    clone.commit("own/a", "1")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    clone.git(
        "tag",
        "-a",
        "-m",
        "Context: We added Istio.\nSecond line",
        "deploy/2026-11-20/release-1.8",
        "--no-sign",
        env={"GIT_COMMITTER_DATE": "2026-11-20T11:00:00+00:00"},
    )
    deployed = clone.out("rev-parse", "--short=7", "HEAD")
    clone.git("tag", "-a", "-m", "Context: older", "deploy/2026-11-9/release-1.8", "--no-sign")
    clone.git("tag", "-a", "-m", "Context: older", "deploy/2026-11-20/release-1.9", "--no-sign")
    clone.commit("own/a", "2")
    clone.commit("own/a", "3")
    run("git", "clone", "-q", "-b", "release-1.8", vendor, tmp_path / "v")
    Clone(tmp_path / "v").commit("VERSION", "1.8.1")
    Clone(tmp_path / "v").git("push", "-q")
    clone.git("fetch", "-q", "origin")
    clone.write("own/b", "x")
    clone.write("own/a", "x")
    clone.git("branch", "--unset-upstream")
    assert clone.ekf("status").out.splitlines() == [
        f"internal runs release-1.8 at {deployed} since 2026-11-20:"
        ' "We added Istio." (its record is not saved)',
        "On release-1.8, following nothing",
        f"  configuration  3 commits on {base}",
        "  not committed  1 changed file, 1 untracked file                               git add -A && git commit",
        "  channel        1 new vendor commit (fetched just now)                         git ekf sync",
        f"{NEWER} (fetched just now)                   git ekf upgrade --plan",
        "  saved          2 commits, 3 deploy records not on internal (asked just now)   git ekf save",
        "  last deploy    deploy/2026-11-20/release-1.8, 2 commits ago",
        "  policy         branch-upstream, tag-fields                                    git ekf check",
    ]


def test_internal_is_ahead(clone: Clone, internal: Path, tmp_path: Path) -> None:
    clone.commit("own/a", "1")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    run("git", "clone", "-q", "-b", "release-1.8", internal, tmp_path / "other")
    Clone(tmp_path / "other").commit("own/b", "1")
    Clone(tmp_path / "other").git("push", "-q")
    clone.git("fetch", "-q", "internal")
    line = next(line for line in clone.ekf("status").out.splitlines() if line.startswith("  saved"))
    assert line.split("   ")[-1].strip() == "git ekf pull"
    assert "1 commit only on internal" in line


@pytest.mark.parametrize("operation", ["rebase", "merge", "cherry-pick", "revert", "bisect"])
def test_an_operation_in_progress(clone: Clone, operation: str) -> None:
    clone.commit("VERSION", "mine\n")
    clone.commit("VERSION", "mine again\n")
    commands = {
        "rebase": ["rebase", "origin/release-1.9"],
        "merge": ["merge", "--no-ff", "origin/release-1.9"],
        "cherry-pick": ["cherry-pick", "origin/release-1.9"],
        "revert": ["revert", "--no-edit", "HEAD~1"],
        "bisect": ["bisect", "start"],
    }
    clone.git(*commands[operation], ok=False)
    assert f"  in progress    a {operation}" in clone.ekf("status").out
    assert json.loads(clone.ekf("status", "--json").out)["operation"] == operation


def test_detached_unborn_and_stray(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach")

    def second_line() -> str:
        return clone.ekf("status").out.splitlines()[1]

    short = clone.out("rev-parse", "--short=7", "HEAD")
    assert second_line() == f"HEAD is detached at {short}"
    clone.git("switch", "-q", "--orphan", "nothing")
    assert second_line() == "On nothing, which is not a release branch"
    clone.git("switch", "-q", "-c", "stray", "release-1.8")
    assert second_line() == "On stray, which is not a release branch"


def test_a_fetch_of_internal_is_no_news_of_the_vendor(clone: Clone) -> None:
    fetched(clone, 50)
    clone.git("fetch", "-q", "internal")
    assert "(fetched 2 days ago)" in clone.ekf("status").out
    clone.git("fetch", "-q", "origin")
    assert "(fetched just now)" in clone.ekf("status").out


def test_status_never_asks_a_remote(clone: Clone) -> None:
    for name in ("origin", "internal"):
        clone.git("remote", "set-url", name, "http://127.0.0.1:1/gone.git")
    assert clone.ekf("status").code == 0


def test_status_writes_nothing(clone: Clone) -> None:
    index = clone.path / ".git/index"
    os.utime(clone.path / "VERSION")
    before = index.read_bytes()
    clone.ekf("status")
    assert index.read_bytes() == before


def test_from_a_subdirectory_and_a_linked_worktree(clone: Clone, tmp_path: Path) -> None:
    whole = clone.ekf("status").out
    assert Clone(clone.path / "apps/istio").ekf("status").out == whole
    clone.git(
        "worktree", "add", "-q", "-b", "release-1.9", str(tmp_path / "tree"), "origin/release-1.9"
    )
    lines = Clone(tmp_path / "tree").ekf("status").out.splitlines()
    assert lines[1] == "On release-1.9, following origin/release-1.9"


def test_as_json(clone: Clone) -> None:
    document = json.loads(clone.ekf("status", "--json").out)
    assert (document["version"], document["command"], document["branch"], document["release"]) == (
        1,
        "status",
        "release-1.8",
        "1.8",
    )
    assert document["head"] == clone.out("rev-parse", "HEAD") == document["base"]
    assert document["newer"] == ["release-1.9", "release-1.10"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", document["fetched"])


def test_of_many_newer_channels_the_next_are_named(clone: Clone) -> None:
    for number in (11, 12, 13):
        clone.git("update-ref", f"refs/remotes/origin/release-1.{number}", "origin/release-1.10")
        more = f" and {number - 11} more" if number > 11 else ""
        line = "  newer          release-1.9, release-1.10, release-1.11" + more
        assert line in clone.ekf("status").out
    document = json.loads(clone.ekf("status", "--json").out)
    assert document["newer"] == [f"release-1.{number}" for number in range(9, 14)]


def test_escapes_in_repository_text(clone: Clone) -> None:
    clone.git(
        "tag",
        "-a",
        "-m",
        "Context: \x1b[31mred\x07 \u202e",
        "deploy/2026-11-20/release-1.8",
        "--no-sign",
    )
    out = clone.ekf("status").out
    assert '"\\x1b[31mred\\x07 \\u202e"' in out
    assert not any(char in out for char in "\x1b\x07\u202e")


def test_releases(clone: Clone) -> None:
    fetched(clone, 30)
    clone.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
    clone.commit("own/a", "1")
    short = {
        version: clone.out("rev-parse", "--short=7", f"origin/release-{version}")
        for version in ("1.8", "1.9", "1.10")
    }
    assert clone.ekf("releases").out.splitlines() == [
        f"  release-1.8   {short['1.8']}  2020-09-13  older, 0 configuration commits, up to date",
        f"* release-1.9   {short['1.9']}  2020-09-13  current, 1 configuration commit, up to date",
        f"  release-1.10  {short['1.10']}  2020-09-13  newer",
        "As of the last fetch, 1 day ago. Newer ones: git fetch origin",
    ]
    channels = json.loads(clone.ekf("releases", "--json").out)["channels"]
    assert [channel["version"] for channel in channels] == ["1.8", "1.9", "1.10"]


def test_wrong_usage(clone: Clone) -> None:
    for args, complaint in (
        (["statsu"], "hint: git ekf status"),
        (["status", "--jsno"], "hint: git ekf status -h"),
        (["clone"], "hint: git ekf clone -h"),
    ):
        result = clone.ekf(*args)
        assert (result.code, result.err.splitlines()[-1], result.out) == (2, complaint, "")
    assert clone.ekf("check", "--all", "--staged").code == 2
    assert clone.ekf("--version").out.startswith("git-ekf 0.")


def test_a_reader_that_leaves(clone: Clone) -> None:
    result = run("sh", "-c", f"'{GIT_EKF}' check --format sarif | true", cwd=clone.path)
    assert "Traceback" not in result.err


def test_an_untrusted_repository(clone: Clone) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a repository that belongs to somebody else")
    os.chown(clone.path, 12345, 12345)
    os.chown(clone.path / ".git", 12345, 12345)
    result = clone.ekf("status")
    assert result.code == 4
    assert result.err.splitlines() == [
        f"git-ekf: git does not trust {clone.path}: it belongs to another user",
        f"hint: git config --global --add safe.directory {clone.path}",
    ]


def test_on_a_terminal(clone: Clone) -> None:
    child = pexpect.spawn(
        "git",
        ["ekf", "status"],
        cwd=str(clone.path),
        timeout=30,
        encoding="utf-8",
        env=dict(os.environ),
        dimensions=(24, 80),
    )
    child.expect(pexpect.EOF)
    lines = (child.before or "").splitlines()
    assert lines[1] == "On release-1.8, following origin/release-1.8"
    assert len(lines) <= 11


@rare
def test_the_real_vendor(kubeflow: Path, internal: Path, tmp_path: Path) -> None:
    """A real stack of a real site on a real channel; the vendor's merges are never findings."""
    assert (
        run(
            "git-ekf",
            "clone",
            kubeflow,
            tmp_path / "work",
            "--internal",
            internal,
            "--release",
            "1.7",
        ).code
        == 0
    )
    work = Clone(tmp_path / "work")
    stacks = run(
        "git", "-C", kubeflow, "for-each-ref", "--format=%(refname)", "refs/stacks/1.7"
    ).out.split()
    stacks = (
        stacks
        or run(
            "git", "-C", kubeflow, "for-each-ref", "--format=%(refname)", "refs/stacks/release-1.7"
        ).out.split()
    )
    assert stacks
    for stack in stacks[:10]:
        work.git("fetch", "-q", str(kubeflow), stack)
        work.git("reset", "-q", "--hard", "FETCH_HEAD")
        document = json.loads(work.ekf("status", "--json").out)
        assert document["configuration"] > 0
        assert [finding for finding in document["findings"] if finding["severity"] == "error"] == []


@pytest.mark.parametrize("what", ["gone", "tree"])
def test_a_record_on_what_is_no_commit_here(clone: Clone, what: str) -> None:
    """Its tag is there, and not what it is on: the cluster runs it all the same."""
    oid = clone.out("rev-parse", "HEAD^{tree}")
    kind = "tree"
    if what == "gone":
        oid, kind = clone.commit("own/a", "1"), "commit"
    text = f"object {oid}\ntype {kind}\ntag deploy/2026-11-20/release-1.8\ntagger O <o@example.com> 1790000000 +0000\n\nContext: x\n"
    tag = clone.git("mktag", stdin=text).out.strip()
    clone.git("update-ref", "refs/tags/deploy/2026-11-20/release-1.8", tag)
    if what == "gone":
        clone.git("reset", "-q", "--hard", "HEAD~1")
        (clone.path / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    done = clone.ekf("status")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"internal runs release-1.8 at {oid[:7]} since ")


def test_a_branch_that_is_not_checked_out(clone: Clone) -> None:
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    clone.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
    clone.git("branch", "-q", "-f", "release-1.8", "release-1.8~1")
    row = "  other branch   release-1.8: 1 commit only on internal (asked just now)"
    command = "git switch release-1.8 && git ekf pull"
    assert f"{row}   {command}\n" in clone.ekf("status").out


def test_a_branch_that_another_work_tree_has(clone: Clone, tmp_path: Path) -> None:
    """git switch would refuse it."""
    clone.commit("own/a", "1")
    tree = tmp_path / "tree"
    clone.git("worktree", "add", "-q", "-b", "release-1.9", str(tree), "origin/release-1.9")
    row = "  other branch   release-1.8: 1 commit not on internal (asked just now)"
    command = f"git -C {clone.path} ekf save"
    assert f"{row}   {command}\n" in Clone(tree).ekf("status").out
    assert run("sh", "-c", command, cwd=tree).code == 0
    assert "other branch" not in Clone(tree).ekf("status").out
