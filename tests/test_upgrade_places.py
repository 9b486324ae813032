"""An upgrade in unusual places: kinds of repositories, settings that change what a merge or a checkout does, and old gits."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import Clone, run
from reach import rare
from upgrading import (
    ISTIO,
    NEWEST_GIT,
    SETTINGS,
    World,
    assert_as_rebased,
    assert_clean,
    assert_refused,
    fill,
    make,
    rebased,
    script,
    snapshot,
    vendor_commit,
    wrapper,
)

from git_ekf.demo.sample import deployment


def there_and_back(world: World, *args: str) -> None:
    """An upgrade that comes to what git makes of it, files and all, and an undo that leaves nothing of it."""
    world.git("fetch", "-q", "origin")
    before = snapshot(world)
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check", *args)
    assert (done.code, done.err) == (0, ""), done
    assert_as_rebased(world, git)
    assert files(world) == files(git)
    done = world.ekf("undo")
    assert done.code == 0, done
    assert untold(snapshot(world)) == untold(before)


def files(world: World) -> dict[str, bytes]:
    """What is in the work tree."""
    paths = [
        path
        for path in world.path.rglob("*")
        if path.is_file() and world.path / ".git" not in path.parents
    ]
    return {str(path.relative_to(world.path)): path.read_bytes() for path in paths}


def untold(found: dict[str, object]) -> dict[str, object]:
    """A snapshot without what only tells of what was done."""
    return {
        key: value
        for key, value in found.items()
        if key not in ("logs/HEAD", "ekf/journal", "ekf/rebase")
    }


def stop_and_go_on(world: World, place: Clone | None = None) -> None:
    """A conflict, resolved; from any place in the work tree."""
    place = place or world
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    done = place.ekf("upgrade", "--no-save-check")
    assert done.code == 3, done
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "--", ISTIO)
    done = place.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert world.out("log", "--format=%s", "origin/release-1.9..").splitlines() == [
        "Our image",
        "More",
        "Three replicas",
        "Settings",
    ]
    assert world.out("status", "--porcelain") == ""


# --- kinds of repositories ---


@rare
def test_sha256(tmp_path: Path) -> None:
    world = make(tmp_path, "sha256")
    assert len(world.out("rev-parse", "HEAD")) == 64
    there_and_back(world)
    stop_and_go_on(world)


@pytest.fixture
def newest(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (NEWEST_GIT / "git").exists():
        pytest.skip("no newest git here; `make test` installs one")
    monkeypatch.setenv("PATH", f"{NEWEST_GIT}{os.pathsep}{os.environ['PATH']}")


@rare
@pytest.mark.usefixtures("newest")
def test_reftable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", "reftable")
    world = make(tmp_path)
    assert world.out("rev-parse", "--show-ref-format") == "reftable"
    there_and_back(world)
    stop_and_go_on(world)


@pytest.mark.usefixtures("newest")
def test_newest_git(world: World) -> None:
    there_and_back(world)
    stop_and_go_on(world)


@rare
def test_a_partial_clone(world: World, tmp_path: Path) -> None:
    """Blobs that are missing are fetched when they are needed, and only then."""
    world.vendor.git("config", "uploadpack.allowFilter", "true")
    world.vendor.git("config", "uploadpack.allowAnySHA1InWant", "true")
    path = tmp_path / "world/partial"
    url = f"file://{world.vendor.path}"
    assert run("git", "clone", "-q", "--filter=blob:none", "-b", "release-1.8", url, path).code == 0
    partial = World(path)
    assert partial.ekf("init", "--internal", str(world.internal.path)).code == 0
    partial.git("fetch", "-q", "internal")
    partial.git("reset", "-q", "--hard", "internal/release-1.8")
    missing = partial.out("rev-list", "--objects", "--missing=print", "--all").count("?")
    assert missing
    git = rebased(partial)
    done = partial.ekf("upgrade")
    assert done.code == 0, done
    assert_as_rebased(partial, git)
    assert partial.ekf("undo").code == 0
    stop_and_go_on(partial)


@rare
def test_a_linked_work_tree(world: World, tmp_path: Path) -> None:
    world.git("switch", "-q", "--detach")
    path = tmp_path / "world/linked"
    world.git("worktree", "add", "-q", str(path), "release-1.8")
    linked = World(path)
    git = rebased(world, base="origin/release-1.8")
    git.git("rebase", "--abort", ok=False)
    done = linked.ekf("upgrade")
    assert (done.code, done.err) == (0, ""), done
    assert linked.stack() == git.stack("HEAD", "origin/release-1.9")
    assert linked.out("status", "--porcelain") == ""
    assert world.out("status", "--porcelain") == ""
    assert linked.ekf("undo").code == 0
    stop_and_go_on(linked)
    assert linked.ekf("undo").code == 0
    linked.commit(ISTIO, deployment("istio", "1.8.0-other", 3), "Another image")
    assert linked.ekf("upgrade", "--no-save-check").code == 3
    assert "an upgrade" in linked.ekf("status").out
    assert "in progress" not in world.ekf("status").out
    assert world.ekf("upgrade", "--abort").code == 4
    assert linked.ekf("upgrade", "--abort").code == 0
    assert linked.out("status", "--porcelain") == ""


def test_below_the_top(world: World) -> None:
    """Also where the directory one is in goes away with the upgrade."""
    world.write("apps/old/file", "old\n")
    world.git("add", "-A")
    base = vendor_commit(world, "release-1.8", {"apps/old/file": "old\n"})
    world.git("reset", "-q", "--hard")
    world.git("fetch", "-q", "origin")
    assert world.ekf("sync").code == 0
    assert world.out("merge-base", "HEAD", "origin/release-1.8") == base
    git = rebased(world, base=base)
    done = Clone(world.path / "apps/old").ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert_as_rebased(world, git)
    assert world.ekf("undo").code == 0
    stop_and_go_on(world, Clone(world.path / "apps/istio/base"))


def test_git_dir_given(world: World) -> None:
    """As git hands it on to `git ekf` from a hook or an alias."""
    git = rebased(world)
    done = run(
        "git",
        "--git-dir",
        world.path / ".git",
        "--work-tree",
        world.path,
        "ekf",
        "upgrade",
        cwd=world.path,
    )
    assert done.code == 0, done
    assert_as_rebased(world, git)


def test_sparse_checkout(world: World) -> None:
    world.git("sparse-checkout", "set", "--cone", "own", "apps/dashboard")
    assert not (world.path / ISTIO).exists()
    there_and_back(world)
    assert world.ekf("upgrade").code == 0
    assert not (world.path / "apps/istio").exists()
    assert (world.path / "apps/dashboard/base/deployment.yaml").exists()
    assert world.out("ls-files", "-t", "--", ISTIO) == f"S {ISTIO}"
    assert_clean(world)


def test_sparse_checkout_and_a_conflict_outside(world: World) -> None:
    """git brings a file in conflict into the work tree."""
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.git("sparse-checkout", "set", "--cone", "own")
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 3
    assert "<<<<<<<" in (world.path / ISTIO).read_text()
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "--sparse", "--", ISTIO)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert world.out("show", f"HEAD:{ISTIO}") + "\n" == deployment("istio", "1.9.0-mine", 3)
    assert world.out("status", "--porcelain") == ""


def test_a_submodule(world: World, tmp_path: Path) -> None:
    """The vendor moves one, and the customer has one."""
    if not (Path(run("git", "--exec-path").out.strip()) / "git-submodule").exists():
        pytest.skip("this git comes without its submodule command")
    library = Clone(tmp_path / "library")
    assert run("git", "init", "-q", "-b", "main", library.path).code == 0
    one = library.commit("a", "1")
    two = library.commit("a", "2")
    world.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        str(library.path),
        "own/library",
    )
    world.git("-C", "own/library", "checkout", "-q", one)
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "A library")
    world.git("-C", "own/library", "checkout", "-q", two)
    world.git("commit", "-q", "-a", "-m", "A newer library")
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert_as_rebased(world, git)
    assert world.out("rev-parse", "HEAD:own/library") == two
    assert world.ekf("undo").code == 0
    world.git("-C", "own/library", "checkout", "-q", one)
    done = world.ekf("upgrade", "--no-save-check")
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: there is uncommitted work: own/library",
    )


# --- what changes a merge or a checkout ---


def test_autocrlf(world: World) -> None:
    world.git("config", "core.autocrlf", "true")
    world.git("rm", "-q", "-r", "--cached", ".")
    world.git("reset", "-q", "--hard")
    assert b"\r\n" in (world.path / ISTIO).read_bytes()
    there_and_back(world)
    assert world.ekf("upgrade").code == 0
    assert (world.path / ISTIO).read_bytes() == deployment("istio", "1.9.0", 3).replace(
        "\n", "\r\n"
    ).encode()
    assert_clean(world)


@rare
def test_attributes_of_line_ends(world: World) -> None:
    """They come with the customer's commits, and are in force for files that come after."""
    world.commit(".gitattributes", "own/*.txt text eol=crlf\n", "Line ends")
    world.commit("own/a.txt", "a\r\nb\r\n", "A text")
    there_and_back(world)
    assert world.ekf("upgrade", "--no-save-check").code == 0
    assert_clean(world)


