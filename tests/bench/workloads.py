"""Vendors and stacks of configuration commits to carry to the next release, kept in a folder from one run to the next."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.generate import BRANCH, BUNDLE, World, clone, kubeflow_or_vendor
from bench.size import scaled
from bench.stage import Stage
from git_ekf.demo.sample import deployment, kustomization

ONTO = "origin/release-1.9"
REAL = BUNDLE.with_name("stacks.jsonl")

_PERSON = "Operator <operator@example.com>"
_START = 1_600_000_000  # seconds since the epoch
_CLUSTERS = [f"site/cluster-{number:02}" for number in range(50)]
_FAR = 5  # lines between an edit and what the vendor changes, more than enough for a clean merge

_COMPONENTS, _MOVED_COMPONENTS = scaled(490, 12), scaled(10, 2)
_FILES = scaled(100, 10)
_CHANGED = scaled(5_000, 40)
_VENDOR_COMMITS = scaled(100)


class Upstream(NamedTuple):
    """Files of release-1.8 by what release-1.9 does to them, and directories that only the site has.

    `edit` makes the new text of one of the files for the commit of that number, away from the vendor's changes.
    """

    changed: list[str]
    moved: list[str]
    same: list[str]
    overlays: list[str]
    edit: Callable[[str, int], str]


class Stack(NamedTuple):
    """A real stack: the revision, the releases it stands on and goes to, and whether `git replay` carries it over."""

    ref: str
    release: str
    next: str
    clean: bool


def kubeflow(world: World, folder: Path, name: str, commits: int) -> Stage:
    """Configuration commits on the real release-1.8."""
    return _stage(
        world,
        folder / name,
        partial(_kubeflow_vendor, world, folder),
        lambda made: _configure(made, _Kubeflow(made).upstream(), commits),
    )


def large(world: World, folder: Path, name: str, commits: int) -> Stage:
    """Configuration commits on 50,000 files; the first ones are the same for any number of them."""
    return _stage(
        world,
        folder / name,
        partial(_large_vendor, world, folder),
        lambda made: _configure(made, _large_upstream(), commits),
    )


def real(world: World, folder: Path, name: str) -> Stage:
    """A clone that has the real stacks."""
    return _stage(world, folder / name, partial(_kubeflow_vendor, world, folder), _fetch_stacks)


def stacks() -> list[Stack]:
    """All real ones."""
    lines = map(json.loads, REAL.read_text().splitlines())
    return [
        Stack(line["ref"], line["release"], line["next"], line["git_replay"] == "clean")
        for line in lines
    ]


def _stage(
    world: World, path: Path, vendor: Callable[[], Path], fill: Callable[[Stage], None]
) -> Stage:
    """The clone kept at `path`, or a new one."""
    stage = Stage(world, path)
    if not stage.kept:
        stage.remove()
        clone(world, vendor(), path)
        fill(stage)
        stage.keep()
    return stage


def _fetch_stacks(stage: Stage) -> None:
    """Leaves no release branch on either side: each stack becomes one when its turn comes, and tracks its own channel."""
    stage.git("fetch", "-q", str(BUNDLE), "refs/stacks/*:refs/stacks/*")
    for channel in stage.git(
        "for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin/release-*"
    ).split("\n"):
        stage.git("config", f"branch.{channel}.remote", "origin")
        stage.git("config", f"branch.{channel}.merge", f"refs/heads/{channel}")
    stage.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    stage.git("update-ref", "-d", f"refs/remotes/internal/{BRANCH}")
    stage.world.git(stage.internal, "update-ref", "-d", f"refs/heads/{BRANCH}")


# --- the stack of commits ---


def _configure(stage: Stage, upstream: Upstream, commits: int) -> None:
    """Puts the stack on release-1.8, checks it out and saves it."""
    begin = int(stage.git("log", "-1", "--format=%ct"))
    stream = [
        _commit(
            BRANCH,
            begin + 60 * number,
            f"Configure {min(files)} ({number})",
            _files(files),
            stage.head() if number == 1 else "",
        )
        for number, files in enumerate(_stack(upstream, commits), 1)
    ]
    stage.git("fast-import", "--quiet", stdin="".join(stream).encode())
    stage.git("reset", "-q", "--hard")
    stage.git("push", "-q", "--no-verify", "internal", BRANCH)


def _stack(upstream: Upstream, commits: int) -> Iterator[dict[str, str]]:
    """The one to three files of each commit: 17 % edit a file that the vendor changes, 2 % one that it moves."""
    random = Random(18)
    for number in range(1, commits + 1):
        kind = random.random()
        if kind < 0.17:
            pools = [upstream.changed]
        elif kind < 0.19:
            pools = [upstream.moved]
        elif kind < 0.55:
            pools = [upstream.same]
        else:
            pools = [upstream.overlays]
        pools += random.choices((upstream.same, upstream.overlays), k=random.randrange(3))
        files = {}
        for pool in pools:
            place = random.choice(pool)
            if pool is upstream.overlays:
                path, text = _site_file(place, number, random)
            else:
                path, text = place, upstream.edit(place, number)
            files[path] = text
        yield files


def _site_file(overlay: str, number: int, random: Random) -> tuple[str, str]:
    """A new file in an overlay, or its values, which commits change again and again."""
    if random.random() < 0.5:
        return f"{overlay}/values.yaml", f"replicas: {number}\n"
    return f"{overlay}/app-{number}/kustomization.yaml", kustomization([f"../../base-{number}"])


# --- the real vendor ---


def _kubeflow_vendor(world: World, folder: Path) -> Path:
    return _made(folder / "kubeflow.git", partial(kubeflow_or_vendor, world))


class _Kubeflow:
    """Finds where the files of release-1.8 can be edited; an edit is one line of comment."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.below: set[str] = set()  # edited at the end, all others at the beginning
        self.texts = {
            path: self._text(path) for path in stage.git("ls-files", "*.yaml", "*.env").split("\n")
        }

    def upstream(self) -> Upstream:
        touched = set(self._diff("--no-renames", "--name-only").split("\n"))
        same = [
            path for path, text in self.texts.items() if path not in touched and _editable(text)
        ]
        overlays = [
            *_CLUSTERS[:10],
            *(f"apps/{app}/overlays/deploy" for app in ("jupyter", "katib", "pipeline")),
        ]
        return Upstream(list(self._changed()), list(self._moved()), same, overlays, self._edit)

    def _changed(self) -> Iterator[str]:
        for path, hunks in self._hunks().items():
            text = self.texts.get(path, "")
            first, last = hunks[0][0], sum(hunks[-1])
            if not _editable(text):
                continue
            if first > _FAR:
                yield path
            elif last + _FAR < text.count("\n"):
                self.below.add(path)
                yield path

    def _hunks(self) -> dict[str, list[tuple[int, int]]]:
        """Path -> first line and number of lines of each place that the vendor changes."""
        hunks: dict[str, list[tuple[int, int]]] = {}
        path = ""
        for line in self._diff("--no-renames", "--diff-filter=M", "-U0").split("\n"):
            if line.startswith("+++ b/"):
                path = line.removeprefix("+++ b/")
            elif place := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
                hunks.setdefault(path, []).append((int(place[1]), int(place[2] or 1)))
        return hunks

    def _moved(self) -> Iterator[str]:
        """Files that were moved unchanged, where there is no doubt to which place."""
        blobs = [
            line.split()[2]
            for revision in ("HEAD", ONTO)
            for line in self.stage.git("ls-tree", "-r", revision).split("\n")
        ]
        for line in self._diff("-M100%", "--diff-filter=R", "--raw", "--no-abbrev").split("\n"):
            facts, old, _new = line.split("\t")
            if blobs.count(facts.split()[2]) == 2 and _editable(self.texts.get(old, "")):
                yield old

    def _edit(self, path: str, number: int) -> str:
        line, text = f"# Configured by commit {number}.\n", self.texts[path]
        self.texts[path] = text + line if path in self.below else line + text
        return self.texts[path]

    def _diff(self, *options: str) -> str:
        return self.stage.git("diff", *options, "HEAD", ONTO)

    def _text(self, path: str) -> str:
        file = self.stage.path / path
        return "" if file.is_symlink() else file.read_bytes().decode(errors="replace")


