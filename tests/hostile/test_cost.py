"""Pushes that are small and would cost much: each is judged within limits, or refused with a sentence."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import EVERYTHING, rare
from servertools import BRANCH, RECORD, UPSTREAM, Site

from git_ekf.policy.limits import TooMuch, require_short
from git_ekf.policy.trees import Comparison, TreeEntry

ZERO = "0" * 40
MARKED = "<<<<<<< ours\n>>>>>>> theirs\n"


def mktree(clone: Clone, *entries: tuple[str, str, str]) -> str:
    lines = [
        f"{mode} {'tree' if mode == '040000' else 'blob'} {oid}\t{name}\n"
        for mode, oid, name in entries
    ]
    return clone.git("mktree", "--missing", stdin="".join(lines)).out.strip()


def blob(clone: Clone, content: str) -> str:
    return clone.git("hash-object", "-w", "--stdin", stdin=content).out.strip()


def on_top(clone: Clone, tree: str) -> str:
    return clone.out("commit-tree", tree, "-p", "HEAD", "-m", "Large")


def nested(clone: Clone, leaf: tuple[str, str], levels: int, width: int = 2) -> str:
    """A tree with width to the power of levels paths."""
    tree = mktree(clone, (*leaf, "a"))
    for _ in range(levels):
        tree = mktree(clone, *(("040000", tree, f"{number:03}") for number in range(width)))
    return tree


def refused(site: Site, why: str, *refspecs: str) -> None:
    """The push is refused with a sentence and a hint, in little time, and nothing changes."""
    before = site.refs()
    begin = time.monotonic()
    done = site.push(*refspecs)
    took = time.monotonic() - begin
    assert done.code == 1, done
    assert why in done.err, done
    assert "hint: " in done.err, done
    assert "Traceback" not in done.err, done
    assert took < 30
    assert site.refs() == before
    site.sound()


@pytest.mark.parametrize("leaf", ["file", "nothing"])
def test_directories_in_one_another(site: Site, leaf: str) -> None:
    """896 bytes with 2^30 paths, or as many directories without one."""
    work = site.work
    content = ("100644", blob(work, MARKED)) if leaf == "file" else ("040000", mktree(work))
    commit = on_top(work, nested(work, content, 30))
    refused(site, "it changes more than 200,000 files and directories", f"{commit}:{BRANCH}")
    # Where nobody looks at files, it is a directory like any other.
    site.accepted(f"{commit}:refs/tags/large")


def test_a_path_that_is_too_long(site: Site) -> None:
    work = site.work
    tree = mktree(work, ("100644", blob(work, "x\n"), "a"))
    for _ in range(30):
        tree = mktree(work, ("040000", tree, "x" * 200))
    refused(site, "it has a path of more than 4,096 bytes", f"{on_top(work, tree)}:{BRANCH}")


@rare
def test_a_file_under_many_paths_is_read_once(site: Site) -> None:
    """One of 3.9 MB, whose every line could be a marker, under 200 paths."""
    work = site.work
    content = blob(work, "<\n" * 1_950_000)
    listed = [("100644", content, f"{number:03}") for number in range(200)]
    commit = on_top(work, mktree(work, *listed))
    begin = time.monotonic()
    site.accepted(f"{commit}:{BRANCH}")
    assert time.monotonic() - begin < 10
    most = 64 if EVERYTHING else 8
    sizes = "".join(
        f"{number:03} conflict-marker-size={number % most + 1}\n" for number in range(200)
    )
    listed.append(("100644", blob(work, sizes), ".gitattributes"))
    commit = on_top(work, mktree(work, *sorted(listed, key=lambda entry: entry[2])))
    begin = time.monotonic()
    done = site.push(f"+{commit}:{BRANCH}")
    assert done.code == 1, done
    assert time.monotonic() - begin < 30


def test_attributes_in_directories_in_one_another(site: Site) -> None:
    """git holds all that are above a path: half a gigabyte, of a push of some kilobytes."""
    work = site.work
    lines = ("100644", blob(work, "a b\n" * 5000), ".gitattributes")
    tree = mktree(work, lines, ("100644", blob(work, MARKED), "marked"))
    for _ in range(60):
        tree = mktree(work, lines, ("040000", tree, "d"))
    refused(site, "its .gitattributes have more than 1 MB", f"{on_top(work, tree)}:{BRANCH}")
    below = work.out("rev-parse", f"{tree}:{'/'.join('d' * 30)}")
    done = site.push(f"{on_top(work, below)}:{BRANCH}")
    assert (done.code, "has conflict markers" in done.err) == (1, True), done


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * 251, "250 bytes between slashes"),
        ("/".join(["x" * 100] * 10), "more than 1,000 bytes"),
        ("/".join("x" * 60), "more than 50 parts"),
        ("/".join("x" * 400), "more than 50 parts"),
    ],
)
@pytest.mark.parametrize("space", ["refs/heads/", "refs/tags/", "refs/ekf/backup/b/", "refs/odd/"])
def test_names_that_are_too_long(name: str, why: str, space: str) -> None:
    with pytest.raises(TooMuch, match=why):
        require_short(space + name)
    require_short(space + name[:200].removesuffix("/")[:40])


def test_a_name_of_64_kilobytes(site: Site) -> None:
    """As git's protocol has room for."""
    tip = site.server.out("rev-parse", BRANCH)
    for name in ("x" * 64_000, "x/" * 32_000 + "x"):
        begin = time.monotonic()
        done = site.judge(f"{ZERO} {tip} refs/heads/{name}")
        assert time.monotonic() - begin < 10
        assert (done.code, "bytes" in done.err, len(done.err) < 1000) == (4, True, True), done