def test_a_filter(world: World) -> None:
    world.git("config", "filter.shout.clean", "tr A-Z a-z")
    world.git("config", "filter.shout.smudge", "tr a-z A-Z")
    world.git("config", "filter.shout.required", "true")
    world.commit(".gitattributes", "VERSION filter=shout\nown/settings filter=shout\n", "Shout")
    world.git("rm", "-q", "-r", "--cached", ".")
    world.git("reset", "-q", "--hard")
    assert (world.path / SETTINGS).read_text() == "ONE\n"
    vendor_commit(world, "release-1.9", {"VERSION": "v1.9.0\n"})
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert world.stack() == git.stack("HEAD", "origin/release-1.9")
    assert (world.path / "VERSION").read_text() == "V1.9.0\n"
    assert (world.path / SETTINGS).read_text() == "ONE\n"


@pytest.mark.skipif(
    shutil.which("git-lfs") is None, reason="git-lfs (a Debian package) is not installed"
)
def test_lfs(world: World) -> None:
    """The file in the work tree is the large one, the one in the commits says where that is."""
    world.git("lfs", "install", "--local", "--skip-repo")
    world.commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n", "Large files")
    world.commit("own/large.bin", "large\n", "One")
    world.commit("own/other.bin", "other\n", "Another")
    world.commit("own/large.bin", "larger\n", "A larger one")
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert_as_rebased(world, git)
    assert (world.path / "own/large.bin").read_text() == "larger\n"
    assert world.out("show", "HEAD:own/large.bin").startswith(
        "version https://git-lfs.github.com/spec/v1"
    )


