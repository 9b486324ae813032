"""Conflict markers: how many there are and how long, against `git diff --check`, and whatever attributes say."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from conftest import Clone, run
from hypothesis import given
from hypothesis import strategies as st
from reach import generated, long, some
from servertools import BRANCH, Site

from git_ekf.git.calls import Git
from git_ekf.policy.content import Content, count_markers

MARKED = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
LONG = MARKED.replace("<" * 7, "<" * 12).replace(">" * 7, ">" * 12)

SIZES = ["1", "3", "7", "12", "30", "64", "65", "999", "0", "-3", "x", "7x", "", "9" * 30]
SIZES += ["12x", "+12", "+3.5", "012", "++3", "-12"]
PATTERNS = [
    *("*", "*.txt", "a.txt", "/a.txt", "dir/**", "**/b.txt", "dir/*.txt", "[ab].txt", "d?r/b.txt"),
    *('"a.txt"', "!a.txt", "dir/", "**", "c d.txt", '"c d.txt"', "A.TXT", "#a", "\\a.txt"),
]
VALUES = [
    *(f"conflict-marker-size={size}" for size in SIZES),
    *("conflict-marker-size", "-conflict-marker-size", "!conflict-marker-size", "twelve", "-diff"),
]
PATHS = ["a.txt", "dir/b.txt", "c d.txt", "dir/deep/b.txt"]
attributes = st.lists(
    st.tuples(st.sampled_from(PATTERNS), st.sampled_from(VALUES)).map(" ".join), max_size=4
).map(
    lambda lines: "".join(f"{line}\n" for line in ["[attr]twelve conflict-marker-size=12", *lines])
)
lines = st.builds(
    lambda sign, size, rest: sign * size + rest,
    st.sampled_from(["<", ">", "x", ""]),
    st.sampled_from([1, 3, 6, 7, 8, 12, 30, 64, 65]),
    st.sampled_from(["", " a", "\tb", "\r", "x", "<", " ", "\x0b", "\u00a0"]),
)
texts = st.lists(lines, max_size=6).map(lambda found: "".join(f"{line}\n" for line in found))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    path = tmp_path_factory.mktemp("markers") / "work"
    assert run("git", "init", "-q", path).code == 0
    clone = Clone(path)
    clone.git("commit", "-q", "--allow-empty", "-m", "Empty")
    clone.git("config", "core.autocrlf", "false")
    return clone


def known_size(value: str) -> bool:
    """Whether git and the rule have to agree on it: the rule does not follow sizes above 64."""
    size = re.match(r"conflict-marker-size=(\+?\d+)", value)
    return not size or int(size[1]) <= 64


@generated(20)
@given(
    files=st.fixed_dictionaries(dict.fromkeys(PATHS, texts)),
    top=attributes,
    below=attributes,
    staged=st.booleans(),
)
def test_the_same_markers_as_git_diff_check(
    empty: Clone, files: dict[str, str], top: str, below: str, staged: bool
) -> None:
    """But for the attribute diff, which switches git's off."""
    clone = empty
    clone.git("reset", "-q", "--hard", "HEAD")
    clone.git("clean", "-qfdx")
    values = [word for line in (top + below).splitlines() for word in line.split()]
    texts = {".gitattributes": top, "dir/.gitattributes": below.partition("\n")[2]}
    for name, text in {**files, **texts}.items():
        clone.write(name, "".join(text.splitlines(keepends=True)) if "\r" not in text else text)
    clone.git("add", "-A")
    tree = clone.out("write-tree")
    commit = clone.out("commit-tree", tree, "-p", "HEAD", "-m", "x")
    head = clone.out("rev-parse", "HEAD")
    content = Content(Git(str(clone.path)))
    found = content.paths_with_new_markers(head, "" if staged else commit)
    if "-diff" in values or not all(map(known_size, values)):
        return
    checked = clone.git("diff", "--cached", "--check", ok=False).out
    theirs = set(re.findall(r"^(.+):\d+: leftover conflict marker$", checked, re.MULTILINE))
    assert set(found) == theirs - texts.keys(), checked


@given(
    st.lists(st.sampled_from("<> \n\r\tx"), max_size=40).map("".join), st.sampled_from([1, 2, 3])
)
def test_counts(text: str, size: int) -> None:
    """Against a pattern that says the same."""
    pattern = rf"(?m)^(?:<{{{size}}}|>{{{size}}})(?=[ \t\r\n]|\Z)"
    assert count_markers(text.encode(), size) == len(re.findall(pattern, text))


