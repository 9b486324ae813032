"""git ekf drift: where the live cluster differs from its deploy record."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

from git_ekf.commands.options import Json
from git_ekf.commands.output.drift import announce, failed, print_compared, print_notes
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Argument, Option
from git_ekf.deploy.drift import Compared, DriftPlan, compare, plan
from git_ekf.errors import DONE, FINDINGS, UsageError
from git_ekf.terminal.screen import paged
from git_ekf.terminal.text import document, say


def drift(
    paths: Annotated[
        list[str] | None,
        Argument(metavar="[PATH]...", help="What to compare; by default all that was applied."),
    ] = None,
    patch: Annotated[
        bool, Option("-p", "--patch", help="Show also how each resource differs.")
    ] = False,
    json: Json = False,
) -> int:
    """Show where the live cluster differs from its deploy record."""
    if patch and json:
        raise UsageError("--patch and --json exclude each other", "git ekf drift -h")
    repo = with_records()
    planned = plan(repo, paths or [])
    if not json:
        print_notes(planned)
    quiet = (lambda step: None) if json else announce
    compared = compare(repo, planned, quiet, keep_text=patch)
    if json:
        print(document("drift", _as_json(planned, compared)))
    else:
        with paged() if patch else nullcontext():
            say(f"The cluster, compared with {planned.name} ({planned.commit[:7]})")
            for one in compared:
                print_compared(one, patch=patch)
    error = failed(repo, compared)
    if error:
        raise error
    return FINDINGS if any(one.differs for one in compared) else DONE


def _as_json(planned: DriftPlan, compared: list[Compared]) -> dict[str, object]:
    return {
        "record": {"name": planned.name, "branch": planned.branch, "commit": planned.commit},
        "paths": [_path_json(one) for one in compared],
        "left_out": planned.left_out,
        "ignored": planned.ignored,
    }


def _path_json(one: Compared) -> dict[str, object]:
    resources = [{**found.resource._asdict(), "change": found.change} for found in one.text.found]
    return {
        "path": one.path or None,
        "differs": one.differs,
        "resources": resources,
        "more": one.text.more,
        "unread": one.text.unread,
        "failure": one.failure or None,
    }
