"""rollback: back to a record within a release and across releases, with nothing lost; and the rehearsal that changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from conftest import Clone, run
from reach import rare

FILE = "own/settings"


def record(clone: Clone, text: str, date: str = "2026-11-20") -> str:
    """Commits a configuration and records it; the record's name."""
    clone.commit(FILE, text, text)
    done = clone.ekf("tag", "-m", f"Deployed {text}.", "--date", date)
    assert done.code == 0, done
    return done.out.splitlines()[0].removeprefix("Recorded ")


def switch(clone: Clone, branch: str) -> None:
    """A release branch made as plain git makes it."""
    clone.git("switch", "-q", "-c", branch, "--track", f"origin/{branch}")


def state(clone: Clone) -> dict[str, str]:
    """All that a rollback may touch: refs, HEAD, configuration, journal, index and files, byte for byte."""
    git_dir = clone.path / ".git"
    found = {
        "refs": clone.out("for-each-ref"),
        "HEAD": (git_dir / "HEAD").read_text(),
        "config": (git_dir / "config").read_text(),
        "index": clone.out("ls-files", "--stage"),
    }
    for path in sorted(clone.path.rglob("*")):
        if path.is_file() and git_dir not in path.parents:
            found[str(path.relative_to(clone.path))] = hashlib.sha1(path.read_bytes()).hexdigest()
    return found


def raw(clone: Clone) -> dict[str, bytes]:
    """Bytes of what git and git-ekf keep beside the refs."""
    return {
        name: file.read_bytes()
        for name in ("index", "ekf/journal", "logs/HEAD")
        if (file := clone.path / ".git" / name).exists()
    }


RECORDS = "deploy/2026-11-19/release-1.8", "deploy/2026-11-20/release-1.8"


def two_records(clone: Clone) -> None:
    assert (record(clone, "first", "2026-11-19"), record(clone, "second")) == RECORDS
    assert clone.ekf("save").code == 0


ARRANGED = {"two": two_records}


@pytest.fixture
def two(clone: Clone) -> tuple[str, str]:
    """Two records of release-1.8, saved."""
    return RECORDS


def tree(clone: Clone, revision: str) -> str:
    return clone.out("rev-parse", f"{revision}^{{tree}}")


def test_within_a_release(clone: Clone, two: tuple[str, str]) -> None:
    tip = clone.out("rev-parse", "HEAD")
    done = clone.ekf("rollback", two[0])
    new = clone.out("rev-parse", "HEAD")
    assert done.out.splitlines() == [
        f"A new commit on release-1.8 with the files of {two[0]}",
        " own/settings | 2 +-",
        " 1 file changed, 1 insertion(+), 1 deletion(-)",
        f"On release-1.8 at {new[:7]}. To take it back: git ekf undo",
        "Next: deploy it, then git ekf tag and git ekf save",
    ]
    assert (done.code, done.err) == (0, "")
    assert (
        clone.out("log", "-1", "--format=%P|%s|%b").strip()
        == f"{tip}|Roll back to {two[0]}|Deployed first."
    )
    assert tree(clone, "HEAD") == tree(clone, two[0])
    assert clone.out("status", "--porcelain") == ""
    assert (clone.path / FILE).read_text() == "first"
    assert clone.rules() == []
    assert clone.out("reflog", "-1", "--format=%gs") == "git-ekf rollback"
    again = clone.ekf("rollback", two[0])
    assert (again.code, again.out) == (
        0,
        f"release-1.8 already has the files of {two[0]}; nothing to do\n",
    )
    assert clone.out("rev-parse", "HEAD") == new


def test_files_added_removed_renamed_and_of_every_kind(clone: Clone) -> None:
    clone.write("own/a", "a")
    clone.write("own/d/e/f", "f")
    clone.write("own/run", "#!/bin/sh\n")
    (clone.path / "own/run").chmod(0o755)
    (clone.path / "own/link").symlink_to("a")
    clone.write("own/umläut \t\"'", "x")
    clone.git("add", "-A")
    name = record(clone, "first")
    before = state(clone)
    clone.git("rm", "-q", "-r", "own/d", "own/link", "own/umläut \t\"'")
    clone.git("mv", "own/a", "own/b")
    clone.write("own/d", "a file now")
    clone.write("own/link/inside", "a folder now")
    (clone.path / "own/run").chmod(0o644)
    clone.git("add", "-A")
    clone.commit(FILE, "second")
    assert clone.ekf("rollback", name).code == 0
    assert {path: value for path, value in state(clone).items() if path.startswith("own")} == {
        path: value for path, value in before.items() if path.startswith("own")
    }
    assert clone.out("status", "--porcelain") == ""
    assert clone.ekf("undo").code == 0
    assert (clone.path / "own/d").read_text() == "a file now"
    assert clone.out("status", "--porcelain") == ""


