"""The vendor's and the cluster's repository, given the wrong way round."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from conftest import Clone, run

A_CLUSTERS = "the primary repository is a cluster's own, for it has "
NOTHING_OWN = "internal has releases, but no commit that origin lacks, and no deploy record: "


@pytest.fixture
def used(clone: Clone) -> Clone:
    """A clone whose configuration and record are on `internal`."""
    clone.commit("own/a", "1")
    assert clone.ekf("tag", "-m", "Deployed").code == 0
    assert clone.ekf("save").code == 0
    return clone


@pytest.fixture
def swapped(used: Clone, vendor: Path, internal: Path, tmp_path: Path) -> Clone:
    """What a clone that asked nothing made of them: each remote is the other one."""
    work = tmp_path / "swapped"
    assert run("git", "clone", "-q", "-b", "release-1.8", internal, work).code == 0
    clone = Clone(work)
    clone.git("remote", "add", "internal", str(vendor))
    for refspec in (
        "+refs/tags/deploy/*:refs/ekf/saved/deploy/*",
        "+refs/ekf/upstream/*:refs/ekf/upstream/*",
    ):
        clone.git("config", "--add", "remote.internal.fetch", refspec)
    clone.git("fetch", "-q", "internal")
    clone.commit("own/b", "2", "Meant for the cluster alone")
    return clone


def heads(repository: Path) -> str:
    return run("git", "-C", repository, "for-each-ref").out


def follow(hint: str, cwd: Path) -> None:
    """Does what a hint says, as it is printed."""
    words = shlex.split(hint.splitlines()[-1].removeprefix("hint: "))
    assert words[:2] == ["git", "ekf"], hint
    answered = ("--yes",) if words[2] == "init" else ()
    done = run("git-ekf", *words[2:], *answered, cwd=cwd)
    assert done.code == 0, done


@pytest.mark.parametrize("kept", ["deploy record", "upstream", "backup"])
def test_clone_refuses_a_clusters_own_as_primary(
    used: Clone, vendor: Path, internal: Path, tmp_path: Path, kept: str
) -> None:
    tip = used.out("rev-parse", "HEAD")
    if kept != "deploy record":
        run("git", "-C", internal, "tag", "-d", "deploy/2026-11-20/release-1.8")
        run("git", "-C", internal, "update-ref", "-d", "refs/ekf/upstream/release-1.8")
        run("git", "-C", internal, "update-ref", f"refs/ekf/{kept}/release-1.8/1", tip)
    to = tmp_path / "new one"
    options = ("--internal", vendor, "--release", "1.8")
    refused = run("git-ekf", "clone", internal, to, *options)
    has = "1 deploy record" if kept == "deploy record" else "what git ekf save keeps"
    assert (refused.code, refused.out) == (4, "")
    assert refused.err == (
        f"git-ekf: {A_CLUSTERS}{has}: it and the internal one are the wrong way round\n"
        f"hint: git ekf clone {vendor} {shlex.quote(str(to))} --internal {internal} --release 1.8\n"
    )
    assert not to.exists()
    follow(refused.err, tmp_path)
    assert Clone(to).out("rev-parse", "HEAD") == tip


def test_a_mirror_or_a_vendor_with_other_tags_is_no_clusters_own(
    vendor: Path, internal: Path, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror.git"
    assert run("git-ekf", "mirror", vendor, mirror).code == 0
    for ref in ("refs/tags/deploy/nightly", "refs/ekf/backup/release-1.8/1"):
        run("git", "-C", mirror, "update-ref", ref, "release-1.8")
    done = run("git-ekf", "clone", mirror, tmp_path / "new", "--internal", internal)
    assert done.code == 0, done


def test_clone_refuses_a_copy_of_the_vendor_as_internal(vendor: Path, tmp_path: Path) -> None:
    copy, to = tmp_path / "copy.git", tmp_path / "new"
    run("git", "clone", "-q", "--bare", vendor, copy)
    to.mkdir()
    refused = run("git-ekf", "clone", vendor, to, "--internal", copy)
    assert refused.code == 4
    assert refused.err == (
        f"git-ekf: {NOTHING_OWN}it is a copy of origin\n"
        "hint: give the cluster a repository of its own: git init --bare DIR\n"
    )
    assert list(to.iterdir()) == []


def test_clone_refuses_an_internal_that_is_behind_the_primary(
    clone: Clone, vendor: Path, tmp_path: Path
) -> None:
    used = tmp_path / "used.git"
    run("git", "clone", "-q", "--bare", vendor, used)
    clone.commit("own/a", "1")
    clone.git("push", "-q", "--no-verify", str(used), "release-1.8")
    to = tmp_path / "new"
    refused = run("git-ekf", "clone", used, to, "--internal", vendor)
    assert refused.code == 4
    assert refused.err == (
        f"git-ekf: {NOTHING_OWN}they are the wrong way round, or internal is an old copy of origin\n"
        f"hint: git ekf clone {vendor} {to} --internal {used}, or, where it is a copy,"
        " one of the cluster's own: git init --bare DIR\n"
    )
    assert not to.exists()


def test_init_refuses_a_clusters_own_as_primary(
    used: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    work = tmp_path / "plain"
    run("git", "clone", "-q", "-b", "release-1.8", internal, work)
    clone = Clone(work)
    before = clone.out("for-each-ref"), clone.out("config", "--list", "--local")
    refused = clone.ekf("init", "--internal", str(vendor))
    assert refused.code == 4
    assert refused.err == (
        f"git-ekf: {A_CLUSTERS}1 deploy record: it and the internal one are the wrong way round\n"
        f"hint: git ekf init --primary {vendor} --internal {internal}\n"
    )
    assert (clone.out("for-each-ref"), clone.out("config", "--list", "--local")) == before
    follow(refused.err, work)
    assert clone.out("config", "remote.origin.url") == str(vendor)
    assert clone.out("config", "remote.internal.url") == str(internal)


def test_init_refuses_a_copy_as_internal(vendor: Path, tmp_path: Path) -> None:
    copy, work = tmp_path / "copy.git", tmp_path / "plain"
    run("git", "clone", "-q", "--bare", vendor, copy)
    run("git", "clone", "-q", "-b", "release-1.8", vendor, work)
    refused = Clone(work).ekf("init", "--internal", str(copy))
    assert refused.code == 4
    assert refused.err.startswith(f"git-ekf: {NOTHING_OWN}it is a copy of origin\n")
    assert Clone(work).out("remote") == "origin"


def test_save_publishes_nothing_to_the_vendor(swapped: Clone, vendor: Path, internal: Path) -> None:
    before = heads(vendor)
    refused = swapped.ekf("save")
    assert refused.code == 4
    assert refused.err == (
        "git-ekf: origin has the configuration that the deploy records are on, and internal has"
        " no record: they are the wrong way round\n"
        f"hint: git ekf init --primary {vendor} --internal {internal}\n"
    )
    assert heads(vendor) == before
    follow(refused.err, swapped.path)
    assert swapped.out("config", "remote.origin.url") == str(vendor)
    assert swapped.out("config", "remote.internal.url") == str(internal)
    assert swapped.ekf("save").code == 0
    assert heads(vendor) == before
    assert (
        "Meant for the cluster alone"
        in run("git", "-C", internal, "log", "--format=%s", "release-1.8").out
    )


def test_check_and_status_find_it_without_the_network(swapped: Clone) -> None:
    assert swapped.rules() == ["remote-swapped", "vendor-path"]
    assert "  policy         remote-swapped, vendor-path " in swapped.ekf("status").out
    assert swapped.ekf("tag", "-m", "x").code != 0
    finding = json.loads(swapped.ekf("check", "--json").out)["findings"][0]
    assert finding["rule"] == "remote-swapped"
    assert finding["message"] in swapped.ekf("save").err
    follow(f"hint: {finding['fix'].partition(', or')[0]}", swapped.path)
    assert swapped.rules() == []


def test_check_finds_a_copy_of_the_vendor(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.git"
    run("git", "clone", "-q", "--bare", vendor, copy)
    assert clone.rules() == []
    clone.git("config", "remote.internal.url", str(copy))
    assert clone.ekf("status", "--fetch").code == 0
    assert clone.rules() == ["remote-swapped"]


def test_save_publishes_nothing_to_a_copy_of_the_vendor(
    clone: Clone, vendor: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.git"
    run("git", "clone", "-q", "--bare", vendor, copy)
    clone.git("config", "remote.internal.url", str(copy))
    clone.commit("own/a", "1")
    before = heads(copy)
    refused = clone.ekf("save")
    assert refused.code == 4
    assert refused.err.startswith(f"git-ekf: {NOTHING_OWN}it is a copy of origin\n")
    assert heads(copy) == before


def test_a_branch_pushed_by_hand_may_be_saved(clone: Clone, internal: Path) -> None:
    """It holds nothing but the vendor's commits so far."""
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0


def test_all_branches_pushed_by_hand_may_be_saved(clone: Clone, internal: Path) -> None:
    for branch in ("release-1.8", "release-1.9", "release-1.10"):
        clone.git("push", "-q", "--no-verify", "internal", f"origin/{branch}:refs/heads/{branch}")
    clone.commit("own/a", "1")
    done = clone.ekf("save")
    assert done.code == 0, done


def test_what_the_vendor_has_taken_over_is_no_sign(used: Clone, vendor: Path) -> None:
    """The vendor has merged the configuration as it is, and internal has records of it."""
    used.git("push", "-q", "--no-verify", str(vendor), "release-1.8")
    used.git("fetch", "-q", "origin")
    used.commit("own/b", "2")
    done = used.ekf("save")
    assert done.code == 0, done
