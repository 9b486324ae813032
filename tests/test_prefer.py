"""Conflicts decided by --prefer against `git rebase -X`: generated histories, real stacks and real upgrades."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from random import Random

import pytest
from bench.settled import STRATEGY, replay
from conftest import DATA
from histories import FILE, Built, History, Text, Version, histories, rebase
from histories import Entry as File
from hypothesis import given
from hypothesis import strategies as st
from reach import EVERYTHING, generated, rare
from test_replay import real, stacks  # noqa: F401

from git_ekf.git.calls import Git
from git_ekf.replay.step import ReplayStep


def assert_as_git_does(built: Built, side: str) -> list[ReplayStep]:
    ours = replay(built, side)
    gits = rebase(*built, drop=ours.dropped, options=["-X", STRATEGY[side]])
    stops = bool(ours.steps) and ours.steps[-1].verdict == "conflict"
    assert gits.stopped == (ours.steps[-1].commit.oid if stops else "")
    assert ours.trees == gits.trees
    return ours.steps


@generated(8)
@given(histories(), st.sampled_from(sorted(STRATEGY)))
def test_generated_histories(history: History, side: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_as_git_does(history.build(Path(folder) / "r"), side)


# --- the content of single files ---

LINES = [
    b"a\n",
    b"b\n",
    b"c\n",
    b"d\n",
    b"\n",
    b" \n",
    b"a\r\n",
    b"\r\n",
    b"=======\n",
    b"<<<<<<< a\n",
    b">>>>>>> b\n",
    b"||||||| c\n",
    b"=" * 64 + b"\n",
    b"caf\xe9\n",
]
STYLES = [(), (("merge.conflictStyle", "diff3"),), (("merge.conflictStyle", "zdiff3"),)]
ATTRIBUTES = [
    b"",
    b"* conflict-marker-size=1\n",
    b"* conflict-marker-size=64\n",
    b"* merge\n",
    b"*0 -merge\n*1 merge=union\n*2 merge=text\n*3 binary\n",
    b"* text eol=crlf\n",
]


def content(chance: Random) -> bytes:
    text = b"".join(chance.choices(LINES, k=chance.randrange(14)))
    return text[:-1] if chance.randrange(4) == 0 else text


def edited(chance: Random, text: bytes) -> bytes:
    """The text with some of its lines replaced, taken out or added, or without the last line end."""
    lines = text.splitlines(keepends=True)
    for _ in range(chance.randint(1, 3)):
        start = chance.randint(0, len(lines))
        lines[start : start + chance.randrange(4)] = chance.choices(LINES, k=chance.randrange(4))
    new = b"".join(lines)
    return new[:-1] if chance.randrange(5) == 0 else new


@rare
@generated(5)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from(ATTRIBUTES),
    st.sampled_from(STYLES),
    st.sampled_from(sorted(STRATEGY)),
    st.booleans(),
)
def test_generated_files(
    seed: int,
    attributes: bytes,
    settings: tuple[tuple[str, str], ...],
    side: str,
    added: bool,
) -> None:
    """Many in one commit: lines like markers, line ends of both kinds and none, files that both sides add."""
    chance = Random(seed)
    bases = [content(chance) for _ in range(40)]
    files = [(base, edited(chance, base), edited(chance, base)) for base in bases]
    text = Text(b"Operator <operator@example.com> 1600000000 +0000", b"", b"Files\n")
    common = {b".gitattributes": File(FILE, attributes)}
    first, vendors, mine = (
        Version(
            common
            | {
                b"f%d" % number: File(FILE, file[index])
                for number, file in enumerate(files)
                if index or not added or number % 2
            },
            text,
            (),
        )
        for index in range(3)
    )
    history = History(first, [vendors], [mine], settings)
    with tempfile.TemporaryDirectory() as folder:
        assert_as_git_does(history.build(Path(folder) / "r"), side)


@pytest.mark.parametrize("side", sorted(STRATEGY))
@pytest.mark.parametrize("pattern", ["", "*"])
def test_a_file_in_the_way_of_one_that_was_renamed(tmp_path: Path, side: str, pattern: str) -> None:
    """The vendor deleted the old one and has another there: git stops, though both have lines."""
    text = Text(b"Operator <operator@example.com> 1600000000 +0000", b"", b"Files\n")
    old, other = (File(FILE, b"".join(b"%c %d\n" % (word, n) for n in range(9))) for word in b"ox")
    first = Version({b"a/x": old, b"c": other}, text, ())
    vendors = Version({b"b/x": File(FILE, b"theirs\n"), b"c": other}, text, ())
    mine = Version({b"b/x": old, b"c": other}, text, ())
    built = History(first, [vendors], [mine]).build(tmp_path / "r")
    assert replay(built, side, pattern).steps[-1].verdict == "conflict"
    assert rebase(*built, options=["-X", STRATEGY[side]]).stopped


# --- real ones ---


@pytest.fixture(scope="module")
def upgrades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.exists():
        pytest.skip("the shared data is not here")
    path = tmp_path_factory.mktemp("real") / "r.git"
    Git().init(str(path), bare=True)
    Git(str(path)).fetch_copy(str(DATA / "real-upgrades.bundle"), "refs/*:refs/*")
    return path


# Here `git merge-file` settles another conflict than the one that git has found.
OTHERWISE = ["013/pair/8", "022/pair/0", "065/pair/2", "068/pair/0"]


def pairs() -> list[tuple[str, str]]:
    """(commit, name of the human's version of it): some of the real upgrades, or with everything all."""
    if not (DATA / "real-upgrades.jsonl").exists():
        return []
    found = []
    for line in (DATA / "real-upgrades.jsonl").read_text().splitlines():
        upgrade = json.loads(line)
        for number, pair in enumerate(upgrade["pairs"]):
            found.append((pair["commit"], f"{upgrade['up']}/pair/{number}"))
    return [pair for pair in found if EVERYTHING or pair[1] in OTHERWISE]


@rare
@pytest.mark.parametrize("side", sorted(STRATEGY))
@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair[1])
def test_real_pairs(upgrades: Path, pair: tuple[str, str], side: str) -> None:
    """A commit on the state that a human had before he made it anew."""
    commit, human = pair
    git = Git(str(upgrades))
    onto = git.commit(f"refs/up/{human}^")
    base = git.commit(f"{commit}^")
    assert onto
    assert base
    assert_as_git_does(Built(upgrades, base, commit, onto), side)


