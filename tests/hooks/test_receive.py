"""The server's hook: every rule refuses a push from a client without hooks, and lets its good counterpart in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Clone, run
from hooktools import script
from hypothesis import Phase, example, given
from hypothesis import strategies as st
from reach import generated, rare
from servertools import BRANCH, RECORD, UPSTREAM, Site, copy_site, make_site, said
from test_situations import NEWEST_GIT

ZERO = "0" * 40


# --- the rules ---


def test_branches(site: Site) -> None:
    work = site.work
    old = work.out("rev-parse", BRANCH)
    site.refused("branch-name", "HEAD:refs/heads/topic")
    assert site.server.git("config", "--add", "ekf.branches.allow", "wip/*").code == 0
    site.accepted("HEAD:refs/heads/wip/topic")
    site.accepted(":refs/heads/wip/topic")  # holds nothing that another branch has not
    site.refused("branch-base", "HEAD:refs/heads/release-1.10")
    site.accepted(
        "origin/release-1.9:refs/heads/release-1.9",
        "origin/release-1.9:refs/ekf/upstream/release-1.9",
    )
    site.refused("branch-base", "--force", "origin/release-1.9:refs/heads/release-1.8")
    site.refused("branch-base linear-history", f"{site.merge()}:refs/heads/{BRANCH}")
    work.commit("own/a", "<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n")
    site.refused("conflict-marker", BRANCH)
    work.commit("own/a", "2\n")
    site.accepted(BRANCH)
    site.refused("delete-protected", f":{BRANCH}")
    new = work.out("rev-parse", BRANCH)
    work.git("reset", "-q", "--hard", old)
    done = site.refused("rewrite-unsaved", "--force", BRANCH)
    fix = (
        next(line for line in done.err.splitlines() if " fix: " in line)
        .partition("then: ")[2]
        .partition(", then")[0]
    )
    site.refused(
        "rewrite-unsaved", "--force", BRANCH, f"{old}:refs/ekf/backup/{BRANCH}/1"
    )  # keeps something else
    site.refused("rewrite-unsaved", "--force", BRANCH, f"{new}:refs/ekf/backup/{BRANCH}/1")
    assert run("sh", "-c", fix, cwd=work.path).code == 0, fix
    site.accepted("--force", BRANCH)
    site.sound()


def test_a_branch_and_what_keeps_it_in_one_push(site: Site) -> None:
    """What a push takes away keeps nothing, though the ref is still there while the hook judges; nor does what the next may take away."""
    work = site.work
    site.server.git("config", "ekf.branches.allow", "wip/*")
    new = work.commit("own/a", "2\n")
    site.accepted(BRANCH, f"{new}:refs/heads/wip/2")
    site.refused("rewrite-unsaved", "--force", f"HEAD^:{BRANCH}", ":refs/heads/wip/2")
    site.refused("rewrite-unsaved", "--force", f"HEAD^:{BRANCH}", "HEAD^:refs/heads/wip/2")
    site.refused("rewrite-unsaved", "--force", f"HEAD^:{BRANCH}")
    backup = f"{new}:refs/ekf/backup/{BRANCH}/1"
    site.refused("rewrite-unsaved", "--force", f"HEAD^:{BRANCH}", backup)
    site.accepted(backup)
    site.accepted("--force", f"HEAD^:{BRANCH}")
    site.accepted("--force", "HEAD^:refs/heads/wip/2", f"{new}:{BRANCH}")


def test_records(site: Site) -> None:
    work = site.work
    work.commit("own/a", "2\n")
    site.accepted(BRANCH)
    name = "deploy/2026-11-21/release-1.8"
    good = {"Date": "2026-11-21"}
    site.refused("tag-name", site.record("deploy/2026-11-31/release-1.8"))
    work.git("tag", name)
    site.refused("tag-lightweight", name)
    site.refused("tag-fields", site.record(name, **good, Context=""))
    for wrong in (
        {"Date": "2026-11-22"},
        {"Local_branch": "release-1.9"},
        {"Local_SHA": work.out("rev-parse", "HEAD^")},
        {"Upstream_SHA": work.out("rev-parse", "origin/release-1.9")},
        {"Upstream_SHA": "1" * 40},
    ):
        site.refused("tag-mismatch", site.record(name, **{**good, **wrong}))
    site.accepted(site.record(name, **good))
    site.refused("tag-moved", "--force", site.record(name, **good, Context="Something else."))
    site.refused("delete-protected", f":refs/tags/{name}")
    # A branch that arrives together with its record is there after the push.
    work.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    vendor = work.out("rev-parse", "HEAD")
    work.commit("own/a", "1\n")
    nine = {
        "Local_branch": "release-1.9",
        "Upstream_branch": "origin/release-1.9",
        "Backup_branch": "internal/release-1.9",
    }
    site.record("deploy/2026-11-20/release-1.9", **nine, Upstream_SHA=vendor)
    arriving = [
        "refs/tags/deploy/2026-11-20/release-1.9",
        f"{vendor}:refs/ekf/upstream/release-1.9",
    ]
    site.refused("tag-mismatch", *arriving)  # Backup branch
    site.accepted("release-1.9", *arriving)
    site.sound()


def test_refs(site: Site) -> None:
    for ref in (
        "refs/notes/commits",
        "refs/ekf/saved/x",
        "refs/replace/" + "1" * 40,
        "refs/pull/1/head",
        "refs/odd",
    ):
        site.refused("ref-name", f"HEAD:{ref}")
    for tag in (
        "release-1.8",
        "origin/release-1.8",
        "internal/x",
        "deploy",
    ):  # git would take them for branches
        site.refused("ref-name", f"HEAD:refs/tags/{tag}")
    site.refused("ref-name", "origin/release-1.8:refs/ekf/upstream/main")
    site.refused("ref-name", "HEAD:refs/ekf/backup/release-1.8")
    site.accepted("HEAD:refs/tags/v1", "HEAD:refs/tags/release-notes")
    site.accepted("--force", "HEAD^:refs/tags/v1")
    site.accepted(":refs/tags/v1")
    site.server.git("config", "ekf.server.allow-refs", "refs/notes/*")
    site.accepted("HEAD:refs/notes/commits")
    site.accepted("HEAD:refs/ekf/backup/release-1.8/x")
    site.refused("backup-moved", "--force", "HEAD^:refs/ekf/backup/release-1.8/x")
    site.refused("backup-moved", ":refs/ekf/backup/release-1.8/x")
    site.refused("backup-moved", "HEAD^{tree}:refs/ekf/backup/release-1.8/y")
    site.refused(
        "ref-name",
        "HEAD^{tree}:refs/heads/release-1.9",
        "origin/release-1.9:refs/ekf/upstream/release-1.9",
    )


def test_the_vendors_history(site: Site) -> None:
    work = site.work
    tip = work.out("rev-parse", f"origin/{BRANCH}")
    site.refused("upstream-moved", f":{UPSTREAM}")
    site.refused("upstream-moved", "--force", f"origin/release-1.9:{UPSTREAM}")
    site.refused("upstream-moved", "--force", f"{tip}^:{UPSTREAM}")
    site.refused("upstream-moved", "--force", f"{tip}^{{tree}}:{UPSTREAM}")
    newer = site.merge(tip, "origin/release-1.9")
    site.server.git("config", "ekf.server.mirror", str(site.vendor))
    behind = "fix: the server's mirror may be behind; bring it up to date there: git ekf mirror PRIMARY DIR, then: git ekf save"
    assert behind in site.refused("upstream-moved", f"{newer}:{UPSTREAM}").err
    site.refused("upstream-moved", f"{newer}:{UPSTREAM}", f"{newer}:refs/heads/{BRANCH}")
    assert behind in site.refused("upstream-moved", f"{tip}:refs/ekf/upstream/release-1.7").err
    fetch = "fix: git fetch origin, then: git ekf save"
    assert fetch in site.refused("upstream-moved", "--force", f"{tip}^:{UPSTREAM}").err
    site.accepted("origin/release-1.9:refs/ekf/upstream/release-1.9")
    work.git("push", "-q", str(site.vendor), f"{newer}:refs/heads/{BRANCH}")
    other = work.out(
        "commit-tree",
        f"{tip}^{{tree}}",
        "-p",
        tip,
        "-m",
        "Not the mirror's, which is not here either",
    )
    assert fetch in site.refused("upstream-moved", f"{other}:{UPSTREAM}").err
    site.accepted(f"{newer}:{UPSTREAM}")
    # What the vendor has published may have merges, and the work may stand on it.
    moved = work.out("commit-tree", "HEAD^{tree}", "-p", newer, "-m", "one")
    site.accepted("--force", f"{moved}:refs/heads/{BRANCH}")
    site.server.git("config", "ekf.server.mirror", str(site.top / "gone.git"))
    done = site.refused("", "--force", f"origin/release-1.10:{UPSTREAM}")
    assert "this server is set up wrongly: server.mirror: " in done.err


def test_the_vendors_history_arrives_with_the_work(site: Site) -> None:
    """Merges of the vendor's that no ref names yet are the vendor's when the push says so, and the customer's otherwise."""
    work = site.work
    newer = site.merge(f"origin/{BRANCH}", "origin/release-1.9")
    moved = work.out("commit-tree", "HEAD^{tree}", "-p", newer, "-m", "one")
    done = site.refused("linear-history", "--force", f"{moved}:refs/heads/{BRANCH}")
    assert "if it is the vendor's, this server does not know yet: git ekf save" in done.err
    site.accepted("--force", f"{moved}:refs/heads/{BRANCH}", f"{newer}:{UPSTREAM}")