def test_more_refs_than_are_judged(site: Site) -> None:
    tip = site.server.out("rev-parse", BRANCH)
    done = site.judge(*(f"{ZERO} {tip} refs/tags/{number}" for number in range(20_001)))
    assert (done.code, "more than 20,000 refs" in done.err) == (4, True), done


@rare
def test_more_releases_than_are_judged(site: Site) -> None:
    tip = site.server.out("rev-parse", UPSTREAM)
    channels = [f"{ZERO} {tip} refs/ekf/upstream/release-3.{number}" for number in range(201)]
    done = site.judge(*channels)
    assert (done.code, "about more than 200 releases" in done.err) == (4, True), done
    begin = time.monotonic()
    assert site.judge(*channels[1:]).code == 0
    assert time.monotonic() - begin < 30


def test_the_limits_are_those_of_the_configuration(site: Site) -> None:
    """A budget that nothing can keep to; the default lets it pass."""
    work = site.work
    for number in range(4):  # longer than until the first look
        work.commit(f"own/large-{number}", f"<{number}\n" + "<\n" * 1_900_000)
    site.server.git("config", "ekf.server.budget-memory", "1")
    refused(site, "takes more than 1 MB of memory", BRANCH)
    site.server.git("config", "ekf.server.budget-memory", "x")
    assert "server.budget-memory must be a number from 1 to 999999" in site.push(BRANCH).err
    site.server.git("config", "--unset", "ekf.server.budget-memory")
    site.accepted(BRANCH)


def within_a_budget(seconds: int, megabytes: int, body: str) -> Run:
    """A Python of its own, for all its children are ended: what it does within a budget."""
    program = f"""
import subprocess, sys
from contextlib import suppress
from git_ekf.errors import Refused
from git_ekf.hooks.budget import budget
try:
    with budget({seconds}, {megabytes}):
        {body}
except Refused as error:
    print(error.message)
except KeyError:
    print("as before")
"""
    return run(sys.executable, "-c", program)


def test_a_budget_of_time_ends_what_was_started(tmp_path: Path) -> None:
    """And no handler of exceptions on the way goes on."""
    mark = tmp_path / "mark"
    begin = time.monotonic()
    sleep = f"subprocess.run(['sh', '-c', 'sleep 3; touch {mark}'])"
    body = f"with suppress(Exception):\n            {sleep}\n        print('goes on')"
    done = within_a_budget(1, 500, body)
    assert time.monotonic() - begin < 3
    assert done.out == "the judgment of this push takes more than 1 seconds\n", done
    time.sleep(2.5)
    assert not mark.exists()


def test_a_budget_of_memory_is_that_of_all_together() -> None:
    half = "x = b'x' * (60 << 20); import time"
    child = f"""subprocess.run([sys.executable, "-c", "{half}; time.sleep(0.5)"])"""
    for megabytes, said in ((500, ""), (100, "more than 100 MB of memory\n")):
        done = within_a_budget(30, megabytes, f"{half}; {child}")
        assert done.out.endswith(said), done
        assert bool(done.out) is bool(said), done


def test_the_fast_path_leaves_what_takes_memory_to_the_full_rules(
    site: Site, tmp_path: Path
) -> None:
    """git reads a commit whole, and a gigabyte of it is a megabyte in a push."""
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.write_text(
        f"#!{sys.executable} -SE\nimport time\nx = b'x' * (150 << 20)\ntime.sleep(1)\n"
        f"open({str(tmp_path / 'mark')!r}, 'w')\n"
    )
    git.chmod(0o755)
    old, new = (site.server.out("rev-parse", f"{BRANCH}{back}") for back in ("^", ""))
    line = f"{old} {new} refs/heads/{BRANCH}\n".encode()
    program = f"""
import os
from git_ekf.hooks import fastpath
os.environ["PATH"] = {str(git.parent)!r}
print(fastpath.passes([fastpath.PROTOCOL, "pre-receive"], {line!r}))
"""
    done = run(sys.executable, "-c", program, cwd=site.server.path)
    assert done.out == "False\n", done
    assert not (tmp_path / "mark").exists()


def test_what_fails_within_a_budget_fails_as_before() -> None:
    done = within_a_budget(30, 500, "raise KeyError")
    assert done.out == "as before\n", done
    assert within_a_budget(30, 500, "print('done')").out == "done\n"


def test_a_tree_is_compared_once_with_another() -> None:
    """However many paths lead to both."""
    reads: list[str] = []
    wide: list[tuple[bytes, TreeEntry]] = [
        (b"%d" % number, (0o040000, "below")) for number in range(1000)
    ]
    below: list[tuple[bytes, TreeEntry]] = [(b"f", (0o100644, "file"))]

    def read(names: list[str]) -> list[list[tuple[bytes, TreeEntry]]]:
        reads.extend(names)
        return [{"wide": wide, "below": below}[name] for name in names]

    comparison = Comparison(read)
    comparison.compare([("", "wide")])
    assert (len(comparison.paths), reads) == (1000, ["wide", "below"])


def test_a_record_of_very_many_lines(site: Site) -> None:
    """Taken apart, each of its lines would take thirty times its bytes."""
    text = site.work.out("cat-file", "tag", RECORD) + "\n" + "\u0436\n" * 1_500_000
    oid = site.work.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=text).out.strip()
    name = RECORD.replace("-20/", "-20.2/")
    done = site.push(f"{oid}:refs/tags/{name}")
    assert f"refs/tags/{name} is a deploy record of more than 4 MB" in done.err, done
    assert done.code == 1
