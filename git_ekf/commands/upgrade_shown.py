"""What `upgrade` and `sync` show: the plan, the stop at a conflict, the outcome."""

from __future__ import annotations

import sys
from functools import partial
from typing import NamedTuple

from git_ekf.errors import DONE, FINDINGS, STOPPED
from git_ekf.git.questions.history import MadeBy
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.shown import escape
from git_ekf.terminal.screen import counting, paged, paint, print_hint
from git_ekf.terminal.text import counted, document, say, shortened
from git_ekf.upgrade.carry import Done
from git_ekf.upgrade.plan import Options, UpgradePlan, prepared_commits
from git_ekf.upgrade.plan import plan as make_plan
from git_ekf.upgrade.ready import require_linear, require_names
from git_ekf.upgrade.rebase import Ended
from git_ekf.upgrade.rebase_conflicts import Stopped
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.target import PULL, SYNC, UPGRADE, Target

# Beyond this many commits the plan lists only those that are not simply clean.
_LISTED = 25

# Of the commits that a merge has brought so many are named.
_BROUGHT = 5

_COLOURS = {"CONFLICT": "red", "clean": "green", "moved": "green", "merged": "green"}


class Afterwards(NamedTuple):
    """All there is to do once the commits are carried over.

    `check` are the words of the user's own check; `range_diff`: the commits are shown; `build`:
    kustomizations are built. `flags` are the options that say so, as they are typed.
    """

    check: list[str]
    range_diff: bool
    build: bool
    flags: str = ""


# --- the plan ---


def show_plan(repo: Repository, target: Target, options: Options, flags: str, *, json: bool) -> int:
    """Prints the plan, and the command with its `flags`.

    0 where it would go through, 1 where it would stop.
    """
    require_linear(repo, target, flatten=options.flatten, given=options.given)
    require_names(repo, target)
    plan = make_plan(repo, target, options)
    if json:
        print(document(target.command, _as_json(plan)))
    else:
        with paged():
            _print_plan(repo, plan, flags)
    return FINDINGS if plan.conflicts else DONE


def _print_plan(repo: Repository, plan: UpgradePlan, flags: str) -> None:
    target = plan.target
    command = f"git ekf {target.command}"
    commits = counted(len(plan.steps), "configuration commit")
    title = f"Sync of {target.branch}, from {target.base[:7]} to {target.onto[:7]}"
    if target.command == UPGRADE:
        command += f" {repo.config.scheme.version(target.goal)}"
        title = f"Upgrade of {target.branch} to {target.goal},"
        title += f" from {target.base[:7]} to {target.onto[:7]}"
    elif target.command == PULL:
        title = f"Pull of {target.branch}, from {target.base[:7]} to {target.onto[:7]}"
        commits = (
            f"{counted(len(plan.steps), 'commit')} of yours on top" if plan.steps else "its work"
        )
    elif _only_flattens(plan):
        title = f"{target.branch} as one line above {target.base[:7]}, with the same files"
    command += f" {flags}" if flags else ""
    say(f"{title}: {commits}")
    _print_found(repo, plan)
    if target.rewritten:
        say(
            f"  the vendor has rewritten {target.branch} since;"
            f" your commits stand on {target.base[:7]}, which it no longer has"
        )
    for step in plan.steps:
        if len(plan.steps) <= _LISTED or not _is_plain(step) or step.commit.merge:
            _print_step(step, target)
    say(plan.summary())
    if plan.conflicts:
        stop = plan.conflicts[0].commit.oid[:7]
        say(f"It would stop at {stop} for you to resolve, in an ordinary rebase: {command}")
    else:
        say(f"It would go through: {command}")