def test_no_commit_of_a_record_becomes_the_vendors(site: Site) -> None:
    work, vendor = site.work, f"origin/{BRANCH}"
    below = work.out("rev-parse", "HEAD")
    work.commit("own/a", "2\n")
    site.accepted(BRANCH, site.record("deploy/2026-11-21/release-1.8", Date="2026-11-21"))
    merge = site.merge("HEAD", "origin/release-1.9")
    for claimed in (below, "HEAD", merge):
        for name in (BRANCH, "release-1.9"):
            done = site.refused("upstream-moved", f"{claimed}:refs/ekf/upstream/{name}")
            assert "is a configuration commit by a deploy record here, not the vendor's" in done.err
    # Newer commits of the vendor that came with a plain push, before anybody said whose they are.
    newer = work.out("commit-tree", f"{vendor}^{{tree}}", "-p", vendor, "-m", "The vendor's")
    old = work.out("rev-parse", "HEAD")
    work.git("reset", "-q", "--hard", newer)
    work.commit("own/b", "1\n")
    site.accepted("--force", BRANCH, f"{old}:refs/ekf/backup/{BRANCH}/1")
    site.accepted(f"{newer}:{UPSTREAM}")
    # A repository from before the hook has records, and no statement about the vendor's commits at all.
    site.server.git("update-ref", "-d", UPSTREAM)
    site.refused("upstream-moved", f"{old}:{UPSTREAM}")
    site.accepted(f"{newer}:{UPSTREAM}")


