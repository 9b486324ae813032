"""The outcome of an upgrade, a sync or a pull, or its stop at a conflict, as it is shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from git_ekf.background import Background
from git_ekf.commands.output.conflicts import note_nothing_dropped, settled_lines
from git_ekf.commands.output.effects import (
    print_broken,
    print_coverage,
    print_effects,
    print_fields,
)
from git_ekf.commands.output.rows import print_row
from git_ekf.commands.output.upgrade_plan import LISTED, is_plain, print_step, show_moved
from git_ekf.commands.upgrade_options import AFTERWARDS, Request, words
from git_ekf.errors import DONE, FINDINGS, STOPPED
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting_builds, print_hint
from git_ekf.terminal.text import counted, say
from git_ekf.upgrade.carry import Done
from git_ekf.upgrade.moved_paths import moved_in
from git_ekf.upgrade.target import PULL, ROLLBACK, SYNC, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.manifests.effects import Effects
    from git_ekf.upgrade.rebase import Ended
    from git_ekf.upgrade.rebase_conflicts import Stopped
    from git_ekf.upgrade.rebase_state import RebaseState


def show_outcome(repo: Repository, result: Done | Stopped | Ended, request: Request) -> int:
    """Prints it, and what there is to say of it. The exit code."""
    effects = None
    if isinstance(result, Done):
        target, steps = result.plan.target, result.plan.steps
        note_nothing_dropped(bool(request.drop), result.plan.dropped)
        _print_carried(steps, target)
        # Somebody has resolved conflicts where a resolution is from.
        by_hand = any(one.resolution for step in steps for one in step.settled)
        effects = result.effects
    else:
        from git_ekf.upgrade.rebase_conflicts import Stopped  # which most upgrades do without

        if isinstance(result, Stopped):
            return _show_stop(repo, result, request)
        target = result.state.target
        note_nothing_dropped(result.state.drops, result.state.superseded)
        _print_state(result.state)
        by_hand = True
    if by_hand:
        repo = repo.fresh()  # the policy is asked again, and all was read before
    tip, rolls_back = result.tip, target.command == ROLLBACK
    only_flattens = target.command == SYNC and target.nothing_new
    if rolls_back or only_flattens:
        request = request._replace(no_build=True)
    if request.range_diff and not rolls_back and target.base != target.tip and target.onto != tip:
        repo.git.show_range_diff(f"{target.base}..{target.tip}", f"{target.onto}..{tip}")
    if only_flattens:
        say(f"One line: {target.goal} is at {tip[:7]}, with the same files as before.")
    elif not rolls_back:
        say(_what_was_done(repo, target, tip, len(result.commits)))
        show_moved(moved_in(repo, target, tip), "now")
    fine = _show_verification(repo, target, tip, request, by_hand=by_hand, effects=effects)
    if rolls_back:
        show_rolled_back(target.branch, tip)
        return DONE if fine else FINDINGS
    next_steps = "Next: git ekf apply, then git ekf tag and git ekf save. "
    if only_flattens or target.command == PULL:
        next_steps = "Next: git ekf save. "
    if not fine or (target.command == PULL and not result.commits):
        next_steps = ""
    say(f"{next_steps}To take it back: git ekf undo")
    return DONE if fine else FINDINGS


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
        print_row("adapted", f"{count} to what the vendor changed in the same files")


def _show_verification(
    repo: Repository,
    target: Target,
    tip: str,
    request: Request,
    *,
    by_hand: bool,
    effects: Background[Effects] | None,
) -> bool:
    """Prints what is wrong with it, and whether nothing is; `effects` are under way already."""
    from git_ekf.upgrade.verify import parse_command, run_check, verify

    replaced = target.command in (UPGRADE, SYNC)
    build = not request.no_build
    verified = verify(repo, target, tip, counting_builds, by_hand=by_hand, build=build)
    for finding in verified.findings:
        print_row("policy", f"{finding.rule}: {finding.message}")
    print_broken(verified.broken)
    if verified.unbuilt:
        print_row("note", f"kustomizations were not built: {verified.unbuilt}")
    elif verified.built and not verified.broken:
        print_row("builds", f"{counted(verified.built, 'kustomization')} that your commits change")
    if verified.customisation:
        print_fields(verified.customisation)
    if verified.images:
        print_coverage(verified.images, f"git ekf images {tip[:12]} --json")
    sys.stdout.flush()
    check = parse_command(request.verify)
    failure = run_check(repo, target, tip, check) if check else ""
    if failure:
        print_row("check", f"{check[0]} {failure}")
    fine = verified.fine and not failure
    if not replaced:
        return fine
    if effects:
        read = effects.result()
    else:
        from git_ekf.upgrade.effects import effects_of

        read = effects_of(repo, target, tip)
    read = read.without([path for path, _ in verified.broken])
    print_effects(read)
    if verified.loses or not read.fine:
        say(f"{target.goal} has moved all the same: look at these before you apply it.")
    return fine and read.fine


def _print_state(state: RebaseState) -> None:
    """Prints what was decided without asking."""
    for oid, why in state.dropped:
        print_row("dropped", f"{oid[:7]} {state.subjects[oid]}", why)
    for one in state.settled:
        print_row("settled", *settled_lines(one))


def _show_stop(repo: Repository, stop: Stopped, request: Request) -> int:
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
        whose = stop.state.target.onto_whose(repo)
        vendor = f"; {whose}'s last commit there is {file.vendor}" if file.vendor else ""
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
    flags = words(request, AFTERWARDS) if command in (UPGRADE, SYNC) else []
    go_on = f"git ekf {command} {shell('--continue', *flags)}"
    print_hint(f"{act} then: {go_on} (or {skip}--abort)")
    return STOPPED