def test_sizes_from_a_commit_and_nowhere_else(site: Site) -> None:
    """Not from the work tree, the server's HEAD, its configuration or its own attributes."""
    work, server = site.work, site.server
    elsewhere = site.top / "attributes"
    elsewhere.write_text("* conflict-marker-size=12\n")
    server.git("config", "core.attributesFile", str(elsewhere))
    (server.path / "info").mkdir(exist_ok=True)
    (server.path / "info" / "attributes").write_text("* conflict-marker-size=12\n")
    work.commit(".gitattributes", "own/*.txt conflict-marker-size=30\n")
    site.accepted(BRANCH)
    server.git("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
    work.write(".gitattributes", "* conflict-marker-size=12\n")
    work.git("add", ".gitattributes")
    work.commit("own/howto.txt", MARKED.replace("<" * 7, "<" * 12))
    site.refused("conflict-marker", BRANCH)
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.commit("own/howto.txt", MARKED + LONG)
    site.accepted(BRANCH)
    work.commit("own/howto.md", MARKED)
    site.refused("conflict-marker", BRANCH)


SWITCHES = (
    *("* -diff", "* binary", "* diff=x", "* -text -diff"),
    *("* conflict-marker-size=65", "* !diff"),
)


@long
@pytest.mark.parametrize(
    ("where", "line"), some([*product((".gitattributes", "own/.gitattributes"), SWITCHES)], 3)
)
def test_no_attribute_switches_the_rule_off(clone: Clone, line: str, where: str) -> None:
    clone.git("config", "diff.x.textconv", "true")
    clone.git("config", "diff.x.command", "true")
    clone.git("config", "diff.x.binary", "true")
    clone.write(where, f"{line}\n")
    clone.write("own/file", MARKED)
    clone.git("add", "-A")
    assert clone.rules("--staged") == ["conflict-marker"]
    assert "conflict-marker" in clone.git("commit", "-q", "-m", "x", ok=False).err
    clone.git("commit", "-q", "--no-verify", "-m", "x")
    assert clone.rules() == ["conflict-marker"]
    refused = clone.git("push", "internal", "release-1.8", ok=False)
    assert "conflict-marker" in refused.err


@pytest.mark.parametrize("hidden", ["link", "directory", "submodule"])
def test_attributes_that_git_does_not_read(clone: Clone, tmp_path: Path, hidden: str) -> None:
    """Where .gitattributes is not a plain file, the default counts."""
    path = clone.path / "own" / ".gitattributes"
    path.parent.mkdir(exist_ok=True)
    if hidden == "link":
        clone.write("own/size", "* conflict-marker-size=30\n")
        path.symlink_to("size")
    elif hidden == "directory":
        clone.write("own/.gitattributes/x", "* conflict-marker-size=30\n")
    else:
        clone.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},own/.gitattributes")
    clone.write("own/file", MARKED)
    clone.git("add", "own/file")
    if hidden != "submodule":
        clone.git("add", "own")
    assert clone.rules("--staged") == ["conflict-marker"]
    clone.git("commit", "-q", "--no-verify", "-m", "x")
    assert clone.rules() == ["conflict-marker"]


def test_a_copy_of_a_file_with_markers_is_new(clone: Clone) -> None:
    clone.commit("own/data", MARKED, verify=False)
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    clone.commit("own/copy", MARKED, verify=False)
    assert "conflict-marker" in clone.git("push", "internal", "release-1.8", ok=False).err


def test_a_binary_file_is_not_looked_into(clone: Clone) -> None:
    """As for git: one with a NUL among its first 8,000 bytes."""
    for size, found in ((7999, []), (8001, ["conflict-marker"])):
        path = clone.path / "own" / f"file-{size}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(MARKED.encode().ljust(size, b"x") + b"\0\n")
        clone.git("add", "-A")
        assert clone.rules("--staged") == found


@pytest.mark.parametrize("size", ["+12", "12x", "012", "12.5"])
def test_a_size_that_git_reads_is_the_size(clone: Clone, size: str) -> None:
    clone.write(".gitattributes", f"* conflict-marker-size={size}\n")
    clone.write("own/a.txt", LONG)
    clone.git("add", "-A")
    assert "conflict-marker" in clone.git("commit", "-m", "x", ok=False).err
    assert "leftover" in clone.git("diff", "--cached", "--check", ok=False).out
