"""What `--prefer` settles in real conflicts: whether as `git rebase -X` does, and whether as people did.

Alone: `cd tests && python -m bench.settled FOLDER [pairs] [upgrades] [stacks] [far]`, all of it by default, in half an
hour. The repositories in FOLDER are used again.

pairs     each commit that a human made anew, on the state that he had before
upgrades  the upgrades that people made, from end to end: a commit that still conflicts is skipped
stacks    the 407 stacks on kubeflow/manifests, each to its next release
far       the same three releases on in one go: files that git finds deleted
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from histories import Built, rebase

from bench import workloads
from bench.generate import BUNDLE
from bench.superseded import MADE, UPGRADES, EveryConflict, repository
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.dropping import leave_out
from git_ekf.replay.evidence import always
from git_ekf.replay.followed import Followed
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.stack import Stack, already_upstream, read_stack
from git_ekf.replay.step import ReplayStep
from git_ekf.replay.writing import Writer
from git_ekf.repository import Repository
from git_ekf.upgrade.prefer import Preference, parse
from git_ekf.upgrade.settling import Settler

# In a rebase the commits are theirs.
STRATEGY = {"local": "theirs", "vendor": "ours"}
# With a pattern, files that one side deleted are settled as well.
_WAYS = ("local", "vendor", "local:*", "vendor:*")


class Replayed(NamedTuple):
    """The steps up to the first conflict, the trees of what was written, and what was dropped."""

    steps: list[ReplayStep]
    trees: list[str]
    dropped: set[str]


def replay(built: Built, side: str, pattern: str = "") -> Replayed:
    """As an upgrade does it that prefers a side in the content of all files."""
    repo = Repository(Git(str(built.path)))
    with open_scratch(repo) as scratch:
        stack = read_stack(repo.git, built.base, built.tip)
        channel = repo.git.commits_with_changes(built.base, built.onto)
        upstream = already_upstream(repo.git, stack, channel, built.tip, built.onto)
        settle = Settler(scratch, (Preference(side, pattern),)).settle
        with (
            Quarantine(repo.git, repo.place.objects) as quarantine,
            Writer(repo, scratch, quarantine, stack.commits, built.onto) as writer,
        ):
            sides = read_divergence(scratch.writing, built.base, built.onto)
            forecast = Forecast(
                scratch, stack, built.onto, upstream, sides, settle=settle, write=writer.add
            )
            steps = forecast.steps()
            written = writer.finish()
            quarantine.migrate()
    trees = [repo.git.tree_of(oid) for _, oid in written.commits]
    return Replayed(steps, trees, set(upstream))


def as_git(built: Built, ours: Replayed, side: str) -> bool:
    """Whether `git rebase -X` stops at the same commit, with the same trees before it."""
    gits = rebase(*built, drop=ours.dropped, options=["-X", STRATEGY[side]])
    stops = bool(ours.steps) and ours.steps[-1].verdict == "conflict"
    return (gits.stopped, gits.trees) == (ours.steps[-1].commit.oid if stops else "", ours.trees)


def foretold(
    repo: Repository,
    built: Built,
    prefer: str = "",
    *,
    releases: tuple[str, ...] = (),
    skipping: bool = False,
) -> list[ReplayStep]:
    """A step for each commit. `prefer` is as for the option; `skipping`: those in conflict are left out."""
    with open_scratch(repo) as scratch:
        git = scratch.writing
        stack = read_stack(git, built.base, built.tip)
        channel = git.commits_with_changes(built.base, built.onto)
        upstream = already_upstream(git, stack, channel, built.tip, built.onto)
        paths = {path for commit in stack.commits for path in commit.changes}
        followed = Followed(scratch, releases, paths)
        settle = Settler(scratch, (parse(prefer),), followed).settle if prefer else None

        def foretell(some: Stack, onto: str, divergence: Divergence) -> list[ReplayStep]:
            forecast = Forecast(
                scratch, some, onto, upstream, divergence, settle=settle, followed=followed
            )
            return forecast.steps()

        steps = foretell(stack, built.onto, read_divergence(git, built.base, built.onto))
        if not skipping:
            return steps
        look = EveryConflict(git, built.base, built.onto)
        return leave_out(scratch, stack, built.onto, steps, foretell, look, always)


def made() -> list[dict[str, object]]:
    return [json.loads(line) for line in MADE.read_text().splitlines()]


# --- one commit, and what a human made of it ---


def pairs(folder: Path) -> None:
    repo = repository(folder, UPGRADES)
    counts: Counter[str] = Counter()
    for name, commit in _pairs():
        human = repo.git.ref_value(f"refs/up/{name}")
        base, onto = (repo.git.commit(f"{one}^") or "" for one in (commit, human))
        built = Built(folder / f"{UPGRADES.stem}.git", base, commit, onto)
        [plain] = foretold(repo, built)
        counts["all"] += 1
        if plain.verdict != "conflict":
            continue
        counts["conflicts"] += 1
        counts["files"] += len({path for one in plain.conflicts for path in one.paths})
        theirs, vendors = (repo.git.ls_tree(one, recursive=True) for one in (human, onto))
        for way in _WAYS:
            [step] = foretold(repo, built, way)
            counts[f"{way} through"] += step.verdict != "conflict"
            for one in step.settled:
                entry = step.changes.get(one.path, vendors.get(one.path))
                counts[f"{way} settled"] += 1
                counts[f"{way} as the human"] += _same(entry, theirs.get(one.path))
        _hold_against_git(counts, built, name)
    print(
        f"{counts['all']} commits that people made anew: {counts['conflicts']} conflict,"
        f" in {counts['files']} files"
    )
    for way in _WAYS:
        print(
            f"--prefer {way}: {counts[f'{way} through']} go through;"
            f" {counts[f'{way} settled']} files are settled,"
            f" {counts[f'{way} as the human']} of them as people have them"
        )
    _print_against_git(counts)


def _hold_against_git(counts: Counter[str], built: Built, name: str) -> None:
    counts["held against git"] += 1
    for side in STRATEGY:
        same = as_git(built, replay(built, side), side)
        counts[f"{side} as git"] += same
        if not same:
            print(f"  {name}: not as git rebase -X {STRATEGY[side]}", flush=True)


def _print_against_git(counts: Counter[str]) -> None:
    for side in STRATEGY:
        print(
            f"--prefer {side} is as git rebase -X {STRATEGY[side]} in {counts[f'{side} as git']}"
            f" of {counts['held against git']}"
        )


def _pairs() -> Iterator[tuple[str, str]]:
    for upgrade in made():
        listed = upgrade["pairs"]
        assert isinstance(listed, list)
        for number, pair in enumerate(listed):
            yield f"{upgrade['up']}/pair/{number}", pair["commit"]


def _same(entry: Entry | None, other: Entry | None) -> bool:
    return (entry and entry[:2]) == (other and other[:2])


# --- whole upgrades ---


def upgrades(folder: Path) -> None:
    repo = repository(folder, UPGRADES)
    counts: Counter[str] = Counter()
    for upgrade in made():
        name = f"refs/up/{upgrade['up']}"
        old, tip, new = (repo.git.ref_value(f"{name}/{one}") for one in ("old", "stack", "new"))
        built = Built(folder / f"{UPGRADES.stem}.git", old, tip, new)
        counts["all"] += 1
        for way in ("", *_WAYS):
            left = _with(foretold(repo, built, way, skipping=True), "dropped")
            counts[way] += left
            counts[f"{way} through"] += not left
    _print_ways(counts, f"{counts['all']} upgrades that people made")


def stacks(folder: Path) -> None:
    repo = repository(folder, BUNDLE)
    counts: Counter[str] = Counter()
    for stack, built in _stacks(repo, folder, 1):
        plain = _with(foretold(repo, built), "conflict")
        counts["all"] += 1
        counts[""] += plain
        counts[" through"] += not plain
        for way in _WAYS:
            left = _with(foretold(repo, built, way), "conflict") if plain else 0
            counts[way] += left
            counts[f"{way} through"] += not left
        if plain:
            _hold_against_git(counts, built, stack.ref)
    _print_ways(counts, f"{counts['all']} stacks, to their next release")
    _print_against_git(counts)


def _with(steps: list[ReplayStep], verdict: str) -> int:
    return sum(step.verdict == verdict for step in steps)


def _print_ways(counts: Counter[str], what: str) -> None:
    print(f"{what}: {counts['']} commits conflict, {counts[' through']} go through")
    for way in _WAYS:
        print(f"--prefer {way}: {counts[way]} conflict, {counts[f'{way} through']} go through")


_FAR = 3  # releases


def far(folder: Path) -> None:
    repo = repository(folder, BUNDLE)
    counts: Counter[str] = Counter()
    for stack, built in _stacks(repo, folder, _FAR):
        names = [_release(stack, on) for on in range(1, _FAR + 1)]
        between = (repo.git.ref_value(f"refs/heads/{name}") for name in names)
        releases = (built.base, *between)
        steps = foretold(repo, built, releases=releases)
        deleted = [one for step in steps for one in step.conflicts if one.kind == "modify/delete"]
        moved = [one for one in deleted if one.moved_to]
        counts["all"] += 1
        counts["conflicts"] += _with(steps, "conflict")
        counts["deleted"] += len(deleted)
        counts["moved"] += len(moved)
        for side in STRATEGY if moved else ():
            left = foretold(repo, built, f"{side}:*", releases=releases)
            counts[side] += sum(bool(one.moved_to) for step in left for one in step.settled)
    print(
        f"{counts['all']} stacks, {_FAR} releases on: {counts['conflicts']} commits conflict;"
        f" {counts['deleted']} files git finds deleted, {counts['moved']} of them have moved"
    )
    for side in STRATEGY:
        print(f"--prefer {side}:* settles {counts[side]} of them in the new place")


def _stacks(repo: Repository, folder: Path, on: int) -> Iterator[tuple[workloads.Stack, Built]]:
    """The stacks that have a release so many `on`."""
    for stack in workloads.stacks():
        onto = repo.git.commit(f"refs/heads/{_release(stack, on)}")
        tip = repo.git.ref_value(stack.ref)
        base = repo.git.merge_base(f"refs/heads/{_release(stack, 0)}", stack.ref)
        if onto and base:
            yield stack, Built(folder / f"{BUNDLE.stem}.git", base, tip, onto)


def _release(stack: workloads.Stack, on: int) -> str:
    major, _, minor = stack.release.partition(".")
    return f"release-{major}.{int(minor) + on}"


PARTS = {"pairs": pairs, "upgrades": upgrades, "stacks": stacks, "far": far}


def main(folder: Path, parts: list[str]) -> None:
    if not BUNDLE.exists():
        sys.exit(f"bench: there is no {BUNDLE}")
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts or PARTS:
        PARTS[part](folder.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
