"""git ekf apply: the deploy tool, path by path."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from git_ekf.commands.options import Field, Message
from git_ekf.commands.recovered import recovered
from git_ekf.deploy import apply as work
from git_ekf.deploy.apply import ApplyOutcome, ApplyPlan, ApplyStep
from git_ekf.deploy.write import parse_field, tag, today
from git_ekf.errors import DONE, CallFailed, EkfError, UsageError
from git_ekf.record import write
from git_ekf.repository import Repository
from git_ekf.terminal.screen import print_error
from git_ekf.terminal.text import counted, escape, say
from git_ekf.trust import quoted


def apply(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="What to apply; by default apply.paths."),
    ] = None,
    message: Message = None,
    field: Field = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="After a failure, go on with the next path.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Print the commands, and run none.")
    ] = False,
) -> int:
    """Run the deploy tool on a clean tree, path by path; with -m, record it."""
    fields = [parse_field(text) for text in field or []]
    if fields and message is None:
        raise UsageError(
            "--field is for the record, which only -m writes", "git ekf apply -m CONTEXT"
        )
    context = "\n\n".join(message).strip() if message is not None else None
    repo = recovered()
    plan = work.plan(repo, paths or [])
    if context is not None:
        work.record(repo, plan, today(repo), context, fields)
    if dry_run:
        for step in plan.steps:
            say(quoted(step.command))
        return DONE
    report = work.run(repo, plan, _announce, keep_going=keep_going)
    if not report.complete:
        return _failed(plan, report)
    recorded = _record(repo, plan, context, fields) if context is not None else ""
    say(f"Applied {_what(plan)} of {plan.branch} at {plan.commit[:7]}")
    if recorded:
        say(f"Recorded {recorded}")
        say("Next: git ekf save")
    else:
        say(f"Next: {_how_to_record(plan, 'CONTEXT', [])}")
    return DONE


def _announce(step: ApplyStep) -> None:
    # To stderr: the tool's own output may be somebody's input.
    print(
        f"Applying{' ' + quoted([step.path]) if step.path else ''}: {quoted(step.command)}",
        file=sys.stderr,
        flush=True,
    )


def _record(repo: Repository, plan: ApplyPlan, context: str, fields: list[tuple[str, str]]) -> str:
    """The name of the record written. Raises CallFailed: by now, "nothing was changed" is not true any more."""
    try:
        record = work.record(repo, plan, today(repo), context, fields)
        return str(tag(repo, plan.branch, record.get("Date") or "", write(record)))
    except EkfError as error:
        raise CallFailed(
            f"{_what(plan)} applied, but not recorded: {error.message}",
            _how_to_record(plan, context, fields),
        ) from None


def _how_to_record(plan: ApplyPlan, context: str, fields: list[tuple[str, str]]) -> str:
    options = [
        word
        for name, value in [*fields, *work.paths_field(plan.steps)]
        for word in ("--field", f"{name}={value}")
    ]
    return quoted(["git", "ekf", "tag", "-m", context, *options])


def _what(plan: ApplyPlan) -> str:
    return counted(len(plan.steps), "path") if plan.steps[0].path else "everything"


def _failed(plan: ApplyPlan, report: ApplyOutcome) -> int:
    rows = [("applied", step, "") for step in report.applied]
    rows += [("failed", failure.step, failure.reason) for failure in report.failed]
    rows += [("not reached", step, "") for step in report.not_reached]
    if report.interrupted:
        print(file=sys.stderr)  # behind the terminal's ^C
    for state, step, reason in rows:
        name = quoted([step.path]) if step.path else quoted(step.command)
        print(f"  {state:<11}  {name}{': ' if reason else ''}{escape(reason)}", file=sys.stderr)
    error = _error(plan, report)
    print_error(error)
    return 128 + report.interrupted if report.interrupted else error.code


def _error(plan: ApplyPlan, report: ApplyOutcome) -> EkfError:
    rest = [failure.step for failure in report.failed] + report.not_reached
    again = quoted(
        ["git", "ekf", "apply", *(_from_here(step.path, plan.top) for step in rest if step.path)]
    )
    if report.interrupted:
        how = again if rest else _how_to_record(plan, "CONTEXT", [])
        return CallFailed("interrupted; nothing was recorded", how)
    if report.changed:
        return CallFailed(
            f"this repository changed while the tool ran: {report.changed}; nothing was recorded",
            "git status",
        )
    first = report.failed[0]
    if first.hint:
        return CallFailed(f"the deploy tool {first.reason}; nothing was recorded", first.hint)
    if len(report.failed) > 1:
        return CallFailed(
            f"{len(report.failed)} of {counted(len(plan.steps), 'path')} failed; nothing was recorded",
            again,
        )
    name = quoted([first.step.path]) if first.step.path else "the deploy tool"
    return CallFailed(f"{name} {first.reason}; nothing was recorded", again)


def _from_here(path: str, top: str) -> str:
    relative = os.path.relpath(os.path.join(top, path), os.getcwd())
    return f"./{relative}" if relative.startswith("-") else relative
