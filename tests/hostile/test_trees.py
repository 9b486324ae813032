"""Directories that git would not make: what the judge finds in them, and what git itself finds."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest
from conftest import Clone, run
from reach import EVERYTHING, SEED, long, some
from servertools import BRANCH, Site

from git_ekf.policy.sound_trees import is_sound, unsound
from git_ekf.policy.trees import TreeEntry, parse_tree, wrong_entry

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NAMES = [
    *(b".git", b".GIT", b".git.", b".git ", b".git . .", b".gIt::$INDEX_ALLOCATION", b"git~1"),
    *(b"GIT~1.", b"a\\.git", b"a\\.git\\b", b"\\git~1", ".g\u200cit".encode(), b".git\\hooks"),
    *("\ufeff.git".encode(), ".GI\u206at".encode(), b".", b"..", b"", b"a/b", b"/", b"../x"),
    *(b".gitignore", b".gitmodules", b".git-x", b"git", b"git~2", b"git~10", b".gi", b"...", b"a"),
    *(".git\uffff".encode(), ".git\ufdd0".encode(), b".g\xed\xa0\x80it", b".git\xed\xa0\x80"),
    *(b"a.b", b"b", ".g\u00efit".encode(), b"\xff.git", b".git\xff", b" .git", b"a:.git", b"a\n"),
]


def entry(name: bytes, kind: str) -> bytes:
    mode, oid = {"tree": ("40000", EMPTY_TREE), "blob": ("100644", EMPTY_BLOB)}[kind]
    return mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid)


def write(clone: Clone, content: bytes) -> str:
    """A tree object as it is."""
    path = clone.path / "object"
    path.write_bytes(content)
    oid = clone.out("hash-object", "-t", "tree", "-w", "--literally", str(path))
    path.unlink()
    return oid


def entries(*, ordered: bool, chance: random.Random) -> bytes:
    chosen = [
        (name, chance.choice(["tree", "blob"]))
        for name in chance.sample(NAMES, chance.randint(1, 3))
    ]
    if chance.random() < 0.1:
        chosen.append((chosen[0][0], "tree"))
    if ordered:
        chosen.sort(key=lambda one: one[0] + (b"/" if one[1] == "tree" else b""))
    return b"".join(entry(name, kind) for name, kind in chosen)


@long
def test_the_same_is_wrong_with_a_tree_as_for_git(tmp_path: Path) -> None:
    assert run("git", "init", "-q", tmp_path / "trees").code == 0
    clone = Clone(tmp_path / "trees")
    chance = random.Random(SEED)
    trees = [entry(name, kind) for name in NAMES for kind in ("tree", "blob")]
    for _ in range(3000 if EVERYTHING else 150):
        trees.append(entries(ordered=chance.random() < 0.8, chance=chance))
    contents = {write(clone, content): content for content in trees}
    write(clone, b"")
    clone.git("hash-object", "-w", "--stdin", stdin="")
    printed = clone.git("fsck", "--no-dangling", ok=False)
    serious = "badTree|hasDot|hasDotdot|hasDotgit|fullPathname|duplicateEntries|treeNotSorted"
    theirs = set(re.findall(rf"in tree ([0-9a-f]+): (?:{serious}):", printed.out + printed.err))
    ours = {oid for oid, content in contents.items() if wrong_entry(parse_tree(content, 20))}
    assert ours == theirs, [contents[oid] for oid in ours ^ theirs]
    sound = {oid for oid, content in contents.items() if is_sound(content, 20)}
    assert sound
    assert sound.isdisjoint(theirs), [contents[oid] for oid in sound & theirs]
    # Also where one with the same names was sound before.
    assert {oid for oid, _ in unsound([*contents.items()] * 2)} == theirs


@pytest.mark.parametrize("end", [b"100644 b\0", b"100644 b\0short", b"100644 b", b"100644 "])
def test_a_tree_without_its_end_behind_a_sound_one(end: bytes) -> None:
    """Without object ids some are the same."""
    trees = [entry(b"a", "blob") + entry(b"b", "blob"), entry(b"a", "blob") + end]
    with pytest.raises(ValueError, match=r"tree|subsection"):
        list(unsound([("1" * 40, content) for content in trees]))


@pytest.mark.parametrize("names", [(b"b", b"a"), (b"a", b"a"), (b".", b"a")])
def test_a_wrong_tree_as_long_as_a_sound_one(names: tuple[bytes, bytes]) -> None:
    sound = entry(b"a", "blob") + entry(b"b", "blob")
    wrong = entry(names[0], "blob") + entry(names[1], "blob")
    trees = [("1" * 40, sound), ("2" * 40, wrong), ("3" * 40, sound)]
    assert [oid for oid, _ in unsound(trees)] == ["2" * 40]


@pytest.mark.parametrize("content", [b"x", b"100644 a", b"100644 a\0short", b"x a\0" + b"i" * 20])
def test_what_is_no_tree(content: bytes) -> None:
    assert not is_sound(content, 20)
    with pytest.raises(ValueError, match=r"tree|subsection|literal"):
        parse_tree(content, 20)


def test_entries_of_a_tree() -> None:
    found: list[tuple[bytes, TreeEntry]] = [
        (b"a\n", (0o100644, EMPTY_BLOB)),
        (b"b", (0o040000, EMPTY_TREE)),
    ]
    tree = entry(b"a\n", "blob") + entry(b"b", "tree")
    assert parse_tree(tree, 20) == found
    assert is_sound(tree, 20)
    assert is_sound(b"", 20)
    assert not is_sound(tree + b"\0", 20)


def committed(site: Site, tree: str, *, above: int = 0) -> str:
    """A commit of a tree with a sound one on it."""
    work = site.work
    commit = work.out("commit-tree", tree, "-p", "HEAD", "-m", "Odd")
    for number in range(above):
        commit = work.out("commit-tree", "HEAD^{tree}", "-p", commit, "-m", f"Sound {number}")
    return commit


ODD = [b".git", b"..", b".GIT.", ".g\u200cit".encode(), b"a/b", b"git~1"]


@long
@pytest.mark.parametrize(
    ("name", "kind", "above"), some([*itertools.product(ODD, ("tree", "blob"), (0, 1))], 10)
)
def test_a_push_of_an_entry_that_git_would_not_check_out(
    site: Site, name: bytes, kind: str, above: int
) -> None:
    """Also below a sound commit, in a directory, and where no rule looks at the commits."""
    work = site.work
    work.git("hash-object", "-w", "--stdin", stdin="")
    write(work, b"")
    odd = write(work, entry(name, kind))
    commit = committed(site, odd, above=above)
    if above:
        site.refused("tree-entry", f"{commit}:refs/heads/{BRANCH}")
    site.refused("tree-entry", f"{commit}:refs/tags/odd")
    deep = write(work, b"40000 a\0" + bytes.fromhex(odd))
    site.refused("tree-entry", f"{committed(site, deep, above=above)}:refs/ekf/backup/x/y")


@pytest.mark.parametrize("names", [(b"a", b"a"), (b"b", b"a")])
def test_a_push_of_entries_in_no_order(site: Site, names: tuple[bytes, bytes]) -> None:
    odd = write(site.work, b"".join(entry(name, "blob") for name in names))
    site.work.git("hash-object", "-w", "--stdin", stdin="")
    site.refused("tree-entry", f"{committed(site, odd)}:refs/heads/{BRANCH}")


def test_git_looks_where_it_is_asked_to(site: Site) -> None:
    """Nothing is looked at twice, and what git is told to let through is for the rule."""
    work = site.work
    odd = committed(site, write(work, entry(b".git", "blob")))
    work.git("hash-object", "-w", "--stdin", stdin="")
    site.server.git("config", "receive.fsckObjects", "true")
    assert "hasDotgit" in site.push(f"{odd}:refs/tags/odd").err
    site.server.git("config", "receive.fsckObjects", "")  # no, and no word of what is above it
    site.server.git("config", "transfer.fsckObjects", "true")
    site.refused("tree-entry", f"{odd}:refs/tags/odd")
    site.server.git("config", "receive.fsckObjects", "true")
    site.server.git("config", "receive.fsck.hasDotgit", "ignore")
    site.refused("tree-entry", f"{odd}:refs/tags/odd")
