"""git ekf upgrade: the configuration commits to the next release channel."""

from __future__ import annotations

from typing import Annotated

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


def upgrade(
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="[X.Y]",
            help="The release to go to; the next one without it.",
            show_default=False,
        ),
    ] = None,
    plan: PlanOnly = False,
    json: PlanJson = False,
    proceed: Continue = False,
    skip: Skip = False,
    abort: Abort = False,
    prefer: Prefer = None,
    flatten: Flatten = False,
    migrate_squash: Annotated[
        bool,
        typer.Option(
            "--migrate-squash",
            help="Migrate only the final state, and carry the configuration over as one commit.",
        ),
    ] = False,
    no_fetch: NoFetch = False,
    no_save_check: NoSaveCheck = False,
    verify: Verify = "",
    no_build: NoBuild = False,
    range_diff: RangeDiff = False,
) -> None:
    """Carry the configuration commits to the next release channel, on a new branch; the old one stays."""
    then = upgrade_or_sync.afterwards(verify, range_diff, no_build)
    code = upgrade_or_sync.going_on("upgrade", proceed, skip, abort, then)
    if code is None:
        chosen = upgrade_or_sync.options(prefer, flatten, migrate_squash)
        code = upgrade_or_sync.begin(
            lambda repo: targets.upgrade(repo, release),
            chosen,
            then,
            plan=plan,
            json=json,
            fetch=not no_fetch,
            save_check=not no_save_check,
        )
    raise typer.Exit(code)
