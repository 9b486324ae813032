"""git ekf apply: the deploy tool, path by path."""

from __future__ import annotations

import sys
from typing import Annotated

from git_ekf.commands.internal_asked import ask_internal, note_elsewhere
from git_ekf.commands.options import Field, Message, NoFetch, Yes
from git_ekf.commands.output.drift import look_first
from git_ekf.commands.recovered import recovered
from git_ekf.declared import Argument, Option
from git_ekf.deploy import apply as work
from git_ekf.deploy.apply_run import ApplyOutcome, ApplyPlan, ApplyStep, run
from git_ekf.deploy.write import parse_field, tag, today
from git_ekf.errors import DONE, CallFailed, EkfError, UsageError
from git_ekf.internal import require_current
from git_ekf.record import write
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.terminal.screen import print_error
from git_ekf.terminal.text import counted, say


def apply(
    paths: Annotated[
        list[str] | None,
        Argument(metavar="[PATH]...", help="What to apply; by default apply.paths."),
    ] = None,
    message: Message = None,
    field: Field = None,
    keep_going: Annotated[bool, Option(help="After a failure, go on with the next path.")] = False,
    drift: Annotated[
        bool,
        Option(help="First look what was changed in the cluster, and ask."),
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[
        bool, Option("-n", "--dry-run", help="Print the commands, and run none.")
    ] = False,
    no_fetch: NoFetch = False,
) -> int:
    """Run the deploy tool on a clean tree, path by path; with -m, record it."""
    fields = [parse_field(text) for text in field or []]
    if fields and message is None:
        raise UsageError(
            "--field is for the record, which only -m writes", "git ekf apply -m CONTEXT"
        )
    context = "\n\n".join(message or []).strip()
    repo = recovered()
    repo = ask_internal(repo, no_fetch=no_fetch or dry_run)
    plan = work.plan(repo, paths or [])
    if not no_fetch:
        require_current(repo, plan.branch, "nothing was applied")
    note_elsewhere(repo, plan.branch)
    if message is not None:  # a record that cannot be written is refused before anything runs
        work.record(repo, plan, today(repo), context, fields)
    if drift:
        look_first(repo, plan, is_agreed=yes or dry_run)
    if dry_run:
        for step in plan.steps:
            say(shell(*step.command))
        return DONE
    outcome = run(repo, plan, _announce, keep_going=keep_going)
    if not outcome.complete:
        return _failed(plan, outcome)
    record = "" if message is None else _record(repo, plan, context, fields)
    say(f"Applied {_applied(plan)} of {plan.branch} at {plan.commit[:7]}")
    if record:
        say(f"Recorded {record}", "Next: git ekf save")
    else:
        say(f"Next: {_tag_command(plan, 'CONTEXT', [])}")
    return DONE


def _announce(step: ApplyStep) -> None:
    path = f" {shell(step.path)}" if step.path else ""
    # To stderr: the tool's own output may be somebody's input.
    say(f"Applying{path}: {shell(*step.command)}", stream=sys.stderr)


def _record(repo: Repository, plan: ApplyPlan, context: str, fields: list[tuple[str, str]]) -> str:
    """The name of the record written. Raises CallFailed: by now something was changed."""
    try:
        record = work.record(repo, plan, today(repo), context, fields)
        return str(tag(repo, plan.branch, record.get("Date") or "", write(record)))
    except EkfError as error:
        raise CallFailed(
            f"{_applied(plan)} applied, but not recorded: {error.message}",
            _tag_command(plan, context, fields),
        ) from None


def _tag_command(plan: ApplyPlan, context: str, fields: list[tuple[str, str]]) -> str:
    """The command that records by hand what was applied."""
    words = ["git", "ekf", "tag", "-m", context]
    for name, value in [*fields, *work.fields_of(plan)]:
        words += ["--field", f"{name}={value}"]
    return shell(*words)


def _applied(plan: ApplyPlan) -> str:
    return counted(len(plan.steps), "path") if plan.steps[0].path else "everything"


def _failed(plan: ApplyPlan, outcome: ApplyOutcome) -> int:
    """Says what became of each step, and the error. The exit code."""
    if outcome.interrupted:
        say(stream=sys.stderr)  # below the terminal's ^C
    for step in outcome.applied:
        _print_row("applied", step)
    for failure in outcome.failed:
        _print_row("failed", failure.step, f": {failure.reason}")
    for step in outcome.not_reached:
        _print_row("not reached", step)
    error = _error(plan, outcome)
    print_error(error)
    return 128 + outcome.interrupted if outcome.interrupted else error.code


def _print_row(state: str, step: ApplyStep, reason: str = "") -> None:
    name = shell(*[step.path] if step.path else step.command)
    say(f"  {state:<11}  {name}{reason}", stream=sys.stderr)


def _error(plan: ApplyPlan, outcome: ApplyOutcome) -> CallFailed:
    rest = [failure.step for failure in outcome.failed] + outcome.not_reached
    paths = [from_here(step.path, plan.top) for step in rest if step.path]
    hint = shell("git", "ekf", "apply", *paths)
    if outcome.interrupted:
        reason = "interrupted"
        if not rest:
            hint = _tag_command(plan, "CONTEXT", [])
    elif outcome.changed:
        reason, hint = (
            f"this repository changed while the tool ran: {outcome.changed}",
            "git status",
        )
    elif outcome.failed[0].hint:
        reason, hint = f"the deploy tool {outcome.failed[0].reason}", outcome.failed[0].hint
    elif len(outcome.failed) > 1:
        reason = f"{len(outcome.failed)} of {counted(len(plan.steps), 'path')} failed"
    else:
        first = outcome.failed[0]
        name = shell(first.step.path) if first.step.path else "the deploy tool"
        reason = f"{name} {first.reason}"
    return CallFailed(f"{reason}; nothing was recorded", hint)
