"""What becomes of customised fields, with a small builder: in a plan and after an upgrade, and what a builder may do."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from upgrading import World, left_in, script, vendor_commit

from git_ekf.demo.sample import kustomization
from git_ekf.manifests import builder, four_builds
from git_ekf.manifests.builder import Build

OWN = "own/kustomization.yaml"

# Prints what lies beside the kustomization and, of a base that it names, that too; notes which.
_BUILDER = """#!/bin/sh
echo "$1" >>{log}
cd "$1" || exit
test -f hang && sleep 100
for base in $(sed -n 's/^- //p' kustomization.yaml) .; do
    for file in "$base"/*.yaml; do
        case $file in *kustomization.yaml | *'*'*) continue ;; esac
        if grep '^broken: ' "$file" >&2; then exit 3; fi
        echo ---
        cat "$file"
    done
done
"""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    return path


def thing(kind: str = "Thing", /, **fields: object) -> str:
    head = f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: x\n"
    return head + "".join(f"{name}: {json.dumps(value)}\n" for name, value in fields.items())


def vendor(world: World, branch: str, text: str) -> None:
    files = {"base/kustomization.yaml": kustomization([]), "base/x.yaml": text}
    vendor_commit(world, branch, files)


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    """The stack changes a field of the vendor's, and 1.9 another one behind many lines."""
    builder = tmp_path / "build"
    script(builder, _BUILDER.format(log=tmp_path / "built"))
    world.git("config", "--unset-all", "ekf.render.command")
    for word in (str(builder), "{path}"):
        world.git("config", "--add", "ekf.render.command", word)
    vendor(world, "release-1.8", thing(a=1, **{f"f{n}": n for n in range(9)}, z=1))
    vendor(world, "release-1.9", thing(a=1, **{f"f{n}": n for n in range(9)}, z=2))
    world.git("fetch", "-q", "origin")
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    return world


def ekf(world: World, *args: str, code: int) -> Run:
    done = world.ekf("upgrade", *args, "--no-save-check")
    assert done.code == code, done
    assert not left_in(world.path.parent.with_name("scratch"))
    return done


def fields(done: Run) -> list[str]:
    words = ("fields", "lost", "changed", "broken", "note")
    return [
        line[2:] for line in done.out.splitlines() if line.split()[:1] and line.split()[0] in words
    ]


def test_kept_changed_and_lost(world: World, tmp_path: Path) -> None:
    world.commit("base/x.yaml", thing(a=7, **{f"f{n}": n for n in range(9)}, z=1), "Seven")
    kept = ekf(world, "--plan", "--build", code=0)
    assert fields(kept) == ["fields    1 customised field: 1 kept"]
    assert kept.out.endswith("It would go through: git ekf upgrade 1.9 --no-save-check --build\n")
    built = (tmp_path / "built").read_text().split()
    assert built == ["base"] * 4  # each tree once
    # An overlay of one's own is compared with the vendor's that it stands on.
    world.commit(OWN, kustomization(["../base"]), "Mine")
    world.commit("own/y.yaml", thing("Other", a=1), "Other")
    done = ekf(world, code=0)
    assert fields(done) == ["fields    5 customised fields: 5 kept"]
    assert "moved all the same" not in done.out


def test_a_field_that_is_lost(world: World) -> None:
    """git settles it for the vendor's side."""
    lines = {f"f{n}": n for n in range(9)}
    world.commit("base/x.yaml", thing(a=1, **lines, z=5), "Five")
    vendor(world, "release-1.9", thing(a=1, **lines, z=3))
    plan = ekf(world, "--plan", "--build", "--prefer", "vendor", code=1)
    lost = ["fields    1 customised field: 1 lost", "lost      Thing x z: 3, yours was 5"]
    assert fields(plan) == lost
    assert "and break what is listed above" in plan.out
    local = ekf(world, "--plan", "--build", "--prefer", "local", code=0)
    assert fields(local)[1:] == ["changed   Thing x z: 5, the vendor's is 3"]
    done = ekf(world, "--prefer", "vendor", code=1)  # built without being asked to
    assert fields(done) == lost
    assert "release-1.9 has moved all the same: look at these before you apply it.\n" in done.out
    assert done.out.endswith("\nTo take it back: git ekf undo\n")


def test_a_kustomization_that_is_gone_or_moved(world: World) -> None:
    """The vendor has it elsewhere, and then nowhere."""
    world.commit("base/more.yaml", thing("More", a=1), "More")
    lines = {f"f{n}": n for n in range(9)}
    moved = {"base/kustomization.yaml": None, "base/x.yaml": None}
    news = {"p/q/base/kustomization.yaml": kustomization([]), "p/q/base/x.yaml": thing(**lines)}
    vendor_commit(world, "release-1.9", {**moved, **news})
    plan = ekf(world, "--plan", "--build", code=1)
    assert fields(plan)[0] == "fields    4 customised fields: 4 lost"
    assert fields(plan)[1] == "lost      More x: 4 fields (a, apiVersion …)"


def test_the_document(world: World) -> None:
    lines = {f"f{n}": n for n in range(9)}
    secret = thing("Secret", data={"p": "topsecret"})
    world.commit("base/x.yaml", thing(a=1, **lines, z=5), "Five")
    world.commit("base/s.yaml", secret, "Secret")
    vendor(world, "release-1.9", thing(a=1, **lines, z=3))
    shown = ekf(world, "--json", "--build", "--prefer", "vendor", code=1)
    found = json.loads(shown.out)["customisation"]
    assert "topsecret" not in shown.out
    assert (found["fine"], found["compared"], found["note"]) == (False, 1, None)
    assert found["counts"] == {"kept": 4, "changed": 0, "vendors": 0, "lost": 1}
    assert found["fields"] == [
        {
            "group": "",
            "kind": "Thing",
            "namespace": "",
            "name": "x",
            "field": "z",
            "state": "lost",
            "hidden": False,
            "old_vendor": 1,
            "branch": 5,
            "new_vendor": 3,
            "result": 3,
        }
    ]


def test_what_no_longer_builds(world: World) -> None:
    world.commit(OWN, kustomization(["../base"]), "Mine")
    vendor_commit(world, "release-1.9", {"base/new.yaml": "broken: no such target\n"})
    plan = ekf(world, "--plan", "--build", code=1)
    assert fields(plan) == ["broken    own no longer builds"]
    assert "            broken: no such target\n" in plan.out
    assert fields(ekf(world, code=1)) == ["broken    own no longer builds"]


def test_what_has_never_built(world: World) -> None:
    world.commit(OWN, kustomization(["../base"]), "Mine")
    world.commit("own/y.yaml", "broken: always\n", "Broken")
    why = "it does not build, nor did it before"
    assert fields(ekf(world, "--plan", "--build", code=0)) == [
        f"note      the fields of own were not compared: {why}"
    ]


def test_what_cannot_be_compared(world: World) -> None:
    world.commit(OWN, kustomization(["../base"]), "Mine")
    vendor_commit(world, "release-1.9", {"base/x.yaml": "a: [\n"})
    why = "what is built cannot be read: it is not YAML in line 2 of a document"
    note = f"note      the fields of own were not compared: {why}"
    assert fields(ekf(world, "--plan", "--build", code=0)) == [note]
    done = ekf(world, code=0)
    assert fields(done) == [note]
    assert "  builds    1 kustomization that your commits change\n" in done.out


def test_a_builder_that_is_not_trusted(world: World) -> None:
    world.git("config", "--unset-all", "ekf.render.command")
    world.commit(".ekf.toml", '[render]\ncommand = ["./evil", "{path}"]\n', "Builder")
    world.commit(OWN, kustomization(["../base"]), "Mine")
    said = fields(ekf(world, "--plan", "--build", code=0))
    assert len(said) == 1
    assert said[0].startswith("note      customised fields were not compared: .ekf.toml names")
    assert fields(ekf(world, "--build", code=0)) == [
        said[0].replace("customised fields were not compared", "kustomizations were not built")
    ]


def test_build_and_no_build(world: World) -> None:
    done = world.ekf("upgrade", "--build", "--no-build")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "git-ekf: --build and --no-build exclude each other\nhint: git ekf upgrade -h\n"
    )


def test_no_output_is_held_longer_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of hundreds of kustomizations a few are built ahead, each directory of each tree once."""
    started: list[tuple[str, str]] = []
    alive: set[int] = set()

    class Output(bytes):
        def __del__(self) -> None:
            alive.discard(id(self))

    class Builder(builder.Builder):
        def __init__(self, command: tuple[str, ...]) -> None:
            assert command == ("builder",)
            super().__init__(command)

        def start(self, folder: str, path: str) -> Future[Build]:
            started.append((folder, path))
            output = Output(f"{folder} {path}".encode())
            alive.add(id(output))
            future: Future[Build] = Future()
            future.set_result(Build(output, None))
            return future

    monkeypatch.setattr(four_builds, "Builder", Builder)
    monkeypatch.setattr(four_builds, "customised", lambda *sides: [])
    most = []

    def progress(things: Any) -> Any:
        for one in things:
            most.append(len(alive))
            yield one

    names = [(f"p{number}",) for number in range(100)]
    wanted = [four_builds.Places(name[0], ("base",), name, ("base",), name) for name in names]
    found = four_builds.compare_four(("builder",), "abac", wanted, progress)
    assert found.compared == 100
    assert len(started) == len(set(started)) == 201
    assert max(most) <= 2 * 9 + 1
    assert not alive
