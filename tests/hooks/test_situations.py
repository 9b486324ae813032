"""The hooks wherever git runs them: work trees of every kind, every way to commit, every shape of a push."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Clone, Run, make_clone, run
from hooktools import HOOKS, assert_refused, states
from reach import rare, some

# Where `make test` installs the newest git.
NEWEST_GIT = Path(sys.prefix) / "newest-git" / "bin"

CONFLICT = "<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n"
NOTHING = "0" * 40


def try_commit(clone: Clone, *args: str, stdin: str = "", env: dict[str, str] | None = None) -> Run:
    return clone.git("commit", "-q", "-m", "Configure", *args, ok=False, stdin=stdin, env=env)


def push(clone: Clone, *args: str) -> Run:
    return clone.git("push", "-q", *args, ok=False)


def assert_judged(clone: Clone, env: dict[str, str] | None = None) -> None:
    """In this place commits and pushes that are fine go through, and no others."""
    clone.git("commit", "-q", "--allow-empty", "-m", "fine", env=env)
    clone.git("push", "-q", "internal", "HEAD:release-1.8", env=env)
    clone.write("marked.yaml", CONFLICT)
    clone.git("add", "marked.yaml", env=env)
    assert_refused(clone.git("commit", "-q", "-m", "x", ok=False, env=env), "conflict-marker")
    clone.git("rm", "-q", "-f", "marked.yaml", env=env)
    assert_refused(
        clone.git("push", "-q", "internal", "HEAD:refs/heads/feature", ok=False, env=env),
        "branch-name",
    )
    assert_refused(
        clone.git("push", "-q", "origin", "HEAD:release-1.8", ok=False, env=env), "push-primary"
    )


# --- places ---


def test_main_work_tree(clone: Clone) -> None:
    assert_judged(clone)


def test_subdirectory(clone: Clone) -> None:
    inside = Clone(clone.path / "apps" / "istio")
    assert_judged(inside)


def test_linked_work_tree(clone: Clone, tmp_path: Path) -> None:
    clone.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.9")
    clone.git("worktree", "add", "-q", str(tmp_path / "linked"), "release-1.8")
    linked = Clone(tmp_path / "linked")
    assert states(linked) == dict.fromkeys(HOOKS, "ok")
    assert linked.ekf("hooks", "install").out == "All hooks are in place; nothing was changed.\n"
    assert_judged(linked)
    # Each is judged by its own HEAD.
    linked.git("switch", "-q", "-c", "feature")
    assert_refused(try_commit(linked, "--allow-empty"), "branch-name")
    clone.git("commit", "-q", "--allow-empty", "-m", "fine")


def test_configuration_of_a_linked_work_tree(clone: Clone, tmp_path: Path) -> None:
    """What the fast path remembers of one work tree's configuration says nothing about another's."""
    clone.commit(".ekf.toml", '[branches]\nallow = ["wip"]\n', verify=True)
    clone.git("switch", "-q", "-c", "wip")
    for _ in range(2):
        clone.git("commit", "-q", "--allow-empty", "-m", "allowed")
    clone.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "origin/release-1.8")
    clone.git("switch", "-q", "release-1.8")
    linked = Clone(tmp_path / "linked")
    linked.git("switch", "-q", "wip")
    linked.git("rm", "-q", ".ekf.toml")
    for _ in range(2):
        assert_refused(try_commit(linked), "branch-name")


def test_submodule(vendor: Path, internal: Path, tmp_path: Path) -> None:
    assert run("git", "init", "-q", "-b", "main", tmp_path / "above").code == 0
    above = Clone(tmp_path / "above")
    above.git("submodule", "--quiet", "add", "-b", "release-1.8", str(vendor), "platform")
    inside = Clone(tmp_path / "above" / "platform")
    done = inside.ekf("init", "--internal", str(internal))
    assert done.code == 0, done
    assert (tmp_path / "above/.git/modules/platform/hooks/pre-push").exists()
    assert not (tmp_path / "above/.git/hooks/pre-push").exists()
    assert states(inside) == dict.fromkeys(HOOKS, "ok")
    assert_judged(inside)
    above.git("commit", "-q", "-a", "-m", "nobody's business")


def test_repository_named_by_the_environment(clone: Clone, tmp_path: Path) -> None:
    here = Clone(tmp_path)
    named = {"GIT_DIR": str(clone.path / ".git"), "GIT_WORK_TREE": str(clone.path)}
    here.git("commit", "-q", "--allow-empty", "-m", "fine", env=named)
    here.git("push", "-q", "internal", "release-1.8", env=named)
    assert_refused(
        here.git("push", "-q", "internal", "HEAD:refs/heads/feature", ok=False, env=named),
        "branch-name",
    )
    inside = Clone(clone.path / "apps")
    relative = {"GIT_DIR": "../.git", "GIT_WORK_TREE": ".."}
    inside.git("switch", "-q", "-c", "feature", env=relative)
    assert_refused(
        inside.git("commit", "-q", "--allow-empty", "-m", "x", ok=False, env=relative),
        "branch-name",
    )


def test_configuration_counts_when_the_push_comes_from_elsewhere(
    clone: Clone, tmp_path: Path
) -> None:
    """Such a push runs the hook where it was started, not at the top of the work tree."""
    clone.git("push", "-q", "internal", "release-1.8")
    clone.commit(
        ".ekf.toml", '[remotes]\nprimary = "internal"\ninternal = "origin"\n', verify=False
    )
    named = {"GIT_DIR": str(clone.path / ".git"), "GIT_WORK_TREE": str(clone.path)}
    for env, where in (({}, clone.path), (named, tmp_path)):
        assert_refused(
            Clone(where).git("push", "-q", "internal", "release-1.8", ok=False, env=env),
            "push-primary",
        )


def test_relative_url_in_a_push_from_elsewhere(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    """It counts from where the push was started."""
    named = {"GIT_DIR": str(clone.path / ".git"), "GIT_WORK_TREE": str(clone.path)}
    here = tmp_path / "some" / "where"
    here.mkdir(parents=True)
    done = Clone(here).git(
        "push", "-q", f"../../{vendor.name}", "HEAD:refs/heads/new", ok=False, env=named
    )
    assert_refused(done, "push-primary")


def test_other_index(clone: Clone, tmp_path: Path) -> None:
    """GIT_INDEX_FILE in the environment: that index is judged and not the usual one."""
    other = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    shutil.copy(clone.path / ".git" / "index", tmp_path / "index")
    clone.write("marked.yaml", CONFLICT)
    clone.git("add", "marked.yaml", env=other)
    assert_refused(try_commit(clone, env=other), "conflict-marker")
    clone.git("commit", "-q", "--allow-empty", "-m", "fine")


@pytest.mark.parametrize("toml", ["", '[branches]\nallow = ["wip/*"]\n'])
def test_graphical_client(clone: Clone, tmp_path: Path, toml: str) -> None:
    """No terminal, no git-ekf on the PATH, no locale: what a program started from a desktop has."""
    if toml:
        clone.commit(".ekf.toml", toml, verify=True)
    clone.git("config", "user.name", "Operator")
    clone.git("config", "user.email", "operator@example.com")
    sparse = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={tmp_path}"]
    if run(*sparse, "git", "--version").code:
        pytest.skip("git is not in /usr/bin")
    assert run(*sparse, "git-ekf", "--version").code, (
        "git-ekf is on the sparse PATH, so this test shows nothing"
    )

    def git(*args: str) -> Run:
        return run(*sparse, "git", *args, cwd=clone.path)

    for _ in range(2):
        done = git("commit", "-q", "--allow-empty", "-m", "fine")
        assert (done.code, done.err) == (0, ""), done
    assert git("push", "-q", "internal", "release-1.8").code == 0
    assert_refused(git("push", "-q", "origin", "release-1.8"), "push-primary")
    assert git("switch", "-q", "-c", "fäature").code == 0
    assert_refused(git("commit", "-q", "--allow-empty", "-m", "x"), "branch-name")


def test_shallow_clone(vendor: Path, internal: Path, tmp_path: Path) -> None:
    run("git", "-C", internal, "config", "receive.shallowUpdate", "true")
    done = run(
        "git", "clone", "-q", "--depth=1", "-b", "release-1.8", vendor.as_uri(), tmp_path / "work"
    )
    assert done.code == 0, done
    clone = Clone(tmp_path / "work")
    assert clone.ekf("init", "--internal", str(internal)).code == 0
    assert clone.out("rev-parse", "--is-shallow-repository") == "true"
    assert_judged(clone)


@rare
def test_sha256(tmp_path: Path) -> None:
    clone = make_clone(tmp_path, "sha256")
    assert len(clone.out("rev-parse", "HEAD")) == 64
    assert_judged(clone)
    assert_refused(push(clone, "internal", ":release-1.8"), "delete-protected")
    clone.git("commit", "-q", "--amend", "--allow-empty", "-m", "changed")
    assert_refused(push(clone, "--force", "internal", "release-1.8"), "rewrite-unsaved")


@rare
@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_reftable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_format: str) -> None:
    if not (NEWEST_GIT / "git").exists():
        pytest.skip("no git with reftable here; `make test` installs one")
    monkeypatch.setenv("PATH", f"{NEWEST_GIT}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", "reftable")
    clone = make_clone(tmp_path, object_format)
    assert clone.out("rev-parse", "--show-ref-format") == "reftable"
    assert (clone.path / ".git" / "HEAD").read_text() == "ref: refs/heads/.invalid\n"
    assert_judged(clone)
    clone.git("switch", "-q", "-c", "feature")
    assert_refused(try_commit(clone, "--allow-empty"), "branch-name")
    clone.git("switch", "-q", "--detach")
    assert_refused(try_commit(clone, "--allow-empty"), "detached-head")


# --- ways to commit ---


def test_commit_all(clone: Clone) -> None:
    clone.write("VERSION", CONFLICT)
    assert_refused(try_commit(clone, "-a"), "conflict-marker")
    clone.write("VERSION", "1.8.1\n")
    assert try_commit(clone, "-a").code == 0


def test_commit_patch(clone: Clone) -> None:
    """Only the hunks chosen count."""
    first = "".join(f"line {number}\n" for number in range(30))
    clone.commit("a.txt", first, verify=True)
    clone.write("a.txt", "good\n" + first + CONFLICT)
    assert_refused(try_commit(clone, "-p", stdin="n\ny\n"), "conflict-marker")
    assert try_commit(clone, "-p", stdin="y\nn\n").code == 0
    assert clone.out("show", "HEAD:a.txt").startswith("good\nline 0\n")
    assert "<<<<<<<" not in clone.out("show", "HEAD:a.txt")


def test_commit_of_named_paths(clone: Clone) -> None:
    """A path named is committed past the index, and what else is staged is not."""
    clone.write("bad.txt", CONFLICT)
    clone.write("good.txt", "good\n")
    clone.git("add", "bad.txt", "good.txt")
    assert_refused(try_commit(clone, "bad.txt"), "conflict-marker")
    assert try_commit(clone, "good.txt").code == 0
    assert clone.out("status", "--porcelain") == "A  bad.txt"


def test_amend(clone: Clone) -> None:
    clone.commit("a.txt", "a\n", verify=True)
    assert try_commit(clone, "--amend").code == 0
    clone.write("a.txt", CONFLICT)
    assert_refused(try_commit(clone, "--amend", "-a"), "conflict-marker")


def test_stepping_past(clone: Clone, tmp_path: Path) -> None:
    clone.git("switch", "-q", "-c", "feature")
    assert_refused(try_commit(clone, "--allow-empty"), "branch-name")
    assert_refused(try_commit(clone, "--allow-empty", env={"EKF_HOOKS": "1"}), "branch-name")
    assert try_commit(clone, "--allow-empty", env={"EKF_HOOKS": "0"}).code == 0
    assert_refused(push(clone, "internal", "feature"), "branch-name")
    clone.git("push", "-q", "internal", "feature", env={"EKF_HOOKS": "0"})


def test_merge(clone: Clone) -> None:
    side = clone.out("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "side")
    assert_refused(
        clone.git("merge", "-q", "--no-ff", "--no-edit", side, ok=False), "linear-history"
    )
    clone.git("merge", "--abort")
    # Stopped before the commit, the merge is concluded by an ordinary one.
    clone.git("merge", "-q", "--no-ff", "--no-commit", side)
    assert_refused(try_commit(clone), "linear-history")


def test_detached_head(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach")
    assert_refused(try_commit(clone, "--allow-empty"), "detached-head")


def test_rebase_in_progress(clone: Clone) -> None:
    for number in range(2):
        clone.commit("a.txt", f"{number}\n", verify=True)
    clone.git("rebase", "-q", "-i", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "sed -i s/^pick/edit/"})
    assert clone.git("symbolic-ref", "-q", "HEAD", ok=False).code == 1
    clone.git("commit", "-q", "--amend", "-m", "changed on the way")
    clone.git("commit", "-q", "--allow-empty", "-m", "and one more")
    clone.write("b.txt", CONFLICT)
    clone.git("add", "b.txt")
    assert_refused(try_commit(clone), "conflict-marker")
    clone.git("rm", "-q", "-f", "b.txt")
    clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    assert clone.out("symbolic-ref", "HEAD") == "refs/heads/release-1.8"
    assert clone.out("rev-list", "--count", "origin/release-1.8..") == "3"


def theirs(clone: Clone) -> str:
    """A commit beside the newest one that changes the same line."""
    return clone.out("commit-tree", "origin/release-1.9^{tree}", "-p", "HEAD~1", "-m", "theirs")


def test_conflict_solved_in_a_rebase(clone: Clone) -> None:
    clone.commit("VERSION", "ours\n", verify=True)
    assert clone.git("rebase", "-q", theirs(clone), ok=False).code
    assert "<<<<<<<" in (clone.path / "VERSION").read_text()
    clone.git("add", "VERSION")
    assert_refused(
        try_commit(clone), "conflict-marker"
    )  # `rebase --continue` would not ask the hook
    clone.write("VERSION", "solved\n")
    clone.git("add", "VERSION")
    assert try_commit(clone).code == 0
    clone.git("rebase", "--continue")
    assert clone.out("symbolic-ref", "HEAD") == "refs/heads/release-1.8"
    assert clone.out("show", "HEAD:VERSION") == "solved"


@pytest.mark.parametrize("detached", [False, True])
def test_cherry_pick_in_progress(clone: Clone, detached: bool) -> None:
    clone.commit("VERSION", "ours\n", verify=True)
    if detached:
        clone.git("switch", "-q", "--detach")
    assert clone.git("cherry-pick", theirs(clone), ok=False).code
    clone.git("add", "VERSION")
    assert_refused(try_commit(clone), "conflict-marker")
    clone.write("VERSION", "solved\n")
    clone.git("add", "VERSION")
    assert try_commit(clone).code == 0
    assert (try_commit(clone, "--allow-empty").code == 0) is not detached


def test_bisect_in_progress(clone: Clone) -> None:
    for number in range(4):
        clone.commit("a.txt", f"{number}\n", verify=True)
    clone.git("bisect", "start", "HEAD", "HEAD~3")
    assert clone.git("symbolic-ref", "-q", "HEAD", ok=False).code == 1
    assert try_commit(clone, "--allow-empty").code == 0
    clone.git("bisect", "reset", "HEAD")
    assert_refused(try_commit(clone, "--allow-empty"), "detached-head")


def test_first_commit_of_a_repository(tmp_path: Path) -> None:
    assert run("git", "init", "-q", "-b", "main", tmp_path / "new").code == 0
    clone = Clone(tmp_path / "new")
    assert clone.ekf("hooks", "install").code == 0
    clone.write("a.txt", CONFLICT)
    clone.git("add", "a.txt")
    assert_refused(try_commit(clone), "branch-name", "conflict-marker")


# --- what slips past the commit hook is caught at the push ---


def slipped_cherry_pick(clone: Clone) -> None:
    clone.commit("a.txt", "a\n", verify=True)
    clone.git("switch", "-q", "-c", "feature", "origin/release-1.8", "--no-track")
    clone.git("cherry-pick", "release-1.8")


def slipped_revert(clone: Clone) -> None:
    clone.commit("a.txt", "a\n", verify=True)
    clone.git("switch", "-q", "-c", "feature")
    clone.git("revert", "--no-edit", "HEAD")


def slipped_no_verify(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "feature")
    clone.commit("a.txt", "a\n", verify=False)


def slipped_merge(clone: Clone) -> None:
    clone.commit("a.txt", "a\n", verify=True)
    side = clone.out("commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "side")
    clone.git("merge", "-q", "--no-verify", "--no-ff", "--no-edit", side)
    clone.git("commit", "-q", "--allow-empty", "-m", "on top")


def slipped_vendor_merge(clone: Clone) -> None:
    clone.git(
        "merge", "-q", "--no-verify", "--no-ff", "-X", "theirs", "--no-edit", "origin/release-1.9"
    )


def slipped_commit_tree(clone: Clone) -> None:
    tree = clone.out("rev-parse", "HEAD^{tree}")
    clone.git(
        "update-ref",
        "HEAD",
        clone.out("commit-tree", tree, "-p", "origin/release-1.9", "-m", "on another channel"),
    )


def slipped_reset(clone: Clone) -> None:
    clone.git("reset", "-q", "--hard", "origin/release-1.9")


@pytest.mark.parametrize("published", [False, pytest.param(True, marks=rare)])
@pytest.mark.parametrize(
    ("slip", "rules"),
    [
        (slipped_cherry_pick, ["branch-name"]),
        (slipped_revert, ["branch-name"]),
        (slipped_no_verify, ["branch-name"]),
        (slipped_merge, ["linear-history"]),
        (slipped_vendor_merge, ["branch-base", "linear-history"]),
        (slipped_commit_tree, ["branch-base"]),
        (slipped_reset, ["branch-base"]),
    ],
    ids=lambda value: (
        value.__name__.removeprefix("slipped_") if callable(value) else "+".join(value)
    ),
)
def test_what_the_commit_hook_does_not_see(
    clone: Clone, internal: Path, slip: Callable[[Clone], None], rules: list[str], published: bool
) -> None:
    if published:
        clone.git("push", "-q", "internal", "release-1.8")
    before = run("git", "-C", internal, "for-each-ref").out
    slip(clone)
    assert_refused(push(clone, "internal", "+HEAD"), *rules)
    assert run("git", "-C", internal, "for-each-ref").out == before


# --- shapes of a push ---


@pytest.mark.parametrize("bad", ["release-1.8:aa", "release-1.8:zz"])
def test_one_bad_ref_among_good_ones(clone: Clone, internal: Path, bad: str) -> None:
    clone.git("push", "-q", "internal", "release-1.8")
    before = run("git", "-C", internal, "for-each-ref").out
    clone.commit("a.txt", "a\n", verify=True)
    clone.git("tag", "v1")
    assert_refused(push(clone, "internal", "release-1.8", bad, "v1"), "branch-name")
    assert run("git", "-C", internal, "for-each-ref").out == before


def test_every_bad_ref_is_named(clone: Clone) -> None:
    clone.git("tag", "deploy/2026-02-30/release-1.8")
    done = push(
        clone,
        "internal",
        "release-1.8",
        "release-1.8:aa",
        "release-1.8:zz",
        "origin/release-1.9:refs/heads/release-1.10",
        "--tags",
    )
    assert_refused(done, "branch-base", "branch-name", "tag-lightweight", "tag-name")
    for name in ("aa is not", "zz is not", "release-1.10 stands", "2026-02-30"):
        assert name in done.err


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_bad_line_may_stand_anywhere(clone: Clone, internal: Path, position: int) -> None:
    """As the shim gets it, in whatever order git lists them; the first alone is one for the fast path."""
    old = clone.out("rev-parse", "HEAD")
    oid = clone.commit("a.txt", "a\n", verify=True)
    lines = [
        f"refs/heads/release-1.8 {oid} refs/heads/release-1.8 {old}\n",
        f"refs/tags/v1 {oid} refs/tags/v1 {NOTHING}\n",
    ]
    hook = clone.path / ".git" / "hooks" / "pre-push"
    assert run(hook, "internal", internal, cwd=clone.path, stdin="".join(lines)).code == 0
    lines.insert(position, f"HEAD~0 {oid} refs/heads/feature {NOTHING}\n")
    assert_refused(
        run(hook, "internal", internal, cwd=clone.path, stdin="".join(lines)), "branch-name"
    )


def test_push_of_nothing(clone: Clone) -> None:
    clone.git("push", "-q", "internal", "release-1.8")
    assert push(clone, "internal", "release-1.8").code == 0


def test_deletions(clone: Clone) -> None:
    clone.git(
        "push",
        "-q",
        "--no-verify",
        "internal",
        "release-1.8",
        "release-1.8:feature",
        "release-1.8:refs/tags/v1",
    )
    assert_refused(push(clone, "internal", ":release-1.8"), "delete-protected")
    assert_refused(push(clone, "internal", ":feature", ":release-1.8"), "delete-protected")
    assert push(clone, "internal", ":feature", ":v1").code == 0


def test_deletion_loses_no_commits(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "feature")
    clone.commit("a.txt", "a\n", verify=False)
    clone.git("push", "-q", "--no-verify", "internal", "feature")
    assert_refused(push(clone, "internal", ":feature"), "rewrite-unsaved")


def test_tags(clone: Clone) -> None:
    clone.git("tag", "v1")
    clone.git("tag", "-a", "-m", "any", "v2")
    assert push(clone, "internal", "v1", "v2").code == 0
    clone.git("tag", "deploy/2026-11-20/release-1.8")
    assert_refused(push(clone, "internal", "deploy/2026-11-20/release-1.8"), "tag-lightweight")
    clone.git("tag", "-a", "-m", "Context: no", "deploy/2026-13-01/release-1.8")
    assert_refused(
        push(clone, "internal", "deploy/2026-13-01/release-1.8"), "tag-fields", "tag-name"
    )
    assert_refused(push(clone, "origin", "v1"), "push-primary")


def test_new_branch_without_new_commits(clone: Clone) -> None:
    clone.git("push", "-q", "internal", "release-1.8")
    assert_refused(push(clone, "internal", "release-1.8:refs/heads/feature"), "branch-name")
    assert_refused(push(clone, "internal", "release-1.8:refs/heads/release-1.9"), "branch-base")
    assert push(clone, "internal", "origin/release-1.9:refs/heads/release-1.9").code == 0


def test_forced_update(clone: Clone) -> None:
    old = clone.commit("a.txt", "1\n", verify=True)
    clone.git("push", "-q", "internal", "release-1.8")
    clone.git("commit", "-q", "--amend", "-m", "better")
    for force in (["--force"], ["--force-with-lease"]):
        assert_refused(push(clone, *force, "internal", "release-1.8"), "rewrite-unsaved")
    assert_refused(push(clone, "internal", "+release-1.8"), "rewrite-unsaved")
    clone.git("push", "-q", "internal", f"{old}:refs/ekf/backup/release-1.8/1")
    assert push(clone, "--force", "internal", "release-1.8").code == 0


def test_mirror_of_everything(clone: Clone) -> None:
    clone.git("branch", "-q", "feature")
    assert_refused(push(clone, "--mirror", "internal"), "branch-name")


def test_third_repository(clone: Clone, tmp_path: Path) -> None:
    """Where a push goes that is neither the vendor's nor the cluster's repository is the user's affair."""
    assert run("git", "init", "-q", "--bare", tmp_path / "third.git").code == 0
    assert push(clone, str(tmp_path / "third.git"), "HEAD:anything").code == 0


