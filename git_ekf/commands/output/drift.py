"""What drift and apply say of a cluster that differs from its record."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from git_ekf.commands.consent import require_consent
from git_ekf.commands.records_kept import note
from git_ekf.deploy.apply_run import ApplyPlan, ApplyStep, change
from git_ekf.deploy.drift import Compared, DriftPlan, compare, plan_before
from git_ekf.deploy.live_text import CHANGED, EXTRA, MISSING, LiveDifference
from git_ekf.errors import CallFailed, Refused
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.terminal.screen import paint
from git_ekf.terminal.text import counted, say

_COLOURS = {CHANGED: "yellow", MISSING: "red", EXTRA: "green"}
_SIGNS = {"-": "red", "+": "green", "@": "cyan"}


def announce(step: ApplyStep) -> None:
    """Says on stderr what is run: the tool may take its time, or ask for a password."""
    path = f" {shell(step.path)}" if step.path else ""
    say(f"Comparing{path}: {shell(*step.command)}", stream=sys.stderr)


def print_notes(planned: DriftPlan) -> None:
    """Says on stderr what the comparison cannot see."""
    if planned.left_out:
        note(f"{planned.name} did not apply, so it is not compared: {_some(planned.left_out)}")
    if planned.ignored:
        note(
            f"{planned.name} was applied with files that git ignores, and is compared without: "
            + _some(planned.ignored)
        )


def _some(paths: list[str]) -> str:
    return shell(*paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def print_compared(one: Compared, *, patch: bool, stream: TextIO | None = None) -> None:
    """Prints which resources of a path differ in the cluster, with `patch` also how."""
    name = paint(one.path, "bold", stream)
    print(f"{name}: {_summary(one)}" if name else _summary(one), file=stream)
    for difference in one.text.found:
        state = paint(f"{difference.change:<7}", _COLOURS[difference.change], stream)
        print(f"  {state}  {paint(str(difference.resource), '', stream)}", file=stream)
        if patch:
            _print_text(difference)
    if one.text.more:
        say(f"  and {counted(one.text.more, 'more resource')}", stream=stream)
    if one.text.unread:
        rest = f"the last {one.text.unread} bytes are not read"
        say(f"  what the tool printed is too long; {rest}", stream=stream)
    if patch and one.text.nameless:
        lines = counted(one.text.nameless, "line")
        say(f"  {lines} not shown: nothing says of which resource, and it may be a Secret")


def _summary(one: Compared) -> str:
    count = len(one.text.found) + one.text.more
    named = f"{counted(count, 'resource')} differ{'s' if count == 1 else ''}"
    if one.failure:
        return f"at least {named}" if count else "not compared"
    if not one.differs:
        return "no difference"
    return named if count else "differs, and the tool does not say where"


def _print_text(difference: LiveDifference) -> None:
    if difference.hidden:
        why = "a Secret" if difference.resource.kind else "perhaps a Secret"
        say(f"    (the text is not shown: this is {why})")
        return
    for line in os.fsdecode(bytes(difference.text)).removesuffix("\n").split("\n"):
        print(f"    {paint(line.expandtabs(), _SIGNS.get(line[:1], ''))}".rstrip())
    if difference.is_cut:
        say("    (there is more, too long to show)")


def failed(repo: Repository, compared: list[Compared]) -> CallFailed | None:
    """The error where the tool failed; its own words went to stderr."""
    failures = [one for one in compared if one.failure]
    if not failures:
        return None
    first = failures[0]
    name = f"{shell(first.path)} could not be compared" if first.path else "nothing was compared"
    if len(failures) > 1:
        name = f"{len(failures)} of {counted(len(compared), 'path')} could not be compared"
    paths = [from_here(one.path, repo.place.top) for one in failures if one.path]
    return CallFailed(f"{name}: the tool {first.failure}", shell("git", "ekf", "drift", *paths))


# --- before something is applied ---


def look_first(repo: Repository, applying: ApplyPlan, *, is_agreed: bool) -> None:
    """Says what applying overwrites, and asks unless that is agreed to.

    Raises Refused without a yes, CallFailed where the tool failed: nothing is applied then.
    """
    planned = plan_before(repo, applying)
    if planned is None:
        note("there is no deploy record yet, so the cluster is not compared")
        return
    print_notes(planned)
    compared = compare(repo, planned, announce)
    error = failed(repo, compared)
    if error:
        raise CallFailed(f"{error.message}; nothing was applied", error.hint)
    _require_unmoved(repo, applying)
    changed = [one for one in compared if one.differs]
    if not changed:
        say(f"The cluster is as {planned.name} left it.", stream=sys.stderr)
        return
    say(
        f"Changed in the cluster since {planned.name}, and about to be overwritten:",
        stream=sys.stderr,
    )
    for one in changed:
        print_compared(one, patch=False, stream=sys.stderr)
    if is_agreed:
        return
    require_consent(
        "Apply, and overwrite that?",
        unasked="this would overwrite what was changed in the cluster, and nobody is there to"
        " ask; nothing was applied",
        hint="git ekf drift --patch shows it; to overwrite it: the same command with --yes",
    )
    _require_unmoved(repo, applying)


def _require_unmoved(repo: Repository, applying: ApplyPlan) -> None:
    """Raises Refused where the repository is no longer as planned: all that took its time."""
    moved = change(repo, applying)
    if moved:
        raise Refused(f"this repository has changed meanwhile: {moved}", "git status")
