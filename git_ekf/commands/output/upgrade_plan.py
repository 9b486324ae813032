"""The plan of an upgrade, a sync or a pull, as it is shown."""

from __future__ import annotations

from functools import partial

from git_ekf.commands.output.conflicts import (
    conflicts_as_json,
    note_nothing_dropped,
    print_droppable,
    settled_lines,
)
from git_ekf.commands.output.effects import (
    coverage_json,
    customisation_as_json,
    effects_as_json,
    print_coverage,
    print_customisation,
    print_effects,
)
from git_ekf.commands.output.rows import print_row
from git_ekf.errors import DONE, FINDINGS, Refused
from git_ekf.git.questions.history import MadeBy
from git_ekf.internal import require_current
from git_ekf.replay.evidence import always
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.shown import escape
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import counted, document, say, shortened, the_first
from git_ekf.transaction.preconditions import require_clean
from git_ekf.upgrade.moved_paths import MovedPath, moved_in_plan
from git_ekf.upgrade.plan import UpgradePlan
from git_ekf.upgrade.plan import plan as make_plan
from git_ekf.upgrade.ready import require_linear, require_names, require_saved
from git_ekf.upgrade.target import PULL, SYNC, UPGRADE, Target
from git_ekf.upgrade.work import Options, prepared_commits

# Beyond this many commits the plan lists only those that are not simply clean.
LISTED = 25

# Of the commits that a merge has brought so many are named.
_BROUGHT = 5

# Shows how far the builds are.

_COLOURS = {"CONFLICT": "red", "clean": "green", "moved": "green", "merged": "green"}


def show_plan(repo: Repository, target: Target, options: Options, flags: str, *, json: bool) -> int:
    """Prints the plan, and the command with its `flags`.

    0 where it would go through, 1 where it would stop.
    """
    if not options.flatten:
        require_linear(repo, target, options.given)
    require_names(repo, target)
    plan = make_plan(repo, target, options)
    if json:
        print(document(target.command, plan_as_json(repo, plan)))
    else:
        with paged():
            _print_plan(repo, plan, flags, options)
    note_nothing_dropped(options.drop is always, plan.dropped)
    return DONE if plan.fine else FINDINGS


def _print_plan(repo: Repository, plan: UpgradePlan, flags: str, options: Options) -> None:
    target = plan.target
    command = f"git ekf {target.command}"
    title = f"{target.command.capitalize()} of {target.branch}"
    commits = counted(len(plan.steps), "configuration commit")
    if target.command == UPGRADE:
        command += f" {repo.config.scheme.version(target.goal)}"
        title += f" to {target.goal}"
    elif target.command == PULL:
        own = f"{counted(len(plan.steps), 'commit')} of yours on top"
        commits = own if plan.steps else "its work"
    title += f", from {target.base[:7]} to {target.onto[:7]}"
    flattens = any(step.commit.merge for step in plan.steps)
    if target.command == SYNC and target.nothing_new and flattens:
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
        if len(plan.steps) <= LISTED or not is_plain(step) or step.commit.merge:
            print_step(step, target)
    for one in plan.refused:
        print_row("note", one.sentence())
    if not options.builds and any(one.resolution for step in plan.steps for one in step.settled):
        print_row("note", "--build tells whether what resolutions settle still builds")
    if plan.customisation:
        print_customisation(plan.customisation)
    if plan.effects:
        broken = [path for path, _ in plan.customisation.broken] if plan.customisation else []
        print_effects(plan.effects.without(broken))
    if plan.images:
        print_coverage(plan.images, "--json has all")
    show_moved(moved_in_plan(repo, plan), "there")
    say(plan.summary())
    if plan.conflicts:
        stop = plan.conflicts[0].commit.oid[:7]
        say(f"It would stop at {stop} for you to resolve, in an ordinary rebase: {command}")
        print_droppable(plan.conflicts)
    else:
        outcome = "" if plan.fine else ", and not all images are covered"
        if plan.breaks:
            outcome = ", and break what is listed above"
        say(f"It would go through{outcome}: {command}")
    _print_what_comes_first(repo, target, options)


def _print_what_comes_first(repo: Repository, target: Target, options: Options) -> None:
    """Prints what is not committed, and what is not on both sides.

    Until then the command itself is refused. The policy takes four more processes of git.
    """
    consequence = f"until then the {target.command} is refused"

    def both_sides() -> None:
        if target.command != PULL:
            require_current(repo, target.branch, consequence, goal=target.goal)
        if options.save_check:
            require_saved(repo, target)

    for require in (partial(require_clean, repo, untracked=False), both_sides):
        try:
            require()
        except Refused as error:
            say(f"Before it: {error.hint}", f"  {error.message}")


