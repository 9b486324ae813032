"""Random operations of two clones of one cluster, whatever their users do, against a model.

The model: what was ever on the internal repository can be reached from its refs, and its records
stand; where git-ekf moves a release branch, what stood there can be reached from refs of that clone;
a refusal leaves refs as they were; nothing ends in a traceback.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Clone, Run, run
from reach import EVERYTHING, SEED, long
from upgrading import ISTIO, World, copy, vendor_commit

from git_ekf.demo.sample import deployment

BRANCHES = ("release-1.8", "release-1.9", "release-1.10")
_CONFLICTED = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD")
# What users drop by plain git, unsaved, is theirs to drop.
_DROPPING = ("do_delete_branch", "do_reset", "do_amend", "do_rebase", "do_rebase_on_internal")


class Step(NamedTuple):
    """An operation, as the failure shows it, and what came of it."""

    clone: str
    words: str
    code: int


class Cluster:
    """Two clones, the vendor and an internal repository that judges; what has to be kept in each."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = random.Random(seed)
        self.internal, self.vendor, self.world = world.internal, world.vendor, world
        done = run("git-ekf", "hooks", "install", "--server", self.internal.path)
        assert done.code == 0, done
        other = world.path.with_name("other")
        shutil.copytree(world.path, other, symlinks=True)
        self.clones = [Clone(world.path), Clone(other)]
        for clone in self.clones:
            clone.git("update-index", "-q", "--refresh")
            clone.git("config", "gc.auto", "0")
        self.kept: dict[Path, set[str]] = {clone.path: set() for clone in self.clones}
        self.noted: dict[Path, set[str]] = {clone.path: set() for clone in self.clones}
        self.made: set[str] = set()
        self.saved: set[str] = set()
        self.records: dict[str, str] = {}
        self.log: list[Step] = []
        self.number = 0

    # --- the model ---

    def refs(self, place: Clone, *patterns: str) -> dict[str, str]:
        lines = place.out("for-each-ref", "--format=%(refname) %(objectname)", *patterns)
        return dict(line.split(" ") for line in lines.splitlines())

    def own(self, clone: Clone) -> dict[str, str]:
        """What no fetch is to change."""
        return self.refs(clone, "refs/heads", "refs/ekf/records", "refs/tags/deploy")

    def judge(self) -> None:
        """Everything that was on the internal repository is there."""
        there = self.refs(self.internal)
        tips = [oid for ref, oid in there.items() if ref.startswith("refs/heads/")]
        self.saved.update(tips)
        lost = self.unreachable(self.internal, self.saved)
        assert not lost, f"lost on internal: {lost}"
        records = {ref: oid for ref, oid in there.items() if ref.startswith("refs/tags/deploy/")}
        moved = {ref for ref, oid in self.records.items() if records.get(ref) != oid}
        assert not moved, f"records lost on internal: {moved}"
        self.records |= records

    def unreachable(self, place: Clone, oids: set[str]) -> set[str]:
        """Those of some commits to which no ref leads."""
        stdin = "".join(f"{oid}\n" for oid in sorted(oids))
        checked = place.git("cat-file", "--batch-check", stdin=stdin).out.splitlines()
        there = [line.split(" ")[0] for line in checked if not line.endswith(" missing")]
        stdin = "".join(f"{oid}\n" for oid in there)
        led_to = (
            place.git("rev-list", "--stdin", "--not", "--all", stdin=stdin).out if there else ""
        )
        return (oids - set(there)) | (oids & set(led_to.split()))

    def lost(self, clone: Clone) -> set[str]:
        """What git-ekf moved, and neither this clone nor the internal repository has any more."""
        return self.unreachable(self.internal, self.unreachable(clone, self.kept[clone.path]))

    # --- what is done ---

    def ekf(self, clone: Clone, *words: str) -> Run:
        before, there = self.own(clone), self.refs(self.internal)
        done = clone.ekf(*words)
        self.note(clone, ("ekf", *words), done)
        after = self.own(clone)
        assert done.code in (0, 1, 2, 3, 4, 5), done
        if done.code == 4:
            self.unchanged(before, after, done)
            self.unchanged(there, self.refs(self.internal), done)
        left = {ref: oid for ref, oid in before.items() if after.get(ref) != oid}
        if words[0] == "undo":  # takes back what git-ekf had made, also what it has moved since
            self.noted[clone.path] -= set(left.values())
            self.kept[clone.path] -= self.made & set(left.values())
        else:
            branches = {oid for ref, oid in left.items() if ref.startswith("refs/heads/release-")}
            self.kept[clone.path] |= branches
            self.made |= set(after.values()) - set(before.values())
        return done

    def unchanged(self, before: dict[str, str], after: dict[str, str], done: Run) -> None:
        """But for records that a fetch has brought, and backups that were pushed ahead."""
        new = {ref for ref in after if ref not in before}
        surprising = {ref for ref in new if not ref.startswith(("refs/tags/deploy/", "refs/ekf/"))}
        changed = {
            ref
            for ref, oid in before.items()
            # Which records there are here is brought up to date whatever comes then.
            if after.get(ref) != oid and not ref.startswith("refs/ekf/records/")
        }
        assert not changed | surprising, (changed, surprising, done)

    def git(self, clone: Clone, *words: str) -> Run:
        there = self.refs(self.internal) if words[0] == "push" else {}
        done = clone.git(*words, ok=False)
        self.note(clone, words, done)
        if words[0] == "push" and done.code:
            self.unchanged(there, self.refs(self.internal), done)
        return done

    def note(self, clone: Clone, words: tuple[str, ...], done: Run) -> None:
        self.log.append(Step(clone.path.name, " ".join(words), done.code))
        assert "Traceback" not in done.out + done.err, done

    def busy(self, clone: Clone) -> bool:
        return any((clone.path / ".git" / name).exists() for name in _CONFLICTED)

    def branch(self, clone: Clone) -> str:
        return clone.git("symbolic-ref", "-q", "--short", "HEAD", ok=False).out.strip()

    def any_record(self, clone: Clone) -> str:
        names = clone.out("tag", "--list", "deploy/*").split()
        return self.random.choice(names) if names else "deploy/2026-11-20/release-1.8"

    def step(self) -> None:
        clone = self.random.choice(self.clones)
        operations = [name for name in dir(self) if name.startswith(("do_", "often_"))]
        weights = [4 if name.startswith("often_") else 1 for name in operations]
        [name] = self.random.choices(operations, weights)
        operation: Callable[[Clone], object] = getattr(self, name)
        operation(clone)
        self.judge()
        lost = self.lost(clone)
        if name in _DROPPING:
            self.kept[clone.path] -= lost
        else:
            assert not lost, f"lost in {clone.path.name}: {lost}"
        self.noted[clone.path] |= set(self.refs(clone, "refs/ekf/records").values())
        gone = self.noted[clone.path] - set(self.refs(clone).values())
        assert not gone, f"records lost in {clone.path.name}: {gone}"

    # --- the operators ---

    def often_commit(self, clone: Clone) -> None:
        self.number += 1
        path = self.random.choice(["own/a", f"own/{self.number}", ISTIO])
        text = f"{self.number}\n"
        if path == ISTIO:
            text = deployment("istio", f"1.8.{self.number}", 1)
        clone.write(path, text)
        clone.git("add", "-A", ok=False)
        self.git(clone, "commit", "-q", "-m", f"Number {self.number}")

    def often_save(self, clone: Clone) -> None:
        done = self.ekf(clone, "save")
        if done.code == 0:
            branch = self.branch(clone)
            there = self.refs(self.internal)
            here = self.refs(clone, f"refs/heads/{branch}", "refs/tags/deploy/")
            assert not {ref for ref, oid in here.items() if there.get(ref, oid) != oid}, done
            assert there[f"refs/heads/{branch}"] == here[f"refs/heads/{branch}"], done

    def often_tag(self, clone: Clone) -> None:
        self.ekf(clone, "tag", "-m", f"Number {self.number}")

    def often_sync(self, clone: Clone) -> None:
        self.ekf(clone, "sync", "--no-build")

    def often_upgrade(self, clone: Clone) -> None:
        self.ekf(clone, "upgrade", "--no-build")

    def often_undo(self, clone: Clone) -> None:
        self.ekf(clone, "undo")

    def often_go_on(self, clone: Clone) -> None:
        if self.busy(clone):
            clone.git("checkout", "--theirs", ".", ok=False)
            clone.git("add", "-A", ok=False)
            command = self.random.choice(["sync", "upgrade"])
            self.ekf(clone, command, "--continue", "--no-build")

    def do_abort(self, clone: Clone) -> None:
        self.ekf(clone, self.random.choice(["sync", "upgrade"]), "--abort")

    def do_skip(self, clone: Clone) -> None:
        if self.busy(clone):
            self.ekf(clone, self.random.choice(["sync", "upgrade"]), "--skip", "--no-build")

    def do_prefer(self, clone: Clone) -> None:
        self.ekf(clone, "upgrade", "--no-build", "--prefer", "vendor")

    def do_rollback(self, clone: Clone) -> None:
        self.ekf(clone, "rollback", self.any_record(clone))

    def do_status(self, clone: Clone) -> None:
        self.ekf(clone, "status")

    def do_pull(self, clone: Clone) -> None:
        self.git(clone, "pull", "-q", "--ff-only", "internal", self.branch(clone) or BRANCHES[0])

    def do_rebase_on_internal(self, clone: Clone) -> None:
        """As `save` advises to who is behind."""
        self.git(clone, "fetch", "-q", "internal")
        self.git(clone, "rebase", "-q", f"internal/{self.branch(clone) or BRANCHES[0]}")

    def do_switch(self, clone: Clone) -> None:
        self.git(clone, "switch", "-q", self.random.choice(BRANCHES))

    # --- others ---

    def do_vendor(self, clone: Clone) -> None:
        self.number += 1
        branch = self.random.choice(BRANCHES)
        files = {"VERSION": f"{branch}.{self.number}\n"}
        if self.random.random() < 0.3:
            files[ISTIO] = deployment("istio", f"{branch}.{self.number}", 1)
        parent = f"refs/heads/{branch}~1" if self.random.random() < 0.15 else ""
        if parent and self.vendor.git("rev-parse", "-q", "--verify", parent, ok=False).code:
            parent = ""
        vendor_commit(self.world, branch, files, f"Vendor's {self.number}", parent)
        self.log.append(Step("vendor", f"{branch} {parent}", 0))

    def do_repack(self, clone: Clone) -> None:
        """Whatever no ref leads to is gone, and what reflogs have too."""
        for place in (clone, self.internal):
            if not self.busy(clone):
                self.git(place, "reflog", "expire", "--expire=now", "--all")
            self.git(place, "repack", "-adq")
            self.git(place, "prune", "--expire=now")

    def do_fetch(self, clone: Clone) -> None:
        remote = self.random.choice(["internal", "origin"])
        self.git(clone, "fetch", "-q", "--prune", "--prune-tags", remote)

    def do_push(self, clone: Clone) -> None:
        self.git(clone, "push", "-q", "internal", "HEAD")

    def do_force(self, clone: Clone) -> None:
        self.git(clone, "push", "-q", "--force", "internal", "HEAD")

    def do_force_without_hooks(self, clone: Clone) -> None:
        self.git(clone, "push", "-q", "--force", "--no-verify", "internal", "HEAD")

    def do_mirror_push(self, clone: Clone) -> None:
        self.git(clone, "push", "-q", "--no-verify", "--prune", "--all", "--force", "internal")

    def do_delete_there(self, clone: Clone) -> None:
        ref = self.random.choice(
            [f"refs/heads/{BRANCHES[0]}", f"refs/tags/{self.any_record(clone)}"]
        )
        self.git(clone, "push", "-q", "--no-verify", "internal", f":{ref}")

    def do_delete_branch(self, clone: Clone) -> None:
        self.git(clone, "branch", "-D", self.random.choice(BRANCHES))

    def do_delete_record(self, clone: Clone) -> None:
        self.git(clone, "tag", "-d", self.any_record(clone))

    def do_reset(self, clone: Clone) -> None:
        self.git(clone, "reset", "-q", "--hard", self.random.choice(["HEAD~1", "HEAD", "@{u}"]))

    def do_amend(self, clone: Clone) -> None:
        self.number += 1
        self.git(clone, "commit", "-q", "--amend", "-m", f"Amended {self.number}")

    def do_rebase(self, clone: Clone) -> None:
        self.git(clone, "rebase", "-q", "@{u}")

    def do_stop_rebase(self, clone: Clone) -> None:
        self.git(clone, self.random.choice(["rebase", "merge"]), "--abort")

    def do_merge(self, clone: Clone) -> None:
        branch = self.random.choice(BRANCHES)
        self.git(clone, "merge", "-q", "--no-ff", "-m", "Merge", f"internal/{branch}")


