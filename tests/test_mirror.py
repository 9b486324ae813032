"""git ekf mirror: made, brought up to date, stopped where the vendor has rewritten something; and what clones see of it."""

from __future__ import annotations

import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import rare
from test_schemas import answer

from git_ekf.airgap.changes import (
    REWRITTEN,
    UPDATED,
    WITHDRAWN,
    RefChange,
    compare,
    move,
    refs_of,
    write_state,
)
from git_ekf.airgap.elsewhere import _not_pushed
from git_ekf.demo.sample import make_vendor
from git_ekf.errors import CallFailed
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import BACKUP, MIRROR, RefUpdate
from git_ekf.repository import Repository
from git_ekf.vendor import STALE, MirrorState, parse_mirror_state, read_mirror_state

V18, V19, V110 = "refs/heads/release-1.8", "refs/heads/release-1.9", "refs/heads/release-1.10"


@pytest.fixture
def vendor(vendor: Path) -> Path:
    """With a tag on a channel, and one elsewhere; it has a branch that is no channel, too."""
    bare = Clone(vendor)
    bare.git("tag", "v1.8.0", "release-1.8")
    bare.git("tag", "-a", "-m", "Nightly", "nightly", commit(bare, "release-1.10"))
    return vendor


def commit(bare: Clone, parent: str) -> str:
    return bare.out("commit-tree", "-p", parent, "-m", "More", f"{parent}^{{tree}}")


def advance(vendor: Path, branch: str) -> str:
    """The vendor adds a commit to a channel; its id."""
    bare = Clone(vendor)
    bare.git("update-ref", f"refs/heads/{branch}", oid := commit(bare, branch))
    return oid


def rewrite(vendor: Path) -> tuple[str, str]:
    """The vendor rewrites 1.8, withdraws 1.9, moves one tag, deletes the other, and goes on with 1.10. The new 1.8 and 1.10."""
    bare = Clone(vendor)
    new = bare.out("commit-tree", "-m", "All new", "release-1.8^{tree}")
    bare.git("update-ref", V18, new)
    bare.git("update-ref", "-d", V19)
    bare.git("tag", "-f", "v1.8.0", new)
    bare.git("tag", "-d", "nightly")
    return new, advance(vendor, "release-1.10")


def mirror(vendor: Path | str, target: Path | str, *options: str) -> Run:
    return run("git", "ekf", "mirror", vendor, target, *options)