def test_from_a_subdirectory_and_after_a_touch(clone: Clone, two: tuple[str, str]) -> None:
    """read-tree alone stops at a file whose time stamp is not the index's, as after `cp -r`."""
    (clone.path / FILE).touch()
    done = run("git-ekf", "rollback", "2026-11-19", cwd=clone.path / "own")
    assert done.code == 0, done
    assert tree(clone, "HEAD") == tree(clone, two[0])


def test_signed_like_any_commit(clone: Clone, two: tuple[str, str], tmp_path: Path) -> None:
    clone.sign_with(tmp_path)
    assert clone.ekf("rollback", two[0]).code == 0
    assert clone.git("verify-commit", "HEAD").code == 0
    clone.git("config", "user.signingKey", str(tmp_path / "absent"))
    before = state(clone)
    refused = clone.ekf("rollback", two[1])
    assert refused.code == 5
    assert refused.err.startswith("git-ekf: the commit could not be signed: ")
    assert len(refused.err.splitlines()) == 2
    assert state(clone) == before


def test_to_a_branch_this_clone_never_had(clone: Clone, two: tuple[str, str]) -> None:
    switch(clone, "release-1.9")
    newer = record(clone, "nine")
    assert clone.ekf("save").code == 0
    clone.git("switch", "-q", "release-1.8")
    commit = clone.out("rev-parse", "release-1.9")
    clone.git("branch", "-q", "-D", "release-1.9")
    done = clone.ekf("rollback", newer)
    assert done.code == 0, done
    assert (
        f"Branch release-1.9 is made at {commit[:7]}, tracking origin/release-1.9; HEAD goes from release-1.8 to it"
        in done.out
    )
    assert clone.out("rev-parse", "HEAD") == commit
    assert clone.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    assert clone.out("status", "--porcelain") == ""
    assert clone.rules() == []
    clone.git("switch", "-q", "-")
    assert clone.out("symbolic-ref", "--short", "HEAD") == "release-1.8"


def test_to_a_branch_at_the_record(clone: Clone, two: tuple[str, str]) -> None:
    switch(clone, "release-1.9")
    newer = record(clone, "nine")
    clone.git("switch", "-q", "release-1.8")
    refs = clone.out("for-each-ref")
    done = clone.ekf("rollback", newer)
    assert (
        done.out.splitlines()[0]
        == f"HEAD goes from release-1.8 to release-1.9, which has the files of {newer}"
    )
    assert clone.out("for-each-ref") == refs
    assert (clone.path / FILE).read_text() == "nine"
    assert clone.out("status", "--porcelain") == ""


def test_to_a_branch_behind_the_record(clone: Clone, two: tuple[str, str]) -> None:
    switch(clone, "release-1.9")
    newer = record(clone, "nine")
    commit = clone.out("rev-parse", "HEAD")
    clone.git("switch", "-q", "release-1.8")
    clone.git("branch", "-q", "-f", "release-1.9", "release-1.9~1")
    done = clone.ekf("rollback", newer)
    assert (
        done.out.splitlines()[0]
        == f"Branch release-1.9 is moved up to {commit[:7]}; HEAD goes from release-1.8 to it"
    )
    assert clone.out("rev-parse", "HEAD", "release-1.9").split() == [commit, commit]
    assert clone.out("status", "--porcelain") == ""


def test_to_a_branch_with_newer_commits(clone: Clone, two: tuple[str, str]) -> None:
    eight = clone.out("rev-parse", "release-1.8")
    switch(clone, "release-1.9")
    clone.commit(FILE, "nine")
    done = clone.ekf("rollback", two[0])
    assert (
        done.out.splitlines()[0]
        == f"A new commit on release-1.8 with the files of {two[0]}; HEAD goes from release-1.9 to it"
    )
    assert clone.out("rev-parse", "HEAD^") == eight
    assert clone.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    assert tree(clone, "HEAD") == tree(clone, two[0])
    assert clone.out("status", "--porcelain") == ""
    assert clone.rules("--all") == []


