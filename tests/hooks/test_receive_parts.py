"""Pushes of which git would make a part only: what the hook is told is not all that git then does, and nothing may be lost between."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from conftest import Run, run
from reach import rare
from servertools import BRANCH, Site, packet

ZERO = "0" * 40
BACKUP = f"refs/ekf/backup/{BRANCH}"
Update = tuple[str, str, str]


def raw_push(
    site: Site, updates: Iterable[Update], objects: Iterable[str] = (), *, shallow: str = ""
) -> str:
    """What the server answers to a client that sends these updates and objects, whatever it should send."""
    lines = [f"{old} {new} {ref}" for old, new, ref in updates]
    lines[0] += "\0report-status delete-refs"
    sent = (
        (packet(f"shallow {shallow}") if shallow else b"") + b"".join(map(packet, lines)) + b"0000"
    )
    if any(line.split(" ")[1].strip("0") for line in lines):
        listed = "".join(f"{oid}\n" for oid in objects).encode()
        done = subprocess.run(
            ["git", "pack-objects", "--stdout", "-q"],
            cwd=site.work.path,
            input=listed,
            capture_output=True,
            check=True,
        )
        sent += done.stdout
    server = subprocess.run(
        ["git-receive-pack", site.server.path], input=sent, capture_output=True, check=False
    )
    return (server.stdout.partition(b"unpack ok")[2] + server.stderr).decode()


def anew(site: Site) -> str:
    """A commit in place of the branch's own, which the server has already."""
    other = site.work.out(
        "commit-tree", "HEAD^{tree}", "-p", f"origin/{BRANCH}", "-m", "Begin anew"
    )
    site.accepted(f"{other}:refs/tags/anew")
    return other


def test_what_keeps_a_commit_has_to_be_whole(site: Site) -> None:
    """git finds out after it has called the hook, or before and does not say so."""
    work, other = site.work, anew(site)
    tip = work.commit("own/a", "2\n")
    site.accepted(BRANCH)
    blob = work.git("hash-object", "-w", "--stdin", stdin="never sent\n").out.strip()
    tree = work.git("mktree", stdin=f"100644 blob {blob}\tx\n").out.strip()
    above = work.out("commit-tree", tree, "-p", tip, "-m", "above")
    rewrite = (tip, other, f"refs/heads/{BRANCH}")
    before = site.refs()
    for objects, shallow in (([above], ""), ([above, tree, blob], above)):
        answer = raw_push(site, [(ZERO, above, f"{BACKUP}/1"), rewrite], objects, shallow=shallow)
        assert "rewrite-unsaved: the push takes 1 commit of release-1.8 away" in answer, answer
        assert f"ng refs/heads/{BRANCH} pre-receive hook declined" in answer
        assert site.refs() == before
    site.server.git("config", "receive.hideRefs", "refs/ekf")
    site.server.git("config", "--add", "receive.hideRefs", "!refs/ekf/upstream")
    answer = raw_push(site, [(ZERO, tip, f"{BACKUP}/1"), rewrite])
    assert f"{BACKUP}/1 is hidden on the server" in answer
    assert "rewrite-unsaved" in answer
    assert site.refs() == before
    site.server.git("config", "--unset-all", "receive.hideRefs")
    # What stands already keeps, and nothing that comes in the same push.
    answer = raw_push(site, [(ZERO, tip, f"{BACKUP}/1"), rewrite])
    assert "rewrite-unsaved" in answer
    assert site.refs() == before
    site.accepted(f"{tip}:{BACKUP}/1")
    assert "ng" not in raw_push(site, [rewrite])
    site.sound()


def test_names_that_git_refuses_after_the_hook(site: Site) -> None:
    work, other = site.work, anew(site)
    tip = site.server.out("rev-parse", BRANCH)
    work.commit("own/a", "2\n")
    new = work.out("rev-parse", "HEAD")
    site.accepted(BRANCH, f"{tip}:{BACKUP}/x")
    rewrite = (new, other, f"refs/heads/{BRANCH}")
    before = site.refs()
    for first in (
        (ZERO, new, f"{BACKUP}/a..b"),
        (ZERO, new, f"{BACKUP}/a b"),
        (new, tip, f"refs/heads/{BRANCH}"),
        (tip, new, f"{BACKUP}/x"),
    ):
        answer = raw_push(site, [first, rewrite])
        assert "git-ekf: push refused" in answer, answer
        assert site.refs() == before
    for names in (["x/1"], ["x/1", "x/2"], ["x/1", "2"]):
        done = site.push(
            "--force", *(f"{new}:{BACKUP}/{name}" for name in names), f"{other}:{BRANCH}"
        )
        assert done.code == 1
        assert done.err.count("which is there") == len([name for name in names if "/" in name])
        assert site.refs() == before


def test_a_deletion_from_no_value(site: Site) -> None:
    """git then deletes the ref whatever it has."""
    site.server.git("config", "ekf.branches.allow", "wip/*")
    tip = site.work.commit("own/a", "2\n")
    site.accepted(f"{tip}:refs/heads/wip/x")
    before = site.refs()
    for old in (ZERO, "1" * 40):
        assert "ng refs/heads/wip/x pre-receive hook declined" in raw_push(
            site, [(old, ZERO, "refs/heads/wip/x")]
        )
        assert site.refs() == before
    site.refused("rewrite-unsaved", ":refs/heads/wip/x")


@rare
def test_thousands_of_branches_with_long_names_are_deleted(site: Site) -> None:
    """More names than a command line has room for, where it may be as short as the system lets it be."""
    short = "ulimit -s 512"
    room = int(run("sh", "-c", f"{short}; getconf ARG_MAX").out)
    site.server.git("config", "ekf.branches.allow", "wip/*")
    tip = site.server.out("rev-parse", BRANCH)
    only = site.work.commit("own/a", "2\n")
    site.accepted(f"{only}:refs/heads/wip/one")
    names = [f"refs/heads/wip/{'x' * 220}{number}" for number in range(600)]
    assert len(" ".join(names)) > room
    with (site.server.path / "packed-refs").open("w") as packed:
        packed.writelines(f"{tip} {name}\n" for name in names)
    deletions = "".join(f"{tip} {ZERO} {name}\n" for name in names)

    def judge(updates: str) -> Run:
        hook = f"{short}; exec git-ekf hook 1 pre-receive"
        return run("sh", "-c", hook, cwd=site.server.path, stdin=updates)

    assert judge(deletions).code == 0
    done = judge(f"{only} {tip} refs/heads/wip/one\n{deletions}")
    assert (done.code, done.err.count("error  ")) == (1, 1)
    assert "rewrite-unsaved: the push takes 1 commit of wip/one away" in done.err