def _print_found(repo: Repository, plan: UpgradePlan) -> None:
    """Prints what is there already where it goes, commit by commit, as far as it is not known."""
    target = plan.target
    internal = repo.config.internal
    if target.command == PULL:
        _print_theirs(
            f"{internal} has", repo.git.made_by([target.onto], [target.tip], repo.vendor_globs())
        )
    if target.replaced:
        say(
            f"  {target.goal} is there already at {target.replaced[:7]}, and cannot be gone on"
            f" from: it is replaced, and kept under refs/ekf/backup/{target.goal}/"
        )
    if target.prepared:
        where = "here" if target.goal_tip == target.prepared else f"on {internal}"
        record = f", deployed by {target.record}" if target.record else ""
        say(f"  {target.goal} is there already {where} at {target.prepared[:7]}{record}:")
        say("    it is gone on from, with what it lacks of this branch on top")
        _print_theirs("beside that it has", _only_there(repo, plan))


def _only_there(repo: Repository, plan: UpgradePlan) -> list[MadeBy]:
    """The commits on the goal's branch that are none of this one's in another form."""
    known = {step.upstream for step in plan.steps}
    return [one for one in prepared_commits(repo, plan.target) if one.oid not in known]


def _print_theirs(lead: str, commits: list[MadeBy]) -> None:
    if not commits:
        return
    say(f"    {lead} {counted(len(commits), 'commit')} that this branch lacks:")
    for one in commits[:_LISTED]:
        say(f"      {one.oid[:7]} {shortened(one.subject, 50)} ({one.author.name})")
    if len(commits) > _LISTED:
        say(f"      and {len(commits) - _LISTED} more")


def _only_flattens(plan: UpgradePlan) -> bool:
    target = plan.target
    merges = any(step.commit.merge for step in plan.steps)
    return target.command == SYNC and target.nothing_new and merges


def _print_step(step: ReplayStep, target: Target) -> None:
    mark = _mark(step)
    shown = paint(f"{mark:<9}", _COLOURS.get(mark, "yellow"))
    print(f"  {shown} {step.commit.oid[:7]} {escape(step.commit.subject)}")
    for line in _details(step, target):
        say(f"            {line}")


def _is_plain(step: ReplayStep) -> bool:
    return step.verdict == "clean" and not (step.depends or step.settled)


def _mark(step: ReplayStep) -> str:
    if step.verdict == "conflict":
        return "CONFLICT"
    if step.outcome == "clean":
        for mark in ("settled", "moved", "merged"):
            if getattr(step, mark):
                return mark
    return step.outcome


def _details(step: ReplayStep, target: Target) -> list[str]:
    if step.verdict == "upstream":
        if target.prepared or target.command == PULL:
            return [f"{target.goal} has it already: {step.upstream[:7]}"]
        return [f"the channel has the same change: {step.upstream[:7]}"]
    lines = []
    if step.commit.merge and step.commit.brought:
        brought = ", ".join(oid[:7] for oid in step.commit.brought[:_BROUGHT])
        more = len(step.commit.brought) - _BROUGHT
        brought += f" and {more} more" if more > 0 else ""
        lines.append(f"one commit in place of the merge and {brought}")
    elif step.commit.merge:
        lines.append("one commit in place of the merge")
    lines += [f"{conflict.kind}: {', '.join(conflict.paths)}" for conflict in step.conflicts]
    if step.commit.emptied:
        lines.append(step.commit.emptied)
    elif step.verdict == "empty":
        lines.append("nothing of it is left")
    lines += [f"{path}: the {side} side is taken" for path, side in step.settled]
    lines += [f"{old} is {new} there" for old, new in step.moved]
    if step.depends:
        lines.append(f"behind the conflict of {', '.join(oid[:7] for oid in step.depends)}")
    return lines


def _as_json(plan: UpgradePlan) -> dict[str, object]:
    target = plan.target
    return {
        "from": target.branch,
        "to": target.goal,
        "base": target.base,
        "tip": target.tip,
        "onto": target.onto,
        "rewritten": target.rewritten,
        "prepared": target.prepared or None,
        "record": target.record or None,
        "replaced": target.replaced or None,
        "clean": not plan.conflicts,
        "counts": plan.counts(),
        "commits": [_step_as_json(step) for step in plan.steps],
    }