def _print_found(repo: Repository, plan: UpgradePlan) -> None:
    """Prints what is there already where it goes, commit by commit, as far as it is not known."""
    target = plan.target
    internal = repo.config.internal
    lead = f"{internal} has"
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
        lead = "beside that it has"
    theirs = _theirs(repo, plan)
    if theirs:
        say(f"    {lead} {counted(len(theirs), 'commit')} that this branch lacks:")
        _print_commits(theirs)
    if target.command == PULL:
        say_rewritten(repo, target)


def say_rewritten(repo: Repository, target: Target) -> None:
    """Says which commits a pull leaves out, because somebody has taken them off `internal`."""
    gone = repo.git.made_by([target.base], [target.onto], repo.vendor_globs())
    internal, count = repo.config.internal, counted(len(gone), "commit")
    if gone:
        say(
            f"    somebody has rewritten {target.branch} on {internal}; left out is what that has"
            f" no longer, {count}:"
        )
        _print_commits(gone)


def _theirs(repo: Repository, plan: UpgradePlan) -> list[MadeBy]:
    """The commits that this branch lacks and what is gone on from has, newest first.

    For an upgrade those on the goal's branch that are none of this one's in another form.
    """
    target = plan.target
    if target.command == PULL:
        return repo.git.made_by([target.onto], [target.tip], repo.vendor_globs())
    if not target.prepared:
        return []
    known = {step.upstream for step in plan.steps}
    return [one for one in prepared_commits(repo, target) if one.oid not in known]


def _print_commits(commits: list[MadeBy]) -> None:
    for one in commits[:LISTED]:
        say(f"      {one.oid[:7]} {shortened(one.subject, 50)} ({one.author.name})")
    if len(commits) > LISTED:
        say(f"      and {len(commits) - LISTED} more")


def show_moved(moved: list[MovedPath], where: str) -> None:
    """Prints paths of the configuration that are left behind, and what they are `where`.

    That is "there" or "now".
    """
    for one in moved:
        print_row("moved", f"{one.key}: {one.path} is {one.moved_to} {where}")


def print_step(step: ReplayStep, target: Target) -> None:
    """Prints a commit with what becomes of it."""
    mark = _mark(step)
    shown = paint(f"{mark:<9}", _COLOURS.get(mark, "yellow"))
    print(f"  {shown} {step.commit.oid[:7]} {escape(step.commit.subject)}")
    print_row("", *_details(step, target))


def is_plain(step: ReplayStep) -> bool:
    """Whether there is nothing to say of a commit but that it is carried over."""
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
        brought = the_first([oid[:7] for oid in step.commit.brought], _BROUGHT)
        lines.append(f"one commit in place of the merge and {brought}")
    elif step.commit.merge:
        lines.append("one commit in place of the merge")
    for conflict in step.conflicts:
        moved = f", which is {conflict.moved_to} there" if conflict.moved_to else ""
        lines.append(f"{conflict.kind}: {', '.join(conflict.paths)}{moved}")
    if step.superseded:
        lines += step.superseded.lines()
    if step.commit.emptied:
        lines.append(step.commit.emptied)
    elif step.verdict == "empty":
        lines.append("nothing of it is left")
    for one in step.settled:
        lines += settled_lines(one)
    lines += [f"{old} is {new} there" for old, new in step.moved]
    if step.depends:
        lines.append(f"behind the conflict of {', '.join(oid[:7] for oid in step.depends)}")
    return lines


def plan_as_json(repo: Repository, plan: UpgradePlan) -> dict[str, object]:
    """The plan as upgrade.json, sync.json and pull.json have it."""
    target = plan.target
    theirs = [
        {"commit": one.oid, "subject": one.subject, "author": one.author.name}
        for one in _theirs(repo, plan)
    ]
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
        "theirs": theirs,
        "clean": not plan.conflicts,
        "effects": effects_as_json(plan.effects),
        "customisation": customisation_as_json(plan.customisation),
        "images": coverage_json(plan.images) if plan.images else None,
        "counts": plan.counts(),
        "resolutions_refused": [one.sentence() for one in plan.refused],
        "moved_paths": moved_in_plan(repo, plan),
        "commits": list(map(step_as_json, plan.steps)),
    }


def step_as_json(step: ReplayStep) -> dict[str, object]:
    """A commit of the plan, as the schemas have it."""
    moved = [{"from": old, "to": new} for old, new in step.moved]
    return {
        "commit": step.commit.oid,
        "subject": step.commit.subject,
        "verdict": step.verdict,
        "upstream": step.upstream or None,
        "merged": step.merged,
        "moved": moved,
        **conflicts_as_json(step),
        "depends": step.depends,
        "brought": step.commit.brought,
    }
