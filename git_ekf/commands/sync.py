"""git ekf sync: the configuration commits onto newer commits of the same channel."""

from __future__ import annotations

import typer

from git_ekf.commands import upgrade_or_sync
from git_ekf.commands.upgrade_or_sync import (
    Abort,
    Continue,
    Flatten,
    NoBuild,
    NoFetch,
    NoSaveCheck,
    PlanJson,
    PlanOnly,
    Prefer,
    RangeDiff,
    Skip,
    Verify,
)
from git_ekf.upgrade import target as targets


def sync(
    plan: PlanOnly = False,
    json: PlanJson = False,
    proceed: Continue = False,
    skip: Skip = False,
    abort: Abort = False,
    prefer: Prefer = None,
    flatten: Flatten = False,
    no_fetch: NoFetch = False,
    no_save_check: NoSaveCheck = False,
    verify: Verify = "",
    no_build: NoBuild = False,
    range_diff: RangeDiff = False,
) -> None:
    """Put the configuration commits on the newest commit of the channel that the branch follows."""
    then = upgrade_or_sync.afterwards(verify, range_diff, no_build)
    code = upgrade_or_sync.going_on("sync", proceed, skip, abort, then)
    if code is None:
        chosen = upgrade_or_sync.options(prefer, flatten)
        code = upgrade_or_sync.begin(
            targets.sync,
            chosen,
            then,
            plan=plan,
            json=json,
            fetch=not no_fetch,
            save_check=not no_save_check,
        )
    raise typer.Exit(code)