def test_a_merge_driver(world: World) -> None:
    """One that the vendor's attributes name and the configuration defines."""
    world.git("config", "merge.both.driver", "cat %B >>%A")
    vendor_commit(
        world,
        "release-1.9",
        {".gitattributes": "*.yaml merge=both\nVERSION merge=union\n"},
        "Merge in a way of its own",
    )
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.commit("VERSION", "1.8.0-mine\n", "Our version")
    there_and_back(world)
    assert world.ekf("upgrade", "--no-save-check").code == 0
    assert (world.path / ISTIO).read_text().count("apiVersion") > 1
    assert (world.path / "VERSION").read_text() == "1.9.0\n1.8.0-mine\n"


def test_a_merge_driver_that_fails(world: World) -> None:
    world.git("config", "merge.never.driver", "false")
    vendor_commit(world, "release-1.9", {".gitattributes": "*.yaml merge=never\n"})
    plan = world.ekf("upgrade", "--plan")
    assert plan.code == 1
    stopped = world.ekf("upgrade")
    assert stopped.code == 3
    assert (
        f"Stopped at commit 2 of 3: {world.stack('release-1.8')[1][:7]} Three replicas\n"
        in stopped.out
    )
    assert world.ekf("upgrade", "--abort").code == 0


def test_renormalize(world: World) -> None:
    """git goes by it in a work tree only, so it is a rebase that does it, and the plan says why there is none."""
    world.git("config", "merge.renormalize", "true")
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    world.commit(ISTIO, deployment("istio", "1.8.0", 3).replace("\n", "\r\n"), "Their line ends")
    world.save()
    vendor_commit(world, "release-1.9", {".gitattributes": "*.yaml text\n"})
    git = rebased(world)
    plan = world.ekf("upgrade", "--plan")
    assert (plan.code, plan.out) == (4, "")
    assert plan.err.startswith(
        "git-ekf: there is no forecast: merge.renormalize is set, which git goes by in a work tree only\nhint: "
    )
    done = world.ekf("upgrade")
    assert (done.code, done.err) == (0, ""), done
    assert world.stack() == git.stack("HEAD", "origin/release-1.9")
    assert "1 configuration commit on" in done.out