def test_signatures(site: Site) -> None:
    work, keys = site.work, site.top / "keys"
    keys.mkdir()
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not on this machine")
    for name in ("known", "stranger"):
        assert (
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", keys / name).code
            == 0
        )
    (keys / "allowed").write_text(f"ops {(keys / 'known.pub').read_text()}")
    for key, value in {"signed": "all", "allowed-signers": str(keys / "allowed")}.items():
        site.server.git("config", f"ekf.server.{key}", value)
    work.git("config", "gpg.format", "ssh")
    sign = {name: ["-c", f"user.signingKey={keys / name}"] for name in ("known", "stranger")}

    def commit(number: int, *options: str) -> None:
        work.write("own/a", f"{number}\n")
        work.git(*options, "commit", "-q", "-a", "-m", "x", *(["-S"] if options else []))

    commit(2)
    site.refused("signature-missing", BRANCH)
    work.git("reset", "-q", "--hard", "HEAD^")
    commit(2, *sign["stranger"])
    site.refused("signature-missing", BRANCH)
    # A client's own list of keys is nothing to the server.
    (keys / "all").write_text("".join(f"x {path.read_text()}" for path in keys.glob("*.pub")))
    pretending = {"GIT_CONFIG_GLOBAL": str(keys / "config")}
    (keys / "config").write_text(f'[gpg "ssh"]\n\tallowedSignersFile = {keys / "all"}\n')
    site.refused("signature-missing", BRANCH, env=pretending)
    site.server.git("config", "ekf.branches.allow", "wip/*")
    site.refused("signature-missing", "HEAD:refs/heads/wip/x")
    work.git("reset", "-q", "--hard", "HEAD^")
    commit(2, *sign["known"])
    site.accepted(BRANCH)
    site.accepted("HEAD:refs/heads/wip/x")  # the first commit has none, but is there already
    name = "deploy/2026-11-21/release-1.8"
    site.refused("signature-missing", site.record(name, Date="2026-11-21"))
    text = work.out("cat-file", "tag", name).partition("\n\n")[2]
    for who, result in (("stranger", False), ("known", True)):
        work.git(*sign[who], "tag", "-s", "-f", "-F", "-", name, name + "^{}", stdin=text)
        if result:
            # A good signature is for one name: the same object under another name says something else.
            site.refused(
                "tag-date tag-mismatch signature-missing",
                f"{name}:refs/tags/deploy/2026-11-21.2/release-1.8",
            )
            site.accepted(name)
        else:
            site.refused("signature-missing", name)
    site.server.git("config", "--unset", "ekf.server.allowed-signers")
    commit(3)
    assert "server.signed needs server.allowed-signers" in site.refused("", BRANCH).err


