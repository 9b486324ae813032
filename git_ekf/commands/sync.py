"""git ekf sync: the configuration commits onto newer commits of the same channel."""

from __future__ import annotations

import typer

from git_ekf import target as targets
from git_ekf.commands import carrying
from git_ekf.commands.carrying import (
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
from git_ekf.commands.settled import settled
from git_ekf.repository import Repository


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
    then = carrying.afterwards(verify, range_diff, no_build)
    code = carrying.going_on("sync", proceed, skip, abort, then)
    if code is None:
        chosen = carrying.options(prefer, flatten)
        repo = Repository() if plan or json else settled()
        targets.branch_here(repo)
        if not no_fetch:
            targets.fetch(repo)
            repo = Repository()
        target = targets.sync(repo)
        if plan or json:
            code = carrying.show_plan(repo, target, chosen, json=json)
        else:
            code = carrying.run(repo, target, chosen, then, save_check=not no_save_check)
    raise typer.Exit(code)
