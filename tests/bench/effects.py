"""What each real stack would break in its next release: read by kustomize's rules, or with the builder as well.

Alone: `cd tests && python -m bench.effects [--build] [REF]...`, some five minutes, with builds half an hour. Of all stacks
those are built that go through and touch few kustomizations; those that are named always.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.generate import BUNDLE
from git_ekf.commands.output.effects import print_customisation, print_effects
from git_ekf.git.calls import Git
from git_ekf.repository import Repository
from git_ekf.upgrade.plan import UpgradePlan, plan
from git_ekf.upgrade.target import Target
from git_ekf.upgrade.work import Options

STACKS = BUNDLE.with_name("stacks.jsonl")
_REFS = "refs/stacks/"
_FEW = 12  # kustomizations


def fetched(folder: Path) -> Path:
    """A bare repository with all branches and stacks."""
    path = folder / "real.git"
    Git().init(str(path), bare=True)
    Git(str(path)).fetch_copy(str(BUNDLE), "refs/*:refs/*")
    return path


def stacks() -> dict[str, tuple[str, str]]:
    """1.5/2093 and the like -> the release of the stack, and the next one."""
    lines = [json.loads(line) for line in STACKS.read_text(encoding="utf-8").splitlines()]
    return {one["ref"].removeprefix(_REFS): (one["release"], one["next"]) for one in lines}


def planned(name: str, *, effects: bool = True, build: bool = False) -> UpgradePlan:
    """The plan for a stack of the repository in the working directory."""
    release, to = stacks()[name]
    repo = Repository()
    tip = repo.git.ref_value(_REFS + name)
    onto = repo.git.ref_value(f"refs/heads/release-{to}")
    base = repo.git.merge_base(f"refs/heads/release-{release}", tip) or ""
    target = Target("upgrade", f"release-{release}", f"release-{to}", base, tip, onto)
    builds = iter if build else None
    return plan(repo, target, Options(effects=effects, builds=builds))


def main(words: list[str]) -> None:
    build = "--build" in words
    named = [word for word in words if word != "--build"]
    found: Counter[str] = Counter()
    times = []
    for name in named or stacks():
        began = time.perf_counter()
        planned(name, effects=False)
        plain = time.perf_counter() - began
        told = planned(name)
        if build and (named or _is_small(told)):
            told = planned(name, build=True)
        times.append((plain, time.perf_counter() - began - plain))
        print(f"{name}: {told.summary()}", flush=True)
        if told.effects:
            print_effects(told.effects)
        if told.customisation:
            print_customisation(told.customisation)
        found.update(_kinds(told))
    print("\n".join(f"{count:6} {kind}" for kind, count in sorted(found.items())))
    plain, whole = (median(column) for column in zip(*times, strict=True))
    print(f"a plan takes {plain:.2f} s, with this {whole:.2f} s (medians)")


def _is_small(told: UpgradePlan) -> bool:
    """Whether it goes through and touches few kustomizations, but some."""
    touched = told.effects.looked_at if told.effects else 0
    return not told.conflicts and 0 < touched < _FEW


def _kinds(told: UpgradePlan) -> Iterator[str]:
    """What is counted of a stack."""
    verdict = "stacks that would stop" if told.conflicts else "stacks that would go through"
    yield verdict
    if told.effects and told.effects.looked_at:
        yield f"{verdict}, looked at"
        for kind in ("missing", "unmatched", "spoilt", "unfollowed"):
            if getattr(told.effects, kind):
                yield f"{verdict}, {kind}"
    if told.customisation and told.customisation.compared:
        yield "stacks built"
        for state, count in told.customisation.counts().items():
            yield from [f"fields {state}"] * count
        if told.customisation.lost:
            yield f"{verdict}, with lost fields"


if __name__ == "__main__":
    if not BUNDLE.exists():
        sys.exit(f"bench: there is no {BUNDLE}")
    with tempfile.TemporaryDirectory() as root:
        os.chdir(fetched(Path(root)))
        main(sys.argv[1:])