def test_who_may_push_what(site: Site) -> None:
    work = site.work
    work.commit("own/a", "2\n")
    site.server.git(
        "config", "--add", "ekf.server.may-push", "alice: refs/heads/release-*, refs/ekf/*"
    )
    site.server.git("config", "--add", "ekf.server.may-push", "*: refs/tags/deploy/*")
    assert "server.may-push needs server.user" in site.refused("", BRANCH).err
    site.server.git("config", "ekf.server.user", "GL_USERNAME")
    record = site.record("deploy/2026-11-20.2/release-1.8", "HEAD^")
    done = site.refused("push-denied", BRANCH)
    assert "the server is not told who pushes" in done.err
    for env in (
        {"GL_USERNAME": "bob"},
        {"GL_USER": "alice", "GITEA_PUSHER_NAME": "alice"},
        {"GL_USERNAME": ""},
    ):
        site.refused("push-denied", BRANCH, env=env)
    site.accepted(record, env={"GL_USERNAME": "bob"})
    site.accepted(BRANCH, env={"GL_USERNAME": "alice"})


# --- the server's configuration, and no other ---


def test_what_is_pushed_is_no_configuration(site: Site) -> None:
    site.work.commit(
        ".ekf.toml",
        '[rules]\nlinear-history = "off"\nbranch-name = "off"\ntag-fields = "off"\n[branches]\nallow = ["*"]\n',
    )
    site.accepted(BRANCH)
    site.server.git("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
    site.refused(
        "linear-history branch-name", f"{site.merge()}:refs/heads/{BRANCH}", "HEAD:refs/heads/topic"
    )
    (site.server.path / ".ekf.toml").write_text(
        '[rules]\nbranch-name = "off"\n'
    )  # where the hook runs
    site.refused("branch-name", "HEAD:refs/heads/topic")


def test_a_file_that_the_administrator_names(site: Site) -> None:
    file = site.top / "server.toml"
    file.write_text(
        '[branches]\nallow = ["topic"]\n[rules]\nconflict-marker = "warning"\n[server]\nallow-refs = ["refs/notes/*"]\n'
    )
    site.server.git("config", "ekf.server.config", str(file))
    site.accepted("HEAD:refs/heads/topic", "HEAD:refs/notes/commits")
    site.work.commit("own/a", "<<<<<<< ours\n")
    done = site.push(BRANCH)
    assert (done.code, said(done)) == (0, ["conflict-marker"])
    assert "remote: git-ekf: push goes ahead, but" in done.err
    site.work.commit("own/a", "2\n")
    for text, wrong in (
        (
            "[server]\nsigned = true\n",
            f'{file}:2: server.signed must be "off", "commits", "records" or "all"',
        ),
        ("[server]\nconfig = '/x'\n", f"{file}:2: server.config can only be set with git config"),
        (None, f"{file}: No such file or directory"),
    ):
        file.unlink() if text is None else file.write_text(text)
        done = site.refused("", BRANCH)
        lines = [
            line.removeprefix("remote: ").rstrip()
            for line in done.err.splitlines()
            if line.startswith("remote: ")
        ]
        assert lines == [
            f"git-ekf: this server is set up wrongly: {wrong}",
            "hint: tell its administrator",
        ]
    site.server.git("config", "ekf.server.judge", "false")
    file.write_text("")
    site.accepted("HEAD:refs/any/thing", f"{site.merge()}:refs/heads/{BRANCH}")


# --- how it is called ---


def test_literal_input(site: Site) -> None:
    tip = site.server.out("rev-parse", BRANCH)
    assert site.judge().code == 0
    assert site.judge(f"{tip} {tip} refs/heads/{BRANCH}").code == 0
    done = site.judge(
        f"{ZERO} {tip} refs/heads/a b",
        f"{ZERO} {'1' * 40} refs/heads/release-1.9",
        f"{tip} {ZERO} refs/heads/{BRANCH}",
    )
    assert (done.code, done.out) == (1, "")
    assert [line.split()[1] for line in done.err.splitlines() if line.startswith("  error")] == [
        "ref-name:",
        "branch-name:",
        "ref-name:",
        "delete-protected:",
    ]
    done = site.judge("nonsense")
    assert (done.code, done.err.count("\n")) == (5, 2), done
    assert done.err.startswith("git-ekf: the push cannot be judged on the server: ")
    done = run("git-ekf", "hook", "2", "pre-receive", cwd=site.server.path)
    assert (done.code, done.err.splitlines()[1]) == (
        2,
        "hint: git ekf hooks install --force --server, on the server",
    )


def test_without_home_and_terminal_and_with_gitlabs_marks(site: Site) -> None:
    env = {"HOME": "/nonexistent", "GL_ID": "user-1", "XDG_CONFIG_HOME": "/nonexistent"}
    bare = {**env, "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x"}
    done = site.refused("ref-name", "HEAD:refs/odd", env=bare)
    told = [line for line in done.err.splitlines() if line.startswith("remote: ")]
    assert all(line.startswith("remote: GL-HOOK-ERR: ") for line in told), done
    site.work.commit("own/a", "2\n")
    site.accepted(BRANCH, env=bare)


def test_the_program_is_gone(site: Site, tmp_path: Path) -> None:
    hook = site.server.path / "hooks" / "pre-receive"
    hook.write_text(hook.read_text().replace("python=", "python=/nowhere"))
    site.work.commit("own/a", "2\n")
    nothing = tmp_path / "bin"
    nothing.mkdir()
    for name in ("git", "sh", "cat", "grep", "git-receive-pack"):
        (nothing / name).symlink_to(shutil.which(name) or name)
    for env in ({}, {"EKF_HOOKS": "0"}, {"GL_ID": "user-1"}):
        done = site.refused("", BRANCH, env={**env, "PATH": str(nothing)})
        mark = "GL-HOOK-ERR: " if "GL_ID" in env else ""
        assert f"remote: {mark}git-ekf: pre-receive refused: its hook is installed (" in done.err
        assert (
            f"remote: {mark}hint: on the server, install git-ekf and run: git ekf hooks install --server"
            in done.err
        )


def test_stepping_past_a_hook_is_not_for_clients(site: Site) -> None:
    site.refused("ref-name", "HEAD:refs/odd", env={"EKF_HOOKS": "0"})


@rare
@pytest.mark.parametrize("object_format", [pytest.param("sha1", marks=rare), "sha256"])
def test_other_repositories_and_the_newest_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_format: str
) -> None:
    """SHA-256 with this git; with the newest one, where there is one, also refs in a reftable."""
    if object_format == "sha1":
        if not (NEWEST_GIT / "git").exists():
            pytest.skip("no newer git here; `make test` installs one")
        monkeypatch.setenv("PATH", f"{NEWEST_GIT}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", "reftable")
    site = make_site(tmp_path / "site", object_format)
    site.work.commit("own/a", "2\n")
    site.accepted(BRANCH)
    site.accepted(site.record("deploy/2026-11-20.2/release-1.8"))
    site.refused("linear-history", f"{site.merge()}:refs/heads/{BRANCH}")
    site.work.commit("own/a", "3\n")
    site.accepted(BRANCH)
    site.refused("rewrite-unsaved", "--force", f"HEAD^:refs/heads/{BRANCH}")
    site.refused("upstream-moved", "--force", f"origin/release-1.9:{UPSTREAM}")
    site.sound()


