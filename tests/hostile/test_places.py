"""Directories with names that shells, git or its variables take for something else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import Clone, run
from reach import rare, some
from upgrading import ISTIO, World, wrapper

from git_ekf.airgap import bare
from git_ekf.demo.sample import deployment
from git_ekf.git.calls import Git

LINE_END = "a\nb"
LONG = "x" * 256
DEEP = "/".join(["d" * 200] * 19)
# What can be worked in.
NAMES = (
    *("$(touch P)", "a b", " a ", "a'b\"c", '"a:b', "-x", "-", "a:b", "a;touch P", "`touch P`"),
    *("a*b?[c]", "a\\b", "~x", "#a", "a%b", "a\tb", "a\x1b[31m", "a\u2028", "a\udcff", "a@b"),
)


def entries(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def next_command(out: str) -> str:
    """What is printed behind "Next: "."""
    [line] = [line for line in out.splitlines() if line.startswith("Next: ")]
    return line.removeprefix("Next: ")


@rare
@pytest.mark.parametrize("name", some(NAMES, 9))
def test_a_clone_there_can_be_worked_in(
    vendor: Path, internal: Path, tmp_path: Path, name: str
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    words: list[str | Path] = [
        "clone",
        "--internal",
        internal,
        "--release",
        "1.8",
        "--",
        vendor,
        name,
    ]
    done = run("git-ekf", *words, cwd=box)
    assert done.code == 0, done
    shown = subprocess.run(
        ["bash", "-c", next_command(done.out)], cwd=box, capture_output=True, check=False
    )
    assert shown.returncode == 0, shown
    assert b"\nOn release-1.8, " in shown.stdout, shown
    assert os.listdir(os.fsencode(box)) == [os.fsencode(name)]
    clone = Clone(box / name)
    clone.git("config", "ekf.render.command", "true")
    clone.commit("own/a", "a\n")
    for command in (["tag", "-m", "A"], ["save"], ["upgrade"], ["undo"], ["upgrade"], ["save"]):
        done = clone.ekf(*command)
        assert done.code == 0, (command, done)
    assert clone.out("symbolic-ref", "HEAD") == "refs/heads/release-1.9"


@pytest.mark.parametrize("name", [LINE_END, "a\n", LONG, f"{LONG}/x", DEEP])
def test_what_cannot_be_worked_in_is_refused_first(
    vendor: Path, internal: Path, tmp_path: Path, name: str
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    mirror, bundle = tmp_path / "mirror.git", tmp_path / "bundle"
    assert run("git-ekf", "mirror", vendor, mirror).code == 0
    assert run("git-ekf", "bundle", "create", bundle, "--from", mirror).code == 0
    for words in (
        ["clone", vendor, name, "--internal", internal],
        ["demo", name],
        ["mirror", vendor, name],
        ["bundle", "apply", bundle, name],
    ):
        done = run("git-ekf", *words, cwd=box)
        assert done.code == 4, done
        assert len(done.err.splitlines()) == 2, done
        assert entries(box) == []


def test_a_repository_that_was_moved_there(world: World, tmp_path: Path) -> None:
    box = tmp_path / LINE_END
    box.mkdir()
    world.path.rename(box / "work")
    moved = Clone(box / "work")
    before = entries(tmp_path)
    for command in (["init", "--yes"], ["status"], ["save"], ["upgrade"], ["doctor", "--offline"]):
        done = moved.ekf(*command)
        assert done.code in (1, 4), done
        assert "has a line end in its path" in done.out + done.err, done
    assert moved.ekf("status", "--prompt").code == 0
    assert entries(tmp_path) == before


def test_the_tour_is_not_given_a_name_that_it_cannot_print(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    for name in ("a\u2028", "a\udcff", "a\x1b[31m", "a\t"):
        done = run("git-ekf", "demo", name, cwd=box)
        assert (done.code, entries(box)) == (4, []), done


@rare
def test_the_tour_inside_of_another_repository(clone: Clone) -> None:
    done = clone.ekf("demo", "-", env={"CDPATH": ""})
    assert done.code == 0, done
    assert clone.out("status", "--porcelain", "-unormal") == "?? -/"
    last = done.out.splitlines()[-1].partition(": ")[2]
    assert run("bash", "-c", f"{last} && git status", cwd=clone.path).code == 0


def test_a_tour_that_would_be_taken_for_a_part_of_one(clone: Clone) -> None:
    (clone.path / "a:b").mkdir()
    done = clone.ekf("demo", "a:b/c")
    assert done.code == 4, done
    assert entries(clone.path / "a:b") == []


def test_no_bundle_has_an_address_that_cannot_be_read_there(vendor: Path, tmp_path: Path) -> None:
    odd, mirror = tmp_path / "a\u2028.git", tmp_path / "mirror.git"
    vendor.rename(odd)
    assert run("git-ekf", "mirror", odd, mirror).code == 0
    done = run("git-ekf", "bundle", "create", "bundle", "--from", mirror, cwd=tmp_path)
    assert done.code == 4, done
    assert not list(tmp_path.glob("bundle*"))


def test_a_fix_works_below_the_top(world: World) -> None:
    """Where a hook or a command named a file, for whoever is in another directory."""
    below = Clone(world.path / "apps")
    world.write("apps/mine", "<<<<<<< a\n>>>>>>> b\n")
    below.git("add", "mine")
    done = below.git("commit", "-m", "Mine", ok=False)
    fix = done.err.partition("fix: edit the file, then: ")[2].splitlines()[0]
    world.write("apps/mine", "mine\n")
    assert run("sh", "-c", f"{fix} && git commit -q -m Mine", cwd=below.path).code == 0
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Ours")
    assert below.ekf("upgrade", "--no-build", "--no-save-check").code == 3
    for text in ("<<<<<<< a\n>>>>>>> b\n", deployment("istio", "1.9.0-mine", 3)):
        done = below.ekf("upgrade", "--continue", "--no-build")
        assert done.code == 4, done
        world.write(ISTIO, text)
        fix = done.err.partition("hint: edit, then: ")[2]
        assert run("sh", "-c", fix, cwd=below.path).code == 0, done
    done = below.ekf("upgrade", "--continue", "--no-build")
    assert done.code == 0, done


@pytest.mark.parametrize("existed", [False, True])
def test_two_clones_into_one_directory(
    vendor: Path, internal: Path, tmp_path: Path, existed: bool
) -> None:
    """The one that comes second removes nothing of the first, which began while it asked."""
    place = tmp_path / "place"
    if existed:
        place.mkdir()
    other = f'case " $* " in *" ls-remote "*) mkdir -p {place}/.git; echo 1 >{place}/theirs ;; esac'
    env = wrapper(tmp_path / "bin", f'{other}\nexec $real "$@"')
    done = run("git-ekf", "clone", vendor, place, "--internal", internal, env=env)
    assert (done.code, "exists already and is not empty" in done.err) == (4, True), done
    assert sorted(os.listdir(place)) == [".git", "theirs"]


def test_two_mirrors_in_one_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "place"

    def begun_elsewhere(path: str) -> None:
        assert run("git", "init", "-q", "--bare", path).code == 0

    monkeypatch.setattr(bare, "_require_outside", begun_elsewhere)
    with pytest.raises(ZeroDivisionError), bare.opened(Git(), str(place), "sha1", "main"):
        raise ZeroDivisionError
    assert (place / "objects").is_dir()
