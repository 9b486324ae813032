"""Servers that take only branches and tags: backups and the vendor's commits below another name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Clone, run
from reach import rare

BRANCHES = "refs/heads/ekf/"
TAGS = "refs/tags/ekf/"
BOTH = pytest.mark.parametrize("namespace", [BRANCHES, TAGS])
SERVERS = pytest.mark.parametrize("how", ["update", "pre-receive", "receive", "transfer"])


def narrow(internal: Path, how: str) -> None:
    """The server refuses all but branches and tags, as servers really do."""
    if how in ("receive", "transfer"):
        hide = ["config", "--add", f"{how}.hideRefs"]
        assert run("git", "-C", internal, *hide, "refs/ekf").code == 0
        return
    hook = internal / "hooks" / how
    hook.parent.mkdir(exist_ok=True)
    check = 'case $ref in refs/heads/*|refs/tags/*) ;; *) echo "GH: $ref" >&2; exit 1;; esac'
    each = f"while read -r old new ref; do {check}; done" if how == "pre-receive" else check
    hook.write_text(f"#!/bin/sh\nref=$1\n{each}\n")
    hook.chmod(0o755)


def refs(internal: Path, prefix: str) -> dict[str, str]:
    """Ref -> object id at the server, below a name."""
    listed = run("git", "-C", internal, "for-each-ref", "--format=%(refname) %(objectname)", prefix)
    return dict(line.split(" ") for line in listed.out.splitlines())


def choose(clone: Clone, namespace: str) -> None:
    clone.git("config", "ekf.internal.namespace", namespace)
    done = clone.ekf("init")
    assert done.code == 0, done


@SERVERS
@BOTH
def test_what_was_rewritten_can_be_saved(
    clone: Clone, internal: Path, how: str, namespace: str
) -> None:
    narrow(internal, how)
    before = clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    clone.git("commit", "-q", "--amend", "-m", "Amended")
    refused = clone.ekf("save")
    assert refused.code == 5
    assert refused.err.startswith("git-ekf: internal did not take a backup: ")
    assert refused.err.endswith("hint: git ekf doctor --remote, which tries where it takes one\n")
    choose(clone, namespace)
    done = clone.ekf("save")
    assert (done.code, done.err) == (0, ""), done
    assert "note: " not in done.out
    assert list(refs(internal, f"{namespace}backup/release-1.8/").values()) == [before]
    vendor = clone.out("rev-parse", "origin/release-1.8")
    assert refs(internal, f"{namespace}upstream/") == {f"{namespace}upstream/release-1.8": vendor}
    assert refs(internal, "refs/ekf/") == {}
    assert clone.rules("--all") == []
    assert clone.ekf("doctor", "--offline").code == 0


@BOTH
def test_after_a_sync(clone: Clone, vendor: Path, internal: Path, namespace: str) -> None:
    narrow(internal, "update")
    choose(clone, namespace)
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    clone.git("switch", "-q", "--detach", "origin/release-1.8")
    clone.commit("vendor", "new")
    clone.git("push", "-q", "--no-verify", str(vendor), "HEAD:release-1.8")
    clone.git("switch", "-q", "release-1.8")
    clone.git("fetch", "-q", "origin")
    assert clone.ekf("sync").code == 0
    done = clone.ekf("save")
    assert (done.code, done.err) == (0, ""), done
    assert "note: " not in done.out
    assert len(refs(internal, f"{namespace}backup/")) == 1
    vendors = clone.out("rev-parse", "origin/release-1.8")
    assert list(refs(internal, f"{namespace}upstream/").values()) == [vendors]


@BOTH
def test_a_lost_clone_is_restored(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path, namespace: str
) -> None:
    """Also where the vendor has deleted the channel: the tracked file says where to look."""
    clone.commit(".ekf.toml", f'[internal]\nnamespace = "{namespace}"\n')
    assert clone.ekf("init").code == 0
    assert clone.ekf("save").code == 0
    base = clone.out("rev-parse", "origin/release-1.8")
    run("git", "-C", vendor, "update-ref", "-d", "refs/heads/release-1.8")
    done = run("git-ekf", "clone", vendor, tmp_path / "new", "--internal", internal)
    assert done.code == 0, done
    new = Clone(tmp_path / "new")
    assert new.out("rev-parse", "refs/ekf/upstream/release-1.8") == base
    assert "configuration  1 commit on" in new.ekf("status").out
    new.git("fetch", "internal")


def test_a_clone_keeps_what_git_was_told(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    choose(clone, BRANCHES)
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    setting = f"ekf.internal.namespace={BRANCHES}"
    words = ("ekf", "clone", str(vendor), "new", "--internal", str(internal))
    assert run("git", "-c", setting, *words, cwd=tmp_path).code == 0
    new = Clone(tmp_path / "new")
    assert new.out("config", "--local", "ekf.internal.namespace") == BRANCHES
    assert new.out("for-each-ref", "--format=%(refname)", "refs/ekf/upstream/") == (
        "refs/ekf/upstream/release-1.8"
    )


@rare
@BOTH
def test_a_backup_is_neither_moved_nor_deleted(
    clone: Clone, internal: Path, namespace: str
) -> None:
    choose(clone, namespace)
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    clone.git("commit", "-q", "--amend", "-m", "Amended")
    assert clone.ekf("save").code == 0
    before = refs(internal, namespace)
    (backup,) = refs(internal, f"{namespace}backup/")
    for refspec in (f":{backup}", f"+HEAD:{backup}"):
        done = clone.git("push", "internal", refspec, ok=False)
        assert "  error  backup-moved: the push " in done.err
    assert refs(internal, namespace) == before
    # A commit that only a backup keeps there may go from its branch.
    old = clone.out("rev-parse", "HEAD")
    clone.git("push", "-q", "internal", f"{old}:{namespace}backup/release-1.8/mine")
    clone.git("commit", "-q", "--amend", "-m", "Once more")
    clone.git("push", "-q", "--force", "internal", "release-1.8")


def test_back_to_the_default(clone: Clone, internal: Path) -> None:
    """A namespace that is left is not fetched from any more, and git takes one source only."""
    choose(clone, BRANCHES)
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    clone.git("config", "--unset", "ekf.internal.namespace")
    assert clone.ekf("init").code == 0
    assert clone.ekf("save").code == 0
    clone.git("fetch", "internal")
    fetched = clone.out("config", "--get-all", "remote.internal.fetch").splitlines()
    assert fetched[-1] == "+refs/ekf/upstream/*:refs/ekf/upstream/*"
    assert len(fetched) == 3


@pytest.mark.parametrize(
    "value",
    [
        "refs/heads/",
        "refs/tags/",
        "refs/heads/ekf",
        "ekf/",
        "refs/remotes/x/",
        "refs/tags/deploy/",
        "refs/tags/deploy/x/",
        "refs/heads/a b/",
        "refs/heads/../",
        "refs/heads//",
        "refs/ekf",
        "-x",
    ],
)
def test_what_cannot_be_a_namespace(clone: Clone, value: str) -> None:
    clone.git("config", "ekf.internal.namespace", value)
    done = clone.ekf("status")
    assert done.code == 2
    assert done.err.startswith(
        "git-ekf: git config ekf.internal.namespace: internal.namespace must"
    )


# --- doctor --remote ---


def server(clone: Clone, *args: str) -> dict[str, str]:
    """What doctor says of the server."""
    document = json.loads(clone.ekf("doctor", "--json", *args).out)
    found = [one for one in document["findings"] if one["check"] == "server"]
    return found[0] if found else {}


@rare
@SERVERS
def test_doctor_tries_what_a_server_takes(clone: Clone, internal: Path, how: str) -> None:
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    assert server(clone) == {}
    found = server(clone, "--remote")
    every = "refs/ekf/, refs/heads/ekf/, refs/tags/ekf/"
    assert (found["state"], found["message"]) == (
        "ok",
        f"internal takes what is kept below refs/ekf/; it takes {every}",
    )
    narrow(internal, how)
    found = server(clone, "--remote")
    assert found["state"] == "error"
    assert found["message"].endswith("; it takes refs/heads/ekf/, refs/tags/ekf/")
    assert found["fix"] == "git config ekf.internal.namespace refs/heads/ekf/ && git ekf init"
    choose(clone, BRANCHES)
    assert server(clone, "--remote")["state"] == "ok"
    listed = run("git", "-C", internal, "for-each-ref").out
    assert "doctor" not in listed


def test_doctor_where_nothing_can_be_told(clone: Clone, internal: Path) -> None:
    assert server(clone, "--remote")["state"] == "skipped"
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    internal.rename(internal.with_name("away.git"))
    found = server(clone, "--remote")
    assert found["state"] == "error"
    assert found["message"].startswith("internal takes no new ref: ")
    done = clone.ekf("doctor", "--remote", "--offline")
    assert (done.code, done.out) == (2, "")


def test_doctor_where_nothing_can_be_deleted(clone: Clone, internal: Path) -> None:
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    run("git", "-C", internal, "config", "receive.denyDeletes", "true")
    found = server(clone, "--remote")
    assert found["state"] == "warning"
    assert " be deleted again: " in found["message"]


@BOTH
def test_a_second_clone_finds_the_namespace(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path, namespace: str
) -> None:
    choose(clone, namespace)
    clone.commit("own/a", "1")
    assert clone.ekf("tag", "-m", "One").code == 0
    assert clone.ekf("save").code == 0
    done = run("git-ekf", "clone", vendor, tmp_path / "second", "--internal", internal)
    assert done.code == 0, done
    assert f"  ekf.internal.namespace = {namespace}, as internal has it\n" in done.out
    second = Clone(tmp_path / "second")
    assert second.out("rev-parse", "refs/ekf/upstream/release-1.8") == second.out(
        "rev-parse", "origin/release-1.8"
    )
    assert second.rules() == []
    second.git("commit", "-q", "--amend", "--no-verify", "-m", "Amended")
    assert second.ekf("save").code == 0
    assert refs(internal, "refs/ekf/") == {}
    assert len(refs(internal, f"{namespace}backup/")) == 1


def test_what_is_only_called_so_is_no_namespace(
    clone: Clone, vendor: Path, internal: Path, tmp_path: Path
) -> None:
    """Also where the configuration has chosen, or the usual one is there too."""
    clone.commit("own/a", "1")
    assert clone.ekf("save").code == 0
    clone.git("push", "-q", "--no-verify", "internal", f"HEAD:{BRANCHES}upstream/release-1.8")
    for number, usual in enumerate((True, False)):
        if not usual:
            run("git", "-C", internal, "update-ref", "-d", "refs/ekf/upstream/release-1.8")
        to = tmp_path / f"new{number}"
        done = run("git-ekf", "clone", vendor, to, "--internal", internal)
        assert done.code == 0, done
        assert "namespace" not in done.out