# --- what the client's own judgment lets through, the server lets in ---

STEPS = ["commit", "record", "vendor", "sync", "amend", "rollback", "upgrade"]


def step(site: Site, what: str, number: int) -> None:
    """A day's work with git-ekf; what does not apply refuses itself."""
    work = site.work
    branch = work.out("symbolic-ref", "--short", "HEAD")
    if what == "commit":
        work.commit(f"own/{number}", f"{number}\n")
    elif what == "amend":
        work.git("commit", "-q", "--amend", "-m", f"Amended {number}")
    elif what == "vendor":  # publishes a merge
        tree = work.out("rev-parse", f"origin/{branch}^{{tree}}")
        made = work.out(
            "commit-tree",
            tree,
            "-p",
            f"origin/{branch}",
            "-p",
            "origin/release-1.10",
            "-m",
            f"{number}",
        )
        work.git("push", "-q", "--no-verify", str(site.vendor), f"{made}:refs/heads/{branch}")
        work.git("fetch", "-q", "origin")
    elif what == "record":
        work.ekf("tag", "-m", f"Deployment {number}")
    elif what == "rollback":
        work.ekf("rollback", RECORD)
    else:
        work.ekf(what)


@example(["upgrade", "vendor", "record", "rollback"])
@generated(2, phases=[Phase.explicit, Phase.generate])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=4, max_size=4, unique=True))
def test_what_the_client_finds_good_the_server_takes(
    site_template: Site, tmp_path: Path, steps: list[str]
) -> None:
    shutil.rmtree(tmp_path / "site", ignore_errors=True)
    site = copy_site(site_template, tmp_path / "site")
    site.work.git("config", "--unset", "core.hooksPath")
    for number, what in enumerate(steps):
        step(site, what, number)
    done = site.work.ekf("save")
    assert (done.code, done.err) == (0, ""), (steps, done)
    assert "does not take" not in done.out, done
    said = site.work.ekf("check").out
    # A rollback to another release may have left one that is recorded and was never saved.
    if "Backup branch internal/release-1.9 does not exist there yet" in said:
        assert "fix: git switch release-1.9, then: git ekf save" in said
        site.work.git("switch", "-q", "release-1.9")
        done = site.work.ekf("save")
        assert (done.code, done.err) == (0, ""), (steps, done)
    assert site.work.rules() == []
    branch = site.work.out("branch", "--show-current")
    assert site.server.out("rev-parse", branch) == site.work.out("rev-parse", "HEAD")


