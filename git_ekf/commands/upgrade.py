"""git ekf upgrade: the configuration commits to the next release channel."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from git_ekf.commands.upgrade_or_sync import Request, run, with_request
from git_ekf.declared import Argument, Option
from git_ekf.upgrade import target as targets


@with_request
def upgrade(
    request: Request,
    release: Annotated[
        str | None,
        Argument(
            metavar="[X.Y]",
            help="The release to go to; the next one without it.",
            show_default=False,
        ),
    ] = None,
    migrate_squash: Annotated[
        bool,
        Option(
            "--migrate-squash",
            help="Migrate only the final state, and carry the configuration over as one commit.",
        ),
    ] = False,
) -> int:
    """Carry the configuration commits to the next release channel, on a new branch; the old
    one stays.
    """
    find = partial(targets.upgrade, release=release, flatten=request.flatten)
    return run("upgrade", find, request, release=release, squash=migrate_squash)