@pytest.mark.parametrize("how", ["commit", "create", "switch", "forward", "nothing"])
def test_a_rehearsal_changes_nothing(clone: Clone, two: tuple[str, str], how: str) -> None:
    name = two[0]
    if how == "nothing":
        name = two[1]
    elif how != "commit":
        switch(clone, "release-1.9")
        name = record(clone, "nine")
        clone.git("switch", "-q", "release-1.8")
        if how == "create":
            clone.git("branch", "-q", "-D", "release-1.9")
        elif how == "forward":
            clone.git("branch", "-q", "-f", "release-1.9", "release-1.9~1")
    (clone.path / FILE).touch()  # a git status would note that in the index
    before, kept = state(clone), raw(clone)
    rehearsal = clone.ekf("rollback", "--dry-run", name)
    assert (rehearsal.code, rehearsal.err) == (0, "")
    assert (state(clone), raw(clone)) == (before, kept)
    done = clone.ekf("rollback", name)
    assert done.out.startswith(rehearsal.out)


def test_refused_with_the_way_out(clone: Clone, two: tuple[str, str]) -> None:
    def refused(message: str, hint: str, code: int = 4, name: str = two[0]) -> None:
        before = state(clone)
        done = clone.ekf("rollback", name)
        assert (done.code, done.out, done.err) == (code, "", f"git-ekf: {message}\nhint: {hint}\n")
        assert state(clone) == before

    refused("there is no deploy record 2020-01-01", "git ekf log lists them", 2, "2020-01-01")
    refused("the deploy record has to be named", "git ekf log lists them", 2, "")
    clone.write(FILE, "changed")
    refused("there is uncommitted work: own/settings", "git add -A && git commit, or git stash -u")
    clone.git("add", "-A")
    refused("there is uncommitted work: own/settings", "git add -A && git commit, or git stash -u")
    clone.git("reset", "-q", "--hard")
    clone.write("own/new", "untracked")
    refused("there is uncommitted work: own/new", "git add -A && git commit, or git stash -u")
    (clone.path / "own/new").unlink()
    clone.git("switch", "-q", "--detach")
    refused("no branch is checked out", "git switch release-1.8")
    clone.git("switch", "-q", "release-1.8")
    clone.git("rebase", "-q", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i 1s/pick/edit/"})
    refused("a rebase is in progress", "finish it: git status shows how")


def test_an_ignored_file_is_not_written_over(clone: Clone) -> None:
    """git itself takes ignored files for worthless."""
    clone.commit("own/secret", "shared", "Share a secret")
    name = record(clone, "first")
    clone.git("rm", "-q", "own/secret")
    clone.commit(".gitignore", "own/secret*\n")
    clone.write("own/secret", "mine")
    before = state(clone)
    refused = clone.ekf("rollback", name)
    assert (refused.code, refused.err.splitlines()) == (
        4,
        [
            "git-ekf: own/secret is in the way: git does not track it here, and would write over it",
            "hint: mv own/secret own/secret.mine",
        ],
    )
    assert state(clone) == before
    (clone.path / "own/secret").rename(clone.path / "own/secret.mine")
    assert clone.ekf("rollback", name).code == 0
    assert (clone.path / "own/secret.mine").read_text() == "mine"


def test_an_ignored_folder_in_place_of_a_file_is_not_written_over(clone: Clone) -> None:
    clone.commit("own/cache", "a file", "A file")
    name = record(clone, "first")
    clone.git("rm", "-q", "own/cache")
    clone.commit(".gitignore", "own/cache\n")
    clone.write("own/cache/deep/mine", "mine")
    assert clone.ekf("rollback", name).code == 4
    assert (clone.path / "own/cache/deep/mine").read_text() == "mine"


def test_a_branch_checked_out_in_another_work_tree(
    clone: Clone, two: tuple[str, str], tmp_path: Path
) -> None:
    other = clone.work_tree(tmp_path / "other")
    nine = record(other, "nine")
    other.commit(FILE, "nine and a half")
    before, there = state(clone), state(Clone(tmp_path / "work"))
    refused = clone.ekf("rollback", nine)
    assert (refused.code, refused.err.splitlines()[0]) == (
        4,
        f"git-ekf: release-1.9 is checked out in {other.path}",
    )
    assert (state(clone), state(Clone(tmp_path / "work"))) == (before, there)
    assert other.ekf("rollback", nine).code == 0
    assert (other.path / FILE).read_text() == "nine"


def test_a_failing_transaction_puts_the_files_back(clone: Clone, two: tuple[str, str]) -> None:
    hook = clone.path / ".git/hooks/reference-transaction"
    hook.write_text('#!/bin/sh\n[ "$1" != prepared ] || { echo no moves today >&2; exit 1; }\n')
    hook.chmod(0o755)
    before = state(clone)
    failed = clone.ekf("rollback", two[0])
    assert failed.code == 5
    assert "in 'prepared' phase" in failed.err or "no moves today" in failed.err
    assert state(clone) == before
    hook.unlink()
    assert clone.ekf("rollback", two[0]).code == 0


def test_a_lock_that_was_left_behind(clone: Clone, two: tuple[str, str]) -> None:
    lock = clone.path / ".git/index.lock"
    lock.touch()
    before = state(clone)
    refused = clone.ekf("rollback", two[0])
    assert (refused.code, refused.err.splitlines()) == (
        4,
        [
            f"git-ekf: another git command is at work here, or was killed and left {lock}, which then may go",
            f"hint: rm -f {lock}",
        ],
    )
    lock.unlink()
    assert state(clone) == before
    assert clone.ekf("rollback", two[0]).code == 0


@rare
def test_twenty_real_records_over_two_releases(
    kubeflow: Path, internal: Path, tmp_path: Path
) -> None:
    """The whole life of a cluster: recorded, saved, lost, rebuilt from internal alone, and rolled back."""
    assert (
        run(
            "git-ekf",
            "clone",
            kubeflow,
            tmp_path / "work",
            "--internal",
            internal,
            "--release",
            "1.8",
        ).code
        == 0
    )
    clone = Clone(tmp_path / "work")
    trees: dict[str, str] = {}

    def build(release: str, day: int) -> None:
        branch = f"release-{release}"
        stacks = run(
            "git", "-C", kubeflow, "for-each-ref", "--format=%(refname)", f"refs/stacks/{release}/"
        ).out.split()
        counts = {
            ref: int(run("git", "-C", kubeflow, "rev-list", "--count", ref, f"^{branch}").out)
            for ref in stacks
        }
        ref = max(counts, key=lambda name: (3 <= counts[name] <= 10, counts[name]))
        clone.git("fetch", "-q", "origin", ref)
        clone.git("reset", "-q", "--hard", "FETCH_HEAD")
        for number in range(10):
            clone.commit("own/cluster", f"{release} {number}\n", f"Tune {number}", verify=False)
            done = clone.ekf(
                "tag", "-m", f"Tuned {number}.", "--date", f"2026-10-{day + number // 2:02}"
            )
            assert done.code == 0, done
            trees[done.out.splitlines()[0].removeprefix("Recorded ")] = tree(clone, "HEAD")
        assert clone.ekf("save").code == 0

    build("1.8", 1)
    switch(clone, "release-1.9")
    build("1.9", 11)
    assert len(trees) == 20
    branches = clone.out(
        "for-each-ref",
        "--format=%(refname) %(objectname)",
        "refs/heads",
        "refs/tags/deploy",
        "refs/ekf/saved",
    )
    shown = json.loads(clone.ekf("log", "--json").out)
    clone.path.rename(tmp_path / "lost")

    assert run("git-ekf", "clone", kubeflow, tmp_path / "work", "--internal", internal).code == 0
    assert clone.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    eight = next(name for name in trees if name.endswith("1.8"))
    within = next(name for name in trees if name.endswith("1.9"))
    done = clone.ekf("rollback", within)
    assert done.code == 0, done
    assert tree(clone, "HEAD") == trees[within]
    assert clone.ekf("undo").code == 0
    across = clone.ekf("rollback", eight)
    assert across.code == 0, across
    assert tree(clone, "HEAD") == trees[eight]
    assert clone.out("symbolic-ref", "--short", "HEAD") == "release-1.8"
    assert clone.out("status", "--porcelain") == ""
    assert clone.ekf("undo").code == 0
    assert (
        clone.out(
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            "refs/heads",
            "refs/tags/deploy",
            "refs/ekf/saved",
        )
        == branches
    )
    assert json.loads(clone.ekf("log", "--json").out) == shown
    assert {name: tree(clone, name) for name in trees} == trees
    assert set(clone.rules("--all")) <= {"vendor-path"}
