"""Starting git: two commands in a pipe, and objects that it takes for its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from conftest import Clone, run

from git_ekf.errors import GitFailed
from git_ekf.git.calls import Git
from git_ekf.git.digest import digest
from git_ekf.git.objects import Objects
from git_ekf.git.trees import Entry

# What fills a pipe, and more.
_NOISE = ("-c", "alias.noise=!seq 100000 >&2; echo text", "noise")


def test_piped(tmp_path: Path) -> None:
    """However much the first one says meanwhile."""
    assert (
        Git(str(tmp_path))._piped(_NOISE, ("hash-object", "--stdin")).strip()
        == b"8e27be7d6154a1f68ea9160ef0e18691d20560dc"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [(("-c", "alias.x=!exit 3", "x"), ("hash-object", "--stdin")), (_NOISE, ("hash-object", "-x"))],
)
def test_piped_and_failed(tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...]) -> None:
    with pytest.raises(GitFailed):
        Git(str(tmp_path))._piped(first, second)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_digests(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a Python whose own are not there, or have other names."""
    expected = hashlib.new(algorithm, b"content").digest()
    assert digest(algorithm, b"content") == expected
    monkeypatch.setattr("git_ekf.git.digest.import_module", lambda _: None)
    assert digest(algorithm, b"content") == expected


def test_the_same_patch(clone: Clone) -> None:
    """Also of a commit without a parent, which a merge has brought."""
    clone.git("checkout", "-q", "--orphan", "root")
    clone.git("rm", "-rfq", ".")
    clone.write("site/values.yaml", "1\n")
    clone.git("add", "site/values.yaml")
    clone.git("commit", "-q", "--no-verify", "-m", "Root")
    root = clone.out("rev-parse", "HEAD")
    clone.git("switch", "-q", "release-1.8")
    same = clone.commit("site/values.yaml", "1\n")
    clone.commit("site/values.yaml", "2\n")
    more = clone.commit("site/more.yaml", "1\n")
    git = Git(str(clone.path))
    assert git.same_patch(same, root)
    assert not git.same_patch(more, root)
    clone.git("switch", "-q", "--detach", "release-1.8~2")
    assert git.same_patch(more, clone.commit("site/more.yaml", "1\n"))
    assert not git.same_patch(more, clone.commit("site/more.yaml", "2\n"))


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_objects_are_as_git_makes_them(tmp_path: Path, object_format: str, count: int) -> None:
    """Trees and commits, read back; the same trees that git's index makes."""
    assert run("git", "init", "-q", f"--object-format={object_format}", tmp_path / "r").code == 0
    repo = Clone(tmp_path / "r")
    names = [
        f"d{number % 7}/{'é' * (number % 3)}e{number % 11}/f{number}" for number in range(count)
    ] + ["top", "d1.x", "d1-x"]
    for name in names:
        repo.write(name, f"{name}\n")
    repo.git("add", "-A")
    listed = repo.git("ls-files", "-s", "-z").out.split("\0")[:-1]
    entries = {
        name: Entry(*words.split(" ")[:2]) for words, name in (line.split("\t") for line in listed)
    }
    objects = Objects(str(tmp_path / "objects"), object_format)
    tree = objects.tree(entries)
    objects.write()
    alone = objects.commit(tree)
    objects.write()  # one, in a file of its own
    merged = objects.commit(objects.tree({"x": entries["top"]}), alone)
    objects.write()
    objects.write()
    env = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(tmp_path / "objects")}
    assert tree == repo.out("write-tree")
    assert repo.git("rev-list", merged, env=env).out.split() == [merged, alone]
    assert repo.git("ls-tree", "-r", "--name-only", merged, env=env).out == "x\n"
    packs = sorted((tmp_path / "objects/pack").glob("*.idx"))
    assert len(packs) == 2
    assert all(run("git", "verify-pack", path, cwd=repo.path).code == 0 for path in packs)
    assert repo.git("fsck", "--strict", merged, env=env).code == 0
    assert [name for name in os.listdir(tmp_path / "objects") if len(name) == 2] == [alone[:2]]


def test_a_reader_is_ended_that_a_thread_has_ended(clone: Clone) -> None:
    """After ^C, when a question is under way in a thread: both find git gone, and close its pipes."""
    reader = Git(str(clone.path)).id_reader()
    assert reader.ids(["HEAD"]) == [clone.out("rev-parse", "HEAD")]
    assert reader._process.stdin
    reader._process.stdin.close()
    reader.close()
    reader.close()


def test_a_reader_goes_on_behind_what_is_too_large(clone: Clone) -> None:
    """And behind one that nobody has waited for."""
    contents = [f"{number}\n" for number in range(150)]
    small = [clone.git("hash-object", "-w", "--stdin", stdin=one).out.strip() for one in contents]
    large = clone.git("hash-object", "-w", "--stdin", stdin="x" * (3 << 20)).out.strip()
    git = Git(str(clone.path))
    reader = git.object_reader(1 << 16)
    names = [*small[:70], large, *small[70:], "0" * 40, large, small[0]]
    found = list(reader.look_at(names))
    assert found[70] == ("blob", 3 << 20, None)
    assert found[-3:] == [("missing", 0, None), ("blob", 3 << 20, None), ("blob", 2, b"0\n")]
    assert [content for _, _, content in found[:70] + found[71:-3]] == list(
        map(str.encode, contents)
    )
    next(reader.look_at(names))
    assert [content for _, _, content in reader.look_at(small)] == list(map(str.encode, contents))
    assert git.read_beginnings([small[12], large], 3) == {small[12]: b"12\n", large: b"xxx"}
    reader.close()
