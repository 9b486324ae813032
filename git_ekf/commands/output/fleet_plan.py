"""The plan of a fleet as it is shown: what there is to resolve, each thing once, or a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from git_ekf.commands.output.fleet import print_entry
from git_ekf.commands.output.upgrade_plan import step_as_json
from git_ekf.fleet.file import Fleet, command_of
from git_ekf.fleet.plan import FleetPlan
from git_ekf.fleet.planning.groups import Group, SettledConflict
from git_ekf.fleet.planning.together import PlannedCluster
from git_ekf.fleet.standing import Standing
from git_ekf.fleet.team import approving
from git_ekf.shown import shell
from git_ekf.terminal.screen import paint
from git_ekf.terminal.text import counted, say, shortened, the_first

# Conflicts on one screen.
_LISTED = 20
_SUBJECT = 36


def print_plan(fleet: Fleet, plan: FleetPlan, *, whole: bool, words: Sequence[str]) -> None:
    """Prints the plan: the first conflicts, or the `whole` with a line for each cluster.

    `words` are those of the command, for a sentence that names it again.
    """
    made = [one.plan for one in plan.planned if one.plan]
    branches = {one.target.branch for one in made}
    on = f" on {branches.pop()}" if len(branches) == 1 else ""
    to = f" to {plan.goal}" if plan.goal else ", each to its next release"
    print(paint(f"Upgrade of {counted(len(made), 'cluster')}{on}{to}", "bold"))
    say(f"  {_outcome(plan)}")
    most = None if whole else _LISTED
    shown = plan.groups[:most]
    digits = len(str(len(shown)))
    width = max((len(str(len(group.clusters))) for group in shown), default=0)
    for number, group in enumerate(shown, 1):
        subject = shortened(group.subject, _SUBJECT)
        lead = f"  {number:{digits}}  {len(group.clusters):{width}}  {subject:{_SUBJECT}}"
        say(f"{lead}  {_what(group)}")
        if whole:
            say(f"  {'':{digits}}  {', '.join(group.clusters)}")
        for one in group.resolutions:
            # In how many clusters it would be used, where not in all.
            fitting = len(one.clusters)
            where = f" (in {fitting} of these)" if fitting < len(group.clusters) else ""
            say(f"  {'':{digits}}  {one.unused.sentence(approving(fleet))}{where}")
    command = f"{command_of(fleet.path, 'plan', '--no-fetch')} {shell(*words, '--list')}"
    if left := len(plan.groups) - len(shown):
        print_entry("", f"and {counted(left, 'more conflict')}", command)
    for settled in plan.settled[:most]:
        resolution, state, *_ = settled.listed
        how = f"by resolution {resolution.short} of {resolution.date}, {state}"
        where = f"in {counted(len(settled.clusters), 'cluster')}"
        print_entry("settled", f"{resolution.path}: {how}, {where}")
    if most and len(plan.settled) > most:
        print_entry("", f"and {len(plan.settled) - most} more", command)
    for row in _reasons([(one.name, one.alone) for one in plan.planned if one.alone]):
        print_entry("by itself", row)
    for row in _reasons([(one.name, one.why) for one in plan.without]):
        print_entry("not planned", row)
    if whole:
        _print_clusters(plan)


def _outcome(plan: FleetPlan) -> str:
    parts = [f"{len(plan.through)} would go through"]
    if plan.stopping:
        distinct = counted(len(plan.groups), "distinct conflict")
        parts.append(f"{len(plan.stopping)} would stop at {distinct}")
    if plan.needless:
        parts.append(f"{len(plan.needless)} {_runs(plan, len(plan.needless))}")
    if plan.without:
        parts.append(f"{len(plan.without)} not planned")
    return ", ".join(parts)


def _runs(plan: FleetPlan, number: int) -> str:
    """What is said of so many that need no upgrade."""
    return f"run{'s' if number == 1 else ''} {'it' if plan.goal else 'the newest'} already"


def _what(group: Group) -> str:
    """The kind of conflict, or how many files, and the first path."""
    first = group.conflicts[0]
    number = len(group.conflicts)
    if number == 1:
        return f"{first.kind}: {', '.join(first.paths)}"
    return f"{number} files: {first.paths[0]} and {number - 1} more"


def _reasons(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """A text for each kind of reason, with the first names of those that have it."""
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for name, reason in pairs:
        kind = reason.partition(": ")[0]  # behind that comes of what: which commit, whose words
        by_kind.setdefault(kind, []).append((name, reason))
    found = []
    for kind, some in by_kind.items():
        reason = some[0][1] if len(some) == 1 else kind
        found.append(f"{the_first([name for name, _ in some], 3)}: {reason}")
    return found


def _print_clusters(plan: FleetPlan) -> None:
    width = max((len(one.name) for one in plan.planned), default=0)
    for one in plan.planned:
        says = one.why or _runs(plan, 1)
        if one.plan:
            target = one.plan.target
            how = "would stop" if one.plan.conflicts else "would go through"
            says = f"{target.branch} to {target.goal} {how}: {one.plan.summary()}"
        colour = "red" if one.why or (one.plan and one.plan.conflicts) else ""
        print(paint(f"{one.name:{width}}  {says}", colour))


# --- the document ---


def plan_content(
    about: dict[str, Any], plan: FleetPlan, chosen: Sequence[Standing]
) -> dict[str, Any]:
    """The plan as fleet-plan.json has it; `about` is the fleet."""
    pairs = zip(chosen, plan.planned, strict=True)
    return {
        "fleet": about,
        "goal": plan.goal or None,
        "clean": plan.fine,
        "clusters": [_cluster(standing, one) for standing, one in pairs],
        "groups": list(map(_group, plan.groups)),
        "settled": list(map(_settled_content, plan.settled)),
    }


def _cluster(standing: Standing, one: PlannedCluster) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name,
        "wave": standing.member.wave or None,
        "labels": standing.member.labels,
        "state": standing.state,
        "branch": standing.branch or None,
        "reason": one.why or None,
        "needless": one.needless,
        "alone": one.alone or None,
        **dict.fromkeys(("to", "base", "tip", "onto", "clean", "counts")),
        "commits": [],
    }
    if one.plan:
        target = one.plan.target
        found |= {
            "to": target.goal,
            "base": target.base,
            "tip": target.tip,
            "onto": target.onto,
            "clean": not one.plan.conflicts,
            "counts": one.plan.counts(),
            "commits": list(map(step_as_json, one.plan.steps)),
        }
    return found


def _group(group: Group) -> dict[str, Any]:
    conflicts = [{"id": one.id, "kind": one.kind, "paths": one.paths} for one in group.conflicts]
    resolutions = []
    for unused, clusters in group.resolutions:
        resolutions.append(
            {
                "key": unused.key,
                "path": unused.path,
                "waiting": unused.waiting,
                "why": unused.why,
                "clusters": clusters,
            }
        )
    return {
        "id": group.id,
        "commit": group.commit,
        "subject": group.subject,
        "conflicts": conflicts,
        "resolutions": resolutions,
        "clusters": group.clusters,
    }


def _settled_content(one: SettledConflict) -> dict[str, Any]:
    resolution, state, *_ = one.listed
    return {
        "key": resolution.key,
        "path": resolution.path,
        "date": resolution.date,
        "state": state,
        "commit": one.commit,
        "subject": one.subject,
        "clusters": one.clusters,
    }