def _editable(text: str) -> bool:
    return text.endswith("\n") and "\r" not in text and "\ufffd" not in text


# --- the large vendor ---


def _large_vendor(world: World, folder: Path) -> Path:
    def make(path: Path) -> None:
        world.run("git", "init", "-q", "--bare", "-b", BRANCH, path)
        world.git(path, "fast-import", "--quiet", stdin="".join(_large_stream()).encode())
        world.git(path, "repack", "-adq")

    return _made(folder / "large.git", make)


def _large_stream() -> Iterator[str]:
    """release-1.8 with 50,000 files; release-1.9 changes 5,000 of them, in many commits, and moves contrib to experimental."""
    numbers = _large_files()
    files = {path: _manifest(number, "1.8.0", 1) for path, number in numbers.items()}
    yield _commit(BRANCH, _START, "Release 1.8.0", _files(files))
    changed = _large_upstream().changed
    for part in range(_VENDOR_COMMITS):
        files = {
            path: _manifest(numbers[path], "1.9.0", 1) for path in changed[part::_VENDOR_COMMITS]
        }
        start = "" if part else f"refs/heads/{BRANCH}"
        yield _commit(
            "release-1.9",
            _START + 60 * part,
            f"Update {min(files)} and others",
            _files(files),
            start,
        )
    yield _commit(
        "release-1.9",
        _START + 60 * _VENDOR_COMMITS,
        "Move contrib to experimental",
        "R contrib experimental\n",
    )


