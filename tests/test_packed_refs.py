"""All refs in one file: a few are found without a look at the others, and are the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from reach import generated

from git_ekf.git.packedrefs import read_packed, read_packed_below, write_packed

# What sorts before and behind a slash, and names of which one begins another.
_NAMES = st.text(st.sampled_from("a-.0/zö\u2028"), min_size=1, max_size=5)
_REFS = st.dictionaries(_NAMES, st.sampled_from(["1" * 40, "f" * 40]), max_size=30)


@generated(40)
@given(refs=_REFS, names=st.lists(_NAMES, max_size=4))
def test_those_in_some_directories(refs: dict[str, str], names: list[str]) -> None:
    folder = Path.cwd() / "refs"
    folder.mkdir(exist_ok=True)
    write_packed(str(folder), refs)
    directories = [f"{name}/" for name in [*names, *(ref.partition("/")[0] for ref in refs)]]
    below = {ref: oid for ref, oid in refs.items() if ref.startswith(tuple(directories))}
    assert read_packed_below(str(folder), directories) == below
    assert read_packed(str(folder)) == refs


def test_those_that_git_has_written(tmp_path: Path) -> None:
    """It sorts them as well, and writes what tags lead to in lines between."""

    def git(*args: str) -> str:
        command = ["git", "-C", str(tmp_path), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "--bare")
    commit = git("commit-tree", "-m", "x", git("hash-object", "-t", "tree", "-w", "/dev/null"))
    for number in range(9):
        git("tag", "-a", "-m", "x", f"{number}/tag", commit)
    git("pack-refs", "--all")
    assert "\n^" in (tmp_path / "packed-refs").read_text()
    found = read_packed_below(str(tmp_path), ["refs/tags/3/", "refs/tags/7/"])
    assert found == {
        f"refs/tags/{number}/tag": git("rev-parse", f"{number}/tag") for number in (3, 7)
    }


def test_without_any(tmp_path: Path) -> None:
    assert read_packed(str(tmp_path)) == read_packed_below(str(tmp_path), ["refs/"]) == {}
    whole = tmp_path / "packed-refs"
    write_packed(str(tmp_path), {"refs/a/b": "1" * 40})
    whole.write_bytes(whole.read_bytes()[:-3])  # cut off
    assert list(read_packed_below(str(tmp_path), ["refs/a/"])) == []