def real_upgrades() -> list[str]:
    if not (DATA / "real-upgrades.jsonl").exists():
        return []
    lines = (DATA / "real-upgrades.jsonl").read_text().splitlines()
    return [json.loads(line)["up"] for line in lines]


@rare
@pytest.mark.parametrize("side", sorted(STRATEGY))
@pytest.mark.parametrize("name", real_upgrades())
def test_real_upgrades(upgrades: Path, name: str, side: str) -> None:
    """The whole stack, up to a conflict that is not in the content of a file."""
    git = Git(str(upgrades))
    base, tip, onto = (git.ref_value(f"refs/up/{name}/{end}") for end in ("old", "stack", "new"))
    assert_as_git_does(Built(upgrades, base, tip, onto), side)


@rare
@pytest.mark.parametrize("side", sorted(STRATEGY))
@pytest.mark.parametrize("stack", stacks()[::3], ids=lambda stack: stack["ref"].partition("s/")[2])
def test_real_stacks(real: Path, stack: dict[str, str], side: str) -> None:  # noqa: F811
    git = Git(str(real))
    tip = git.ref_value(stack["ref"])
    base = git.merge_base(f"release-{stack['release']}", tip) or ""
    assert_as_git_does(Built(real, base, tip, git.ref_value(f"release-{stack['next']}")), side)