def _step_as_json(step: ReplayStep) -> dict[str, object]:
    moved = [{"from": old, "to": new} for old, new in step.moved]
    settled = [{"path": path, "side": side} for path, side in step.settled]
    return {
        "commit": step.commit.oid,
        "subject": step.commit.subject,
        "verdict": step.verdict,
        "upstream": step.upstream or None,
        "merged": step.merged,
        "moved": moved,
        "settled": settled,
        "conflicts": [conflict._asdict() for conflict in step.conflicts],
        "depends": step.depends,
        "brought": step.commit.brought,
    }


# --- what came of it ---


def show_outcome(repo: Repository, result: Done | Stopped | Ended, then: Afterwards) -> int:
    """Prints it, and what there is to say of it. The exit code."""
    if isinstance(result, Stopped):
        return _show_stop(repo, result, then)
    if isinstance(result, Done):
        target = result.plan.target
        _print_carried(result.plan.steps, target)
    else:
        target = result.state.target
        repo = repo.fresh()  # git has changed what was read before
        _print_state(result.state)
    tip = result.tip
    if then.range_diff and target.base != target.tip and target.onto != tip:
        repo.git.show_range_diff(f"{target.base}..{target.tip}", f"{target.onto}..{tip}")
    if target.command == SYNC and target.nothing_new:
        say(f"One line: {target.goal} is at {tip[:7]}, with the same files as before.")
        then = then._replace(build=False)
        fine = _show_verification(repo, target, tip, then, by_hand=isinstance(result, Ended))
        say(f"{'Next: git ekf save. ' if fine else ''}To take it back: git ekf undo")
        return DONE if fine else FINDINGS
    say(_what_was_done(repo, target, tip, len(result.commits)))
    fine = _show_verification(repo, target, tip, then, by_hand=isinstance(result, Ended))
    next_steps = "Next: git ekf apply, then git ekf tag and git ekf save. "
    if not fine or (target.command == PULL and not result.commits):
        next_steps = ""
    elif target.command == PULL:
        next_steps = "Next: git ekf save. "
    say(f"{next_steps}To take it back: git ekf undo")
    return DONE if fine else FINDINGS


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
    adapted = [step for step in steps if _is_plain(step) and (step.moved or step.merged)]
    for step in steps:
        if not _is_plain(step) or (len(steps) <= _LISTED and step in adapted):
            _print_step(step, target)
    if adapted and len(steps) > _LISTED:
        count = counted(len(adapted), "commit")
        say(f"  adapted   {count} to what the vendor changed in the same files")


def _show_verification(
    repo: Repository, target: Target, tip: str, then: Afterwards, *, by_hand: bool
) -> bool:
    """Prints what is wrong with it, and whether nothing is."""
    from git_ekf.upgrade.verify import run_check, verify

    progress = partial(counting, "Building kustomizations")
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
    sys.stdout.flush()
    failure = run_check(repo, target, tip, then.check) if then.check else ""
    if failure:
        say(f"  check     {then.check[0]} {failure}")
    return verified.fine and not failure


def _print_state(state: RebaseState) -> None:
    """Prints what was decided without asking."""
    for oid, why in state.dropped:
        say(f"  dropped   {oid[:7]} {state.subjects[oid]}")
        say(f"            {why}")
    for path, how in state.settled:
        say(f"  settled   {path}: {how if ' ' in how else f'the {how} side is taken'}")


def _show_stop(repo: Repository, stop: Stopped, then: Afterwards) -> int:
    command = stop.state.target.command
    title = "Stopped between two commits"
    if stop.commit:
        subject = stop.state.subjects.get(stop.commit, "")
        title = f"Stopped at commit {stop.number} of {stop.total}: {stop.commit[:7]} {subject}"
    say(title)
    _print_state(stop.state)
    for file in stop.files:
        whose = f"{repo.config.internal}'s" if stop.state.target.command == PULL else "the vendor's"
        vendor = f"; {whose} last commit there is {file.vendor}" if file.vendor else ""
        say(f"  {file.path}")
        say(f"    {file.sides}{vendor}")
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
    print_hint(f"{act} then: {go_on} (or --skip this commit, or --abort)")
    return STOPPED