def _large_upstream() -> Upstream:
    numbers = _large_files()
    moved = [path for path in numbers if path.startswith("contrib/")]
    stay = [path for path in numbers if not path.startswith("contrib/")]
    changed = Random(19).sample(stay, _CHANGED)
    same = sorted(set(stay).difference(changed))
    overlays = [*_CLUSTERS, *(f"apps/c{number:03}/overlays/site" for number in range(_COMPONENTS))]
    return Upstream(
        changed,
        moved,
        same,
        overlays,
        lambda path, number: _manifest(numbers[path], "1.8.0", number + 1),
    )


def _large_files() -> dict[str, int]:
    """Path -> number of each file."""
    return {
        _large_path(number): number for number in range((_COMPONENTS + _MOVED_COMPONENTS) * _FILES)
    }


def _large_path(number: int) -> str:
    component, file = divmod(number, _FILES)
    top = "apps" if component < _COMPONENTS else "contrib"
    folder = "base" if file < 50 else "overlays/production" if file < 80 else "crd"
    return f"{top}/c{component:03}/{folder}/f{file:02}.yaml"


def _manifest(number: int, version: str, replicas: int) -> str:
    """17 to 41 lines. The vendor changes the version, in line 17, and the site the replicas, in line 6."""
    environment = [
        f"        - {{name: OPTION_{option}, value: '{number * option}'}}\n"
        for option in range(number % 24)
    ]
    return "".join(
        [
            deployment(f"app-{number}", version, replicas),
            *(["        env:\n"] if environment else []),
            *environment,
        ]
    )


# --- git fast-import ---


def _made(path: Path, make: Callable[[Path], object]) -> Path:
    """What is at `path`, made first if it is not there; a half-made one is never left there."""
    if not path.exists():
        new = path.with_name(path.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        make(new)
        new.rename(path)
    return path


def _commit(branch: str, when: int, message: str, changes: str, start: str = "") -> str:
    """With `start`, the branch begins anew there."""
    parent = f"from {start}\n" if start else ""
    return f"commit refs/heads/{branch}\ncommitter {_PERSON} {when} +0000\n{_data(message)}{parent}{changes}"


def _files(files: dict[str, str]) -> str:
    return "".join(f"M 644 inline {path}\n{_data(text)}" for path, text in files.items())


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