def refs(path: Path) -> dict[str, str]:
    """ref -> object id, the state of the mirror left aside, and backups without their time."""
    lines = Clone(path).out("for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    found = dict(line.split(" ") for line in lines)
    return {
        re.sub(r"\d{8}T\d{6}\.\d{6}Z", "TIME", ref): oid
        for ref, oid in found.items()
        if ref != MIRROR
    }


def channels_and_tags(vendor: Path) -> dict[str, str]:
    return {
        ref: oid
        for ref, oid in refs(vendor).items()
        if ref.startswith(("refs/heads/release-", "refs/tags/")) and "/deploy/" not in ref
    }


# --- a directory ---


def test_a_mirror_is_made_and_brought_up_to_date(vendor: Path, tmp_path: Path) -> None:
    made = tmp_path / "site" / "mirror.git"
    first = mirror(vendor, made)
    there = channels_and_tags(vendor)
    assert (first.code, first.err) == (0, "")
    assert first.out == (
        f"{made} mirrors {vendor}:\n"
        f"  new        release-1.8   {there[V18][:7]}\n"
        f"  new        release-1.9   {there[V19][:7]}\n"
        f"  new        release-1.10  {there[V110][:7]}\n"
        "  2 tags: 2 new\n"
        "All of it was read back and verified.\n"
    )
    assert refs(made) == there
    assert Clone(made).git("fsck", "--connectivity-only").err == ""
    state = read_mirror_state(Git(str(made)))
    assert state
    assert state.primary == str(vendor)
    assert state.age() < 100
    assert run("git", "clone", "-q", made, tmp_path / "plain").code == 0
    assert Clone(tmp_path / "plain").out("branch", "--show-current") == "release-1.10"

    again = mirror(vendor, made)
    assert again.out.endswith(
        "  unchanged  release-1.10  5eddde6\n  2 tags: 2 unchanged\nNothing is new.\n"
    )
    assert refs(made) == there

    new = advance(vendor, "release-1.9")
    Clone(vendor).git("branch", "release-1.11", new)
    some = mirror(f"{vendor}/", made, "--release", "1.9", "--release", "v1.11")
    assert some.out.splitlines()[1:] == [
        f"  kept       release-1.8   {there[V18][:7]}, not asked for",
        f"  updated    release-1.9   {there[V19][:7]}..{new[:7]}",
        f"  kept       release-1.10  {there[V110][:7]}, not asked for",
        f"  new        release-1.11  {new[:7]}",
        "All of it was read back and verified.",
    ]
    assert refs(made) == {**there, V19: new, "refs/heads/release-1.11": new}
    assert Clone(made).out("symbolic-ref", "HEAD") == "refs/heads/release-1.11"


def test_only_what_is_asked_for(vendor: Path, tmp_path: Path) -> None:
    made = tmp_path / "empty"
    made.mkdir()
    assert mirror(vendor, made, "--release", "1.8").code == 0
    assert list(refs(made)) == [V18, "refs/tags/v1.8.0"]
    assert Clone(made).git("cat-file", "-e", "release-1.10", ok=False).code != 0
    assert Clone(made).git("cat-file", "-e", refs(vendor)[V110], ok=False).code != 0


def test_tags_of_the_vendor_where_deploy_records_are(vendor: Path, tmp_path: Path) -> None:
    made, internal, name = (
        tmp_path / "mirror.git",
        tmp_path / "internal.git",
        "deploy/2026-11-20/release-1.8",
    )
    bare = Clone(vendor)
    bare.git("tag", name, "release-1.8")
    bare.git("tag", "-a", "-m", "x", "deploy/x", "release-1.8")
    for options in ([], ["--release", "1.8"]):
        done = mirror(vendor, made, *options)
        assert (done.code, done.err) == (0, "")
        assert "\n  2 tags left out: deploy/ is where your own deploy records are\n" in done.out
        assert not [ref for ref in refs(made) if ref.startswith("refs/tags/deploy")]
    assert run("git", "init", "-q", "--bare", internal).code == 0
    assert (
        run(
            "git-ekf", "clone", made, tmp_path / "work", "--internal", internal, "--release", "1.8"
        ).code
        == 0
    )
    Clone(tmp_path / "work").commit("site.yaml", "a: 1\n")
    assert Clone(tmp_path / "work").ekf("save").code == 0
    # What a mirror has of them is no more silently lost than anything else.
    oid = refs(vendor)[V18]
    Clone(made).git("update-ref", f"refs/tags/{name}", oid)
    stopped = mirror(vendor, made)
    said = f"git-ekf: the tag {name}, which is {oid[:7]}, has the name of a deploy record, and a mirror has none; nothing was changed"
    assert (stopped.code, stopped.err.splitlines()[0]) == (4, said)
    assert run(*stopped.err.partition("if that is meant: ")[2].split()).code == 0
    assert refs(made) == {**channels_and_tags(vendor), f"refs/ekf/backup/tags/{name}/TIME": oid}


@rare
def test_what_the_vendor_rewrote_is_followed_only_when_accepted(
    vendor: Path, tmp_path: Path
) -> None:
    made = tmp_path / "mirror.git"
    assert mirror(vendor, made).code == 0
    old, state = refs(made), read_mirror_state(Git(str(made)))
    new, gone_on = rewrite(vendor)
    stopped = mirror(vendor, made, "--accept", "release-1.8")
    command = f"git ekf mirror {vendor} {made}"
    assert (stopped.code, stopped.out) == (4, "")
    assert stopped.err == (
        f"git-ekf: the vendor has withdrawn release-1.9, which was {old[V19][:7]}; "
        f"the vendor has withdrawn the tag nightly, which was {old['refs/tags/nightly'][:7]}; "
        f"the vendor has moved the tag v1.8.0, from {old[V18][:7]} to {new[:7]}; nothing was changed\n"
        f"hint: if that is meant: {command} --accept release-1.8 --accept release-1.9 --accept nightly --accept v1.8.0\n"
    )
    assert (
        f"git-ekf: the vendor has rewritten release-1.8, from {old[V18][:7]} to {new[:7]};"
        in mirror(vendor, made).err
    )
    assert (refs(made), read_mirror_state(Git(str(made)))) == (old, state)

    done = run(*stopped.err.partition("if that is meant: ")[2].split())
    assert done.out.splitlines()[1:5] == [
        f"  rewritten  release-1.8   {old[V18][:7]}..{new[:7]}",
        f"  withdrawn  release-1.9   was {old[V19][:7]}",
        f"  updated    release-1.10  {old[V110][:7]}..{gone_on[:7]}",
        "  2 tags: 1 withdrawn, 1 rewritten",
    ]
    assert done.out.count("What was replaced is kept as refs/ekf/backup/") == 4
    backups = {
        "refs/ekf/backup/release-1.8/TIME": old[V18],
        "refs/ekf/backup/release-1.9/TIME": old[V19],
        "refs/ekf/backup/tags/nightly/TIME": old["refs/tags/nightly"],
        "refs/ekf/backup/tags/v1.8.0/TIME": old["refs/tags/v1.8.0"],
    }
    assert refs(made) == {**backups, V18: new, V110: gone_on, "refs/tags/v1.8.0": new}
    assert "refs/ekf" not in run("git", "ls-remote", made, "refs/heads/*").out

    # The vendor thinks better of it, and again: what was kept once is not kept twice.
    for oid in (old[V18], new):
        Clone(vendor).git("update-ref", V18, oid)
        assert mirror(vendor, made, "--accept", "release-1.8").code == 0
    kept = (
        Clone(made)
        .out("for-each-ref", "--format=%(objectname)", f"{BACKUP}release-1.8")
        .splitlines()
    )
    assert sorted(kept) == sorted([old[V18], new])


def test_a_vendor_that_has_moved_has_to_be_accepted(vendor: Path, tmp_path: Path) -> None:
    made, moved = tmp_path / "mirror.git", tmp_path / "moved.git"
    assert mirror(vendor, made).code == 0
    shutil.copytree(vendor, moved)
    stopped = mirror(moved, made)
    assert stopped.code == 4
    assert stopped.err.startswith(
        f"git-ekf: {made} is a mirror of {vendor}; nothing was changed\nhint: git ekf mirror {vendor} {made}; "
    )
    # Moved, and rewritten too: each hint adds to what was accepted before.
    new, gone_on = rewrite(moved)
    stopped = run(*stopped.err.strip().partition("if the vendor has moved: ")[2].split())
    command = f"git ekf mirror {moved} {made} --accept {vendor} --accept release-1.8 --accept release-1.9 --accept nightly --accept v1.8.0"
    assert (stopped.code, stopped.err.partition("if that is meant: ")[2]) == (4, f"{command}\n")
    stopped = mirror(moved, made, "--accept", "nightly")
    assert stopped.err.endswith(f"mirror {moved} {made} --accept nightly --accept {vendor}\n")
    assert run(*command.split()).code == 0
    assert (refs(made)[V18], refs(made)[V110]) == (new, gone_on)
    state = read_mirror_state(Git(str(made)))
    assert state
    assert state.primary == str(moved)


def test_sha256(tmp_path: Path) -> None:
    vendor, made = tmp_path / "vendor", tmp_path / "mirror.git"
    assert run("git", "init", "-q", "--object-format=sha256", "-b", "release-1.8", vendor).code == 0
    oid = Clone(vendor).commit("VERSION", "1.8\n")
    assert mirror(vendor, made).code == 0
    assert refs(made) == {V18: oid}
    other = tmp_path / "sha1.git"
    assert run("git", "init", "-q", "--bare", other).code == 0
    assert mirror(vendor, other).err.startswith(
        f"git-ekf: {other} names objects by sha1, and the primary repository by sha256\n"
    )


# --- all or nothing ---


def meanwhile(tmp_path: Path, vendor: Path, script: str) -> None:
    """Lets something happen while the vendor's objects are fetched, and then once only."""
    hook = tmp_path / "meanwhile"
    hook.write_text(
        f'#!/bin/sh\n[ $PWD != {vendor} ] || [ -e "$0.done" ] || {{ : >"$0.done"\n{script}\n}} >/dev/null\nexec "$@"\n'
    )
    hook.chmod(0o755)
    assert run("git", "config", "--global", "uploadpack.packObjectsHook", hook).code == 0


def test_a_failure_leaves_what_was_there(vendor: Path, tmp_path: Path) -> None:
    made = tmp_path / "mirror.git"
    meanwhile(tmp_path, vendor, "exit 1")
    failed = mirror(vendor, made)
    assert failed.code == 5
    assert failed.err.startswith(f"git-ekf: cannot read the primary repository {vendor}: ")
    assert not made.exists()
    assert mirror(vendor, made).code == 0
    old, state = refs(made), read_mirror_state(Git(str(made)))
    bare = Clone(vendor)
    (tmp_path / "big").write_bytes(
        random.Random(1).randbytes(200_000)
    )  # more than there will be room for
    blob = bare.out("hash-object", "-w", str(tmp_path / "big"))
    tree = bare.git("mktree", stdin=f"100644 blob {blob}\tbig\n").out.strip()
    bare.git("update-ref", V19, bare.out("commit-tree", "-p", "release-1.9", "-m", "Big", tree))
    full = run("sh", "-c", f"ulimit -f 64; git ekf mirror {vendor} {made}")
    assert full.code == 5, full
    assert "Traceback" not in full.err
    hook = made / "hooks" / "reference-transaction"
    hook.write_text('#!/bin/sh\n! { [ "$1" = prepared ] && grep -q refs/heads/; }\n')
    hook.chmod(0o755)
    assert mirror(vendor, made).code == 5
    assert (refs(made), read_mirror_state(Git(str(made)))) == (old, state)
    hook.unlink()
    assert mirror(vendor, made).code == 0
    assert refs(made)[V19] == refs(vendor)[V19]


def test_interrupted(vendor: Path, tmp_path: Path) -> None:
    made = tmp_path / "mirror.git"
    meanwhile(tmp_path, vendor, "sleep 30")
    with subprocess.Popen(
        ["git-ekf", "mirror", vendor, made], stderr=subprocess.PIPE, text=True
    ) as process:
        while not (tmp_path / "meanwhile.done").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "\ngit-ekf: interrupted\n")
    assert not made.exists()