def test_cleanup_of_messages(world: World) -> None:
    """Under commit.cleanup a rebase changes messages, and so it does here."""
    world.write("own/x", "x")
    world.git("add", "-A")
    world.git("commit", "-q", "--cleanup=verbatim", "-m", "Spaces  \n\n\n\n# a comment\nend\n\n")
    world.git("config", "commit.cleanup", "strip")
    there_and_back(world)


@rare
@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-8"])
def test_an_encoding_of_their_own(world: World, encoding: str) -> None:
    world.git(
        "-c",
        "i18n.commitEncoding=ISO-8859-1",
        "commit",
        "-q",
        "--allow-empty",
        "-F",
        "-",
        stdin="K\udcf6rper\n",
    )
    world.git("config", "i18n.commitEncoding", encoding)
    there_and_back(world)


# --- git as it was, or as it fails ---

OLD = """case $1 in
version) echo git version 2.34.1; exit;;
merge-tree) case " $* " in *" --write-tree "*) echo 'usage: git merge-tree <base-tree> <branch1> <branch2>' >&2; exit 129;; esac;;
esac
exec "$real" "$@"
"""


def test_an_old_git(world: World, tmp_path: Path) -> None:
    """Without merges in memory a rebase does it; there is no plan, and it says why."""
    env = wrapper(tmp_path / "old", OLD)
    git = rebased(world)
    before = snapshot(world)
    plan = world.ekf("upgrade", "--plan", env=env)
    assert (plan.code, plan.out) == (4, "")
    assert plan.err == (
        "git-ekf: there is no forecast: git 2.34.1 cannot merge without a work tree (2.39 can)\n"
        "hint: git ekf upgrade, without --plan; git ekf undo takes it back\n"
    )
    assert snapshot(world) == before
    done = world.ekf("upgrade", env=env)
    assert (done.code, done.err) == (0, ""), done
    assert "Upgraded: release-1.9 is at " in done.out
    assert "3 configuration commits" in done.out
    assert_as_rebased(world, git)
    assert world.ekf("undo", env=env).code == 0
    assert untold(snapshot(world)) == untold(before)


def test_an_old_git_and_no_commits(world: World, tmp_path: Path) -> None:
    env = wrapper(tmp_path / "old", OLD)
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    done = world.ekf("upgrade", env=env)
    assert done.code == 0, done
    assert world.out("rev-parse", "HEAD") == world.out("rev-parse", "origin/release-1.9")
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert_clean(world)


def test_an_old_git_and_a_conflict(world: World, tmp_path: Path) -> None:
    env = wrapper(tmp_path / "old", OLD)
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    before = snapshot(world)
    stopped = world.ekf("upgrade", "--no-save-check", env=env)
    assert stopped.code == 3
    assert stopped.out.startswith("Stopped at commit 4 of 4: ")
    assert world.ekf("upgrade", "--abort", env=env).code == 0
    after = snapshot(world)
    assert after["refs"] == before["refs"]
    assert_clean(world)