def test_a_merge_is_refused_however_it_is_pushed(site: Site) -> None:
    work = site.work
    merge = site.merge()
    on_top = work.out("commit-tree", "HEAD^{tree}", "-p", merge, "-m", "on top")
    octopus = site.merge("HEAD", "origin/release-1.9", "origin/release-1.10")
    own = site.merge("HEAD", work.out("commit-tree", "HEAD^{tree}", "-p", "HEAD^", "-m", "side"))
    nine = "origin/release-1.9:refs/ekf/upstream/release-1.9"
    for tip in (merge, on_top, octopus, own):
        site.refused("linear-history", f"{tip}:refs/heads/{BRANCH}")
    old = work.out("rev-parse", "HEAD")
    rewritten = site.merge("origin/release-1.8", "origin/release-1.9")
    site.refused(
        "linear-history",
        "--force",
        f"{rewritten}:refs/heads/{BRANCH}",
        f"{old}:refs/ekf/backup/{BRANCH}/1",
    )
    site.refused(
        "branch-base linear-history",
        f"{site.merge('origin/release-1.9', 'HEAD')}:refs/heads/release-1.9",
        nine,
    )
    # First by another ref that may have it: that makes no vendor's commit of it.
    site.server.git("config", "ekf.branches.allow", "wip/*")
    site.accepted(
        f"{merge}:refs/tags/plain",
        f"{merge}:refs/heads/wip/x",
        f"{merge}:refs/ekf/backup/{BRANCH}/2",
    )
    for tip in (merge, on_top):
        site.refused("linear-history", f"{tip}:refs/heads/{BRANCH}")


# --- installing ---


@pytest.fixture
def bare(tmp_path: Path) -> Clone:
    assert run("git", "init", "-q", "--bare", tmp_path / "prod.git").code == 0
    return Clone(tmp_path / "prod.git")


def hooks(*args: str | Path) -> tuple[int, list[str]]:
    done = run("git-ekf", "hooks", *args)
    return done.code, (done.out + done.err).splitlines()


def effective(path: Path) -> bool:
    """Whether a push there is judged: nothing else refuses this one."""
    empty = run("git", "hash-object", "-t", "tree", "-w", "--stdin", cwd=path).out.strip()
    done = run("git", "push", path, f"{empty}:refs/odd", cwd=path, env={"GIT_DIR": str(path)})
    if done.code == 0:
        run("git", "update-ref", "-d", "refs/odd", cwd=path)
    return "ref-name" in said(done)