# --- spellings of a repository ---


def spellings(path: Path) -> dict[str, str]:
    """A repository's URL in every way that git takes."""
    folder, name = path.parent, path.name
    (folder / "x").mkdir()
    (folder / "link").symlink_to(name)
    return {
        "path": f"{path}",
        "slash": f"{path}/",
        "no .git": f"{path}".removesuffix(".git"),
        "dots": f"{folder}/./x/../{name}",
        "slashes": f"/{path}",
        "relative": f"../{name}",
        "relative, dots": f"./.git/../../{name}",
        "file:": f"file://{path}",
        "file:, slash": f"file://{path}/",
        "file:, no .git": f"file://{path}".removesuffix(".git"),
        "file:, encoded": f"file://{folder}/%{ord(name[0]):02x}{name[1:]}",
        "link": f"{folder}/link",
    }


@rare
def test_push_to_the_vendor_by_url(clone: Clone, vendor: Path) -> None:
    before = run("git", "-C", vendor, "for-each-ref").out
    done = {how: push(clone, url, "HEAD:refs/heads/new") for how, url in spellings(vendor).items()}
    assert [how for how in done if "error  push-primary: " not in done[how].err] == []
    assert run("git", "-C", vendor, "for-each-ref").out == before


def test_push_to_the_internal_repository_by_url(clone: Clone, internal: Path) -> None:
    """Judged as a push by its name is, and what is fine goes through."""
    urls = spellings(internal)
    done = {how: push(clone, url, "HEAD:refs/heads/feature") for how, url in urls.items()}
    assert [how for how in done if "error  branch-name: " not in done[how].err] == []
    clone.git("push", "-q", urls["relative"], "release-1.8")