@rare
def test_a_full_disk(world: World, tmp_path: Path) -> None:
    """The repository's file system fills up while the objects are written: as before, and again when there is room."""
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", tiny).code:
        pytest.skip("only root may mount a file system to fill")
    try:
        (world.path / "own/big").write_bytes(os.urandom(300_000))
        world.git("add", "-A")
        world.git("commit", "-q", "-m", "Big")
        vendor_commit(world, "release-1.9", {"big": os.urandom(500_000)})
        world.git("fetch", "-q", "origin")
        shutil.copytree(world.path, tiny / "work", symlinks=True)
        small = World(tiny / "work")
        small.git("update-index", "-q", "--refresh")
        before = snapshot(small)
        room = os.statvfs(tiny)
        (tiny / "filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize - 100_000))
        done = small.ekf("upgrade", "--no-save-check", "--no-fetch")
        assert done.code in (4, 5), done
        assert "Traceback" not in done.err
        assert snapshot(small)["refs"] == before["refs"]
        (tiny / "filler").unlink()
        done = small.ekf("upgrade", "--no-save-check", "--no-fetch")
        assert done.code == 0, done
        assert_clean(small)
    finally:
        run("umount", tiny)


def test_a_file_that_cannot_be_written(world: World, tmp_path: Path) -> None:
    """Something holds the place of a directory read-only: nothing is changed."""
    if run("chattr", "+i", world.path / "VERSION").code:
        pytest.skip("files cannot be made immutable here")
    try:
        before = snapshot(world)
        done = world.ekf("upgrade")
        assert done.code in (4, 5)
        assert "Traceback" not in done.err
        after = snapshot(world)
        assert {key: after[key] for key in ("refs", "HEAD")} == {
            key: before[key] for key in ("refs", "HEAD")
        }
    finally:
        run("chattr", "-i", world.path / "VERSION")
    assert world.ekf("upgrade").code == 0
    assert_clean(world)


def test_an_index_lock_that_was_left_behind(world: World) -> None:
    lock = world.path / ".git/index.lock"
    before = snapshot(world)
    lock.touch()
    done = world.ekf("upgrade")
    assert (done.code, done.err.splitlines()) == (
        4,
        [
            f"git-ekf: another git command is at work here, or was killed and left {lock}, which then may go",
            f"hint: rm -f {lock}",
        ],
    )
    lock.unlink()
    assert untold(snapshot(world)) == untold(before)
    assert world.ekf("upgrade").code == 0


def test_a_ref_transaction_that_is_refused(world: World) -> None:
    hook = world.path / ".git/hooks/reference-transaction"
    script(
        hook,
        '#!/bin/sh\n[ "$1" != prepared ] || ! grep -q refs/heads/release-1.9 || { echo no moves today >&2; exit 1; }\n',
    )
    before = snapshot(world)
    done = world.ekf("upgrade")
    assert done.code == 5
    assert "Traceback" not in done.err
    assert untold(snapshot(world)) == untold(before)
    hook.unlink()
    assert world.ekf("upgrade").code == 0


@rare
def test_the_stack_fills(vendor: Path, internal: Path, tmp_path: Path) -> None:
    """A clone from nothing but git, set up by init, upgrades like any other."""
    world = World(tmp_path / "work")
    assert run("git", "clone", "-q", "-b", "release-1.8", vendor, world.path).code == 0
    assert world.ekf("init", "--internal", str(internal)).code == 0
    fill(world)
    there_and_back(world)


def test_a_directory_with_a_line_end_in_its_name(world: World) -> None:
    """The vendor takes something from it, a commit adds something to it, and another one has to be merged with the vendor's."""
    there = vendor_commit(
        world,
        "release-1.8",
        {"a\nb/one": "one\n", "a\nb/two": "two\n", "z/one": "one\n", "z/two": "two\n"},
    )
    assert world.ekf("sync", "--no-save-check").code == 0
    vendor_commit(
        world,
        "release-1.9",
        {"a\nb/two": None, "z/two": None, ISTIO: deployment("istio", "1.9.0", 1)},
        parent=there,
    )
    (world.path / "a\nb/own").write_text("own\n")
    world.git("add", "-A")
    world.commit("z/own", "own\n", "In directories of the vendor's")
    there_and_back(world)


def test_names_that_differ_in_case_only(world: World) -> None:
    """Where the file system takes them for one, one would be written over the other."""
    world.git("config", "core.ignoreCase", "true")
    vendor_commit(world, "release-1.9", {"readme.md": "other\n", "README.md": "one\n"})
    before = snapshot(world)
    done = world.ekf("upgrade")
    assert_refused(
        done,
        "README.md and readme.md differ in case only, and this file system takes them for one",
        "a case-sensitive file system",
    )
    assert {**snapshot(world), "refs": ""} == {**before, "refs": ""}


def test_what_is_in_the_way_is_moved_from_where_one_is(world: World) -> None:
    vendor_commit(world, "release-1.9", {"docs/new": "theirs\n"}, "A file")
    world.write("docs/new", "mine\n")
    below = Clone(world.path / "own")
    done = below.ekf("upgrade", "1.9", "--no-save-check")
    assert done.code == 4, done
    assert (
        run("sh", "-c", done.err.splitlines()[1].removeprefix("hint: "), cwd=below.path).code == 0
    )
    assert (world.path / "docs/new.mine").read_text() == "mine\n"
