"""git ekf upgrade: the configuration commits to the next release channel."""

from __future__ import annotations

from typing import Annotated

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


def upgrade(
    release: Annotated[
        str, typer.Argument(metavar="[X.Y]", help="The release to go to; the next one without it.", show_default=False)
    ] = "",
    plan: PlanOnly = False,
    json: PlanJson = False,
    proceed: Continue = False,
    skip: Skip = False,
    abort: Abort = False,
    prefer: Prefer = None,
    flatten: Flatten = False,
    migrate_squash: Annotated[
        bool, typer.Option("--migrate-squash", help="Migrate only the final state, and carry the configuration over as one commit.")
    ] = False,
    no_fetch: NoFetch = False,
    no_save_check: NoSaveCheck = False,
    verify: Verify = "",
    no_build: NoBuild = False,
    range_diff: RangeDiff = False,
) -> None:
    """Carry the configuration commits to the next release channel, on a new branch; the old one stays."""
    then = carrying.afterwards(verify, range_diff, no_build)
    code = carrying.going_on("upgrade", proceed, skip, abort, then)
    if code is None:
        chosen = carrying.options(prefer, flatten, migrate_squash)
        repo = Repository() if plan or json else settled()
        targets.branch_here(repo)
        if not no_fetch:
            targets.fetch(repo)
            repo = Repository()
        target = targets.upgrade(repo, release)
        if plan or json:
            code = carrying.show_plan(repo, target, chosen, json=json)
        else:
            code = carrying.run(repo, target, chosen, then, save_check=not no_save_check)
    raise typer.Exit(code)