def play(template: Path, folder: Path, seed: int, steps: int) -> None:
    cluster = Cluster(copy(template, folder), seed)
    try:
        for _ in range(steps):
            cluster.step()
    except BaseException:
        print(f"seed {seed}, step {len(cluster.log)}:")
        for step in cluster.log[-25:]:
            print(f"  {step.clone}: {step.words} -> {step.code}")
        raise


@long
@pytest.mark.parametrize("number", range(25 if EVERYTHING else 1))
def test_operations(template: Path, tmp_path: Path, number: int) -> None:
    """With everything 5,000; a failure prints its seed."""
    play(template, tmp_path, SEED + number, 200 if EVERYTHING else 25)


def test_a_record_is_kept_whose_name_another_clone_took(template: Path, tmp_path: Path) -> None:
    world = copy(template, tmp_path)
    other = tmp_path / "other"
    shutil.copytree(world.path, other, symlinks=True)
    assert world.ekf("tag", "-m", "Ours").code == 0
    [name] = world.out("tag", "--list", "deploy/*").split()
    ours = world.out("rev-parse", f"refs/tags/{name}")
    for words in (["tag", "-m", "Theirs"], ["save"]):
        assert Clone(other).ekf(*words).code == 0
    world.git("fetch", "-q", "--prune", "--prune-tags", "origin")
    world.git("fetch", "-q", "internal")
    assert world.ekf("status").code == 0
    assert world.out("rev-parse", f"refs/tags/{name}") != ours
    world.git("prune", "--expire=now")
    assert world.out("for-each-ref", "--format=%(refname)", "--points-at", ours) == (
        f"refs/ekf/replaced/{ours}"
    )