def test_in_a_plain_repository(bare: Clone) -> None:
    path, hook = bare.path, bare.path / "hooks" / "pre-receive"
    at = f"git -C {path} config"
    mirror = f"To let nobody pass commits off as the vendor's: {at} ekf.server.mirror DIR, which git ekf mirror PRIMARY DIR makes"
    advice = [mirror, f"To refuse damaged objects as well: {at} receive.fsckObjects true"]
    assert hooks("status", "--server", path)[0] == 1
    assert hooks("install", "--server", path) == (
        0,
        ["hook pre-receive installed", f"It is {hook}", *advice],
    )
    assert (
        run("git-ekf", "hooks", "install", "--server", cwd=path).out.splitlines()[0]
        == "The hook is in place; nothing was changed."
    )
    assert hooks("status", "--server", path) == (
        0,
        [f"Hooks in {path}/hooks", "  pre-receive      ok"],
    )
    assert effective(path)
    bare.git("config", "ekf.server.mirror", "/srv/git/vendor.git")
    bare.git("config", "receive.fsckObjects", "true")
    bare.git("config", "receive.denyNonFastForwards", "true")
    assert hooks("install", "--server", path)[1][2:] == [
        f"git refuses here what git ekf save pushes after a sync: git -C {path} config receive.denyNonFastForwards false"
    ]
    with hook.open("a") as file:
        file.write("# edited\n")
    assert (
        hooks("install", "--server", path)[1][1]
        == "hint: git ekf hooks install --server --force writes it anew"
    )
    assert (
        hooks("uninstall", "--server", path)[1][1]
        == "hint: git ekf hooks uninstall --server --force removes it"
    )
    assert hooks("uninstall", "--server", "--force", path) == (0, ["hook pre-receive removed"])
    assert hooks("uninstall", "--server", path) == (0, ["No git-ekf hook is installed here."])
    assert not hook.exists()


def test_an_existing_hook_runs_first_and_comes_back(site: Site) -> None:
    hook = site.server.path / "hooks" / "pre-receive"
    assert hooks("uninstall", "--server", site.server.path)[0] == 0
    theirs = script(
        hook,
        "echo theirs >&2",
        "while read old new ref; do [ $ref != refs/tags/no ] || exit 1; done",
    ).read_bytes()
    kept = "hook pre-receive installed; the one that was there is kept as pre-receive.ekf-prev and still runs"
    assert hooks("install", "--server", site.server.path)[1][0] == kept
    done = site.refused("ref-name", "HEAD:refs/odd")
    assert done.err.index("theirs") < done.err.index("ref-name")
    done = site.refused("", "HEAD:refs/tags/no")
    assert "theirs" in done.err
    site.work.commit("own/a", "2\n")
    assert site.push(BRANCH).code == 0
    assert hooks("uninstall", "--server", site.server.path) == (
        0,
        ["hook pre-receive removed; the one from before is back"],
    )
    assert hook.read_bytes() == theirs


# What Gitea 1.22 writes; https://github.com/go-gitea/gitea, modules/repository/hooks.go.
_GITEA = (
    "#!/usr/bin/env bash",
    "# AUTO GENERATED BY GITEA, DO NOT MODIFY",
    "data=$(cat)",
    'exitcodes=""',
    "hookname=$(basename $0)",
    "GIT_DIR=${GIT_DIR:-$(dirname $0)/..}",
    "for hook in ${GIT_DIR}/hooks/${hookname}.d/*; do",
    '  test -x "${hook}" && test -f "${hook}" || continue',
    '  echo "${data}" | "${hook}"',
    '  exitcodes="${exitcodes} $?"',
    "done",
    "for i in ${exitcodes}; do",
    "  [ ${i} -eq 0 ] || exit ${i}",
    "done",
)


def test_gitea_and_forgejo(site: Site) -> None:
    path = site.server.path
    assert hooks("uninstall", "--server", path)[0] == 0
    generated = path / "hooks" / "pre-receive"
    generated.write_text("\n".join(_GITEA) + "\n")
    generated.chmod(0o755)
    own = script(path / "hooks" / "pre-receive.d" / "gitea", "cat >/dev/null")
    place = path / "hooks" / "pre-receive.d" / "ekf"
    assert hooks("status", "--server", path)[0] == 1
    assert hooks("install", "--server", path)[1][:2] == [
        "hook pre-receive installed",
        f"It is {place}",
    ]
    assert hooks("install", "--server", path)[1][0] == "The hook is in place; nothing was changed."
    assert hooks("status", "--server", path) == (
        0,
        [f"Hooks in {place.parent}", "  pre-receive      ok"],
    )
    site.refused("ref-name", "HEAD:refs/odd")
    site.server.git("config", "ekf.server.user", "GITEA_PUSHER_NAME")
    site.server.git("config", "ekf.server.may-push", "alice: *")
    site.refused("push-denied", "HEAD:refs/tags/v1", env={"GITEA_PUSHER_NAME": "bob"})
    site.accepted("HEAD:refs/tags/v1", env={"GITEA_PUSHER_NAME": "alice"})
    assert hooks("uninstall", "--server", path)[0] == 0
    assert [entry.name for entry in place.parent.iterdir()] == [own.name]
    script(place, "exit 0")
    assert hooks("install", "--server", path) == (
        4,
        [f"git-ekf: {place} exists and is not ours", f"hint: mv {place} {place}-of-ours"],
    )


