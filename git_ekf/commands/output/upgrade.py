"""The outcome of an upgrade, a sync or a pull, or its stop at a conflict, as it is shown."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.background import Background
from git_ekf.commands.output.customisation import print_fields
from git_ekf.commands.output.effects import print_effects
from git_ekf.commands.output.images import print_coverage
from git_ekf.commands.output.moved_paths import show_moved
from git_ekf.commands.output.settled import settled_lines
from git_ekf.commands.output.superseded import note_nothing_dropped
from git_ekf.commands.output.upgrade_plan import LISTED, is_plain, print_step
from git_ekf.errors import DONE, FINDINGS, STOPPED
from git_ekf.replay.evidence import Drop, always
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.terminal.screen import counting, print_hint
from git_ekf.terminal.text import counted, say
from git_ekf.upgrade.carry import Done
from git_ekf.upgrade.moved_paths import moved_in
from git_ekf.upgrade.target import PULL, ROLLBACK, SYNC, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.manifests.effects import Effects
    from git_ekf.upgrade.rebase import Ended
    from git_ekf.upgrade.rebase_conflicts import Stopped
    from git_ekf.upgrade.rebase_state import RebaseState
    from git_ekf.upgrade.verify import Verification


class Afterwards(NamedTuple):
    """All there is to do once the commits are carried over.

    `check` are the words of the user's own check; `range_diff`: the commits are shown; `build`:
    kustomizations are built. `flags` are the options that say so, as they are typed.
    """

    check: list[str]
    range_diff: bool
    build: bool
    flags: str = ""


def note_outcome(result: Done | Stopped | Ended, drop: Drop | None = None) -> None:
    """Says where --drop, given now or when it began, has had nothing to leave out."""
    if isinstance(result, Done):
        note_nothing_dropped(drop, dropped=bool(result.plan.dropped))
        return
    from git_ekf.upgrade.rebase import Ended  # which most upgrades go through without

    if isinstance(result, Ended):
        drop = always if result.state.drops else drop
        note_nothing_dropped(drop, dropped=bool(result.state.superseded))


def show_outcome(repo: Repository, result: Done | Stopped | Ended, then: Afterwards) -> int:
    """Prints it, and what there is to say of it. The exit code."""
    if isinstance(result, Done):
        target = result.plan.target
        _print_carried(result.plan.steps, target)
    else:
        from git_ekf.upgrade.rebase_conflicts import Stopped

        if isinstance(result, Stopped):
            return _show_stop(repo, result, then)
        target = result.state.target
        _print_state(result.state)
    by_hand = _by_somebody(result)
    if by_hand:
        repo = repo.fresh()  # the policy is asked again, and all was read before
    tip = result.tip
    effects = result.effects if isinstance(result, Done) else None
    if target.command == ROLLBACK:
        fine = _show_verification(repo, target, tip, then._replace(build=False), by_hand=True)
        show_rolled_back(target.branch, tip)
        return DONE if fine else FINDINGS
    if then.range_diff and target.base != target.tip and target.onto != tip:
        repo.git.show_range_diff(f"{target.base}..{target.tip}", f"{target.onto}..{tip}")
    if target.command == SYNC and target.nothing_new:
        say(f"One line: {target.goal} is at {tip[:7]}, with the same files as before.")
        then = then._replace(build=False)
        fine = _show_verification(repo, target, tip, then, by_hand=by_hand, effects=effects)
        say(f"{'Next: git ekf save. ' if fine else ''}To take it back: git ekf undo")
        return DONE if fine else FINDINGS
    say(_what_was_done(repo, target, tip, len(result.commits)))
    show_moved(moved_in(repo, target, tip), "now")
    fine = _show_verification(repo, target, tip, then, by_hand=by_hand, effects=effects)
    next_steps = "Next: git ekf apply, then git ekf tag and git ekf save. "
    if not fine or (target.command == PULL and not result.commits):
        next_steps = ""
    elif target.command == PULL:
        next_steps = "Next: git ekf save. "
    say(f"{next_steps}To take it back: git ekf undo")
    return DONE if fine else FINDINGS


def _by_somebody(result: Done | Ended) -> bool:
    """Whether somebody has resolved conflicts: here, or where a resolution is from."""
    if not isinstance(result, Done):
        return True
    return any(one.resolution for step in result.plan.steps for one in step.settled)


def show_rolled_back(branch: str, commit: str) -> None:
    """Prints where a rollback has led, and what comes next."""
    say(f"On {branch} at {commit[:7]}. To take it back: git ekf undo")
    say("Next: deploy it, then git ekf tag and git ekf save")


def _what_was_done(repo: Repository, target: Target, tip: str, number: int) -> str:
    where = f"{target.goal} is at {tip[:7]}"
    onto = f"{repo.config.primary}/{target.goal} ({target.onto[:7]})"
    commits = counted(number, "configuration commit")
    if target.command == PULL:
        internal = f"{repo.config.internal}'s {target.onto[:7]}"
        own = f"{counted(number, 'commit')} of yours on {internal}" if number else internal
        return f"Pulled: {where}, {own}."
    if target.prepared:
        put = f"{commits} put on top" if number else "nothing was to be put on top"
        return f"Upgraded: {where}; it was there already at {target.prepared[:7]}, {put}."
    done = "Synced" if target.command == SYNC else "Upgraded"
    return f"{done}: {where}, {commits} on {onto}."


def _print_carried(steps: list[ReplayStep], target: Target) -> None:
    """The commits that were not taken over as they are: of many, only how many were adapted."""
    adapted = [step for step in steps if is_plain(step) and (step.moved or step.merged)]
    for step in steps:
        if not is_plain(step) or (len(steps) <= LISTED and step in adapted):
            print_step(step, target)
    if adapted and len(steps) > LISTED:
        count = counted(len(adapted), "commit")
        say(f"  adapted   {count} to what the vendor changed in the same files")


def _show_verification(
    repo: Repository,
    target: Target,
    tip: str,
    then: Afterwards,
    *,
    by_hand: bool,
    effects: Background[Effects] | None = None,
) -> bool:
    """Prints what is wrong with it, and whether nothing is; `effects` are under way already."""
    from git_ekf.upgrade.verify import run_check, verify

    progress = partial(counting, "Building kustomizations")
    replaced = target.command in (UPGRADE, SYNC)
    verified = verify(repo, target, tip, progress, by_hand=by_hand, build=then.build)
    for finding in verified.findings:
        say(f"  policy    {finding.rule}: {finding.message}")
    for path, lines in verified.broken:
        say(f"  broken    {path} no longer builds")
        for line in lines:
            say(f"            {line}")
    if verified.unbuilt:
        say(f"  note      kustomizations were not built: {verified.unbuilt}")
    elif verified.built and not verified.broken:
        say(f"  builds    {counted(verified.built, 'kustomization')} that your commits change")
    if verified.customisation:
        print_fields(verified.customisation)
    if verified.images:
        print_coverage(verified.images, f"git ekf images {tip[:12]} --json")
    sys.stdout.flush()
    failure = run_check(repo, target, tip, then.check) if then.check else ""
    if failure:
        say(f"  check     {then.check[0]} {failure}")
    intact = True
    if replaced:
        read = effects.result() if effects else _effects(repo, target, tip)
        intact = _show_effects(target, read, verified)
    return verified.fine and intact and not failure


def _effects(repo: Repository, target: Target, tip: str) -> Effects:
    from git_ekf.upgrade.effects import effects_of

    return effects_of(repo, target, tip)


def _show_effects(target: Target, effects: Effects, verified: Verification) -> bool:
    """Prints what is broken as far as that can be read, and whether it is nothing."""
    effects = effects.without([path for path, _ in verified.broken])
    print_effects(effects)
    if verified.loses or not effects.fine:
        say(f"{target.goal} has moved all the same: look at these before you apply it.")
    return effects.fine


def _print_state(state: RebaseState) -> None:
    """Prints what was decided without asking."""
    for oid, why in state.dropped:
        say(f"  dropped   {oid[:7]} {state.subjects[oid]}")
        say(f"            {why}")
    for one in state.settled:
        first, *rest = settled_lines(one)
        say(f"  settled   {first}", *(f"            {line}" for line in rest))


def _show_stop(repo: Repository, stop: Stopped, then: Afterwards) -> int:
    command = stop.state.target.command
    title = "Stopped between two commits"
    skip = "--skip this commit, or "
    if command == ROLLBACK:
        title = "Stopped: the configuration of the record and the vendor's files of today conflict"
        skip = ""
    elif stop.commit:
        subject = stop.state.subjects.get(stop.commit, "")
        title = f"Stopped at commit {stop.number} of {stop.total}: {stop.commit[:7]} {subject}"
    say(title)
    _print_state(stop.state)
    for file in stop.files:
        whose = f"{repo.config.internal}'s" if stop.state.target.command == PULL else "the vendor's"
        vendor = f"; {whose} last commit there is {file.vendor}" if file.vendor else ""
        say(f"  {file.path}")
        say(f"    {file.sides}{vendor}")
    for line in stop.superseded.lines() if stop.superseded else ():
        say(f"  {line}")
    for one in stop.refused:
        say(f"  {one.sentence()}")
    if stop.reason:
        say(f"  git says: {stop.reason}")
    sys.stdout.flush()
    where = "git cannot go on by itself"
    act = "git status shows why;"
    if stop.files:
        where = f"{counted(len(stop.files), 'file')} in conflict"
        act = "edit the files, git add them,"
    say(f"git-ekf: the {command} has stopped half-way: {where}", stream=sys.stderr)
    flags = f" {then.flags}" if then.flags else ""
    go_on = f"git ekf {command} --continue{flags}"
    print_hint(f"{act} then: {go_on} (or {skip}--abort)")
    return STOPPED
