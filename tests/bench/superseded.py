"""How many commits of real stacks are superseded where they conflict, and whether people left those behind.

Alone: `cd tests && python -m bench.superseded FOLDER`, some five minutes. The repositories in FOLDER are used again.

Of the upgrades that people have made it is known what became of each commit: it was kept, in a form of its own, or
left behind. A commit that conflicts is skipped, and the next one looked at without it, as the data has it. The
vendor's history is one commit there, so that nothing can be said of patch ids and subjects; kubeflow's own, in which
the 407 stacks stand, has both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import workloads
from bench.generate import BUNDLE
from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.dropping import leave_out
from git_ekf.replay.evidence import Evidence, Superseded, always
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.scratch import Scratch, open_scratch
from git_ekf.replay.stack import Commit, Stack, already_upstream, read_stack
from git_ekf.replay.step import ReplayStep
from git_ekf.replay.superseded import Supersession
from git_ekf.repository import Repository

UPGRADES = BUNDLE.with_name("real-upgrades.bundle")
MADE = BUNDLE.with_name("real-upgrades.jsonl")


class Flagged(NamedTuple):
    """A commit in conflict. `found` speaks for its being there; `human`: what people made of the upgrade has it, too."""

    upgrade: str
    commit: Commit
    kept: bool
    found: Superseded | None
    human: bool


class EveryConflict(Supersession):
    """Calls every commit in conflict superseded, so that it is skipped, and notes what is true of each."""

    def __init__(self, git: Git, old: str, new: str) -> None:
        super().__init__(git, old, new)
        self.found: dict[str, Superseded | None] = {}

    def look_at(
        self, commit: Commit, parent: str, carried: Mapping[str, Entry | None]
    ) -> Superseded | None:
        self.found[commit.oid] = super().look_at(commit, parent, carried)
        return Superseded((Evidence("", "", (), ""),), several=True, subject="")


def repository(folder: Path, bundle: Path) -> Repository:
    path = folder / f"{bundle.stem}.git"
    if not path.exists():
        subprocess.run(["git", "init", "-q", "--bare", path], check=True)
        subprocess.run(["git", "fetch", "-q", bundle, "refs/*:refs/*"], cwd=path, check=True)
    return Repository(Git(str(path)))


def steps(
    scratch: Scratch,
    stack: Stack,
    onto: str,
    upstream: dict[str, str],
    look: Supersession | None,
) -> list[ReplayStep]:
    """The steps of a replay; with `look`, those that are superseded left out."""

    def foretell(some: Stack, there: str, divergence: Divergence) -> list[ReplayStep]:
        return Forecast(scratch, some, there, upstream, divergence).steps()

    found = foretell(stack, onto, read_divergence(scratch.writing, stack.base, onto))
    return leave_out(scratch, stack, onto, found, foretell, look, always) if look else found


def flagged(repo: Repository, line: dict[str, object]) -> list[Flagged]:
    """The commits in conflict of an upgrade that somebody has made."""
    name = f"refs/up/{line['up']}"
    old, new, tip, human = (
        repo.git.ref_value(f"{name}/{one}") for one in ("old", "new", "stack", "human")
    )
    pairs = line["pairs"]
    assert isinstance(pairs, list)
    kept = {pair["commit"] for pair in pairs}
    with open_scratch(repo) as scratch:
        stack = read_stack(repo.git, old, tip)
        look = EveryConflict(scratch.writing, old, new)
        steps(scratch, stack, new, {}, look)
        theirs = Supersession(scratch.writing, old, human)
        rows = []
        for commit in stack.commits:
            if commit.oid in look.found:
                there = theirs.look_at(commit, f"{commit.oid}^", {})
                found = look.found[commit.oid]
                has = bool(there and there.files)
                rows.append(Flagged(name, commit, commit.oid in kept, found, has))
    return rows


def made(folder: Path) -> list[Flagged]:
    """Prints a line for each commit that is superseded, and how many there are of those left behind and of those kept."""
    repo = repository(folder, UPGRADES)
    rows: list[Flagged] = []
    for text in MADE.read_text().splitlines():
        rows += flagged(repo, json.loads(text))
    print("Real upgrades: commits in conflict, and what people made of them")
    for name, some in (
        ("left behind", [row for row in rows if not row.kept]),
        ("kept", [row for row in rows if row.kept]),
    ):
        certain = [row for row in some if row.found and row.found.certain]
        hints = [row for row in some if row.found and row.found.files and not row.found.certain]
        print(
            f"{name}: {len(some)}, of which {len(certain)} superseded"
            f" ({sum(row.human for row in certain)} in the human's result as well), {len(hints)} with a hint"
        )
    for row in rows:
        if row.found and row.found.files:
            what = "superseded" if row.found.certain else "hint"
            fate = "kept" if row.kept else "left behind"
            there = "in the human's result" if row.human else "not in the human's result"
            print(
                f"  {row.upgrade} {row.commit.oid[:7]} {what}, {fate}, {there}: {row.commit.subject}"
            )
    return rows


def carried(folder: Path) -> None:
    """Prints what becomes of the stacks on kubeflow/manifests to their next release, without --drop and with it."""
    repo = repository(folder, BUNDLE)
    counts: Counter[str] = Counter()
    print("407 stacks on kubeflow/manifests, to their next release")
    for stack in workloads.stacks():
        onto = repo.git.ref_value(f"refs/heads/release-{stack.next}")
        base = repo.git.merge_base(f"refs/heads/release-{stack.release}", stack.ref)
        assert base
        tip = repo.git.ref_value(stack.ref)
        with open_scratch(repo) as scratch:
            commits = read_stack(repo.git, base, tip)
            channel = repo.git.commits_with_changes(base, onto)
            upstream = already_upstream(repo.git, commits, channel, tip, onto)
            without = steps(scratch, commits, onto, upstream, None)
            counts["upstream"] += len(upstream)
            if not any(step.verdict == "conflict" for step in without):
                counts["clean"] += 1
                counts["clean with"] += 1
                continue
            look = Supersession(scratch.writing, base, onto)
            dropped = steps(scratch, commits, onto, upstream, look)
        left = [step for step in dropped if step.verdict == "conflict"]
        counts["clean with"] += not left
        counts["conflicts"] += sum(step.verdict == "conflict" for step in without)
        counts["conflicts with"] += len(left)
        counts["dropped"] += sum(step.verdict == "dropped" for step in dropped)
        for step in dropped:
            if step.verdict == "dropped" and step.superseded:
                name = f"{stack.ref.removeprefix('refs/stacks/')} {step.commit.oid[:7]}"
                print(f"  {name} {step.commit.subject}: {step.superseded.reason()}")
        for step in left:
            counts["hunk"] += bool(step.superseded and step.superseded.files)
            counts["subject"] += bool(step.superseded and step.superseded.subject)
    print(f"commits upstream by patch id: {counts['upstream']}")
    print(
        f"stacks that go through: {counts['clean']}, with --drop superseded {counts['clean with']}"
    )
    print(
        f"commits in conflict: {counts['conflicts']}; with --drop superseded {counts['dropped']} are left out"
        f" and {counts['conflicts with']} conflict, {counts['hunk']} of them with a hint by their one hunk"
        f" and {counts['subject']} by their subject"
    )


def main(folder: Path) -> None:
    if not BUNDLE.exists():
        sys.exit(f"bench: there is no {BUNDLE}")
    folder.mkdir(parents=True, exist_ok=True)
    made(folder.resolve())
    carried(folder.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
