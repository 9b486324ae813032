"""What `upgrade` and `sync` show: the plan, the stop at a conflict, the outcome."""

from __future__ import annotations

import sys
from typing import NamedTuple

from git_ekf.errors import DONE, FINDINGS, STOPPED
from git_ekf.replay.forecast import ReplayStep
from git_ekf.repository import Repository
from git_ekf.terminal.screen import paged, paint, print_hint
from git_ekf.terminal.text import counted, document, escape, say, unicode_text
from git_ekf.upgrade.carry import Done, Options, UpgradePlan, summary
from git_ekf.upgrade.carry import plan as make_plan
from git_ekf.upgrade.rebase import Ended, Stopped
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.target import SYNC, Target, require_linear

# Beyond this many commits the plan lists only those that are not simply clean.
_LISTED = 25


class Afterwards(NamedTuple):
    """What to do once the commits are carried over: the words of the user's own check, and whether to show the commits and to build."""

    check: list[str]
    range_diff: bool
    build: bool


# --- the plan ---


def show_plan(repo: Repository, target: Target, chosen: Options, *, json: bool) -> int:
    """Prints the plan. 0 where it would go through, 1 where it would stop."""
    require_linear(repo, target, flatten=chosen.flatten)
    plan = make_plan(repo, target, chosen)
    if json:
        print(document(target.command, as_json(plan)))
    else:
        with paged():
            _print_plan(repo, plan)
    return FINDINGS if plan.conflicts else DONE


def _print_plan(repo: Repository, plan: UpgradePlan) -> None:
    target = plan.target
    way = f"{target.branch} to {target.goal}" if target.command != SYNC else target.branch
    commits = counted(len(plan.steps), "configuration commit")
    say(
        f"{target.command.capitalize()} of {way}, from {target.base[:7]} to {target.onto[:7]}: {commits}"
    )
    if target.rewritten:
        say(
            f"  the vendor has rewritten {target.branch} since; your commits stand on {target.base[:7]}, which it no longer has"
        )
    for step in plan.steps:
        if len(plan.steps) <= _LISTED or not _is_plain(step):
            _print_step(step, plan)
    say(summary(plan))
    command = f"git ekf {target.command}" + (
        "" if target.command == SYNC else f" {repo.config.scheme.version(target.goal)}"
    )
    if plan.conflicts:
        say(
            f"It would stop at {plan.conflicts[0].commit.oid[:7]} for you to resolve, in an ordinary rebase: {command}"
        )
    else:
        say(f"It would go through: {command}")


def _print_step(step: ReplayStep, plan: UpgradePlan) -> None:
    mark = _mark(step)
    colour = {"CONFLICT": "red", "clean": "green", "moved": "green", "merged": "green"}.get(
        mark, "yellow"
    )
    print(
        f"  {paint(f'{mark:<9}', colour)} {step.commit.oid[:7]} {escape(plan.subjects[step.commit.oid])}"
    )
    for line in _details(step, plan):
        say(f"            {line}")


def _is_plain(step: ReplayStep) -> bool:
    return step.verdict == "clean" and not (step.depends or step.settled)


def _mark(step: ReplayStep) -> str:
    if step.verdict == "conflict":
        return "CONFLICT"
    if step.verdict != "clean":
        return step.verdict
    return (
        "depends"
        if step.depends
        else "settled"
        if step.settled
        else "moved"
        if step.moved
        else "merged"
        if step.merged
        else "clean"
    )


def _details(step: ReplayStep, plan: UpgradePlan) -> list[str]:
    if step.verdict == "upstream":
        return [f"the channel has the same change: {plan.upstream[step.commit.oid][:7]}"]
    lines = [f"{conflict.kind}: {', '.join(conflict.paths)}" for conflict in step.conflicts]
    if step.verdict == "empty":
        lines.append(
            "the migration leaves nothing of it" if step.commit.emptied else "nothing of it is left"
        )
    lines += [f"{path}: the {side} side is taken" for path, side in step.settled]
    lines += [f"{old} is {new} there" for old, new in step.moved]
    if step.depends:
        lines.append(f"behind the conflict of {', '.join(oid[:7] for oid in step.depends)}")
    return lines


def as_json(plan: UpgradePlan) -> dict[str, object]:
    target = plan.target
    return {
        "from": target.branch,
        "to": target.goal,
        "base": target.base,
        "tip": target.tip,
        "onto": target.onto,
        "rewritten": target.rewritten,
        "clean": not plan.conflicts,
        "commits": [_step_as_json(step, plan) for step in plan.steps],
    }