def test_two_at_once(vendor: Path, tmp_path: Path) -> None:
    made = tmp_path / "mirror.git"
    assert mirror(vendor, made).code == 0
    with open(made / "ekf" / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = mirror(vendor, made)
    assert (second.code, second.err.splitlines()[0]) == (
        4,
        "git-ekf: another git-ekf command is at work in this repository",
    )


def test_moving_notices_what_others_did(vendor: Path) -> None:
    """A ref that is no longer what was compared stops all of it."""
    git = Git(str(vendor))
    have = refs_of(git)
    oid = have[V110]
    changes = compare(git, {V18: oid, V19: oid}, {ref: have[ref] for ref in (V18, V19, V110)})
    assert [(change.ref, change.kind) for change in changes] == [
        (V110, WITHDRAWN),
        (V18, REWRITTEN),
        (V19, REWRITTEN),
    ]
    assert (
        compare(git, {V18: commit(Clone(vendor), "release-1.8")}, {V18: have[V18]})[0].kind
        == UPDATED
    )
    changes = [*changes[:2], RefChange(UPDATED, V19, oid, have[V19])]
    with Quarantine(git, git.objects_dir()) as quarantine, pytest.raises(CallFailed):
        move(git, quarantine, changes, MirrorState("x", 0))
    assert refs_of(git) == have


# --- a URL ---


def test_a_mirror_at_a_url(vendor: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    url = f"file://{server}"
    assert run("git", "init", "-q", "--bare", "-b", "master", server).code == 0
    first = mirror(vendor, url)
    assert (first.code, first.err) == (0, "")
    head = "on its server: git symbolic-ref HEAD refs/heads/release-1.10"
    assert first.out.splitlines()[-2] == f"note: a plain clone of it checks out nothing; {head}"
    Clone(server).git(*head.split()[4:])
    expected = channels_and_tags(vendor)
    assert refs(server) == expected
    assert mirror(vendor, url).out.splitlines()[-2:] == ["  2 tags: 2 unchanged", "Nothing is new."]

    # Any machine can go on, with or without a copy.
    new, gone_on = rewrite(vendor)
    shutil.rmtree(Path.home() / ".cache")
    stopped = mirror(vendor, url)
    assert (stopped.code, refs(server)) == (4, expected)
    hook = server / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho not on a Friday >&2; [ $1 != refs/heads/release-1.10 ]\n")
    hook.chmod(0o755)
    command = stopped.err.partition("if that is meant: ")[2].split()
    refused = run(*command)
    assert refused.code == 5
    assert (
        refused.err.splitlines()[0]
        == f"git-ekf: {url} did not take it: {V110}: [remote rejected] (hook declined); nothing was changed"
    )
    assert refs(server) == expected
    hook.unlink()
    done = run(*command)
    assert (done.code, done.err) == (0, "")
    assert "note:" not in done.out
    there = refs(server)
    assert {ref: oid for ref, oid in there.items() if not ref.startswith(BACKUP)} == {
        V18: new,
        V110: gone_on,
        "refs/tags/v1.8.0": new,
    }
    assert there["refs/ekf/backup/release-1.8/TIME"] == expected[V18]


def test_two_machines_that_push_at_once(vendor: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    assert run("git", "init", "-q", "--bare", server).code == 0
    assert mirror(vendor, f"file://{server}").code == 0
    grow_old(server, vendor)
    new = advance(vendor, "release-1.9")
    advance(vendor, "release-1.8")
    meanwhile(
        tmp_path,
        vendor,
        f"XDG_CACHE_HOME={tmp_path} git ekf mirror {vendor} file://{server} --release 1.9",
    )
    second = mirror(vendor, f"file://{server}")
    assert second.code == 5
    assert second.err.splitlines()[0].endswith(
        "refs/ekf/mirror/state: [rejected] (stale info); nothing was changed"
    )
    assert refs(server)[V19] == new
    assert mirror(vendor, f"file://{server}").code == 0


# --- wrong input ---


@rare
def test_wrong_input(vendor: Path, tmp_path: Path) -> None:
    def refused(code: int, said: str, *args: Path | str) -> None:
        done = mirror(*args)  # type: ignore[arg-type]
        assert (done.code, done.err.partition("\n")[0]) == (code, f"git-ekf: {said}"), done
        assert "\nhint: " in done.err

    new = tmp_path / "new.git"
    nothing = tmp_path / "nothing"
    why = f"'{nothing}' does not appear to be a git repository"
    refused(5, f"cannot read the primary repository {nothing}: {why}", nothing, new)
    refused(2, "PRIMARY and the mirror are the same repository", vendor, f"file://{vendor}")
    refused(2, "PRIMARY and the mirror have to be named", vendor, "")
    refused(
        2,
        "there is no release 3; the vendor has release-1.8, release-1.9, release-1.10",
        vendor,
        new,
        "--release",
        "3",
    )
    url = "http://user:secret@localhost:9/x.git"
    refused(
        5,
        "cannot read the mirror repository http://localhost:9/x.git: " + _unable(url),
        vendor,
        url,
    )
    shallow = tmp_path / "shallow.git"
    assert (
        run(
            "git",
            "clone",
            "-q",
            "--bare",
            "--depth=1",
            "-b",
            "release-1.8",
            f"file://{advanced(vendor)}",
            shallow,
        ).code
        == 0
    )
    refused(4, f"{shallow} is shallow: it does not have everything", shallow, new)
    partial = tmp_path / "partial.git"
    Clone(vendor).git("config", "uploadpack.allowFilter", "true")
    assert (
        run("git", "clone", "-q", "--bare", "--filter=blob:none", f"file://{vendor}", partial).code
        == 0
    )
    Clone(partial).git("remote", "set-url", "origin", str(nothing))
    refused(4, f"{partial} is a partial clone: it does not have everything", partial, new)
    channels = run("git", "-c", "ekf.branches.release=v{version}", "ekf", "mirror", vendor, new)
    assert (channels.code, channels.err.partition("\n")[0]) == (
        4,
        "git-ekf: the primary repository has no release branch (v{version})",
    )
    assert not new.exists()

    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    refused(4, f"{full} already exists and is not a bare repository", vendor, full)
    refused(
        4, f"{full / 'mine'} already exists and is not a bare repository", vendor, full / "mine"
    )
    assert os.listdir(full) == ["mine"]
    work = tmp_path / "work"
    assert run("git", "init", "-q", work).code == 0
    refused(
        4,
        f"{work} is inside of another repository, where a mirror does not belong",
        vendor,
        work / "below" / "mirror.git",
    )
    refused(
        4,
        f"{work}/.git is a repository with a work tree, and a mirror has none",
        vendor,
        work / ".git",
    )
    plain = tmp_path / "plain.git"
    assert run("git", "clone", "-q", "--mirror", vendor, plain).code == 0
    for target in (plain, f"file://{plain}"):
        refused(
            4,
            f"{target} has branches or tags, and is not a mirror that git ekf has made",
            vendor,
            target,
        )
    assert refs(plain) == refs(vendor)


def _unable(url: str) -> str:
    said = run("git", "ls-remote", url).err.partition("\n")[0]
    assert said.startswith("fatal: unable to access 'http://localhost:9/x.git/': ")
    # curl tells how many milliseconds it took.
    return re.sub(r" after \d+ ms", " after 0 ms", said.removeprefix("fatal: "))


def advanced(vendor: Path) -> Path:
    advance(vendor, "release-1.8")
    return vendor


def test_names_and_credentials(vendor: Path, tmp_path: Path) -> None:
    """A tag with a shell's command, a line separator and a control character in its name, and a password in the URL."""
    made, url = tmp_path / "mirror.git", "https://user:secret@git.example.com/vendor.git"
    assert run("git", "config", "--global", f"url.{vendor}.insteadOf", url).code == 0
    name = "v1;$(id)\u2028\x9b"
    bare = Clone(vendor)
    bare.git("tag", name, "release-1.8")
    done = mirror(url, made)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{made} mirrors https://git.example.com/vendor.git:\n")
    assert refs_of(Git(str(made)))[f"refs/tags/{name}"] == refs(vendor)[V18]
    bare.git("tag", "-f", name, "release-1.9")
    stopped = mirror(url, made)
    assert stopped.code == 4
    assert "moved the tag v1;$(id)\\u2028\\x9b, from" in stopped.err
    assert stopped.err.endswith(" --accept $'v1;$(id)\\u2028\\u009b'\n")
    assert mirror(url, made, "--accept", name).code == 0
    kept = [
        path
        for path in [*made.rglob("*"), *Path.home().rglob("*")]
        if path.is_file() and b"secret" in path.read_bytes()
    ]
    assert kept == [Path.home() / ".gitconfig"]
    assert "secret" not in done.out + stopped.err + Clone(made).out("cat-file", "blob", MIRROR)


# --- what a clone sees ---


def grow_old(made: Path, vendor: Path) -> None:
    """The mirror was last updated 29 days ago."""
    git = Git(str(made))
    blob = write_state(git, MirrorState(str(vendor), time.time() - STALE - 86400))
    git.update_refs([RefUpdate(MIRROR, "", blob)])


def test_what_a_mirror_says_of_itself() -> None:
    state = MirrorState("https://git.example.com/vendor.git", 1_700_000_000.0)
    assert (
        state.text()
        == "primary https://git.example.com/vendor.git\nupdated 2023-11-14T22:13:20.000000+00:00\n"
    )
    assert parse_mirror_state(state.text() + "later more\n") == state
    for text in (
        "",
        "primary x\n",
        "primary x\nupdated yesterday\n",
        "updated 2023-11-14T22:13:20+00:00",
    ):
        assert parse_mirror_state(text) is None
    assert state.is_of("https://user@GIT.example.com:443/vendor/")
    assert not state.is_of("https://git.example.com/other.git")


@rare
def test_clones_know_how_old_their_mirror_is(tmp_path: Path) -> None:
    vendor, made, internal = (
        tmp_path / "vendor.git",
        tmp_path / "mirror.git",
        tmp_path / "internal.git",
    )
    make_vendor(str(vendor))
    assert mirror(vendor, made).code == 0
    assert run("git", "init", "-q", "--bare", internal).code == 0
    built = run(
        "git-ekf", "clone", made, tmp_path / "work", "--internal", internal, "--release", "1.8"
    )
    assert f"  {made} is a mirror; fetching from origin brings its age\n" in built.out
    clone = Clone(tmp_path / "work")
    shown = clone.ekf("status").out
    assert "  channel        up to date (fetched just now, the mirror updated just now)\n" in shown
    assert "\n  mirror " not in shown
    assert answer(clone, "status")["mirror"]["primary"] == str(vendor)

    grow_old(made, vendor)
    clone.git("fetch", "-q")
    shown = clone.ekf("status").out
    assert "fetched just now, the mirror updated 29 days ago" in shown
    assert "\n  mirror         origin is one, long without an update" in shown
    assert f" git ekf mirror {vendor} {made}\n" in shown
    examined = answer(clone, "doctor", "--offline")["findings"]
    said = f"a mirror of {vendor}, updated 29 days ago"
    fix = f"where the vendor can be reached: git ekf mirror {vendor} {made}"
    found = {
        "check": "mirror",
        "part": "repository",
        "state": "warning",
        "message": f"origin is {said}",
        "fix": fix,
    }
    assert [finding for finding in examined if finding["check"] == "mirror"] == [found]
    there = run("git-ekf", "doctor", cwd=made).out
    assert f"  warning  mirror         {said}\n                          fix: {fix}\n" in there

    # Nothing else minds.
    assert clone.rules() == []
    assert clone.ekf("save").code == 0
    assert MIRROR not in refs(internal)
    clone.git("config", "--unset-all", "remote.origin.fetch", "mirror")
    told = next(
        finding
        for finding in answer(clone, "doctor")["findings"]
        if "does not bring" in finding["message"]
    )
    assert told["check"] == "remotes"
    clone.git("update-ref", "-d", MIRROR)
    assert run("sh", "-c", told["fix"], cwd=clone.path).code == 0
    assert Repository(Git(str(clone.path))).refs[MIRROR]
    clone.git("remote", "set-url", "origin", str(vendor))
    assert answer(clone, "status")["mirror"] is None
    init = clone.ekf("init", "--primary", str(made), "--yes")
    assert "brings its age" not in init.out
    clone.git("config", "--unset-all", "remote.origin.fetch", "mirror")
    clone.git("remote", "set-url", "origin", str(vendor))
    init = clone.ekf("init", "--primary", str(made), "--yes")
    assert (
        f"  remote origin now points to {made}\n  {made} is a mirror; fetching from origin brings its age\n"
        in init.out
    )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("remote: git-ekf: all is well\nfatal: gone\n", "it says: git-ekf: all is well; gone"),
        ("", "it does not say why"),
    ],
)
def test_what_a_server_says_is_said_to_be_its_words(said: str, why: str) -> None:
    error = _not_pushed("https://host/mirror.git", PushOutcome(1, {}, said))
    assert error.message == (f"https://host/mirror.git did not take it: {why}; nothing was changed")
