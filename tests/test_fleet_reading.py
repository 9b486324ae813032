"""What is read of a store in this process is what git says of it, for histories of any shape."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from conftest import run
from hypothesis import given, strategies
from reach import generated

from git_ekf.config import Config
from git_ekf.errors import GitFailed
from git_ekf.fleet.reading import History, StoreObjects
from git_ekf.fleet.stored import StoredRepository
from git_ekf.git.calls import Git

# For each commit, how far back its parents are: none (a root), one, or two.
SHAPES = strategies.lists(
    strategies.lists(strategies.integers(1, 5), max_size=2), min_size=4, max_size=24
)


class Drawn:
    """A repository with a history as drawn: the first half is the vendor's, all may be a cluster's."""

    def __init__(self, folder: Path, shape: list[list[int]]) -> None:
        self.path = folder / "store.git"
        marks = folder / "marks"
        assert run("git", "init", "-q", "--bare", self.path).code == 0
        lines = []
        for at, back in enumerate(shape):
            parents = list(dict.fromkeys(at - one for one in back if one <= at))
            lines.append(
                f"commit refs/all/{at}\nmark :{at + 1}\ncommitter A <a@b> {at} +0000\ndata 0\n"
            )
            for number, parent in enumerate(parents):
                lines.append(f"{'merge' if number else 'from'} :{parent + 1}\n")
            lines.append(f"M 100644 inline f{at}\ndata 0\n\n")
        done = run(
            "git",
            "fast-import",
            "--quiet",
            f"--export-marks={marks}",
            cwd=self.path,
            stdin="".join(lines),
        )
        assert done.code == 0, done
        oids = dict(line.split(" ") for line in marks.read_text().splitlines())
        self.commits = [oids[f":{at + 1}"] for at in range(len(shape))]
        half = len(shape) // 2
        self.channels = {
            "release-1.8": self.commits[half - 1],
            "release-1.9": self.commits[half - 2],
        }
        self.tips = self.commits[half:]
        refs = {f"refs/heads/b{at}": oid for at, oid in enumerate(self.tips)}
        refs["refs/heads/release-1.8"] = self.commits[-1]
        self.repo = StoredRepository(
            History(StoreObjects(str(self.path)), self.channels), refs, Config(), None
        )
        self.git = Git(str(self.path))


@generated(12)
@given(shape=SHAPES)
def test_it_is_what_git_says(shape: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        drawn = Drawn(Path(folder), shape)
        ours, git, vendors = drawn.repo, drawn.git, list(drawn.channels.values())
        for tip in (drawn.tips[0], drawn.tips[-1]):
            own = ours.own_commits(tip)
            assert dict(own) == git.parents([tip], vendors)
            listed = [commit for commit, _ in own]
            for commit, parents in own:  # children before their parents
                assert all(
                    listed.index(one) > listed.index(commit) for one in parents if one in listed
                )
            for channel in vendors:
                best = run("git", "merge-base", "--all", channel, tip, cwd=drawn.path).out.split()
                assert (
                    (ours.merge_base(channel, tip) in best)
                    if best
                    else ours.merge_base(channel, tip) is None
                )
                assert set(ours.git.commits([tip], [channel])) == set(git.commits([tip], [channel]))
                assert ours.git.is_ancestor(channel, tip) == git.is_ancestor(channel, tip)
                assert ours.git.is_ancestor(tip, channel) == git.is_ancestor(tip, channel)
        first, second = vendors
        assert ours.history.behind(first, second) == git.count([first], [second])
        reached = set(git.commits([*drawn.tips, *vendors]))
        for commit in drawn.commits:
            for length in (40, 9):
                [info] = ours.git.object_infos([f"{commit[:length]}^{{commit}}"])
                assert (info.oid if info else None) == (commit if commit in reached else None)


def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    drawn = Drawn(tmp_path, [[], [1], [1], [1]])
    assert drawn.repo.git.object_infos(["0" * 40, "feed"]) == [None, None]
    assert drawn.repo.git.commit("0" * 40) is None
    assert drawn.repo.git.ref_value("refs/heads/none") == ""
    tree = drawn.git.tree_of(drawn.commits[0])
    with pytest.raises(GitFailed, match="has to be a commit"):
        drawn.repo.own_commits(tree)
    with pytest.raises(AssertionError, match="asked git"):
        drawn.repo.git.head_branch()