def test_gitlab(bare: Clone, tmp_path: Path) -> None:
    """For one repository and for all. GitLab itself calls what is in pre-receive.d, in order, and stops at the first that fails."""
    bare.git("config", "gitlab.fullpath", "ops/prod")
    place = bare.path / "custom_hooks" / "pre-receive.d" / "ekf"
    assert hooks("install", "--server", bare.path)[1][:2] == [
        "hook pre-receive installed",
        f"It is {place}",
    ]
    shared = tmp_path / "gitaly" / "custom_hooks"
    place_of_all = shared / "pre-receive.d" / "ekf"
    assert hooks("install", "--server", "--shared", shared) == (
        0,
        ["hook pre-receive installed", f"It is {place_of_all}"],
    )
    tip = "1" * 40
    for hook in (place, place_of_all):
        env = {
            "GIT_DIR": str(bare.path),
            "GL_ID": "user-1",
            "GL_USERNAME": "alice",
            "GL_REPOSITORY": "project-1",
            "GL_PROTOCOL": "ssh",
        }
        done = run(hook, cwd=bare.path, stdin=f"{ZERO} {tip} refs/odd\n", env=env)
        assert done.code == 1
        assert done.err.splitlines()[0] == "GL-HOOK-ERR: git-ekf: push refused"
    assert hooks("uninstall", "--server", "--shared", shared) == (0, ["hook pre-receive removed"])
    assert hooks("status", "--server", bare.path)[0] == 0


def test_one_installation_for_a_whole_server(bare: Clone, tmp_path: Path) -> None:
    shared = tmp_path / "hooks of all"
    next_ = (
        f"Next: git config --system core.hooksPath '{shared}', for all repositories of this machine"
    )
    assert hooks("install", "--server", "--shared", shared) == (
        0,
        ["hook pre-receive installed", f"It is {shared}/pre-receive", next_],
    )
    run("git", "config", "--global", "core.hooksPath", shared)
    assert hooks("install", "--server", "--shared", shared)[1] == [
        "The hook is in place; nothing was changed.",
        f"It is {shared}/pre-receive",
    ]
    assert hooks("status", "--server", bare.path) == (
        0,
        [f"Hooks in {shared}", "  pre-receive      ok"],
    )
    assert effective(bare.path)
    code, lines = hooks("install", "--server", bare.path)
    assert (code, lines) == (
        4,
        [
            f"git-ekf: hook not installed: core.hooksPath is {shared}, which other repositories may use",
            f"hint: git ekf hooks install --server --shared '{shared}'",
        ],
    )
    # Whoever does not want it everywhere says so once, and where.
    run("git", "config", "--global", "ekf.server.judge", "false")
    assert not effective(bare.path)
    bare.git("config", "ekf.server.judge", "true")
    assert effective(bare.path)


def test_gitolite(bare: Clone, tmp_path: Path) -> None:
    """gitolite links what is in its local code into every repository."""
    common = tmp_path / "local" / "hooks" / "common"
    assert hooks("install", "--server", "--shared", common)[1][-1] == (
        "Next: gitolite setup --hooks-only, which links it into every repository"
    )
    (bare.path / "hooks" / "pre-receive").symlink_to(common / "pre-receive")
    assert effective(bare.path)
    assert hooks("status", "--server", bare.path)[0] == 0
    code, lines = hooks("install", "--server", bare.path)
    assert (code, lines[1]) == (4, f"hint: git ekf hooks install --server --shared {common}")


def test_wrong_places(tmp_path: Path, clone: Clone) -> None:
    for args, code, about in (
        (["install", "--server", tmp_path / "gone"], 4, "no such directory"),
        (["install", "--server", tmp_path], 4, "not a git repository"),
        (["install", "--server", clone.path], 4, f"{clone.path} is not a bare repository"),
        (["install", clone.path], 2, "is named only with --server"),
        (["status", clone.path], 2, "is named only with --server"),
        (["install", "--server", "--shared"], 2, "--shared needs the directory of hooks"),
    ):
        done = run("git-ekf", "hooks", *args)
        assert (done.code, done.err.count("\n")) == (code, 2), done
        assert about in done.err


def test_a_directory_that_cannot_be_written(bare: Clone) -> None:
    shutil.rmtree(bare.path / "hooks")
    (bare.path / "hooks").write_text("")
    done = subprocess.run(
        ["git-ekf", "hooks", "install", "--server", bare.path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done
    assert done.stderr.splitlines()[1].endswith("then: git ekf hooks install --server")