@rare
def test_remote_that_turns_out_to_be_the_vendor(clone: Clone, vendor: Path) -> None:
    """Also where the remote has the right name and the push is one that the fast path takes."""
    clone.git("commit", "-q", "--allow-empty", "-m", "fine")
    done = {}
    for how, url in some([*spellings(vendor).items()], 4):
        for internal, primary in ((url, str(vendor)), (str(vendor), url)):
            clone.git("remote", "set-url", "internal", internal)
            clone.git("remote", "set-url", "origin", primary)
            done[how, internal == url] = push(clone, "internal", "release-1.8")
    assert [how for how in done if "error  push-primary: " not in done[how].err] == []


def test_vendor_behind_another_name(clone: Clone, vendor: Path) -> None:
    clone.git("commit", "-q", "--allow-empty", "-m", "fine")
    clone.git("remote", "add", "upstream", str(vendor))
    assert_refused(push(clone, "upstream", "release-1.8"), "push-primary")
    clone.git("config", f"url.{vendor.parent}/.insteadOf", "corp:")
    assert_refused(push(clone, f"corp:{vendor.name}", "release-1.8"), "push-primary")
    for internal, primary in (
        (f"corp:{vendor.name}", str(vendor)),
        (str(vendor), f"corp:{vendor.name}"),
    ):
        clone.git("remote", "set-url", "internal", internal)
        clone.git("remote", "set-url", "origin", primary)
        assert_refused(push(clone, "internal", "release-1.8"), "push-primary")


def test_push_url_is_what_counts(clone: Clone, vendor: Path, internal: Path) -> None:
    clone.git("commit", "-q", "--allow-empty", "-m", "fine")
    clone.git("remote", "set-url", "--push", "internal", str(vendor))
    assert_refused(push(clone, "internal", "release-1.8"), "push-primary")
    clone.git("remote", "set-url", "--push", "internal", str(internal))
    clone.git("remote", "set-url", "--push", "origin", str(internal))
    assert_refused(push(clone, "origin", "release-1.8"), "push-primary")
