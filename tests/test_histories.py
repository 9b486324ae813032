"""The oracle of the upgrade tests answers as git does, and the histories it is asked about are sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Clone, run
from histories import (
    FILE,
    UNCONVERTED,
    Built,
    Entry,
    History,
    Rebased,
    Text,
    Tree,
    Version,
    histories,
    lines,
    rebase,
    upstream,
)
from hypothesis import given
from hypothesis import strategies as st
from reach import generated

AUTHOR = b"Operator <operator@example.com> 1600000000 -0330"
# An example takes a tenth of a second, most of it in processes that wait for the other tests'.
FEW = generated(6)


def files(**contents: bytes) -> Tree:
    return {name.encode(): Entry(FILE, content) for name, content in contents.items()}


def history(
    base: Tree,
    vendor: list[Tree],
    local: list[Tree],
    message: bytes = b"Configure\n",
    encoding: bytes = b"",
) -> History:
    """Every commit given by the tree that it has."""
    text = Text(AUTHOR, encoding, message)
    first, *others = [Version(tree, text, ()) for tree in (base, *vendor, *local)]
    return History(first, others[: len(vendor)], others[len(vendor) :])


def ids(built: Built) -> list[str]:
    """The local commits, oldest first."""
    return run(
        "git", "-C", built.path, "rev-list", "--reverse", f"{built.base}..{built.tip}"
    ).out.split()


def trees(path: Path, *expected: Tree) -> list[str]:
    """The ids of these trees, each as a commit of its own."""
    built = history({}, [{}], list(expected)).build(path)
    return [
        run("git", "-C", path, "rev-parse", f"{commit}^{{tree}}").out.strip()
        for commit in ids(built)
    ]


def contents(path: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@contextmanager
def built(example: History, object_format: str = "sha1", *, bare: bool = True) -> Iterator[Built]:
    """A repository for one example of hypothesis, which can have no fixture of its own."""
    with tempfile.TemporaryDirectory() as top:
        yield example.build(Path(top) / "repository", object_format, bare=bare)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_stack_without_conflicts(tmp_path: Path, object_format: str) -> None:
    old, new = lines(0), b"vendor\n" + lines(0)
    repository = history(
        files(a=old),
        [files(a=new)],
        [files(a=old + b"1\n"), files(a=old + b"1\n", b=b"")],
        b"\n\nNo newline",
        b"ISO-8859-1",
    ).build(tmp_path / "r", object_format)
    before = contents(repository.path)

    rebased = rebase(*repository)

    assert (rebased.stopped, rebased.conflicts, rebased.kept) == ("", [], ids(repository))
    assert len(rebased.commits) == 2
    if object_format == "sha1":
        assert rebased.trees == trees(
            tmp_path / "expected", files(a=new + b"1\n"), files(a=new + b"1\n", b=b"")
        )
    assert rebased.texts == [Text(AUTHOR, b"", b"No newline")] * 2
    assert contents(repository.path) == before


def test_a_conflict_stops_it(tmp_path: Path) -> None:
    base, name = files(a=lines(0)), b"docs/new\nl\xefne"
    repository = history(
        base,
        [{**base, name: Entry(FILE, b"vendor\n")}],
        [files(a=b""), {**files(a=b""), name: Entry(FILE, b"local\n")}, files(a=b"")],
    ).build(tmp_path / "r")
    first, second, _ = ids(repository)

    rebased = rebase(*repository, scratch=tmp_path / "scratch")

    assert (rebased.stopped, rebased.conflicts, rebased.kept) == (
        second,
        ["docs/new\nl\udcefne"],
        [first],
    )
    assert rebased.trees == trees(
        tmp_path / "expected", {**files(a=b""), name: Entry(FILE, b"vendor\n")}
    )
    assert "CONFLICT (add/add)" in rebased.output
    assert b"<<<<<<<" in tmp_path.joinpath("scratch", "work", "docs", "new\nl\udcefne").read_bytes()


@pytest.mark.parametrize("message", [b"Configure\n", b"", b"\xff\n"])
def test_what_is_upstream_is_left_out_only_on_request(tmp_path: Path, message: bytes) -> None:
    """The vendor took the change and then changed it: picked again it conflicts."""
    taken, changed = files(a=lines(0) + b"1\n"), files(a=lines(0) + b"2\n")
    repository = history(
        files(a=lines(0)), [taken, changed], [taken, {**taken, **files(b=b"own\n")}], message
    ).build(tmp_path / "r")
    first, second = ids(repository)

    assert upstream(*repository) == {first}
    assert rebase(*repository).stopped == first
    for name in (first, first[:8]):
        rebased = rebase(*repository, drop=[name])
        assert (rebased.stopped, rebased.kept) == ("", [second])
        assert rebased.trees == trees(tmp_path / name, {**changed, **files(b=b"own\n")})
    assert rebase(*repository, drop=[first, second]).commits == []
    with pytest.raises(ValueError, match="not to be picked"):
        rebase(*repository, drop=[repository.onto])


def test_a_commit_that_becomes_empty_goes_and_an_empty_one_stays(tmp_path: Path) -> None:
    base, both = files(a=lines(0)), files(a=lines(0), b=b"same\n")
    repository = history(
        base, [{**both, **files(c=b"vendor\n")}], [base, both, both, {**both, **files(d=b"")}]
    ).build(tmp_path / "r")
    first, second, third, fourth = ids(repository)

    rebased = rebase(*repository)

    assert (rebased.stopped, rebased.kept) == ("", [first, third, fourth])
    assert len(set(rebased.trees)) == 2
    # It is dropped by what it changes there, not by its patch id: that is another one.
    assert second not in upstream(*repository)


def test_commits_in_place_stay_what_they_are(tmp_path: Path) -> None:
    repository = history(
        files(a=b""),
        [],
        [files(a=b"1\n"), files(a=b"1\n", b=b"2\n"), files(b=b"2\n")],
        b"\n\nAs it is",
    ).build(tmp_path / "r")
    first, second, third = ids(repository)

    assert rebase(repository.path, repository.base, repository.tip, repository.base).commits == [
        first,
        second,
        third,
    ]
    shorter = rebase(
        repository.path, repository.base, repository.tip, repository.base, drop=[second]
    )
    assert (shorter.commits[0], shorter.stopped, shorter.kept) == (first, "", [first, third])


def test_settings_and_attributes_of_the_repository_count(tmp_path: Path) -> None:
    """The driver is defined in its configuration, and chosen in its info/attributes."""
    repository = history(files(a=b"1\n"), [files(a=b"2\n")], [files(a=b"3\n")]).build(
        tmp_path / "r"
    )
    assert rebase(*repository).conflicts == ["a"]

    (repository.path / "info").mkdir()
    (repository.path / "info/attributes").write_text("a merge=ekfdriver")

    assert rebase(*repository).trees == trees(tmp_path / "expected", files(a=b"2\n3\n"))


def test_a_rebase_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    repository = history(files(a=b""), [], [files(a=b"1\n")]).build(tmp_path / "r")
    with pytest.raises(RuntimeError, match="nowhere"):
        rebase(repository.path, repository.base, "nowhere", repository.base)


@FEW
@given(histories(), st.sampled_from(["sha1", "sha256"]))
def test_histories_are_sound(example: History, object_format: str) -> None:
    with built(example, object_format) as repository:
        assert run("git", "-C", repository.path, "fsck", "--strict", "--no-dangling").code == 0
        local, left_out = ids(repository), upstream(*repository)
        assert len(local) == len(example.local)
        rebased = rebase(*repository, drop=left_out)
        assert [commit for commit in local if commit in rebased.kept] == rebased.kept
        assert len(rebased.commits) == len(rebased.trees) == len(rebased.kept) == len(rebased.texts)
        assert not left_out & {*rebased.kept, rebased.stopped}
        assert rebased.stopped not in rebased.kept
        assert rebased.stopped or not rebased.conflicts


@FEW
@given(histories())
def test_the_scratch_work_tree_makes_no_difference(example: History) -> None:
    """In the repository itself git makes the very same commits, as far as it gets."""
    with built(example, bare=False) as repository:
        rebased: Rebased = rebase(*repository)
        (repository.path / ".git/info").mkdir()
        (repository.path / ".git/info/attributes").write_text(UNCONVERTED)
        clone = Clone(repository.path)
        clone.git("reset", "-q", "--hard")
        done = clone.git("rebase", "-q", "--onto", repository.onto, repository.base, ok=False)
        assert done.code == bool(rebased.stopped), done
        assert clone.out("rev-parse", "HEAD") == (rebased.commits or [repository.onto])[-1]
        if rebased.stopped:
            assert clone.out("rev-parse", "REBASE_HEAD") == rebased.stopped
            unmerged = clone.git("ls-files", "--unmerged", "-z").out.split("\0")[:-1]
            assert sorted({entry.partition("\t")[2] for entry in unmerged}) == sorted(
                rebased.conflicts
            )