def _step_as_json(step: ReplayStep, plan: UpgradePlan) -> dict[str, object]:
    return {
        "commit": step.commit.oid,
        "subject": unicode_text(plan.subjects[step.commit.oid]),
        "verdict": step.verdict,
        "upstream": plan.upstream.get(step.commit.oid),
        "merged": [unicode_text(path) for path in step.merged],
        "moved": [{"from": unicode_text(old), "to": unicode_text(new)} for old, new in step.moved],
        "settled": [{"path": unicode_text(path), "side": side} for path, side in step.settled],
        "conflicts": [
            {
                "kind": conflict.kind,
                "paths": [unicode_text(path) for path in conflict.paths],
                "message": unicode_text(conflict.message),
            }
            for conflict in step.conflicts
        ],
        "depends": step.depends,
    }


# --- what came of it ---


def show_outcome(repo: Repository, result: Done | Stopped | Ended, then: Afterwards) -> int:
    """Prints it, and what there is to say of it. The exit code."""
    if isinstance(result, Stopped):
        return _show_stop(result)
    target, tip = (result.plan.target if isinstance(result, Done) else result.target), result.tip
    if isinstance(result, Done):
        for step in result.plan.steps:
            if not _is_plain(step) or (
                len(result.plan.steps) <= _LISTED and (step.moved or step.merged)
            ):
                _print_step(step, result.plan)
    else:
        _print_state(result.state)
    if isinstance(result, Done) and len(result.plan.steps) > _LISTED:
        adapted = sum(
            1 for step in result.plan.steps if _is_plain(step) and (step.moved or step.merged)
        )
        if adapted:
            say(
                f"  adapted   {counted(adapted, 'commit')} to what the vendor changed in the same files"
            )
    if then.range_diff and target.base != target.tip and target.onto != tip:
        repo.git.show_range_diff(f"{target.base}..{target.tip}", f"{target.onto}..{tip}")
    done = "Upgraded" if target.command != SYNC else "Synced"
    on = f"{repo.config.primary}/{target.goal} ({target.onto[:7]})"
    say(
        f"{done}: {target.goal} is at {tip[:7]}, {counted(len(result.commits), 'configuration commit')} on {on}."
    )
    fine = _show_verification(repo, target, tip, then, by_hand=isinstance(result, Ended))
    say(
        f"{'Next: git ekf apply, then git ekf tag and git ekf save. ' if fine else ''}To take it back: git ekf undo"
    )
    return DONE if fine else FINDINGS


def _show_verification(
    repo: Repository, target: Target, tip: str, then: Afterwards, *, by_hand: bool
) -> bool:
    """Prints what is wrong with it, and whether nothing is."""
    from git_ekf.upgrade.verify import run_check, verify

    verified = verify(repo, target, tip, by_hand=by_hand, build=then.build)
    for finding in verified.findings:
        say(f"  policy    {finding.rule}: {finding.message}")
    for path, said in verified.broken:
        say(f"  broken    {path} no longer builds")
        for line in said:
            say(f"            {line}")
    if verified.unbuilt:
        say(f"  note      kustomizations were not built: {verified.unbuilt}")
    elif verified.built and not verified.broken:
        say(f"  builds    {counted(verified.built, 'kustomization')} that your commits change")
    sys.stdout.flush()
    wrong = run_check(repo, target, tip, then.check) if then.check else ""
    if wrong:
        say(f"  check     {then.check[0]} {wrong}")
    return verified.fine and not wrong


def _print_state(state: RebaseState) -> None:
    """What was decided without asking."""
    for oid, why in state.dropped:
        say(f"  dropped   {oid[:7]} {state.subjects[oid]}")
        say(f"            {why}")
    for path, how in state.settled:
        say(f"  settled   {path}: {how if ' ' in how else f'the {how} side is taken'}")


def _show_stop(stop: Stopped) -> int:
    command = stop.target.command
    say(
        f"Stopped at commit {stop.number} of {stop.total}: {stop.commit[:7]} {stop.subject}"
        if stop.commit
        else "Stopped between two commits"
    )
    _print_state(stop.state)
    for file in stop.files:
        say(f"  {file.path}")
        say(
            f"    {file.what}"
            + (f"; the vendor's last commit there is {file.vendor}" if file.vendor else "")
        )
    if stop.said:
        say(f"  git says: {stop.said}")
    sys.stdout.flush()
    where = (
        f"{len(stop.files)} file{'s' if len(stop.files) != 1 else ''} in conflict"
        if stop.files
        else "git cannot go on by itself"
    )
    print(f"git-ekf: the {command} has stopped half-way: {where}", file=sys.stderr)
    act = "edit the files, git add them, then: " if stop.files else "git status shows why; then: "
    print_hint(f"{act}git ekf {command} --continue (or --skip this commit, or --abort)")
    return STOPPED
